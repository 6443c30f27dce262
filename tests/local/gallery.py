"""One mail and one SNS document of each kind, in any language, from observations that the real rules decide on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from heartline.common.text import sanitize
from heartline.messages.compose import Message, compose
from heartline.messages.context import AlertContext, TargetAlerts, TargetHistory
from heartline.model.alert import Alert
from heartline.model.belief import Addressees
from heartline.model.incident import Incident, Span
from heartline.model.kinds import AlertKind, Kind, Phase
from heartline.model.mail import Mail, MailedAlert, Outcome, Receipt, mail_id
from heartline.model.observation import Failure, Gauges, Observation, Server
from heartline.model.rds import RdsEvent, RdsFacts
from heartline.model.state import State
from heartline.model.target import Endpoint, Target
from heartline.model.undelivered import NotDelivered
from heartline.notify.sns import TopicChannel
from heartline.probe.failures import Advice, advise, explained
from heartline.rules.decide import decide
from heartline.rules.watching import unwatch, welcome

BEGAN = datetime(2026, 11, 23, 3, 10, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
HOSTILE = (
    "FATAL: <script>alert('x')</script> <b>bold</b> &amp; \"quoted\"\r\nBcc: everybody@example.com\x1b[31m\x00 "
    "\u202egnp.exe \ud800 " + "A" * 100_000
)
REJECTED = 'password authentication failed for user "heartline"'
PLACES = {"en": None, "ko": ZoneInfo("Asia/Seoul")}
UNTIL = {
    Kind.CREDENTIALS: {},
    Kind.UNRESOLVABLE: {Phase.RESOLVE: 12.3},
    Kind.REFUSED: {Phase.RESOLVE: 0.8, Phase.CONNECT: 1.4},
    Kind.TIMEOUT: {Phase.RESOLVE: 0.8, Phase.CONNECT: 5000.0},
    Kind.AUTH: {Phase.RESOLVE: 0.8, Phase.CONNECT: 1.4, Phase.TLS: 6.1, Phase.LOGIN: 8.9},
    Kind.SATURATED: {Phase.RESOLVE: 0.8, Phase.CONNECT: 1.4, Phase.TLS: 6.1, Phase.LOGIN: 3.2},
    Kind.DENIED: {Phase.RESOLVE: 0.8, Phase.CONNECT: 1.4, Phase.TLS: 6.1, Phase.LOGIN: 9.4},
    Kind.BAD_QUERY: {Phase.RESOLVE: 0.8, Phase.CONNECT: 1.4, Phase.TLS: 6.1, Phase.LOGIN: 8.9, Phase.QUERY: 1.7},
}
WELL = {Phase.RESOLVE: 0.8, Phase.CONNECT: 1.4, Phase.TLS: 6.1, Phase.LOGIN: 8.9, Phase.QUERY: 2.2}
PHASES = {
    Kind.CREDENTIALS: Phase.CREDENTIALS,
    Kind.UNRESOLVABLE: Phase.RESOLVE,
    Kind.AUTH: Phase.LOGIN,
    Kind.SATURATED: Phase.LOGIN,
    Kind.DENIED: Phase.LOGIN,
    Kind.BAD_QUERY: Phase.QUERY,
}
SQLSTATES = {Kind.AUTH: "28P01", Kind.SATURATED: "53300", Kind.DENIED: "42501", Kind.BAD_QUERY: "42P01"}
NO_SECRET = Advice("secret-missing", {"secret": "heartline/orders"})


@dataclass
class Story:
    """One target with its probes, and the alerts that follow from them."""

    language: str
    name: str = "orders"
    now: datetime = BEGAN - DAY
    alerts: list[Alert] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.target = Target(
            self.name,
            f"{self.name}.cluster-c7tj4exampleab.eu-west-1.rds.amazonaws.com",
            recipients=("oncall@example.com",),
            language=self.language,
            time_zone=PLACES[self.language],
        )
        self.address = "10.0.1.7"
        self.server = Server("16.4", BEGAN - 30 * DAY, standby=False, system="7301234567890123456", timeline=3)
        self.endpoint = Endpoint(self.target.host or "", 5432, self.name, "heartline")
        self.state = replace(State(self.name), first_seen=BEGAN - 40 * DAY)
        self.up(self.now)
        self.state = replace(self.state, last_ok=BEGAN)

    def up(self, at: datetime) -> Story:
        """Add a tick whose probes are all healthy."""
        return self._tick(at, None)

    def restarted(self, at: datetime, **differing: object) -> Story:
        """Add a healthy tick in which the server differs in these parts."""
        self.server = replace(self.server, **differing)  # type: ignore[arg-type]
        return self.up(at)

    def down(self, at: datetime, kind: Kind = Kind.REFUSED, said: str | None = None, gap: Span | None = None) -> Story:
        """Add a tick whose probes all fail."""
        phase, sqlstate = PHASES.get(kind, Phase.CONNECT), SQLSTATES.get(kind)
        advice = NO_SECRET if kind is Kind.CREDENTIALS else advise([sqlstate, kind], phase, self.target, self.endpoint)
        return self._tick(at, explained(phase, kind, advice, sqlstate, said), gap)

    def blip(self, at: datetime) -> Story:
        """Add a tick whose first probe fails and whose second is good."""
        advice = advise([Kind.TIMEOUT], Phase.CONNECT, self.target, self.endpoint)
        failed = self._seen(at, explained(Phase.CONNECT, Kind.TIMEOUT, advice, None, None))
        return self._decide([failed, self._seen(at + 8 * SECOND, None)])

    def measured(self, at: datetime, **found: Any) -> Story:  # noqa: ANN401
        """Let its probes be good, and measure this."""
        phases = found.pop("phases", WELL)
        return self._decide([replace(self._seen(at, None), phases=phases, gauges=Gauges(**found))])

    def removed(self, at: datetime, readers: Addressees | None = None) -> Story:
        """Take the target out of the document; or out of what RDS lists, where it has readers."""
        self.alerts += unwatch(self.state, at, readers).alerts
        return self

    def found(self, at: datetime) -> Story:
        """Let RDS list it for the first time."""
        before = State(self.name)
        seen = self._seen(at, None)
        decision = decide(before, [seen], self.target.policy, at)
        self.alerts += welcome(before, decision, seen, self.target.policy, at).alerts
        return self

    def _tick(self, at: datetime, failure: Failure | None, gap: Span | None = None) -> Story:
        return self._decide([self._seen(at, failure)] * 3, gap)

    def _seen(self, at: datetime, failure: Failure | None) -> Observation:
        phases = UNTIL[failure.kind] if failure else WELL
        return Observation(at, self.endpoint, phases, failure, None if failure else self.server, self.address)

    def _decide(self, seen: Sequence[Observation], gap: Span | None = None) -> Story:
        at, failure = seen[-1].at, seen[-1].failure
        decision = decide(self.state, seen, self.target.policy, at, gap)
        state = decision.state
        freshened = {"last_ok": at} if failure is None else {"last_failed": at}
        self.state = replace(state, **freshened)
        self.alerts += decision.alerts
        return self

    def part(self, *kinds: AlertKind) -> TargetAlerts:
        """Return the last alert, or all of these kinds."""
        chosen = [alert for alert in self.alerts if alert.kind in kinds] if kinds else self.alerts[-1:]
        return TargetAlerts(self.target, tuple(chosen))


def past(name: str = "orders") -> TargetHistory:
    """Return a month with two incidents, and a time in which Heartline did not run."""
    incidents = tuple(
        Incident(f"{name}-{began:%Y%m%dT%H%M%SZ}", began, began - MINUTE, began + 4 * MINUTE, began + 5 * MINUTE)
        for began in (BEGAN - 12 * DAY, BEGAN - timedelta(hours=9))
    )
    return TargetHistory(incidents, (Span(BEGAN - timedelta(hours=20), BEGAN - timedelta(hours=17)),))


def mails(language: str) -> Iterator[tuple[str, Message]]:
    """Yield a mail of each kind, with its name."""
    for name, parts, context, now in scenes(language):
        yield name, compose(parts, context, now)


def scenes(language: str) -> Iterator[tuple[str, list[TargetAlerts], AlertContext, datetime]]:
    """Yield what each mail is made of: its name, the alerts, the context, and when it leaves."""
    for name, scene in SCENES.items():
        parts, late, targets = scene(language)
        failures = tuple(alert.failure for part in parts for alert in part.alerts[-1:] if alert.failure)
        histories = {part.target.name: past(part.target.name) for part in parts}
        rds = {parts[0].target.name: FACTS[name]} if name in FACTS else {}
        yield (
            name,
            parts,
            AlertContext(
                targets, failures, histories, "heartline-prod", "eu-west-1", "heartline-prod-MonitorLogs-1kX9", rds
            ),
            parts[0].alerts[-1].at + late,
        )


def documents(language: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what the topic's subscribers get of each alert, with the scene's name."""
    for name, parts, context, now in scenes(language):
        topic = _Topic()
        channel = TopicChannel(topic, "arn:aws:sns:eu-west-1:123456789012:alerts")
        for batch in channel.batches(parts):
            assert channel.send(batch, context, now) is None
        for request in topic.requests:
            yield name, json.loads(json.loads(request["Message"])["default"])


