"""What people may rely on, whatever goes wrong: checked from what was so and from what they were told."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from local.hearing import TOPIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from local.hearing import Heard
    from local.life import Moment

DOWN, REMINDER, RECOVERED, GONE = "DOWN", "STILL DOWN", "RECOVERED", "NO LONGER WATCHED"
BEGINNINGS, ENDS = (DOWN, REMINDER), (RECOVERED, GONE)
RANKS = {DOWN: 0, REMINDER: 1, RECOVERED: 2, GONE: 2}
SLACK = timedelta(seconds=2)


def names(moments: Sequence[Moment]) -> set[str]:
    return {name for moment in moments for name in moment.readers}


def untrue(moments: Sequence[Moment]) -> Iterator[str]:
    """Say which mail says what was not so in any tick until then."""
    for number, moment in enumerate(moments):
        past = moments[: number + 1]
        for one in moment.told:
            if one.word not in RANKS:
                yield f"{one}: nothing of that kind happened"
            elif not any(one.name in then.down and then.holds(one.began) for then in past):
                yield f"{one}: it was not down then"
            elif one.word == RECOVERED and not any(_up(one.name, then) and then.ends > one.began for then in past):
                yield f"{one}: it was not up since"
            elif one.word == GONE and not any(one.name not in then.readers for then in past):
                yield f"{one}: it was watched all the time"


def outdated(moments: Sequence[Moment]) -> Iterator[str]:
    """Say which last good probe is not the last one of which it could be known."""
    for one in (one for moment in moments for one in moment.told if one.good):
        since = [then for then in moments if one.good + SLACK < then.begins < one.began - SLACK]
        if later := [then.begins for then in since if then.whole and then.recorded and _up(one.name, then)]:
            yield f"{one}: it was good at {later[-1]:%H:%M:%S}"


def unheard(moments: Sequence[Moment]) -> Iterator[str]:
    """Say of which outage not all were told who were on the list in one of the ticks that may have confirmed it."""
    told = [one for moment in moments for one in moment.told]
    for name in sorted(names(moments)):
        for ticks in _outages(name, moments):
            whole = next((place for place, tick in enumerate(ticks) if tick.whole), None)
            if whole is None:
                continue
            who = {one.who for one in told if one.name == name and any(tick.holds(one.began) for tick in ticks)}
            lists = [{*tick.readers[name], TOPIC} for tick in ticks[: whole + 1]]
            if not any(readers <= who for readers in lists):
                yield f"{name}, down from {ticks[0].begins:%H:%M:%S}: only {who} of {lists} were told"


def unended(moments: Sequence[Moment]) -> Iterator[str]:
    """Say who believes at the end what is not so."""
    for (who, name), heard in _words(moments).items():
        last, since = heard[-1], list(takewhile(lambda moment: name in moment.down, reversed(moments)))  # noqa: B023
        of_now = any(tick.holds(last.began) for tick in since)
        if (last.word in BEGINNINGS and not since) or (last.word in ENDS and of_now):
            yield f"{who} heard last {last.word} of {last.incident}"


def overtaken(moments: Sequence[Moment]) -> Iterator[str]:
    """Say who heard of something older after something newer."""
    for who, heard in _words(moments).items():
        for before, after in pairwise(dict.fromkeys(heard)):
            if (before.began, RANKS[before.word], before.id) > (after.began, RANKS[after.word], after.id):
                yield f"{who}: {after.word} of {after.incident} came after {before.word} of {before.incident}"


def repeated(moments: Sequence[Moment]) -> Iterator[str]:
    """Say what was told more often than it was decided, and than an accepted mail was not written down."""
    told = [one for moment in moments for one in moment.told]
    ids: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for one in told:
        ids[one.incident, one.word] |= {one.id} - {""}
    excuses = sum((moment.unwritten for moment in moments), Counter[tuple[str, str]]())
    for (who, word, incident, name), number in Counter((o.who, o.word, o.incident, o.name) for o in told).items():
        most = len(ids[incident, word]) + excuses["topic" if who == TOPIC else "mails", name]
        if number > most:
            yield f"{who} heard {word} of {incident} {number} times; {most} can be explained"


def unwatched(moments: Sequence[Moment], spans: Sequence[tuple[datetime, datetime]]) -> Iterator[str]:
    """Say in which time Heartline is said not to have run although it did."""
    for began, ended in spans:
        for moment in moments:
            if moment.recorded and began + SLACK < moment.recorded < ended - SLACK:
                yield f"{moment.begins:%H:%M:%S} is said to be missed, from {began:%H:%M:%S} to {ended:%H:%M:%S}"


def _up(name: str, moment: Moment) -> bool:
    return name in moment.readers and name not in moment.down


def _outages(name: str, moments: Sequence[Moment]) -> Iterator[list[Moment]]:
    """Yield the ticks of each outage; one is over when a tick in which nothing went wrong finds it so."""
    ticks: list[Moment] = []
    for moment in moments:
        if name in moment.down:
            ticks.append(moment)
        elif moment.whole and ticks:
            yield ticks
            ticks = []
    if ticks:
        yield ticks


def _words(moments: Sequence[Moment]) -> Mapping[tuple[str, str], list[Heard]]:
    words: defaultdict[tuple[str, str], list[Heard]] = defaultdict(list)
    for moment in moments:
        for one in moment.told:
            words[one.who, one.name].append(one)
    return words
