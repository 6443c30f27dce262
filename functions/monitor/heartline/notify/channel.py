"""Define what a channel does with batches of alerts, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.errors import code_of
from heartline.common.frozen import frozen
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.notify.batches import Batch


class Scope(Enum):
    """Say what a refusal is about, and so what to do next."""

    LATER = auto()  # nothing is wrong but the moment: the next tick tries again
    SENDER = auto()  # no mail at all goes until somebody fixes the set-up
    RECIPIENT = auto()  # one of the recipients cannot be reached: the others may be
    CONTENT = auto()  # this text cannot be sent

    @property
    def stops(self) -> bool:
        """Return True if no other mail would be accepted either; else another text or another recipient may be."""
        return self in {Scope.LATER, Scope.SENDER}


# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors
# What is not listed, such as throttling, time-outs and faults of the service, passes.
_SCOPES = {
    "MessageRejected": Scope.RECIPIENT,
    "BadRequestException": Scope.CONTENT,
    "MailFromDomainNotVerifiedException": Scope.SENDER,
    "AccountSuspendedException": Scope.SENDER,
    "NotFoundException": Scope.SENDER,
    "AccessDeniedException": Scope.SENDER,
    # SNS: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
    "InvalidParameter": Scope.CONTENT,
    "InvalidParameterValue": Scope.CONTENT,
    "NotFound": Scope.SENDER,
    "AuthorizationError": Scope.SENDER,
}


@frozen
class Refusal:
    """Say why a channel did not accept, by the service's own code."""

    reason: str
    scope: Scope


class Channel(Protocol):
    """Accept alerts: at least once, and none before the older ones of its target."""

    name: str

    def batches(self, parts: Sequence[TargetAlerts]) -> list[Batch]:
        """Divide what waits for this channel into calls, in the order in which they must be made."""
        ...

    def send(self, batch: Batch, context: AlertContext, now: datetime) -> Refusal | None:
        """Send one batch; return None if it was accepted."""
        ...

    def explain(self, refusal: Refusal, recipients: Sequence[str], region: str) -> str:
        """Return in words why a batch was refused, and the fix."""
        ...


def attempt(call: Callable[[], object]) -> Refusal | None:
    """Make a call of AWS, and return its refusal, if any."""
    try:
        call()
    except (ClientError, BotoCoreError) as error:
        code = code_of(error)
        return Refusal(code, _SCOPES.get(code, Scope.LATER))
    return None
