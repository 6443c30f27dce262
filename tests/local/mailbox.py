"""Mails as the emulated SES accepted them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_STATE = re.compile(r"\[([A-Z]+(?: [A-Z]+)*)(?=[] :;])")


def state(subject: str) -> str:
    """Return the state that a subject begins with: the words in capitals at the beginning of its bracket."""
    found = _STATE.match(subject)
    assert found, subject
    return found[1]


@dataclass(frozen=True)
class Mail:
    """One SendEmail request with simple content, whole."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    accepted: datetime
    request: Mapping[str, Any]  # the JSON as the client sent it

    @classmethod
    def from_request(cls, request: Mapping[str, Any], accepted: datetime) -> Self:
        """Read a SendEmail request (Amazon SES API v2 reference, SendEmail)."""
        content = request["Content"]["Simple"]
        return cls(
            sender=request["FromEmailAddress"],
            to=tuple(request["Destination"].get("ToAddresses", ())),
            subject=content["Subject"]["Data"],
            text=content["Body"].get("Text", {}).get("Data", ""),
            html=content["Body"].get("Html", {}).get("Data", ""),
            headers={header["Name"]: header["Value"] for header in content.get("Headers", ())},
            accepted=accepted,
            request=request,
        )

    @property
    def state(self) -> str:
        """The state that its subject begins with."""
        return state(self.subject)

    def eml(self) -> bytes:
        """Render the message as a mail program opens it: text and HTML as alternatives (RFC 2046, 5.1.4)."""
        message = EmailMessage(policy=SMTP)
        message["From"] = self.sender
        message["To"] = ", ".join(self.to)
        message["Subject"] = self.subject
        message["Date"] = format_datetime(self.accepted)
        for name, value in self.headers.items():
            message[name] = value
        message.set_content(self.text)
        if self.html:
            message.add_alternative(self.html, subtype="html")
        return message.as_bytes()
