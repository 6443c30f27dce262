"""When a report is due, and what makes it one: by a table of moments that was written by hand, with a calendar."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from heartline.config.recurrence import recurrence
from heartline.model.incident import Span
from heartline.model.recurrence import Recurrence
from heartline.model.target import Target
from heartline.rules.editions import due_editions, last_due

ANN, BOB = "ann@example.com", "bob@example.com"
SEOUL, BERLIN = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Berlin")


def at(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


# What is asked for, where, now, and when it was due last; now and that in UTC. 2026-11-23 is a Monday.
DUE = [
    ("Mon 09:00", "UTC", "2026-11-23T09:00", "2026-11-23T09:00"),
    ("Mon 09:00", "UTC", "2026-11-23T08:59:59.999999", "2026-11-16T09:00"),
    ("Mon 09:00", "UTC", "2026-11-29T23:59", "2026-11-23T09:00"),
    ("Sun 00:00", "UTC", "2026-11-28T23:59", "2026-11-22T00:00"),
    ("Sun 00:00", "UTC", "2026-11-29T00:00", "2026-11-29T00:00"),
    # Seoul is nine hours ahead: Monday 09:00 there is midnight, and Monday 08:00 is Sunday.
    ("Mon 09:00", "Asia/Seoul", "2026-11-23T00:00", "2026-11-23T00:00"),
    ("Mon 08:00", "Asia/Seoul", "2026-11-22T23:00", "2026-11-22T23:00"),
    ("Mon 08:00", "Asia/Seoul", "2026-11-22T22:59", "2026-11-15T23:00"),
    ("1st 08:00", "Asia/Seoul", "2026-11-30T23:00", "2026-11-30T23:00"),
    ("1st 08:00", "Asia/Seoul", "2026-11-30T22:59", "2026-10-31T23:00"),
    # Months and years end.
    ("1st 09:00", "UTC", "2026-12-01T08:59", "2026-11-01T09:00"),
    ("1st 09:00", "UTC", "2026-12-01T09:00", "2026-12-01T09:00"),
    ("1st 09:00", "UTC", "2027-01-01T00:30", "2026-12-01T09:00"),
    ("28th 09:00", "UTC", "2027-02-28T09:00", "2027-02-28T09:00"),
    ("28th 09:00", "UTC", "2027-03-27T09:00", "2027-02-28T09:00"),
    ("28th 09:00", "UTC", "2028-03-01T00:00", "2028-02-28T09:00"),
    ("15th 12:00", "UTC", "2026-11-14T12:00", "2026-10-15T12:00"),
    # Berlin's clocks went forward on Sunday 2026-03-29 at 02:00: 02:30 does not exist, and is 03:30, 01:30 UTC.
    ("Sun 02:30", "Europe/Berlin", "2026-03-29T01:29", "2026-03-22T01:30"),
    ("Sun 02:30", "Europe/Berlin", "2026-03-29T01:30", "2026-03-29T01:30"),
    ("Sun 02:30", "Europe/Berlin", "2026-04-05T00:29", "2026-03-29T01:30"),
    ("Sun 02:30", "Europe/Berlin", "2026-04-05T00:30", "2026-04-05T00:30"),
    # They went back on Sunday 2026-10-25 at 03:00: 02:30 came at 00:30 and at 01:30 UTC.
    ("Sun 02:30", "Europe/Berlin", "2026-10-25T00:29", "2026-10-18T00:30"),
    ("Sun 02:30", "Europe/Berlin", "2026-10-25T00:30", "2026-10-25T00:30"),
    ("Sun 02:30", "Europe/Berlin", "2026-10-25T01:30", "2026-10-25T00:30"),
    ("Sun 02:30", "Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),
    ("Sun 02:30", "Europe/Berlin", "2026-11-01T01:30", "2026-11-01T01:30"),
    # And a clock that has one hour in winter and another in summer keeps the time of day.
    ("1st 09:00", "Europe/Berlin", "2026-11-01T08:00", "2026-11-01T08:00"),
    ("1st 09:00", "Europe/Berlin", "2026-11-01T07:59", "2026-10-01T07:00"),
    # Santiago's clocks went forward on Sunday 2026-09-06 at 00:00, so that its day began at 01:00, 04:00 UTC.
    ("Sun 00:00", "America/Santiago", "2026-09-06T03:59", "2026-08-30T04:00"),
    ("Sun 00:00", "America/Santiago", "2026-09-06T04:00", "2026-09-06T04:00"),
]


@pytest.mark.parametrize(("written", "zone", "now", "due"), DUE)
def test_it_was_due_last_when_a_calendar_and_the_clocks_of_the_place_say(
    written: str, zone: str, now: str, due: str
) -> None:
    assert last_due(recurrence(written), ZoneInfo(zone), at(now)) == at(due)


@pytest.mark.parametrize("written", ["Sun 02:30", "25th 02:30", "28th 02:30"])
def test_in_a_year_of_minutes_there_is_one_for_each_week_or_month(written: str) -> None:
    minutes = (at("2026-01-01T00:00") + timedelta(minutes=30 * n) for n in range(2 * 24 * 365))
    found = {last_due(recurrence(written), BERLIN, now) for now in minutes}
    assert len(found) == (53 if written.startswith("Sun") else 13), "with the one before the year"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Mon 09:00", Recurrence(False, 0, time(9))),
        (" sun 23:59 ", Recurrence(False, 6, time(23, 59))),
        ("1st 09:00", Recurrence(True, 1, time(9))),
        ("2nd  00:00", Recurrence(True, 2, time(0))),
        ("3RD 09:05", Recurrence(True, 3, time(9, 5))),
        ("11th 09:00", Recurrence(True, 11, time(9))),
        ("12th 09:00", Recurrence(True, 12, time(9))),
        ("21st 09:00", Recurrence(True, 21, time(9))),
        ("28th 09:00", Recurrence(True, 28, time(9))),
    ],
)
def test_days_are_written_as_people_write_them(written: str, read: Recurrence) -> None:
    assert recurrence(written) == read
    assert recurrence(str(read)) == read


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "Mon", "09:00", "Mon 9:00", "Mon 24:00", "Mon 09:60", "Monday 09:00", "Mo 09:00", "daily 09:00"),
        *("0th 09:00", "1th 09:00", "2st 09:00", "29th 09:00", "31st 09:00", "-1st 09:00", "1 09:00", "1st,2nd 09:00"),
        *(
            "Mon 09:00 UTC",
            "Mon 09:00\nTue 09:00",
            "Mon \u0660\u0669:\u0660\u0660",
            "Mon-Fri 09:00",
            "11st 09:00",
            "00001st 09:00",
        ),
        *(None, True, 9, ["Mon 09:00"], {"day": "Mon"}),
    ],
    ids=repr,
)
def test_anything_else_is_answered_with_the_fix(wrong: object) -> None:
    with pytest.raises(ValueError, match='like "Mon 09:00" or "1st 09:00"'):
        recurrence(wrong)


def target(name: str, written: str = "Mon 09:00", **keys: object) -> Target:
    keys = {"recipients": (ANN,), "time_zone": SEOUL} | keys
    return Target(name, report=recurrence(written) if written else None, **keys)  # type: ignore[arg-type]


NOW = at("2026-11-23T00:01")  # a minute past Monday, 09:00, in Seoul
WEEK = Span(at("2026-11-16T00:00"), at("2026-11-23T00:00"))


def named(targets: list[Target], now: datetime = NOW) -> dict[tuple[str, ...], list[str]]:
    """Return the names of the targets of each report that is due."""
    return {one.key: [about.name for about in one.targets] for one in due_editions(targets, now)}


def test_each_recipient_has_one_about_all_that_is_reported_alike() -> None:
    fleet = [target("a"), target("b", recipients=(BOB, ANN)), target("c", written="")]
    assert named(fleet) == {
        (ANN, "Mon 09:00", "en", "Asia/Seoul"): ["a", "b"],
        (BOB, "Mon 09:00", "en", "Asia/Seoul"): ["b"],
    }
    assert [one.within for one in due_editions(fleet, NOW)] == [WEEK] * 2


def test_what_is_read_in_another_language_zone_or_at_another_time_is_another_one() -> None:
    fleet = [
        target("a"),
        target("b", language="ko"),
        target("c", "Mon 00:00", time_zone=None),
        target("d", "23rd 09:00"),
        target("e", "Tue 09:00"),
    ]
    assert named(fleet) == {
        (ANN, "Mon 09:00", "en", "Asia/Seoul"): ["a"],
        (ANN, "Mon 09:00", "ko", "Asia/Seoul"): ["b"],
        (ANN, "Mon 00:00", "en", "UTC"): ["c"],
        (ANN, "23rd 09:00", "en", "Asia/Seoul"): ["d"],
    }


def test_a_month_goes_from_day_to_day() -> None:
    (edition,) = due_editions([target("a", "1st 09:00", time_zone=BERLIN)], at("2026-11-01T08:05"))
    assert edition.within == Span(at("2026-10-01T07:00"), at("2026-11-01T08:00"))


@pytest.mark.parametrize(
    ("now", "number"),
    [("2026-11-22T23:59", 0), ("2026-11-23T00:00", 1), ("2026-11-23T23:59", 1), ("2026-11-24T00:00", 0)],
)
def test_it_is_due_for_a_day(now: str, number: int) -> None:
    assert len(due_editions([target("a")], at(now))) == number
