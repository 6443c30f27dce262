"""Show what became of a command, in the console's popup."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from heartline.commands.widget.html import Html, element
from heartline.commands.widget.style import styled
from heartline.commands.widget.viewer import Viewer
from heartline.common.codec import decode
from heartline.model.kinds import Kind, Phase
from heartline.model.observation import Failure


def answer_page(command: str, answer: Mapping[str, Any], now: datetime, viewer: Viewer) -> Html:
    """Return what a command answered."""
    if "error" in answer:
        return _page("down", viewer.text("widget.refused"), [element("p", str(answer["error"]))], viewer)
    if command == "probe":
        return _probed(answer, viewer)
    name = answer["name"]
    if command == "mute":
        until = datetime.fromisoformat(answer["muted_until"])
        title = viewer.text("widget.did_mute", target=name, at=viewer.clock(until, now))
    else:
        title = viewer.text(f"widget.did_{command}", target=name)
    return _page("up", title, [element("p", viewer.text(f"widget.then_{command}"))], viewer)


def _page(tone: str, title: str, lines: list[Html], viewer: Viewer) -> Html:
    head = element("div", element("b", title), class_=f"hl-banner hl-{tone}", role="status")
    return styled(viewer.dark, head, element("div", *lines, style="padding:12px 4px 4px"))


def _probed(answer: Mapping[str, Any], viewer: Viewer) -> Html:
    name, spent = answer["target"], answer["phases"]
    lines = []
    if failed := answer["failure"]:
        failure = Failure(Phase(failed["phase"]), decode(Kind, failed["kind"]), "", "", failed["sqlstate"])
        tone = "locked" if failure.kind.misconfigured else "down"
        title = viewer.text("widget.probe_failed", target=name, short=viewer.wording.short(failure))
        lines += [element("p", failed["cause"]), element("p", failed["next_step"], class_="hl-dim")]
    else:
        tone, title = "up", viewer.text("widget.probe_healthy", target=name, ms=f"{sum(spent.values()):.0f}")
    broke = failed["phase"] if failed else None
    return _page(
        tone, title, [*lines, _bars(spent, broke, viewer), element("p", viewer.text("widget.then_probe"))], viewer
    )


def _bars(spent: Mapping[str, float], broke: str | None, viewer: Viewer) -> Html:
    """Draw how long each phase took; the words say the same."""
    longest, rows = max(spent.values(), default=1) or 1, []
    for phase, milliseconds in spent.items():
        look = "hl-broke" if phase == broke else None
        bar = element("i", class_=look, style=f"width:{max(1, round(100 * milliseconds / longest))}%")
        rows += [
            element("span", viewer.text(f"phase.{phase}")),
            element("span", f"{milliseconds:.1f} ms", class_="hl-num"),
            element("span", bar),
        ]
    return element("div", *rows, class_="hl-bars", style="margin:8px 0 12px")
