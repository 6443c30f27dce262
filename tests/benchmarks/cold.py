"""Measure what a cold start costs before the first probe, beside the bare packages that it cannot do without."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from statistics import median

ROUNDS = 21
FUNCTION = Path(__file__).parents[2] / "functions" / "monitor"

FLOOR = 'import boto3, pg8000.native; boto3.client("dynamodb")'
HEARTLINE = "import app; app.services()"

# A target without a secret: the only client that its healthy tick needs is DynamoDB's, as in the floor.
TARGETS = '[[targets]]\nname = "bench"\nhost = "127.0.0.1"\nuser = "heartline"\n'


def cold() -> dict[str, float]:
    """Return the processor time of imports and parts over that of boto3, pg8000 and one client, in fresh processes."""
    for program in (FLOOR, HEARTLINE):  # both find their bytecode from now on
        _spent(program)
    ratios = []
    for _ in range(ROUNDS):
        floor = _spent(FLOOR)  # in turn, and compared in pairs: a machine's speed changes within seconds
        ratios.append(_spent(HEARTLINE) / floor)
    return {"processor time of a cold start, over boto3 and pg8000 alone": median(ratios)}


def _spent(program: str) -> float:
    """Return the processor time of a program in a Python of its own, as Lambda starts it: without site-packages."""
    child = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", program], _environment())
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"{program!r} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime


def _environment() -> dict[str, str]:
    return {
        "PYTHONPATH": f"{FUNCTION}{os.pathsep}{sysconfig.get_path('purelib')}",
        "HOME": os.devnull,  # no configuration of AWS
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "TARGETS": TARGETS,
        "STATE_TABLE": "heartline",
        "ALERT_SENDER": "heartline@example.com",
        "ALERT_RECIPIENTS": "oncall@example.com",
    }
