"""Word subjects: what varies stands in the bracket, and the rest is constant for an incident, so that threads hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from heartline.common.text import columns
from heartline.messages.wording import Wording

# What a phone shows of a subject before it cuts it: the state and the name must stand there.
_SHOWN = 35
_MAX_NAMES, _MAX_NAMES_COLUMNS = 3, 40


def subject(brackets: Sequence[str], name: str, topic: str) -> str:
    """Return a subject with the first bracket that leaves room for the name among the characters that are shown.

    Parameters
    ----------
    brackets
        What the bracket may say, the longest first; each begins with the state, and the last has the fewest words.
    name
        The first word of the topic that a reader must see.
    topic
        What is the same in each mail of the thread.
    """
    bracket = next((one for one in brackets if columns(f"[{one}] {name}") <= _SHOWN), brackets[-1])
    return f"[{bracket}] {topic}"


def topic(names: Sequence[str], began: datetime, wording: Wording) -> str:
    """Return what is about these targets, up to three of them by name, since a moment: the name of a thread.

    It has the date: a nightly job that breaks a database does so at the same minute every night.
    """
    fitting = [n for n in range(1, _MAX_NAMES + 1) if columns(", ".join(names[:n])) <= _MAX_NAMES_COLUMNS]
    shown = names[: max(fitting, default=1)]
    listed, more = ", ".join(shown), len(names) - len(shown)
    about = wording.text("subject.more", names=listed, number=more) if more else listed
    return f"{about} · {wording.minute(began)}"
