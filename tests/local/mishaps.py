"""What may go wrong at a tick's AWS calls, drawn by a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.wire import PUBLISH, SEND_MAIL

if TYPE_CHECKING:
    from random import Random

    from local.aws import EmulatedAws

ALL = "dynamodb:*"
READS = ("dynamodb:BatchGetItem*", "dynamodb:Query*")
SAVES = ("dynamodb:UpdateItem*", "dynamodb:PutItem target*")
WRITES = (*SAVES, "dynamodb:TransactWriteItems*", "dynamodb:PutItem heartbeat*")
SENDINGS = (SEND_MAIL, PUBLISH)
# Where it happens, and the code and the status that AWS answers with.
REFUSALS = {
    "throttled": ((ALL, *READS, *WRITES), "ProvisionedThroughputExceededException", 400),
    "broken": ((ALL, *READS, *WRITES), "InternalServerError", 500),
    "raced": (SAVES, "ConditionalCheckFailedException", 400),
    "in conflict": (SAVES, "TransactionConflictException", 400),
    "throttled by SES or SNS": (SENDINGS, "TooManyRequestsException", 429),
    "broken SES or SNS": (SENDINGS, "InternalServerError", 500),
}
LOST, UNPROCESSED = "answer lost", "keys unprocessed"
HOWS = (*REFUSALS, LOST, LOST, UNPROCESSED)
ATTEMPTS = 3  # of one call to DynamoDB


@dataclass(frozen=True)
class Mishap:
    """Calls that go wrong: which and how, how many of them (None: all that are left), and how many pass before."""

    pattern: str
    how: str
    times: int | None
    after: int

    @classmethod
    def drawn(cls, dice: Random) -> Mishap:
        how = dice.choice(HOWS)
        patterns = REFUSALS[how][0] if how in REFUSALS else (ALL, *WRITES, *SENDINGS, *SENDINGS)
        # Another run is faster at one write, not at each.
        times = 1 if how == "raced" else dice.choice((1, ATTEMPTS, ATTEMPTS, 2 * ATTEMPTS, None))
        return cls(READS[0] if how == UNPROCESSED else dice.choice(patterns), how, times, dice.choice((0, 0, 1, 2, 4)))

    def arm(self, aws: EmulatedAws) -> None:
        """Let it happen from now on, until `accept`."""
        if self.how == UNPROCESSED:
            aws.leave_unprocessed(1 + self.after % 3, times=self.times)
        elif self.how == LOST:
            aws.lose(self.pattern, times=self.times, after=self.after)
        else:
            _, code, status = REFUSALS[self.how]
            aws.refuse(self.pattern, code, status=status, times=self.times, after=self.after)
