"""Say what is known beside the alerts: of all targets now, of each one's past, and of the monitor itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from heartline.model.alert import Alert
from heartline.model.incident import Incident, Span
from heartline.model.kinds import Phase
from heartline.model.observation import Failure
from heartline.model.target import Target

_BEFORE_LOGIN = frozenset({Phase.RESOLVE, Phase.CONNECT, Phase.TLS})
# Fewer that fail together say nothing of the monitor's own network.
_LEAST_CUT_OFF = 3


@dataclass(frozen=True, slots=True)
class TargetHistory:
    """Hold a target's incidents that are over, and the times in which Heartline did not run."""

    incidents: tuple[Incident, ...] = ()
    gaps: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertContext:
    """Say how many targets there are, what those that are down fail with, and what lies behind some of them.

    `function` and `region` are the monitor's own, empty where they are not known.
    """

    targets: int
    failures: tuple[Failure, ...] = ()
    histories: Mapping[str, TargetHistory] = field(default_factory=dict)
    function: str = ""
    region: str = ""

    @property
    def cut_off(self) -> Failure | None:
        """Give the failure that all targets share, where it is so that the monitor itself may be cut off."""
        if len(self.failures) < max(self.targets, _LEAST_CUT_OFF):
            return None
        first = self.failures[0]
        alike = all((one.phase, one.kind) == (first.phase, first.kind) for one in self.failures)
        return first if alike and first.phase in _BEFORE_LOGIN else None


@dataclass(frozen=True, slots=True)
class TargetAlerts:
    """Pair a target with alerts of its own, oldest first."""

    target: Target
    alerts: tuple[Alert, ...]
