"""Show what became of a command, in the console's popup."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from heartline.commands.widget.html import Html, element
from heartline.commands.widget.style import styled
from heartline.commands.widget.viewer import Viewer
from heartline.model.observation import Observation
from heartline.model.target import Target


def change_page(command: str, entry: Mapping[str, Any], now: datetime, viewer: Viewer) -> Html:
    """Return what became of a mute, its end, or an acknowledgement, by the target's entry in `status`."""
    words = {"target": entry["name"]}
    if command == "mute":
        words["at"] = viewer.clock(datetime.fromisoformat(entry["muted_until"]), now)
    title = viewer.text(f"widget.did_{command}", **words)
    return _page("up", title, [element("p", viewer.text(f"widget.then_{command}"))], viewer)


def refused_page(fault: str, viewer: Viewer) -> Html:
    """Return why a command was not carried out."""
    return _page("down", viewer.text("widget.refused"), [element("p", fault)], viewer)


def probe_page(target: Target, seen: Observation, viewer: Viewer) -> Html:
    """Return what a probe saw."""
    failure, lines = seen.failure, []
    if failure:
        tone = "locked" if failure.kind.misconfigured else "down"
        title = viewer.text("widget.probe_failed", target=target.name, short=viewer.wording.short(failure))
        lines.append(element("p", viewer.wording.cause(failure)))
        lines.append(element("p", viewer.wording.next_step(failure), class_="hl-dim"))
    else:
        tone, spent = "up", sum(seen.phases.values())
        title = viewer.text("widget.probe_healthy", target=target.name, ms=f"{spent:.0f}")
    lines += [_bars(seen, viewer), element("p", viewer.text("widget.then_probe"), class_="hl-dim")]
    return _page(tone, title, lines, viewer)


def _page(tone: str, title: str, lines: list[Html], viewer: Viewer) -> Html:
    head = element("div", element("b", title), class_=f"hl-banner hl-{tone}", role="status")
    return styled(viewer.dark, head, element("div", *lines, class_="hl-answer"))


def _bars(seen: Observation, viewer: Viewer) -> Html:
    """Draw how long each phase took; the words say the same."""
    longest, rows = max(seen.phases.values(), default=0) or 1, []
    for phase, milliseconds in seen.phases.items():
        broke = seen.failure is not None and phase is seen.failure.phase
        share = max(1, round(100 * milliseconds / longest))
        rows += [
            element("span", viewer.text(f"phase.{phase}")),
            element("span", f"{milliseconds:.1f} ms", class_="hl-num"),
            element("span", element("i", class_="hl-broke" if broke else None, style=f"width:{share}%")),
        ]
    return element("div", *rows, class_="hl-bars")
