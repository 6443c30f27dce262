"""Show all targets, what is wrong first."""

from __future__ import annotations

from collections.abc import Sequence

from heartline.commands.view import Fleet, Standing, TargetView
from heartline.commands.widget.asked import Asked
from heartline.commands.widget.banner import banner
from heartline.commands.widget.html import Html, element, joined
from heartline.commands.widget.parts import (
    TONES,
    available,
    buttons,
    cause,
    foot,
    latency,
    name_button,
    pill,
    since,
    tags,
    unreached,
)
from heartline.commands.widget.strip import strip
from heartline.commands.widget.style import styled
from heartline.commands.widget.viewer import Viewer
from heartline.common.frozen import frozen

PAGE = 50
_CALM = (Standing.UP, Standing.UNKNOWN)


@frozen
class Listed:
    """The targets of one page of the list.

    Attributes
    ----------
    targets
        Those to show.
    number, pages
        Of this page, and how many there are.
    found
        How many targets the whole list has.
    first
        The place of the first of these in it, from 1.
    """

    targets: tuple[TargetView, ...]
    number: int = 1
    pages: int = 1
    found: int = 0
    first: int = 1


def listed(fleet: Fleet, asked: Asked) -> Listed:
    """Return the page that was asked for, or the last one there is: the worst first, by name where alike."""
    wanted = asked.find.casefold()
    found = sorted((view for view in fleet.targets if wanted in view.name.casefold()), key=_urgency)
    pages = max(1, -(-len(found) // PAGE))
    number = min(asked.page, pages)
    first = (number - 1) * PAGE
    return Listed(tuple(found[first : first + PAGE]), number, pages, len(found), first + 1)


def _urgency(view: TargetView) -> tuple[int, bool, bool, bool, str]:
    """Sort what needs somebody first; of what is well, what has a condition or is muted: so it is not forgotten."""
    quiet = view.muted_until is not None
    return (
        view.standing,
        view.acknowledged,
        not view.state.held,
        quiet is (view.standing not in _CALM),
        view.name.casefold(),
    )


def fleet_page(fleet: Fleet, shown: Listed, asked: Asked, viewer: Viewer) -> Html:
    """Return the page; `shown` are the targets with their history."""
    wrong = [view for view in shown.targets if view.standing not in _CALM]
    calm = [view for view in shown.targets if view.standing in _CALM]
    listing = _blocks if viewer.narrow else _table
    body = [listing(fleet, wrong, calm, viewer)] if shown.targets else [_nothing(asked, viewer)]
    legend = element("span", viewer.text("widget.legend"))
    return styled(
        viewer.dark,
        banner(fleet, viewer),
        unreached(fleet, viewer),
        _bar(fleet, shown, asked, viewer),
        *body,
        foot(fleet, viewer, legend),
    )


def _nothing(asked: Asked, viewer: Viewer) -> Html:
    return element("p", viewer.text("widget.nothing", find=asked.find), class_="hl-note")


def _bar(fleet: Fleet, shown: Listed, asked: Asked, viewer: Viewer) -> Html:
    """Return the means to find one of many, and to turn the pages; nothing where one page has all."""
    if len(fleet.targets) <= PAGE:
        return Html()
    placeholder, parts = viewer.text("widget.find_placeholder"), []
    field = element(
        "input", type="text", name="find", value=asked.find, placeholder=placeholder, aria_label=placeholder
    )
    # With this one switched off, Enter in the field does not send the form, which would leave the console.
    parts += [element("button", type="submit", disabled="", hidden=""), field]
    parts.append(viewer.button(viewer.text("widget.find"), "hl-press", {"typed": True}))
    if asked.find:
        parts.append(viewer.button(viewer.text("widget.find_all"), "hl-quiet", {}))
    last = shown.first + len(shown.targets) - 1
    if shown.found:
        said = viewer.text("widget.shown", first=shown.first, last=last, all=shown.found)
        parts.append(element("span", said, class_="hl-dim hl-push"))
    kept: dict[str, object] = {"find": asked.find} if asked.find else {}
    if shown.number > 1:
        parts.append(viewer.button(viewer.text("widget.previous"), "hl-press", kept | {"page": shown.number - 1}))
    if shown.number < shown.pages:
        parts.append(viewer.button(viewer.text("widget.next"), "hl-press", kept | {"page": shown.number + 1}))
    return element("form", element("div", *parts, class_="hl-bar"))


def _table(fleet: Fleet, wrong: Sequence[TargetView], calm: Sequence[TargetView], viewer: Viewer) -> Html:
    keys = ["widget.status", "widget.name", "widget.since", "widget.strip_head"]
    heads = [element("th", viewer.text(key), scope="col") for key in keys]
    if viewer.wide:
        numbers = ("widget.available", "widget.latency")
        heads += [element("th", viewer.text(key), scope="col", class_="hl-num") for key in numbers]
    heads.append(element("td"))
    head = element("tr", *heads)
    rows = [_wrong_rows(fleet, view, viewer, len(heads)) for view in wrong]
    rows += [element("tr", *_cells(fleet, view, viewer, quiet=True)) for view in calm]
    return element("table", element("thead", head), element("tbody", *rows), style="margin-top:12px")


def _cells(fleet: Fleet, view: TargetView, viewer: Viewer, *, quiet: bool) -> list[Html]:
    cells = [
        element("td", pill(view, viewer), style="width:1%"),
        element("td", name_button(view, viewer), tags(view, fleet, viewer)),
        element("td", since(view, fleet, viewer), class_="hl-time", style="width:1%"),
        element("td", strip(view, fleet.at, viewer), style=f"width:{20 if viewer.wide else 18}%"),
    ]
    if viewer.wide:
        numbers = (available(view, viewer), latency(view, viewer))
        cells += [element("td", number, class_="hl-num", style="width:1%") for number in numbers]
    # Where a row has no room for large buttons they stand below what is wrong.
    shown = buttons(view, viewer, quiet=quiet) if quiet or viewer.wide else ""
    return [*cells, element("td", shown, class_="hl-do", style="width:1%")]


def _wrong_rows(fleet: Fleet, view: TargetView, viewer: Viewer, columns: int) -> Html:
    tone = f"hl-{TONES[view.standing]}"
    cells = element("tr", *_cells(fleet, view, viewer, quiet=False), class_=f"hl-bad {tone}")
    below = () if viewer.wide else (element("div", buttons(view, viewer, quiet=False), class_="hl-below"),)
    why = element("td", *_why(view, viewer), *below, colspan=columns)
    return joined(cells, element("tr", why, class_=f"hl-why {tone}"))


def _why(view: TargetView, viewer: Viewer) -> list[Html]:
    """Return what is wrong, and what to check first."""
    lines = []
    if said := cause(view, viewer):
        lines.append(element("div", said))
    if view.failure:
        lines.append(element("div", viewer.wording.next_step(view.failure), class_="hl-dim"))
    return lines


def _blocks(fleet: Fleet, wrong: Sequence[TargetView], calm: Sequence[TargetView], viewer: Viewer) -> Html:
    return joined(*(_block(fleet, view, viewer, bad=place < len(wrong)) for place, view in enumerate([*wrong, *calm])))


def _block(fleet: Fleet, view: TargetView, viewer: Viewer, *, bad: bool) -> Html:
    share = element("span", available(view, viewer), class_="hl-push hl-num")
    length = since(view, fleet, viewer) if bad else ""
    named = (pill(view, viewer), name_button(view, viewer), length, tags(view, fleet, viewer))
    heads = element("div", *named, share, class_="hl-row")
    line = strip(view, fleet.at, viewer)
    if not bad:
        return element("div", heads, line, class_="hl-block hl-well")
    pressed = element("div", buttons(view, viewer, quiet=False), class_="hl-below")
    return element("div", heads, *_why(view, viewer), line, pressed, class_=f"hl-block hl-{TONES[view.standing]}")
