"""Write what several pages show of a target: how it stands, since when, and the buttons that it needs."""

from __future__ import annotations

from heartline.commands.view import Fleet, Standing, TargetView
from heartline.commands.widget.html import Html, element, joined
from heartline.commands.widget.sparkline import sparkline
from heartline.commands.widget.viewer import Viewer
from heartline.rules.availability import percent

TONES = {
    Standing.DOWN: "down",
    Standing.MISCONFIGURED: "locked",
    Standing.UNREADABLE: "down",
    Standing.FLAPPING: "warn",
    Standing.UNKNOWN: "off",
    Standing.UP: "up",
}
_KEYS = {standing: f"widget.is_{standing.name.lower()}" for standing in Standing}
MUTE = "2h"
_MOST_UNREACHED = 10
# Stands where there is nothing to show.
NONE = "-"


def pill(view: TargetView, viewer: Viewer) -> Html:
    """Return the word for how a target stands, in its colour."""
    calm = view.standing in {Standing.UP, Standing.UNKNOWN}
    look = f"hl-pill hl-{TONES[view.standing]}{' hl-soft' if calm else ''}"
    return element("span", viewer.text(_KEYS[view.standing]), class_=look)


def tags(view: TargetView, fleet: Fleet, viewer: Viewer) -> Html:
    """Return what else there is to know: flapping, conditions, a mute, alerts that wait, no verdict of late."""
    said: list[str] = []
    if view.flapping and view.standing is not Standing.FLAPPING:
        said.append(viewer.text("widget.flapping"))
    said += [viewer.text(f"widget.holds_{one.kind}") for one in view.state.held]
    if view.acknowledged:
        said.append(viewer.text("widget.acknowledged"))
    if until := view.muted_until:
        said.append(viewer.text("widget.muted", at=viewer.clock(until, fleet.at)))
    if stale := fleet.stale_for(view):
        said.append(viewer.text("widget.stale", length=viewer.length(stale)))
    if view.pending:
        said.append(viewer.text("widget.pending", number=view.pending))
    return joined(*(element("span", one, class_="hl-tag") for one in said))


def since(view: TargetView, fleet: Fleet, viewer: Viewer) -> Html:
    """Return since when it is as it is."""
    if view.since is None:
        return Html(NONE)
    length = viewer.length(fleet.known_until - view.since)
    if not viewer.wide:
        return element("span", length, title=viewer.moment(view.since))
    at = element("span", viewer.clock(view.since, fleet.at), class_="hl-dim")
    return element("span", length, " · ", at, title=viewer.moment(view.since))


def available(view: TargetView, viewer: Viewer) -> Html:
    """Return how much of the longest time that is known it was up, or a dash."""
    shares = {name: share for name, one in view.measured().items() if (share := percent(one.share))}
    if not shares:
        return element("span", NONE)
    length = next(reversed(shares))
    return element("span", shares[length], title=viewer.text(f"widget.share_{length}", share=shares[length]))


def latency(view: TargetView, viewer: Viewer) -> Html:
    """Return how long the last probe took, or a dash, over how long probes took in the last days."""
    now = element("span", f"{view.latency} ms" if view.latency else NONE)
    return joined(now, sparkline(view.trend, viewer)) if view.trend else now


def cause(view: TargetView, viewer: Viewer) -> str | None:
    """Return the sentence that says what is wrong."""
    if view.unreadable:
        return viewer.text("widget.unreadable", reason=view.unreadable)
    if view.failure:
        return viewer.wording.cause(view.failure)
    return viewer.text("widget.flapping_why") if view.flapping else None


def name_button(view: TargetView, viewer: Viewer) -> Html:
    """Return the target's name, which leads to its page."""
    return viewer.button(view.name, "hl-name", {"target": view.name}, title=viewer.text("widget.details"))


def buttons(view: TargetView, viewer: Viewer, *, quiet: bool) -> Html:
    """Return the buttons for what can be done about a target now."""
    orders = ["acknowledge"] if view.remind_at else []
    orders += ["unmute" if view.muted else "mute", "probe"]
    return element("span", *(_order(view, order, viewer, quiet=quiet) for order in orders), class_="hl-buttons")


def _order(view: TargetView, order: str, viewer: Viewer, *, quiet: bool) -> Html:
    look = "hl-quiet" if quiet else "hl-press"
    if order == "acknowledge":
        look = f"hl-press hl-first hl-{TONES[view.standing]}"
    asked = {"command": order, "target": view.name, **({"for": MUTE} if order == "mute" else {})}
    confirm = viewer.text(f"widget.confirm_{order}", target=view.name)
    return viewer.button(viewer.text(f"widget.{order}"), look, asked, confirm=confirm)


def unreached(fleet: Fleet, viewer: Viewer) -> Html:
    """Return who does not get alerts, and why; nothing while everybody does."""
    if not fleet.unreached:
        return Html()
    marks = list(fleet.unreached.items())[:_MOST_UNREACHED]
    why = ((who, viewer.text(f"undelivered.{one.receipt.outcome}"), one.receipt.reason) for who, one in marks)
    lines = (element("div", " · ".join(part for part in parts if part)) for parts in why)
    head = element("b", viewer.text("widget.unreached", number=len(fleet.unreached)))
    return element("div", head, *lines, class_="hl-block hl-warn", role="status")


def foot(fleet: Fleet, viewer: Viewer, *more: str) -> Html:
    """Return the line below a page: whose clock it is, and until when all this is known."""
    at = viewer.moment(fleet.known_until)
    return element("div", element("span", viewer.text("widget.as_of", at=at)), *more, class_="hl-foot")
