"""Run the embedded stack in the foreground, for `sam local invoke` by hand: `make stack`."""

from __future__ import annotations

import json
import os
import platform
import secrets
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import psutil
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from local.aws import EmulatedAws
from local.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.mailbox import Mail

ROOT = Path(__file__).parents[2]
ENVIRONMENT_FILE = ROOT / "events" / "env.json"
# Has every variable of the template: what it does not set, sam local would fill with the names of resources.
EXAMPLE_FILE = ROOT / "events" / "env.example.json"
SAM_INVOKE = "sam local invoke MonitorFunction -e events/scheduled.json -n events/env.json"
ROLE = "heartline"
SECRET = "heartline/demo"
SENDER = "heartline@example.com"
RECIPIENT = "oncall@example.com"
LINUX = platform.system() == "Linux"
PAUSE = 0.2  # seconds between looks at the keyboard and the mailbox

TARGETS = """\
[[targets]]
name = "demo"
host = "{host}"
port = {port}
database = "postgres"
user = "{role}"
secret = "{secret}"
tls = "disable"
timeout = 2
confirm_after = 1
"""

HELP = "k kills the database, f freezes it, s starts (or thaws) it, q quits; each with Enter"


def furnish(database: Postgres, aws: EmulatedAws, host: str | None = None) -> dict[str, str]:
    """Make the two ready for one target, "demo".

    Parameters
    ----------
    host
        This machine's name as the function sees it, where that is not the address that the two listen on.

    Returns
    -------
    The function's environment.
    """
    host = host or database.host
    password = secrets.token_urlsafe(16)
    database.create_role(ROLE, password)
    login = {"username": ROLE, "password": password}
    place = {"engine": "postgres", "host": host, "port": database.port, "dbname": "postgres"}
    aws.put_secret(SECRET, login | place)
    aws.verify_sender(SENDER)
    return {
        "TARGETS": TARGETS.format(host=host, port=database.port, role=ROLE, secret=SECRET),
        "STATE_TABLE": aws.create_table(),
        "ALERT_SENDER": SENDER,
        "ALERT_RECIPIENTS": RECIPIENT,
        "ALERT_TOPIC": aws.create_topic(),
        "LOG_LEVEL": "INFO",
        **aws.environment(host),
    }


def variables(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the variables of both functions for `sam local invoke -n`."""
    example: dict[str, dict[str, str]] = json.loads(EXAMPLE_FILE.read_text())
    return example | {"MonitorFunction": example["MonitorFunction"] | environment}


def main() -> None:
    """Run until q, Ctrl-C or SIGTERM; then remove everything but events/env.json."""
    # A flag and no exception: the clean-up is never cut short, and `make stack &` can be ended too.
    stopping = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    console = Console(highlight=False)
    listen = _bridge() if LINUX else "127.0.0.1"
    with Postgres(host=listen) as database, EmulatedAws(listen) as aws:
        # In Docker on a Mac this machine has a name, and 127.0.0.1 is the virtual machine.
        environment = furnish(database, aws, None if LINUX else "host.docker.internal")
        ENVIRONMENT_FILE.write_text(json.dumps(variables(environment), indent=2) + "\n")
        console.print(_overview(database, aws), soft_wrap=True)  # commands to paste stay whole
        _serve(console, database, aws, stopping)
    console.print("Stopped: PostgreSQL and the emulated AWS are gone.")


def _bridge() -> str:
    """Find the address at which a container reaches this machine: its 127.0.0.1 is its own."""
    for address in psutil.net_if_addrs().get("docker0", ()):
        if address.family is socket.AF_INET:
            return str(address.address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward, suppress(OSError):
        outward.connect(("192.0.2.1", 9))  # RFC 5737: an address that is nobody's; a datagram socket sends nothing
        return str(outward.getsockname()[0])
    return "127.0.0.1"


def _overview(database: Postgres, aws: EmulatedAws) -> Text:
    rows = [
        ("PostgreSQL 18", f"{database.host}:{database.port}, role {ROLE}; log {database.log}"),
        ("AWS", f"http://{database.host}:{aws.port} (DynamoDB, SES, Secrets Manager, SNS, SQS)"),
        ("Variables", f"{ENVIRONMENT_FILE.relative_to(ROOT)}, new at each start"),
        ("Keys", HELP if sys.stdin.isatty() else "none: standard input is not a terminal; Ctrl-C ends it"),
    ]
    table = "\n".join(f"{name:<14} {value}" for name, value in rows)
    commands = f"sam build\n{SAM_INVOKE}"
    return Text(f"{table}\n\nIn another terminal, here too; again after k, and again after s:\n\n{commands}\n")


def _serve(console: Console, database: Postgres, aws: EmulatedAws, stopping: Event) -> None:
    shown = 0
    while not stopping.is_set():
        for command in _typed(stopping):
            if command == "q":
                return
            console.print(_obey(command, database))
        for mail in aws.mails[shown:]:
            console.print(_panel(mail))
            shown += 1


def _typed(stopping: Event) -> list[str]:
    """Wait a moment for commands; the end of input quits."""
    if not sys.stdin.isatty():
        stopping.wait(PAUSE)
        return []
    if not select.select([sys.stdin], [], [], PAUSE)[0]:
        return []
    typed = os.read(sys.stdin.fileno(), 1024)
    return typed.decode(errors="replace").lower().split() if typed else ["q"]


def _obey(command: str, database: Postgres) -> str:
    if command == "k":
        database.kill()
        return "The database is killed: the next ticks notify that it is DOWN."
    if command == "f":
        if not database.running:
            return "The database is not running: s starts it."
        database.freeze()
        return "The database is frozen: it accepts connections and says nothing."
    if command == "s":
        database.start()
        return "The database runs: the next ticks notify that it RECOVERED, if it was DOWN."
    return HELP


def _panel(mail: Mail) -> Panel:
    heads = f"From: {mail.sender}\nTo: {', '.join(mail.to)}\nSubject: {mail.subject}"
    return Panel(Text(f"{heads}\n\n{mail.text}"), title=f"Mail, {mail.accepted.astimezone():%H:%M:%S}")


if __name__ == "__main__":
    main()
