"""A report answers first whether all was well; then it says all that is to say, and stays within a mail's bounds."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.i18n.language import LANGUAGES
from heartline.messages.digest import Digest
from heartline.messages.digest_html import digest_as_html
from heartline.messages.digest_mails import Sent
from heartline.messages.digest_text import digest_as_text
from heartline.model.incident import Span
from heartline.model.mail import Outcome, Receipt
from heartline.model.state import State
from heartline.model.undelivered import Unreached
from heartline.notify.email import EmailChannel
from heartline.rules.periods import Known
from local.digests import (
    LEAVES,
    READERS,
    WEEKLY,
    database,
    digest,
    digests,
    down,
    leaves,
    mail,
    many,
    no_reader,
    outage,
    restarted,
)
from local.mailbox import Mail
from unit.colours import faint
from unit.conftest import page, shown, squeezed
from unit.samples import hostile
from unit.test_hostile_mail import few, harmless

REPORTS = {f"{code}-{name}": report for code in LANGUAGES for name, report in digests(code)}
every_report = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS.keys())
NOW = LEAVES[None]
MISSED = "Heartline itself ran 10,069 of 10,080 ticks. What the databases did meanwhile is not known"
UNKNOWN = "Whether mails arrive is not known: SES does not report it to this stack."
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
ME, OTHER = READERS


class Recorder:
    """Stand at the edge, where boto3 would call SES."""

    def send_email(self, **request: object) -> None:
        self.request = request


def mailed(report: Digest) -> Mail:
    """Return the mail as SES is asked to send it."""
    client, to = Recorder(), ("ann@example.com",)
    channel = EmailChannel(client, "alerts@example.com")  # type: ignore[arg-type]
    assert channel.mail(report, (digest_as_text(report), digest_as_html(report)), to, NOW) is None
    return Mail.from_request(client.request, NOW)


def english(*known: Known, gaps: tuple[Span, ...] = (), sent: Sent | None = None) -> Digest:
    return digest((list(known), list(gaps)), "en", WEEKLY, sent)


@every_report
def test_a_report_is_a_mail_like_the_others(report: Digest) -> None:
    mail = mailed(report)
    harmless(mail)
    assert mail.state == "REPORT"
    assert mail.headers["X-Heartline-Status"] == "notice"
    assert mail.headers["X-Heartline-Incident"] == "none"
    assert mail.headers["X-Heartline-Target"] == ", ".join(report.targets)
    assert mail.headers["Auto-Submitted"] == "auto-generated"
    assert "References" not in mail.headers


@every_report
def test_text_and_html_say_the_same_in_the_same_order(report: Digest) -> None:
    entries = [*report.details, *report.lines]
    facts = [report.label, report.title, report.when, *report.sentences]
    facts += chain.from_iterable((one.name, one.available, *one.facts) for one in entries)
    facts += [*report.notes, report.footer]
    for written in (squeezed(digest_as_text(report)), squeezed(shown(digest_as_html(report)))):
        place = 0
        for fact in facts:
            place = written.index(squeezed(fact), place) + len(squeezed(fact))
        for value in (text for one in report.details for row in one.rows for text in row):
            assert squeezed(value) in written
        for one in entries:
            assert one.line in written


@every_report
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_of_it_can_be_read(report: Digest, dark: bool) -> None:
    assert faint(digest_as_html(report), dark=dark) == {}


@every_report
def test_text_fits_a_terminal(report: Digest) -> None:
    long = [line for line in digest_as_text(report).splitlines() if len(line) > 72]
    assert [line for line in long if not line.strip().startswith("https://")] == []


@every_report
def test_the_head_is_coloured_by_what_the_bracket_says(report: Digest) -> None:
    head = next(one for one in page(digest_as_html(report)).iter("td") if one.find("h1") is not None)
    well, bad = "#1a7a3c", {"report-eventful": "#b3170d", "report-of-one": "#1f5a99"}
    (name,) = (name for name, one in REPORTS.items() if one is report)
    assert head.get("bgcolor") == bad.get(name[3:], well)


def subject(report: Digest) -> str:
    return report.subject.partition("]")[0] + "]"


def test_the_subject_says_the_worst_and_of_which_days() -> None:
    assert english(database(NOW, "a"), database(NOW, "b")).subject == (
        "[REPORT: all well] 2 databases · 2026-11-16 to 2026-11-23"
    )
    fallen = outage("a", NOW - DAY, 14 * MINUTE)
    assert english(database(NOW, "a", fallen)).subject == "[REPORT: 1 incident] a · 2026-11-16 to 2026-11-23"
    gap = Span(NOW - DAY, NOW - DAY + 12 * MINUTE)
    assert subject(english(database(NOW, "a"), gaps=(gap,))) == "[REPORT: 11 ticks missed]"
    assert subject(english(down(NOW, "a"), database(NOW, "b"))) == "[REPORT: 1 not well now]"


def test_a_week_from_midnight_to_midnight_has_seven_days() -> None:
    midnight = replace(WEEKLY, at=WEEKLY.at.replace(hour=0))
    report = digest(([database(NOW, "a")], []), "en", midnight)
    assert report.subject.endswith("· 2026-11-16 to 2026-11-22")
    assert report.when == "2026-11-16 00:00 UTC to 2026-11-23 00:00 UTC"


def test_the_first_sentence_is_the_answer() -> None:
    well = english(database(NOW, "a"), database(NOW, "b"))
    assert well.sentences == (
        "All was well: there was no incident, and 2 of 2 are up now, at 09:00 UTC.",
        "Heartline itself ran all the time: 10,080 of 10,080 ticks.",
        UNKNOWN,
    )
    gap = Span(NOW - DAY, NOW - DAY + 12 * MINUTE)
    bad = english(database(NOW, "a", outage("a", NOW - 2 * DAY, 14 * MINUTE)), down(NOW, "b"), gaps=(gap,))
    assert bad.sentences == (
        "2 incidents at 2 databases. 1 of 2 are up now, at 09:00 UTC.",
        f"{MISSED}: 12 min from 2026-11-22 09:00.",
        UNKNOWN,
    )
    calm = english(database(NOW, "a"), gaps=(gap,))
    assert calm.sentences[0] == "There was no incident. 1 of 1 are up now, at 09:00 UTC."


def test_each_incident_is_told_with_its_time_length_and_kind_the_newest_first() -> None:
    fallen = outage("a", NOW - 2 * DAY, 14 * MINUTE)
    (entry,) = english(database(NOW, "a", fallen, restarted("a", NOW - DAY))).details
    assert (entry.available, entry.facts) == ("99.86%", ("2 incidents",))
    assert entry.rows[:2] == (
        ("Incidents", "2026-11-22 09:00: the server was restarted"),
        ("", "2026-11-21 09:00, 14 min: connection refused"),
    )


def test_of_many_incidents_five_are_told_and_the_others_counted() -> None:
    often = [outage("a", NOW - 2 * DAY + place * 10 * MINUTE, MINUTE) for place in range(12)]
    (entry,) = english(database(NOW, "a", *often)).details
    assert [value for label, value in entry.rows if label in {"Incidents", ""}][-1] == "and 7 more"
    begun = [match[1] for _, value in entry.rows if (match := re.match(r"2026-11-21 (\d\d:\d\d), 60 s", value))]
    assert begun == ["10:50", "10:40", "10:30", "10:20", "10:10"]


def test_what_was_too_much_to_be_read_is_not_given_a_number() -> None:
    often = [outage("a", NOW - 2 * DAY + place * MINUTE, MINUTE) for place in range(12)]
    (entry,) = english(replace(database(NOW, "a", *often), complete=False)).details
    assert entry.available == "not known"
    assert any("more than 7 others" in value for _, value in entry.rows)


def test_what_is_worse_comes_first_and_what_is_quiet_has_a_line() -> None:
    known = [
        *(database(NOW, name) for name in ("b", "a")),
        database(NOW, "short", outage("short", NOW - DAY, MINUTE)),
        database(NOW, "long", outage("long", NOW - DAY, 60 * MINUTE)),
        down(NOW, "down"),
    ]
    report = english(*known)
    assert [one.name for one in report.details] == ["down", "long", "short"]
    assert [one.name for one in report.lines] == ["a", "b"]


def test_hours_are_drawn_as_high_as_they_were_slow() -> None:
    (entry,) = english(database(NOW, "a", first_seen=NOW - DAY, hours=24)).lines
    assert re.fullmatch("·{18}[▁▂▃▄▅▆▇█]{3}", entry.line)
    assert "█" in entry.line
    assert re.fullmatch(r"\d+ ms at 11-2[23] \d\d:00", entry.slowest)


def test_what_is_held_back_or_was_not_looked_at_is_no_health() -> None:
    known = database(NOW, "a", muted_until=NOW + DAY)
    (line,) = english(known).lines
    assert line.facts == ("muted until 2026-11-24 09:00",)
    (entry,) = english(replace(known, unprobed_since=NOW - DAY, pending=2)).details
    assert entry.rows[:2] == (("Now", "not probed since 2026-11-22 09:00"), ("Warnings", "alerts waiting: 2"))
    assert english(database(NOW, "a", muted_until=NOW - DAY)).lines[0].facts == ()


def test_what_is_not_known_is_said() -> None:
    (report,) = (one for name, one in digests("en") if name == "report-of-one")
    assert report.notes == ("How long probes took is known since 2026-11-16 09:00.",)
    assert english(replace(database(NOW, "a"), trend=None)).notes == ("How long probes took is not known.",)


def seen(outcome: Outcome, reason: str | None = None) -> Receipt:
    return Receipt(outcome, NOW - 2 * DAY + 9 * SECOND, "mx.example.com", reason)


@pytest.mark.parametrize(
    ("receipt", "said"),
    [
        (seen(Outcome.DELIVERED), ", was delivered at 09:00:13."),
        (None, ": that it arrived is not confirmed."),
        (seen(Outcome.DELAYED), ": delayed."),
        (seen(Outcome.BOUNCED, "550 user unknown"), ': sent back for good, "550 user unknown".'),
    ],
)
def test_it_says_what_became_of_the_last_alert(receipt: Receipt | None, said: str) -> None:
    """Of the reader's own, and about a database that the report is about."""
    older = mail(NOW, 3 * DAY, seen(Outcome.COMPLAINED))
    to_another = mail(NOW, DAY, seen(Outcome.COMPLAINED), "else@example.com")
    report = english(database(NOW, "orders"), sent=Sent((to_another, mail(NOW, 2 * DAY, receipt, ME.upper()), older)))
    assert report.sentences[2:] == (f"The last alert to {ME}, accepted by SES at 2026-11-21 09:00{said}",)
    assert subject(report) == "[REPORT: all well]"
    elsewhere = english(database(NOW, "billing"), sent=Sent((mail(NOW, 2 * DAY, receipt),)))
    assert elsewhere.sentences[2:] == (f"No alert about them to {ME} is on record.",)


