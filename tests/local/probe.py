"""Probe one database from here and show what was seen: `make probe URL=...`."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from rich.console import Console
from rich.table import Table

from heartline.common import fields
from heartline.common.deadline import Deadline
from heartline.common.text import sanitize
from heartline.model.errors import ConfigurationError
from heartline.model.kinds import Tls, TlsNegotiation
from heartline.model.observation import Server
from heartline.model.target import DEFAULT_DATABASE, DEFAULT_PORT, Credential, Endpoint, Target
from heartline.probe import probe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heartline.model.observation import Failure, Observation

USAGE = """\
usage: make probe URL='postgresql://user:password@host:port/database?sslmode=verify-full'
A password that shall not stand in the shell's history: leave it out, and PGPASSWORD is taken or you are asked."""
HEALTHY, UNHEALTHY, WRONG_USAGE = 0, 1, 2
# libpq's two middle ways fall back to no TLS at all, which Heartline never does.
NO_FALL_BACK = {"allow", "prefer"}
# A login is bound to its TLS channel wherever the server offers that, asked for or not.
OPTIONS = {"sslmode", "sslnegotiation", "sslcert", "sslkey", "connect_timeout", "channel_binding"}
PLACE = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>.*))?", re.DOTALL)
BAR = 30
# In place of the next steps that are about the configuration of the monitor.
NEXT_STEPS = {
    "auth": "Check the user and the password in the URL, that the role may log in, and pg_hba.conf.",
    "auth-certificate": (
        "Check the user and the password in the URL, pg_hba.conf, and that the common name of sslcert is {user}, "
        "or mapped to it (pg_ident.conf)."
    ),
    "bad-query": "This probe has no query of yours.",
    "unexpected": "This probe has no query of yours.",
    "clear-text": "Set sslmode=verify-full in the URL, or give the role scram-sha-256 in pg_hba.conf.",
    "client-certificate": "Give one in the URL: sslcert=FILE and sslkey=FILE, both in PEM form.",
    "client-certificate-refused": (
        "Check that sslcert has not expired or been revoked, holds its whole chain, is signed by an authority of "
        "the server (ssl_ca_file), and that its name fits user {user}."
    ),
    "client-certificate-unusable": (
        "Give sslcert the certificate and sslkey its own private key, both in PEM form and the key without a password."
    ),
    "closed-tls": (
        "Check whether the server crashed or is restarting, or a proxy in front of it closed the connection. A "
        "front that speaks TLS from the first byte on needs sslnegotiation=direct in the URL."
    ),
    "no-database": "Check the database's name in the URL, and whether it was dropped or renamed.",
    "password-line-break": "Take the line break out at the end of the password (echo adds one, printf does not).",
    "password-missing": "Give one: in PGPASSWORD, at the prompt, or in the URL.",
    "pooler-auth": "Check the user and the password in the URL, then {pooler}'s user list; its log says why.",
    "pooler-no-database": (
        "Check the database's name in the URL, and the list of databases in {pooler}'s configuration."
    ),
    "pooler-tls": "Set sslmode=verify-full in the URL (or verify-ca, require).",
    "tls-direct": (
        "Check that PostgreSQL 17 or later, or a TLS front, answers there; else take sslnegotiation out of the URL."
    ),
    "tls-refused": "Turn ssl on in the server; only in a network that you trust, set sslmode=disable in the URL.",
    "certificate-name": (
        "Name the host as the certificate does (RDS: the endpoint), or check the authority only: sslmode=verify-"
        "ca in the URL."
    ),
}


def main() -> int:
    """Probe what the variable URL names; give the exit status."""
    try:
        target, credential = read_url(os.environ.get("URL", ""))
    except ValueError as fix:
        sys.stderr.write(f"{fix}\n{USAGE}\n")
        return WRONG_USAGE
    if credential.password is None and (given := os.environ.get("PGPASSWORD")):
        credential = replace(credential, password=given)
    console = Console(highlight=False)
    try:
        seen = _probe(target, credential)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USAGE
    if seen.failure and seen.failure.advice == "password-missing" and sys.stdin.isatty():
        seen = _probe(target, replace(credential, password=getpass(f"Password of {credential.endpoint.user}: ")))
    show(console, seen)
    return HEALTHY if seen.healthy else UNHEALTHY


