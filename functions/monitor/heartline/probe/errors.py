"""Name by type what the transport and the session find wrong, where Python has no type for it."""


class ProbeFaultError(Exception):
    """Report what a peer did, to be told apart by type."""


class ResolveTimeoutError(ProbeFaultError):
    """The name service did not answer within the deadline."""


class TlsRefusedError(ProbeFaultError):
    """The server offers no TLS where it is required."""


class ClosedError(ProbeFaultError):
    """The server closed the connection in mid-talk."""


class ProtocolFaultError(ProbeFaultError):
    """The peer does not speak PostgreSQL, or sends more than a probe will read."""


class PasswordMissingError(ProbeFaultError):
    """The server asks for a password and none is configured."""


class AuthUnsupportedError(ProbeFaultError):
    """The server asks for a way to log in that the monitor does not have."""


class ClearTextError(ProbeFaultError):
    """The server asks for the password in clear text over a connection that is not verified."""


class ReadOnlyError(ProbeFaultError):
    """The server lets nobody write where a primary is expected."""


class PrimaryError(ProbeFaultError):
    """The server is a primary where a standby is expected."""
