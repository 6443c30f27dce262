"""Kill ticks, each a real process, at every AWS call that they make."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from queue import Queue
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, Self

from botocore.retries.standard import ExponentialBackoff

from local.function import event as recorded
from local.function import invoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from local.aws import EmulatedAws
    from local.wire import Call

LIMIT = 20.0  # seconds; a tick takes a fraction of one
ANY = "*"  # the label of all calls
SERVICES = ("dynamodb", "sesv2", "sns")
CLOCKS = ("heartline.bootstrap", "heartline.prober.check", "heartline.probe")


class When(StrEnum):
    """When a tick is killed."""

    BEFORE = "before"  # the call has not reached AWS
    AFTER = "after"  # it was carried out, and its answer has not reached the tick


@dataclass(frozen=True, order=True)
class Point:
    """One place to kill a tick at: the n-th call of that label, or of ANY, in its run; targets run in threads."""

    label: str
    occurrence: int
    stage: When

    def __str__(self) -> str:
        return f"{self.stage} {self.label} ({self.occurrence})"


@dataclass
class Run:
    """One tick in a process of its own, as the door sees it: its calls, and where it is to be killed.

    Parameters
    ----------
    key
        The access key that its calls are signed with: unique to it.
    point
        Where to kill it; None to let it live.
    """

    key: str
    point: Point | None = None
    calls: list[Call] = field(default_factory=list)
    killed: bool = False
    ended: int = 0  # its exit status; that of a signal is negative
    _begun: Counter[str] = field(default_factory=Counter)
    _pid: Queue[int] = field(default_factory=lambda: Queue(1))

    def before(self, call: Call) -> None:
        """Kill the tick before this call, if it is the one."""
        if call.key != self.key:
            return
        # A dead process's other threads have calls under way: they are lost with it.
        if self.killed:
            raise ConnectionAbortedError
        self._begun.update((call.label, ANY))
        self._kill_at(call, When.BEFORE)

    def after(self, call: Call) -> None:
        """Kill the tick after this call, if it is the one."""
        if call.key == self.key:
            self.calls.append(call)
            self._kill_at(call, When.AFTER)

    def began(self, pid: int) -> None:
        """Learn which process it is."""
        self._pid.put(pid)

    def points(self) -> Iterator[Point]:
        """List all places at which a run like this one can be killed."""
        met: Counter[str] = Counter()
        for call in self.calls:
            met[call.label] += 1
            for stage in When:
                yield Point(call.label, met[call.label], stage)

    def _kill_at(self, call: Call, stage: When) -> None:
        if self.point in (Point(label, self._begun[label], stage) for label in (call.label, ANY)):
            os.kill(self._pid.get(timeout=LIMIT), signal.SIGKILL)
            self.killed = True
            raise ConnectionAbortedError


class Runner:
    """Fork a process for each tick from one that has imported the function: that takes a tenth of the time.

    Parameters
    ----------
    event
        What starts a run, as it is called in events/.
    """

    def __init__(self, event: str = "scheduled") -> None:
        self._runs = 0
        self._event = recorded(event)
        path = os.pathsep.join([*sys.path, str(Path(__file__).parents[1])])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local.sweep"],
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()  # then it ends by itself
        self._process.stdout.close()
        self._process.wait(LIMIT)

    def tick(
        self, aws: EmulatedAws, environment: Mapping[str, str], moved: timedelta, point: Point | None = None
    ) -> Run:
        """Run a tick to its end, or to where it is killed; parameters as of `run`.

        Raises
        ------
        RuntimeError
            When it ends otherwise, or where it was not told to.
        """
        run = self.run(aws, environment, moved, point)
        if run.ended != (-signal.SIGKILL if point else 0):
            calls = ", ".join(call.label for call in run.calls)
            raise RuntimeError(
                f"the tick ended with {run.ended}; it was to be killed {point or 'nowhere'}; it made {calls}"
            )
        return run

    def run(
        self,
        aws: EmulatedAws,
        environment: Mapping[str, str],
        moved: timedelta,
        point: Point | None = None,
        event: Mapping[str, Any] | None = None,
    ) -> Run:
        """Run the function however it ends.

        Parameters
        ----------
        moved
            By how much its clock is ahead.
        point
            Where to kill it, if it comes there.
        event
            What it is about, in place of the event of all runs.
        """
        self._runs += 1
        run = Run(f"run{self._runs}", point)
        environment = dict(environment) | {"AWS_ACCESS_KEY_ID": run.key}
        with aws.seen_by(run):
            self._send({"environment": environment, "moved": moved.total_seconds(), "event": event or self._event})
            run.began(self._receive()["pid"])
            run.ended = self._receive()["ended"]
        return run

    def _send(self, request: Mapping[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request) + "\n")

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


class Kept:
    """What the state table held at a moment, to go back to it.

    Parameters
    ----------
    aws, table
        Where it is.
    """

    def __init__(self, aws: EmulatedAws, table: str) -> None:
        self._aws, self._table = aws, table
        self._items = self.now()

    def now(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return what it holds now, by partition and sort key, in DynamoDB's own notation."""
        items = self._aws.client("dynamodb").scan(TableName=self._table)["Items"]
        return {(item["pk"]["S"], item["sk"]["S"]): item for item in items}

    def restore(self) -> None:
        """Let it hold what it held then."""
        writes: list[dict[str, Any]] = [{"PutRequest": {"Item": item}} for item in self._items.values()]
        for pk, sk in self.now().keys() - self._items.keys():
            writes.append({"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}})
        if writes:
            self._aws.client("dynamodb").batch_write_item(RequestItems={self._table: writes})


def move_clocks(replace: Callable[[Any, str, Any], None], moved: Callable[[], timedelta]) -> None:
    """Let the function's clocks, the handler's and those of its probes, be ahead by what `moved` says then."""
    clock = SimpleNamespace(now=lambda zone: datetime.now(zone) + moved(), fromtimestamp=datetime.fromtimestamp)
    for name in CLOCKS:
        replace(sys.modules[name], "datetime", clock)


def main() -> None:
    """Fork a process for each request on standard input; say on standard output which it is and how it ended."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    # The function's log goes where it is not taken for an answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _warm()
    gc.freeze()  # so that a fork shares what was imported
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(request["environment"], request["event"], timedelta(seconds=request["moved"]), answers)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        answers.write(json.dumps({"ended": status}) + "\n")


def _warm() -> None:
    """Import all of the function, and read what clients are made from; make none, so that there are no threads."""

    import app  # noqa: F401, PLC0415 - tests that use the rest of this module have it already, in their own way
    from heartline.aws import clients  # noqa: PLC0415
    from heartline.storage import states, table  # noqa: PLC0415

    # Else a call that is refused again and again takes seconds before it is given up.
    ExponentialBackoff.delay_amount = lambda *_: 0.0
    states.sleep = table.sleep = lambda _: None
    for late in ("app", "heartline.notify.email", "heartline.notify.sns", "heartline.tick.deliver"):
        import_module(late)
    loader = clients._session().get_component("data_loader")
    loader.load_data("endpoints")
    for service in SERVICES:
        for part in ("service-2", "endpoint-rule-set-1"):
            loader.load_service_model(service, part)


def _run(environment: Mapping[str, str], document: Mapping[str, Any], moved: timedelta, answers: IO[str]) -> None:
    """Run the function for one event in this process, and end it."""
    answers.write(json.dumps({"pid": os.getpid()}) + "\n")
    move_clocks(setattr, lambda: moved)
    ended = 1
    try:
        invoke(environment, document)
        ended = 0
    except Exception:  # noqa: BLE001 - a tick that fails shows in how it ended
        traceback.print_exc()
    finally:
        os._exit(ended)


if __name__ == "__main__":
    main()
