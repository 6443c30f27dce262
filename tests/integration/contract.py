"""What may come out of a probe: the kinds of failure by phase, as the contract lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartline.model.observation import Observation

if TYPE_CHECKING:
    from heartline.model.observation import Failure

IN_SESSION = {"server-error", "stopping", "protocol", "closed", "timeout"}
KINDS = {
    "resolve": {"unresolvable", "timeout"},
    "connect": {"refused", "unreachable", "timeout"},
    "tls": {"tls-refused", "certificate", "client-certificate", "tls", "closed", "timeout"},
    "login": {"auth", "no-database", "denied", "client-certificate", "saturated", "starting"} | IN_SESSION,
    "query": {"denied", "bad-query", "wrong-role"} | IN_SESSION,
}


def assert_kept(seen: object) -> None:
    """Fail where something is no observation, or one that the contract does not know."""
    assert isinstance(seen, Observation)
    assert seen.healthy == (seen.server is not None)
    if seen.failure is not None:
        assert_known(seen.failure)


def assert_known(failure: Failure) -> None:
    assert failure.kind in KINDS[failure.phase]
    assert failure.sqlstate is None or len(failure.sqlstate) == 5
    for text in (failure.cause, failure.next_step, failure.said or "nothing"):
        assert text.isprintable()
        assert 0 < len(text) <= 400
