"""Name the parts that a run puts together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from heartline.aws.metrics import Metrics
from heartline.aws.queue import Queue
from heartline.model.target import Target
from heartline.prober.credentials import Credentials
from heartline.storage.history import History
from heartline.storage.outbox import Outbox
from heartline.storage.states import Store

if TYPE_CHECKING:
    from heartline.notify.channel import Channel


@dataclass(frozen=True, slots=True)
class Heartline:
    """Hold the parts that a run puts together; `interval` is the time from one tick to the next.

    `fleet` is how many targets there are in all. `function` and `region` are its own, for the commands in mails; empty
    where they are not known. Beyond a `share` of targets a tick is divided among several runs through the `queue`,
    where there is one, and `shard` names this one. `told_by` names the `channels`, which are made when there is
    something to tell. Where there is a `courier`, that delivers.
    """

    targets: tuple[Target, ...]
    fleet: int
    interval: timedelta
    store: Store
    outbox: Outbox
    history: History
    credentials: Credentials
    channel_names: tuple[str, ...]
    channels: Callable[[], tuple[Channel, ...]]
    clock: Callable[[], datetime]
    log: Logger
    metrics: Metrics
    function: str = ""
    region: str = ""
    queue: Queue | None = None
    share: int = 100
    shard: str | None = None
    courier: bool = False
