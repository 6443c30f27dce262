"""How long probes took is kept within a percent, an hour a text, for a week and within one item."""

from __future__ import annotations

from datetime import UTC, datetime
from statistics import median_low

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.model.kinds import Phase
from heartline.model.latencies import HOURS, Latencies, Trend, hour_of, sample

PHASES = [phase for phase in Phase if phase is not Phase.CREDENTIALS]
milliseconds = st.floats(0.1, 60_000)
probes = st.dictionaries(st.sampled_from(PHASES), milliseconds, min_size=1)


def trend_of(latencies: Latencies, name: str = "orders") -> Trend:
    """Return a target's hours, in the hour after the last one."""
    trend = latencies.trend(name, datetime.fromtimestamp((latencies.until + 1) * 3600, UTC))
    assert trend is not None
    return trend


@given(probes)
def test_the_time_of_each_phase_is_kept_within_a_percent(phases: dict[Phase, float]) -> None:
    trend = trend_of(Latencies(0, {}).following(7, {"orders": sample(phases)}))
    assert trend.medians(0, 1) == pytest.approx(phases, rel=0.01)
    (total,) = trend.totals()
    assert total == pytest.approx(sum(phases.values()), rel=0.01)


@given(st.lists(st.floats(0.1, 60_000), min_size=1, max_size=9))
def test_an_hour_is_the_median_of_its_samples(times: list[float]) -> None:
    written = "".join(sample({Phase.QUERY: one}) for one in times)
    trend = trend_of(Latencies(0, {}).following(7, {"orders": written}))
    assert trend.medians(0, 1) == pytest.approx({Phase.QUERY: median_low(times)}, rel=0.01)


def test_an_hour_that_is_missing_stays_missing_and_a_week_is_kept() -> None:
    latencies = Latencies(0, {})
    for hour in [*range(1000, 1300), 1303]:
        latencies = latencies.following(hour, {"orders": sample({Phase.LOGIN: 5.0})})
    totals = trend_of(latencies).totals()
    assert len(totals) == HOURS
    assert [one is None for one in totals[-5:]] == [False, True, True, True, False]
    assert trend_of(latencies).medians(1, 4) == {}
    assert latencies.following(1303, {"orders": sample({Phase.LOGIN: 9.0})}) is latencies


def test_the_hours_since_the_last_known_one_are_blank() -> None:
    latencies = Latencies(0, {}).following(1000, {"orders": sample({Phase.LOGIN: 5.0})})
    trend = latencies.trend("orders", datetime.fromtimestamp(1003.5 * 3600, UTC))
    assert trend is not None
    assert [one is None for one in trend.totals()] == [False, True, True]
    trend = latencies.trend("orders", datetime.fromtimestamp(9999 * 3600, UTC))
    assert trend is not None
    assert trend.totals() == [None] * HOURS
    assert trend.medians(0, HOURS) == {}


def test_each_target_has_its_own_hours_and_one_that_left_is_forgotten() -> None:
    latencies = Latencies(0, {}).following(1, {"gone": sample({Phase.LOGIN: 5.0})})
    for hour in range(2, HOURS + 2):
        latencies = latencies.following(hour, {"orders": sample({Phase.LOGIN: float(hour)})})
    assert "gone" not in latencies.hours
    assert trend_of(latencies).medians(0, 1) == pytest.approx({Phase.LOGIN: HOURS + 1.0}, rel=0.01)
    assert len(trend_of(latencies).totals()) == HOURS


@pytest.mark.parametrize("targets", [1, 100, 1000])
def test_a_shard_s_week_fits_into_an_item(targets: int) -> None:
    one = {f"{'n' * 60}{number:04}": sample(dict.fromkeys(PHASES, 12.5)) for number in range(targets)}
    latencies = Latencies(0, {})
    for hour in range(1, HOURS + 1):
        latencies = latencies.following(hour, one)
    size = sum(len(name) + len(text) + 5 for name, text in latencies.hours.items())
    assert size < 400 * 1024
    assert all(len(trend_of(latencies, name).totals()) >= 24 for name in latencies.hours)


def test_hours_are_those_of_the_clock() -> None:
    assert hour_of(datetime(1970, 1, 1, 2, 59, 59, tzinfo=UTC)) == 2
