"""Write a gallery of all mails to build/preview: `make preview`."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from heartline.i18n.language import LANGUAGES
from heartline.messages.digest_html import digest_as_html
from heartline.messages.digest_text import digest_as_text
from heartline.messages.html import as_html
from heartline.messages.plain_text import as_text
from local.digests import digests
from local.gallery import mails

KEPT = Path(__file__).parents[2] / "build" / "preview"
PAGE = """\
<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Heartline's mails</title>
<meta name="color-scheme" content="light dark"><style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 24px; overflow-wrap: anywhere }}
section > * {{ min-width: 0 }}
section {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px }}
iframe {{ width: 100%; height: 900px; border: 1px solid #8888 }}
pre {{ border: 1px solid #8888; padding: 12px; overflow: auto; font-size: 13px; margin: 0; max-height: 876px }}
</style></head><body><h1>Heartline's mails</h1><p>{index}</p>{mails}</body></html>
"""
MAIL = """\
<h2 id="{name}">{name}</h2><p>{subject}</p>
<section><iframe src="{name}.html" title="{subject}"></iframe><pre>{text}</pre></section>
"""


def rendered(language: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield the name of each mail, its subject, its text and its HTML."""
    for name, message in mails(language):
        yield name, message.subject, as_text(message), as_html(message)
    for name, digest in digests(language):
        yield name, digest.subject, digest_as_text(digest), digest_as_html(digest)


def main() -> None:
    """Write each mail as HTML and text, and a page that shows them side by side."""
    KEPT.mkdir(parents=True, exist_ok=True)
    shown = []
    for code in LANGUAGES:
        for kind, subject, text, html in rendered(code):
            name = f"{code}-{kind}"
            (KEPT / f"{name}.html").write_text(html, encoding="utf-8")
            (KEPT / f"{name}.txt").write_text(text, encoding="utf-8")
            shown.append((name, MAIL.format(name=name, subject=escape(subject), text=escape(text))))
    index = " ".join(f'<a href="#{name}">{name}</a>' for name, _ in shown)
    page = PAGE.format(index=index, mails="".join(mail for _, mail in shown))
    (KEPT / "index.html").write_text(page, encoding="utf-8")
    print(f"{len(shown)} mails are in {KEPT / 'index.html'}")


if __name__ == "__main__":
    main()
