"""Render a report as plain text."""

from __future__ import annotations

from heartline.messages.digest import Digest
from heartline.messages.digest_entries import Entry
from heartline.messages.plain_text import fill, head, labelled, whole
from heartline.messages.wording import Wording


def digest_as_text(digest: Digest) -> str:
    """Return a report as plain text."""
    wording = Wording(digest.language)
    parts = [*head(digest.label, digest.title, digest.when), *map(fill, digest.sentences)]
    parts += [f"{label}:\n  {url}" for label, url in digest.dashboard]
    parts += [_detail(one, wording) for one in digest.details]
    if digest.lines:
        parts.append("\n".join(_line(one, wording) for one in digest.lines))
    if digest.omitted:
        parts.append(fill(wording.text("sentence.rest", number=digest.omitted)))
    parts += map(fill, digest.notes)
    return whole(parts, digest.footer)


def _detail(entry: Entry, wording: Wording) -> str:
    return "\n".join(filter(None, (_first(entry, wording), labelled(entry.rows), entry.line)))


def _line(entry: Entry, wording: Wording) -> str:
    first = _first(entry, wording)
    return f"{first}\n  {entry.line} {entry.slowest}" if entry.line else first


def _first(entry: Entry, wording: Wording) -> str:
    facts = wording.text("report.available", share=entry.available), *entry.facts
    return fill(f"{entry.name}: {', '.join(facts)}", "  ")
