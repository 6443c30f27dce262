"""Tell others whom an alert did not reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from heartline.aws.log import Event
from heartline.common.deadline import Deadline
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.model.alert import EMAIL
from heartline.model.kinds import AlertKind
from heartline.model.mail import Mail, MailedAlert
from heartline.model.state import State, Stored
from heartline.model.target import Target
from heartline.model.undelivered import NotDelivered
from heartline.notify.batches import Batch
from heartline.notify.channel import Channel, Refusal
from heartline.notify.delivery import NO_TIME, SEND_SECONDS
from heartline.services import Services


def tell(services: Services, recipients: Iterable[str], deadline: Deadline) -> int:
    """Tell others whom an alert that is still true did not reach; return the number of those who refused.

    What is refused for now stays, and so does what there is no time for: the next tick tries again.
    """
    now, faults = services.clock(), 0
    claims = {who: owed for who in recipients if (owed := services.mails().claim(who, now))}
    for mail in dict.fromkeys(owed.mail for owed in claims.values()):
        whom = [who for who, owed in claims.items() if owed.mail == mail]
        part = _part(services, mail, whom, now)
        refused = _send(services, part, claims[whom[0]].waiting, deadline) if part else {}
        left = [name for name, refusal in refused.items() if refusal.scope.stops]
        for who in whom:
            services.mails().settle(who, left, now if part else None)
        faults += len(refused)
    return faults


def _part(services: Services, mail_id: str, whom: Sequence[str], now: datetime) -> TargetAlerts | None:
    """Return what is to be told of a mail, and to whose readers; None where none of its alerts is true any more."""
    mail = services.mails().read(mail_id)
    if mail is None:
        return None
    stored = services.store.load({one.target for one in mail.alerts}).targets
    for one in reversed(mail.alerts):
        state = known.state if isinstance(known := stored[one.target], Stored) else State(one.target)
        if _still_true(one, state):
            target = _target(services, one.target, mail, whom)
            return TargetAlerts(target, (_notice(mail, one, whom, now),))
    return None


def _still_true(alert: MailedAlert, state: State) -> bool:
    """Return True if the incident of an alert is still open, or the target has made no newer alert."""
    open_ = state.incident is not None and state.incident.id == alert.incident
    return open_ or alert.kind is AlertKind.TEST or alert.alert == f"{state.alerts_made:08d}"


def _target(services: Services, name: str, mail: Mail, whom: Sequence[str]) -> Target:
    """Return the target as its readers know it, with the recipients that may still be reached."""
    unreached, gone = services.mails().undelivered().unreached, {who.lower() for who in whom}
    others = tuple(who for who in mail.recipients if who.lower() not in {*unreached, *gone})
    found = next((one for one in services.settings.targets if one.name == name), Target(name))
    return replace(found, recipients=others)


def _notice(mail: Mail, alert: MailedAlert, whom: Sequence[str], now: datetime) -> NotDelivered:
    receipts = [receipt for who in whom if (receipt := mail.receipt(who))]
    names = {who.lower(): who for who in mail.recipients}
    return NotDelivered(
        f"not-delivered-{mail.id}",
        AlertKind.NOT_DELIVERED,
        alert.target,
        now,
        recipients=tuple(names.get(who.lower(), who) for who in whom),
        receipt=receipts[0],
        mail=mail,
    )


def _send(services: Services, part: TargetAlerts, waiting: Sequence[str], deadline: Deadline) -> Mapping[str, Refusal]:
    """Send a notice to those who are still to be told; return the refusals by channel."""
    context, refused = services.alert_context(), dict[str, Refusal]()
    for channel in services.notice_channels():
        if channel.name not in waiting or (channel.name == EMAIL and not part.target.recipients):
            continue
        batch = Batch((part,), part.target.recipients if channel.name == EMAIL else ())
        if refusal := _attempt(channel, batch, context, services.clock(), deadline):
            refused[channel.name] = refusal
            services.log.error(
                Event.NOTICE_REFUSED,
                "others not told that an alert was not delivered",
                error_code=refusal.reason,
                detail={"channel": channel.name, "scope": refusal.scope.name},
            )
    services.receipts().keep_all(deadline)
    return refused


def _attempt(
    channel: Channel, batch: Batch, context: AlertContext, now: datetime, deadline: Deadline
) -> Refusal | None:
    """Send a notice to all, or to each where one of them may be the reason for a refusal."""
    if not deadline.allows(SEND_SECONDS):
        return NO_TIME
    refusal = channel.send(batch, context, now)
    if refusal and not refusal.scope.stops and len(batch.recipients) > 1:
        alone = [channel.send(replace(batch, recipients=(who,)), context, now) for who in batch.recipients]
        return next((one for one in alone if one is None), refusal)
    return refusal
