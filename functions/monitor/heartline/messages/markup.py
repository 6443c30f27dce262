"""Write text as HTML that all mail programs show alike, with lines that break where a reader would break them."""

from __future__ import annotations

import html
import re

from heartline.messages.palette import Tone

# A time with its day or clock stays on one line.
_MOMENT = re.compile(
    r"((?:\d{4}-\d\d-\d\d )?\d\d:\d\d(?::\d\d)? (?:UTC[+-]\d+|[A-Z]{2,5})\b|\d{4}-\d\d-\d\d \d\d:\d\d)", re.ASCII
)
# The name of a host, with what a sentence may have attached to it.
_HOST = re.compile(r"\W?(?:[a-z0-9-]+\.){2,}[a-z0-9-]+\S{0,4}", re.ASCII)


def escape(text: str) -> str:
    """Return a text as the content of an element, or of an attribute in double quotes."""
    return html.escape(text)


def flow(text: str, longest: int = 16) -> str:
    """Return a text as the content of an element, with the places where lines may break.

    Gmail, Yahoo and Outlook do not honour overflow-wrap: so a word half as long again can be broken after so many
    characters. A time is never broken, and the name of a host only after its dots, unless its labels are twice as long.
    """
    parts = _MOMENT.split(text)
    return "".join(_unbroken(part) if place % 2 else _broken(part, longest) for place, part in enumerate(parts))


def _unbroken(text: str) -> str:
    return f'<span style="white-space:nowrap">{escape(text).replace(" ", "&#160;")}</span>'


def _broken(text: str, longest: int) -> str:
    words = re.split(rf"(\S{{{longest * 3 // 2 + 1},}})", text)
    return "".join(_in_pieces(one, longest) if place % 2 else escape(one) for place, one in enumerate(words))


def _in_pieces(word: str, longest: int) -> str:
    if _HOST.fullmatch(word):
        # A browser breaks after a hyphen as well.
        labels = re.findall(rf"[^.]{{1,{2 * longest}}}\.?", word)
        return "<wbr>".join(_unbroken(one) if "-" in one else escape(one) for one in labels)
    return "<wbr>".join(map(escape, re.findall(rf"[^./@:=_-]{{1,{longest}}}[./@:=_-]?|[./@:=_-]", word)))


def inked(text: str, tone: Tone) -> str:
    """Return a text in the colour of a state."""
    return f'<b class="ink-{tone.name}" style="color:{tone.solid}">{escape(text)}</b>'


def table(content: str, style: str = "", *, width: str = "100%") -> str:
    """Return a table that only lays out; without a width it is as wide as its content."""
    given = "".join(f' {key}="{value}"' for key, value in (("width", width), ("style", style)) if value)
    return f'<table role="presentation" cellpadding="0" cellspacing="0" border="0"{given}>{content}</table>'


def cell(content: str, style: str, *, ground: str = "", name: str = "", **attributes: str) -> str:
    """Return a cell; its ground is given twice, for programs that know only one way."""
    named = f' class="{name}"' if name else ""
    given = "".join(f' {key}="{value}"' for key, value in attributes.items())
    back = (f' bgcolor="{ground}"', f"background:{ground};") if ground else ("", "")
    return f'<td{named}{given}{back[0]} style="{back[1]}{style}">{content}</td>'


def paragraph(content: str, style: str, name: str = "", *, margin: str = "0") -> str:
    """Return a paragraph of content that is HTML already."""
    named = f' class="{name}"' if name else ""
    return f'<p{named} style="margin:{margin};{style}">{content}</p>'