def test_it_says_who_does_not_get_alerts() -> None:
    mark = Unreached(NOW - 2 * DAY, "", seen(Outcome.BOUNCED, "no such user"))
    report = english(database(NOW, "a"), sent=Sent((), {OTHER: mark, "else@example.com": mark}))
    assert (
        report.sentences[3]
        == f'Alerts do not reach: {OTHER} since 2026-11-21 09:00 (sent back for good, "no such user").'
    )
    assert subject(report) == "[REPORT: 1 address not reached]"
    assert report.sentences[0].startswith("There was no incident.")


@given(hostile, st.sampled_from(LANGUAGES))
@few
def test_what_a_hostile_mail_server_says_harms_no_report(text: str, code: str) -> None:
    receipt = Receipt(Outcome.BOUNCED, NOW, text, text)
    sent = Sent((mail(NOW, DAY, receipt),), {OTHER: Unreached(NOW, text, receipt)})
    harmless(mailed(digest(([database(NOW, "orders")], []), code, WEEKLY, sent)))


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_report_of_the_largest_fleet_is_no_longer_than_mail_programs_show(code: str) -> None:
    now = leaves(code)
    report = digest(many(now), code, WEEKLY, no_reader(now))
    harmless(mailed(report))
    assert len(report.details) + len(report.lines) + report.omitted == 500
    assert str(report.omitted) in digest_as_text(report)
    assert str(report.omitted) in digest_as_html(report)


def test_a_target_that_was_never_up_can_be_reported() -> None:
    (entry,) = english(replace(database(NOW, "a"), state=State("a", NOW - DAY))).details
    assert entry.rows[0][0] == "Now"
