"""No password is ever logged, mailed, published, stored, returned or raised."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from heartline.model.errors import HeartlineError
from local import peers
from local.stack import ROLE, SECRET

if TYPE_CHECKING:
    from integration.conftest import Monitor, Serve
    from local.postgres import Postgres

MARK = "hunter2-marked"


def test_no_password_shows_anywhere(
    monitor: Monitor, database: Postgres, serve: Serve, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    monitor.environment["LOG_LEVEL"] = "DEBUG"
    caplog.set_level(logging.INFO)  # the root's: what any library says in CloudWatch, and more
    database.create_role(ROLE, MARK)
    place = {"host": database.host, "port": database.port, "dbname": "postgres"}
    monitor.aws.put_secret(SECRET, {"username": ROLE, "password": MARK} | place)
    shown: list[str] = []

    def run(**keys: object) -> None:
        monitor.pass_time(hours=25)  # for a reminder, which mails the present failure
        monitor.watch("demo", **({"secret": SECRET} | keys))
        for call in (monitor.tick, monitor.tick, lambda: monitor.order("probe"), lambda: monitor.order("status")):
            try:
                shown.append(str(call()))
            except HeartlineError as error:
                shown.append(str(error))

    run()
    database.execute(f"ALTER ROLE {ROLE} PASSWORD 'another'")
    run()
    database.admit(f"host all {ROLE} all password")
    run()
    database.admit()
    run(database="orders")
    run(password=MARK)
    run(user=MARK, host=f"postgresql://{ROLE}:{MARK}@db.example.com")
    run(port=serve(peers.says(peers.asks(3))).port)
    run(port=serve(peers.says(peers.error("28P01", "no"))).port)
    database.kill()
    run()
    database.start()
    for secret in (MARK, [MARK], {"pass": MARK}, {"password": MARK, "host": f"{MARK}@x", "username": ROLE}):
        monitor.aws.put_secret(SECRET, secret)  # type: ignore[arg-type]
        run()
    monitor.environment["TARGETS"] = f'[[targets]]\nname = "demo"\npassword = "{MARK}"x'
    with pytest.raises(HeartlineError) as raised:
        monitor.tick()
    shown.append(str(raised.value))
    said = [str(part) for part in (shown, monitor.log, caplog.text, capfd.readouterr(), monitor.stored)]
    sent = [str(call.request) for call in monitor.aws.log if not call.name.startswith("secretsmanager:")]
    assert len(monitor.mails) > 8
    for text in said + sent:
        assert MARK not in text
