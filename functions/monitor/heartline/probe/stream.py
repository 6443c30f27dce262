"""Read and write a connected socket under one deadline and one byte budget."""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import suppress

from heartline.common.deadline import Deadline
from heartline.probe.errors import ClosedError, ProtocolFaultError
from heartline.probe.slots import CPU_SLOTS

# A healthy login and query take some hundred bytes to a few KiB. pg8000 can make thirty times as much
# memory of hostile bytes (a row description of 50,000 columns), so this is the peer's share of a thirtieth.
BYTE_BUDGET = 1 << 18
_BLOCK = 1 << 14


class Stream:
    """The file object that pg8000 reads and writes, with every wait and every byte bounded.

    pg8000 trusts the lengths that a server announces and applies its timeout to each read alone; all its reads go
    through here, so that neither can be abused.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self._budget = BYTE_BUDGET
        self._received = b""
        self._taken = 0
        self._unsent = bytearray()

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes.

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
        end = self._taken + size
        if end > len(self._received):
            self._receive(size)
            end = size
        taken = self._received[self._taken : end]
        self._taken = end
        return taken

    def _receive(self, size: int) -> None:
        """Wait until that many bytes are received, not counting those that were taken."""
        blocks = [self._received[self._taken :]]
        missing = size - len(blocks[0])
        while missing > 0:
            self._sock.settimeout(self._deadline.remaining())
            with CPU_SLOTS.released():
                block = self._sock.recv(_BLOCK)
            if not block:
                raise ClosedError("closed by the server")
            blocks.append(block)
            missing -= len(block)
        self._received = b"".join(blocks)
        self._taken = 0

    def write(self, data: bytes) -> None:
        """Buffer the bytes until the next flush."""
        self._unsent += data

    def flush(self) -> None:
        """Send what was written; leave it to the next read to find out that the peer is gone.

        What the peer said before it closed is still to be read, an alert of TLS or an error of PostgreSQL, and says
        more than the failing write. libpq does the same (pqSendSome in src/interfaces/libpq/fe-misc.c).

        Raises
        ------
        OSError
            When the connection is broken otherwise, or the deadline passes.
        """
        self._sock.settimeout(self._deadline.remaining())
        with suppress(ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            self._sock.sendall(self._unsent)
        self._unsent.clear()


class PlainSocket(socket.socket):
    """A socket that gives pg8000 the bounded stream where it asks for a file."""

    stream: Stream

    def makefile(self, *_: object, **__: object) -> Stream:  # type: ignore[override]
        """Return the bounded stream, whatever mode is asked for."""
        return self.stream


class TlsSocket(ssl.SSLSocket):
    """A TLS socket that gives pg8000 the bounded stream where it asks for a file, and still its channel binding."""

    stream: Stream

    def makefile(self, *_: object, **__: object) -> Stream:  # type: ignore[override]
        """Return the bounded stream, whatever mode is asked for."""
        return self.stream


# PostgreSQL documentation, 54.7 Message Formats: SSLRequest is its length, 8, and the code 80877103.
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
