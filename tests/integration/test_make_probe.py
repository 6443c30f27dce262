"""`make probe` shows one probe, answers with its exit status and keeps the password to itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PASSWORD = "p$w'or d/4"
ENCODED = "p%24w'or%20d%2F4"

Run = Callable[[str], "subprocess.CompletedProcess[str]"] if TYPE_CHECKING else object


@pytest.fixture
def make_probe(tmp_path: Path) -> Run:
    """Type the command, with this interpreter in place of an environment that make would first set up."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "ready").touch()

    def run(url: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "probe", f"VENV={tmp_path}", f"URL={url}"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture
def url(database: Postgres) -> str:
    database.create_role("prober", PASSWORD)
    return f"postgresql://prober:{ENCODED}@{database.host}:{database.port}/postgres?sslmode=disable"


def test_a_healthy_database_is_0_with_phases_and_who_it_is(make_probe: Run, url: str) -> None:
    done = make_probe(url)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(word in done.stdout for word in ("resolve", "connect", "login", "query", "HEALTHY", "18.", "primary"))


def test_the_fingerprint_is_printed_as_the_server_gives_it(make_probe: Run, url: str, database: Postgres) -> None:
    asked = "current_setting('server_version'), to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', '{}')"
    sources = "pg_control_system(), pg_control_checkpoint()"
    (version, started, system, timeline) = database.execute(
        f"SELECT {asked.format('YYYY-MM-DD HH24:MI:SS')}, system_identifier, timeline_id FROM {sources}"
    )[0]
    said = dict(line.split(":", 1) for line in make_probe(url).stdout.splitlines() if ":" in line)
    shown = {label: said[label].strip() for label in ("Version", "Started", "Role", "System", "Timeline")}
    assert shown == {
        "Version": version,
        "Started": f"{started} UTC",
        "Role": "primary",
        "System": str(system),
        "Timeline": str(timeline),
    }


def test_a_standby_is_printed_as_one(make_probe: Run, url: str, database: Postgres) -> None:
    with Postgres(primary=database) as standby:
        done = make_probe(url.replace(f":{database.port}/", f":{standby.port}/"))
    assert done.returncode == 0
    assert "standby" in done.stdout


def test_a_database_that_is_not_is_1_with_cause_and_next_step(make_probe: Run, url: str, database: Postgres) -> None:
    wrong = make_probe(url.replace(ENCODED, "another"))
    database.kill()
    stopped = make_probe(url)
    missing = make_probe("postgresql://prober:another@nowhere.invalid/postgres")
    assert [done.returncode for done in (wrong, stopped, missing)] == [1, 1, 1]
    for done, verdict in zip((wrong, stopped, missing), ("28P01", "refused", "unresolvable"), strict=True):
        assert all(word in done.stdout for word in (verdict, "Cause:", "Next step:"))


@pytest.mark.parametrize(
    ("wrong", "fix"),
    [
        ("", "begins with postgresql://"),
        (f"mysql://prober:{ENCODED}@127.0.0.1/x", "begins with postgresql://"),
        (f"postgresql://prober:{ENCODED}@127.0.0.1/x?sslmode=prefer", "nothing in between"),
        (f"postgresql://prober:{ENCODED}@127.0.0.1/x?colour=red", "known are sslmode and connect_timeout"),
        (f"postgresql://prober:{ENCODED}@127.0.0.1/x?connect_timeout=soon", "seconds from 0.1 to 30"),
        (f"postgresql://prober:{PASSWORD}@127.0.0.1/x", "percent-encode"),
    ],
)
def test_wrong_usage_is_2_with_the_mend(make_probe: Run, wrong: str, fix: str) -> None:
    done = make_probe(wrong)
    assert done.returncode == 2
    assert fix in done.stderr
    assert "usage: make probe URL=" in done.stderr


def test_the_password_is_never_printed(make_probe: Run, url: str) -> None:
    for typed in (url, url.replace("/postgres", "/missing"), url + "&colour=red", url.replace("?", "#")):
        done = make_probe(typed)
        assert PASSWORD not in done.stdout + done.stderr
        assert ENCODED not in done.stdout + done.stderr
