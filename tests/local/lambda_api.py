"""Lambda's API for one function, the real handler of the prober, that can be told to fail in every way."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from time import monotonic
from typing import Any, Self

from local.function import Context

NAME = "heartline-ProbeFunction-x1"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """What Lambda answers to an invocation; a `lost` one ends the connection in its place."""

    body: bytes
    status: int = 200
    error_code: str | None = None
    function_error: str | None = None
    lost: bool = False


# Is given the request and what answers it as it should be.
Behaviour = Callable[[bytes, Callable[[bytes], Answer]], Answer]


def works(request: bytes, invoke: Callable[[bytes], Answer]) -> Answer:
    return invoke(request)


def refuses(code: str, status: int) -> Behaviour:
    """Refuse as Lambda does: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors."""
    return lambda *_: Answer(json.dumps({"Message": "no", "Type": "User"}).encode(), status, code)


def quotes(request: bytes, _: Callable[[bytes], Answer]) -> Answer:
    """Fail as a function does whose exception quotes what it was given."""
    return Answer(
        json.dumps({"errorMessage": request.decode(), "errorType": "KeyError"}).encode(), 200, None, "Unhandled"
    )


def loses(request: bytes, invoke: Callable[[bytes], Answer]) -> Answer:
    """Probe, and let the answer be lost on its way."""
    return replace(invoke(request), lost=True)


def says(body: bytes) -> Behaviour:
    return lambda *_: Answer(body)


class ProbeFunction:
    """The function behind an API on loopback; `requests`, `answers` and `spent` are of its invocations."""

    def __init__(self) -> None:
        self.behave: Behaviour = works
        self.requests: list[bytes] = []
        self.answers: list[bytes] = []
        self.spent: list[float] = []
        self.released = Event()
        function = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = self.rfile.read(int(self.headers["Content-Length"]))
                with suppress(OSError):  # whoever asked may have gone
                    self._reply(function.answer(self.path, request))

            def _reply(self, answer: Answer) -> None:
                if answer.lost:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(answer.body)))
                self.send_header("Content-Type", "application/json")
                if answer.error_code:
                    self.send_header("x-amzn-ErrorType", answer.error_code)
                if answer.function_error:
                    self.send_header("X-Amz-Function-Error", answer.function_error)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def environment(self) -> dict[str, str]:
        """What a monitor needs to know of it."""
        return {"PROBE_FUNCTION": NAME, "AWS_ENDPOINT_URL_LAMBDA": f"http://{HOST}:{self._server.server_port}"}

    def answer(self, path: str, request: bytes) -> Answer:
        assert path == f"/2015-03-31/functions/{NAME}/invocations", path
        self.requests.append(request)
        began = monotonic()
        answer = self.behave(request, self._invoke)
        self.answers.append(answer.body)
        self.spent.append(1000 * (monotonic() - began))
        return answer

    def hangs(self, _: bytes, __: Callable[[bytes], Answer]) -> Answer:
        """Answer when the test is over."""
        self.released.wait(60)
        return Answer(b"{}")

    def _invoke(self, request: bytes) -> Answer:
        import prober  # noqa: PLC0415 - the packages of the function are loaded when it is first started

        context: Any = Context(60)
        try:
            return Answer(json.dumps(prober.lambda_handler(json.loads(request), context)).encode())
        except Exception as error:  # noqa: BLE001 - as Lambda's runtime does
            said = {"errorMessage": str(error), "errorType": type(error).__name__}
            return Answer(json.dumps(said).encode(), function_error="Unhandled")
