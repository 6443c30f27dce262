"""Whatever goes wrong, at once and in a row: all are told the beginning and the end, truly and in order."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from local import promises
from local.life import Life
from local.sweep import Runner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.conftest import Monitor, Serve


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as runner:
        yield runner


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the function try again at once what DynamoDB did not do."""
    for module in ("states", "table"):
        monkeypatch.setattr(f"heartline.storage.{module}.sleep", lambda _: None)


def gaps(monitor: Monitor) -> list[tuple[datetime, datetime]]:
    spans = (item["gap"]["M"] for sk, item in monitor.history.items() if sk.startswith("gap#"))
    return [(datetime.fromisoformat(one["began"]["S"]), datetime.fromisoformat(one["ended"]["S"])) for one in spans]


@pytest.mark.parametrize("seed", [3, 39, 62, 71, 82, 96])
def test_whatever_goes_wrong_everybody_is_told_what_is_so(
    monitor: Monitor, runner: Runner, serve: Serve, seed: int
) -> None:
    monitor.environment["SCHEDULE_MINUTES"] = "20"
    life = Life(monitor, runner, serve, seed)
    life.run()
    moments = life.moments
    wrong = [
        *promises.untrue(moments),
        *promises.outdated(moments),
        *promises.unheard(moments),
        *promises.unended(moments),
        *promises.overtaken(moments),
        *promises.repeated(moments),
        *promises.unwatched(moments, gaps(monitor)),
    ]
    waiting = [name for name, item in monitor.items.items() if item.get("outbox", {}).get("M")]
    wrong += [f"alerts of {name} wait" for name in waiting]
    assert not wrong, "\n".join(["", *wrong, "", *map(str, moments)])
    assert any(moment.told for moment in moments)
