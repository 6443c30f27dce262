"""Read and write a connected socket under one deadline and one byte budget."""

from __future__ import annotations

import socket
import ssl
import struct

from heartline.deadline import Deadline
from heartline.probe.faults import ClosedError, ProtocolFaultError

# A healthy login and query take some hundred bytes to a few KiB; nothing that is PostgreSQL needs more.
BYTE_BUDGET = 1 << 20
_BLOCK = 1 << 14


class Stream:
    """Serve pg8000 as its file object, bounding every wait and every byte.

    pg8000 trusts the lengths that a server announces and waits anew for each read; this is the one
    place that it reads through, so that neither can be abused.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self._budget = BYTE_BUDGET
        self._received = bytearray()
        self._unsent = bytearray()

    def read(self, size: int) -> bytes:
        """Give exactly `size` bytes.

        Raises
        ------
        ClosedError
            When the server closes before that.
        ProtocolFaultError
            When that is more than the budget leaves, or less than nothing.
        TimeoutError
            When the deadline passes.
        """
        if not 0 <= size <= self._budget:
            raise ProtocolFaultError("a message of an impossible length")
        self._budget -= size
        while len(self._received) < size:
            self._sock.settimeout(self._deadline.remaining())
            block = self._sock.recv(_BLOCK)
            if not block:
                raise ClosedError("closed by the server")
            self._received += block
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def write(self, data: bytes) -> None:
        """Keep the bytes until the next flush."""
        self._unsent += data

    def flush(self) -> None:
        """Send what was written.

        Raises
        ------
        OSError
            When the connection is gone, or the deadline passes.
        """
        self._sock.settimeout(self._deadline.remaining())
        self._sock.sendall(self._unsent)
        self._unsent.clear()


class PlainSocket(socket.socket):
    """Hand pg8000 the bounded stream where it asks for a file."""

    stream: Stream

    def makefile(self, *_: object, **__: object) -> Stream:  # type: ignore[override]
        """Give the bounded stream, whatever mode is asked for."""
        return self.stream


class TlsSocket(ssl.SSLSocket):
    """Hand pg8000 the bounded stream where it asks for a file, and still its channel binding."""

    stream: Stream

    def makefile(self, *_: object, **__: object) -> Stream:  # type: ignore[override]
        """Give the bounded stream, whatever mode is asked for."""
        return self.stream


# PostgreSQL documentation, 54.7 Message Formats: SSLRequest is its length, 8, and the code 80877103.
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
