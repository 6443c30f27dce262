"""Rules 2 to 5: prompt, bounded silence, bounded noise, and blips that count."""

from __future__ import annotations

from collections import Counter

from simulation.mail import DOWN, FLAPPING
from simulation.oracle.account import BAD, GOOD, MIXED, Account
from simulation.oracle.checks import EVENTS, Answer, Breach, rule, span
from simulation.world import DAY, HOUR

PROMPT, SILENCE, NOISE, BLIPS = "prompt", "silence", "noise", "blips"


def _free(account: Account) -> bool:
    """Return True if nothing excuses that a transition is not told now."""
    return not (account.people.flapping or account.hushed or account.stale or account.spent())


@rule(PROMPT)
def a_confirmed_down_is_told_in_its_tick(account: Account) -> Answer:
    stretch = account.stretch
    if stretch is None or stretch.found != BAD or not stretch.confirmed or not _free(account):
        return None
    if account.people.word in (DOWN, FLAPPING):
        return True
    return Breach(stretch.since, f"down for {span(account.now - stretch.since)}, confirmed, and not told")


@rule(PROMPT)
def a_confirmed_recovery_is_told_in_its_tick(account: Account) -> Answer:
    stretch = account.stretch
    if stretch is None or stretch.found != GOOD or not stretch.confirmed or not _free(account):
        return None
    if account.people.word != DOWN:
        return True
    return Breach(stretch.since, f"up for {span(account.now - stretch.since)}, confirmed, and not told")


@rule(PROMPT)
def what_happened_to_a_server_between_good_probes_is_told(account: Account) -> Answer:
    stretch, world, since = account.stretch, account.world, account.looked
    if since is None or stretch is None or stretch.found != GOOD or stretch.ticks < 2 or account.people.worried:
        return None
    until = account.tick.probes[0].begins
    events = {event.word for event in world.events_between(since, until)} & EVENTS
    if not events or len(world.servers(until)) > 1 or not _free(account) or stretch.open == account.tick.begins:
        return None
    lately = until - HOUR - account.interval
    if world.events_between(lately, since) or any(at > lately for at, _ in account.failures):
        return None  # not by itself: it may count as flapping
    told = {claim.word for mail in account.tick.mails for claim in mail.claims}
    return bool(told & EVENTS) or Breach(account.now, f"{', '.join(events)} since the tick before, and not told")


@rule(PROMPT)
def what_happened_to_a_server_is_told_within_a_day(account: Account) -> Answer:
    """By itself, or summed up."""
    mails, stretch, since = account.tick.mails, account.stretch, account.looked
    if any({claim.word for claim in mail.claims} & EVENTS or mail.word == FLAPPING for mail in mails):
        account.unheard = None
    if since is None or stretch is None or account.hushed or account.stale or account.people.worried:
        return None
    until = account.tick.probes[0].begins
    between = stretch.found == GOOD and stretch.ticks > 1 and stretch.open < account.tick.begins
    if between and not mails and len(account.world.servers(until)) == 1:
        happened = {event.word for event in account.world.events_between(since, until)} & EVENTS
        account.unheard = account.unheard or (account.now if happened else None)
    if account.unheard is None or account.hush_ended > account.unheard:
        return None
    ago = account.now - account.unheard
    return ago < DAY + account.shifted() or Breach(account.unheard, f"{span(ago)} ago, and nobody has heard of it")


@rule(SILENCE)
def what_stays_down_is_known_to_be_down(account: Account) -> Answer:
    stretch, care = account.stretch, account.care
    if stretch is None or stretch.found != BAD or account.hushed or account.stale:
        return None
    since = max(stretch.since, stretch.open)
    if account.now - since <= care.settle_after + account.interval + 1 + account.shifted():
        return None
    if account.people.word == DOWN:
        return True
    return Breach(
        stretch.since, f"down in all ticks for {span(account.now - since)}; people know: {account.people.word}"
    )


@rule(SILENCE)
def what_lasts_unlike_those_before_is_told(account: Account) -> Answer:
    """Of this very outage people hear, whatever they heard of others, while a third of the budget is left."""
    stretch, care = account.stretch, account.care
    if stretch is None or stretch.found != BAD or not account.down or account.hushed or account.stale:
        return None
    since = max(account.down_since, stretch.open)
    usual = max((length for _, length in account.lengths), default=0.0)
    if account.now - since <= care.settle_after + account.interval + 1 + 4 * usual or account.shifted():
        return None
    if account.hour() > 4 or len(account.sent) > 16:
        return None
    if account.people.word == DOWN and account.people.told_at >= account.down_since:
        return True
    text = f"down for {span(account.now - since)}, before at most for {span(usual)}"
    return Breach(account.down_since, f"{text}; the last mail was {span(account.now - account.people.told_at)} ago")


