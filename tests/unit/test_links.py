"""The links of a mail lead to the right pages of the right console, and to nowhere else."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given

from heartline.i18n.language import LANGUAGES, language
from heartline.messages.compose import Message
from heartline.messages.context import AlertContext
from heartline.messages.html import as_html
from heartline.messages.links import dashboard_link, links
from heartline.messages.plain_text import as_text
from heartline.messages.wording import Wording
from local.gallery import mails
from unit.samples import hostile

WORDING = Wording(language("en"))
EUROPE = "https://eu-west-1.console.aws.amazon.com"


def database(host: str) -> str | None:
    return dict(links(host, AlertContext(1), WORDING)).get("Database in RDS")


@pytest.mark.parametrize(
    ("host", "page"),
    [
        ("orders.c7tj4exampleab.eu-west-1.rds.amazonaws.com", "database:id=orders;is-cluster=false"),
        ("ORDERS.C7tj4exampleab.eu-west-1.rds.amazonaws.com.", "database:id=orders;is-cluster=false"),
        ("orders-2.cluster-c7tj4exampleab.eu-west-1.rds.amazonaws.com", "database:id=orders-2;is-cluster=true"),
        ("orders.cluster-ro-c7tj4exampleab.eu-west-1.rds.amazonaws.com", "database:id=orders;is-cluster=true"),
        ("reports.cluster-custom-c7tj4exampleab.eu-west-1.rds.amazonaws.com", "databases:"),
        ("orders.shardgrp-c7tj4exampleab.eu-west-1.rds.amazonaws.com", "databases:"),
        ("pool.proxy-c7tj4exampleab.eu-west-1.rds.amazonaws.com", "proxy:id=pool"),
        ("pool-ro.endpoint.proxy-c7tj4exampleab.eu-west-1.rds.amazonaws.com", "proxies:"),
    ],
)
def test_a_host_of_rds_leads_to_its_page(host: str, page: str) -> None:
    assert database(host) == f"{EUROPE}/rds/home?region=eu-west-1#{page}"


@pytest.mark.parametrize(
    ("host", "console"),
    [
        ("a.c7.us-gov-west-1.rds.amazonaws.com", "https://us-gov-west-1.console.amazonaws-us-gov.com"),
        ("a.c7.rds.cn-north-1.amazonaws.com.cn", "https://cn-north-1.console.amazonaws.cn"),
        ("a.c7.cn-northwest-1.rds.amazonaws.com.cn", "https://cn-northwest-1.console.amazonaws.cn"),
        ("a.c7.ap-southeast-2.rds.amazonaws.com", "https://ap-southeast-2.console.aws.amazon.com"),
    ],
)
def test_the_console_is_that_of_the_partition(host: str, console: str) -> None:
    url = database(host)
    assert url
    assert url.startswith(f"{console}/rds/home?region=")


@pytest.mark.parametrize(
    "host",
    [
        *("", "10.0.1.7", "::1", "localhost", "orders.example.com", "rds.amazonaws.com", "eu-west-1.rds.amazonaws.com"),
        "orders.c7.eu-west-1.rds.amazonaws.com.example.com",
        "orders.c7.eu-west-1.rds.amazonaws.org",
        "x/orders.c7.eu-west-1.rds.amazonaws.com",
        "orders.global-c7.global.rds.amazonaws.com",
        "orders.c7.us-iso-east-1.rds.amazonaws.com",
    ],
)
def test_any_other_host_leads_nowhere(host: str) -> None:
    assert database(host) is None


def test_the_dashboard_is_the_one_that_the_template_names() -> None:
    (link,) = dashboard_link(AlertContext(1, stack="heartline-prod", region="eu-west-1"), WORDING)
    page = "dashboards/dashboard/heartline-prod-eu-west-1"
    assert link == ("Open the dashboard", f"{EUROPE}/cloudwatch/home?region=eu-west-1#{page}")


def test_the_log_is_the_function_s_own() -> None:
    (link,) = links("", AlertContext(1, region="eu-west-1", log_group="/aws/lambda/a-Monitor#1"), WORDING)
    page = "logsV2:log-groups/log-group/$252Faws$252Flambda$252Fa-Monitor$25231"
    assert link == ("Heartline's log", f"{EUROPE}/cloudwatch/home?region=eu-west-1#{page}")


@pytest.mark.parametrize(
    "context", [AlertContext(1), AlertContext(1, stack="a", log_group="b"), AlertContext(1, region="eu-west-1")]
)
def test_what_is_not_known_is_not_linked(context: AlertContext) -> None:
    assert (*dashboard_link(context, WORDING), *links("orders.example.com", context, WORDING)) == ()


@given(hostile, hostile, hostile)
def test_nothing_from_outside_leads_elsewhere(host: str, stack: str, region: str) -> None:
    context = AlertContext(1, stack=stack, region=region, log_group=stack)
    for _, url in (*dashboard_link(context, WORDING), *links(host, context, WORDING)):
        assert re.fullmatch(r"https://[a-z0-9-]+\.console\.aws\.amazon\.com/[!-~]+", url)


@pytest.mark.parametrize("message", [message for code in LANGUAGES for _, message in mails(code)])
def test_every_mail_leads_to_the_dashboard_and_to_nothing_but_consoles(message: Message) -> None:
    hrefs = [unescape(one) for one in re.findall(r'href="([^"]*)"', as_html(message))]
    assert any("#dashboards/dashboard/heartline-prod-eu-west-1" in one for one in hrefs)
    assert all(one.startswith(f"{EUROPE}/") for one in hrefs)
    for url in hrefs:
        assert url in as_text(message)
