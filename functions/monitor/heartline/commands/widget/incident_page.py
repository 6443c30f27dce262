"""Show one target: what is wrong with it, or one of its past incidents, and the others beside."""

from __future__ import annotations

from datetime import timedelta

from heartline.commands.view import DAY, Fleet, TargetView
from heartline.commands.widget.asked import Asked
from heartline.commands.widget.html import Html, element, joined
from heartline.commands.widget.parts import NONE, TONES, buttons, cause, foot, pill, since, tags, unreached
from heartline.commands.widget.sparkline import medians, sparkline, suggestion
from heartline.commands.widget.strip import strip
from heartline.commands.widget.style import styled
from heartline.commands.widget.viewer import Viewer
from heartline.common.text import sanitize
from heartline.model.incident import Incident
from heartline.model.mail import Receipt
from heartline.model.observation import Failure
from heartline.rules.availability import percent

_MOST_SHOWN = 20
_HEADS = ("widget.when", "widget.lasted", "widget.what")
Facts = list[tuple[str, str]]


def incident_page(fleet: Fleet, view: TargetView, asked: Asked, viewer: Viewer) -> Html:
    """Return the page of a target, at one of its incidents: the one asked for, else what is wrong now."""
    chosen = next((one for one in view.all_incidents if one.id == asked.incident), view.state.incident)
    back = element("div", viewer.button(viewer.text("widget.back"), "hl-quiet", {}), class_="hl-bar")
    return styled(
        viewer.dark,
        back,
        unreached(fleet, viewer),
        _head(fleet, view, viewer),
        *([_chosen(view, chosen, viewer)] if chosen else ()),
        _day(fleet, view, viewer),
        _trend(view, viewer),
        _mails(view, viewer),
        _others(view, chosen, viewer),
        foot(fleet, viewer),
    )


def _head(fleet: Fleet, view: TargetView, viewer: Viewer) -> Html:
    """Return the name, how it stands, what is wrong now, and the buttons."""
    title = element(
        "div",
        element("h3", view.name),
        pill(view, viewer),
        tags(view, fleet, viewer),
        since(view, fleet, viewer),
        class_="hl-row",
    )
    lines = [title]
    if said := cause(view, viewer):
        lines.append(element("p", said, style="margin-top:6px"))
    if view.failure:
        lines.append(element("p", viewer.wording.next_step(view.failure), class_="hl-dim"))
    if view.mute_reason:
        lines.append(element("p", viewer.text("widget.mute_reason", reason=view.mute_reason), class_="hl-dim"))
    pressed = element("div", buttons(view, viewer, quiet=False), class_="hl-row", style="margin-top:8px")
    return element("div", *lines, pressed, class_=f"hl-block hl-{TONES[view.standing]}")


def _chosen(view: TargetView, incident: Incident, viewer: Viewer) -> Html:
    """Return what is known of an incident."""
    current = view.state.incident is not None and view.state.incident.id == incident.id
    facts = _times(view, incident, viewer)
    if incident.kinds:
        facts.append((viewer.text("widget.fact_kinds"), ", ".join(_kinds(incident, viewer))))
    if current and view.failure:
        facts += _failure(view.failure, viewer)
    if current and view.remind_at:
        facts.append((viewer.text("widget.fact_reminder"), viewer.moment(view.remind_at)))
    facts += [(viewer.text("widget.fact_changes"), change) for change in _changes(incident, viewer)]
    if incident.unobserved:
        unseen = sum(((gap.ended - gap.began) for gap in incident.unobserved), start=timedelta())
        facts.append((viewer.text("widget.fact_unobserved"), viewer.length(unseen)))
    facts.append((viewer.text("widget.fact_id"), incident.id))
    rows = [joined(element("dt", name), element("dd", value)) for name, value in facts]
    title = viewer.text("widget.now" if current else "widget.past")
    return joined(element("h2", title), element("dl", *rows, class_="hl-facts"))


def _times(view: TargetView, incident: Incident, viewer: Viewer) -> Facts:
    """Return the bounds of an incident, and how long it was."""
    facts = []
    if incident.last_ok:
        facts.append((viewer.text("widget.fact_last_ok"), viewer.moment(incident.last_ok)))
    instant = incident.ended == incident.began
    facts.append((viewer.text("widget.fact_at" if instant else "widget.fact_began"), viewer.moment(incident.began)))
    # The open one's is in the state: it moves on with each tick.
    last_failed = incident.last_failed if incident.ended else view.state.last_failed
    if last_failed and not instant:
        facts.append((viewer.text("widget.fact_last_failed"), viewer.moment(last_failed)))
    if not instant:
        if incident.ended:
            facts.append((viewer.text("widget.fact_ended"), viewer.moment(incident.ended)))
        facts.append((viewer.text("widget.fact_length"), viewer.length((incident.ended or view.at) - incident.began)))
    return facts


