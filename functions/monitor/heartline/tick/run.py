"""Run one tick: take all targets through it, record that it ran, deliver pending alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.log import Event
from heartline.common.deadline import Deadline
from heartline.model.alert import Alert
from heartline.model.heartbeat import Heartbeat
from heartline.model.kinds import Status
from heartline.model.latencies import SAMPLE_EVERY, hour_of, sample
from heartline.model.state import State
from heartline.model.target import Target
from heartline.rules.gaps import missed
from heartline.services import EVENTS, Run, Services
from heartline.storage.states import Loaded
from heartline.tick.leaving import take_leave
from heartline.tick.summary import DeliverySummary, TickSummary
from heartline.tick.workers import TargetResult, run_targets

# The share of a tick's time that is kept for saving and sending after the last probe, and the most of it.
_RESERVE = 0.3
_RESERVE_SECONDS = 12


def run_tick(services: Services, run: Run) -> TickSummary:
    """Probe all targets, save what changed, deliver pending alerts.

    Parameters
    ----------
    services
        The services.
    run
        The targets, and how long the tick may take.

    Returns
    -------
    TickSummary
        What it found and did; logged and counted.

    Raises
    ------
    ClientError, BotoCoreError
        If the states could not be read: then nothing could be decided.
    """
    began = monotonic()
    reserve = min(_RESERVE * run.deadline.left(), _RESERVE_SECONDS)
    try:
        results, loaded = run_targets(services, replace(run, deadline=Deadline(run.deadline.at - reserve)))
    except (ClientError, BotoCoreError) as error:
        services.log.critical(Event.STATES_NOT_READ, "states not read: nothing is decided in this tick", error=error)
        services.metrics.count({"Faults": 1})
        raise
    deleted = {result.target.name: result.target for result in results if result.deleted}
    results = [result for result in results if not result.deleted]
    out_of_turn = run.shard == EVENTS
    leaving = {} if out_of_turn else take_leave(services, run, loaded, deleted)
    beaten = out_of_turn or _beat(services, run, results, loaded, tuple(leaving))
    delivery = _deliver(services, run, results, leaving)
    faults, unconfirmed = _review_mails(services, run, loaded)
    faults += sum(result.faulty for result in results) + list(leaving.values()).count(None) + (not beaten)
    summary = replace(
        _summary(run, results),
        faults=faults,
        unconfirmed=unconfirmed,
        duration_ms=round((monotonic() - began) * 1000),
        delivery=delivery,
    )
    _report(services, results, summary)
    return summary


def _summary(run: Run, results: Sequence[TargetResult]) -> TickSummary:
    """Count what became of the targets."""
    statuses = [result.state.status for result in results]
    return TickSummary(
        run.at,
        len(run.targets),
        up=statuses.count(Status.UP),
        down=statuses.count(Status.DOWN),
        unprobed=sum(result.unprobed for result in results),
        blips=sum(result.blips for result in results),
        overruns=int(any(result.overrun for result in results)),
        conditions=Counter(one.kind.capitalize() for result in results for one in result.state.held),
        shard=run.shard,
    )


def _deliver(
    services: Services, run: Run, results: Sequence[TargetResult], leaving: Mapping[str, tuple[Alert, ...] | None]
) -> DeliverySummary:
    """Deliver pending alerts, if there are any."""
    if not any(leaving.values()) and not any(result.alerts or result.contested for result in results):
        return DeliverySummary()
    # A tick without alerts does without all that delivers them.
    from heartline.tick.deliver import Pending, deliver  # noqa: PLC0415

    failing = (result.state for result in results if result.state.status is Status.DOWN)
    failures = tuple(state.failure for state in failing if state.failure)
    pending = [Pending(result.target, result.alerts, contested=result.contested) for result in results]
    pending += [Pending(Target(name), alerts) for name, alerts in leaving.items() if alerts]
    return deliver(services, pending, failures, run.deadline)


def _review_mails(services: Services, run: Run, loaded: Loaded) -> tuple[int, int]:
    """Look at the mails that did not arrive, if there are any; return the number of faults, and of alerts in them."""
    if loaded.mails is None:
        return 0, 0
    from heartline.tick.undelivered import review  # noqa: PLC0415

    try:
        return review(services, loaded.mails, run.deadline)
    except Exception as error:  # noqa: BLE001 - whatever it is, the alerts are out
        services.log.error(Event.MAILS_NOT_REVIEWED, "mails that did not arrive not looked at", error=error)
        return 1, 0


def _report(services: Services, results: Sequence[TargetResult], summary: TickSummary) -> None:
    """Write the tick's one record, and its metrics."""
    services.log.info(Event.TICK, "tick", tick=summary.at.isoformat(), shard=summary.shard, detail=summary.counts())
    services.metrics.count(summary.metrics())
    for result in results:
        if result.target.metrics and result.last and result.seen is not Status.UNKNOWN:
            services.metrics.probed(result.target.name, result.last, result.state.held)


