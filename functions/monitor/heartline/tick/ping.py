"""Request a URL after each tick that went well, so that somebody outside notices when Heartline falls silent."""

from __future__ import annotations

import ssl
from _thread import start_new_thread
from contextlib import closing
from functools import cache
from http.client import HTTPException, HTTPSConnection
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

from heartline.aws.log import Event
from heartline.common.deadline import Deadline
from heartline.services import Services
from heartline.tick.summary import TickSummary

# The most that it adds to a tick.
_MAX_SECONDS = 2.0
_Outcome = SimpleQueue[int | Exception]


def ping(services: Services, summary: TickSummary, deadline: Deadline) -> None:
    """Make one request if the tick went well; whatever comes of it is logged and counted, and costs the tick nothing.

    Parameters
    ----------
    services
        Whose settings name the URL; it is a secret, and never logged.
    summary
        How the tick went.
    deadline
        When the run must be over.
    """
    url = services.settings.ping_url
    if url is None or not summary.well:
        return
    seconds = min(_MAX_SECONDS, deadline.left())
    outcome = _answer(url, seconds)
    if isinstance(outcome, int) and 200 <= outcome < 300:
        return
    services.metrics.count({"PingsFailed": 1})
    if isinstance(outcome, int):
        services.log.warning(Event.PING_FAILED, "the ping was not accepted", error_code=str(outcome))
    else:
        services.log.warning(Event.PING_FAILED, "the ping was not answered", error=outcome)


def _answer(url: str, seconds: float) -> int | Exception:
    """Return the status of an answer, or why there is none, within that time: name resolution alone may take longer."""
    outcomes: _Outcome = SimpleQueue()
    try:
        start_new_thread(_request, (url, seconds, outcomes))
        return outcomes.get(timeout=seconds)
    except Empty:
        return TimeoutError()
    except RuntimeError as error:  # there are no more threads
        return error


def _request(url: str, seconds: float, outcomes: _Outcome) -> None:
    parts = urlsplit(url)
    path = parts._replace(scheme="", netloc="", path=parts.path or "/", fragment="").geturl()
    try:
        with closing(HTTPSConnection(parts.hostname or "", parts.port, timeout=seconds, context=_context())) as peer:
            # Some front ends of monitoring services refuse a request that does not say who makes it.
            peer.request("GET", path, headers={"User-Agent": "heartline"})
            outcomes.put(peer.getresponse().status)
    except (OSError, HTTPException, ValueError) as error:
        outcomes.put(error)


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
