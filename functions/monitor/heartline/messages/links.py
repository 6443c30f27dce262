"""Link to pages of the AWS console: they show, and change nothing by being followed."""

from __future__ import annotations

import re

from heartline.messages.context import AlertContext
from heartline.messages.details import Row, Rows
from heartline.messages.wording import Wording
from heartline.model.rds import RdsKind, parse, partition_of

# Other partitions have consoles elsewhere, if any; so have their regions that parse() takes for AWS's own.
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_REGION = re.compile(r"[a-z]{2}(?:-(?!iso)[a-z]+)+-\d", re.ASCII)
# A custom endpoint, and one of a proxy's further ones, bears a name of its own, and not that of what is behind it.
_PAGES = {
    RdsKind.INSTANCE: "database:id={name};is-cluster=false",
    RdsKind.CLUSTER: "database:id={name};is-cluster=true",
    RdsKind.READER: "database:id={name};is-cluster=true",
    RdsKind.PROXY: "proxy:id={name}",
    RdsKind.PROXY_ENDPOINT: "proxies:",
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
    database: Rows = ()
    if found := parse(host):
        page = _PAGES.get(found.kind, "databases:").format(name=found.identifier)
        database = _link("link.database", "rds", found.region, page, wording)
    if not _LOG_GROUP.fullmatch(context.log_group):
        return database
    # The console decodes twice, and has $ for %.
    group = context.log_group.replace("/", "$252F").replace("#", "$2523")
    return (
        *database,
        *_link("link.log", "cloudwatch", context.region, f"logsV2:log-groups/log-group/{group}", wording),
    )


def _link(key: str, service: str, region: str, page: str, wording: Wording) -> tuple[Row, ...]:
    console = _CONSOLES.get(partition_of(region)) if _REGION.fullmatch(region) else None
    if console is None:
        return ()
    return ((wording.text(key), f"https://{region}.{console}/{service}/home?region={region}#{page}"),)
