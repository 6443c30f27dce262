"""Keep unit tests off the network, and free of a slow machine's timing."""

from __future__ import annotations

import re
import socket
from threading import current_thread
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# On top of hypothesis's own choice: where the variable CI is set, it runs the same examples each time; elsewhere new
# ones, and it keeps those that failed.
settings.register_profile(
    "unit", settings.default, max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unit")


@pytest.fixture(scope="module", autouse=True)
def _no_sockets() -> Iterator[None]:
    def refuse(*_: object) -> None:
        # A front of the integration tests lives as long as the session, and a stray client may still knock at it.
        if current_thread().name.endswith("(_serve)"):
            raise ConnectionRefusedError
        raise AssertionError("a unit test uses the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


def page(html: str) -> ET.Element:
    """Read a page more strictly than any mail program: as XML, once what HTML leaves open is closed."""
    assert html.startswith("<!doctype html>")
    closed = re.sub(r"(<(?:meta|wbr|br)\b[^<>]*)>", r"\1/>", html.removeprefix("<!doctype html>"))
    return ET.fromstring(closed)  # noqa: S314 - it is our own, and all the better when it refuses


def shown(html: str) -> str:
    """Return all that a page shows, a line for each block: without what stands in the list of mails alone."""
    body = page(html).find("body")
    assert body is not None
    body.remove(body[0])
    blocks = [one for one in body.iter() if one.tag in {"p", "h1", "h2", "td", "th"}]
    outer = {one for one in blocks for below in [*one.iter()][1:] if below in blocks}
    return "\n".join("".join(one.itertext()) for one in blocks if one not in outer)


def squeezed(text: str) -> str:
    """Take out white space: where lines break is another question than what they say."""
    return "".join(text.split())


def declared(style: str) -> dict[str, str]:
    """Read the properties of an element's style."""
    pairs = (one.split(":", 1) for one in style.split(";") if ":" in one)
    return {name.strip(): value.strip() for name, value in pairs}
