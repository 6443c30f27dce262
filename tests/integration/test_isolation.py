"""One target's trouble, of whatever sort, is its own: the others are probed and told."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

import heartline.notify.channel
import heartline.notify.email
import heartline.prober.local
from heartline.storage.outbox import Outbox
from heartline.storage.states import Store
from local.stack import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.conftest import Monitor
    from local.postgres import Postgres

Item = dict[str, Any]
LOUD = {"ERROR", "CRITICAL"}


@pytest.fixture
def pair(monitor: Monitor) -> Monitor:
    """Watch the one database as two targets, of which "bad" is to be in trouble."""
    monitor.watch("bad", "good", secret=SECRET)
    return monitor


def notified(monitor: Monitor) -> list[str]:
    return [name for mail in monitor.mails for name in mail.headers["X-Heartline-Target"].split(", ")]


def newer(item: Item) -> None:
    item["format"] = {"N": "2"}


def without_state(item: Item) -> None:
    del item["state"]


def unknown_outage(item: Item) -> None:
    item["state"]["M"]["outage"] = {"S": "asleep"}


def unknown_field(item: Item) -> None:
    item["state"]["M"]["mood"] = {"S": "fine"}


def wrong_time(item: Item) -> None:
    item["state"]["M"]["up_since"] = {"S": "yesterday"}


def version_of_text(item: Item) -> None:
    item["version"] = {"S": "one"}


def another_name(item: Item) -> None:
    item["state"]["M"]["target"] = {"S": "good"}


def outbox_of_texts(item: Item) -> None:
    item["outbox"] = {"L": [{"S": "mail"}]}


def unknown_alert(item: Item) -> None:
    item["outbox"] = {"M": {"00000001": {"M": {"id": {"S": "00000001"}, "kind": {"S": "song"}}}}}


@pytest.mark.parametrize(
    "damage",
    [
        newer,
        without_state,
        unknown_outage,
        unknown_field,
        wrong_time,
        version_of_text,
        another_name,
        outbox_of_texts,
        unknown_alert,
    ],
)
def test_an_item_that_cannot_be_read_is_reported_and_left(
    pair: Monitor, database: Postgres, damage: Callable[[Item], None]
) -> None:
    pair.tick()
    item = copy.deepcopy(pair.items["target#bad"])
    damage(item)
    pair.store(item)
    database.kill()
    answer = pair.tick()
    pair.tick()
    assert (answer["down"], notified(pair)) == (1, ["good"])
    assert pair.items["target#bad"] == item
    reports = [line for line in pair.log if line["level"] == "ERROR"]
    assert {line["target"] for line in reports} == {"bad"}
    assert "error" in pair.status("bad")
    assert pair.status("good")["status"] == "down"


def test_an_item_that_cannot_be_read_is_not_changed_by_orders(pair: Monitor) -> None:
    pair.tick()
    item = pair.items["target#bad"]
    newer(item)
    pair.store(item)
    assert "bad" in pair.order("mute", target="bad", **{"for": "1h"})["error"]
    assert pair.items["target#bad"] == item


@pytest.mark.parametrize("at", [{"S": "yesterday"}, None])
def test_a_heartbeat_that_cannot_be_read_is_written_anew(pair: Monitor, at: Item | None) -> None:
    pair.tick()
    item = pair.items["heartbeat"]
    item.pop("at")
    pair.store(item | ({"at": at} if at else {}))
    good = pair.tick()["tick"]
    assert pair.status("good")["last_ok"] == good


def break_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    real = heartline.prober.local.probe

    def probe(target: Any, *arguments: Any) -> Any:  # noqa: ANN401
        if target.name == "bad":
            raise RuntimeError("hunter2")
        return real(target, *arguments)

    monkeypatch.setattr(heartline.prober.local, "probe", probe)


def break_save(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Store.save

    def save(self: Store, before: Any, state: Any, *notified: Any) -> bool:  # noqa: ANN401
        if state.target == "bad":
            raise ClientError({"Error": {"Code": "ItemCollectionSizeLimitExceededException"}}, "UpdateItem")
        return real(self, before, state, *notified)

    monkeypatch.setattr(Store, "save", save)


def break_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Outbox.claim

    def claim(self: Outbox, name: str, *arguments: Any) -> Any:  # noqa: ANN401
        if name == "bad":
            raise RuntimeError("hunter2")
        return real(self, name, *arguments)

    monkeypatch.setattr(Outbox, "claim", claim)


def break_text(monkeypatch: pytest.MonkeyPatch) -> None:
    real = heartline.notify.email.compose

    def compose(parts: Any, *arguments: Any) -> Any:  # noqa: ANN401
        if any(part.target.name == "bad" for part in parts):
            raise RuntimeError("hunter2")
        return real(parts, *arguments)

    monkeypatch.setattr(heartline.notify.email, "compose", compose)


@pytest.mark.parametrize("harm", [break_probe, break_save, break_claim, break_text])
def test_a_fault_in_one_target_leaves_the_others_told(
    pair: Monitor, database: Postgres, monkeypatch: pytest.MonkeyPatch, harm: Callable[[pytest.MonkeyPatch], None]
) -> None:
    pair.tick()
    database.kill()
    with monkeypatch.context() as patched:
        harm(patched)
        pair.tick()
    assert notified(pair) == ["good"]
    assert "bad" in str([line for line in pair.log if line["level"] in LOUD])
    assert "hunter2" not in str(pair.log)
    pair.pass_time(minutes=1)
    pair.tick()
    assert notified(pair) == ["good", "bad"]


def test_an_alert_that_makes_no_sense_does_not_stop_the_others(pair: Monitor, database: Postgres) -> None:
    pair.tick()
    item = pair.items["target#bad"]
    odd = {"id": {"S": "00000000"}, "kind": {"S": "down"}, "target": {"S": "bad"}, "at": item["state"]["M"]["up_since"]}
    item["outbox"] = {"M": {"00000000": {"M": odd | {"waiting": {"L": [{"S": "email"}]}}}}}
    pair.store(item)
    database.kill()
    pair.tick()
    assert "good" in notified(pair)


def test_a_lease_that_cannot_be_read_is_reported_or_taken_over(pair: Monitor, database: Postgres) -> None:
    pair.tick()
    pair.store(pair.items["target#bad"] | {"lease": {"M": {}}})
    database.kill()
    pair.tick()
    assert "bad" in notified(pair) or "bad" in [line.get("target") for line in pair.log if line["level"] == "ERROR"]
