"""Show in one line how the fleet is."""

from __future__ import annotations

from collections import Counter

from heartline.commands.view import Fleet, Standing
from heartline.commands.widget.html import Html, element
from heartline.commands.widget.parts import TONES
from heartline.commands.widget.viewer import Viewer

# So many names of what is wrong have room beside their number.
_MOST_NAMES = 3
_WRONG = (Standing.DOWN, Standing.MISCONFIGURED, Standing.UNREADABLE, Standing.FLAPPING)


def banner(fleet: Fleet, viewer: Viewer) -> Html:
    """Return the line that is read first, in the colour of the worst there is: before all, Heartline's own silence."""
    tone, headline, rest = _words(fleet, viewer)
    return element(
        "div",
        element("b", headline),
        *(element("span", part) for part in rest),
        class_=f"hl-banner hl-{tone}",
        role="status",
    )


def _words(fleet: Fleet, viewer: Viewer) -> tuple[str, str, list[str]]:
    if fleet.last_tick is None:
        return "warn", viewer.text("widget.never_ran"), [viewer.text("widget.never_ran_why")]
    counts = Counter(view.standing for view in fleet.targets)
    headline = _headline(fleet, counts, viewer)
    if silent := fleet.silent_for:
        words = viewer.text("widget.silent", length=viewer.length(silent))
        return "down", words, [viewer.text("widget.silent_why", state=headline)]
    worst = next((standing for standing in (*_WRONG, Standing.UNKNOWN) if counts[standing]), Standing.UP)
    rest = [_names(fleet, worst), *_rest(fleet, counts, viewer)]
    rest.append(viewer.text("widget.last_tick", length=viewer.length(fleet.at - fleet.last_tick)))
    return TONES[worst], headline, [part for part in rest if part]


def _headline(fleet: Fleet, counts: Counter[Standing], viewer: Viewer) -> str:
    wrong = [
        viewer.text(f"widget.count_{standing.name.lower()}", number=counts[standing])
        for standing in (*_WRONG, Standing.UNKNOWN)
        if counts[standing]
    ]
    if wrong:
        return " · ".join(wrong)
    if len(fleet.targets) == 1:
        return viewer.text("widget.one_up", target=fleet.targets[0].name)
    return viewer.text("widget.all_up", number=counts[Standing.UP])


def _names(fleet: Fleet, standing: Standing) -> str:
    named = [view.name for view in fleet.targets if view.standing is standing]
    return ", ".join(named) if standing in _WRONG and len(named) <= _MOST_NAMES else ""


def _rest(fleet: Fleet, counts: Counter[Standing], viewer: Viewer) -> list[str]:
    said = []
    if counts[Standing.UP] and counts[Standing.UP] < len(fleet.targets):
        said.append(viewer.text("widget.of_all_up", number=counts[Standing.UP], all=len(fleet.targets)))
    if warned := sum(bool(view.state.held) for view in fleet.targets):
        said.append(viewer.text("widget.count_warned", number=warned))
    if muted := sum(view.muted_until is not None for view in fleet.targets):
        said.append(viewer.text("widget.count_muted", number=muted))
    if waiting := sum(view.pending for view in fleet.targets):
        said.append(viewer.text("widget.count_pending", number=waiting))
    return said
