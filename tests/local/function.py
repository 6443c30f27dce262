"""Start the real handler in this process, as Lambda would."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENTS = Path(__file__).parents[2] / "events"


@dataclass
class Context:
    """What Lambda tells a handler of its run."""

    seconds: float
    function_name: str = "heartline"
    memory_limit_in_mb: int = 512
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:heartline"

    def __post_init__(self) -> None:
        self._began = monotonic()

    def get_remaining_time_in_millis(self) -> int:
        """Count down from the function's timeout."""
        return max(0, round((self.seconds - (monotonic() - self._began)) * 1000))


def event(name: str, **fields: object) -> dict[str, Any]:
    """Read an event of events/ and set fields of it."""
    document: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return document | fields


def invoke(environment: Mapping[str, str], document: Mapping[str, Any], *, seconds: float = 60) -> dict[str, Any]:
    """Call the handler in this environment, and put back what differed; what is as it should be stays untouched."""
    import app  # noqa: PLC0415 - the packages of the function are loaded when it is first started

    before = {name: os.environ.get(name) for name, value in environment.items() if os.environ.get(name) != value}
    os.environ.update({name: environment[name] for name in before})
    try:
        answer: dict[str, Any] = app.lambda_handler(dict(document), Context(seconds))
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return answer
