"""Say in one mail what one or many reports tell: subject, what they have in common, and each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network

from heartline.common.text import columns, sanitize
from heartline.i18n.language import Language, language
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.messages.report import MOST_COLUMNS, Report
from heartline.messages.threads import bundles, report
from heartline.messages.wording import Wording
from heartline.model.incident import FLAPPING_SUFFIX

# A mail of all that 500 databases have to say would be cut off by mail programs (Gmail: at 102 KB).
_MOST_REPORTS = 6
_MOST_LINES = 30
# Columns of a subject for the names of targets.
_MOST_NAMES = 28
_MOST_SUBJECT = 200
_WORST = ("down", "misconfigured", "unstable", "notice", "up", "test")
_FAILED = frozenset({"down", "misconfigured", "unstable"})


@dataclass(frozen=True, slots=True)
class Message:
    """Hold what a mail says, before it is written as text or HTML.

    `sentences` are about all `reports`; `lines` are the subjects of what comes after them, and `rest` counts what
    there is no room for. `stories` are the incidents and spells that it belongs to.
    """

    language: Language
    subject: str
    status: str
    targets: tuple[str, ...]
    incidents: tuple[str, ...]
    stories: tuple[str, ...]
    sentences: tuple[str, ...]
    reports: tuple[Report, ...]
    lines: tuple[str, ...] = ()
    rest: int = 0


def compose(parts: Sequence[TargetAlerts], context: AlertContext, now: datetime) -> Message:
    """Say what alerts tell, in one mail.

    Parameters
    ----------
    parts
        The targets with their alerts; at least one of each, and all in one language.
    fleet
        What is known beside the alerts, to tell a failure of the monitor's own network from one of the databases.
    now
        When the mail leaves.
    """
    made = [report(bundle, part.target, context, now) for part in parts for bundle in bundles(part.alerts)]
    # Of a target that has two stories to tell, the later one is how it stands.
    latest = sorted({one.alert.target: one for one in made}.values(), key=_badness)
    reports = [one for last in latest for one in made if one.alert.target == last.alert.target]
    failed = [one for one in latest if one.status in _FAILED]
    wording = Wording(language(parts[0].target.language))
    cut_off = _cut_off(context, wording) if failed else ()
    common = _in_common(failed, len(latest), wording) if len(failed) > 1 else ()
    shown, lines = reports[:_MOST_REPORTS], reports[_MOST_REPORTS : _MOST_REPORTS + _MOST_LINES]
    return Message(
        wording.language,
        sanitize(latest[0].subject if len(latest) == 1 else _subject(latest, context, wording), _MOST_SUBJECT),
        latest[0].status,
        tuple(dict.fromkeys(one.alert.target for one in reports)),
        tuple(dict.fromkeys(one.alert.incident.id for one in reports if one.alert.incident)),
        tuple(dict.fromkeys(story for one in reports for story in _stories(one))),
        (*cut_off, *common),
        tuple(shown),
        tuple(sanitize(one.subject, _MOST_SUBJECT) for one in lines),
        len(reports) - len(shown) - len(lines),
    )


def _badness(made: Report) -> int:
    return _WORST.index(made.status)


def _stories(made: Report) -> tuple[str, ...]:
    """Name what ties a mail to the others of its thread: a spell bears the name of the incident that it began with."""
    alert = made.alert
    flapping = (alert.flapping.id.removesuffix(FLAPPING_SUFFIX),) if alert.flapping else ()
    return (*flapping, *((alert.incident.id,) if alert.incident else ()))


def _subject(reports: Sequence[Report], context: AlertContext, wording: Wording) -> str:
    """Say how many of the fleet are what, the worst first, and why where it is the same for all of them."""
    labels = Counter(one.label for one in reports)
    label = reports[0].label
    first = [one for one in reports if one.label == label]
    targets = dict.fromkeys(one.alert.target for one in first)
    others = [f"{number} {name}" for name, number in labels.items() if name != label]
    words = {"number": len(targets), "all": max(context.targets, len(targets)), "gist": _gist(first, wording)}
    cut_off = context.cut_off and reports[0].status in _FAILED
    said = wording.say("subject.cut_off" if cut_off else "subject.group", **words)
    whole = "; ".join([f"[{label}] {said}", *others])
    if not others or columns(whole) <= MOST_COLUMNS:
        return whole
    return "; ".join([f"[{label}] {wording.say('subject.number', **words)}", *others])


def _gist(reports: Sequence[Report], wording: Wording) -> str:
    said = {wording.short(one.alert.failure) if one.alert.failure else "" for one in reports}
    if len(said) == 1 and (shared := said.pop()):
        return shared
    names = list(dict.fromkeys(one.alert.target for one in reports))
    shown = max(1, sum(len(", ".join(names[:number])) <= _MOST_NAMES for number in range(1, len(names) + 1)))
    left, first = len(names) - shown, ", ".join(names[:shown])
    return wording.say("subject.group_more", names=first, number=left) if left > 0 else first


def _in_common(failed: Sequence[Report], notified: int, wording: Wording) -> tuple[str, ...]:
    """Say what several failures share: it is where to look first."""
    failures = [one.alert.failure for one in failed if one.alert.failure]
    shared = []
    if len({(one.phase, one.kind) for one in failures}) == 1:
        phase = wording.say(f"phase.{failures[0].phase}")
        shared.append(wording.say("sentence.same_failure", phase=phase, short=wording.short(failures[0])))
    hosts = {one.alert.endpoint.host for one in failed}
    if len(hosts) == 1 and (host := hosts.pop()):
        shared.append(wording.say("sentence.same_host", host=host))
    elif network := _network([one.alert.address for one in failed]):
        shared.append(wording.say(f"sentence.same_{network[1]}", network=network[0]))
    key = "sentence.common" if len(failed) == notified else "sentence.common_failed"
    return (wording.say(key, facts="; ".join(shared)),) if shared else ()


def _network(addresses: Sequence[str | None]) -> tuple[str, str] | None:
    """Name the smallest usual network that all addresses are in: a subnet's size, else a private VPC's (RFC 1918)."""
    try:
        known = [ip_address(one.split("%")[0]) for one in addresses if one]
    except ValueError:
        return None
    if len(known) < len(addresses) or len({one.version for one in known}) != 1:
        return None
    for prefix, size in ((24, "subnet"), (16, "vpc")) if known[0].version == 4 else ((64, "subnet"), (56, "vpc")):
        networks = {ip_network((one, prefix), strict=False) for one in known}
        if len(networks) == 1 and (size == "subnet" or known[0].is_private):
            return str(networks.pop()), size
    return None


def _cut_off(context: AlertContext, wording: Wording) -> tuple[str, ...]:
    """Say that it may be the monitor's own network, what supports that, and what to check."""
    failure = context.cut_off
    if failure is None:
        return ()
    words = {"phase": wording.say(f"phase.{failure.phase}"), "short": wording.short(failure), "number": context.targets}
    checks = wording.say(f"sentence.checks_{failure.phase}")
    return (wording.say("sentence.cut_off", checks=checks, **words),)
