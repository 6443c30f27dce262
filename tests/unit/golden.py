"""The mails as they were last looked at: one file a kind, language and form. `make golden` renews them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from heartline.i18n.language import LANGUAGES
from local.preview import rendered

KEPT = Path(__file__).parent / "golden"


def written() -> Iterator[tuple[str, str]]:
    """Return each file's name and what should stand in it: the subject and the text, or a line for each HTML tag."""
    for code in LANGUAGES:
        for kind, subject, text, html in rendered(code):
            yield f"{code}/{kind}.txt", f"Subject: {subject}\n\n{text}"
            yield f"{code}/{kind}.html", html.replace("<t", "\n<t").replace("<p", "\n<p") + "\n"


def main() -> None:
    """Write all files anew, and remove those that no mail belongs to."""
    files = {KEPT / name: text for name, text in written()}
    for stale in set(KEPT.rglob("*.*")) - files.keys():
        stale.unlink()
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    print(f"{len(files)} files are in {KEPT}; see what changed with: git diff {KEPT}")


if __name__ == "__main__":
    main()
