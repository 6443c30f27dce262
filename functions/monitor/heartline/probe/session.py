"""Log in and query through pg8000."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

from pg8000.native import Connection

from heartline.model import Credential, Server
from heartline.probe.faults import (
    AuthUnsupportedError,
    ClearTextError,
    PasswordMissingError,
    ProtocolFaultError,
)
from heartline.probe.stream import PlainSocket, TlsSocket
from heartline.text import tame

# PostgreSQL documentation, 54.7 Message Formats: the codes of an authentication request.
_OK, _CLEAR_TEXT, _MD5, _SASL, _SASL_CONTINUE, _SASL_FINAL = 0, 3, 5, 10, 11, 12
# The default of scram_iterations is 4096; a hostile server could ask for two billion, which is an hour.
_MOST_SCRAM_ITERATIONS = 1_000_000


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

    def ask(self) -> Server:
        """Query the server and tell what it says of itself."""
        self.run("SELECT 1")
        said = self.parameter_statuses
        return Server(
            version=tame(said.get("server_version", ""), 64) or None,
            standby=_flag(said.get("in_hot_standby")),
            read_only=_flag(said.get("default_transaction_read_only")),
        )

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


def _flag(value: str | None) -> bool | None:
    return {"on": True, "off": False}.get(value or "")
