"""How long probes took in the last days, hour by hour, written so short that a fleet's fits into one item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import dropwhile
from math import exp, log

from heartline.common.frozen import frozen
from heartline.model.kinds import Phase

# So many samples an hour make its median.
SAMPLE_EVERY = timedelta(minutes=12)
HOURS, DAY_HOURS = 168, 24
_PHASES = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.LOGIN, Phase.QUERY)
# A time is two digits of base 36 on a logarithmic scale, from 50 microseconds to a minute, within 0.6 percent: texts
# sort as times do. A phase that was not used is blank.
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LEAST, _STEP, _WIDTH, _BLANK = 0.05, log(1.011), 2, "  "
_SAMPLE = _WIDTH * len(_PHASES)
# DynamoDB takes items of 400 KB.
_MOST_BYTES = 300_000


def hour_of(at: datetime) -> int:
    """Return the number of an hour since 1970."""
    return int(at.timestamp() // 3600)


def sample(phases: Mapping[Phase, float]) -> str:
    """Return how long the phases of a probe took, in milliseconds, as a text of fixed length."""
    return "".join(_written(phases[phase]) if phase in phases else _BLANK for phase in _PHASES)


def _written(spent: float) -> str:
    level = min(round(log(max(spent, _LEAST) / _LEAST) / _STEP), len(_DIGITS) ** _WIDTH - 1)
    return _DIGITS[level // len(_DIGITS)] + _DIGITS[level % len(_DIGITS)]


def _median(samples: Sequence[str]) -> str:
    """Return the median of samples, phase by phase; the lower of two in the middle."""
    columns = ([one[at : at + _WIDTH] for one in samples] for at in range(0, _SAMPLE, _WIDTH))
    known = (sorted(level for level in column if level.strip()) for column in columns)
    return "".join(column[(len(column) - 1) // 2] if column else _BLANK for column in known)


def _known(hours: str) -> str:
    """Return hours from the first known one on."""
    return "".join(dropwhile(str.isspace, _split(hours)))


def _split(samples: str) -> list[str]:
    return [samples[at : at + _SAMPLE] for at in range(0, len(samples), _SAMPLE)]


@frozen
class Trend:
    """One target's hours, oldest first, a text for each; the last one is the last hour that is over."""

    hours: tuple[str, ...] = ()

    def totals(self) -> list[float | None]:
        """Return the median milliseconds of a whole probe for each hour; None where none is known."""
        return [sum(phases.values()) if (phases := _read(one)) else None for one in self.hours]

    def recent(self) -> dict[str, Mapping[Phase, float]]:
        """Return the medians of the last `day` and of the days before, the `week`, where they are known."""
        spans = {"day": self.medians(0, DAY_HOURS), "week": self.medians(DAY_HOURS, HOURS)}
        return {name: found for name, found in spans.items() if found}

    def medians(self, newest: int, oldest: int) -> Mapping[Phase, float]:
        """Return the medians of the phases, in milliseconds, from so many hours ago to so many; empty if not known."""
        begins = max(0, len(self.hours) - oldest)
        return _read(_median(self.hours[begins : len(self.hours) - newest]))


def _read(one: str) -> Mapping[Phase, float]:
    pairs = ((phase, one[at * _WIDTH : (at + 1) * _WIDTH]) for at, phase in enumerate(_PHASES))
    return {phase: _LEAST * exp(_STEP * int(level, 36)) for phase, level in pairs if level.strip()}


@frozen
class Latencies:
    """The hours of all targets of a shard, up to the hour `until`, by name."""

    until: int
    hours: Mapping[str, str]

    def following(self, until: int, samples: Mapping[str, str]) -> Latencies:
        """Return these with one more hour, of which there are samples; the same if that is no later hour."""
        if until <= self.until:
            return self
        names = self.hours.keys() | samples.keys()
        most = _SAMPLE * max(DAY_HOURS, min(HOURS, _MOST_BYTES // (_SAMPLE * max(1, len(names)))))
        missed = " " * _SAMPLE * min(HOURS, until - self.until - 1)
        added = {name: _median(_split(samples.get(name, ""))) for name in names}
        hours = {name: _known(f"{self.hours.get(name, '')}{missed}{added[name]}"[-most:]) for name in names}
        return Latencies(until, {name: text for name, text in hours.items() if text})

    def trend(self, name: str, at: datetime) -> Trend | None:
        """Return a target's hours at a moment; those since the last known one are blank."""
        if name not in self.hours:
            return None
        since = " " * _SAMPLE * min(HOURS, max(0, hour_of(at) - 1 - self.until))
        return Trend(tuple(_split(self.hours[name] + since))[-HOURS:])
