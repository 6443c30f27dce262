"""Name what a run works with: the services of its environment, and what it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from heartline.aws.log import Log
from heartline.aws.metrics import Metrics
from heartline.aws.queue import Queue
from heartline.aws.topic import Topic
from heartline.common.deadline import Deadline
from heartline.common.frozen import frozen
from heartline.config.settings import Settings
from heartline.model.target import Target
from heartline.prober.check import Prober
from heartline.storage.history import History
from heartline.storage.outbox import Outbox
from heartline.storage.states import Store

if TYPE_CHECKING:
    from heartline.aws.rds import Rds
    from heartline.messages.context import AlertContext
    from heartline.model.observation import Failure
    from heartline.notify.channel import Channel
    from heartline.notify.receipts import Receipts
    from heartline.storage.digests import Digests
    from heartline.storage.discoveries import Discoveries, Listed
    from heartline.storage.mails import Mails


# Stands for a shard where an event of RDS's started a run, for some targets and out of turn.
EVENTS = "events"


@dataclass(frozen=True, slots=True, eq=False)
class Services:
    """Hold what does not change while an environment lives.

    Attributes
    ----------
    settings
        What the environment says.
    clock
        Returns the time, in UTC.
    log, metrics
        Where a run is reported.
    store, outbox, history
        What is kept.
    prober
        Probes the targets, here or through the probe function.
    channels
        Returns the ways to people, built at the first alert.
    queue
        Takes the shards of a divided tick; None where ticks are not divided.
    notice_channels
        Returns the same, and who hears when Heartline itself fails: for what goes out beside the alerts.
    mails, receipts
        Returns what became of mails, and keeps which of them SES accepted, both built when first asked for.
    discoveries
        Returns what was found in RDS, and how many ticks its events start, built when it is first asked for.
    digests
        Returns which reports were sent, built when one is due.
    rds, rds_lists
        RDS, for what mails say of it, and for what it lists; None where it is not to be asked.
    listed, gone
        What RDS listed last, by region, None where that cannot be read; and by name the targets that it lists no more.
    health_topic
        Notifies when Heartline itself fails; None where there is none.
    """

    settings: Settings
    clock: Callable[[], datetime]
    log: Log
    metrics: Metrics
    store: Store
    outbox: Outbox
    history: History
    prober: Prober
    channels: Callable[[], tuple[Channel, ...]]
    notice_channels: Callable[[], tuple[Channel, ...]]
    mails: Callable[[], Mails]
    receipts: Callable[[], Receipts]
    discoveries: Callable[[], Discoveries]
    digests: Callable[[], Digests]
    rds: Rds | None = None
    rds_lists: Rds | None = None
    listed: Mapping[str, Listed | None] = field(default_factory=dict)
    gone: Mapping[str, Target] = field(default_factory=dict)
    queue: Queue | None = None
    health_topic: Topic | None = None

    def alert_context(self, failures: tuple[Failure, ...] = ()) -> AlertContext:
        """Return what each mail needs to know of the fleet and of the monitor itself, with the failures of now."""
        from heartline.messages.context import AlertContext  # noqa: PLC0415 - a tick without alerts does without

        known = self.settings
        return AlertContext(len(known.targets), failures, {}, known.stack, known.region, known.log_group)


@frozen
class Run:
    """Say what one run is about.

    Attributes
    ----------
    targets
        What to look at.
    at
        When it began, in UTC.
    deadline
        When it must be over.
    shard
        Which part of a divided tick it is, or EVENTS; None for a whole one.
    """

    targets: tuple[Target, ...]
    at: datetime
    deadline: Deadline
    shard: str | None = None
