"""Write metrics, each as a line of the log that CloudWatch reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from heartline.model.condition import Condition
from heartline.model.observation import Observation

_NAMESPACE = "Heartline"
_UNITS = {"TickDuration": MetricUnit.Milliseconds, "OldestAlert": MetricUnit.Seconds}
# These mean something at 0 too. A metric costs in each hour in which it is written, so the others are not then:
# https://aws.amazon.com/cloudwatch/pricing/
_ALWAYS = frozenset({"TargetsUp", "TargetsDown", "TickDuration"})


class Metrics:
    """Write metrics in CloudWatch's embedded format.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html

    Parameters
    ----------
    service
        The first dimension: the name of the stack, so that two stacks in an account have metrics of their own.
    """

    def __init__(self, service: str) -> None:
        self._service = service

    def count(self, numbers: Mapping[str, float]) -> None:
        """Write what was counted; leave out the zeros that mean nothing."""
        shown = {name: number for name, number in numbers.items() if number or name in _ALWAYS}
        if not shown:
            return
        line = EphemeralMetrics(namespace=_NAMESPACE, service=self._service)
        for name, number in shown.items():
            line.add_metric(name, _UNITS.get(name, MetricUnit.Count), number)
        line.flush_metrics()

    def probed(self, target: str, observation: Observation, conditions: Iterable[Condition]) -> None:
        """Write whether a target was available, in percent, how long each phase took if so, and what holds of it."""
        line = EphemeralMetrics(namespace=_NAMESPACE, service=self._service)
        line.add_dimension("target", target)
        line.add_metric("Availability", MetricUnit.Percent, 100 if observation.healthy else 0)
        if observation.healthy:
            for phase, spent in observation.phases.items():
                line.add_metric(phase.value.capitalize(), MetricUnit.Milliseconds, spent)
        for condition in conditions:
            line.add_metric(condition.kind.capitalize(), MetricUnit.Count, 1)
        line.flush_metrics()
