"""Fleets to look at in the widget: most are well, and something is wrong in each way there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from heartline.commands.view import Fleet, TargetView
from heartline.common.text import sanitize
from heartline.model.incident import Incident, Span
from heartline.model.kinds import AlertKind, Kind, Phase
from heartline.model.latencies import HOURS, Trend, sample
from heartline.model.mail import Mail, MailedAlert, Outcome, Receipt, mail_id
from heartline.model.state import State
from heartline.model.target import Target
from heartline.model.undelivered import Unreached
from heartline.rules.reminders import reminded_of
from local.gallery import BEGAN, DAY, HOSTILE, MINUTE, REJECTED, Story, past

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
NOW = BEGAN + 30 * HOUR
TICK = NOW - timedelta(seconds=20)
BOUNCED = Receipt(Outcome.BOUNCED, NOW - 14 * MINUTE + SECOND, "mx.example.com", "smtp; 550 5.1.1 user unknown")
NAMES = (
    *("accounts", "analytics", "audit", "billing", "cart", "catalog", "checkout", "crm", "delivery", "events"),
    *("fraud", "gateway", "identity", "inventory", "invoices", "ledger", "loyalty", "mail", "media", "metrics"),
    *("notifications", "orders", "payments", "pricing", "profiles", "promotions", "ratings", "recommendations"),
    *("refunds", "reports", "returns", "search", "sessions", "settings", "shipping", "stock", "subscriptions"),
    *("support", "taxes", "warehouse"),
)


def fleet(number: int, language: str = "en", *, well: bool = False, tick: datetime | None = TICK) -> Fleet:
    """Return a fleet of so many targets; of 40 or more, some are not well unless all are to be."""
    names = [NAMES[place] if place < len(NAMES) else f"tenant-{place:03d}" for place in range(number)]
    views = {name: healthy(name, language, place) for place, name in enumerate(names)}
    if not well and number >= len(NAMES):
        views |= {view.name: view for view in wrong(language)}
    gap = (Span(NOW - 7 * HOUR, NOW - 6.5 * HOUR),)
    shown = tuple(replace(view, gaps=gap) for view in views.values())
    return Fleet(NOW, MINUTE, tick, shown, gap)


def healthy(name: str, language: str, place: int = 0) -> TargetView:
    """Return a target that is up, and of which every fifth was down once."""
    incidents = ()
    state = State(name, first_seen=NOW - 40 * DAY, up_since=NOW - 40 * DAY, last_ok=TICK)
    if place % 5 == 1:
        ended = NOW - (place % 23) * HOUR - 11 * MINUTE
        began = ended - (4 + place) * MINUTE
        incidents = (Incident(f"{name}-1", began, began - MINUTE, ended - MINUTE, ended, (Kind.TIMEOUT,)),)
        state = replace(state, up_since=ended, recent=incidents)
    target = Target(name, f"{name}.example.com", language=language)
    return TargetView(target, NOW, state, 0, TICK, 11 + place * 37 % 23, incidents=incidents, trend=week(place))


def week(place: int) -> Trend:
    """Return a week of probes that take longer by day, with a night in which Heartline did not run."""
    hours = [
        "" if 60 <= hour < 66 else sample({Phase.LOGIN: 8 + place * 37 % 23 + hour % 24, Phase.QUERY: 2.5})
        for hour in range(HOURS)
    ]
    return Trend(tuple(hours))


def wrong(language: str) -> list[TargetView]:
    """Return targets that are not well, each in a way of its own."""
    muted = replace(healthy("reports", language).state, muted_until=NOW + HOUR, mute_reason="moving to larger disks")
    unsteady, outages = Story(language, "sessions"), []
    for minute in range(24, 0, -2):
        began, ended = NOW - minute * MINUTE, NOW - (minute - 1) * MINUTE
        unsteady.down(began).up(ended)
        outages.append(Incident(f"sessions-{minute}", began, began - MINUTE, began, ended, (Kind.TIMEOUT,)))
    return [
        replace(
            down(language, "orders", 14 * MINUTE, pending=1),
            incidents=past("orders").incidents,
            mailed=mailed("orders"),
        ),
        down(language, "checkout", 195 * MINUTE, Kind.SATURATED, sanitize(HOSTILE), acknowledged=True),
        down(language, "ledger", 26 * HOUR, Kind.AUTH, REJECTED),
        replace(_view(unsteady), incidents=tuple(outages)),
        replace(healthy("reports", language), state=muted),
        TargetView(Target("taxes", language=language), NOW, State("taxes"), incidents=()),
    ]


def mailed(name: str) -> tuple[tuple[MailedAlert, Mail], ...]:
    """Return the last alerts of a target, whose mails reached some of their recipients."""
    at, to = NOW - 14 * MINUTE, ("oncall@example.com", "dba@example.com", "Lead@example.com")
    known = {to[0]: Receipt(Outcome.DELIVERED, at + 3 * SECOND, "192.0.2.25"), to[1]: BOUNCED}
    down = MailedAlert(name, AlertKind.DOWN, "00000009", "DOWN", f"{name}-1")
    tried = MailedAlert(name, AlertKind.TEST, "test-1", "TEST")
    waiting = Receipt(Outcome.DELAYED, at - HOUR, "mx.example.com", sanitize(HOSTILE))
    return (
        (down, Mail(mail_id(at, "0123456789ab"), at, to, (down,), known)),
        (tried, Mail(mail_id(at - HOUR, "0123456789ab"), at - HOUR, to[:1], (tried,), {to[0]: waiting})),
    )


def unreached(fleet: Fleet) -> Fleet:
    """Return the fleet with a recipient who does not get alerts, and another who calls them spam."""
    spam = Receipt(Outcome.COMPLAINED, NOW - DAY, None, sanitize(HOSTILE))
    marks = {
        "dba@example.com": Unreached(NOW - 14 * MINUTE, "1", BOUNCED),
        "boss@example.com": Unreached(NOW - DAY, "0", spam),
    }
    return replace(fleet, unreached=marks)


def down(
    language: str,
    name: str,
    length: timedelta,
    kind: Kind = Kind.REFUSED,
    said: str | None = None,
    **differing: Any,  # noqa: ANN401
) -> TargetView:
    """Return a target that is down for so long."""
    story = Story(language, name)
    story.state = replace(story.state, last_ok=NOW - length - MINUTE)
    return _view(story.down(NOW - length, kind, said), **differing)


def _view(story: Story, pending: int = 0, *, acknowledged: bool = False) -> TargetView:
    state = replace(story.state, first_seen=NOW - 40 * DAY, last_failed=TICK)
    if acknowledged and state.belief:
        state = replace(state, belief=replace(state.belief, acknowledged=reminded_of(state)))
    return TargetView(story.target, NOW, state, pending, TICK, incidents=())
