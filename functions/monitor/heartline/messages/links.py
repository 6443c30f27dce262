"""Link to pages of the AWS console: they show, and change nothing by being followed."""

from __future__ import annotations

import re

from heartline.messages.context import AlertContext
from heartline.messages.details import Row, Rows
from heartline.messages.wording import Wording

_REGION = r"(?:[a-z]{2}(?:-(?!iso)[a-z]+)+-\d)"
# Regions of other partitions have consoles elsewhere, if any.
_CONSOLES = (
    ("cn-", "console.amazonaws.cn"),
    ("us-gov-", "console.amazonaws-us-gov.com"),
    ("", "console.aws.amazon.com"),
)
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html and, for proxies,
# rds-proxy-endpoints.html; regions of China stand after "rds".
_RDS = re.compile(
    r"(?P<name>[a-z][a-z0-9-]{0,62})\.(?P<kind>endpoint\.proxy-|proxy-|cluster-custom-|cluster-ro-|cluster-|shardgrp-|)"
    rf"[a-z0-9]+\.(?:(?P<region>{_REGION})\.rds|rds\.(?P<chinese>{_REGION}))\.amazonaws\.com(?:\.cn)?\.?",
    re.ASCII | re.IGNORECASE,
)
# A custom endpoint, and one of a proxy's further ones, bears a name of its own, and not that of what is behind it.
_PAGES = {
    "": "database:id={name};is-cluster=false",
    "cluster-": "database:id={name};is-cluster=true",
    "cluster-ro-": "database:id={name};is-cluster=true",
    "proxy-": "proxy:id={name}",
    "endpoint.proxy-": "proxies:",
}
_STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}", re.ASCII)
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
_LOG_GROUP = re.compile(r"[A-Za-z0-9_/.#-]{1,512}", re.ASCII)


def dashboard_link(context: AlertContext, wording: Wording) -> Rows:
    """Return the link to the stack's dashboard, with the page of all databases on it; none where it is not known."""
    if not _STACK.fullmatch(context.stack):
        return ()
    # Named in template.yaml: dashboards are one set for all regions of an account.
    name = f"dashboards/dashboard/{context.stack}-{context.region}"
    return _link("link.dashboard", "cloudwatch", context.region, name, wording)


def links(host: str, context: AlertContext, wording: Wording) -> Rows:
    """Return the links to a database that is RDS's, and to the monitor's log."""
    found = _RDS.fullmatch(host)
    database: Rows = ()
    if found:
        page = _PAGES.get(found["kind"].lower(), "databases:").format(name=found["name"].lower())
        database = _link("link.database", "rds", (found["region"] or found["chinese"]).lower(), page, wording)
    if not _LOG_GROUP.fullmatch(context.log_group):
        return database
    # The console decodes twice, and has $ for %.
    group = context.log_group.replace("/", "$252F").replace("#", "$2523")
    return (
        *database,
        *_link("link.log", "cloudwatch", context.region, f"logsV2:log-groups/log-group/{group}", wording),
    )


def _link(key: str, service: str, region: str, page: str, wording: Wording) -> tuple[Row, ...]:
    if not re.fullmatch(_REGION, region):
        return ()
    console = next(domain for prefix, domain in _CONSOLES if region.startswith(prefix))
    return ((wording.text(key), f"https://{region}.{console}/{service}/home?region={region}#{page}"),)
