"""Log in and query through pg8000."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from heartline.model import Credential, Server
from heartline.probe.faults import (
    AuthUnsupportedError,
    ClearTextError,
    PasswordMissingError,
    ProtocolFaultError,
)
from heartline.probe.fingerprint import FINGERPRINT, NOTHING, read_server
from heartline.probe.stream import PlainSocket, TlsSocket

# PostgreSQL documentation, 54.7 Message Formats: the codes of an authentication request.
_OK, _CLEAR_TEXT, _MD5, _SASL, _SASL_CONTINUE, _SASL_FINAL = 0, 3, 5, 10, 11, 12
# The default of scram_iterations is 4096; a hostile server could ask for two billion, which is an hour.
_MOST_SCRAM_ITERATIONS = 1_000_000
# SQLSTATE class 57, operator intervention: the session is gone, a second question would only hide why.
_GOING_DOWN = "57"


class Session(Connection):  # type: ignore[misc]
    """Log in as pg8000 does, but refuse what gives a password away or never ends."""

    def __init__(self, sock: PlainSocket | TlsSocket, credential: Credential, *, verified: bool) -> None:
        """Log in over a socket that is connected and, where asked for, secured.

        Raises
        ------
        Exception
            Whatever pg8000 makes of what the peer sends; `diagnosis` tells them apart.
        """
        self._verified = verified
        self._admitted = False
        self._unproven = False
        self._reported: Exception | None = None
        endpoint = credential.endpoint
        super().__init__(
            endpoint.user,
            host=endpoint.host,
            database=endpoint.database,
            password=credential.password,
            ssl_context=False,
            application_name="heartline",
            sock=sock,
        )
        if not self._admitted:
            raise ProtocolFaultError("ready for a query without having let anyone in")

    def handle_AUTHENTICATION_REQUEST(self, data: bytes, context: Any) -> None:  # noqa: ANN401, N802 - pg8000's
        """Look at what the server asks for before pg8000 answers it."""
        code = struct.unpack_from("!i", data)[0]
        if code not in {_OK, _CLEAR_TEXT, _MD5, _SASL, _SASL_CONTINUE, _SASL_FINAL}:
            raise AuthUnsupportedError("an authentication method that the monitor does not have")
        if code in {_CLEAR_TEXT, _MD5, _SASL} and self.password is None:
            raise PasswordMissingError("the server asks for a password")
        if code == _CLEAR_TEXT and not self._verified:
            raise ClearTextError("the server asks for the password in clear text")
        if code == _SASL_CONTINUE and _iterations(data[4:]) > _MOST_SCRAM_ITERATIONS:
            raise ProtocolFaultError("an impossible number of SCRAM iterations")
        super().handle_AUTHENTICATION_REQUEST(data, context)
        if code in {_SASL, _SASL_FINAL}:
            self._unproven = code == _SASL
        if code == _OK and self._unproven:
            raise ProtocolFaultError("let in without the server's own proof that SCRAM ends with")
        self._admitted = code == _OK

    def handle_ERROR_RESPONSE(self, data: bytes, context: Any) -> None:  # noqa: ANN401, N802 - pg8000's
        """Keep what the server reports: pg8000 forgets it when the server then closes."""
        super().handle_ERROR_RESPONSE(data, context)
        self._reported = context.error

    def ask(self, query: str | None, seconds: float) -> Server:
        """Query the server and tell what it says of itself.

        Parameters
        ----------
        query
            The user's own; without one it is Heartline's, whose answer is the fingerprint.
        seconds
            When the server is to give a query of the user's own up: nobody waits for it after that.
        """
        try:
            answer = self._fingerprint() if query is None else self._own(query, seconds)
        except Exception as error:
            if self._reported is None or isinstance(error, DatabaseError):
                raise
            raise self._reported from error
        return read_server(self.parameter_statuses, answer)

    def _own(self, query: str, seconds: float) -> Sequence[object]:
        # LOCAL, in the one transaction that a simple query is: nothing stays behind in a pooler's session.
        self.run(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}; {query}")
        return NOTHING

    def _fingerprint(self) -> Sequence[object]:
        """Ask for all at once; poolers and relatives of PostgreSQL that lack a part of it are asked for nothing."""
        try:
            (answer,) = self.run(FINGERPRINT)
        except DatabaseError as error:
            if _sqlstate(error).startswith(_GOING_DOWN):
                raise
            self._reported = None
        else:
            return tuple(answer)
        if self.run("SELECT 1") != [[1]]:
            raise ProtocolFaultError("not the answer to SELECT 1")
        return NOTHING

    def close(self) -> None:
        """End the session, whatever state it is in."""
        with suppress(Exception):
            super().close()


def _iterations(message: bytes) -> int:
    """Read the iteration count out of a server's first message (RFC 5802, 5.1)."""
    for attribute in message.split(b","):
        if attribute.startswith(b"i="):
            return int(attribute[2:])
    return 0


def _sqlstate(error: DatabaseError) -> str:
    report = error.args[0] if error.args else {}
    return str(report.get("C", "")) if isinstance(report, dict) else ""
