"""Maintenance windows: how they are written, and when they are open."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from heartline.config.windows import window, windows
from heartline.rules.maintenance import open_until
from unit.samples import HOUR, MINUTE

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EVERY_DAY = frozenset(range(7))


@pytest.mark.parametrize(
    ("written", "days", "begins", "ends", "zone"),
    [
        ("Sun 02:00-04:00 Asia/Seoul", {6}, time(2), time(4), "Asia/Seoul"),
        ("Mon-Fri 22:30-00:15 UTC", {0, 1, 2, 3, 4}, time(22, 30), time(0, 15), "UTC"),
        ("Sat-Mon 01:00-02:00", {5, 6, 0}, time(1), time(2), "UTC"),
        ("Mon,Wed,Fri-Sat 01:00-02:00", {0, 2, 4, 5}, time(1), time(2), "UTC"),
        ("daily 03:00-03:30", EVERY_DAY, time(3), time(3, 30), "UTC"),
        ("03:00-03:30 America/New_York", EVERY_DAY, time(3), time(3, 30), "America/New_York"),
        ("Sat 20:00-24:00", {5}, time(20), time(0), "UTC"),
        ("  sUN 02:00-04:00 Etc/GMT+3 ", {6}, time(2), time(4), "Etc/GMT+3"),
    ],
)
def test_a_window_is_read_as_it_is_written(written: str, days: set[int], begins: time, ends: time, zone: str) -> None:
    read = window(written)
    assert (read.days, read.begins, read.ends, read.zone) == (days, begins, ends, ZoneInfo(zone))


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            "Sun",
            "Sun 02:00",
            "Sun 2:00-4:00",
            "Sun 02:00 - 04:00",
            "Sun 02:00-04:00 Asia/Seoul x",
            "Sun 25:00-26:00",
        ),
        *("Sun 02:60-03:00", "Sunday 02:00-04:00", "Su 02:00-04:00", "Xyz 02:00-04:00", "Mon- 02:00-04:00"),
        *("Mon-Wed-Fri 02:00-04:00", "Mon,,Tue 02:00-04:00", "daily,Mon 02:00-04:00", "24:00-02:00"),
        *("Sun 02:00-04:00 Mars/Olympus", "Sun 02:00-04:00 Europe", "Sun 02:00-04:00 /etc/localtime"),
        *(
            "Sun 02:00-04:00 ../../etc/passwd",
            "Sun 02:00-04:00 leapseconds",
            "Sun 02:00-02:00",
            "Sun 02:00-04:00\nUTC x",
        ),
        *(None, 3, ["Sun 02:00-04:00"], {"days": "Sun"}, time(2)),
    ],
    ids=repr,
)
def test_what_is_no_window_is_told_how_one_is_written(written: object) -> None:
    with pytest.raises(ValueError, match=r'like "Sun 02:00-04:00 Asia/Seoul"'):
        window(written)


def test_an_empty_window_is_told_so() -> None:
    with pytest.raises(ValueError, match="the window is empty"):
        window("Sun 02:00-02:00")


@pytest.mark.parametrize("value", [None, "Sun 02:00-04:00", {"a": 1}, 5, ("Sun 02:00-04:00",)], ids=repr)
def test_windows_are_a_list(value: object) -> None:
    with pytest.raises(ValueError, match="give a list of windows"):
        windows(value)


parts = st.sampled_from(
    [
        *DAYS,
        "daily",
        "-",
        ",",
        " ",
        ":",
        "02:00",
        "04:00-",
        "24:00",
        "UTC",
        "Europe/Berlin",
        "\u0660\u0662:\u0660\u0660",
    ]
)


@given(st.text(max_size=30) | st.lists(parts, max_size=8).map("".join) | st.integers() | st.none())
def test_any_value_is_a_window_or_told_the_fix_and_never_repeated(value: object) -> None:
    secret = f"{value}hunter2Zw9"
    for tried in (value, secret):
        assert "hunter2Zw9" not in (fix := fix_of(tried))
        assert not fix or 'like "Sun' in fix


def fix_of(value: object) -> str:
    """Return what is said of a value with all that led to it, nothing if it is a window."""
    try:
        window(value)
    except ValueError as fix:
        return "".join(traceback.format_exception(fix))
    return ""


def at(text: str) -> datetime:
    """Return a moment that is written with its offset."""
    return datetime.fromisoformat(text)


def hours(written: str | list[str], moment: str) -> float | None:
    """Return for how many hours from a moment on a window, or one of several, stays open."""
    now = at(moment).astimezone(UTC)
    end = open_until(windows([written] if isinstance(written, str) else written), now)
    return (end - now) / HOUR if end else None


def test_a_window_is_open_from_its_beginning_until_just_before_its_end() -> None:
    sunday = "Sun 02:00-04:00 Asia/Seoul"
    assert hours(sunday, "2026-11-22T01:59:59+09:00") is None
    assert hours(sunday, "2026-11-22T02:00:00+09:00") == 2
    assert hours(sunday, "2026-11-22T03:30:00+09:00") == 0.5
    assert hours(sunday, "2026-11-22T04:00:00+09:00") is None
    assert hours(sunday, "2026-11-23T03:00:00+09:00") is None


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    friday = "Fri 22:00-02:00"
    assert hours(friday, "2026-11-20T23:00:00+00:00") == 3
    assert hours(friday, "2026-11-21T01:00:00+00:00") == 1
    assert hours(friday, "2026-11-20T01:00:00+00:00") is None
    assert hours(friday, "2026-11-21T23:00:00+00:00") is None


def test_a_window_over_the_end_of_the_week_is_open_on_monday() -> None:
    assert hours("Sun 23:00-01:00", "2026-11-23T00:30:00+00:00") == 0.5


@pytest.mark.parametrize("written", ["Sun 00:00-24:00 Europe/Berlin", "Sun 00:00-24:00"])
def test_a_whole_day_is_a_window(written: str) -> None:
    offset = "+01:00" if "Berlin" in written else "+00:00"
    assert hours(written, f"2026-11-22T00:00:00{offset}") == 24
    assert hours(written, f"2026-11-23T00:00:00{offset}") is None


def test_windows_that_touch_or_overlap_end_as_one() -> None:
    night = ["Sun 02:00-04:00", "Sun 04:00-05:00", "Sun 04:30-06:00", "Sun 06:01-07:00"]
    assert hours(night, "2026-11-22T03:00:00+00:00") == 3


def test_windows_that_never_end_have_an_end_that_is_told() -> None:
    assert hours(["00:00-12:00", "12:00-24:00"], "2026-11-22T00:00:00+00:00") >= 7 * 24


@pytest.mark.parametrize(
    ("written", "opens", "length"),
    [
        # The clock goes from 02:00 to 03:00, and from 03:00 to 02:00.
        ("Sun 01:00-04:00 Europe/Berlin", "2026-03-29T01:00:00+01:00", 2),
        ("Sun 02:00-04:00 Europe/Berlin", "2026-03-29T03:00:00+02:00", 1),
        ("Sun 01:00-04:00 Europe/Berlin", "2026-10-25T01:00:00+02:00", 4),
        ("Sun 02:00-04:00 Europe/Berlin", "2026-10-25T02:00:00+02:00", 3),
        ("Sun 02:30-02:45 Europe/Berlin", "2026-10-25T02:30:00+02:00", 0.25),
        ("Sun 02:30-03:15 Europe/Berlin", "2026-10-25T02:30:00+02:00", 1.75),
        # What ends in the hour that comes twice ends at its first coming.
        ("Sun 01:30-02:30 Europe/Berlin", "2026-10-25T01:30:00+02:00", 1),
        ("Sun 02:30-03:15 Europe/Berlin", "2026-03-29T03:00:00+02:00", 0.25),
        ("Sat 23:00-03:30 Europe/Berlin", "2026-10-24T23:00:00+02:00", 5.5),
        # It goes from 02:00 to 03:00, and from 02:00 to 01:00.
        ("Sun 01:00-04:00 America/New_York", "2026-03-08T01:00:00-05:00", 2),
        ("Sun 01:00-04:00 America/New_York", "2026-11-01T01:00:00-04:00", 4),
        ("Sat 23:00-03:00 America/New_York", "2026-10-31T23:00:00-04:00", 5),
    ],
)
def test_a_window_keeps_to_the_clock_on_the_wall_when_the_clocks_change(
    written: str, opens: str, length: float
) -> None:
    quarters = range(int(4 * length))
    left = [hours(written, (at(opens) + quarter * 15 * MINUTE).isoformat()) for quarter in quarters]
    assert left == [length - quarter / 4 for quarter in quarters]
    before = at(opens) - MINUTE
    assert hours(written, before.isoformat()) is None


# Some days before and after each change of the clocks, also where it is half an hour; and quiet ones.
CALENDARS = [
    *(("Europe/Berlin", "2026-03-27"), ("Europe/Berlin", "2026-10-23"), ("America/New_York", "2026-03-06")),
    *(("America/New_York", "2026-10-30"), ("Australia/Lord_Howe", "2026-04-03"), ("Australia/Lord_Howe", "2026-10-02")),
    *(("Asia/Kathmandu", "2026-11-20"), ("UTC", "2026-12-30"), ("Pacific/Kiritimati", "2027-02-26")),
]
LENGTH = 5 * 24 * 60


@cache
def wall(zone: str, first: str) -> tuple[datetime, ...]:
    """Return what the clock on the wall shows in each minute of five days."""
    begins = at(f"{first}T00:00:00+00:00")
    return tuple((begins + minute * MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for minute in range(LENGTH))


def open_minutes(clock: tuple[datetime, ...], days: set[int], begins: time, ends: time) -> set[int]:
    """Say naively in which minutes a window is open: once the wall shows its beginning, until it shows its end."""
    minutes: set[int] = set()
    for date in sorted({moment.date() for moment in clock}):
        if date.weekday() not in days:
            continue
        last = date if begins < ends else date + timedelta(days=1)
        opens = next((n for n, shown in enumerate(clock) if shown >= datetime.combine(date, begins)), LENGTH)
        closes = next((n for n, shown in enumerate(clock) if shown >= datetime.combine(last, ends)), LENGTH)
        minutes |= set(range(opens, closes))
    return minutes


def left_out(clock: tuple[datetime, ...], one: time) -> bool:
    """Return True if there is a day on which the wall never shows a time."""
    dates = {moment.date() for moment in clock}
    return any(datetime.combine(date, one) not in set(clock) for date in sorted(dates)[1:-1])


quarters = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))
some_windows = st.tuples(st.sets(st.integers(0, 6), min_size=1), quarters, quarters).filter(
    lambda one: one[1] != one[2]
)


@given(
    calendar=st.sampled_from(CALENDARS),
    listed=st.lists(some_windows, min_size=1, max_size=3),
    minute=st.integers(2 * 24 * 60, 4 * 24 * 60),
)
@example(CALENDARS[0], [({6}, time(2), time(4))], 2 * 24 * 60 + 30)
@example(CALENDARS[1], [({*range(7)}, time(0), time(2, 15))], 2 * 24 * 60)
def test_windows_are_open_as_the_clock_on_the_wall_says_minute_by_minute(
    calendar: tuple[str, str], listed: list[tuple[set[int], time, time]], minute: int
) -> None:
    clock = wall(*calendar)
    assume(not any(left_out(clock, ends) for _, _, ends in listed))
    minutes = set().union(*(open_minutes(clock, *one) for one in listed))
    end = next((n for n in range(minute, LENGTH) if n not in minutes), LENGTH)
    written = [
        f"{','.join(DAYS[day] for day in days)} {begins:%H:%M}-{ends:%H:%M} {calendar[0]}"
        for days, begins, ends in listed
    ]
    start = at(f"{calendar[1]}T00:00:00+00:00")
    until = open_until(windows(written), start + minute * MINUTE)
    if end < LENGTH:
        assert until == (start + end * MINUTE if end > minute else None)
    else:
        assert until >= start + LENGTH * MINUTE
