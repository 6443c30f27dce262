"""Conditions are told once when they begin and once when they end, by their thresholds, at no outage's cost."""

from __future__ import annotations

from collections.abc import Iterator

from simulation.gauges import EXPIRING
from simulation.mail import DOWN, UP, Told
from simulation.oracle.account import BAD, GOOD, MIXED, Account
from simulation.oracle.checks import Answer, Breach, rule, span
from simulation.oracle.measured import Followed, Limits
from simulation.world import DAY, HOUR

CONDITIONS = "conditions"
_ROOM = 1, 4  # so few alerts in an hour and a day leave room for one more
_NEAR = {EXPIRING: 0.01}  # days that clocks may be off


def _said(account: Account, *, over: bool) -> Iterator[tuple[Told, Followed, Limits]]:
    conditions = account.conditions
    for mail in account.tick.mails:
        if mail.told and mail.told.over == over and mail.told.kind in conditions.limits:
            yield mail.told, conditions.known[mail.told.kind], conditions.limits[mail.told.kind]


@rule(CONDITIONS, of_mails=True)
def a_level_is_told_once_an_episode(account: Account) -> Answer:
    """The lowest again after its end was told, a higher one after it was left."""
    answer: Answer = None
    for told, _, _ in _said(account, over=False):
        answer, level = True, account.conditions.level(told)
        known, dropped, _ = account.conditions.before[told.kind]
        if known and (level == 1 or level <= dropped):
            return Breach(account.now, f"{told.kind}, level {level}, is said; people know of level {known}")
    return answer


@rule(CONDITIONS, of_mails=True)
def what_begins_is_beyond_its_threshold(account: Account) -> Answer:
    answer: Answer = None
    for told, one, limits in _said(account, over=False):
        answer, level, near = True, account.conditions.level(told), _NEAR.get(told.kind, 1e-6)
        if not level or one.may < level:
            return Breach(account.now, f"{told.kind} beyond {told.threshold} is said, {one.may} levels were reached")
        if told.value < limits.ends[level - 1] - near:
            return Breach(account.now, f"{told.kind}, level {level}, is said at {told.value}")
    return answer


@rule(CONDITIONS, of_mails=True)
def what_ends_is_below_its_threshold(account: Account) -> Answer:
    answer: Answer = None
    for told, one, limits in _said(account, over=True):
        answer = True
        if told.value >= limits.begins[0]:
            return Breach(account.now, f"the end of {told.kind} is said at {told.value}")
        if not one.over and not account.shifted():
            ago = span(account.now - one.high)
            return Breach(account.now, f"the end of {told.kind} is said at {one.value}, {ago} after it was seen")
    return answer


@rule(CONDITIONS, of_mails=True)
def what_was_measured_is_what_is_said(account: Account) -> Answer:
    answer: Answer = None
    for over in (False, True):
        for told, one, _ in _said(account, over=over):
            near = _NEAR.get(told.kind, 1e-6 * max(1, abs(told.value))) + account.shifted() / DAY
            answer = True
            if one.value is not None and abs(told.value - one.value) > near:
                return Breach(account.now, f"{told.kind}: {told.value} is said, {one.value} was measured")
            forgotten = len(one.begun) == one.begun.maxlen and told.since < one.begun[0]
            if account.world.steps or forgotten:
                continue
            margin = 0.01 + 2 * account.world.skew
            if not any(abs(at - told.since) < margin for at in one.begun):
                return Breach(account.now, f"{told.kind}: nothing was beyond its threshold at the time that is said")
    return answer


@rule(CONDITIONS, of_mails=True)
def they_are_told_of_what_is_up(account: Account) -> Answer:
    said = [mail.kind for mail in account.tick.mails if mail.told]
    if not said:
        return None
    return account.tick.probes[-1].fault is None or Breach(account.now, f"{said[0]} is said, the last probe was bad")


def _due(account: Account) -> bool:
    """Return True if nothing excuses that people wait for what was measured in this tick."""
    stretch, now = account.stretch, account.now
    if stretch is None or stretch.found != GOOD or not (stretch.confirmed or stretch.ticks > 1):
        return False
    if account.hushed or account.stale or account.shifted():
        return False
    hour = sum(at > now - HOUR - account.interval for at in account.sent)
    return hour <= _ROOM[0] and len(account.sent) <= _ROOM[1]


@rule(CONDITIONS)
def one_that_begins_is_told_where_there_is_room(account: Account) -> Answer:
    found = [(kind, one) for kind, one in account.conditions.known.items() if one.must]
    if not found or not _due(account):
        return None
    for kind, one in found:
        if one.told < one.must:
            return Breach((kind, one.places[-1]), f"{kind} is at {one.value}; people know of level {one.told}")
    return True


@rule(CONDITIONS)
def one_that_ends_is_told_where_there_is_room(account: Account) -> Answer:
    found = [(kind, one) for kind, one in account.conditions.known.items() if one.value is not None and one.low]
    if not found or not _due(account):
        return None
    for kind, one in found:
        calm = one.calm(account.now)
        if one.told and calm > account.conditions.limits[kind].rest + account.interval:
            return Breach((kind, one.low), f"{kind} is over for {span(calm)}; people know of it")
    return True


@rule(CONDITIONS, of_mails=True)
def who_was_told_of_one_hears_its_end_and_nobody_else(account: Account) -> Answer:
    answer: Answer = None
    for mail in account.tick.mails:
        if mail.told and mail.told.over and mail.told.kind in account.conditions.before:
            answer, (_, _, knew) = True, account.conditions.before[mail.told.kind]
            readers = account.readers if mail.to is None else mail.to
            if readers != knew:
                return Breach(account.now, f"{', '.join(sorted(knew))} knew, {', '.join(sorted(readers))} hear the end")
    return answer


@rule(CONDITIONS, of_mails=True)
def two_in_an_hour_are_the_most(account: Account) -> Answer:
    """Beside those of what holds for a day, and while it flaps."""
    if not any(mail.told for mail in account.tick.mails) or account.people.flapping or account.shifted():
        return None
    number = sum(at > account.now - HOUR and not held for at, held in account.conditions.mails)
    return number <= 2 or Breach(account.now, f"{number} in an hour")


@rule(CONDITIONS)
def an_outage_after_conditions_alone_is_told_as_ever(account: Account) -> Answer:
    """Down at once and not as flapping, and up again at once, however much was said of conditions before."""
    stretch, before, people = account.stretch, account.before, account.people
    if stretch is None or not stretch.confirmed or account.hushed or account.stale or before.flapping:
        return None
    if not account.conditions.mails or account.shifted() or not _alone(account):
        return None
    if stretch.found == BAD:
        told = people.word == DOWN and not people.flapping
        return told or Breach(stretch.since, f"down after conditions alone; people know: {people.word}")
    if stretch.found == GOOD and before.word == DOWN:
        told = people.word == UP and not people.flapping
        return told or Breach(stretch.since, f"up after conditions alone; people know: {people.word}")
    return None


def _alone(account: Account) -> bool:
    """Return True if nothing but conditions and one outage was to be told in the last day."""
    if len(account.onsets) > 1 or any(mixed for _, mixed in account.failures) or account.gone:
        return False
    if any(held and at > account.now - DAY for at, held in account.conditions.mails):
        return False
    others = len(account.sent) - sum(at > account.now - DAY for at, _ in account.conditions.mails)
    since_down = sum(at >= account.onsets[0] for at in account.sent) if account.onsets else 0
    if others > since_down or (account.stretch and account.stretch.found == MIXED):
        return False
    return not account.world.events_between(account.now - 1.3 * DAY, account.now)
