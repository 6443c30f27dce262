"""Show the main job on a database that is really killed: `make demo`."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from local.aws import EmulatedAws
from local.console import CONTEXT, still
from local.function import event, invoke
from local.postgres import Postgres
from local.rds import EmulatedRds, names_lead_here
from local.rds import event as rds_event
from local.ses import bounced
from local.stack import RECIPIENT, SECRET, furnish
from local.sweep import Point, Runner, When

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.mailbox import Mail

SET, GONE = "heartline", "gone@example.com"
KEPT = Path(__file__).parents[2] / "build" / "demo"
PAUSE = 1.0  # seconds between two ticks; deployed it is a minute
# The function's log lines and metrics would stand between the demo's own.
QUIET = {"LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true", "ALERT_TOPIC": ""}
# The last call before the outboxes are looked at: the decision and its alert are stored.
DECIDED = Point("dynamodb:PutItem heartbeat/heartbeat", 1, When.BEFORE)
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells say it
NEXT = """\
The mails are kept in build/demo, as .eml and .html; what the AWS console shows
of this database, with its buttons, is build/demo/console.html.

What next? The same probe against a database of yours:
  make probe URL='postgresql://user:password@host/database'
This stack, to try `sam local invoke` on:
  make stack
Watch a database of yours (see README.md):
  sam build && sam deploy --guided"""


class UnexpectedError(Exception):
    """Something did not happen as announced."""


@dataclass
class Demo:
    """One showing: the parts, and what has been seen so far."""

    console: Console
    database: Postgres
    aws: EmulatedAws
    environment: Mapping[str, str]
    ticks: int = 0
    shown: int = 0

    def scene(self, title: str) -> None:
        """Announce what comes."""
        self.console.print()
        self.console.print(Rule(title, align="left", style="cyan"))

    def tick(self, *, status: str, sent: int = 0, pending: int = 0) -> None:
        """Run the real handler once, show a line, and compare it with what was announced."""
        self._run(event("scheduled"), status, sent, pending)

    def rds_event(self, identifier: str, *, status: str, sent: int) -> None:
        """Deliver an event of RDS's, as EventBridge would, and show the tick that it starts."""
        self.console.print(f"         an event of RDS: {identifier}, DB instance shutdown")
        self._run(rds_event(identifier), status, sent, 0)

    def bounce(self, recipient: str) -> None:
        """Deliver an event of SES's, as EventBridge would: the last mail came back."""
        self.console.print(f"         an event of SES: Bounce, {recipient}")
        answer = invoke(self.environment, bounced(self.aws.mails[-1], datetime.now(UTC), recipient))
        _expect("what was received", {recipient: "bounced"}, answer["received"])

    def _run(self, started_by: Mapping[str, Any], status: str, sent: int, pending: int) -> None:
        self.ticks += 1
        with self.console.status(f"tick {self.ticks}: probing"):
            answer = invoke(self.environment, started_by)
            sleep(PAUSE)
        up_or_down = "UP" if answer["up"] else "DOWN" if answer["down"] else "UNKNOWN"
        alerts = answer["alerts"]
        said = "silent" if not any(alerts.values()) else f"{alerts['sent']} sent, {alerts['pending']} waiting"
        line = Text(f"tick {self.ticks:>2}  {answer['tick'][11:19]} UTC  ")
        line.append(f"{up_or_down:<8}", style="bold green" if answer["up"] else "bold red")
        line.append(f"{answer['duration_ms']:>6} ms  {said}")
        self.console.print(line)
        _expect("status", status, up_or_down)
        _expect("alerts", {"sent": sent, "pending": pending}, alerts)

    def killed_tick(self) -> None:
        """Run the real handler in a process of its own, and kill that once it has stored what it decided."""
        self.ticks += 1
        with self.console.status(f"tick {self.ticks}: probing"), Runner() as runner:
            run = runner.tick(self.aws, self.environment, timedelta(), DECIDED)
        self.console.print(f"tick {self.ticks:>2}  killed after {len(run.calls)} calls of AWS, with no mail sent")
        _expect("number of mails", self.shown, len(self.aws.mails))

    def mail(self, begins: str) -> None:
        """Show the one new mail as a person gets it, and keep it."""
        fresh = self.aws.mails[self.shown :]
        _expect("number of new mails", 1, len(fresh))
        mail, self.shown = fresh[0], self.shown + 1
        heads = f"From: {mail.sender}\nTo: {', '.join(mail.to)}\nSubject: {mail.subject}"
        self.console.print(Panel(Text(f"{heads}\n\n{mail.text.rstrip()}"), title="mail", width=80))
        _expect("subject", begins, mail.subject[: len(begins)])
        _keep(mail, f"{self.shown}-{mail.state.lower().replace(' ', '-')}")


