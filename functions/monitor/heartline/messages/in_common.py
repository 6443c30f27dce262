"""What several failures have in common: it is where to look first."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from heartline.messages.context import AlertContext
from heartline.messages.report import Report
from heartline.messages.wording import Wording


def in_common(failed: Sequence[Report], targets: int, wording: Wording) -> tuple[str, ...]:
    """Return what the failures of several targets share; nothing if they share nothing."""
    failures = [one.alert.failure for one in failed if one.alert.failure]
    shared = []
    if len({(one.phase, one.kind) for one in failures}) == 1:
        phase = wording.text(f"phase.{failures[0].phase}")
        shared.append(wording.text("sentence.same_failure", phase=phase, short=wording.short(failures[0])))
    hosts = {one.alert.endpoint.host for one in failed}
    if len(hosts) == 1 and (host := hosts.pop()):
        shared.append(wording.text("sentence.same_host", host=host))
    elif network := _network([one.alert.address for one in failed]):
        shared.append(wording.text(f"sentence.same_{network[1]}", network=network[0]))
    key = "sentence.common" if len(failed) == targets else "sentence.common_failed"
    return (wording.text(key, facts="; ".join(shared)),) if shared else ()


def _network(addresses: Sequence[str | None]) -> tuple[str, str] | None:
    """Return the smallest common network and its size: that of a subnet, else of a private VPC (RFC 1918)."""
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


def cut_off(context: AlertContext, wording: Wording) -> tuple[str, ...]:
    """Return that the monitor's own network may be the cause, why, and what to check; nothing if it is not."""
    failure = context.cut_off
    if failure is None:
        return ()
    words = {
        "phase": wording.text(f"phase.{failure.phase}"),
        "short": wording.short(failure),
        "number": context.targets,
    }
    checks = wording.text(f"sentence.checks_{failure.phase}")
    return (wording.text("sentence.cut_off", checks=checks, **words),)
