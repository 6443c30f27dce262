"""Write the tables of docs/ that follow from the template and the prices: `python -m local.docs`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from local.cost import readme_table
from template.reading import Stack, read

DOCS = Path(__file__).parents[2] / "docs"


def parameters() -> str:
    """Return a row for each parameter of the template, in the order in which sam asks for them."""
    rows = [
        f"| `{name}` | {_default(declared.get('Default'))} | {_cell(declared['Description'])} |"
        for name, declared in read()["Parameters"].items()
    ]
    return "\n".join(["| parameter | default | meaning |", "|---|---|---|", *rows])


def alarms() -> str:
    """Return a row for each alarm of the template, without the stack's name before it."""
    stack = Stack(read(), {})
    declared = [
        stack.resolve(resource["Properties"])
        for resource in stack.template["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    rows = [f"| {one['AlarmName'].split(': ', 1)[1]} | {_cell(one['AlarmDescription'])} |" for one in declared]
    return "\n".join(["| alarm | meaning and what to do |", "|---|---|", *rows])


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "parameters": ("configuration.md", parameters),
    "alarms": ("operating.md", alarms),
    "cost": ("cost.md", readme_table),
}


def renewed(page: str, name: str, table: str) -> str:
    """Return the page with a table between its marks.

    Raises
    ------
    ValueError
        When the page does not have the marks exactly once.
    """
    marks = re.compile(rf"(<!-- begin {name}\b[^>]*-->\n).*?(<!-- end {name} -->)", re.DOTALL)
    page, number = marks.subn(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", page)
    if number != 1:
        raise ValueError(f"the marks of {name} stand {number} times in the page: write them once")
    return page


def main() -> None:
    """Write all tables anew."""
    for name, (file, table) in TABLES.items():
        page = DOCS / file
        page.write_text(renewed(page.read_text(encoding="utf-8"), name, table()), encoding="utf-8")


def _default(value: object) -> str:
    if value is None:
        return "required"
    return "empty" if value == "" else f"`{value}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    main()