def _failure(failure: Failure, viewer: Viewer) -> Facts:
    facts = [(viewer.text("widget.fact_phase"), viewer.text(f"phase.{failure.phase}"))]
    if failure.sqlstate:
        facts.append((viewer.text("widget.fact_sqlstate"), failure.sqlstate))
    if failure.said:
        facts.append((viewer.text("widget.fact_said"), sanitize(failure.said)))
    return facts


def _kinds(incident: Incident, viewer: Viewer) -> list[str]:
    """Name the kinds of failure that were seen; a timeout's phase is not kept."""
    return [viewer.text(f"short.{kind}") for kind in incident.kinds]


def _changes(incident: Incident, viewer: Viewer) -> list[str]:
    """Name what happened to the server."""
    return [viewer.text(f"value.{'several' if one.several else one.kind}") for one in incident.changes]


def _day(fleet: Fleet, view: TargetView, viewer: Viewer) -> Html:
    """Return the last 24 hours, large, and the availability over longer times."""
    hours = (element("span", viewer.clock(fleet.at - part * DAY / 4, fleet.at)) for part in (4, 3, 2, 1, 0))
    line = strip(view, fleet.at, viewer, tall=True)
    shares = {name: percent(one.share) or NONE for name, one in view.measured().items()}
    said = " · ".join(viewer.text(f"widget.share_{name}", share=share) for name, share in shares.items())
    known = [viewer.text("widget.shares", shares=said)]
    if view.latency:
        known.append(viewer.text("widget.latency_now", latency=f"{view.latency} ms"))
    if view.state.first_seen:
        known.append(viewer.text("widget.watched", at=viewer.moment(view.state.first_seen)))
    return joined(
        element("h2", viewer.text("widget.strip_head")),
        line,
        element("div", *hours, class_="hl-hours"),
        element("p", " ".join(known), style="margin-top:8px"),
    )


def _trend(view: TargetView, viewer: Viewer) -> Html:
    """Return how long probes took in the last days, and from when on they may count as slow."""
    if view.trend is None:
        return Html()
    said = medians(view.trend, viewer)
    if view.target.policy.slow_after is None:
        said.append(viewer.text("widget.suggest_slow", seconds=suggestion(view.trend)))
    lines = (element("p", one, class_="hl-dim") for one in said)
    return joined(element("h2", viewer.text("widget.trend_head")), sparkline(view.trend, viewer, tall=True), *lines)


def _mails(view: TargetView, viewer: Viewer) -> Html:
    """Return the last alerts, and whom each of them reached."""
    if not view.mailed:
        return Html()
    blocks = []
    for alert, mail in view.mailed:
        said = viewer.text("widget.mailed", at=viewer.moment(mail.accepted))
        reached = (_reached(who, mail.receipt(who), viewer) for who in mail.recipients)
        head = element("div", element("b", viewer.wording.state(alert.state)), f" · {said}")
        blocks.append(element("div", head, *reached, style="margin-top:8px"))
    return joined(element("h2", viewer.text("widget.mails")), *blocks)


def _reached(who: str, receipt: Receipt | None, viewer: Viewer) -> Html:
    """Return what became of a mail for one recipient, in words."""
    if receipt is None:
        return element("div", f"{who}: {viewer.text('widget.accepted')}", class_="hl-dim")
    said = [viewer.text(f"undelivered.{receipt.outcome}"), viewer.moment(receipt.at), receipt.server, receipt.reason]
    line = f"{who}: {' · '.join(part for part in said if part)}"
    return element("div", element("b", line) if receipt.failed else line)


def _others(view: TargetView, chosen: Incident | None, viewer: Viewer) -> Html:
    """Return the list of incidents, the newest first."""
    title = element("h2", viewer.text("widget.incidents"))
    newest = view.all_incidents[: -_MOST_SHOWN - 1 : -1]
    if not newest:
        return joined(title, element("p", viewer.text("widget.no_incidents"), class_="hl-dim"))
    head = element("tr", *(element("th", viewer.text(name), scope="col") for name in _HEADS))
    rows = [_other(view, one, chosen, viewer) for one in newest]
    table = element("table", element("thead", head), element("tbody", *rows))
    more = len(view.all_incidents) > len(newest) or not view.complete
    return joined(title, table, element("p", viewer.text("widget.incidents_more"), class_="hl-dim") if more else "")


def _other(view: TargetView, incident: Incident, chosen: Incident | None, viewer: Viewer) -> Html:
    at = viewer.clock(incident.began, view.at)
    if chosen and chosen.id == incident.id:
        when = element("b", at)
    else:
        when = viewer.button(at, "hl-name", {"target": view.name, "incident": incident.id})
    lasted = viewer.length(incident.ended - incident.began) if incident.ended else viewer.text("widget.open")
    if incident.ended == incident.began:
        lasted = NONE
    what = ", ".join([*_kinds(incident, viewer), *_changes(incident, viewer)]) or NONE
    return element("tr", element("td", when), element("td", lasted, class_="hl-time"), element("td", what))