@rule(SILENCE)
def while_something_is_wrong_reminders_come(account: Account) -> Answer:
    people, care = account.people, account.care
    if not people.worried or account.hushed or account.acknowledged or account.stale or account.spent():
        return None
    if account.stretch and account.stretch.found == GOOD and not people.flapping:
        return None  # over: the rule of the end
    # "hourly" while it flaps, and after many mails, however often reminders were asked for
    lately = sum(at > people.told_at - HOUR for at in account.sent)
    many = lately > 6 - 1 - _KEPT or len(account.sent) + (account.vacated == account.now) > 24 - 1 - _KEPT
    every = max(HOUR, care.remind_every) if people.flapping or many else care.remind_every
    due = min(every * 2.0 ** min(people.mails - 1, 30), max(DAY, every))
    since = max(people.told_at, account.hush_ended)
    margin = account.interval + 2 + account.shifted()
    if account.last is None or account.now - since <= due + margin:
        return True
    return Breach(people.told_at, f"{people.word}, and no mail for {span(account.now - since)}; due after {span(due)}")


_KEPT = 3  # docs/configuration.md: so many alerts of an hour and of a day are kept for what must be told


@rule(SILENCE)
def no_day_is_silent_in_which_each_hour_saw_failures(account: Account) -> Answer:
    since, now = account.people.told_at, account.now
    if len(account.failures) < _HOURS or account.hushed or account.acknowledged or account.shifted():
        return None
    if since > now - _HOURS * HOUR:
        return True
    if now - account.hush_ended < _HOURS * HOUR or account.interval > HOUR / 4:
        return None
    hours = Counter(int((now - at) / HOUR) for at, _ in account.failures)
    if min(hours[ago] for ago in range(_HOURS)) < max(2, 0.1 * HOUR / account.interval):
        return None
    return Breach(since, f"failures in each hour of the day, and no mail for {span(now - since)}")


_HOURS = 26


@rule(NOISE, of_mails=True)
def six_alerts_in_an_hour_are_the_most(account: Account) -> Answer:
    if not account.tick.mails or account.shifted():
        return None
    number = account.hour() - account.asked_for(HOUR)
    return number <= 6 or Breach(("hour", int(account.now / HOUR)), f"{number} alerts in an hour")


@rule(NOISE, of_mails=True)
def twenty_four_alerts_in_a_day_are_the_most(account: Account) -> Answer:
    if not account.tick.mails or account.shifted():
        return None
    number = len(account.sent) - account.asked_for(DAY)
    return number <= 24 or Breach(("day", int(account.now / DAY)), f"{number} alerts in a day")


@rule(NOISE, of_mails=True)
def flapping_is_said_once(account: Account) -> Answer:
    said = [mail for mail in account.tick.mails if mail.word == FLAPPING and mail.kind != "reminder"]
    if not said:
        return None
    return not account.before.flapping or Breach(account.now, "flapping is said of what was told as flapping")


@rule(BLIPS)
def status_counts_blips(account: Account) -> Answer:
    shown, stretch = account.blips_shown, account.stretch
    if shown is None or stretch is None or stretch.found != MIXED or account.stale:
        return None
    if account.before.worried or account.tick.probes[-1].fault or account.hushed or account.people.worried:
        return None
    grown, account.reported_blips = shown > account.reported_blips, shown
    return grown or Breach(account.now, f"a probe failed while up; status shows {shown} blips as before")


@rule(BLIPS)
def frequent_failures_are_told(account: Account) -> Answer:
    """At the latest when for two hours, and 24 ticks, at least half of all ticks saw a failure."""
    if account.hushed or account.people.worried or account.stale or account.shifted():
        return True if account.people.worried and account.failures else None
    window = max(2 * HOUR, 24 * account.interval)
    since = account.now - window
    if account.hush_ended > since or len(account.failures) < 12:
        return None
    ticks = account.ticks_since(since)
    failed = sum(at > since for at, _ in account.failures)
    if ticks < 12 or failed < ticks / 2:
        return None
    if account.people.told_at > since:
        return True
    return Breach(
        int(account.now / DAY), f"{failed} of {ticks} ticks in {span(window)} saw a failure, and nobody knows"
    )
