"""What each reader of mails, and the topic, was told, mail by mail."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.mailbox import Mail
from local.wire import PUBLISH, SEND_MAIL, Call, published_alert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TOPIC = "the topic"
# The topic's words for the kinds of alert, and those of a mail's subject.
WORDS = {
    "down": "DOWN",
    "reminder": "STILL DOWN",
    "recovered": "RECOVERED",
    "flapping": "FLAPPING",
    "stable": "STABLE AGAIN",
    "unwatched": "NO LONGER WATCHED",
    "upgraded": "UPGRADED",
}
CHANNELS = {SEND_MAIL: "mails", PUBLISH: "topic"}
REPORT = re.compile(r"^\[(?P<word>[A-Z]+(?: [A-Z]+)*)[^\]]*\] (?P<name>[\w-]+)(?: ·|: )", re.MULTILINE)
LINE = re.compile(r"^(?P<word>[A-Z]+(?: [A-Z]+)*): (?P<name>[\w-]+), ", re.MULTILINE)


@dataclass(frozen=True)
class Heard:
    """One thing that somebody was told; only the topic says the alert's `id`, and when the last `good` probe was."""

    who: str
    word: str
    name: str
    incident: str
    id: str = ""
    good: datetime | None = None

    @property
    def began(self) -> datetime:
        """When the incident began, to the second, as its id says."""
        return datetime.strptime(self.incident.rpartition("-")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def heard(calls: Sequence[Call]) -> Iterator[Heard]:
    """Read what SES and SNS accepted."""
    for call in calls:
        if call.status == 200 and call.name == SEND_MAIL:
            mail = Mail.from_request(call.request, call.at)
            yield from (Heard(who, *told) for told in _reports(mail) for who in mail.to)
        elif call.status == 200 and call.name == PUBLISH:
            alert = published_alert(call.request)
            word, incident = WORDS[alert["kind"]], alert["incident"]
            good = datetime.fromisoformat(incident["last_ok"]) if "last_ok" in incident else None
            yield Heard(TOPIC, word, alert["target"], incident["id"], alert["id"], good)


def _reports(mail: Mail) -> Iterator[tuple[str, str, str]]:
    """Yield the word, the target and the incident of each report that a mail has: lines of a table, or the subject."""
    found = [*LINE.finditer(mail.text)] or [*REPORT.finditer(mail.subject)]
    for name in dict.fromkeys(one["name"] for one in found):
        words = [one["word"] for one in found if one["name"] == name]
        ids = sorted(one for one in mail.headers["X-Heartline-Incident"].split(", ") if one.rpartition("-")[0] == name)
        yield from ((word, name, incident) for word, incident in zip(words, ids[-len(words) :], strict=True))


def unwritten(calls: Sequence[Call]) -> Counter[tuple[str, str]]:
    """Count by channel and target what was accepted, and the target's outbox was not then cleared of."""
    accepted: defaultdict[str, list[str]] = defaultdict(list)
    for call in calls:
        for name in targets(call) if call.status == 200 else ():
            if call.name in CHANNELS:
                accepted[name].append(CHANNELS[call.name])
            elif _clears(call) and accepted[name] and not _waits_still(call, accepted[name][-1]):
                accepted[name].pop()  # it is written for the latest
    return Counter((channel, name) for name, channels in accepted.items() for channel in channels)


def targets(call: Call) -> list[str]:
    """Name the targets that a call is about."""
    if call.name == SEND_MAIL:
        headers = {header["Name"]: header["Value"] for header in call.request["Content"]["Simple"]["Headers"]}
        return str(headers["X-Heartline-Target"]).split(", ")
    if call.name == PUBLISH:
        return [published_alert(call.request)["target"]]
    return [what.removeprefix("target#").removesuffix("/state") for what in call.touches if what.endswith("/state")]


def _clears(call: Call) -> bool:
    return "outbox" in call.request.get("UpdateExpression", "")


def _waits_still(call: Call, channel: str) -> bool:
    """Return True if a write leaves all alerts waiting for a channel: it notes why they were refused, no more."""
    if "REMOVE" in call.request["UpdateExpression"]:
        return False
    entry = {"mails": "email", "topic": "topic"}[channel]
    waiting = [value["L"] for name, value in call.request["ExpressionAttributeValues"].items() if "waiting" in name]
    return all(any(one["S"].startswith(entry) for one in entries) for entries in waiting)
