"""The errors of transport and session for which Python has no type of its own."""


class ProbeFaultError(Exception):
    """The base of what a peer did wrong; `diagnosis` classifies by subclass."""


class ResolveTimeoutError(ProbeFaultError):
    """The name service did not answer within the deadline."""


class TlsRefusedError(ProbeFaultError):
    """The server offers no TLS where it is required."""


class ClosedError(ProbeFaultError):
    """The server closed the connection before the session was over."""


class ProtocolFaultError(ProbeFaultError):
    """The peer does not speak PostgreSQL, or sends more than a probe will read."""


class PasswordMissingError(ProbeFaultError):
    """The server asks for a password and none is configured."""


class AuthUnsupportedError(ProbeFaultError):
    """The server asks for an authentication method that the monitor does not support."""


class ClearTextError(ProbeFaultError):
    """The server asks for the password in clear text over a connection that is not verified."""


class ReadOnlyError(ProbeFaultError):
    """The server is read-only where a primary is expected."""


class PrimaryError(ProbeFaultError):
    """The server is a primary where a standby is expected."""


class UnexpectedError(ProbeFaultError):
    """The result of the target's query is not what it must be."""

    def __init__(self, rows: int, value: str | None) -> None:
        """Keep how many rows there were, and the first value; a result without rows has none."""
        super().__init__("not the result that is expected")
        self.rows = rows
        self.said = ("NULL" if value is None else value) if rows else None


class ClientCertificateError(ProbeFaultError):
    """The server wants a certificate of the client and accepts none of this one's."""


class ClientCertificateUnusableError(ProbeFaultError):
    """What is configured as the client's certificate is none, or has no key."""