def _beat(
    services: Services, run: Run, results: Sequence[TargetResult], loaded: Loaded, leaving: tuple[str, ...]
) -> bool:
    """Record that this tick has run, and which were missed before it; return False if any of that failed."""
    if loaded.unsure:
        services.log.error(Event.HEARTBEAT_NOT_WRITTEN, "heartbeat not written: a newer Heartline wrote the last one")
        return False
    if any(result.contested for result in results) and not any(result.saved for result in results):
        # All that this tick had to write was another's: the heartbeat, too, is the other's to write.
        return True
    try:
        kept = _keep_latencies(services, run, loaded.heartbeat)
        if gap := missed(loaded.last, run.at, max(services.settings.interval, loaded.interval)):
            services.history.note_gap(gap)
            span = {"from": gap.began.isoformat(), "to": gap.ended.isoformat()}
            services.log.warning(Event.TICKS_MISSED, "ticks were missed", detail=span)
        seconds = services.settings.interval.total_seconds()
        heartbeat = replace(_heartbeat(run, results, leaving, loaded.heartbeat), interval=seconds)
        services.store.beat(heartbeat, loaded.heartbeat, run.shard)
    except (ClientError, BotoCoreError) as error:
        services.log.error(Event.HEARTBEAT_NOT_WRITTEN, "heartbeat not written", error=error)
        return False
    return kept


def _keep_latencies(services: Services, run: Run, before: Heartbeat | None) -> bool:
    """Keep how long the probes of the last hour took, once it is over; return False if that failed."""
    if before is None or before.sampled is None or hour_of(before.sampled) == hour_of(run.at):
        return True
    try:
        services.history.note_latencies(run.shard, hour_of(before.sampled), before.sampled_by_target(), run.at)
    except (ClientError, BotoCoreError) as error:
        services.log.error(Event.LATENCIES_NOT_KEPT, "the latencies of an hour not kept", error=error)
        return False
    return True


def _heartbeat(
    run: Run, results: Sequence[TargetResult], leaving: tuple[str, ...], before: Heartbeat | None
) -> Heartbeat:
    """Return which targets this tick found healthy and which not, and when the others were seen last."""
    healthy, failed = (
        tuple(sorted(result.target.name for result in results if result.seen is status))
        for status in (Status.UP, Status.DOWN)
    )
    undecided = {result.target.name: _last_look(result.state) for result in results if result.seen is Status.UNKNOWN}
    earlier = {name: look for name, look in undecided.items() if look}
    others = (*leaving, *(name for name, look in undecided.items() if not look))
    spent = {result.target.name: sum(result.last.phases.values()) for result in results if result.last}
    # Less than half a millisecond is no less than one that is not known.
    latencies = tuple(max(1, round(spent[name])) if name in spent else 0 for name in healthy)
    samples, sampled = _samples(run, {one.target.name: one for one in results}, healthy, before)
    return Heartbeat(run.at, healthy, failed, earlier, others, latencies, samples=samples, sampled=sampled)


def _samples(
    run: Run, results: Mapping[str, TargetResult], healthy: Sequence[str], before: Heartbeat | None
) -> tuple[tuple[str, ...], datetime | None]:
    """Return this hour's samples of how long probes took, one more of each where it is time, and when the last was."""
    sampled, known = (before.sampled, before.sampled_by_target()) if before else (None, {})
    if sampled is None or hour_of(sampled) != hour_of(run.at):
        sampled, known = None, {}
    if sampled and run.at - sampled < SAMPLE_EVERY:
        return tuple(known.get(name, "") for name in healthy), sampled
    lasts = {name: results[name].last for name in healthy}
    return tuple(known.get(name, "") + (sample(last.phases) if last else "") for name, last in lasts.items()), run.at


def _last_look(state: State) -> datetime | None:
    return state.last_ok if state.status is Status.UP else state.last_failed
