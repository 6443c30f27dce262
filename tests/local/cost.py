"""Print the table of costs in docs/cost.md: `python -m local.cost`.

The prices are AWS's list prices of us-east-1 as known of AS_OF: from memory, most of them compared with copies of pages
that are dated July 2025 to June 2026. Nobody opened AWS's own pages when this was written, on 2026-11-23. What a tick
does is taken from the code and the template, and tests/unit/test_cost.py holds them together.

The month is calm but for ALERTS. Left out are cold starts, SNS (its first million calls and 1,000 mails are free),
metrics of trouble, the writes of incidents, and looking at the dashboard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, inf

AS_OF = "March 2026"
HOURS = 730  # in a month, as AWS's calculator counts
TICKS = HOURS * 60
ROWS = (1, 10, 100, 1000)
KB, GB = 1024, 1e9

# The functions' memory, and the targets of one run; the alarms of each stack, and those more with the queue and with
# the prober.
MEMORY_GB, SHARE = 0.5, 100
ALARMS, FLEET_ALARMS, PRIVATE_ALARMS = 7, 1, 1
# Measured in November 2026: a target takes 3.5 ms of a core (TLS, SCRAM); 5 are counted. 512 MB are 0.29 of a core:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
TARGET_SECONDS = 0.017
# Round trips: of one login, and of reading and writing the table; of dividing a tick. Both are estimates.
RUN_SECONDS, DIVIDING_SECONDS = 0.1, 0.2
# Of what is handed to the prober: the way there and back, and there one login's round trips. Both are estimates.
HANDING_SECONDS, PROBER_SECONDS = 0.02, 0.05
# Measured: 360 bytes of `tick`, 360 of its metrics and 520 a target with its own, which a longer name makes longer;
# START, END and REPORT of Lambda are an estimate.
RUN_LOG, TARGET_LOG, PROBER_LOG = 400 + 800, 600, 400
FLEET_METRICS, TARGET_METRICS = 3, 6
DASHBOARD_METRICS = 17  # without those of targets
# Measured: 174 bytes of a heartbeat beside its targets; of each of these its name, which has up to 64 bytes, its
# latency, its samples of the hour, and one byte more for each of them; and 0.7 KB of a target's item before its first
# incident. A week of a target's latencies, written once an hour.
HEARTBEAT, NAME, ITEM, WEEK = 174, 75, 3 * KB, 1720
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/provisioned-capacity-mode.html#read-write-capacity-units
WRITE_UNIT, READ_UNIT = KB, 4 * KB
# Of one probe both ways, an estimate: the server's certificates are most of it.
PROBE_BYTES = 8000
ALERTS = 10  # mails a database and month, with one recipient each
# That a mail was accepted and that it arrived: the mail's item and that of all unconfirmed ones, each time; one run.
MAIL_WRITES = 4
# Five pollers of 20 s, which ask an idle queue too: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
POLLS, SEND_BATCH = 15, 10
SECRET_MINUTES = 15  # as long as an environment keeps a secret
# DynamoDB keeps a table's key for five minutes, by an estimate for each run at a time anew:
# https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
KEY_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Price:
    """Hold a list price: dollars a unit, each up to so many units a month, and what an account has free."""

    source: str
    tiers: tuple[tuple[float, float], ...]
    free: float = 0

    def of(self, units: float, *, allowance: bool) -> float:
        """Return the dollars for units of one month."""
        left, below, dollars = units - self.free * allowance, 0.0, 0.0
        for upper, each in self.tiers:
            dollars += each * max(0, min(left, upper) - below)
            below = upper
        return dollars


def _flat(service: str, dollars: float, per: float = 1, free: float = 0) -> Price:
    return Price(f"https://aws.amazon.com/{service}/pricing/", ((inf, dollars / per),), free)


M = 1_000_000
_CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
PRICES = {
    "Lambda requests": _flat("lambda", 0.20, M, free=M),
    "Lambda GB-seconds, x86_64": _flat("lambda", 0.0000166667, free=400_000),
    "Scheduler invocations": _flat("eventbridge", 1.00, M, free=14 * M),
    # Its free tier is for provisioned capacity alone.
    "DynamoDB writes": _flat("dynamodb", 0.625, M),
    "DynamoDB reads": _flat("dynamodb", 0.125, M),
    "DynamoDB storage and recovery, GB": _flat("dynamodb", 0.25 + 0.20),
    "KMS requests": _flat("kms", 0.03, 10_000, free=20_000),
    "CloudWatch metrics": Price(_CLOUDWATCH, ((10_000, 0.30), (250_000, 0.10), (M, 0.05), (inf, 0.02)), free=10),
    "CloudWatch alarms": _flat("cloudwatch", 0.10, free=10),
    "CloudWatch dashboards up to 50 metrics": _flat("cloudwatch", 3.00, free=3),
    "CloudWatch dashboards": _flat("cloudwatch", 3.00),
    "CloudWatch Logs taken in, GB": _flat("cloudwatch", 0.50, free=5),
    # Of the 5 GB free nothing is counted here, nor that it is compressed.
    "CloudWatch Logs kept, GB": _flat("cloudwatch", 0.03),
    "SQS requests": _flat("sqs", 0.40, M, free=M),
    "SES mails": _flat("ses", 0.10, 1000),
    # Both ways, where the database is in another zone than the function.
    "Traffic between zones, GB": _flat("ec2", 0.02),
    "Secrets": _flat("secrets-manager", 0.40),
    "Secrets Manager calls": _flat("secrets-manager", 0.05, 10_000),
}


@dataclass(frozen=True, slots=True)
class Fleet:
    """Say what is watched, and with what: metrics of each target, the prober in a VPC, a secret for each target."""

    targets: int
    metrics: bool = False
    private: bool = False
    secrets: bool = False

    @property
    def shards(self) -> int:
        """Return the number of runs that probe."""
        return ceil(self.targets / SHARE)

    @property
    def divided(self) -> bool:
        """Return True if a tick goes through the queue."""
        return self.shards > 1


def usage(fleet: Fleet) -> dict[str, float]:
    """Return what a fleet uses in a month, in the units of PRICES."""
    return _runs(fleet) | _table(fleet) | _cloudwatch(fleet) | _queue(fleet) | _extras(fleet)


def dollars(fleet: Fleet, *, allowance: bool) -> float:
    """Return what a fleet costs a month, with or without what the account has free for always."""
    return sum(PRICES[name].of(units, allowance=allowance) for name, units in usage(fleet).items())


def _runs(fleet: Fleet) -> dict[str, float]:
    probing = fleet.targets * TARGET_SECONDS
    seconds = fleet.shards * RUN_SECONDS + probing + fleet.divided * DIVIDING_SECONDS
    # The monitor waits while the prober probes, and both are paid.
    seconds += fleet.private * (fleet.shards * (HANDING_SECONDS + PROBER_SECONDS) + probing)
    mails = ALERTS * fleet.targets
    return {
        "Lambda requests": TICKS * (fleet.shards * (1 + fleet.private) + fleet.divided) + mails,
        "Lambda GB-seconds, x86_64": (TICKS * seconds + mails * RUN_SECONDS) * MEMORY_GB,
        "Scheduler invocations": TICKS,
        "Traffic between zones, GB": TICKS * fleet.targets * PROBE_BYTES / GB,
        "SES mails": mails,
    }


def _table(fleet: Fleet) -> dict[str, float]:
    """Count one heartbeat written and read a shard, the items read, those of a divided tick, the hours' and mails'."""
    heartbeat = HEARTBEAT + NAME * ceil(fleet.targets / fleet.shards)
    reads = fleet.targets + fleet.shards * ceil(heartbeat / READ_UNIT)
    reads += fleet.divided * ceil(fleet.shards * heartbeat / READ_UNIT)
    mails = ALERTS * fleet.targets
    week = WEEK * ceil(fleet.targets / fleet.shards)
    return {
        "DynamoDB writes": TICKS * fleet.shards * ceil(heartbeat / WRITE_UNIT)
        + HOURS * fleet.shards * ceil(week / WRITE_UNIT)
        + MAIL_WRITES * mails,
        # One of the runs of a tick reads which mails nobody has confirmed.
        "DynamoDB reads": TICKS * (reads + 1) + HOURS * fleet.shards * ceil(week / READ_UNIT) + mails,
        "DynamoDB storage and recovery, GB": fleet.targets * ITEM / GB,
        "KMS requests": TICKS / KEY_MINUTES * fleet.shards,
    }


def _cloudwatch(fleet: Fleet) -> dict[str, float]:
    own = TARGET_METRICS * fleet.targets * fleet.metrics
    shown = "CloudWatch dashboards" + ("" if DASHBOARD_METRICS + own > 50 else " up to 50 metrics")
    logs = RUN_LOG * (fleet.shards + fleet.divided) + PROBER_LOG * fleet.shards * fleet.private
    written = TICKS * (logs + TARGET_LOG * fleet.targets * fleet.metrics) / GB
    return {
        "CloudWatch metrics": FLEET_METRICS + own,
        "CloudWatch alarms": ALARMS + FLEET_ALARMS * (fleet.targets > 1) + PRIVATE_ALARMS * fleet.private,
        shown: 1,
        "CloudWatch Logs taken in, GB": written,
        "CloudWatch Logs kept, GB": written,
    }


def _queue(fleet: Fleet) -> dict[str, float]:
    """Count the polls, which there are wherever targets.toml is read, and what each shard takes."""
    shards = fleet.shards if fleet.divided else 0
    return {"SQS requests": TICKS * (POLLS * (fleet.targets > 1) + ceil(shards / SEND_BATCH) + 2 * shards)}


def _extras(fleet: Fleet) -> dict[str, float]:
    secrets = fleet.targets * fleet.secrets
    # A shard meets any environment: each keeps the secret, and after that time meets it again a run in `shards`.
    calls = secrets * TICKS * fleet.shards / (SECRET_MINUTES - 1 + fleet.shards)
    return {"Secrets": secrets, "Secrets Manager calls": calls}


HEAD = f"""\
US dollars a month in us-east-1 for a tick each minute, by AWS's list prices as known of {AS_OF}. Where there are two
figures, the first counts the account's always-free allowance of CloudWatch, Lambda, Scheduler, SQS and KMS as all left
for Heartline; the one in brackets, as used up by others. In private networks one more function probes; no endpoint and
no NAT gateway is needed.

| databases | by default | in private networks | with metrics of each database | with both | secrets, in addition |
|---:|---:|---:|---:|---:|---:|
"""


def readme_table() -> str:
    """Return the table of docs/cost.md."""
    return HEAD + "\n".join(map(_row, ROWS))


def _row(targets: int) -> str:
    plain = Fleet(targets)
    kinds = (
        plain,
        replace(plain, private=True),
        replace(plain, metrics=True),
        replace(plain, metrics=True, private=True),
    )
    secrets = dollars(replace(plain, secrets=True), allowance=False) - dollars(plain, allowance=False)
    return " | ".join([f"| {targets:,}", *map(_cell, kinds), f"{secrets:,.2f} |"])


def _cell(fleet: Fleet) -> str:
    least, most = (f"{dollars(fleet, allowance=allowance):,.2f}" for allowance in (True, False))
    return least if least == most else f"{least} ({most})"


if __name__ == "__main__":
    print(readme_table())
