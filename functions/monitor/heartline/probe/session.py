"""Log in and query through pg8000."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from pg8000.core import Context
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from heartline.common.deadline import Deadline
from heartline.model.observation import Gauges, Server
from heartline.model.target import Credential
from heartline.probe.errors import AuthUnsupportedError, ClearTextError, PasswordMissingError, ProtocolFaultError
from heartline.probe.fingerprint import NOTHING, PARAMETERS, fingerprint_queries, read_server
from heartline.probe.gauges import read_gauges
from heartline.probe.scram import Scram, iterations_of
from heartline.probe.stream import PlainSocket, TlsSocket

# PostgreSQL documentation, 54.7 Message Formats: the codes of an authentication request.
_OK, _CLEAR_TEXT, _MD5, _SASL, _SASL_CONTINUE, _SASL_FINAL = 0, 3, 5, 10, 11, 12
# The default of scram_iterations is 4096; a hostile server could ask for two billion, which is an hour. A third
# of a processor makes twice as many a second as this.
_SCRAM_ITERATIONS_PER_SECOND = 500_000
# More than the longest text that an expectation has, in bytes.
_MAX_VALUE = 4096
# SQLSTATE class 57, operator intervention: the session is gone, and a second query would only hide why.
_GOING_DOWN = "57"


class Result(NamedTuple):
    """What is kept of the result of a user's own query: how many rows it had, and the first value of the first."""

    rows: int = 0
    first: str | None = None


