"""Take the probes of one target that one tick needs: credential, probe, and again until it is clear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import sleep

from heartline.credentials import Credentials
from heartline.deadline import Deadline
from heartline.model import DEFAULT_DATABASE, DEFAULT_PORT, Credential, Endpoint, Failure, Observation, Target
from heartline.probe import probe
from heartline.probe.turnstile import PACE

_WRONG_PASSWORD = "28P01"  # noqa: S105 - an SQLSTATE, PostgreSQL documentation, appendix A


def observe(
    target: Target,
    credentials: Credentials,
    wants_another: Callable[[Sequence[Observation]], bool],
    deadline: Deadline,
) -> list[Observation]:
    """Probe until `wants_another` says that it is enough, or there is no time for one more whole probe.

    Parameters
    ----------
    target
        What to probe.
    credentials
        Where its credential is found.
    wants_another
        Told all observations so far; may wait for what it needs to know.
    deadline
        The tick's own; a probe that it would cut short is not begun, since it would prove nothing.
    """
    observations: list[Observation] = []
    pause = target.policy.confirm_after.total_seconds()
    while deadline.allows(target.timeout.total_seconds() + (pause if observations else 0)):
        if observations:
            sleep(pause)
        seen = observe_once(target, credentials, deadline)
        if seen is None:
            break
        observations.append(seen)
        if not wants_another(observations):
            break
    return observations


def observe_once(target: Target, credentials: Credentials, deadline: Deadline) -> Observation | None:
    """Probe once; a refused password is fetched afresh and tried again, since it may have been rotated.

    Parameters
    ----------
    target
        What to probe.
    credentials
        Where its credential is found.
    deadline
        When the probe must be over; None comes back where no whole probe fits in before it.
    """
    credential = credentials.find(target)
    if isinstance(credential, Failure):
        return _without_credential(target, credential)
    seen = _probe(target, credential, deadline)
    if seen is None or seen.failure is None or seen.failure.sqlstate != _WRONG_PASSWORD or target.secret is None:
        return seen
    rotated = credentials.find(target, afresh=True)
    if isinstance(rotated, Failure) or rotated == credential:
        return seen
    return _probe(target, rotated, deadline) or seen


def _probe(target: Target, credential: Credential, deadline: Deadline) -> Observation | None:
    """Probe in this process's turn; the time of the probe runs from then on."""
    timeout = target.timeout.total_seconds()
    with PACE.entered(deadline.left()) as admitted:
        if not admitted or not deadline.allows(timeout):
            return None
        return probe(target, credential, Deadline.after(timeout))


def _without_credential(target: Target, failure: Failure) -> Observation:
    port, database = target.port or DEFAULT_PORT, target.database or DEFAULT_DATABASE
    return Observation(
        datetime.now(UTC), Endpoint(target.host or "", port, database, target.user or ""), failure=failure
    )
