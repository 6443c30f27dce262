"""Emulated DynamoDB, SES v2, Secrets Manager, SNS and SQS, with a door in front that listens and refuses."""

from __future__ import annotations

import http.client
import io
import json
from contextlib import suppress
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Self

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from local.mailbox import Mail
from local.template import table_properties
from local.wire import SEND_MAIL, Call, Refusal, operation, refuse, signature

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"
REGION = "us-east-1"  # the one that `sam local` falls back to
HARNESS_KEY = "harness"  # requests signed with it are not the function's: never counted, never refused
FUNCTION_KEY = "heartline"


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
        self._refusals: list[Refusal] = []
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
        return [call.request for call in self._accepted("sns:Publish")]

    def start(self) -> None:
        """Serve on a free port, with nothing stored."""
        self._server = make_server(self.host, 0, self._answer, threaded=True, request_handler=_QuietHandler)
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.reset()

    def close(self) -> None:
        """Stop serving."""
        while self._clients:
            self._clients.popitem()[1].close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def reset(self) -> None:
        """Forget all that is stored, logged and refused."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        connection.request("POST", "/moto-api/reset")
        status = connection.getresponse().status
        connection.close()
        if status != 200:
            raise RuntimeError(f"moto answered its reset with {status}")
        self.log.clear()
        self._refusals.clear()

    def environment(self, host: str | None = None) -> dict[str, str]:
        """Give the variables that lead boto3 here.

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
        """Give the harness's own boto3 client, whose requests are neither counted nor refused."""
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
        """Let an address or a domain send mail."""
        self.client("sesv2").create_email_identity(EmailIdentity=address)

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
            Calls as `calls` names them; "dynamodb:*" for all of a service.
        code, status
            The error code and the HTTP status as in the service's API reference.
        times
            How many HTTP requests to refuse (a client's own retries count); None until `accept`.
        after
            How many to let pass before.
        """
        self._refusals.append(Refusal(pattern, code, status, times, after))

    def accept(self, pattern: str = "*") -> None:
        """Take back the refusals that `pattern` covers."""
        self._refusals = [rule for rule in self._refusals if not fnmatchcase(rule.pattern, pattern)]

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
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        key, service = signature(environ)
        with self._one_at_a_time:
            if key in (HARNESS_KEY, ""):
                return self._moto(environ, start_response)
            name, request = operation(environ, service, body)
            rule = self._matching_refusal(name)
            if rule is None:
                status, answer = self._ask_moto(environ, start_response)
            else:
                status, answer = rule.status, refuse(rule, service, start_response)
            self.log.append(Call(name, request, status, datetime.now(UTC)))
            return answer

    def _ask_moto(self, environ: WSGIEnvironment, start_response: StartResponse) -> tuple[int, Iterable[bytes]]:
        seen: list[int] = []

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:  # noqa: ANN401
            seen.append(int(status[:3]))
            return start_response(status, headers, *exc_info)

        answer: Iterable[bytes] = self._moto(environ, start)
        return seen[-1], answer

    def _matching_refusal(self, name: str) -> Refusal | None:
        for rule in self._refusals:
            if fnmatchcase(name, rule.pattern) and rule.applies():
                return rule
        return None


class _QuietHandler(MotoRequestHandler):
    disable_nagle_algorithm = True  # headers and body leave in two writes: 40 ms a call otherwise

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ANN401, werkzeug's signature
        pass
