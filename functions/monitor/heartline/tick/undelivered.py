"""Look in each tick at the mails that did not arrive, and at who does not get alerts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from heartline.aws.log import Event
from heartline.common.deadline import Deadline
from heartline.model.mail import left_at
from heartline.model.undelivered import Undelivered
from heartline.services import Services
from heartline.storage.mail_items import read_undelivered
from heartline.storage.mails import TOLD_EVERY
from heartline.storage.schema import plain
from heartline.tick.not_delivered import tell

# Until then a mail may be on its way; and after that nobody looks at it any more.
_OVERDUE, _GIVEN_UP = timedelta(minutes=10), timedelta(days=1)
_MOST_LOGGED = 20


def review(services: Services, item: Mapping[str, Any], deadline: Deadline) -> tuple[int, int]:
    """Look at what is not as it should be; return the number of faults, and of alerts that nobody has confirmed.

    Parameters
    ----------
    services
        The services.
    item
        What is stored of it, as attribute values.
    deadline
        When the run must be over.

    Raises
    ------
    ClientError, BotoCoreError
        If it could not be written what is over.
    """
    known, now = read_undelivered(plain(item)), services.clock()
    over = _over(services, known, now)
    services.mails().forget(over)
    unreached = {who: mark for who, mark in known.unreached.items() if who not in over.unreached}
    if unreached:
        listed = list(unreached.items())[:_MOST_LOGGED]
        detail = {who: {"since": one.since.isoformat(), "reason": one.receipt.reason} for who, one in listed}
        services.log.warning(Event.UNDELIVERABLE, "recipients who do not get their alerts", detail=detail)
    ages = [(now.timestamp() - one.at, one.alerts) for one in known.unconfirmed.values()]
    unconfirmed = sum(alerts for age, alerts in ages if _OVERDUE.total_seconds() <= age < _GIVEN_UP.total_seconds())
    owed = [who for who, one in known.owed.items() if who not in over.owed and one.until < now.timestamp()]
    return tell(services, owed, deadline) if owed else 0, unconfirmed


def _over(services: Services, known: Undelivered, now: datetime) -> Undelivered:
    """Return what is over: given up, told lately, and marks of addresses that no target has any more."""
    then, lately = (now - _GIVEN_UP).timestamp(), (now - TOLD_EVERY).timestamp()
    recipients = {who.lower() for target in services.settings.targets for who in target.recipients}
    # What seems to be gone may only not be known.
    gone = set() if None in services.listed.values() else known.unreached.keys() - recipients
    old = {who for who, one in known.owed.items() if (left_at(one.mail) or now).timestamp() < then}
    return Undelivered(
        {mail: one for mail, one in known.unconfirmed.items() if one.at < then},
        {who: mark for who, mark in known.unreached.items() if who in gone},
        {who: one for who, one in known.owed.items() if who in old or known.told.get(who, 0) > lately},
        {who: at for who, at in known.told.items() if at < lately},
    )
