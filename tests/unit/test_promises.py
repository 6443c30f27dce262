"""The eight rules of alerting, each as a property of what really happens to a database and of the mails alone.

The lives that the properties are tried on are lists of spans of time: what each probe within one of them meets. Nothing
that a property asks comes from the rules: no constant, no formula and no part of the state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from heartline.model.alert import Alert
from heartline.model.belief import Addressees, Believed
from heartline.model.heartbeat import Heartbeat, freshen
from heartline.model.incident import Span
from heartline.model.kinds import AlertKind, Kind, Status
from heartline.model.observation import Failure, Observation
from heartline.model.state import State, Stored
from heartline.model.target import Policy
from heartline.rules.decide import decide, wants_another
from heartline.rules.reminders import reminded_of
from heartline.rules.watching import addressed, unwatch
from heartline.storage.schema import FORMAT, plain, read_target, wire
from unit.samples import ENDPOINT, HOUR, MINUTE, NOW, SECOND, SERVER, failure

# What a probe meets: nothing wrong, an outage, a monitor that is not let in, or a failure in all but the last probe.
UP, OUTAGE, LOCKED, BLIP = "up", "outage", "locked out", "blip"
MEETS = {OUTAGE: failure(Kind.REFUSED), LOCKED: failure(Kind.AUTH), BLIP: failure(Kind.TIMEOUT)}
SETTLE = 5 * MINUTE
EXAMPLES = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
counted: dict[str, int] = {}
# Two days; a tick in 37 is followed by a restart that keeps nothing but what is stored.
_MOST_TICKS, _RESTARTS = 2880, 37


@dataclass(frozen=True)
class Tick:
    """What one tick really met, and which mails left in it."""

    at: datetime
    met: str
    restarted: bool
    quiet: bool
    mails: tuple[Alert, ...]
    acknowledged: bool = False
    removed: bool = False


@dataclass
class Life:
    """A target that is led through spans of so many ticks; some ticks never come."""

    spans: list[tuple[str, int]]
    missed: int = 0
    mute: tuple[int, int] = (0, 0)
    restart_every: int = 0
    acknowledge_at: frozenset[int] = frozenset()
    remove_at: int | None = None
    others_at: int | None = None
    slow: float = 0.0
    ticks: list[Tick] = field(default_factory=list)

    def led(self) -> list[Tick]:
        state, heartbeat, policy = State("orders"), Heartbeat(NOW - MINUTE, ()), Policy(confirm_after=SECOND)
        readers, met = (
            Addressees(("a@example.com",)),
            [what for what, number in self.spans for _ in range(number)][:_MOST_TICKS],
        )
        server = SERVER
        for minute, what in enumerate(met):
            at = NOW + minute * MINUTE
            if self.missed and minute % self.missed == 1:
                continue
            if minute == self.others_at:
                readers = Addressees(("b@example.com",))
            state = stored(state) if minute % _RESTARTS == 0 else state
            before = freshen(Stored(state), heartbeat).state
            if minute == self.mute[0]:
                before = replace(before, muted_until=at + self.mute[1] * MINUTE)
            if minute in self.acknowledge_at and before.belief:
                before = replace(before, belief=replace(before.belief, acknowledged=reminded_of(before)))
            if minute == self.remove_at:
                gone = unwatch(before, at)
                self.note(Tick(at, what, restarted=False, quiet=False, mails=gone.alerts, removed=True))
                return self.ticks
            restarted = bool(self.restart_every and what == UP and minute % self.restart_every == 0)
            server = replace(server, started=at - SECOND) if restarted else server
            observations = self.probed(before, what, at, policy, replace(server))
            gap = Span(heartbeat.at, at) if at - heartbeat.at > 1.5 * MINUTE else None
            now = observations[-1].ended or at
            decision = addressed(before, decide(before, observations, policy, now, gap), readers)
            state = decision.state
            found = {Status.UP: (("orders",), ()), Status.DOWN: ((), ("orders",))}.get(decision.seen, ((), ()))
            heartbeat = Heartbeat(at, *found)
            quiet = self.mute[0] <= minute < self.mute[0] + self.mute[1]
            self.note(Tick(now, what, restarted, quiet, decision.alerts, minute in self.acknowledge_at))
        return self.ticks

    def probed(self, before: State, what: str, at: datetime, policy: Policy, server: object) -> list[Observation]:
        observations: list[Observation] = []
        while not observations or wants_another(before, observations, policy):
            begins = observations[-1].until + SECOND if observations else at
            wrong = self.wrong(what, len(observations))
            ends = begins + timedelta(seconds=self.slow)
            seen = None if wrong else server
            observations.append(Observation(begins, ENDPOINT, {}, wrong, seen, "192.0.2.7", ends))  # type: ignore[arg-type]
        return observations

    def wrong(self, what: str, number: int) -> Failure | None:
        return None if what == UP or (what == BLIP and number == 2) else MEETS[what]

    def note(self, tick: Tick) -> None:
        self.ticks.append(tick)
        for mail in tick.mails:
            counted[mail.kind] = counted.get(mail.kind, 0) + 1


def stored(state: State) -> State:
    """Keep nothing but what DynamoDB has."""
    read = read_target("orders", plain(wire({"format": FORMAT, "state": state, "outbox": {}, "version": 1})))
    assert isinstance(read, Stored), read
    return read.state


spans = st.lists(
    st.tuples(
        st.sampled_from([UP, UP, OUTAGE, OUTAGE, LOCKED, BLIP]), st.sampled_from([1, 1, 2, 3, 6, 9, 30, 70, 200])
    ),
    min_size=1,
    max_size=6,
)
repeated = st.builds(lambda one, times: (one * times)[:300], spans, st.sampled_from([1, 2, 10, 40]))
lives = st.builds(Life, repeated, missed=st.sampled_from([0, 0, 3, 5]))
restless = st.builds(Life, repeated, missed=st.sampled_from([0, 4]), restart_every=st.sampled_from([0, 1, 7, 40]))
PAGER = {Believed.DOWN, Believed.MISCONFIGURED}


def known(ticks: list[Tick]) -> str:
    """Say what whoever read all mails knows: what the last that says anything of it said."""
    word = "nothing"
    for mail in (mail for tick in ticks for mail in tick.mails):
        if mail.kind in {AlertKind.RECOVERED, AlertKind.STABLE, AlertKind.UNWATCHED}:
            word = "up"
        elif mail.believed:
            word = "down" if mail.believed in PAGER else "flapping"
    return word


@EXAMPLES
@given(st.builds(Life, repeated, missed=st.sampled_from([0, 3]), slow=st.sampled_from([0.0, 4.9])))
def test_1_truth_each_bound_contains_what_really_happened(life: Life) -> None:
    changes = [NOW + sum(number for _, number in life.spans[:place]) * MINUTE for place in range(len(life.spans))]
    # What a span begins with happens between the ticks before and in it.
    wrong = {at for at, (what, _) in zip(changes, life.spans, strict=True) if what in {OUTAGE, LOCKED}}
    good = {at for at, (what, _) in zip(changes, life.spans, strict=True) if what in {UP, BLIP}}
    for tick in life.led():
        for mail in (mail for mail in tick.mails if mail.incident and mail.incident.kinds):
            bounds = mail.incident
            assert any((bounds.last_ok or at - MINUTE) <= at <= bounds.began for at in wrong)
            if bounds.ended:
                assert any(bounds.last_failed <= at <= bounds.ended for at in good)
        if tick.mails and tick.mails[-1].believed in PAGER:
            # What is down and fails but in its third probe is down: the third is never asked for.
            assert tick.met in {OUTAGE, LOCKED, BLIP}
        if tick.mails and tick.mails[-1].kind in {AlertKind.RECOVERED, AlertKind.STABLE}:
            assert tick.met in {UP, BLIP}


@EXAMPLES
@given(st.sampled_from([OUTAGE, LOCKED]), st.integers(1, 300), st.integers(0, 4))
def test_2_prompt_a_single_outage_is_told_in_its_tick_and_so_is_its_end(met: str, length: int, before: int) -> None:
    ticks = Life([(UP, before + 1), (met, length), (UP, 3)]).led()
    down, up = ticks[before + 1], ticks[before + 1 + length]
    assert [mail.kind for mail in down.mails] == [AlertKind.DOWN]
    assert [mail.kind for mail in up.mails] == [AlertKind.RECOVERED]


@EXAMPLES
@example(Life([(UP, 2), (UP, 1), (UP, 1), (OUTAGE, 1), (UP, 3)], restart_every=1))
@given(restless)
def test_2_prompt_whatever_came_before_a_recovery_is_told_in_its_tick_or_it_is_known_to_flap(life: Life) -> None:
    flaps = False
    ticks = life.led()
    for place, tick in enumerate(ticks):
        for mail in tick.mails:
            over = mail.kind in {AlertKind.STABLE, AlertKind.RECOVERED}
            flaps = not over and (mail.flapping is not None if mail.believed else flaps)
        if tick.met == UP and not flaps:
            assert known(ticks[: place + 1]) != "down"


@EXAMPLES
@given(lives)
def test_3_silence_what_is_down_in_every_tick_for_long_is_known_to_be_down(life: Life) -> None:
    ticks, since = life.led(), None
    for place, tick in enumerate(ticks):
        bad = tick.met in {OUTAGE, LOCKED}
        since = (since or tick.at) if bad else None
        if since and tick.at - since > SETTLE + MINUTE + 10 * SECOND:
            assert known(ticks[: place + 1]) == "down"


@EXAMPLES
@given(restless)
def test_3_silence_while_anything_is_wrong_or_flapping_no_day_is_without_a_mail(life: Life) -> None:
    last, wrong = None, False
    for tick in life.led():
        if tick.mails:
            last = tick.at
            wrong = known([tick]) in {"down", "flapping"} or (wrong and known([tick]) == "nothing")
        if wrong and last:
            assert tick.at - last <= 24 * HOUR + 4 * MINUTE


# Each leaves room for one alert too few where the budget keeps too little for what must follow.
A_RECOVERY_TOO_MANY = [(UP, 4), (OUTAGE, 1), (UP, 1), (OUTAGE, 1), (UP, 1), (LOCKED, 1), (OUTAGE, 2)]
STABLE_TOO_SOON = [(UP, 51), (OUTAGE, 1), (UP, 1), (OUTAGE, 1), (UP, 8), (LOCKED, 1), (OUTAGE, 2)]
FLAPPING_TOO_LATE = [(UP, 2), *[(OUTAGE, 1), (UP, 1)] * 2, (BLIP, 7), (LOCKED, 8), (OUTAGE, 2)]
LOCKED_AND_OUT = [
    (UP, 2),
    (LOCKED, 1),
    (OUTAGE, 1),
    (UP, 1),
    (LOCKED, 1),
    (OUTAGE, 1),
    (UP, 8),
    (LOCKED, 8),
    (OUTAGE, 2),
]


@EXAMPLES
@example(Life(A_RECOVERY_TOO_MANY, restart_every=3))
@example(Life(FLAPPING_TOO_LATE))
@example(Life(LOCKED_AND_OUT))
@example(Life(STABLE_TOO_SOON, restart_every=50))
@example(Life([(UP, 2), *[(OUTAGE, 9), (UP, 9)] * 3, (LOCKED, 8), (OUTAGE, 200)], restart_every=7))
@given(restless)
def test_4_noise_no_hour_has_more_than_six_alerts_and_no_day_more_than_24(life: Life) -> None:
    sent = [mail.at for tick in life.led() for mail in tick.mails]
    for at in sent:
        assert sum(timedelta(0) <= at - one <= HOUR for one in sent) <= 6
        assert sum(timedelta(0) <= at - one <= 24 * HOUR for one in sent) <= 24


@EXAMPLES
@given(st.integers(3, 60), st.integers(1, 4), st.integers(60, 200))
def test_5_blips_failing_probes_in_each_second_tick_are_told_as_flapping(one: int, few: int, many: int) -> None:
    often = Life([(UP, one), *[(BLIP, 1), (UP, 1)] * many]).led()
    assert known(often) == "flapping"
    seldom = Life([(UP, one), *[(BLIP, few), (UP, 90)] * 3]).led()
    assert known(seldom) == "nothing"


@EXAMPLES
@given(
    st.lists(st.tuples(st.integers(1, 80), st.integers(1, 80)), min_size=1, max_size=3),
    st.frozensets(st.integers(0, 400), max_size=5),
)
def test_6_severity_what_turns_from_misconfigured_to_an_outage_is_told_at_once(
    turns: list[tuple[int, int]], acknowledge_at: frozenset[int]
) -> None:
    spans = [span for locked, out in turns for span in ((LOCKED, locked), (OUTAGE, out))]
    ticks = Life([(UP, 2), *spans], acknowledge_at=acknowledge_at).led()
    told = None
    for before, tick in pairwise(ticks):
        told = next((mail.believed for mail in reversed(tick.mails) if mail.believed), told)
        if before.met == LOCKED and tick.met == OUTAGE:
            assert told is Believed.DOWN


@EXAMPLES
@example([(OUTAGE, 9)], 5, 3)
@given(repeated, st.integers(0, 300), st.integers(0, 300))
def test_7_the_end_is_told_to_whoever_was_told_of_the_beginning(
    spans: list[tuple[str, int]], remove_at: int, others_at: int
) -> None:
    ticks = Life([*spans, (UP, 3)], remove_at=remove_at, others_at=others_at).led()
    waiting: set[str] = set()
    for mail in (mail for tick in ticks for mail in tick.mails):
        assert mail.addressees
        if mail.kind in {AlertKind.RECOVERED, AlertKind.STABLE, AlertKind.UNWATCHED}:
            assert set(mail.addressees.recipients) == waiting
            waiting = set()
        elif mail.believed:
            waiting |= set(mail.addressees.recipients)
    if ticks[-1].removed:
        assert not waiting


@EXAMPLES
@given(repeated, st.integers(0, 200), st.integers(1, 100))
def test_8_quiet_holds_back_and_what_is_still_wrong_at_its_end_is_told_then(
    spans: list[tuple[str, int]], begins: int, length: int
) -> None:
    ticks = Life(spans, mute=(begins, length)).led()
    for place, (before, tick) in enumerate(pairwise(ticks), start=2):
        assert not (tick.quiet and tick.mails)
        if before.quiet and not tick.quiet and before.met == tick.met and tick.met in {OUTAGE, LOCKED}:
            assert known(ticks[:place]) in {"down", "flapping"}


@EXAMPLES
@given(st.sampled_from([UP, OUTAGE, LOCKED, BLIP]))
def test_8_first_sight_is_silent_if_healthy_and_an_alert_if_down(met: str) -> None:
    (first, *_) = Life([(met, 1)]).led()
    assert [mail.kind for mail in first.mails] == ([] if met in {UP, BLIP} else [AlertKind.DOWN])


def test_the_lives_reach_every_kind_of_alert_about_what_is_wrong(
    record_property: Callable[[str, object], None], request: pytest.FixtureRequest
) -> None:
    if request.session.testscollected < 10:
        pytest.skip("only with the properties of this file")
    for kind, number in sorted(counted.items()):
        record_property(str(kind), number)
    assert {"down", "reminder", "recovered", "flapping", "stable", "unwatched", "restarted"} <= counted.keys()
