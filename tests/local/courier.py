"""A monitor that only announces, the courier that delivers for it, and what the template lets that do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from local.function import invoke
from local.stream import BATCH, Stream, properties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from integration.conftest import Monitor


@dataclass
class Post:
    """A monitor that only announces, and the courier that its table's stream starts."""

    monitor: Monitor
    stream: Stream
    name: str = "heartline-monitor"

    @classmethod
    def employ(cls, monitor: Monitor, replace: Callable[[Any, str, Any], None]) -> Self:
        """Leave a monitor's deliveries to a courier.

        Parameters
        ----------
        replace
            Sets a part of a module until the test is over.
        """

        from heartline import bootstrap  # noqa: PLC0415 - the packages of the function are loaded when it is first started

        # Two functions: neither costs the other the parts that it has made.
        replace(bootstrap, "_services", lru_cache(maxsize=2)(bootstrap._services.__wrapped__))
        monitor.environment |= {"COURIER": "true", "AWS_LAMBDA_FUNCTION_NAME": cls.name}
        return cls(monitor, Stream(monitor.aws, monitor.environment["STATE_TABLE"]))

    @property
    def courier(self) -> dict[str, str]:
        """The courier's environment."""
        return courier_environment(self.monitor.environment, self.name)

    def start(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Start the courier with an event."""
        return invoke(self.courier, document)

    def carry(self, most: int = BATCH) -> list[dict[str, Any] | Exception]:
        """Start the courier for all that was announced, that many records at a time."""
        return self.stream.pump(self.start, most)

    def minute(self, most: int = BATCH) -> list[str]:
        """Tick, a minute after the last time, and deliver; give the heads of the mails that came."""
        self.monitor.pass_time(minutes=1)
        before = len(self.monitor.subjects)
        self.monitor.tick()
        self.carry(most)
        return [subject[1:].split("]")[0] for subject in self.monitor.subjects[before:]]


def courier_environment(monitors: Mapping[str, str], monitor: str) -> dict[str, str]:
    """Give the courier's environment: of the monitor's what the template gives to both, and the monitor's name."""
    named = properties("CourierFunction")["Environment"]["Variables"]
    ways = {name for name in monitors if name.startswith("AWS_") and not name.startswith("AWS_ENDPOINT_URL_")}
    both = {name: value for name, value in monitors.items() if name in named or name in ways}
    return both | {"MONITOR_FUNCTION": monitor, "AWS_LAMBDA_FUNCTION_NAME": "heartline-courier"}


def granted(role: str) -> set[str]:
    """List the actions that the template lets a role do, under any condition."""
    (policy,) = properties(role)["Policies"]
    return set(_actions(policy["PolicyDocument"]["Statement"]))


def _actions(statements: Any) -> Iterator[str]:  # noqa: ANN401, any YAML
    if isinstance(statements, list):
        for statement in statements:
            yield from _actions(statement)
    elif isinstance(statements, dict):
        actions = statements["Action"]
        yield from [actions] if isinstance(actions, str) else actions
