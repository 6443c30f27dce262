"""What AWS's protocols look like on the wire: which call a request makes, and how a refusal of it reads."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from wsgiref.types import WSGIEnvironment

SEND_MAIL = "sesv2:SendEmail"
GET_ACCOUNT = "sesv2:GetAccount"
GET_IDENTITY = "sesv2:GetEmailIdentity"
PUBLISH = "sns:Publish"
CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/([^/]+)/([^/]+)/")  # key, region, service (AWS Signature V4)
SES = {  # Amazon SES API v2 reference, Operations
    re.compile(r"POST /v2/email/outbound-emails"): SEND_MAIL,
    re.compile(r"GET /v2/email/account"): GET_ACCOUNT,
    re.compile(r"GET /v2/email/identities/(?P<EmailIdentity>[^/]+)"): GET_IDENTITY,
}
MOMENT = re.compile(r"\d{4}-?\d\d-?\d\d(T[\d:.]+)?(Z|[+-]\d\d:?\d\d)?")
REFUSED = "refused by the emulator, as it was told to"
UNANSWERED = 0  # the status of a call that was not carried out


@dataclass(frozen=True)
class Call:
    """One request of the function: what it asked, with which access key, and how it went."""

    name: str  # "dynamodb:UpdateItem"
    request: Mapping[str, Any]
    key: str
    at: datetime
    status: int = UNANSWERED
    region: str = ""

    @property
    def touches(self) -> tuple[str, ...]:
        """The items or recipients that it is about; times in them are stars, so that each run names them alike."""
        return tuple(dict.fromkeys(MOMENT.sub("*", what) for what in _subjects(self.name, self.request)))

    @property
    def label(self) -> str:
        """What it does, to whom: "dynamodb:UpdateItem target#orders/state"."""
        return " ".join((self.name, *self.touches))


class Mode(StrEnum):
    """What a rule does to a call instead of letting it through."""

    REFUSE = "refuse"  # an error is the answer
    HANG = "hang"  # no answer until the rule is taken back
    CLOSE = "close"  # the connection is closed without an answer
    UNPROCESSED = "unprocessed"  # BatchGetItem leaves keys out


@dataclass
class Rule:
    """Calls to treat otherwise: how, how often still (None: until taken back), and how many pass before."""

    pattern: str  # a call's name or label
    mode: Mode
    times: int | None = None
    after: int = 0
    carried_out: bool = False  # only the answer is lost
    code: str = ""
    status: int = 0
    keys: int | None = None  # how many are left unprocessed; None: all
    over: Event = field(default_factory=Event)  # set when it is taken back

    def covers(self, call: Call) -> bool:
        """Return True if the rule is about such calls."""
        return fnmatchcase(call.name, self.pattern) or fnmatchcase(call.label, self.pattern)

    def applies(self) -> bool:
        """Count one call that the rule covers, and return True if it is treated so."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.times == 0:
            return False
        self.times = None if self.times is None else self.times - 1
        return True


def signature(environ: WSGIEnvironment) -> tuple[str, str, str]:
    """Return by which access key and for which region and service a request was signed; empty where it was not."""
    found = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    return (found[1], found[2], found[3]) if found else ("", "", "")


def operation(environ: WSGIEnvironment, service: str, body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Name a call and read its request, by each protocol's own mark."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return f"{service}:{target.rpartition('.')[2]}", json.loads(body)
    if service == "ses":
        line, document = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}", json.loads(body or b"{}")
        known = ((name, found) for form, name in SES.items() if (found := form.fullmatch(line)))
        return next(((name, document | found.groupdict()) for name, found in known), (f"sesv2:{line}", document))
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return f"{service}:{form.get('Action', '')}", form


def _subjects(name: str, request: Mapping[str, Any]) -> Iterator[str]:
    if name == SEND_MAIL:
        yield from request["Destination"].get("ToAddresses", ())
    elif name == GET_IDENTITY:
        yield request["EmailIdentity"]
    elif name == PUBLISH:
        document = published_alert(request)
        yield f"{document.get('target')}/{document.get('kind')}"
    else:
        yield from _item_keys(request)


def published_alert(request: Mapping[str, str]) -> dict[str, Any]:
    """Read the alert of a Publish request: the message itself, or the part of it that is for programs."""
    document: dict[str, Any] = json.loads(request["Message"])
    if request.get("MessageStructure") == "json":
        parts = [json.loads(part) for part in document.values() if part.startswith("{")]
        return next((part for part in parts if "kind" in part), {})
    return document


def _item_keys(document: Any) -> Iterator[str]:  # noqa: ANN401, any JSON
    """Yield the keys of the table that a DynamoDB request holds, wherever its operation has them."""
    if isinstance(document, list):
        for part in document:
            yield from _item_keys(part)
    elif isinstance(document, dict):
        if "pk" in document and "sk" in document:
            yield f"{document['pk']['S']}/{document['sk']['S']}"
            return
        if ":pk" in document:  # what a Query asks for
            yield document[":pk"]["S"]
            return
        for part in document.values():
            yield from _item_keys(part)


def refuse(rule: Rule, service: str, message: str = REFUSED) -> Response:
    """Answer as the service's protocol does, so that botocore raises the exception of that code."""
    if service in {"sns", "rds"}:
        kind = "text/xml"
        error = f"<Type>Sender</Type><Code>{escape(rule.code)}</Code><Message>{message}</Message>"
        body = f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"
    else:
        kind = "application/json"
        body = json.dumps({"__type": rule.code, "message": message})
    headers = {"x-amzn-ErrorType": rule.code, "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(body, f"{rule.status} Refused", headers, content_type=kind)
