"""What moto's CloudFormation does not make of our template by itself: made by moto's own services, or only noted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from moto import backends
from moto.cloudformation import parsing
from moto.cloudwatch.models import Dimension, Metric, MetricDataQuery, MetricStat
from moto.core.common_models import CloudFormationModel

Properties = dict[str, Any]
Make = Callable[[Callable[[str], Any], str, Properties], dict[str, str]]


def _alarm(service: Callable[[str], Any], name: str, given: Properties) -> dict[str, str]:
    cloudwatch = service("cloudwatch")
    queries = given.get("Metrics")
    alarm = cloudwatch.put_metric_alarm(
        name=name,
        namespace=given.get("Namespace"),
        metric_name=given.get("MetricName"),
        metric_data_queries=[metric_query(query) for query in queries] if queries else None,
        comparison_operator=given["ComparisonOperator"],
        evaluation_periods=int(given["EvaluationPeriods"]),
        period=int(given["Period"]) if "Period" in given else None,
        threshold=float(given["Threshold"]),
        statistic=given.get("Statistic"),
        description=given["AlarmDescription"],
        dimensions=given.get("Dimensions", []),
        alarm_actions=given["AlarmActions"],
        ok_actions=given["OKActions"],
        treat_missing_data=given["TreatMissingData"],
    )
    return {"Arn": alarm.alarm_arn}


def metric_query(given: Properties) -> MetricDataQuery:
    stat = given.get("MetricStat")
    metric = stat and Metric(
        stat["Metric"]["MetricName"],
        stat["Metric"]["Namespace"],
        [Dimension(one["Name"], one["Value"]) for one in stat["Metric"]["Dimensions"]],
    )
    return MetricDataQuery(
        query_id=given["Id"],
        label=given.get("Label", ""),
        period=None,
        return_data=given.get("ReturnData", True),
        expression=given.get("Expression"),
        metric_stat=stat and MetricStat(metric, int(stat["Period"]), stat["Stat"], "Count"),
    )


def _schedule(service: Callable[[str], Any], name: str, given: Properties) -> dict[str, str]:
    scheduler = service("scheduler")
    scheduler.schedule_groups["default"].schedules.pop(name, None)
    schedule = scheduler.create_schedule(
        description=given["Description"],
        end_date=None,
        flexible_time_window=given["FlexibleTimeWindow"],
        group_name="default",
        kms_key_arn=None,
        name=name,
        schedule_expression=given["ScheduleExpression"],
        schedule_expression_timezone="UTC",
        start_date=None,
        state=given["State"],
        target=given["Target"],
        action_after_completion=None,
    )
    return {"Arn": schedule.arn}


def _configuration_set(service: Callable[[str], Any], name: str, given: Properties) -> dict[str, str]:
    service("ses").create_configuration_set_v2(
        name, {}, {}, {}, {}, [], suppression_options=given["SuppressionOptions"], vdm_options={}
    )
    return {}


def _identity(service: Callable[[str], Any], _: str, given: Properties) -> dict[str, str]:
    service("sesv2").create_email_identity(given["EmailIdentity"], None, None, None)
    domain = given["EmailIdentity"].rpartition("@")[2]
    names = {f"DkimDNSTokenName{place}": f"token{place}._domainkey.{domain}" for place in (1, 2, 3)}
    return names | {f"DkimDNSTokenValue{place}": f"token{place}.dkim.amazonses.com" for place in (1, 2, 3)}


def _subscription(service: Callable[[str], Any], _: str, given: Properties) -> dict[str, str]:
    service("sns").subscribe(given["TopicArn"], given["Endpoint"], given["Protocol"])
    return {}


def _noted(*_: object) -> dict[str, str]:
    return {}


_MADE: dict[str, tuple[str, Make]] = {
    "AWS::CloudWatch::Alarm": ("AlarmName", _alarm),
    "AWS::Lambda::EventInvokeConfig": ("", _noted),
    "AWS::SES::ConfigurationSet": ("Name", _configuration_set),
    "AWS::SES::ConfigurationSetEventDestination": ("", _noted),
    "AWS::SES::EmailIdentity": ("EmailIdentity", _identity),
    "AWS::SNS::Subscription": ("", _subscription),
    "AWS::SNS::TopicPolicy": ("", _noted),
    "AWS::Scheduler::Schedule": ("Name", _schedule),
}


def _model(kind: str, name_property: str, make: Make) -> type[CloudFormationModel]:
    """Register the class by which moto's CloudFormation makes resources of a kind."""

    class Made(CloudFormationModel):
        type = kind
        cloudformation_type = staticmethod(lambda: kind)
        cloudformation_name_type = staticmethod(lambda: name_property)
        has_cfn_attr = classmethod(lambda *_: True)

        def __init__(self, name: str, attributes: dict[str, str]) -> None:
            self.physical_resource_id, self._attributes = name, attributes

        def get_cfn_attribute(self, name: str) -> str:
            return self._attributes[name]

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Properties, account_id: str, region_name: str, **_: object
        ) -> Self:
            def service(name: str) -> Any:  # noqa: ANN401
                return backends.get_backend(name)[account_id][region_name]

            return cls(resource_name, make(service, resource_name, cloudformation_json["Properties"]))

        @classmethod
        def update_from_cloudformation_json(cls, original_resource: Self, *_: object, **given: Any) -> Self:  # noqa: ANN401
            del given["new_resource_name"]
            return cls.create_from_cloudformation_json(original_resource.physical_resource_id, **given)

    return Made


# Held here: a class knows its subclasses by weak references only.
MODELS = [_model(kind, *how) for kind, how in _MADE.items()]
for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
    cached.cache_clear()
