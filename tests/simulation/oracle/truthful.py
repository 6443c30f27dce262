"""Rule 1, truth: no mail says what is not so at the moment it describes; every time bound contains the instant."""

from __future__ import annotations

from simulation.mail import DOWN, FLAPPING, GONE, UP, Claim
from simulation.oracle.account import GOOD, Account
from simulation.oracle.checks import EVENTS, Answer, Breach, rule, span
from simulation.world import CUT, DAY, HOUR

_EXACT = 0.01  # seconds: times are kept in milliseconds
_NEAR = 1.0  # seconds from a tick's start to its first probe, and then some
_TWINS = 3.0  # seconds between two that are one tick
TRUTH = "truth"


@rule(TRUTH, of_mails=True)
def what_is_said_last_is_what_the_last_probe_saw(account: Account) -> Answer:
    said = [mail for mail in account.tick.mails if mail.word in (UP, DOWN)]
    if not said or account.tick.mails[-1].word in (FLAPPING, GONE):
        return None
    bad = account.tick.probes[-1].fault is not None
    if bad == (said[-1].word == DOWN):
        return True
    if account.before.word == DOWN and said[-1].kind == "reminder" and account.tick.probes[0].fault:
        return True  # an incident ends with the first of the probes that confirm it, and none has
    return Breach(account.now, f"{said[-1].kind} says {said[-1].word}, the last probe was {'bad' if bad else 'good'}")


@rule(TRUTH, of_mails=True)
def what_came_up_answered_as_often_as_asked_for(account: Account) -> Answer:
    if not any(mail.word == UP for mail in account.tick.mails):
        return None
    stretch = account.stretch
    if stretch is None or stretch.found != GOOD:
        return Breach(account.now, "it is said to be up in a tick with failures")
    if account.before.flapping:
        enough = stretch.ticks > 1 and stretch.probes >= account.care.recover_after
    else:
        enough = stretch.confirmed or stretch.ticks > 1
    return enough or Breach(account.now, f"up is said after {stretch.probes} good probes in {stretch.ticks} ticks")


@rule(TRUTH, of_mails=True)
def bounds_contain_the_instant(account: Account) -> Answer:
    if not account.tick.mails or account.world.steps:
        return None
    world, checked = account.world, False
    for mail in account.tick.mails:
        for claim in mail.claims:
            if not _true(account, claim):
                bounds = "any time" if claim.after is None else f"{claim.before - claim.after:.3f} s before"
                return Breach(
                    (claim.word, claim.before), f"{mail.kind}: nothing went {claim.word} in {bounds} the bound"
                )
            checked = True
    return True if checked and world else None


def _true(account: Account, claim: Claim) -> bool:
    world, margin = account.world, _EXACT + 2 * account.world.skew
    after = None if claim.after is None else claim.after - margin
    if claim.word in (DOWN, UP):
        return world.truth.changes(after, claim.before + margin, failing=claim.word == DOWN)
    if claim.word in EVENTS:
        # Where one name leads to several servers, the first that differ look like one that was replaced by another.
        several = len(world.servers(claim.before)) > 1
        return several or world.event_within(claim.word, after, claim.before + margin)
    return True


@rule(TRUTH, of_mails=True)
def the_last_good_probe_was_one(account: Account) -> Answer:
    if account.world.steps or not account.good_probes:
        return None
    claimed = [mail.last_good for mail in account.tick.mails if mail.last_good is not None]
    known = [at for at in claimed if at > account.good_probes[0][0]]
    if not known:
        return None
    margin = _NEAR + 2 * account.world.skew
    for at in known:
        if not any(begins - margin <= at <= ends + margin for begins, ends in account.good_probes):
            return Breach(at, f"no good probe within {margin:g} s of the last good one that is named")
    return True


@rule(TRUTH, of_mails=True)
def it_was_no_less_and_no_more_than_an_outage_for_as_long_as_is_said(account: Account) -> Answer:
    said = [
        mail for mail in account.tick.mails if mail.word == DOWN and mail.severity_since and mail.outage is not None
    ]
    if not said or account.world.steps:
        return None
    margin = _NEAR + 5 + account.care.timeout + 2 * account.world.skew
    for mail in said:
        other = [at for at, outage in account.severities if at > mail.severity_since + margin and outage != mail.outage]
        if other and other[-1] < account.tick.begins:
            return Breach(mail.id, f"it was otherwise {span(account.now - other[-1])} ago")
    return True


@rule(TRUTH, of_mails=True)
def the_failure_named_was_seen_lately(account: Account) -> Answer:
    named = [mail.fault for mail in account.tick.mails if mail.word == DOWN and mail.fault]
    if not named:
        return None
    return named[-1] in account.kinds or Breach(account.now, f"{named[-1]} is named; seen were {set(account.kinds)}")


@rule(TRUTH, of_mails=True)
def heartline_ran_when_it_says_that_it_did_not(account: Account) -> Answer:
    spans = {one for mail in account.tick.mails for one in mail.unobserved}
    if not spans or account.world.steps:
        return None
    margin = _TWINS + 2 * account.world.skew
    for begins, ends in spans:
        within = sum(
            begins + margin < first < ends - margin or begins + margin < last < ends - margin
            for first, last, _ in account.ran
        )
        if within:
            return Breach((begins, ends), f"ticks ran in the {span(ends - begins)} said to be unobserved")
    return True