class _Topic:
    """The edge, where boto3 would call SNS."""

    def __init__(self) -> None:
        self.requests: list[dict[str, str]] = []

    def publish(self, **request: str) -> None:
        self.requests.append(request)


Scene = Callable[[str], tuple[list[TargetAlerts], timedelta, int]]
ON_TIME = timedelta(seconds=2)
FAILED = BEGAN + MINUTE


def _one(story: Story, *kinds: AlertKind, late: timedelta = ON_TIME) -> tuple[list[TargetAlerts], timedelta, int]:
    return [story.part(*kinds)], late, 40


def _flapping(language: str, times: int) -> Story:
    """Let it be down and up in turn, a minute each: the third time is reported as flapping."""
    story = Story(language)
    for time in range(times):
        story.down(BEGAN + (2 * time + 1) * MINUTE).up(BEGAN + (2 * time + 2) * MINUTE)
    return story


def _failing_now_and_then(language: str) -> Story:
    """Let the first probe of each tick fail, and the second one be good."""
    story = Story(language)
    for minute in range(6):
        story.blip(BEGAN + minute * MINUTE)
    return story


def _down_again(language: str) -> tuple[list[TargetAlerts], timedelta, int]:
    """Let it come back and go down again while it is muted: both are reported when the mute ends."""
    story = Story(language).down(FAILED)
    story.state = replace(story.state, muted_until=FAILED + 30 * MINUTE)
    story.up(FAILED + 10 * MINUTE).down(FAILED + 20 * MINUTE)
    story.down(FAILED + 31 * MINUTE)
    return [TargetAlerts(story.target, tuple(story.alerts[-2:]))], ON_TIME, 40


