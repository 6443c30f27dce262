"""Rules 6 to 8: severity wins, the end is told, first sight and quiet times."""

from __future__ import annotations

from simulation.mail import DOWN, FLAPPING, GONE, UP
from simulation.oracle.account import BAD, GOOD, Account
from simulation.oracle.checks import Answer, Breach, rule, span
from simulation.world import DAY, HOUR

_PLENTY = 16  # alerts of a day's 24
SEVERITY, END, QUIET = "severity", "the end", "first sight and quiet"


@rule(SEVERITY)
def an_outage_after_a_misconfiguration_is_told_at_once(account: Account) -> Answer:
    stretch, people = account.stretch, account.people
    if stretch is None or stretch.severe is None or people.word != DOWN or account.hushed or account.stale:
        return None
    if not account.before.worried or people.flapping or account.spent():
        return None
    least = 1 if account.care.confirmations == 0 else 2
    sure = len(account.tick.probes) >= least or account.tick.begins > stretch.severe
    if not sure:
        return None
    return people.outage or Breach(
        stretch.severe, f"an outage for {span(account.now - stretch.severe)}; people know of a misconfiguration"
    )


@rule(SEVERITY)
def what_stays_an_outage_is_known_as_one(account: Account) -> Answer:
    stretch, care = account.stretch, account.care
    if stretch is None or stretch.severe is None or account.hushed or account.stale:
        return None
    since = max(stretch.severe, stretch.open)
    if account.now - since <= care.settle_after + account.interval + 1 + account.shifted():
        return None
    if account.people.word != DOWN:
        return None  # the rule of silence says so
    return account.people.outage or Breach(
        stretch.severe, f"an outage in all ticks for {span(account.now - since)}; people know of a misconfiguration"
    )


@rule(END)
def what_stays_up_is_known_to_be_up(account: Account) -> Answer:
    stretch = account.stretch
    if stretch is None or stretch.found != GOOD or account.hushed or account.stale:
        return None
    since = max(stretch.since, stretch.open)
    if account.people.worried and account.world.events_between(since, account.now):
        return None  # up, and not at rest
    if account.now - since <= DAY + account.care.settle_after + account.interval + account.shifted():
        return None
    if not account.people.worried:
        return True
    return Breach(stretch.since, f"up in all ticks for {span(account.now - since)}; people know: {account.people.word}")


@rule(END)
def what_rests_for_long_is_not_said_to_flap(account: Account) -> Answer:
    """Up for three times its longest pause, and an hour: known as up where a third of a day's budget is left."""
    stretch, people, care = account.stretch, account.people, account.care
    if stretch is None or stretch.found != GOOD or not people.flapping or account.hushed or account.stale:
        return None
    since = max(stretch.since, stretch.open)
    pause = max((length for _, length in account.rests), default=0.0)
    enough = max(care.settle_after, HOUR, min(3 * pause, 7 * HOUR), (care.recover_after + 1) * account.interval)
    if account.now - since < enough or account.ticks_since(since) * account.interval < 1.2 * enough:
        return None
    if account.world.events_between(since - 2 * DAY, account.now) or account.shifted():
        return None
    if len(account.sent) > _PLENTY:
        return None
    return Breach(
        stretch.since, f"up for {span(account.now - since)}, it paused for {span(pause)}, and is said to flap"
    )


@rule(END, of_mails=True)
def who_heard_the_beginning_hears_the_end(account: Account) -> Answer:
    if not any(mail.word in (UP, GONE) for mail in account.tick.mails):
        return None
    left = account.people.readers if not account.people.worried else frozenset[str]()
    if not left:
        return True
    account.people.readers = frozenset()
    return Breach(account.now, f"the end is not told to {', '.join(sorted(left))}")


@rule(END, of_mails=True)
def who_hears_the_end_heard_the_beginning(account: Account) -> Answer:
    ends = [mail for mail in account.tick.mails if mail.word in (UP, GONE)]
    begun = any(mail.word in (DOWN, FLAPPING) for mail in account.tick.mails)
    if not ends or begun or not account.before.worried:
        return None
    strangers = (account.readers if ends[-1].to is None else ends[-1].to) - account.before.readers
    return not strangers or Breach(account.now, f"the end is told to {', '.join(sorted(strangers))}, who heard nothing")


@rule(QUIET, of_mails=True)
def first_sight_of_health_is_silent(account: Account) -> Answer:
    stretch = account.stretch
    if account.ticks_seen > 1 or stretch is None or stretch.found != GOOD:
        return None
    told = [mail.kind for mail in account.tick.mails if mail.word in (DOWN, UP, FLAPPING)]
    return not told or Breach(account.now, f"{told[0]} at the first sight of a healthy database")


@rule(QUIET, of_mails=True)
def quiet_times_hold_back(account: Account) -> Answer:
    if not account.quiet.surely(account.now):
        return None
    return not account.tick.mails or Breach(account.now, f"{account.tick.mails[0].kind} in a quiet time")


@rule(QUIET)
def what_is_wrong_at_the_end_of_quiet_is_told_then(account: Account) -> Answer:
    """In the first tick after it, where the transition was confirmed within."""
    stretch = account.stretch
    if stretch is None or stretch.found != BAD or not (stretch.was_quiet and stretch.confirmed):
        return None
    if account.hushed or account.stale or account.spent() or account.people.flapping:
        return None
    return account.people.word in (DOWN, FLAPPING) or Breach(
        stretch.since, f"down since {span(account.now - stretch.since)} ago, quiet is over, and nobody knows"
    )
