"""Measure how soon the console's widget is answered."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from statistics import median
from time import monotonic, process_time
from typing import TYPE_CHECKING

from benchmarks.ticks import _document
from local.console import CONTEXT
from local.function import event, invoke

if TYPE_CHECKING:
    from benchmarks.servers import Servers

TARGETS = 400
ROUNDS = 9


def answers(servers: Servers) -> dict[str, float]:
    """Return the time and the processor time of a page of a large fleet, once the function is warm."""
    environment = servers.apart("page") | {"TARGETS": _document(servers, "page", TARGETS - 20, 20)}
    with redirect_stdout(StringIO()):  # the metrics of the ticks
        for _ in range(2):  # the first makes the items, the second lets the emulated DynamoDB remember them
            invoke(environment, event("scheduled"))
    seconds, processor = [], []
    for _ in range(ROUNDS):
        began, spent = monotonic(), process_time()
        page = str(invoke(environment, {"widgetContext": CONTEXT}))
        seconds.append(monotonic() - began)
        processor.append(1000 * (process_time() - spent))
    if "20 down" not in page or "1-50 of 400" not in page:
        raise RuntimeError(page)
    name = f"of the console's page of {TARGETS} targets, 20 of them down"
    return {f"time {name}, s": median(seconds[1:]), f"processor time {name}, ms": median(processor[1:])}
