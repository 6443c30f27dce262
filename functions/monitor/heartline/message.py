"""Say in one mail what one or many reports tell: subject, what they have in common, and each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network

from heartline.model import Alert, Failure, Phase
from heartline.report import Report, report, short
from heartline.text import tame

# A mail of all that 500 databases have to say would be cut off by mail programs (Gmail: at 102 KB).
_MOST_REPORTS = 25
_MOST_NAMES = 4
_WORST = ("down", "misconfigured", "unstable", "up", "test")
_BEFORE_LOGIN = frozenset({Phase.RESOLVE, Phase.CONNECT, Phase.TLS})
# Fewer that fail together say nothing of the monitor's own network.
_LEAST_CUT_OFF = 3


@dataclass(frozen=True, slots=True)
class Fleet:
    """Say how many targets there are, and what every one of them fails with now, as it was last seen."""

    targets: int
    failures: tuple[Failure, ...] = ()

    @property
    def cut_off(self) -> Failure | None:
        """Give the failure that all targets share, where it is so that the monitor itself may be cut off."""
        if len(self.failures) < max(self.targets, _LEAST_CUT_OFF):
            return None
        first = self.failures[0]
        alike = all((one.phase, one.kind) == (first.phase, first.kind) for one in self.failures)
        return first if alike and first.phase in _BEFORE_LOGIN else None


@dataclass(frozen=True, slots=True)
class Message:
    """Hold what a mail says, before it is written as text or HTML.

    `sentences` are about all `reports`; `more` are the subjects of those that it has no room for.
    """

    subject: str
    status: str
    targets: tuple[str, ...]
    incidents: tuple[str, ...]
    sentences: tuple[str, ...]
    reports: tuple[Report, ...]
    more: tuple[str, ...] = ()


def compose(bundles: Sequence[Sequence[Alert]], fleet: Fleet, now: datetime) -> Message:
    """Say what alerts tell, in one mail.

    Parameters
    ----------
    bundles
        What each report tells of; at least one.
    fleet
        What is known of all targets, to tell a failure of the monitor's own network from one of the databases.
    now
        When the mail leaves.
    """
    reports = sorted((report(bundle, now) for bundle in bundles), key=lambda one: _WORST.index(one.status))
    failed = [one for one in reports if one.status in {"down", "misconfigured", "unstable"}]
    cut_off = _cut_off(fleet) if failed else ()
    common = _in_common(failed) if len(failed) > 1 else ()
    incidents = [one.alert.incident.id for one in reports if one.alert.incident]
    return Message(
        tame(reports[0].subject if len(reports) == 1 else _subject(reports, fleet), 200),
        reports[0].status,
        tuple(dict.fromkeys(one.alert.target for one in reports)),
        tuple(incidents),
        (*cut_off, *common),
        tuple(reports[:_MOST_REPORTS]),
        tuple(one.subject for one in reports[_MOST_REPORTS:]),
    )


def _subject(reports: Sequence[Report], fleet: Fleet) -> str:
    """Say how many of the fleet are what, the worst first, and why where it is the same for all of them."""
    labels = Counter(one.label for one in reports)
    label = reports[0].label
    first = [one for one in reports if one.label == label]
    targets = dict.fromkeys(one.target for one in first)
    others = [f"{number} {name}" for name, number in labels.items() if name != label]
    number = f"{len(targets)} of {max(fleet.targets, len(targets))} databases"
    return "; ".join([f"[{label}] {number}: {_gist(first)}", *others])


def _gist(reports: Sequence[Report]) -> str:
    said = {short(one.alert.failure) if one.alert.failure else "" for one in reports}
    if len(said) == 1 and (shared := said.pop()):
        return shared
    names = list(dict.fromkeys(one.target for one in reports))
    left = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {left} more" if left > 0 else "")


def _in_common(failed: Sequence[Report]) -> tuple[str, ...]:
    """Say what several failures share: it is where to look first."""
    failures = [one.alert.failure for one in failed if one.alert.failure]
    shared = []
    if len({(one.phase, one.kind) for one in failures}) == 1:
        shared.append(f"all fail in phase {failures[0].phase} ({short(failures[0])})")
    hosts = {one.alert.endpoint.host for one in failed}
    if len(hosts) == 1 and (host := hosts.pop()):
        shared.append(f"all are on the host {tame(host, 253)}")
    elif network := _network([one.alert.address for one in failed]):
        shared.append(f"all are in the network {network}")
    return (f"In common: {'; '.join(shared)}.",) if shared else ()


def _network(addresses: Sequence[str | None]) -> str | None:
    """Name the smallest usual network that all addresses are in: a subnet's size, else a VPC's (RFC 1918)."""
    known = [ip_address(one.split("%")[0]) for one in addresses if one]
    if len(known) < len(addresses) or len({one.version for one in known}) != 1:
        return None
    for prefix, what in ((24, "subnet"), (16, "VPC")) if known[0].version == 4 else ((64, "subnet"), (56, "VPC")):
        networks = {ip_network((one, prefix), strict=False) for one in known}
        if len(networks) == 1 and (what == "subnet" or known[0].is_private):
            return f"{networks.pop()}, the size of a {what}"
    return None


def _cut_off(fleet: Fleet) -> tuple[str, ...]:
    """Say that it may be the monitor's own network, what supports that, and what to check."""
    failure = fleet.cut_off
    if failure is None:
        return ()
    checks = {
        Phase.RESOLVE: "the DNS of the function's VPC (enableDnsSupport, the resolver, a private hosted zone)",
        Phase.CONNECT: "the function's subnets, their route tables and network ACLs, and its security groups",
        Phase.TLS: "what stands between the function and the databases: a proxy, or an authority that has changed",
    }
    said = (
        f"The monitor itself may be cut off: all {fleet.targets} databases fail in the same way before login, in phase "
        f"{failure.phase} ({short(failure)}), which is more likely one cause near the monitor than "
        f"{fleet.targets} databases at once. Check {checks[failure.phase]}; and whether applications still work."
    )
    return (said,)
