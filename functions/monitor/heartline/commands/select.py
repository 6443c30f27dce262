"""Find the targets that a command means, by name, by pattern or by tag."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from heartline.common.frozen import frozen
from heartline.common.text import sanitize
from heartline.model.errors import CommandError
from heartline.model.target import Target

# As many names of targets are in a sentence.
_MAX_NAMES = 20
_WILD = frozenset("*?[")


@frozen
class Selection:
    """The targets that are meant, in their order; `several` if they were not meant by one name."""

    targets: tuple[Target, ...]
    several: bool


def select(event: Mapping[str, Any], targets: Sequence[Target]) -> Selection:
    """Return the targets that the fields `target` and `tags` mean together; where there is only one, it needs no name.

    Parameters
    ----------
    event
        The command: `target` is a name, a pattern such as "orders-*", or a list of these; `tags` is a table of tags,
        all of which a target must have, and whose values may be patterns.
    targets
        Those there are.

    Raises
    ------
    CommandError
        If a name, pattern or tag means none of them; it says which words come near.
    """
    if "target" not in event and "tags" not in event:
        if len(targets) == 1:
            return Selection(tuple(targets), several=False)
        raise _unknown(event, "missing", "", targets)
    asked = event.get("target", "*")
    words = asked if isinstance(asked, list) else [asked]
    named = frozenset(name for word in words for name in _named(event, word, targets))
    tagged = tuple(target for target in targets if target.name in named and _has(target, _tags(event, targets)))
    if not tagged:
        raise CommandError(f"{event['command']}: no target has these names and these tags")
    return Selection(tagged, several="tags" in event or not isinstance(asked, str) or not _WILD.isdisjoint(asked))


def select_one(event: Mapping[str, Any], targets: Sequence[Target]) -> Target:
    """Return the one target that the field `target` means, as `select` does."""
    asked = event.get("target")
    if "target" in event and not (isinstance(asked, str) and asked in {target.name for target in targets}):
        raise _unknown(event, "no such target", asked, targets)
    return select(event, targets).targets[0]


def suggest(word: object, known: Iterable[str]) -> str:
    """Return the question whether the nearest known word was meant; nothing if none is near."""
    near = difflib.get_close_matches(word, list(known), 1) if isinstance(word, str) else []
    return f'did you mean "{near[0]}"? ' if near else ""


def _named(event: Mapping[str, Any], word: object, targets: Sequence[Target]) -> list[str]:
    names = [target.name for target in targets]
    found = [name for name in names if isinstance(word, str) and (name == word or fnmatchcase(name, word))]
    if not found:
        raise _unknown(event, "no such target", word, targets)
    return found


def _unknown(event: Mapping[str, Any], fault: str, word: object, targets: Sequence[Target]) -> CommandError:
    names = [target.name for target in targets]
    known = f"{suggest(word, names)}known are {', '.join(names[:_MAX_NAMES])}"
    return CommandError(f'{event["command"]}: field "target": {fault}: {known}', names)


def _tags(event: Mapping[str, Any], targets: Sequence[Target]) -> Mapping[str, str]:
    """Return the tags that are asked for, each of which some target has."""
    if "tags" not in event:
        return {}
    asked = event["tags"]
    if not isinstance(asked, dict) or not asked or not all(isinstance(value, str) for value in asked.values()):
        raise CommandError(f'{event["command"]}: field "tags": give a table of texts, like {{"team": "payments"}}')
    known = sorted({name for target in targets for name in target.tags})
    for name in asked:
        if name not in known:
            words = f"{suggest(name, known)}known are {', '.join(known)}" if known else "no target has any"
            shown = sanitize(str(name), 40)
            raise CommandError(f'{event["command"]}: field "tags": no such tag "{shown}": {words}', known)
    return asked


def _has(target: Target, tags: Mapping[str, str]) -> bool:
    return all(name in target.tags and fnmatchcase(target.tags[name], value) for name, value in tags.items())