class Session(Connection):  # type: ignore[misc]
    """A connection of pg8000 that refuses what would reveal a password or never end."""

    def __init__(
        self, sock: PlainSocket | TlsSocket, credential: Credential, deadline: Deadline, *, verified: bool
    ) -> None:
        """Log in over a socket that is connected and, if TLS is required, secured.

        Raises
        ------
        Exception
            Whatever pg8000 makes of what the peer sends; `diagnosis` classifies it.
        """
        self._deadline = deadline
        self._verified = verified
        self._discarding = False
        self.result = Result()
        self._admitted = False
        self._credential = credential
        self._scram: Scram | None = None
        self._reported: Exception | None = None
        endpoint = credential.endpoint
        super().__init__(
            endpoint.user,
            host=endpoint.host,
            database=endpoint.database,
            password=credential.password,
            ssl_context=False,
            application_name="heartline",
            # Else a server speaks to a client as its database is encoded, and takes queries as that too.
            startup_params={"client_encoding": "UTF8"},
            sock=sock,
        )
        if not self._admitted:
            raise ProtocolFaultError("ready for a query without having let anyone in")

    def handle_AUTHENTICATION_REQUEST(self, data: bytes, context: Context) -> None:  # noqa: N802 - pg8000's
        """Check what the server asks for before pg8000 answers it."""
        code = struct.unpack_from("!i", data)[0]
        if code not in {_OK, _CLEAR_TEXT, _MD5, _SASL, _SASL_CONTINUE, _SASL_FINAL}:
            raise AuthUnsupportedError("an authentication method that the monitor does not have")
        if code in {_CLEAR_TEXT, _MD5, _SASL} and self.password is None:
            raise PasswordMissingError("the server asks for a password")
        if code == _CLEAR_TEXT and not self._verified:
            raise ClearTextError("the server asks for the password in clear text")
        if code in {_SASL, _SASL_CONTINUE, _SASL_FINAL}:
            self._exchange(code, data[4:])
        else:
            super().handle_AUTHENTICATION_REQUEST(data, context)
        if code == _OK and self._scram and not self._scram.proven:
            raise ProtocolFaultError("let in without the server's own proof that SCRAM ends with")
        self._admitted = code == _OK

    def _exchange(self, code: int, data: bytes) -> None:
        """Take one step of SCRAM, which has its own bounds on what a server may ask for."""
        if code == _SASL:
            shown = self._usock.getpeercert(binary_form=True) if isinstance(self._usock, TlsSocket) else None
            self._scram = Scram(data.split(b"\0"), self._credential.password or "", shown)
            first = self._scram.first
            self._send(self._scram.mechanism + b"\0" + struct.pack("!i", len(first)) + first)
        elif self._scram is None:
            raise ProtocolFaultError("a step of SCRAM without the first")
        elif code == _SASL_FINAL:
            self._scram.prove(data)
        elif iterations_of(data) > self._deadline.left() * _SCRAM_ITERATIONS_PER_SECOND:
            raise ProtocolFaultError("more SCRAM iterations than there is time for")
        else:
            self._send(self._scram.answer(data))

    def _send(self, answer: bytes) -> None:
        self._send_message(b"p", answer)
        self._sock.flush()

    def handle_PARAMETER_STATUS(self, data: bytes, context: Context) -> None:  # noqa: ARG002, N802 - pg8000's
        """Record what is read later, and let the server choose no encoding: some of Python's take quadratic time."""
        name, _, value = data.rstrip(b"\0").partition(b"\0")
        if name in PARAMETERS:
            self.parameter_statuses[name.decode()] = value.decode("utf-8", "replace")

    def handle_ROW_DESCRIPTION(self, data: bytes, context: Context) -> None:  # noqa: N802 - pg8000's
        """Read every value as text: pg8000's conversions can be made to take seconds."""
        self.result = Result()
        if not self._discarding:
            super().handle_ROW_DESCRIPTION(data, context)
            context.input_funcs = [str] * len(context.columns)

    def handle_DATA_ROW(self, data: bytes, context: Context) -> None:  # noqa: N802 - pg8000's
        """Refuse a row whose values overlap: few bytes would become many. Of a user's own query count them."""
        if self._discarding:
            rows, first = self.result
            self.result = Result(rows + 1, first if rows else _first_value(data))
            return
        place = 2
        for _ in context.input_funcs:
            size = struct.unpack_from("!i", data, place)[0]
            if size < -1:
                raise ProtocolFaultError("a value of an impossible length")
            place += 4 + max(size, 0)
        super().handle_DATA_ROW(data, context)

    def handle_ERROR_RESPONSE(self, data: bytes, context: Context) -> None:  # noqa: N802 - pg8000's
        """Keep the error that the server reports: pg8000 loses it when the server then closes, and assumes UTF-8."""
        context.error = self._reported = DatabaseError(_report(data))

    def ask(self, query: str | None) -> tuple[Server, Gauges]:
        """Query the server and return what it reports of itself, and of its limits.

        Parameters
        ----------
        query
            The user's own, of whose answer `result` is kept; None for the fingerprint.
        """
        try:
            answer = self._fingerprint() if query is None else self._own(query)
        except Exception as error:
            if self._reported is None or isinstance(error, DatabaseError):
                raise
            raise self._reported from error
        return read_server(self.parameter_statuses, answer), read_gauges(self.parameter_statuses, answer)

    def _own(self, query: str) -> Sequence[object]:
        self._discarding = True
        # Nobody waits for it after the deadline. LOCAL, in the one transaction that a simple query is, leaves nothing
        # in a pooler's session.
        self.run(f"SET LOCAL statement_timeout = {max(1, int(self._deadline.remaining() * 1000))}; {query}")
        return NOTHING

    def _fingerprint(self) -> Sequence[object]:
        """Query the fingerprint, older if need be; poolers and relatives of PostgreSQL get a plain SELECT 1."""
        for query in fingerprint_queries(self.parameter_statuses):
            try:
                (answer,) = self.run(query)
            except DatabaseError as error:
                if _sqlstate(error).startswith(_GOING_DOWN):
                    raise
                self._reported = None
            else:
                return tuple(answer)
        if self.run("SELECT 1") != [["1"]]:
            raise ProtocolFaultError("not the answer to SELECT 1")
        return NOTHING

    def close(self) -> None:
        """Close the session, whatever state it is in."""
        with suppress(Exception):
            super().close()


def _first_value(row: bytes) -> str | None:
    """Return as much of a row's first value as anything is compared with; None where it is NULL, or there is none."""
    if struct.unpack_from("!h", row)[0] < 1 or (size := struct.unpack_from("!i", row, 2)[0]) < 0:
        return None
    return row[6 : 6 + min(size, _MAX_VALUE)].decode("utf-8", "replace")


def _report(data: bytes) -> dict[str, str]:
    """Read the fields of an error, by their types (PostgreSQL documentation, 54.8 Error and Notice Message Fields)."""
    fields = {field[:1].decode("ascii", "replace"): field[1:] for field in data.split(b"\0") if field}
    return {kind: text for kind, value in fields.items() if (text := _text(value)) is not None}


def _text(said: bytes) -> str | None:
    try:
        return said.decode()
    except UnicodeDecodeError:
        from heartline.probe.encodings import decode  # noqa: PLC0415 - a healthy probe does not need it

        return decode(said)


def _sqlstate(error: DatabaseError) -> str:
    report = error.args[0] if error.args else {}
    return str(report.get("C", "")) if isinstance(report, dict) else ""