def _mixed(language: str) -> tuple[list[TargetAlerts], timedelta, int]:
    """Let one be down, one refuse the monitor, one come back, and one be down again."""
    stories = [Story(language, name) for name in NAMES[:4]]
    down, locked, back, _ = stories
    down.down(FAILED)
    locked.down(FAILED, Kind.AUTH, REJECTED)
    back.down(FAILED - 10 * MINUTE).up(FAILED)
    stories[3] = Story(language, NAMES[3]).down(FAILED - 5 * MINUTE).up(FAILED - 2 * MINUTE).down(FAILED)
    return [story.part() for story in stories], ON_TIME, 40


def _several(language: str, ends: Callable[[Story], object], number: int, targets: int) -> Scene:
    def scene(_: str) -> tuple[list[TargetAlerts], timedelta, int]:
        stories = [Story(language, f"{name}") for name in NAMES[:number]]
        for story in stories:
            ends(story)
        return [story.part() for story in stories], ON_TIME, targets

    return scene


def _slow(language: str) -> Story:
    story = Story(language)
    story.target = replace(story.target, policy=replace(story.target.policy, slow_after=SECOND))
    for minute in range(3):
        story.measured(FAILED + minute * MINUTE, phases=WELL | {Phase.QUERY: 1612.5})
    return story


def _lagging(language: str) -> Story:
    """Let a standby replay nothing from a moment on."""
    story = Story(language)
    story.server = replace(story.server, standby=True)
    story.state = replace(story.state, server=story.server)
    for minute in range(6, 8):
        story.measured(FAILED + minute * MINUTE, replay_delay=minute * 60.0)
    return story


