"""Emulated DynamoDB, SES v2, Secrets Manager, SNS and SQS, with a door in front that listens and misbehaves."""

from __future__ import annotations

import http.client
import io
import json
import socket
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parseaddr
from fnmatch import fnmatchcase
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Protocol, Self

import boto3
from botocore.config import Config
from moto import backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.serialize import ResponseSerializer
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Response

from local.mailbox import Mail
from local.template import table_properties
from local.wire import GET_ACCOUNT, PUBLISH, SEND_MAIL, UNANSWERED, Call, Mode, Rule, operation, refuse, signature

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"
REGION = "us-east-1"  # the one that `sam local` falls back to
HARNESS_KEY = "harness"  # requests signed with it are not the function's: never counted, never refused
FUNCTION_KEY = "heartline"
BATCH_GET = "dynamodb:BatchGetItem"


_MODULES = tuple(backends.list_of_moto_modules())
_get_value = ResponseSerializer.get_value


def _get_value_at_once(serializer: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:  # noqa: ANN401
    """Find a member of what moto answers; a DynamoDB value has each under its own name."""
    parent = getattr(shape, "parent", None)
    if type(value) is dict and parent is not None and parent.name == "AttributeValue":
        return value.get(key)
    return _get_value(serializer, value, key, shape)


# Pinned in pyproject.toml for this. Half of moto's time goes here: it looks for each of a value's ten possible kinds
# under a dozen names, and for each call it lists its own directory.
ResponseSerializer.get_value = _get_value_at_once  # type: ignore[method-assign]
backends.list_of_moto_modules = lambda: _MODULES


class Witness(Protocol):
    """Is told of each call of the function; a ConnectionError ends the call there, without an answer."""

    def before(self, call: Call) -> None:
        """Learn of a call that is about to be carried out."""
        ...

    def after(self, call: Call) -> None:
        """Learn of a call that has been carried out and not yet answered."""
        ...


class EmulatedAws:
    """Serve AWS on this machine; as a context manager, end with the block.

    The state of moto belongs to the process: start one at a time.

    Parameters
    ----------
    host
        The address to listen on.
    """

    def __init__(self, host: str = HOST) -> None:
        self.host = host
        self.log: list[Call] = []
        self.sandbox = False  # whether SES mails verified recipients only, until `reset`
        self._rules: list[Rule] = []
        self._witness: Witness | None = None
        self._clients: dict[str, Any] = {}
        self._moto: WSGIApplication = DomainDispatcherApplication(create_backend_app)
        # One request at a time: DynamoDB's conditional writes are atomic, moto's are not.
        self._one_at_a_time = Lock()
        self._server: BaseWSGIServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The TCP port, on 127.0.0.1, while it serves."""
        if self._server is None:
            raise RuntimeError("the emulated AWS is not started")
        return int(self._server.port)

    @property
    def calls(self) -> list[str]:
        """The names of all calls of the function, refused ones too, oldest first."""
        return [call.name for call in self.log]

    @property
    def mails(self) -> list[Mail]:
        """The mails that SES accepted, oldest first."""
        return [Mail.from_request(call.request, call.at) for call in self._accepted(SEND_MAIL)]

    @property
    def published(self) -> list[Mapping[str, str]]:
        """The Publish requests that SNS accepted (TopicArn, Message, Subject, ...), oldest first."""
        return [call.request for call in self._accepted(PUBLISH)]

    def start(self) -> None:
        """Serve on a free port, with nothing stored."""
        self._server = make_server(self.host, 0, self._answer, threaded=True, request_handler=_QuietHandler)
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.reset()

    def close(self) -> None:
        """Stop serving."""
        self.accept()
        while self._clients:
            self._clients.popitem()[1].close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def reset(self) -> None:
        """Forget all that is stored and logged, and all rules."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        connection.request("POST", "/moto-api/reset")
        status = connection.getresponse().status
        connection.close()
        if status != 200:
            raise RuntimeError(f"moto answered its reset with {status}")
        self.log.clear()
        self.sandbox = False
        self.accept()

    def environment(self, host: str | None = None) -> dict[str, str]:
        """Return the variables that lead boto3 here.

        Parameters
        ----------
        host
            This machine's name as the function sees it.
        """
        return {
            "AWS_ENDPOINT_URL": f"http://{host or self.host}:{self.port}",
            "AWS_ACCESS_KEY_ID": FUNCTION_KEY,
            "AWS_SECRET_ACCESS_KEY": "emulated",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str) -> Any:  # noqa: ANN401, boto3's clients have no static type
        """Return the harness's own boto3 client, whose requests are neither counted nor refused."""
        if service not in self._clients:
            session = boto3.Session(HARNESS_KEY, "emulated", region_name=REGION)
            self._clients[service] = session.client(
                service,
                endpoint_url=f"http://{self.host}:{self.port}",
                config=Config(proxies={}, connect_timeout=5, read_timeout=10),
            )
        return self._clients[service]

    def create_table(self, name: str = "heartline-state") -> str:
        """Create the state table with the keys that the template gives it; return its name."""
        self.client("dynamodb").create_table(TableName=name, **table_properties())
        return name

    def verify_sender(self, address: str) -> None:
        """Let an address or a domain send mail, and get it while SES is in its sandbox."""
        ses = self.client("sesv2")
        with suppress(ses.exceptions.AlreadyExistsException):
            ses.create_email_identity(EmailIdentity=address)
        # moto lets whatever is an identity send, and calls none verified.
        _ses(REGION).email_identities[address].verified_for_sending_status = True

    def put_secret(self, name: str, value: Mapping[str, Any]) -> str:
        """Store a secret as JSON, in place of an older one of that name; return its ARN."""
        manager, text = self.client("secretsmanager"), json.dumps(value)
        with suppress(manager.exceptions.ResourceExistsException):
            return str(manager.create_secret(Name=name, SecretString=text)["ARN"])
        return str(manager.put_secret_value(SecretId=name, SecretString=text)["ARN"])

    def create_topic(self, name: str = "heartline-alerts") -> str:
        """Create an SNS topic; return its ARN."""
        return str(self.client("sns").create_topic(Name=name)["TopicArn"])

    def refuse(self, pattern: str, code: str, *, status: int = 400, times: int | None = None, after: int = 0) -> None:
        """Refuse calls of the function with an error of AWS.

        Parameters
        ----------
        pattern
            Calls as `calls` names them, or their labels; "dynamodb:*" for all of a service.
        code, status
            The error code and the HTTP status as in the service's API reference.
        times
            How many HTTP requests to refuse (a client's own retries count); None until `accept`.
        after
            How many to let pass before.
        """
        self._rules.append(Rule(pattern, Mode.REFUSE, times, after, code=code, status=status))

    def hang(self, pattern: str, *, carried_out: bool = False, times: int | None = None, after: int = 0) -> None:
        """Leave calls without an answer until `accept`, and carry them out or not; other parameters as of `refuse`."""
        self._rules.append(Rule(pattern, Mode.HANG, times, after, carried_out))

    def lose(self, pattern: str, *, times: int | None = None, after: int = 0) -> None:
        """Carry calls out and close their connection without an answer; parameters as of `refuse`."""
        self._rules.append(Rule(pattern, Mode.CLOSE, times, after, carried_out=True))

    def leave_unprocessed(self, keys: int | None = None, *, times: int | None = None, after: int = 0) -> None:
        """Let BatchGetItem leave that many keys unprocessed, or all; other parameters as of `refuse`."""
        self._rules.append(Rule(BATCH_GET, Mode.UNPROCESSED, times, after, keys=keys))

    def accept(self, pattern: str = "*") -> None:
        """Take back the rules that `pattern` covers; what hangs by them is hung up on."""
        taken_back = [rule for rule in self._rules if fnmatchcase(rule.pattern, pattern)]
        self._rules = [rule for rule in self._rules if rule not in taken_back]
        for rule in taken_back:
            rule.over.set()

    @contextmanager
    def seen_by(self, witness: Witness) -> Iterator[None]:
        """Report each call of the function to a witness until the block ends."""
        self._witness = witness
        try:
            yield
        finally:
            self._witness = None

    def refuse_mail(
        self, code: str = "TooManyRequestsException", *, status: int = 429, times: int | None = None
    ) -> None:
        """Refuse SendEmail (Amazon SES API v2 reference, SendEmail, Errors)."""
        self.refuse(SEND_MAIL, code, status=status, times=times)

    def accept_mail(self) -> None:
        """Take mail again."""
        self.accept(SEND_MAIL)

    def _accepted(self, name: str) -> list[Call]:
        return [call for call in self.log if call.name == name and call.status == 200]

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        if len(body) < length:
            raise ConnectionAbortedError  # the client was killed while it sent
        environ["wsgi.input"] = io.BytesIO(body)
        key, region, service = signature(environ)
        if key in (HARNESS_KEY, ""):
            with self._one_at_a_time:
                return self._moto(environ, start_response)
        name, request = operation(environ, service, body)
        call = Call(name, request, key, datetime.now(UTC), region=region)
        try:
            response = self._treat(call, service, environ)
        except ConnectionError:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise
        return response(environ, start_response)

    def _treat(self, call: Call, service: str, environ: WSGIEnvironment) -> Response:
        """Do to a call what the rules say and give its answer; ConnectionError where it gets none."""
        with self._one_at_a_time:
            rule = self._matching_rule(call)
            if self._witness:
                self._witness.before(call)
            response = self._carry_out(rule, call, service, environ)
            status = UNANSWERED if response is None else response.status_code
            self.log.append(replace(call, status=status))
            if self._witness:
                self._witness.after(self.log[-1])
        # Not under the lock: other calls are answered meanwhile.
        if rule and rule.mode is Mode.HANG:
            rule.over.wait()
        if response is None or (rule and rule.mode in {Mode.HANG, Mode.CLOSE}):
            raise ConnectionAbortedError
        return response

    def _carry_out(self, rule: Rule | None, call: Call, service: str, environ: WSGIEnvironment) -> Response | None:
        if rule is None or rule.carried_out:
            return self._of_ses(call) or _of_rds(call) or Response.from_app(self._moto, environ, buffered=True)
        if rule.mode is Mode.REFUSE:
            return refuse(rule, service)
        return self._get_batch(rule.keys, call.request, environ) if rule.mode is Mode.UNPROCESSED else None

    def _of_ses(self, call: Call) -> Response | None:
        """Answer what moto does not know of SES, or takes too lightly; None for all else."""
        if call.name == GET_ACCOUNT:
            account = {"ProductionAccessEnabled": not self.sandbox, "SendingEnabled": True}
            return Response(json.dumps(account), content_type="application/json")
        return _refusal(call, sandbox=self.sandbox) if call.name == SEND_MAIL else None

    def _get_batch(self, unread: int | None, request: Mapping[str, Any], environ: WSGIEnvironment) -> Response:
        """Answer BatchGetItem without the first of the keys that it asks of its table."""
        ((table, asked),) = request["RequestItems"].items()
        left, wanted = asked["Keys"][:unread], asked["Keys"][len(asked["Keys"][:unread]) :]
        answer: dict[str, Any] = {"Responses": {table: []}}
        if wanted:
            body = json.dumps({"RequestItems": {table: asked | {"Keys": wanted}}}).encode()
            less = environ | {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
            answer = json.loads(Response.from_app(self._moto, less, buffered=True).get_data())
        answer["UnprocessedKeys"] = {table: asked | {"Keys": left}}
        return Response(json.dumps(answer), content_type="application/x-amz-json-1.0")

    def _matching_rule(self, call: Call) -> Rule | None:
        return next((rule for rule in self._rules if rule.covers(call) and rule.applies()), None)


def _of_rds(call: Call) -> Response | None:
    """Answer what moto does not know of RDS: an update is pending; None for all else."""
    if call.name != "rds:DescribePendingMaintenanceActions":
        return None
    actions = "<PendingMaintenanceActionDetails><PendingMaintenanceAction><Action>system-update</Action>"
    actions += "</PendingMaintenanceAction></PendingMaintenanceActionDetails>"
    listed = f"<ResourcePendingMaintenanceActions>{actions}</ResourcePendingMaintenanceActions>"
    result = f"<PendingMaintenanceActions>{listed}</PendingMaintenanceActions>"
    name = "DescribePendingMaintenanceActions"
    return Response(f"<{name}Response><{name}Result>{result}</{name}Result></{name}Response>", content_type="text/xml")


def _ses(region: str) -> Any:  # noqa: ANN401, moto loads its backends at run time
    """Return what moto holds of SES in a region."""
    return backends.get_backend("ses")[DEFAULT_ACCOUNT_ID][region]


def _refusal(call: Call, *, sandbox: bool) -> Response | None:
    """Refuse a mail that moto would take and SES does not.

    https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
    """
    configuration_set = call.request.get("ConfigurationSetName")
    if configuration_set and configuration_set not in _ses(call.region).config_sets:
        rule = Rule(SEND_MAIL, Mode.REFUSE, code="NotFoundException", status=404)
        return refuse(rule, "ses", f"Configuration set <{configuration_set}> does not exist.")
    recipients = call.request["Destination"].get("ToAddresses", ()) if sandbox else ()
    strangers = [
        who for who in (parseaddr(call.request["FromEmailAddress"])[1], *recipients) if not _verified(who, call.region)
    ]
    if not strangers:
        return None
    failed = f"The following identities failed the check in region {call.region.upper()}: {', '.join(strangers)}"
    rule = Rule(SEND_MAIL, Mode.REFUSE, code="MessageRejected", status=400)
    return refuse(rule, "ses", f"Email address is not verified. {failed}")


def _verified(address: str, region: str) -> bool:
    """Return True if an address, its domain or one above that is verified.

    https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
    """
    labels = address.rpartition("@")[2].split(".")
    names = [address, *(".".join(labels[place:]) for place in range(len(labels)))]
    identities = _ses(region).email_identities
    return any(name in identities and identities[name].verified_for_sending_status for name in names)


class _QuietHandler(MotoRequestHandler):
    disable_nagle_algorithm = True  # headers and body leave in two writes: 40 ms a call otherwise

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ANN401, werkzeug's signature
        pass
