"""Start ministack, with what its version 1.5.33 does otherwise than AWS put right: run by its own Python.

Each correction names what AWS does. None of them is about Heartline's template, which is deployed as it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

from ministack import app
from ministack.core import iam_actions
from ministack.core.responses import get_account_id
from ministack.services.cloudformation import provisioners


def alarms_on_expressions() -> None:
    """Make an alarm on an expression, as one on the metric in it: ministack knows no metric math and evaluates none.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
    """
    record = provisioners._cw_metric_alarm_record

    def recorded(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        stats = [one["MetricStat"] for one in given.get("Metrics") or () if "MetricStat" in one]
        if not stats:
            return record(name, given)
        (stat,) = stats
        plain = {key: value for key, value in given.items() if key != "Metrics"}
        return record(name, plain | stat["Metric"] | {"Period": stat["Period"], "Statistic": stat["Stat"]})

    provisioners._cw_metric_alarm_record = recorded


def senders_of_mail() -> None:
    """Authorize SendEmail on the sender's identity and the configuration set, with ses:FromAddress.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
    """
    enforce = app._enforce_ses_v2

    def enforced(method: str, path: str, headers: Any, body: bytes, query: Any, request: str) -> Any:  # noqa: ANN401, PLR0917
        if not app.AUTH or method != "POST" or not path.endswith("/outbound-emails"):
            return enforce(method, path, headers, body, query, request)
        asked = json.loads(body)
        sender, configuration = parseaddr(asked["FromEmailAddress"])[1], asked.get("ConfigurationSetName")
        arn = f"arn:aws:ses:{app.extract_region(headers, query)}:{get_account_id()}:"
        resources = [f"{arn}identity/{sender}"] + [f"{arn}configuration-set/{configuration}"] * bool(configuration)
        for resource in resources:
            context = {"ses:FromAddress": sender}
            denied = app._enforce_data_plane(
                "sesv2", "ses:SendEmail", headers, query, request, resource, context, named_resource=resource
            )
            if denied:
                return denied
        return None

    app._enforce_ses_v2 = enforced


def batches_of_messages() -> None:
    """Authorize SendMessageBatch as sqs:SendMessage.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
    """
    extract = iam_actions.extract_iam_action

    def extracted(*given: Any, **named: Any) -> str | None:  # noqa: ANN401
        action = extract(*given, **named)
        return "sqs:SendMessage" if action == "sqs:SendMessageBatch" else action

    iam_actions.extract_iam_action = extracted


if __name__ == "__main__":
    sys.argv = ["ministack"]
    alarms_on_expressions()
    senders_of_mail()
    batches_of_messages()
    app.main()