def _not_delivered(language: str, receipt: Receipt, *whom: str) -> tuple[list[TargetAlerts], timedelta, int]:
    """Let a mail that it is down not reach some of its recipients."""
    story = Story(language).down(FAILED)
    down = story.alerts[-1]
    incident = down.incident.id if down.incident else None
    named = MailedAlert(story.name, down.kind, down.id, "DOWN", incident)
    mail = Mail(mail_id(FAILED, "0123456789ab"), FAILED + SECOND, (*whom, "lead@example.com"), (named,))
    story.alerts.append(
        NotDelivered(
            f"not-delivered-{mail.id}",
            AlertKind.NOT_DELIVERED,
            story.name,
            FAILED + 9 * SECOND,
            recipients=whom,
            receipt=receipt,
            mail=mail,
        )
    )
    return _one(story)


def _crashed(story: Story) -> Story:
    story.restarted(BEGAN - MINUTE, resets=(BEGAN - 30 * DAY,) * 4)
    return story.restarted(FAILED, resets=(FAILED - 12 * SECOND,) * 4)


def _failed_over(story: Story) -> Story:
    story.state = replace(story.state, address="10.0.2.9")
    return story.restarted(FAILED, started=FAILED - 3 * DAY, timeline=4)


SECOND = timedelta(seconds=1)
NAMES = ("orders", "billing", "stock", "users", "search", *(f"shop-{place:03d}" for place in range(195)))
# What RDS says in some of the scenes.
FACTS = {
    "down-storage-full": RdsFacts(
        "storage-full",
        maintenance=("system-update New Operating System update is available",),
        events=(RdsEvent(BEGAN, "Free storage capacity for DB instance: orders is low at 1%", ("low storage",)),),
    ),
    "failed-over-by-rds": RdsFacts(
        "available",
        "orders-2",
        events=(
            RdsEvent(BEGAN + 8 * SECOND, "Started cross AZ failover to DB instance: orders-2", ("failover",)),
            RdsEvent(BEGAN + 29 * SECOND, "Completed failover to DB instance: orders-2", ("failover",)),
        ),
    ),
}
SCENES: dict[str, Scene] = {
    "down": lambda code: _one(Story(code).down(FAILED)),
    "down-timeout": lambda code: _one(Story(code).down(FAILED, Kind.TIMEOUT)),
    "down-hostile": lambda code: _one(Story(code).down(FAILED, Kind.SATURATED, HOSTILE)),
    "down-after-a-gap": lambda code: _one(Story(code).down(BEGAN + 60 * MINUTE, gap=Span(BEGAN, BEGAN + 60 * MINUTE))),
    "cannot-log-in": lambda code: _one(Story(code).down(FAILED, Kind.AUTH, REJECTED)),
    "cannot-connect": lambda code: _one(
        Story(code).down(FAILED, Kind.DENIED, 'permission denied for database "orders"')
    ),
    "cannot-query": lambda code: _one(Story(code).down(FAILED, Kind.BAD_QUERY, 'relation "order" does not exist')),
    "no-secret": lambda code: _one(Story(code).down(FAILED, Kind.CREDENTIALS)),
    "cannot-log-in-reminder": lambda code: _one(
        Story(code).down(FAILED, Kind.AUTH).down(FAILED + 60 * MINUTE, Kind.AUTH)
    ),
    "cannot-log-in-recovered": lambda code: _one(
        Story(code).down(FAILED, Kind.AUTH, REJECTED).up(FAILED + 14 * MINUTE)
    ),
    "an-outage-after-all": lambda code: _one(Story(code).down(FAILED, Kind.AUTH).down(FAILED + 9 * MINUTE)),
    "reminder": lambda code: _one(Story(code).down(FAILED).down(FAILED + 60 * MINUTE)),
    "recovered": lambda code: _one(Story(code).down(FAILED).up(FAILED + 14 * MINUTE)),
    "down-and-recovered-late": lambda code: _one(
        Story(code).down(FAILED).up(FAILED + 14 * MINUTE),
        AlertKind.DOWN,
        AlertKind.RECOVERED,
        late=7 * MINUTE,
    ),
    "recovered-down-again": _down_again,
    "flapping-and-down": lambda code: _one(_flapping(code, 2).down(BEGAN + 5 * MINUTE)),
    "flapping": lambda code: _one(_failing_now_and_then(code)),
    "flapping-reminder": lambda code: _one(
        _flapping(code, 4).up(BEGAN + 12 * MINUTE).down(BEGAN + 64 * MINUTE).up(BEGAN + 66 * MINUTE)
    ),
    "stable-again": lambda code: _one(_flapping(code, 4).up(BEGAN + 58 * MINUTE).up(BEGAN + 65 * MINUTE)),
    "no-longer-watched": lambda code: _one(Story(code).down(FAILED).removed(FAILED + 9 * MINUTE)),
    "now-watching": lambda code: _one(Story(code).found(FAILED)),
    "no-longer-listed": lambda code: _one(Story(code).removed(FAILED, Addressees(("oncall@example.com",), code))),
    "down-storage-full": lambda code: _one(Story(code).down(FAILED)),
    "failed-over-by-rds": lambda code: _one(_failed_over(Story(code))),
    "restarted": lambda code: _one(Story(code).restarted(FAILED, started=FAILED - 20 * SECOND)),
    "crashed": lambda code: _one(_crashed(Story(code))),
    "failed-over": lambda code: _one(_failed_over(Story(code))),
    "several-servers": lambda code: _one(
        _failed_over(Story(code)).restarted(FAILED + MINUTE, started=BEGAN - 30 * DAY)
    ),
    "replaced": lambda code: _one(
        Story(code).restarted(FAILED, started=FAILED - 9 * MINUTE, system="7409876543210987654", timeline=1)
    ),
    "upgraded": lambda code: _one(Story(code).restarted(FAILED, started=FAILED - 20 * SECOND, version="16.6")),
    "expiring": lambda code: _one(Story(code).restarted(FAILED, certificate_expires=FAILED + 6.5 * DAY)),
    "slow": lambda code: _one(_slow(code)),
    "filling": lambda code: _one(Story(code).measured(FAILED, slots=97, slots_used=84)),
    "filling-ended": lambda code: _one(
        Story(code).measured(FAILED, slots=97, slots_used=84).measured(FAILED + 40 * MINUTE, slots=97, slots_used=69)
    ),
    "lagging": lambda code: _one(_lagging(code)),
    "wraparound": lambda code: _one(Story(code).measured(FAILED, xid_age=1_634_567_890)),
    "restarted-in-an-outage": lambda code: _one(
        Story(code).down(FAILED).restarted(FAILED + 3 * MINUTE, started=FAILED + 2 * MINUTE)
    ),
    "group-down": lambda code: _several(code, lambda story: story.down(FAILED), 5, 40)(code),
    "group-recovered": lambda code: _several(code, lambda story: story.down(FAILED).up(FAILED + 14 * MINUTE), 5, 40)(
        code
    ),
    "group-mixed": _mixed,
    "monitor-cut-off": lambda code: _several(code, lambda story: story.down(FAILED, Kind.TIMEOUT), 3, 3)(code),
    "group-of-200": lambda code: _several(code, lambda story: story.down(FAILED, Kind.SATURATED, HOSTILE), 200, 500)(
        code
    ),
    "not-delivered": lambda code: _not_delivered(
        code,
        Receipt(Outcome.BOUNCED, FAILED + 8 * SECOND, "mx.example.com", "smtp; 550 5.1.1 user unknown"),
        "oncall@example.com",
    ),
    "not-delivered-as-spam": lambda code: _not_delivered(
        code, Receipt(Outcome.COMPLAINED, FAILED + 8 * SECOND, None, "abuse"), "oncall@example.com"
    ),
    "not-delivered-harmful": lambda code: _not_delivered(
        code,
        Receipt(Outcome.REJECTED, FAILED + 8 * SECOND, None, "Bad content"),
        *(f"dba-{number}@example.com" for number in range(1, 5)),
    ),
    "not-delivered-hostile": lambda code: _not_delivered(
        code, Receipt(Outcome.RETURNED, FAILED + 8 * SECOND, "<b>mx", sanitize(HOSTILE)), "oncall@example.com"
    ),
    "test": lambda code: (
        [TargetAlerts(Story(code).target, (Alert("test-20261123T031000Z", AlertKind.TEST, "orders", BEGAN),))],
        ON_TIME,
        40,
    ),
}
