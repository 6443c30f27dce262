"""Keep unit tests off the network, and free of a slow machine's timing."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# On top of hypothesis's own choice: where the variable CI is set, it runs the same examples each time; elsewhere new
# ones, and it keeps those that failed.
settings.register_profile(
    "unit", settings.default, max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unit")


@pytest.fixture(scope="module", autouse=True)
def _no_sockets() -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise AssertionError("a unit test uses the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield
