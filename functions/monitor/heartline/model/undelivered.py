"""What is not as it should be of mails: which nobody has confirmed, and who does not get alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from heartline.common.frozen import frozen
from heartline.model.alert import Alert
from heartline.model.mail import Mail, Receipt


@frozen
class NotDelivered(Alert):
    """Tell that recipients did not get a mail; it is sent at once, and in no outbox.

    Attributes
    ----------
    recipients
        Those who did not get it.
    receipt
        What became of it, for the first of them.
    mail
        The mail.
    """

    recipients: tuple[str, ...] = field(kw_only=True)
    receipt: Receipt = field(kw_only=True)
    mail: Mail = field(kw_only=True)


@frozen
class Unconfirmed:
    """Say when SES accepted a mail that no server took yet, in seconds of Unix, and how many alerts it reports."""

    at: float
    alerts: int


@frozen
class Unreached:
    """Say since when an address does not get its alerts, by which mail that was seen last, and what became of it."""

    since: datetime
    mail: str
    receipt: Receipt


@frozen
class Owed:
    """Say that nobody was told yet of a mail that an address did not get, and until when somebody is about to."""

    mail: str
    until: float
    waiting: tuple[str, ...]


@frozen
class Undelivered:
    """What is not as it should be.

    Attributes
    ----------
    unconfirmed
        The mails that no server took yet, as far as that is known.
    unreached
        The addresses that do not get their alerts.
    owed, told
        The addresses of which somebody is still to be told, and when somebody last was, in seconds of Unix.
    """

    unconfirmed: Mapping[str, Unconfirmed] = field(default_factory=dict)
    unreached: Mapping[str, Unreached] = field(default_factory=dict)
    owed: Mapping[str, Owed] = field(default_factory=dict)
    told: Mapping[str, float] = field(default_factory=dict)
