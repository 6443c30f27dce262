"""What the README says of costs follows from the prices by AWS's rules, and from what the code and the template do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from heartline.aws import metrics
from heartline.aws.metrics import Metrics
from heartline.model.heartbeat import Heartbeat
from heartline.model.kinds import Phase
from heartline.model.latencies import HOURS, Latencies
from heartline.model.observation import Observation
from heartline.prober import credentials
from heartline.storage.schema import heartbeat_item, latencies_item, latencies_key, wire, wire_key
from heartline.storage.schema import heartbeat_key as key
from heartline.tick import fanout
from local import cost, template
from local.cost import PRICES, ROWS, TICKS, Fleet, dollars, usage
from unit.samples import ENDPOINT, NOW

METRICS = PRICES["CloudWatch metrics"]
fleets = st.builds(Fleet, st.integers(1, 10_000), st.booleans(), st.booleans(), st.booleans())


# ---- Prices


@pytest.mark.parametrize(
    ("units", "paid", "with_allowance"),
    [
        (0, 0, 0),
        (9, 2.70, 0),
        (10, 3.00, 0),
        (11, 3.30, 0.30),
        (10_000, 3000.00, 2997.00),
        (10_010, 3001.00, 3000.00),
        (250_001, 27_000.05, 26_999.10),
        (1_000_010, 64_500.20, 64_500.00),
    ],
)
def test_each_tier_has_its_price_and_the_allowance_comes_first(
    units: float, paid: float, with_allowance: float
) -> None:
    assert METRICS.of(units, allowance=False) == pytest.approx(paid)
    assert METRICS.of(units, allowance=True) == pytest.approx(with_allowance)


@given(st.sampled_from(sorted(PRICES)), st.floats(0, 1e12))
def test_an_allowance_never_pays_anything_out_nor_makes_anything_dearer(name: str, units: float) -> None:
    least, most = (PRICES[name].of(units, allowance=allowance) for allowance in (True, False))
    assert 0 <= least <= most


# ---- What a fleet uses


@pytest.mark.parametrize(
    ("fleet", "used"),
    [
        (
            Fleet(1, private=True, secrets=True),
            {
                "Lambda requests": 87_600 + 10,
                "Lambda GB-seconds, x86_64": 4467.6 + 0.5,  # 137 ms and 67 ms of 0.5 GB
                "Scheduler invocations": 43_800,
                "DynamoDB writes": 43_800 + 730 * 2 + 40,
                "DynamoDB reads": 3 * 43_800 + 730 + 10,
                "KMS requests": 8760,
                "CloudWatch metrics": 3,
                "CloudWatch alarms": 8,
                "CloudWatch Logs taken in, GB": 0.07008,
                "SQS requests": 0,
                "SES mails": 10,
                "Secrets": 1,
                "Secrets Manager calls": 2920,
            },
        ),
        (
            Fleet(100, metrics=True),
            {
                "Lambda requests": 43_800 + 1000,
                "Lambda GB-seconds, x86_64": 39_420 + 50,  # 1.8 s
                "DynamoDB writes": 8 * 43_800 + 168 * 730 + 4000,
                "DynamoDB reads": 103 * 43_800 + 42 * 730 + 1000,
                "CloudWatch metrics": 603,
                "CloudWatch alarms": 8,
                "CloudWatch dashboards": 1,
                "CloudWatch Logs taken in, GB": 2.68056,
                "SQS requests": 15 * 43_800,
                "Secrets": 0,
                "Secrets Manager calls": 0,
            },
        ),
        (
            Fleet(1000, private=True, secrets=True),
            {
                "Lambda requests": 21 * 43_800 + 10_000,
                "Lambda GB-seconds, x86_64": 786_210 + 500,  # 10 shards of 1.82 s and 1.75 s, and 0.2 s to divide it
                "Scheduler invocations": 43_800,
                "DynamoDB writes": 80 * 43_800 + 1680 * 730 + 40_000,
                "DynamoDB reads": (1000 + 20 + 19 + 1) * 43_800 + 420 * 730 + 10_000,
                "SQS requests": (15 + 1 + 10 + 10) * 43_800,
                "Secrets Manager calls": 18_250_000,  # 10 of 24 minutes each
            },
        ),
    ],
    ids=["one", "in one run", "divided"],
)
def test_what_a_month_uses_is_what_one_counts_by_hand(fleet: Fleet, used: dict[str, float]) -> None:
    counted = usage(fleet)
    assert {name: counted[name] for name in used} == pytest.approx(used)


@given(fleets, st.booleans())
def test_one_database_more_costs_more(fleet: Fleet, allowance: bool) -> None:
    assert dollars(fleet, allowance=allowance) < dollars(replace(fleet, targets=fleet.targets + 1), allowance=allowance)


@given(fleets, st.sampled_from(["metrics", "private", "secrets"]), st.booleans())
def test_nothing_that_is_added_makes_it_cheaper(fleet: Fleet, option: str, allowance: bool) -> None:
    without, having = (replace(fleet, **{option: value}) for value in (False, True))
    assert dollars(without, allowance=allowance) < dollars(having, allowance=allowance)


# ---- What the README promises


def test_one_database_and_its_secret_cost_under_half_a_dollar_where_the_allowance_is_left() -> None:
    assert dollars(Fleet(1, secrets=True), allowance=True) < 0.5


def test_without_the_allowance_one_database_costs_that_little_but_for_the_dashboard_metrics_and_alarms() -> None:
    fixed = sum(
        PRICES[name].of(units, allowance=False)
        for name, units in usage(Fleet(1)).items()
        if name.startswith("CloudWatch") and "Logs" not in name
    )
    assert fixed == pytest.approx(3.00 + 0.90 + 0.70)
    assert dollars(Fleet(1), allowance=False) - fixed < 0.5


def test_the_table_has_a_row_for_each_size_with_both_figures_where_they_differ() -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in cost.readme_table().splitlines()[-4:]]
    assert [row[0] for row in rows] == [f"{targets:,}" for targets in ROWS]
    assert {len(row) for row in rows} == {6}
    one = Fleet(1)
    least, most = (dollars(one, allowance=allowance) for allowance in (True, False))
    assert rows[0][1] == f"{least:.2f} ({most:.2f})"


# ---- What is assumed is so


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return yaml.load(template.TEMPLATE.read_text(), template._TemplateLoader)  # noqa: S506, a subclass of SafeLoader


def test_the_defaults_are_the_template_s(document: dict[str, Any]) -> None:
    functions = [one["Properties"] for one in document["Resources"].values() if one["Type"].endswith("::Function")]
    assert [one["Architectures"] for one in functions] == [["x86_64"]] * 2
    assert [one["MemorySize"] for one in functions] == [cost.MEMORY_GB * 1024] * 2
    defaults = {name: parameter.get("Default") for name, parameter in document["Parameters"].items()}
    assert int(defaults["ScheduleMinutes"]) * TICKS == 730 * 60
    logs = [one["Properties"] for one in document["Resources"].values() if one["Type"] == "AWS::Logs::LogGroup"]
    assert [one["RetentionInDays"] for one in logs] == [30] * 2


def test_a_run_has_as_many_targets_as_the_code_gives_it() -> None:
    assert fanout.TARGETS_PER_RUN == cost.SHARE


def test_the_alarms_are_the_template_s(document: dict[str, Any]) -> None:
    alarms = [one for one in document["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    conditions = [one.get("Condition") for one in alarms]
    more = {"HasFleet": cost.FLEET_ALARMS, "InVpc": cost.PRIVATE_ALARMS}
    assert Counter(conditions) == Counter({None: cost.ALARMS} | more)
    # An alarm on an expression is paid for each metric in it: https://aws.amazon.com/cloudwatch/pricing/
    watched = [sum("MetricStat" in one for one in alarm["Properties"].get("Metrics", ())) or 1 for alarm in alarms]
    assert set(watched) == {1}


def test_a_secret_is_read_as_often_as_the_code_reads_it() -> None:
    assert credentials._MAX_AGE_SECONDS == cost.SECRET_MINUTES * 60


def test_the_metrics_are_those_that_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    phases = dict.fromkeys((phase for phase in Phase if phase is not Phase.CREDENTIALS), 1234.5)
    Metrics("heartline-production").probed("orders-production-000", Observation(NOW, ENDPOINT, phases), ())
    (line,) = capsys.readouterr().out.splitlines()
    assert line.count('"Name"') == cost.TARGET_METRICS
    assert 0.7 * cost.TARGET_LOG < len(line) <= cost.TARGET_LOG
    assert len(metrics._ALWAYS) == cost.FLEET_METRICS


def test_a_heartbeat_of_a_whole_share_has_the_size_that_is_paid() -> None:
    names = tuple(f"{number:039}" for number in range(cost.SHARE))
    # Three samples of the hour, as there are on average.
    samples = ("0123456789" * 3,) * cost.SHARE
    beat = Heartbeat(NOW, names, latencies=(123,) * cost.SHARE, interval=60, samples=samples, sampled=NOW)
    item = wire_key(key(3)) | wire(heartbeat_item(beat, "1/10"))
    assert _bytes(item) == pytest.approx(cost.HEARTBEAT + cost.SHARE * cost.NAME, abs=10)


def test_a_week_of_a_whole_share_has_the_size_that_is_paid() -> None:
    week = {f"{number:039}": "0123456789" * HOURS for number in range(cost.SHARE)}
    item = wire_key(latencies_key("1/10")) | wire(latencies_item(Latencies(500_000, week), NOW))
    ((_, held),) = item["latencies"].items()
    size = sum(len(name) + len(one["S"]) + 1 for name, one in held["hours"]["M"].items())
    assert size == pytest.approx(cost.SHARE * cost.WEEK, rel=0.01)


def _bytes(item: dict[str, Any]) -> int:
    """Count as https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html says."""
    return sum(len(name) + _size(value) for name, value in item.items())


def _size(value: dict[str, Any]) -> int:
    ((kind, held),) = value.items()
    return 3 + sum(1 + _size(one) for one in held) if kind == "L" else len(held)
