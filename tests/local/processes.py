"""Processes that are frozen and killed as a family, and waits that have a limit."""

from __future__ import annotations

import ctypes
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LIMIT = 30.0  # seconds; no wait of the harness comes near it on a healthy machine


def wait_until(condition: Callable[[], bool], what: str, limit: float = LIMIT) -> None:
    """Wait for a condition.

    Raises
    ------
    TimeoutError
        After `limit` seconds, saying `what` was waited for.
    """
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit:g} s for {what}")
        time.sleep(0.005)


def freeze(parent: psutil.Process) -> list[psutil.Process]:
    """Stop a process and its children with SIGSTOP; return all of them once they stand still."""
    # First, and alone: once it is frozen it forks no child that the list below would miss.
    parent.suspend()
    wait_until(lambda: not _active(parent), "the parent process to freeze")
    children = parent.children(recursive=True)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.suspend()
    wait_until(lambda: not any(map(_active, children)), "the child processes to freeze")
    return [parent, *children]


def thaw(parent: psutil.Process) -> None:
    """Let a frozen process and its children go on."""
    for process in [*parent.children(recursive=True), parent]:
        with suppress(psutil.NoSuchProcess):
            process.resume()


def kill(family: Iterable[psutil.Process]) -> None:
    """Kill processes with SIGKILL; the caller still waits for its own child."""
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def alive(process: psutil.Process) -> bool:
    """Whether a process still runs or could."""
    # A zombie is dead: in a container without an init nobody may ever reap it.
    return bool(process.is_running()) and _status(process) != psutil.STATUS_ZOMBIE


def remove_shared_memory(segment: int) -> None:
    """Remove a System V segment as ipcrm does; one that is gone already is no error."""
    remove = 0  # IPC_RMID, on Linux and macOS
    ctypes.CDLL(None).shmctl(segment, remove, None)


def _active(process: psutil.Process) -> bool:
    return alive(process) and _status(process) != psutil.STATUS_STOPPED


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return str(psutil.STATUS_ZOMBIE)
