"""Take each target through one tick, all at once: probe, decide, save."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime

from heartline.aws.log import Event
from heartline.common.frozen import frozen
from heartline.model.alert import Alert
from heartline.model.belief import Addressees
from heartline.model.errors import ConfigurationError, ProberError
from heartline.model.kinds import Status
from heartline.model.observation import Failure, Observation
from heartline.model.state import State, Stored, Unreadable
from heartline.model.target import Target
from heartline.prober.check import Check
from heartline.rules.decide import decide, wants_another
from heartline.rules.gaps import missed
from heartline.rules.watching import addressed, welcome
from heartline.services import EVENTS, Run, Services
from heartline.storage.states import Loaded
from heartline.tick.loading import load_states
from heartline.tick.saving import save_decision

# A decision is made again as often when commands come in between.
_SAVE_ATTEMPTS = 3


@frozen
class TargetResult:
    """Say what became of one target in a tick.

    Attributes
    ----------
    target, state
        The target, and its state after the tick.
    alerts
        What waits for delivery.
    seen
        How its probes found it; unknown if they came to no verdict.
    last
        The last observation.
    blips
        How many failures were not confirmed.
    saved
        Whether this tick wrote its state.
    contested
        Another run decided on it first: this one changed nothing.
    unprobed
        There was no time for a probe.
    deleted
        RDS says that it is deleted.
    faulty
        It met a fault of the monitor, or of what that relies on.
    """

    target: Target
    state: State
    alerts: tuple[Alert, ...] = ()
    seen: Status = Status.UNKNOWN
    last: Observation | None = None
    blips: int = 0
    saved: bool = False
    contested: bool = False
    unprobed: bool = False
    deleted: bool = False
    faulty: bool = False

    @property
    def overrun(self) -> bool:
        """Return True if there was no time to come to a verdict."""
        return self.seen is Status.UNKNOWN and not (self.contested or self.faulty)


def run_targets(services: Services, run: Run) -> tuple[list[TargetResult], Loaded]:
    """Return what became of all targets, whatever happens to one of them, and what was stored before.

    Raises
    ------
    ClientError, BotoCoreError
        If the states could not be read.
    """
    with ThreadPoolExecutor(1) as loader:
        loading = loader.submit(load_states, services, run)
        checks = (_TargetRun(services, run, target, loading).check() for target in _slowest_first(run.targets, loading))
        checked = services.prober.check_all(checks, run.deadline)
        wait([future for _, future in checked if future])
        loaded = loading.result()
    results = [_result(services, target, future, loaded.targets[target.name]) for target, future in checked]
    return results, loaded


def _slowest_first(targets: Sequence[Target], loading: Future[Loaded]) -> Iterator[Target]:
    """Return the targets in turn, once it is known those that are down first: they may take their whole timeout."""
    waiting, known = list(reversed(targets)), False
    while waiting:
        if not known and loading.done() and loading.exception() is None:
            stored = loading.result().targets
            waiting.sort(key=lambda target: _is_down(stored[target.name]))
            known = True
        yield waiting.pop()


def _is_down(stored: Stored | Unreadable) -> bool:
    return isinstance(stored, Stored) and stored.state.status is Status.DOWN


def _result(
    services: Services, target: Target, future: Future[TargetResult] | None, before: Stored | Unreadable
) -> TargetResult:
    """Return what became of a target; one that the monitor failed at, or did not come to, has its state unchanged."""
    if future is None:
        return _unprobed(services, target, before)
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, ProberError):
        _log_fault(services, target, error)
    return replace(unchanged(target, before), faulty=True)


@frozen
class _TargetRun:
    """Take one target through one tick, while its stored state may still be loading."""

    services: Services
    run: Run
    target: Target
    loading: Future[Loaded]

    def check(self) -> Check[TargetResult]:
        """Return what the prober has to do."""
        return Check(self.target, self._wants_another, self._decide)

    def _decide(self, observations: Sequence[Observation]) -> TargetResult:
        """Decide, and save what changed."""
        services, target = self.services, self.target
        before = self._stored()
        if isinstance(before, Unreadable):
            services.log.error(
                Event.STATE_UNREADABLE,
                "the stored item cannot be read: state unchanged",
                target=target.name,
                detail=before.reason,
            )
            return replace(unchanged(target, before), faulty=True)
        named = before.state.first_seen or target.name in self.loading.result().watched
        if not observations or not named:
            faulty = replace(unchanged(target, before), faulty=self.run.shard != EVENTS)
            return faulty if observations else _unprobed(services, target, before)
        gap = missed(self._last_look(), self.run.at, max(services.settings.interval, self.loading.result().interval))
        for _ in range(_SAVE_ATTEMPTS):
            decision = decide(before.state, observations, target.policy, services.clock(), gap)
            if target.discovered:
                if decision.alerts and observations[-1].failure and self._deleted(observations[-1]):
                    services.log.info(Event.DISCOVERED, "deleted in RDS: no longer watched", target=target.name)
                    return replace(unchanged(target, before), deleted=True)
                decision = welcome(before.state, decision, observations[-1], target.policy, services.clock())
            if decision.alerts:
                decision = addressed(before.state, decision, Addressees.of(target))
            changed = decision.state != before.state
            latest = None if not changed or save_decision(self.services, before, decision)[0] else self._latest()
            if latest is None or (isinstance(latest, Stored) and latest.state == decision.state):
                # Where the answer to a save was lost, the call was repeated and found its own write.
                if failure := observations[-1].failure:
                    _log_failure(services, target, failure, decision.state)
                alerts, blips = (*before.outbox, *decision.alerts), decision.state.blips - before.state.blips
                return TargetResult(target, decision.state, alerts, decision.seen, observations[-1], blips, changed)
            if isinstance(latest, Unreadable) or not _commanded(before, latest):
                before = latest
                break
            before = latest
        services.log.info(Event.DECISION_DROPPED, "another run has decided: state unchanged", target=target.name)
        result = replace(unchanged(target, before), contested=True)
        # The other has found the same: then this run, too, has seen it so.
        return replace(result, seen=decision.seen) if decision.seen is result.state.status else result

    def _deleted(self, last: Observation) -> bool:
        from heartline.model.rds import parse  # noqa: PLC0415 - few stacks discover anything

        host = parse(last.endpoint.host)
        return self.services.rds is not None and host is not None and self.services.rds.deleted(host)

    def _latest(self) -> Stored | Unreadable:
        return self.services.store.load([self.target.name], self.run.shard).targets[self.target.name]

    def _wants_another(self, seen: Sequence[Observation]) -> bool:
        before = self._stored()
        return isinstance(before, Stored) and wants_another(before.state, seen, self.target.policy)

    def _stored(self) -> Stored | Unreadable:
        return self.loading.result().targets[self.target.name]

    def _last_look(self) -> datetime | None:
        """Return when the target was probed last; if it was not in the document then, when any was."""
        loaded = self.loading.result()
        return loaded.looks.get(self.target.name, loaded.last)


def _commanded(before: Stored, latest: Stored) -> bool:
    """Return True if since then only a command changed a state: then what was decided can be decided anew."""
    state, belief = before.state, latest.state.belief
    if belief and state.belief:
        belief = replace(belief, acknowledged=state.belief.acknowledged)
    undone = replace(latest.state, muted_until=state.muted_until, mute_reason=state.mute_reason, belief=belief)
    return undone == state


def _unprobed(services: Services, target: Target, before: Stored | Unreadable) -> TargetResult:
    services.log.error(Event.UNPROBED, "no time to probe: state unchanged", target=target.name)
    return replace(unchanged(target, before), unprobed=True)


def unchanged(target: Target, before: Stored | Unreadable) -> TargetResult:
    """Return the result for a target whose state is unchanged."""
    if isinstance(before, Unreadable):
        return TargetResult(target, State(target.name))
    return TargetResult(target, before.state, before.outbox)


def _log_failure(services: Services, target: Target, failure: Failure, state: State) -> None:
    services.log.warning(
        Event.FAILURE,
        "the probe failed",
        target=target.name,
        error_type=failure.kind.value,
        error_code=failure.sqlstate,
        detail={
            "status": state.status.value,
            "incident": state.incident.id if state.incident else None,
            "phase": failure.phase.value,
            "cause": failure.cause,
        },
    )


def _log_fault(services: Services, target: Target, error: BaseException) -> None:
    """Log where a fault of the monitor arose; only the text of a wrong configuration is known to hold no secret."""
    said = str(error) if isinstance(error, ConfigurationError) else "a fault of the monitor: state unchanged"
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    services.log.error(
        Event.TARGET_FAULT,
        said,
        target=target.name,
        error=error,
        detail=[f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in frames],
    )
