"""What a name service says, and what it does not say, is not the same failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from heartline.model.kinds import Kind, Phase
from local.names import GLIBC, Answer, NameServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.conftest import Prober

pytestmark = pytest.mark.skipif(not GLIBC, reason="only glibc can be given a name service of the test's own")

ANSWERS = {f"{answer.name.lower()}.test": answer for answer in Answer}


@pytest.fixture(autouse=True)
def _name_service() -> Iterator[None]:
    with NameServer(ANSWERS) as server, server.in_use():
        yield


def test_a_name_that_has_an_address(prober: Prober) -> None:
    assert prober.verdict(host="address.test", timeout=5) is None


@pytest.mark.parametrize("answer", ["nxdomain", "empty"])
def test_a_name_that_the_name_service_says_has_no_address(prober: Prober, answer: str) -> None:
    seen = prober(host=f"{answer}.test", timeout=5)
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.kind) == (Phase.RESOLVE, Kind.UNRESOLVABLE)
    assert "typing errors" in seen.failure.next_step


@pytest.mark.parametrize("answer", ["silence", "servfail", "refused"])
@pytest.mark.parametrize("timeout", [0.5, 5])
def test_a_name_service_that_does_not_say(prober: Prober, answer: str, timeout: float) -> None:
    """Within the probe's timeout glibc gives up by itself, or the probe does."""
    seen = prober(host=f"{answer}.test", timeout=timeout)
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.kind) == (Phase.RESOLVE, Kind.TIMEOUT)
    assert "typing errors" not in seen.failure.next_step
    for place in ("resolver", "security group", "name service"):
        assert place in seen.failure.next_step
