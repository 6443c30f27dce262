"""Environments of the function with another document of targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.peers import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable

AT_ONCE = {"timeout": 1, "confirmations": 0, "confirm_after": 0}  # the first failed probe is the verdict


def watching(environment: dict[str, str], **keys: float) -> dict[str, str]:
    """Let the target "demo" have these keys, and else be quick to decide."""
    place = environment["TARGETS"].partition("timeout")[0]
    return environment | {"TARGETS": place + _lines(keys)}


def fleet(environment: dict[str, str], names: Iterable[str], port: int, **keys: float) -> dict[str, str]:
    """Let there be targets of these names instead, all at one port of this machine, quick to decide."""
    place = f'host = "{HOST}"\nport = {port}\nuser = "heartline"\ntls = "disable"\n' + _lines(keys)
    return environment | {"TARGETS": "".join(f'[[targets]]\nname = "{name}"\n{place}' for name in names)}


def _lines(keys: dict[str, float]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in (AT_ONCE | keys).items())
