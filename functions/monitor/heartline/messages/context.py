"""What a mail needs beside its alerts: the fleet now, the history of each target, and the monitor itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from heartline.common.frozen import frozen
from heartline.model.alert import Alert
from heartline.model.incident import Incident, Span
from heartline.model.kinds import Phase
from heartline.model.latencies import Trend
from heartline.model.observation import Failure
from heartline.model.rds import RdsFacts
from heartline.model.target import Target

_BEFORE_LOGIN = frozenset({Phase.RESOLVE, Phase.CONNECT, Phase.TLS})
# Fewer targets that fail together say nothing about the monitor's own network.
_MIN_CUT_OFF = 3


@frozen
class TargetHistory:
    """A target's ended incidents, the times in which Heartline did not run, and how long probes took."""

    incidents: tuple[Incident, ...] = ()
    gaps: tuple[Span, ...] = ()
    trend: Trend | None = None


@frozen
class AlertContext:
    """What a mail needs beside its alerts.

    Attributes
    ----------
    targets
        The number of targets in the fleet.
    failures
        The failures of all targets that are down.
    histories
        The history of targets, by name; a target whose history was not read is missing.
    stack, region, log_group
        The monitor's own; empty where they are not known.
    rds
        What RDS says of targets, by name, where it was asked and answered in time.
    """

    targets: int
    failures: tuple[Failure, ...] = ()
    histories: Mapping[str, TargetHistory] = field(default_factory=dict)
    stack: str = ""
    region: str = ""
    log_group: str = ""
    rds: Mapping[str, RdsFacts] = field(default_factory=dict)

    @property
    def cut_off(self) -> Failure | None:
        """The failure that all targets share before login, if the monitor itself may be cut off; else None."""
        if len(self.failures) < max(self.targets, _MIN_CUT_OFF):
            return None
        first = self.failures[0]
        alike = all((one.phase, one.kind) == (first.phase, first.kind) for one in self.failures)
        return first if alike and first.phase in _BEFORE_LOGIN else None


@frozen
class TargetAlerts:
    """A target and alerts of it, oldest first."""

    target: Target
    alerts: tuple[Alert, ...]
