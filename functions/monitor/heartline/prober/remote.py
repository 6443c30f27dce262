"""Probe through the probe function: what is to be probed at a moment goes into one invocation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.log import Event, Log
from heartline.common.deadline import Deadline
from heartline.model.errors import ProberError
from heartline.model.observation import Observation
from heartline.model.target import Target
from heartline.prober.check import Attempt, Check, Finds, steps
from heartline.prober.rounds import CheckRun, Rounds
from heartline.prober.wire import read_answer, write_probe, write_request

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

_ResultT = TypeVar("_ResultT")
# Lambda takes 6 MB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MAX_BYTES = 1_000_000
# As many as a run has here: they share a third of a processor there.
_MAX_PROBES = 100
# Two machines of AWS differ by milliseconds; what lies far outside the call is no observation of it.
_CLOCK_SKEW = timedelta(minutes=1)
# For the way back, and to read the answer.
_MARGIN_SECONDS = 1


class RemoteProber:
    """Carry out checks through the probe function.

    What fails on the way there and back is a fault of the monitor's own: it is logged, once a call, and the results of
    the targets concerned raise ProberError.

    Parameters
    ----------
    credentials
        Finds the targets' credentials.
    client
        Returns the Lambda client.
    function
        The probe function's name.
    clock
        Returns the time, in UTC.
    log
        Where faults are logged.
    """

    def __init__(
        self,
        credentials: Finds,
        client: Callable[[], LambdaClient],
        function: str,
        clock: Callable[[], datetime],
        log: Log,
    ) -> None:
        self._credentials = credentials
        self._client = client
        self._function = function
        self._clock = clock
        self._log = log

    def check_all(
        self, checks: Iterable[Check[_ResultT]], deadline: Deadline
    ) -> list[tuple[Target, Future[_ResultT] | None]]:
        """Carry out checks; each round of probes and confirmations is an invocation."""
        runs = [
            CheckRun(check, steps(check.target, self._credentials, check.wants_another, deadline)) for check in checks
        ]
        Rounds(partial(self._observe, deadline=deadline), _MAX_PROBES, deadline).carry_out(runs)
        late = ProberError("the probe function did not answer in time")
        if number := sum(run.fail(late) for run in runs):
            self._log.error(Event.PROBER_FAULT, f"{late}: states unchanged", detail={"targets": number})
        return [(run.check.target, run.future) for run in runs]

    def _observe(self, attempts: Sequence[Attempt], deadline: Deadline) -> Sequence[Observation | None]:
        """Invoke the function; what is too large for one invocation goes in several.

        Raises
        ------
        ProberError
            If it could not be invoked, failed, or gave an answer that cannot be read.
        """
        probes = [write_probe(attempt) for attempt in attempts]
        if sum(map(len, probes)) > _MAX_BYTES and len(attempts) > 1:
            half = len(attempts) // 2
            return [*self._observe(attempts[:half], deadline), *self._observe(attempts[half:], deadline)]
        asked = self._clock()
        try:
            answer = self._client().invoke(
                FunctionName=self._function, Payload=write_request(probes, deadline.left() - _MARGIN_SECONDS)
            )
            document = answer["Payload"].read()
        except (ClientError, BotoCoreError) as error:
            raise self._fault("the probe function could not be invoked", len(attempts), deadline, error) from None
        if fault := answer.get("FunctionError"):
            # What the function says of it may quote what it was given.
            raise self._fault(f"the probe function failed: {fault}", len(attempts), deadline)
        try:
            return read_answer(document, attempts, asked - _CLOCK_SKEW, self._clock() + _CLOCK_SKEW)
        except ValueError as error:
            raise self._fault("the probe function's answer cannot be read", len(attempts), deadline, error) from None

    def _fault(self, what: str, targets: int, deadline: Deadline, error: Exception | None = None) -> ProberError:
        """Log a fault, unless it comes after the tick, which has logged then that there was no answer."""
        if deadline.left():
            self._log.error(Event.PROBER_FAULT, f"{what}: states unchanged", detail={"targets": targets}, error=error)
        return ProberError(what)
