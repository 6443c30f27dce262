"""`make probe` shows one probe, answers with its exit status and keeps the password to itself."""

from __future__ import annotations

import os
import pty
import re
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from heartline.i18n.language import language
from local.peers import forwards
from local.postgres import Postgres
from local.probe import NEXT_STEPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.conftest import Serve

ROOT = Path(__file__).parents[2]
PASSWORD = "p$w'or d/4"
ENCODED = "p%24w'or%20d%2F4"

Run = Callable[..., "subprocess.CompletedProcess[str]"] if TYPE_CHECKING else object


@pytest.fixture
def make_probe(tmp_path: Path) -> Run:
    """Type the command, with this interpreter in place of an environment that make would first set up."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "ready").touch()

    def run(url: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "probe", f"VENV={tmp_path}", f"URL={url}"],
            cwd=ROOT,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

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
        (f"postgresql://prober:{ENCODED}@127.0.0.1/x?sslnegotiation=fast", "postgres, direct"),
        (f"postgresql://prober:{ENCODED}@127.0.0.1/x?sslcert=/nowhere/at/all", "files in PEM form"),
        (
            f"postgresql://prober:{ENCODED}@127.0.0.1/x?colour=red",
            "known are channel_binding, connect_timeout, sslcert",
        ),
        (f"postgresql://pro%07ber:{ENCODED}@127.0.0.1/x", "URL: user: give a text"),
        (f"postgresql://prober:{ENCODED}@127.0.0.1/x%07", "URL: database: give a text"),
        (f"postgresql://prober:{ENCODED}@127.0.0.1:70000/x", "port from 1 to 65535"),
        (f"postgresql://prober:{ENCODED}@127.0.0.1:0/x", "port from 1 to 65535"),
        (f"postgresql://prober:{ENCODED}@one.example,two.example/x", "one host"),
        (f"postgresql://prober:{ENCODED}@one.example:5432,two.example:5433/x", "one host"),
        (f"postgresql://prober:{ENCODED}@데이터.example/x", "xn--"),
        (f"postgresql://prober:{ENCODED}@127.0.0.1/x?connect_timeout=soon", "seconds from 0.1 to 30"),
        (f"postgresql://prober:{PASSWORD}@127.0.0.1/x", "percent-encode"),
    ],
)
def test_wrong_usage_is_2_with_the_fix(make_probe: Run, wrong: str, fix: str) -> None:
    done = make_probe(wrong)
    assert done.returncode == 2
    assert fix in done.stderr
    assert "usage: make probe URL=" in done.stderr


def test_the_password_can_come_from_the_environment(make_probe: Run, url: str) -> None:
    bare = url.replace(f":{ENCODED}@", "@")
    assert make_probe(bare, PGPASSWORD=PASSWORD).returncode == 0
    assert make_probe(url, PGPASSWORD="wrong").returncode == 0
    missing = make_probe(bare)
    assert missing.returncode == 1
    assert "PGPASSWORD" in missing.stdout


def test_the_password_is_asked_for_at_a_terminal(url: str) -> None:
    """Where the server wants one, and without showing it."""
    ours, theirs = pty.openpty()
    path = f"{ROOT}/functions/monitor:{ROOT}/tests"
    environment = os.environ | {"URL": url.replace(f":{ENCODED}@", "@"), "PYTHONPATH": path}
    command = [sys.executable, "-m", "local.probe"]
    options: dict[str, Any] = {"stdin": theirs, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, start_new_session=True, **options) as asking:
        prompt = asking.stderr.read(len("Password of prober: ")) if asking.stderr else ""
        os.write(ours, f"{PASSWORD}\n".encode())
        said = asking.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert prompt == "Password of prober: "
    assert asking.returncode == 0
    assert PASSWORD not in "".join(said)


@pytest.mark.parametrize(
    ("wrong", "first"),
    [
        ((ENCODED, "another"), "Check the user and the password in the URL"),
        (("/postgres", "/missing"), "Check the database's name in the URL"),
        (("sslmode=disable", "sslmode=require"), "sslmode=disable in the URL"),
    ],
)
def test_the_advice_is_about_a_url(make_probe: Run, url: str, wrong: tuple[str, str], first: str) -> None:
    advice = " ".join(make_probe(url.replace(*wrong)).stdout.partition("Next step:")[2].split())
    assert first in advice


def test_no_advice_is_about_what_only_the_monitor_has() -> None:
    """A configuration with targets, and secrets."""
    texts = {key.partition(".")[2]: text for key, text in language("en").texts.items() if key.startswith("next_step.")}
    of_the_monitor = re.compile(r"\bsecret\b|\btargets?\b|\bconfiguration\b|tls_negotiation|\btls = ")
    for key, text in texts.items():
        if not key.startswith(
            ("secret-", "token", "denied")
        ):  # of the monitor's own phase; of a query of the user's own
            assert not of_the_monitor.search(re.sub("{pooler}'s configuration", "", NEXT_STEPS.get(key, text))), key


def test_a_certificate_of_an_unknown_authority_is_called_untrusted(
    make_probe: Run, url: str, database: Postgres, serve: Serve
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    port = serve(forwards(database.port, context)).port
    done = make_probe(url.replace(f":{database.port}/", f":{port}/").replace("disable", "verify-full"))
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert "not signed by an authority that the monitor trusts" in said
    assert "not valid for" not in said


def test_a_client_certificate_comes_from_files(
    make_probe: Run, url: str, database: Postgres, serve: Serve, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    certificate = authority.issue_cert(common_name="prober")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "own.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "own.key")
    port = serve(forwards(database.port, context)).port
    secured = url.replace(f":{database.port}/", f":{port}/").replace("disable", "require")
    missing = make_probe(secured)
    assert missing.returncode == 1
    assert "sslcert=FILE" in missing.stdout
    assert make_probe(f"{secured}&sslcert={tmp_path}/own.pem&sslkey={tmp_path}/own.key").returncode == 0


def test_the_password_is_never_printed(make_probe: Run, url: str) -> None:
    for typed in (url, url.replace("/postgres", "/missing"), url + "&colour=red", url.replace("?", "#")):
        done = make_probe(typed)
        assert PASSWORD not in done.stdout + done.stderr
        assert ENCODED not in done.stdout + done.stderr
