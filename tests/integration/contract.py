"""What a probe may return: an observation whose failure, if any, is in the agreed table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartline.model.observation import Observation
from unit.samples import CONTRACT

if TYPE_CHECKING:
    from heartline.model.observation import Failure


def assert_kept(seen: object) -> None:
    """Fail where something is no observation, or one that the contract does not know."""
    assert isinstance(seen, Observation)
    assert seen.healthy == (seen.server is not None)
    if seen.failure is not None:
        assert_known(seen.failure)


def assert_known(failure: Failure) -> None:
    assert failure.kind in CONTRACT[failure.phase]
    assert failure.sqlstate is None or len(failure.sqlstate) == 5
    for text in (failure.cause, failure.next_step, failure.said or "nothing"):
        assert text.isprintable()
        assert 0 < len(text) <= 400
