"""Reports of each kind, in any language, from what might be stored of a week or a month."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from math import sin

from heartline.messages.context import AlertContext
from heartline.messages.digest import Digest, MonitorPeriod, compose_digest
from heartline.messages.digest_mails import Sent
from heartline.model import belief
from heartline.model.condition import Condition, ConditionKind
from heartline.model.incident import Change, Incident, Outage, Span
from heartline.model.kinds import AlertKind, Kind, Phase
from heartline.model.latencies import Trend, sample
from heartline.model.mail import Mail, MailedAlert, Outcome, Receipt, mail_id
from heartline.model.observation import Server
from heartline.model.recurrence import Recurrence
from heartline.model.state import BlipCount, State
from heartline.model.target import Endpoint, Target
from heartline.model.undelivered import Unreached
from heartline.probe.failures import advise, explained
from heartline.rules.editions import due_editions
from heartline.rules.periods import Known, count_ticks, sum_up
from local.gallery import BEGAN, DAY, MINUTE, NAMES, PLACES, SECOND

WEEKLY, MONTHLY = Recurrence(False, 0, time(9)), Recurrence(True, 23, time(9))
# Monday, some seconds past nine o'clock in UTC; and in Seoul, where it is nine hours later.
LEAVES = {None: BEGAN.replace(hour=9, minute=0, second=4), "Asia/Seoul": BEGAN.replace(hour=0, minute=0, second=4)}
HOUR = timedelta(hours=1)
READERS = ("oncall@example.com", "dba@example.com")
CONTEXT = AlertContext(40, (), {}, "heartline-prod", "eu-west-1", "heartline-prod-MonitorLogs-1kX9")
Past = tuple[list[Known], list[Span]]


def leaves(language: str) -> datetime:
    """Return when reports in that language leave."""
    zone = PLACES[language]
    return LEAVES[zone.key if zone else None]


def digests(language: str) -> Iterator[tuple[str, Digest]]:
    """Yield a report of each kind, with its name."""
    for name, (recurrence, past, sent) in SCENES.items():
        now = leaves(language)
        yield name, digest(past(now), language, recurrence, sent(now))


def digest(past: Past, language: str, recurrence: Recurrence, sent: Sent | None = None) -> Digest:
    """Return the report of what is known, to one reader."""
    (known, gaps), now = past, leaves(language)
    reader = {"language": language, "time_zone": PLACES[language], "report": recurrence}
    known = [replace(one, target=replace(one.target, **reader)) for one in known]
    edition = due_editions([one.target for one in known], now)[0]
    periods = [sum_up(one, gaps, edition.within, MINUTE, now) for one in known]
    monitor = MonitorPeriod(count_ticks(gaps, edition.within, MINUTE), sent, CONTEXT)
    return compose_digest(edition, periods, monitor, now)


def database(
    now: datetime, name: str, *incidents: Incident, pace: float = 1, hours: int = 168, **fields: object
) -> Known:
    """Return what is stored of one that is up, unless its fields say otherwise."""
    state = State(name, now - 90 * DAY, now - 90 * DAY, last_ok=now, recent=incidents[-1:])
    target = Target(name, recipients=READERS)
    return Known(target, replace(state, **fields), incidents=incidents, trend=trend(pace, hours))  # type: ignore[arg-type]


def trend(pace: float, hours: int = 168) -> Trend:
    """Return hours that are slower by day, and slowest on the third of them."""
    return Trend(tuple(sample({Phase.LOGIN: pace * _milliseconds(place)}) for place in range(hours)))


def _milliseconds(place: int) -> float:
    return 24 + 9 * sin(place * 6.28 / 24) + 7 * sin(place) + (60 if 60 < place < 66 else 0)


def outage(name: str, began: datetime, length: timedelta, kind: Kind = Kind.REFUSED, **fields: object) -> Incident:
    """Return an incident that is over."""
    incident = Incident(f"{name}-{began:%Y%m%dT%H%M%SZ}", began, began - MINUTE, ended=began + length, kinds=(kind,))
    return replace(incident, **fields)  # type: ignore[arg-type]


def restarted(name: str, at: datetime) -> Incident:
    """Return that a server was restarted between two probes."""
    change = Change(AlertKind.RESTARTED, at, at - MINUTE)
    return Incident(f"{name}-{at:%Y%m%dT%H%M%SZ}", at, at - MINUTE, ended=at, changes=(change,))


def down(now: datetime, name: str, kind: Kind = Kind.TIMEOUT) -> Known:
    """Return one that is down now."""
    known, phase = database(now, name), Phase.LOGIN if kind is Kind.AUTH else Phase.CONNECT
    failure = explained(phase, kind, advise([kind], phase, known.target, Endpoint("billing.example.com")), None, None)
    began = now - 3 * HOUR
    incident = Incident(f"{name}-{began:%Y%m%dT%H%M%SZ}", began, began - MINUTE, now, kinds=(kind,))
    return replace(known, state=replace(known.state or State(name), outage=Outage(incident, failure)))


def _well(now: datetime) -> Past:
    first, *others = (database(now, name, pace=1 + place % 4) for place, name in enumerate(NAMES[:12]))
    blips = (BlipCount((now - 2 * DAY).replace(hour=0, minute=0, second=0), 2, 3),)
    return [replace(first, state=replace(first.state or State(""), blip_counts=blips)), *others], []


def _eventful(now: datetime) -> Past:
    condition = Condition(ConditionKind.FILLING, now - 5 * HOUR, 87.3, 85, level=1, notified=1)
    ends = Server("16.4", certificate_expires=now + 16 * DAY)
    flapping = belief.Flapping("search", belief.Mark(now - HOUR, belief.Counts()), now - 5 * MINUTE, notified=True)
    often = [outage("search", now - HOUR + place * 8 * MINUTE, 2 * MINUTE) for place in range(7)]
    return [
        database(now, "orders", outage("orders", now - 4 * DAY, 14 * MINUTE), restarted("orders", now - 2 * DAY)),
        down(now, "billing"),
        down(now, "users", Kind.AUTH),
        database(now, "stock", conditions=(condition,), server=ends),
        database(now, "search", *often, flapping=flapping),
        database(now, "payments", first_seen=now - 3 * DAY, hours=70),
        *(database(now, name) for name in NAMES[5:9]),
        Known(Target("archive", recipients=READERS), None),
    ], [Span(now - 5 * DAY, now - 5 * DAY + 12 * MINUTE)]


def mail(now: datetime, before: timedelta, receipt: Receipt | None, *recipients: str) -> Mail:
    """Return a mail about `orders` that SES accepted so long ago."""
    at, alert, to = now - before, MailedAlert("orders", AlertKind.DOWN, "00000001", "DOWN"), recipients or READERS
    return Mail(mail_id(at, "0" * 12), at, to, (alert,), {to[0].lower(): receipt} if receipt else {})


def _delivered(now: datetime) -> Sent:
    return Sent((mail(now, 4 * DAY, Receipt(Outcome.DELIVERED, now - 4 * DAY + 7 * SECOND, "192.0.2.25")),))


def _bounced(now: datetime) -> Sent:
    receipt = Receipt(Outcome.BOUNCED, now - 4 * DAY, "mx.example.com", "smtp; 550 5.1.1 user unknown")
    return Sent((mail(now, 3 * HOUR, None),), {"dba@example.com": Unreached(now - 4 * DAY, "", receipt)})


def _one(now: datetime) -> Past:
    return [database(now, "orders", outage("orders", now - 25 * DAY, 14 * MINUTE))], []


def many(now: datetime) -> Past:
    """Return as many as can be, of the longest names, with as much to say as can be."""
    names = [f"{name}-{'x' * 63}"[:64] for name in NAMES[:50]]
    names += [f"{place:03d}-{'w.' * 40}"[:64] for place in range(450)]
    kinds = (Kind.CLIENT_CERTIFICATE, Kind.TLS, Kind.UNRESOLVABLE, Kind.CERTIFICATE)
    condition = Condition(ConditionKind.WRAPAROUND, now - 5 * HOUR, 1_634_567_890, 1.6e9, level=2, notified=2)
    ends = Server("16.4", certificate_expires=now + 16 * DAY)
    return [
        database(
            now,
            name,
            *(outage(name, now - 5 * DAY + n * HOUR, 2 * MINUTE, kinds=kinds) for n in range(30)),
            conditions=(condition,),
            server=ends,
            first_seen=now - 6 * DAY,
        )
        for name in names
    ], [Span(now - n * DAY, now - n * DAY + 12 * MINUTE) for n in range(1, 7)]


def no_reader(now: datetime) -> Sent:
    """Return that as many as can be get no alert, and why at length."""
    receipt = Receipt(Outcome.BOUNCED, now, "m" * 120, "<&>" * 100)
    return Sent((mail(now, DAY, receipt),), dict.fromkeys(READERS, Unreached(now, "", receipt)))


Scene = tuple[Recurrence, Callable[[datetime], Past], Callable[[datetime], Sent | None]]
SCENES: dict[str, Scene] = {
    "report-all-well": (WEEKLY, _well, _delivered),
    "report-eventful": (WEEKLY, _eventful, _bounced),
    "report-of-one": (MONTHLY, _one, lambda _: None),
}
