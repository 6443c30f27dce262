"""What a report says of mails: whether the last alert arrived, and who does not get theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from heartline.common.frozen import frozen
from heartline.common.text import sanitize
from heartline.messages.wording import Wording
from heartline.model.mail import Mail, Outcome, Receipt
from heartline.model.undelivered import Unreached
from heartline.rules.editions import Edition

_MAX_MARKS, _MAX_REASON = 5, 120


@frozen
class Sent:
    """What is known of the last mails, newest first, and of addresses that do not get theirs, in lower case."""

    mails: Sequence[Mail] = ()
    unreached: Mapping[str, Unreached] = field(default_factory=dict)


def unreached(edition: Edition, sent: Sent | None) -> list[str]:
    """Return those of the recipients of its targets who do not get their alerts."""
    known = dict.fromkeys(who for target in edition.targets for who in target.recipients)
    return [who for who in known if sent and who.lower() in sent.unreached]


def arrivals(edition: Edition, sent: Sent | None, wording: Wording) -> tuple[str, ...]:
    """Return whether the last alert to the reader arrived, and who else gets none; nothing is known without records."""
    if sent is None:
        return (wording.text("report.mails_unknown"),)
    marked = [
        wording.text("report.mark", address=who, at=wording.stamp(mark.since), what=_said(mark.receipt, wording))
        for who in unreached(edition, sent)
        for mark in (sent.unreached[who.lower()],)
    ]
    if more := len(marked[_MAX_MARKS:]):
        marked[_MAX_MARKS:] = [wording.text("report.more", number=more)]
    words = (wording.text("report.unreached", marks="; ".join(marked)),) if marked else ()
    return (_last(edition, sent, wording), *words)


def _last(edition: Edition, sent: Sent, wording: Wording) -> str:
    who, names = edition.recipient, {target.name for target in edition.targets}
    about = (mail for mail in sent.mails if mail.reports and any(alert.target in names for alert in mail.alerts))
    last = next((mail for mail in about if who.lower() in map(str.lower, mail.recipients)), None)
    if last is None:
        return wording.text("report.no_mail", address=who)
    words = {"address": who, "at": wording.stamp(last.accepted)}
    receipt = last.receipt(who)
    if receipt is None:
        return wording.text("report.mail_accepted", **words)
    if receipt.outcome is Outcome.DELIVERED:
        accepted, taken_at = (wording.local(at)[0] for at in (last.accepted, receipt.at))
        taken = f"{taken_at:{'' if taken_at.date() == accepted.date() else '%Y-%m-%d '}%H:%M:%S}"
        return wording.text("report.mail_delivered", taken=taken, **words)
    return wording.text("report.mail", what=_said(receipt, wording), **words)


def _said(receipt: Receipt, wording: Wording) -> str:
    what = wording.text(f"undelivered.{receipt.outcome}")
    return f'{what}, "{sanitize(receipt.reason, _MAX_REASON)}"' if receipt.reason else what
