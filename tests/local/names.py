"""A name service in this process, which the C library asks for as long as a test says."""

from __future__ import annotations

import ctypes
import platform
import socket
import struct
from contextlib import contextmanager, suppress
from enum import IntEnum
from threading import Thread
from typing import TYPE_CHECKING, Any, Self
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOST = "127.0.0.1"
GLIBC = platform.libc_ver()[0] == "glibc"  # only there a thread can be given a name service of its own
A = 1  # a record with an IPv4 address


class Answer(IntEnum):
    """The codes of an answer (RFC 1035, 4.1.1), with this machine's address or without, or to give none."""

    SILENCE = -2
    ADDRESS = -1
    EMPTY = 0
    SERVFAIL = 2
    NXDOMAIN = 3
    REFUSED = 5


class NameServer:
    """Answer questions over UDP until the block ends.

    Parameters
    ----------
    answers
        What to answer for each name; of others it says that they do not exist.
    """

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.sendto(b"", (HOST, self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, sender = self._socket.recvfrom(512)
            if not question:
                return
            if answer := self._answer(question):
                with suppress(OSError):
                    self._socket.sendto(answer, sender)

    def _answer(self, question: bytes) -> bytes:
        name, end = _name(question)
        (kind,) = struct.unpack_from("!H", question, end)
        told = self._answers.get(name, Answer.NXDOMAIN)
        if told is Answer.SILENCE:
            return b""
        address = b"\xc0\x0c" + struct.pack("!HHIH", A, 1, 0, 4) + socket.inet_aton(HOST)
        records = [address] if told is Answer.ADDRESS and kind == A else []
        head = question[:2] + struct.pack("!HHHHH", 0x8180 | max(told, 0), 1, len(records), 0, 0)
        return head + question[12 : end + 4] + b"".join(records)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let the C library ask this server, by whatever thread, with a limit of one second and two attempts."""
        real = socket.getaddrinfo

        def getaddrinfo(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            _ask(self.port)
            try:
                return real(*arguments, **named)
            finally:
                ctypes.CDLL(None)["__res_init"]()  # the thread may go on after the test

        with patch.object(socket, "getaddrinfo", getaddrinfo):
            yield


def _name(question: bytes) -> tuple[str, int]:
    labels, place = [], 12
    while size := question[place]:
        labels.append(question[place + 1 : place + 1 + size].decode())
        place += 1 + size
    return ".".join(labels), place + 1


class _State(ctypes.Structure):
    """The beginning of glibc's resolver state of a thread: resolv/bits/types/res_state.h."""

    _fields_ = (
        ("retrans", ctypes.c_int),
        ("retry", ctypes.c_int),
        ("options", ctypes.c_ulong),
        ("nscount", ctypes.c_int),
        ("nsaddr", ctypes.c_ubyte * 16),
    )


def _ask(port: int) -> None:
    """Let this thread's resolver ask that port; glibc keeps what a program has changed there."""
    library = ctypes.CDLL(None)
    library["__res_init"]()
    state_of_thread = library["__res_state"]
    state_of_thread.restype = ctypes.POINTER(_State)
    state = state_of_thread().contents
    state.retrans, state.retry, state.nscount = 1, 2, 1
    address = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(HOST) + bytes(8)
    ctypes.memmove(state.nsaddr, address, len(address))
