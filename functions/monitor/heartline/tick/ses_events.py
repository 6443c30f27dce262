"""Take in what SES reports of mails: whom they reached, and whom not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from heartline.aws.log import Event
from heartline.common.deadline import Deadline
from heartline.model.mail import Outcome, left_at
from heartline.model.ses import SesReport, parse
from heartline.model.undelivered import Undelivered, Unreached
from heartline.services import Services
from heartline.storage.mail_items import KEPT, has_room
from heartline.tick.not_delivered import tell

# Whether a later mail reached an address is looked up among so many.
_MOST_LATER = 100


def run_ses_event(services: Services, event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
    """Keep what an event says of a mail of ours, and tell others at once of whom it did not reach.

    Raises
    ------
    ClientError, BotoCoreError
        If it could not be kept.
    """
    report = parse(event)
    if report is None or report.configuration_set != services.settings.configuration_set:
        services.log.info(Event.SES_EVENT, "an event of SES's that is about no mail of Heartline's")
        return {"mail": None, "received": {}}
    said = {who: receipt.outcome.value for who, receipt in report.receipts.items()}
    detail = {"mail": report.mail.id, "outcomes": said}
    left = left_at(report.mail.id)
    if left is None or services.clock() - left > KEPT:
        services.log.info(Event.SES_EVENT, "an event of SES's about a mail that is long gone", detail=detail)
        return {"mail": report.mail.id, "received": {}}
    services.log.info(Event.SES_EVENT, "an event of SES's", detail=detail)
    known = services.mails().undelivered()
    later = _reached_later(services, report)
    new = [who for who in report.receipts if _receive(services, report, who, known, later)]
    if reached := [who for who, receipt in report.receipts.items() if receipt.outcome is Outcome.DELIVERED]:
        marked = {who.lower(): known.unreached.get(who.lower()) for who in reached}
        lifted = [who for who, mark in marked.items() if mark and mark.mail < report.mail.id]
        services.mails().confirm(report.mail.id, lifted)
    failed = [who for who in new if report.receipts[who].failed]
    if failed and (faults := tell(services, failed, deadline)):
        services.metrics.count({"Faults": faults})
    return {"mail": report.mail.id, "received": {who: said[who] for who in new}}


def _reached_later(services: Services, report: SesReport) -> frozenset[str]:
    """Return those who did not get this mail, and a later one."""
    failed = [who for who, receipt in report.receipts.items() if receipt.failed]
    since = [one for one in services.mails().newest(_MOST_LATER) if one.id > report.mail.id] if failed else []
    delivered = ((who, one.receipt(who)) for one in since for who in failed)
    return frozenset(who for who, later in delivered if later and later.outcome is Outcome.DELIVERED)


def _receive(services: Services, report: SesReport, who: str, known: Undelivered, later: Collection[str]) -> bool:
    """Keep one receipt; return False if it says nothing new."""
    mails, mail, receipt = services.mails(), report.mail, report.receipts[who]
    # Whoever got a later mail gets their alerts: what is true no more is nobody's trouble.
    if not receipt.failed or who in later or not has_room(known, who):
        return mails.receive(mail, who, receipt)
    before = known.unreached.get(who.lower())
    mark = Unreached(before.since if before else receipt.at, max(mail.id, before.mail if before else ""), receipt)
    channels = [channel.name for channel in services.notice_channels()] if mail.reports else ()
    return mails.fail(mail, who, receipt, mark if receipt.lasting else None, channels)
