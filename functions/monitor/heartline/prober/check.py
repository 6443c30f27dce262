"""Say which probes one target needs until it is clear, whoever carries them out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from heartline.common.deadline import Deadline
from heartline.common.frozen import frozen
from heartline.model.kinds import Kind, Phase
from heartline.model.observation import Failure, Observation
from heartline.model.target import DEFAULT_DATABASE, DEFAULT_PORT, Credential, Endpoint, Target

_ResultT = TypeVar("_ResultT")
# Under these SQLSTATEs poolers report all their errors: of words that are not known, a password may be the matter.
_UNCLEAR = {"08P01", "XX000"}


@frozen
class Check(Generic[_ResultT]):
    """Name a target to probe until it is clear.

    Attributes
    ----------
    target
        What to probe.
    wants_another
        Is given all observations so far, and returns whether one more is needed; may wait for what it needs to know.
    finish
        Is given the observations, none where there was no time, and returns the result; called once.
    """

    target: Target
    wants_another: Callable[[Sequence[Observation]], bool]
    finish: Callable[[Sequence[Observation]], _ResultT]


class Prober(Protocol):
    """Carry out checks, here or elsewhere."""

    def check_all(
        self, checks: Iterable[Check[_ResultT]], deadline: Deadline
    ) -> list[tuple[Target, Future[_ResultT] | None]]:
        """Carry out checks at once, and return by target the future of its result; None if it could not begin.

        Parameters
        ----------
        checks
            Taken one by one, as there is time to begin them.
        deadline
            A probe that it would cut short is not begun: it would prove nothing.
        """
        ...


@frozen
class Attempt:
    """Ask for one probe of a target, with what it logs in."""

    target: Target
    credential: Credential


@frozen
class Pause:
    """Ask to wait so many seconds."""

    seconds: float


# Is sent the observation of each attempt (None: there was no time for it), and returns all of them.
Steps = Generator[Attempt | Pause, Observation | None, list[Observation]]


class Finds(Protocol):
    """Find credentials."""

    def find(self, target: Target, *, afresh: bool = False) -> Credential | Failure:
        """Return the target's credential, or why there is none."""
        ...


def steps(
    target: Target, credentials: Finds, wants_another: Callable[[Sequence[Observation]], bool], deadline: Deadline
) -> Steps:
    """Ask for probes and pauses until `wants_another` returns False, or there is no time for one more whole probe."""
    observations: list[Observation] = []
    timeout, pause = target.timeout.total_seconds(), target.policy.confirm_after.total_seconds()
    while deadline.allows(timeout):
        observation = yield from _observe(target, credentials)
        if observation is None:
            break
        observations.append(observation)
        if not wants_another(observations) or not deadline.allows(pause + timeout):
            break
        yield Pause(pause)
    return observations


def _observe(target: Target, credentials: Finds) -> Generator[Attempt, Observation | None, Observation | None]:
    """Ask for one probe; what was refused may have been rotated: it is read afresh and tried again."""
    credential = credentials.find(target)
    if isinstance(credential, Failure):
        return _without_credential(target, credential)
    seen = yield Attempt(target, credential)
    if seen is None or seen.failure is None or not _may_be_outdated(seen.failure, target):
        return seen
    rotated = credentials.find(target, afresh=True)
    if isinstance(rotated, Failure) or rotated == credential:
        return seen
    return (yield Attempt(target, rotated)) or seen


def _may_be_outdated(failure: Failure, target: Target) -> bool:
    """Return True if a secret of the target's that was rotated meanwhile could be what the server refused.

    PostgreSQL says so by 28P01 and, for a directory's password (LDAP, PAM, RADIUS), by 28000; poolers by words.
    """
    if target.secret is None and target.client_certificate is None:
        return False
    if failure.kind is Kind.AUTH:
        return failure.sqlstate is not None
    unclear = failure.phase is Phase.LOGIN and failure.kind is Kind.SERVER_ERROR and failure.sqlstate in _UNCLEAR
    return unclear or failure.kind is Kind.CLIENT_CERTIFICATE


def _without_credential(target: Target, failure: Failure) -> Observation:
    port, database = target.port or DEFAULT_PORT, target.database or DEFAULT_DATABASE
    return Observation(
        datetime.now(UTC), Endpoint(target.host or "", port, database, target.user or ""), failure=failure
    )


def probe_once(prober: Prober, target: Target, deadline: Deadline) -> Observation | None:
    """Return what one probe of a target sees; None if there was no time for it.

    Raises
    ------
    ProberError
        If the prober could not be reached.
    """
    check = Check(target, wants_another=lambda _: False, finish=lambda seen: seen)
    ((_, future),) = prober.check_all([check], deadline)
    seen = future.result() if future else ()
    return seen[-1] if seen else None
