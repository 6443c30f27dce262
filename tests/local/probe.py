"""Probe one database from here and show what was seen: `make probe URL=...`."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from rich.console import Console
from rich.table import Table

from heartline.common import fields
from heartline.common.deadline import Deadline
from heartline.common.text import sanitize
from heartline.model.kinds import Tls
from heartline.model.observation import Server
from heartline.model.target import DEFAULT_DATABASE, DEFAULT_PORT, Credential, Endpoint, Target
from heartline.probe import probe

if TYPE_CHECKING:
    from heartline.model.observation import Observation

USAGE = "usage: make probe URL='postgresql://user:password@host:port/database?sslmode=verify-full'"
HEALTHY, UNHEALTHY, WRONG_USAGE = 0, 1, 2
# libpq's two middle ways fall back to no TLS at all, which Heartline never does.
NO_FALL_BACK = {"allow", "prefer"}
BAR = 30


def main() -> int:
    """Probe what the variable URL names; give the exit status."""
    try:
        target, credential = read_url(os.environ.get("URL", ""))
    except ValueError as fix:
        sys.stderr.write(f"{fix}\n{USAGE}\n")
        return WRONG_USAGE
    console = Console(highlight=False)
    seen = probe(target, credential, Deadline.after(target.timeout.total_seconds()))
    show(console, seen)
    return HEALTHY if seen.healthy else UNHEALTHY


def read_url(url: str) -> tuple[Target, Credential]:
    """Read a connection URL as libpq writes it, as far as a probe needs it.

    Raises
    ------
    ValueError
        With the mend, and without any part of the URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError:
        raise ValueError("URL: percent-encode the characters / ? # [ ] @ : in user and password") from None
    if parts.scheme not in {"postgresql", "postgres"} or not parts.hostname or not parts.username:
        raise ValueError("URL: give one that begins with postgresql:// and has a user and a host")
    options = parse_qs(parts.query)
    if unknown := options.keys() - {"sslmode", "connect_timeout"}:
        raise ValueError(f"URL: unknown option {sanitize(min(unknown), 40)}: known are sslmode and connect_timeout")
    mode = options.get("sslmode", [Tls.VERIFY_FULL.value])[-1]
    if mode not in list(Tls):
        fall_back = ", and nothing in between" if mode in NO_FALL_BACK else ""
        raise ValueError(f"URL: sslmode: give one of {', '.join(Tls)}{fall_back}")
    timeout = _seconds(options.get("connect_timeout", ["5"])[-1])
    user = fields.text(unquote(parts.username))
    database = fields.text(unquote(parts.path[1:]) or DEFAULT_DATABASE)
    password = None if parts.password is None else unquote(parts.password)
    endpoint = Endpoint(fields.host(parts.hostname), port, database, user)
    return Target("probe", tls=Tls(mode), timeout=timeout), Credential(endpoint, password)


def _seconds(text: str) -> timedelta:
    try:
        return fields.duration(float(text), 0.1, 30)
    except ValueError:
        raise ValueError("URL: connect_timeout: give seconds from 0.1 to 30") from None


def show(console: Console, seen: Observation) -> None:
    """Show the phases with their milliseconds, the verdict, the cause and the next step."""
    endpoint = seen.endpoint
    place = f"{endpoint.user}@{endpoint.host}:{endpoint.port}/{endpoint.database}"
    longest = max(seen.phases.values(), default=0) or 1
    table = Table("phase", "ms", "", "", title=sanitize(place), title_justify="left", box=None, pad_edge=False)
    for phase, spent in seen.phases.items():
        failed = seen.failure is not None and seen.failure.phase is phase
        table.add_row(phase, f"{spent:.1f}", "█" * round(BAR * spent / longest), "failed" if failed else "")
    console.print(table)
    console.print()
    if seen.failure is None:
        console.print("HEALTHY", style="green")
        for label, fact in facts(seen.server or Server(), seen.at):
            console.print(f"{label + ':':<13}{fact}", markup=False)
        return
    failure = seen.failure
    sort = "MISCONFIGURED" if failure.kind.misconfigured else "OUTAGE"
    state = f" (SQLSTATE {failure.sqlstate})" if failure.sqlstate else ""
    console.print(f"{sort}: {failure.kind} in phase {failure.phase}{state}", style="red", markup=False)
    console.print(f"Cause:      {failure.cause}", markup=False)
    if failure.said:
        console.print(f'It said:    "{failure.said}"', markup=False)
    console.print(f"Next step:  {failure.next_step}", markup=False)


def facts(server: Server, now: datetime) -> list[tuple[str, str]]:
    """List what a server says of itself, as far as it does."""
    expires = server.certificate_expires
    known = {
        "Version": server.version,
        "Started": server.started and f"{server.started:%Y-%m-%d %H:%M:%S} UTC",
        "Role": None if server.standby is None else "standby" if server.standby else "primary",
        "System": server.system,
        "Timeline": server.timeline,
        "Certificate": expires and f"valid for {(expires - now).days} more days, until {expires:%Y-%m-%d %H:%M:%S} UTC",
    }
    return [(label, str(fact)) for label, fact in known.items() if fact is not None]


if __name__ == "__main__":
    sys.exit(main())