@rule(TRUTH, of_mails=True)
def an_incident_has_an_id_of_its_own(account: Account) -> Answer:
    named = [mail.incident for mail in account.tick.mails if mail.incident]
    for name, began in named:
        if abs(account.incidents.setdefault(name, began) - began) > 1:
            return Breach(name, f"{name} names two incidents")
    begun = [mail.incident[0] for mail in account.tick.mails if mail.incident and mail.kind == "down"]
    again = next((name for name in begun if name in account.over), None)
    account.over |= {mail.incident[0] for mail in account.tick.mails if mail.incident and mail.word == UP}
    if again:
        return Breach(again, f"{again} is over, and begins again")
    return True if named else None


@rule(TRUTH, of_mails=True)
def an_alert_has_an_id_and_a_time_of_its_own(account: Account) -> Answer:
    mails = account.tick.mails
    if not mails:
        return None
    slack = 1 + account.world.skew
    for mail in mails:
        if mail.id and mail.id in account.ids:
            return Breach(mail.id, f"alert {mail.id} was there before")
        account.ids.add(mail.id)
        real = mail.at - account.world.ahead(account.tick.begins)
        if not account.tick.begins - slack <= real <= account.now + slack:
            return Breach(mail.id, f"alert {mail.id} is not of its tick, {span(real - account.now)} off")
    return True


@rule(TRUTH, of_mails=True)
def flapping_is_said_only_of_what_flaps(account: Account) -> Answer:
    if account.before.flapping or not any(mail.word == FLAPPING or mail.flapping for mail in account.tick.mails):
        return None
    if len(account.world.servers(account.now)) > 1:
        return None  # each probe may find another one
    blips = sum(mixed and at > account.now - DAY for at, mixed in account.failures)
    began = len(account.onsets) + len(account.world.events_between(account.now - DAY, account.now))
    # A lone outage is none, however long, unless mails of the day before left no room to tell it as one.
    if began >= 2 or blips >= 6 or len(account.sent) >= 5:
        return True
    return Breach(account.now, f"flapping is said; in a day failures began {began} times, {blips} ticks saw some")


@rule(TRUTH, of_mails=True)
def only_what_was_told_as_wrong_is_told_as_over(account: Account) -> Answer:
    ends = [mail for mail in account.tick.mails if mail.word in (UP, GONE)]
    if not ends:
        return None
    begun = account.before.worried or any(mail.word in (DOWN, FLAPPING) for mail in account.tick.mails)
    return begun or Breach(account.now, f"{ends[0].kind} is said of what nobody heard was wrong")


@rule(TRUTH, of_mails=True)
def shares_and_counts_are_those_of_the_probes(account: Account) -> Answer:
    """Since the mail before: of ticks that failed, as far as they stand in the account of the last day."""
    mails = [mail for mail in account.tick.mails if mail.share is not None]
    since = account.before.told_at
    if not mails or account.now - since > DAY or account.world.steps or CUT in account.world.plan.odd.values():
        return None
    ticks = account.ticks_since(since)
    failed = min(ticks, sum(at > since for at, _ in account.failures))
    share = mails[-1].share or 0.0
    least = min(ticks, sum(at > since and not mixed for at, mixed in account.failures))
    if ticks < 20 or account.now - since < HOUR / 2:
        return 0 <= share <= 1 or Breach(account.now, f"a share of {share}")
    if least / ticks - 0.15 <= share <= failed / ticks + 0.15:
        return True
    return Breach(account.now, f"down for {share:.0%} is said; of {ticks} ticks {failed} saw a failure")


@rule(TRUTH, of_mails=True)
def failed_probes_since_the_last_mail_are_counted(account: Account) -> Answer:
    said = [mail.failed for mail in account.tick.mails if mail.failed is not None]
    if not said:
        return None
    # The probes of one tick more or less, and those of ticks that were killed after they had saved.
    margin = 4 + 0.05 * account.failed
    if account.least_failed - margin <= said[0] <= account.failed + margin:
        return True
    text = f"{said[0]} failed probes are said, {account.failed} were since the last mail"
    return Breach(account.now, f"{text}, {account.least_failed} of them in no outage")


@rule(TRUTH, of_mails=True)
def the_share_of_failed_probes_is_theirs(account: Account) -> Answer:
    """Where none of them made an outage, and no tick was missed."""
    said = [mail.failed_share for mail in account.tick.mails if mail.failed_share is not None]
    since, least = account.before.told_at, 20
    if not said or account.now - since > DAY or account.probes < least or account.shifted():
        return None
    if account.down or any(at > since and not mixed for at, mixed in account.failures):
        return None
    if account.now - since > (account.ticks_since(since) + 2) * account.interval:
        return None
    share = account.failed / account.probes
    return abs(said[0] - share) < 0.1 or Breach(
        account.now, f"{said[0]:.0%} of probes are said to fail, {share:.0%} did"
    )


@rule(TRUTH, of_mails=True)
def outages_since_the_last_mail_are_counted(account: Account) -> Answer:
    said = [mail.outages for mail in account.tick.mails if mail.outages is not None]
    if not said:
        return None
    if abs(said[0] - account.outages) <= 1 + 0.05 * account.outages:
        return True
    return Breach(account.now, f"{said[0]} outages are said, {account.outages} were since the last mail")
