"""What became of mails after SES accepted them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from heartline.common.frozen import frozen
from heartline.model.kinds import AlertKind


class Outcome(StrEnum):
    """What became of a mail for one recipient.

    Events come in any order, and more than once: one of a higher rank stands, whenever it comes. A server may send a
    mail back that it took, and an answer from an absent reader (`returned`) says nothing against its delivery.
    """

    rank: int

    DELAYED = "delayed", 1
    RETURNED = "returned", 2
    DELIVERED = "delivered", 3
    COMPLAINED = "complained", 4
    BOUNCED = "bounced", 5
    REJECTED = "rejected", 6

    def __new__(cls, word: str, rank: int) -> Self:
        """Make a member that is its word, with its rank."""
        outcome = str.__new__(cls, word)
        outcome._value_ = word
        outcome.rank = rank
        return outcome


@frozen
class Receipt:
    """Say what became of a mail for one recipient, when, at which server, and why in that server's own words."""

    outcome: Outcome
    at: datetime
    server: str | None = None
    reason: str | None = None

    @property
    def failed(self) -> bool:
        """Return True if somebody must hear of it; an absent reader's answer has no reason that a server gave."""
        return self.outcome in _FAILED or (self.outcome is Outcome.RETURNED and self.reason is not None)

    @property
    def lasting(self) -> bool:
        """Return True if the recipient's next mail will most likely fare no better."""
        return self.outcome in {Outcome.COMPLAINED, Outcome.BOUNCED}


_FAILED = frozenset({Outcome.COMPLAINED, Outcome.BOUNCED, Outcome.REJECTED})


@frozen
class MailedAlert:
    """Name an alert that a mail reports, by its id, and the state that it reports."""

    target: str
    kind: AlertKind
    alert: str
    state: str
    incident: str | None = None


@frozen
class Mail:
    """Describe a mail that SES accepted.

    Attributes
    ----------
    id
        Unique, and later for a later mail.
    accepted
        When SES did.
    alerts
        What it reports, the newest last.
    receipts
        What is known of its way, by recipient in lower case.
    """

    id: str
    accepted: datetime
    recipients: tuple[str, ...]
    alerts: tuple[MailedAlert, ...]
    receipts: Mapping[str, Receipt] = field(default_factory=dict)

    @property
    def reports(self) -> int:
        """Return how many alerts it reports; that another mail did not arrive is none."""
        return sum(one.kind is not AlertKind.NOT_DELIVERED for one in self.alerts)

    def receipt(self, recipient: str) -> Receipt | None:
        """Return what is known of its way to a recipient."""
        return self.receipts.get(recipient.lower())

    @property
    def delivered(self) -> bool:
        """Return True if a recipient's server took it."""
        return any(one.outcome in {Outcome.DELIVERED, Outcome.COMPLAINED} for one in self.receipts.values())


_ID = re.compile(r"\d{8}T\d{12}-[0-9a-f]{12}", re.ASCII)
_TIME = "%Y%m%dT%H%M%S%f"
# What SES takes in names and values of tags without exception; an underscore begins the code of any other character.
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html
_TAGGABLE = re.compile(r"[^A-Za-z0-9-]")
_MAX_TAG = 256
_CODE = re.compile(r"_([0-9a-f]{2,6})_", re.ASCII)


def mail_id(at: datetime, unique: str) -> str:
    """Return the id of a mail that leaves now: ids sort as mails do, and a tag of SES can hold them."""
    return f"{at.astimezone(UTC):{_TIME}}-{unique[:12]}"


def left_at(written: str) -> datetime | None:
    """Return when the mail of an id left; None where it is no id."""
    if not _ID.fullmatch(written):
        return None
    try:
        return datetime.strptime(written[:21], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def tags_of(mail: Mail) -> dict[str, str]:
    """Return the tags that SES adds to each event about a mail: its id, and its newest alert."""
    if not mail.alerts:
        return {"heartline": mail.id}
    newest = mail.alerts[-1]
    named = {name: getattr(newest, name) for name in ("target", "kind", "alert", "state", "incident")}
    coded = {name: _TAGGABLE.sub(_coded, value)[:_MAX_TAG] for name, value in named.items() if value}
    return {"heartline": mail.id} | coded


def tagged_alert(tags: Mapping[str, str]) -> MailedAlert | None:
    """Return the alert that the tags of a mail name; None where they name none."""
    read = {name: _CODE.sub(lambda match: chr(int(match[1], 16)), value) for name, value in tags.items()}
    try:
        return MailedAlert(read["target"], AlertKind(read["kind"]), read["alert"], read["state"], read.get("incident"))
    except (KeyError, ValueError):
        return None


def _coded(match: re.Match[str]) -> str:
    return f"_{ord(match[0]):02x}_"
