"""Take the probes of one target that one tick needs: credential, probe, and again until it is clear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import sleep

from heartline.common.deadline import Deadline
from heartline.model.kinds import Kind, Phase
from heartline.model.observation import Failure, Observation
from heartline.model.target import DEFAULT_DATABASE, DEFAULT_PORT, Credential, Endpoint, Target
from heartline.probe import probe
from heartline.probe.slots import CPU_SLOTS
from heartline.prober.credentials import Credentials


def check(
    target: Target,
    credentials: Credentials,
    wants_another: Callable[[Sequence[Observation]], bool],
    deadline: Deadline,
) -> list[Observation]:
    """Probe until `wants_another` says that it is enough, or there is no time for one more whole probe.

    The caller has taken a place in PACE for the first probe; none is held when this returns.

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
    timeout, pause = target.timeout.total_seconds(), target.policy.confirm_after.total_seconds()
    while True:
        try:
            if not deadline.allows(timeout):
                break
            observations.append(check_once(target, credentials))
        finally:
            CPU_SLOTS.leave()
        if not wants_another(observations) or not deadline.allows(pause + timeout):
            break
        sleep(pause)
        if not CPU_SLOTS.take(deadline.left()):
            break
    return observations


def check_once(target: Target, credentials: Credentials) -> Observation:
    """Probe once, in the caller's slot; what was refused may have been rotated: read it afresh and try again."""
    with CPU_SLOTS.released():
        credential = credentials.find(target)
    if isinstance(credential, Failure):
        return _without_credential(target, credential)
    seen = _probe(target, credential)
    if seen.failure is None or not may_be_outdated(seen.failure) or not (target.secret or target.client_certificate):
        return seen
    with CPU_SLOTS.released():
        rotated = credentials.find(target, afresh=True)
    return seen if isinstance(rotated, Failure) or rotated == credential else _probe(target, rotated)


# Under these SQLSTATEs poolers report all their errors: of words that are not known, a password may be the matter.
_UNCLEAR = {"08P01", "XX000"}


def may_be_outdated(failure: Failure) -> bool:
    """Return True if a secret that was rotated meanwhile could be what the server refused.

    PostgreSQL says so by 28P01 and, for a directory's password (LDAP, PAM, RADIUS), by 28000; poolers by words.
    """
    if failure.kind is Kind.AUTH:
        return failure.sqlstate is not None
    unclear = failure.phase is Phase.LOGIN and failure.kind is Kind.SERVER_ERROR and failure.sqlstate in _UNCLEAR
    return unclear or failure.kind is Kind.CLIENT_CERTIFICATE


def _probe(target: Target, credential: Credential) -> Observation:
    return probe(target, credential, Deadline.after(target.timeout.total_seconds()))


def _without_credential(target: Target, failure: Failure) -> Observation:
    port, database = target.port or DEFAULT_PORT, target.database or DEFAULT_DATABASE
    return Observation(
        datetime.now(UTC), Endpoint(target.host or "", port, database, target.user or ""), failure=failure
    )
