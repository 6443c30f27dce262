"""Keep which mails SES accepted, after all alerts are out: nothing of this holds up or repeats one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from heartline.aws.log import Event, Log
from heartline.common.deadline import Deadline
from heartline.common.parallel import at_once
from heartline.model.mail import Mail

# Where the table hangs, as long passes before that is known.
_SECONDS = 5


@dataclass(slots=True)
class Receipts:
    """Note the mails that SES accepts, and keep them when there is time.

    Parameters
    ----------
    keep
        Keeps a mail.
    log
        Where it is logged that one could not be kept.
    """

    keep: Callable[[Mail], None]
    log: Log
    _noted: list[Mail] = field(default_factory=list)

    def note(self, mail: Mail) -> None:
        """Note a mail."""
        self._noted.append(mail)

    def keep_all(self, deadline: Deadline) -> int:
        """Keep what was noted, as far as there is time; return the number of mails that were not kept."""
        noted, self._noted = self._noted, []
        return sum(at_once(partial(self._fails, deadline), noted))

    def _fails(self, deadline: Deadline, mail: Mail) -> bool:
        fault: Exception = TimeoutError()
        if deadline.allows(_SECONDS):
            try:
                self.keep(mail)
            except Exception as error:  # noqa: BLE001 - whatever it is, the mail is out
                fault = error
            else:
                return False
        self.log.error(Event.MAIL_NOT_KEPT, "not kept that a mail was accepted", error=fault, detail=mail.id)
        return True