def _probe(target: Target, credential: Credential) -> Observation:
    return probe(target, credential, Deadline.after(target.timeout.total_seconds()))


def read_url(url: str) -> tuple[Target, Credential]:
    """Read a connection URL as libpq writes it, as far as a probe needs it.

    Raises
    ------
    ValueError
        With the fix, and without any part of the URL.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("URL: percent-encode the characters / ? # [ ] @ : in user and password") from None
    host, port = _place(parts.netloc.rpartition("@")[2])
    if parts.scheme not in {"postgresql", "postgres"} or not host or not parts.username:
        raise ValueError("URL: give one that begins with postgresql:// and has a user and a host")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := options.keys() - OPTIONS:
        known = ", ".join(sorted(OPTIONS))
        raise ValueError(f"URL: unknown option {sanitize(min(unknown), 40)}: known are {known}")
    mode = options.get("sslmode", Tls.VERIFY_FULL.value)
    if mode not in list(Tls):
        fall_back = ", and nothing in between" if mode in NO_FALL_BACK else ""
        raise ValueError(f"URL: sslmode: give one of {', '.join(Tls)}{fall_back}")
    negotiation = options.get("sslnegotiation", TlsNegotiation.POSTGRES.value)
    if negotiation not in list(TlsNegotiation):
        raise ValueError(f"URL: sslnegotiation: give one of {', '.join(TlsNegotiation)}")
    user = _text("user", unquote(parts.username))
    database = _text("database", unquote(parts.path[1:]) or DEFAULT_DATABASE)
    password = None if parts.password is None else unquote(parts.password)
    target = Target("probe", tls=Tls(mode), tls_negotiation=TlsNegotiation(negotiation), timeout=_seconds(options))
    return target, Credential(Endpoint(host, port, database, user), password, _certificate(options))


def _text(name: str, value: str) -> str:
    try:
        return fields.text(value)
    except ValueError as fix:
        raise ValueError(f"URL: {name}: {fix}") from None


def _place(text: str) -> tuple[str, int]:
    """Read the host and port of a URL."""
    if "," in text:
        raise ValueError("URL: give one host: each server behind a list of hosts is probed by a URL of its own")
    read = PLACE.fullmatch(text)
    host, port = (read["host"], read["port"] or str(DEFAULT_PORT)) if read else ("", "")
    if not port.isdecimal():
        raise ValueError("URL: percent-encode the characters / ? # [ ] @ : in user and password")
    if not 1 <= int(port) <= 65535:
        raise ValueError("URL: give a port from 1 to 65535")
    if not host.isascii():
        raise ValueError("URL: give the host's name in its ASCII form, which has xn-- in it: DNS knows no other")
    host = host.strip("[]")
    return fields.host(host) if host else "", int(port)


def _certificate(options: Mapping[str, str]) -> str | None:
    files = [options[name] for name in ("sslcert", "sslkey") if name in options]
    if not files:
        return None
    try:
        return "\n".join(Path(file).read_text(encoding="ascii") for file in files)
    except (OSError, ValueError):
        raise ValueError("URL: sslcert and sslkey: give files in PEM form that can be read") from None


def _seconds(options: Mapping[str, str]) -> timedelta:
    try:
        return fields.duration(float(options.get("connect_timeout", "5")), 0.1, 30)
    except ValueError:
        raise ValueError("URL: connect_timeout: give seconds from 0.1 to 30") from None


def next_step(failure: Failure) -> str:
    """Say what to look at first, to someone who has a URL before them and no configuration."""
    own = NEXT_STEPS.get(failure.advice or "")
    return own.format_map(failure.words) if own else failure.next_step


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
    console.print(f"Next step:  {next_step(failure)}", markup=False)


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
