"""Mail alerts through SES."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from heartline.messages.compose import Message, compose
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.messages.html import as_html
from heartline.messages.plain_text import as_text
from heartline.messages.severity import state_of
from heartline.model.alert import EMAIL, Alert
from heartline.model.mail import Mail, MailedAlert, mail_id, tags_of
from heartline.model.target import Target
from heartline.notify.batches import Batch, recipients_pending
from heartline.notify.channel import Refusal, attempt
from heartline.notify.refusals import explain

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sesv2.type_defs import ContentTypeDef, MessageTypeDef

    from heartline.messages.digest import Digest


class EmailChannel:
    """Mail alerts through SES: all that is due for the same recipients in one mail.

    Parameters
    ----------
    client
        The SES v2 client; it must not repeat calls by itself, since SES cannot recognise a repeated one.
    sender
        The verified address.
    configuration_set
        Of SES, where one is used: then SES reports what becomes of each mail, with the tags that it has.
    accepted
        Learns of each mail that SES accepted, if it will report of it.
    """

    name = EMAIL

    def __init__(
        self,
        client: SESV2Client,
        sender: str,
        configuration_set: str | None = None,
        accepted: Callable[[Mail], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._sender = sender
        self._configuration_set = configuration_set
        self._accepted = accepted

    def batches(self, parts: Sequence[TargetAlerts]) -> list[Batch]:
        """Put together what goes to the same recipients.

        First goes what only some of a target's recipients have not had yet, then the oldest. What goes to others than
        an older alert of its target goes after it, and so does what is newer still: nothing is overtaken.
        """
        groups: dict[_Place, list[TargetAlerts]] = {}
        latest: dict[tuple[str, bool], _Place] = {}
        for part in parts:
            for audience, alerts in groupby(part.alerts, partial(_audience, part.target)):
                whole, turn, before = latest.get((part.target.name, audience[0]), (audience[0], 0, audience))
                place = latest[part.target.name, whole] = whole, turn + (audience != before), audience
                groups.setdefault(place, []).append(TargetAlerts(part.target, tuple(alerts)))
        ordered = [tuple(groups[place]) for place in sorted(groups, key=partial(_order, groups))]
        return [Batch(grouped, recipients_pending(grouped[0].alerts[0], grouped[0].target)) for grouped in ordered]

    def send(self, batch: Batch, context: AlertContext, now: datetime) -> Refusal | None:
        """Send one mail to all recipients of the batch."""
        message = compose(batch.parts, context, now)
        return self.mail(message, (as_text(message), as_html(message)), batch.recipients, now, _mailed(batch))

    def mail(
        self,
        about: Message | Digest,
        written: tuple[str, str],
        recipients: tuple[str, ...],
        now: datetime,
        alerts: tuple[MailedAlert, ...] = (),
    ) -> Refusal | None:
        """Send one mail, written as text and as HTML; one that reports no alert is not waited for."""
        content, mail = _simple(about, *written, self._sender), Mail(mail_id(now, uuid4().hex), now, recipients, alerts)
        began = monotonic()
        refusal = attempt(
            lambda: self._client.send_email(
                # RFC 5322, 3.4; ses:FromAddress in template.yaml is compared with the address alone.
                FromEmailAddress=f"Heartline <{self._sender}>",
                Destination={"ToAddresses": list(recipients)},
                Content={"Simple": content},
                **self._configured(mail),
            )
        )
        if self._configuration_set and alerts and not refusal:
            self._accepted(replace(mail, accepted=now + timedelta(seconds=monotonic() - began)))
        return refusal

    def _configured(self, mail: Mail) -> dict[str, Any]:
        if self._configuration_set is None:
            return {}
        tags = [{"Name": name, "Value": value} for name, value in tags_of(mail).items()]
        return {"ConfigurationSetName": self._configuration_set, "EmailTags": tags}

    def explain(self, refusal: Refusal, recipients: Sequence[str], region: str) -> str:
        """Say in words why a mail was refused; asks SES what it knows of the sender and the recipients."""
        return explain(self._client, refusal.reason, self._sender, recipients, region)


_Audience = tuple[bool, str, tuple[str, ...]]
# Whether none of the recipients had it yet, and how often the audience of the target's alerts has changed before it.
_Place = tuple[bool, int, _Audience]


def _audience(target: Target, alert: Alert) -> _Audience:
    return EMAIL in alert.waiting, target.language, tuple(sorted(recipients_pending(alert, target)))


def _order(groups: Mapping[_Place, Sequence[TargetAlerts]], place: _Place) -> tuple[bool, int, datetime, _Audience]:
    whole, turn, audience = place
    return whole, turn, min(alert.at for part in groups[place] for alert in part.alerts), audience


def _mailed(batch: Batch) -> tuple[MailedAlert, ...]:
    """Return what a mail reports, the newest alert last."""
    alerts = sorted((alert for part in batch.parts for alert in part.alerts), key=lambda alert: alert.at)
    return tuple(
        MailedAlert(one.target, one.kind, one.id, state_of(one), one.incident.id if one.incident else None)
        for one in alerts
    )


def _simple(message: Message | Digest, text: str, html: str, sender: str) -> MessageTypeDef:
    def part(text: str) -> ContentTypeDef:
        return {"Data": text, "Charset": "UTF-8"}

    domain = sender.rpartition("@")[2]
    ids = list(filter(_ID.fullmatch, message.threads))
    threads = [f"<{one}@{domain}>" for one in ids]
    headers = {
        "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answers
        "List-Id": f"Heartline <heartline.{domain}>",  # RFC 2919
        # Nobody has a mail of these ids, and yet all that name the same one stand together (RFC 5256, REFERENCES).
        "References": _listed(threads, " "),
        "In-Reply-To": _listed(threads[:1]),
        # MS-OXCMAIL, 2.2.3.2.7: what Outlook compares, which knows nothing of brackets.
        "Thread-Topic": _listed(ids[:1]),
        "X-Heartline-Target": _listed(message.targets),
        "X-Heartline-Status": message.status,
        "X-Heartline-Incident": _listed(message.incidents) or "none",
    }
    return {
        "Subject": part(message.subject),
        "Body": {"Text": part(text), "Html": part(html)},
        "Headers": [{"Name": name, "Value": value} for name, value in headers.items() if value],
    }


# SES takes header values of at most 995 octets:
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html
_MOST_HEADER = 870
_ID = re.compile(r"[A-Za-z0-9._-]{1,200}", re.ASCII)
_LISTABLE = re.compile(r"[!-~]{1,320}", re.ASCII)


def _listed(names: Iterable[str], between: str = ", ") -> str:
    """Return the names that there is room for in a header, with `between` between them."""
    listed, room = [], _MOST_HEADER
    for name in filter(_LISTABLE.fullmatch, names):
        room -= len(name) + len(between)
        if room < 0:
            break
        listed.append(name)
    return between.join(listed)
