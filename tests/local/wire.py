"""What AWS's protocols look like on the wire: which call a request makes, and how a refusal of it reads."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from wsgiref.types import StartResponse, WSGIEnvironment

SEND_MAIL = "sesv2:SendEmail"
CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/")  # key and service (AWS Signature V4)


@dataclass(frozen=True)
class Call:
    """One request of the function: what it asked and the HTTP status that it got."""

    name: str  # "dynamodb:UpdateItem"
    request: Mapping[str, Any]
    status: int
    at: datetime


@dataclass
class Refusal:
    """One rule: calls to refuse, how, how often still (None: until accepted again), and how many pass before."""

    pattern: str
    code: str
    status: int
    times: int | None
    after: int = 0

    def applies(self) -> bool:
        """Count one call that the pattern covers, and tell whether it is refused."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.times == 0:
            return False
        self.times = None if self.times is None else self.times - 1
        return True


def signature(environ: WSGIEnvironment) -> tuple[str, str]:
    """Tell by which access key and for which service a request was signed; empty where it was not."""
    found = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    return (found[1], found[2]) if found else ("", "")


def operation(environ: WSGIEnvironment, service: str, body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Name a call and read its request, by each protocol's own mark."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return f"{service}:{target.rpartition('.')[2]}", json.loads(body)
    if service == "ses":
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        sends = (method, path) == ("POST", "/v2/email/outbound-emails")
        return SEND_MAIL if sends else f"sesv2:{method} {path}", json.loads(body or b"{}")
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return f"{service}:{form.get('Action', '')}", form


def refuse(rule: Refusal, service: str, start_response: StartResponse) -> list[bytes]:
    """Answer as the service's protocol does, so that botocore raises the exception of that code."""
    message = "refused by the emulator, as it was told to"
    if service == "sns":
        kind = "text/xml"
        error = f"<Type>Sender</Type><Code>{escape(rule.code)}</Code><Message>{message}</Message>"
        body = f"<ErrorResponse><Error>{error}</Error></ErrorResponse>".encode()
    else:
        kind = "application/json"
        body = json.dumps({"__type": rule.code, "message": message}).encode()
    headers = [
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
        ("x-amzn-ErrorType", rule.code),
        ("x-amzn-RequestId", str(uuid.uuid4())),
    ]
    start_response(f"{rule.status} Refused", headers)
    return [body]
