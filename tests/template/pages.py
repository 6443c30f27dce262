"""What the README and the pages of docs/ say, as far as it can be compared with what is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = (README, *sorted(DOCS.glob("*.md")))
# A cell ends at a bar that no backslash stands before.
_BAR = re.compile(r"(?<!\\)\|")


def text(name: str) -> str:
    """Read a page of docs/ without its comments."""
    return uncommented(DOCS / name)


def uncommented(page: Path) -> str:
    return re.sub(r"<!--.*?-->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def everything() -> str:
    return "\n".join(map(uncommented, PAGES))


def unfenced(page: str) -> str:
    """Leave the blocks between fences out: their backticks belong to no pair."""
    return re.sub(r"```.*?```", "", page, flags=re.DOTALL)


def table(page: str, *heads: str) -> list[list[str]]:
    """Return the rows of the one table with these heads."""
    head = re.escape(f"| {' | '.join(heads)} |")
    (body,) = re.findall(rf"^{head}\n\|[-:| ]+\|\n((?:\|.*\n?)+)", page, flags=re.MULTILINE)
    return [[cell.strip() for cell in _BAR.split(row)[1:-1]] for row in body.splitlines()]


def code(cell: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def anchors(page: Path) -> set[str]:
    """Return what GitHub makes of a page's headings, to be linked to."""
    prose = unfenced(uncommented(page))
    heads = re.findall(r"^#+ +(.+?) *$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def links(page: Path) -> set[str]:
    """Return the targets of links and pictures, in Markdown and HTML."""
    prose = unfenced(uncommented(page))
    return {*re.findall(r"\]\(([^)\s]+)\)", prose), *re.findall(r'\ssrc="([^"]+)"', prose)}
