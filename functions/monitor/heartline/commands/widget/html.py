"""Build HTML in which every text is escaped, whoever wrote it."""

from __future__ import annotations

import html
import json

_VOID = frozenset({"input"})


class Html(str):
    """Markup; any other text is escaped where it is put into markup."""

    __slots__ = ()


def element(tag: str, *content: str, **attributes: str | float | None) -> Html:
    """Return an element.

    Parameters
    ----------
    tag
        Its name.
    content
        Markup, and texts to escape.
    attributes
        Without those that are None; a final underscore keeps a name apart from Python's words, others are hyphens.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    closing = "" if tag in _VOID else f"</{tag}>"
    return Html(f"<{tag}{written}>{joined(*content)}{closing}")


def joined(*parts: str) -> Html:
    """Return markup and texts one after the other."""
    return Html("".join(part if isinstance(part, Html) else html.escape(part) for part in parts))


def document(parameters: object) -> Html:
    """Return JSON as the content of an element: it has no sign that HTML would read."""
    written = json.dumps(parameters)
    for sign in "<>&":
        written = written.replace(sign, f"\\u{ord(sign):04x}")
    return Html(written)