def play(demo: Demo) -> None:
    """Play all scenes.

    Raises
    ------
    UnexpectedError
        When something does not happen as announced.
    """
    demo.scene("All is well: Heartline is silent")
    for _ in range(3):
        demo.tick(status="UP")
    demo.scene("PostgreSQL is killed, and SES refuses mail: the alert waits")
    demo.aws.refuse_mail()
    demo.database.kill()
    demo.tick(status="DOWN", pending=1)
    demo.scene("SES takes mail again: the next tick sends what waited")
    demo.aws.accept_mail()
    demo.tick(status="DOWN", sent=1)
    demo.mail("[DOWN: connection refused] demo · ")
    demo.scene("The mail comes back from one of its recipients: the other one hears of it")
    demo.bounce(GONE)
    demo.mail(f"[NOT DELIVERED] {GONE} · ")
    demo.scene("It is still down: nobody is notified twice")
    demo.tick(status="DOWN")
    demo.scene("PostgreSQL is back; the function is killed before it sends")
    demo.database.start()
    demo.killed_tick()
    demo.scene("The mail still comes, with the next tick")
    demo.tick(status="UP", sent=1)
    demo.mail("[RECOVERED after ")
    demo.scene("PostgreSQL is restarted between two ticks: nobody saw it down")
    demo.database.kill()
    demo.database.start()
    demo.tick(status="UP", sent=1)
    demo.mail("[RESTARTED] demo · ")
    demo.scene("All is well again")
    demo.tick(status="UP")
    demo.scene("Now it crashes again and again: one mail says so, then single mails stop")
    demo.database.kill()
    demo.tick(status="DOWN", sent=1)
    demo.mail("[DOWN: outage ")
    for _ in range(2):
        demo.database.start()
        demo.tick(status="UP")
        demo.database.kill()
        demo.tick(status="DOWN")
    demo.database.start()
    demo.tick(status="UP")
    _expect("number of mails in all", 5, len(demo.aws.mails))
    _keep_pages(demo)
    play_rds(demo)


def play_rds(demo: Demo) -> None:
    """Play what RDS knows, for a stack that watches what carries the tag."""
    rds, database = EmulatedRds(demo.aws), demo.database
    table = demo.aws.create_table("heartline-rds")
    demo.environment = {**demo.environment, "TARGETS": DISCOVER, "STATE_TABLE": table, "USE_RDS": "discover"}
    demo.scene("In RDS, the instance orders gets the tag heartline: it is watched")
    rds.instance("orders", database.port)
    demo.tick(status="UNKNOWN")
    demo.tick(status="UP", sent=1)
    demo.mail("[NOW WATCHING] orders · ")
    demo.scene("It dies, and RDS reports something: the mail does not wait a minute")
    database.kill()
    rds.status("orders", "storage-full")
    rds.reports("orders", "The free storage capacity for DB instance orders is 0%", "low storage", datetime.now(UTC))
    demo.rds_event("orders", status="DOWN", sent=1)
    demo.mail("[DOWN: connection refused] orders · ")


DISCOVER = f"""\
[discover]
secret = "{SECRET}"
tls = "disable"
confirmations = 0
"""


def _expect(what: str, notified: Any, seen: Any) -> None:  # noqa: ANN401
    if notified != seen:
        raise UnexpectedError(f"{what}: expected {notified!r}, saw {seen!r}")


def _keep(mail: Mail, name: str) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{name}.eml").write_bytes(mail.eml())
    (KEPT / f"{name}.html").write_text(mail.html, encoding="utf-8")


def _keep_pages(demo: Demo) -> None:
    """Keep what the widget shows: the list, and the page of the one database; nothing answers its buttons."""
    context = {**CONTEXT, "timezone": {"offsetISO": "+00:00"}, "width": 1100}
    pages = [str(invoke(demo.environment, {**asked, "widgetContext": context})) for asked in ({}, {"target": "demo"})]
    _expect("the console shows that it flaps", True, "FLAPPING" in pages[0])
    (KEPT / "console.html").write_text(still(*pages), encoding="utf-8")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Play the demo and clean up; give the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    console = Console(highlight=False)
    try:
        with ExitStack() as parts:
            with console.status("starting PostgreSQL 18 and emulated AWS"):
                database, aws = parts.enter_context(Postgres()), parts.enter_context(EmulatedAws())
            aws.client("sesv2").create_configuration_set(ConfigurationSetName=SET)
            environment = furnish(database, aws) | QUIET | {"SES_CONFIGURATION_SET": SET}
            environment["ALERT_RECIPIENTS"] = f"{RECIPIENT},{GONE}"
            parts.enter_context(names_lead_here())
            console.print(f"One database, {database.host}:{database.port}. Mails go to {RECIPIENT}.")
            play(Demo(console, database, aws, environment))
    except UnexpectedError as unexpected:
        console.print(f"\nThis is not what should have happened. {unexpected}", style="bold red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped: PostgreSQL and the emulated AWS are gone.")
        return INTERRUPTED
    console.print(f"\nAll went as announced.\n\n{NEXT}", markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
