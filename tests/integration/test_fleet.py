"""Many targets at once: those in trouble hold up nobody, and the state of one without time is unchanged."""

from __future__ import annotations

import re
import socket
from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Any

from heartline.probe.slots import CPU_SLOTS
from local.peers import healthy, listens
from local.stack import ROLE
from local.wire import published_alert

if TYPE_CHECKING:
    from integration.conftest import Monitor, Serve
    from local.peers import Behaviour
    from local.postgres import Postgres

HOST = "127.0.0.1"
# One failed probe is enough, so that a black hole takes one timeout.
HASTY = {"host": HOST, "user": ROLE, "timeout": 1.5, "confirmations": 0}


def watch_all(monitor: Monitor, *groups: tuple[list[str], dict[str, Any]]) -> None:
    """Let the document hold these groups of targets, each with keys of its own."""
    documents = []
    for names, keys in groups:
        monitor.watch(*names, **keys)
        documents.append(monitor.environment["TARGETS"])
    monitor.environment["TARGETS"] = "".join(documents)


def notified(monitor: Monitor) -> Counter[str]:
    """Count how often each target was told of, in the one mail that tells of all, and to the topic."""
    (mail,) = monitor.mails
    names = Counter(published_alert(message)["target"] for message in monitor.aws.published)
    assert mail.subject.startswith(f"[DOWN: {len(names)} of ")
    assert all(re.search(rf"\b{name}\b", mail.text) for name in list(names)[:30])
    return names


class Visits:
    """A healthy server that notes when it was visited."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def __call__(self, connection: socket.socket) -> None:
        self.at.append(monotonic())
        healthy(connection)


def test_sixty_black_holes_among_two_hundred_targets(monitor: Monitor, serve: Serve, black_hole: int) -> None:
    visits = Visits()
    good = [f"good-{number}" for number in range(140)]
    lost = [f"lost-{number}" for number in range(60)]
    # The black holes come first.
    watch_all(monitor, (lost, {**HASTY, "port": black_hole}), (good, {**HASTY, "port": serve(visits).port}))
    began = monotonic()
    answer = monitor.tick()
    assert (answer["targets"], answer["up"], answer["down"]) == (200, 140, 60)
    assert answer["alerts"] == {"sent": 60, "pending": 0}
    assert notified(monitor) == Counter(lost)
    assert {entry["name"] for entry in monitor.order("status")["targets"] if entry["status"] == "up"} == set(good)
    # None waited for the black holes' timeout, let alone for one after the other's; and each was probed once.
    assert len(visits.at) == 140
    assert sorted(visits.at)[len(visits.at) // 2] - began < 5
    assert answer["duration_ms"] < 30_000
    assert_all_places_free()


def assert_all_places_free() -> None:
    """Else the next tick in this process would have fewer."""
    taken = []
    while CPU_SLOTS.take(0):
        taken.append(1)
    for _ in taken:
        CPU_SLOTS.leave()
    assert len(taken) == 2


def test_every_phase_that_hangs_at_once(monitor: Monitor, serve: Serve, black_hole: int) -> None:
    behaviours: dict[str, Behaviour] = {"silent": listens, "good": healthy}
    ports = {name: serve(behave).port for name, behave in behaviours.items()} | {"lost": black_hole}
    watch_all(monitor, *[([f"{name}-{n}" for n in range(8)], {**HASTY, "port": port}) for name, port in ports.items()])
    answer = monitor.tick()
    assert (answer["up"], answer["down"]) == (8, 16)
    assert notified(monitor) == Counter(f"{name}-{n}" for name in ("silent", "lost") for n in range(8))
    assert_all_places_free()


def test_secrets_that_are_not_given_hold_up_nobody_else(monitor: Monitor, serve: Serve) -> None:
    """Secrets Manager takes connections and says nothing, as behind an endpoint that is out of order."""
    visits = Visits()
    monitor.environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = f"http://{HOST}:{serve(listens).port}"
    port = serve(visits).port
    hidden = [f"hidden-{number}" for number in range(10)]
    good = [f"good-{number}" for number in range(10)]
    watch_all(monitor, (hidden, {**HASTY, "port": port, "secret": "hangs"}), (good, {**HASTY, "port": port}))
    began = monotonic()
    answer = monitor.tick()
    assert (answer["up"], answer["down"]) == (10, 10)
    assert len(visits.at) == 10
    assert max(visits.at) - began < 3
    failures = [monitor.status(name)["failure"] for name in hidden]
    assert {(failure["phase"], failure["kind"]) for failure in failures} == {("credentials", "credentials")}
    assert answer["duration_ms"] < 20_000
    assert_all_places_free()


def test_what_there_is_no_time_for_is_neither_up_nor_down(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    answer = monitor.tick(seconds=1.5)
    assert (answer["targets"], answer["up"], answer["down"]) == (1, 0, 0)
    assert answer["alerts"] == {"sent": 0, "pending": 0}
    seen = monitor.status()
    assert (seen["status"], seen["last_ok"], seen["incident"]) == ("unknown", None, None)
    assert [line["target"] for line in monitor.log if line["event"] == "unprobed"] == ["demo"]
    assert_all_places_free()


def test_what_is_down_stays_down_where_there_is_no_time(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    assert monitor.tick()["down"] == 1
    before, mails = monitor.items["target#demo"], len(monitor.mails)
    database.start()
    answer = monitor.tick(seconds=1.5)
    assert (answer["up"], answer["down"]) == (0, 1)
    assert (monitor.items["target#demo"], len(monitor.mails)) == (before, mails)


def test_a_fleet_without_time_for_all_leaves_the_rest_as_it_was(
    monitor: Monitor, serve: Serve, black_hole: int
) -> None:
    """The timeout of some fits into the tick; that of others does not."""
    port = serve(healthy).port
    quick, slow = {**HASTY, "timeout": 0.3}, {**HASTY, "timeout": 20}
    watch_all(
        monitor,
        (["good"], {**quick, "port": port}),
        (["lost"], {**quick, "port": black_hole}),
        (["slow"], {**slow, "port": port}),
    )
    answer = monitor.tick(seconds=4)
    assert (answer["up"], answer["down"]) == (1, 1)
    assert monitor.status("slow")["status"] == "unknown"
    assert [line["target"] for line in monitor.log if line["event"] == "unprobed"] == ["slow"]
    assert next(line["detail"]["TargetsUnprobed"] for line in monitor.log if line["event"] == "tick") == 1
