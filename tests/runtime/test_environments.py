"""An execution environment begins cold and stays warm, and another one knows all that it has to know."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from local.function import event
from runtime.documents import watching

if TYPE_CHECKING:
    from local.aws import EmulatedAws
    from local.postgres import Postgres
    from runtime.conftest import Start
    from runtime.emulator import Function

INIT = "INIT START"
SECRET = "secretsmanager:GetSecretValue"


def seconds(function: Function) -> float:
    """Measure a healthy tick."""
    began = monotonic()
    assert function.invoke(event("scheduled"))["up"] == 1
    return monotonic() - began


def test_a_warm_tick_uses_what_the_cold_one_has_made(function: Function, aws: EmulatedAws) -> None:
    cold, warm = seconds(function), seconds(function)
    assert function.log.count(INIT) == 1
    assert aws.calls.count(SECRET) == 1
    assert warm < cold


def test_what_happens_between_warm_ticks_is_seen(
    start: Start, environment: dict[str, str], database: Postgres, aws: EmulatedAws
) -> None:
    function = start(watching(environment))
    seconds(function)
    seconds(function)
    database.kill()
    assert function.invoke(event("scheduled"))["down"] == 1
    assert function.log.count(INIT) == 1
    assert [mail.state for mail in aws.mails] == ["DOWN"]


def test_a_cold_environment_knows_what_another_has_told(
    start: Start, environment: dict[str, str], database: Postgres, aws: EmulatedAws
) -> None:
    database.kill()
    start(watching(environment)).invoke(event("scheduled"))
    cold = start(watching(environment))
    again = cold.invoke(event("scheduled"))
    assert (again["down"], again["alerts"]) == (1, {"sent": 0, "pending": 0})
    database.start()
    assert cold.invoke(event("scheduled"))["up"] == 1
    assert [mail.state for mail in aws.mails] == ["DOWN", "RECOVERED"]
