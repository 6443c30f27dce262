"""Simulate years, and print what was counted: `python -m simulation YEARS SEED [--search]`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from time import monotonic

from simulation.oracle import RULES
from simulation.oracle.checks import span
from simulation.runs import Tally, all_cases, years
from simulation.search import OBJECTIVES, worst


def main() -> int:
    parser = ArgumentParser(prog="python -m simulation", description="Hold Heartline's mails to the rules of alerting.")
    parser.add_argument("years", type=float, help="of one target")
    parser.add_argument("seed", type=int)
    parser.add_argument("--search", action="store_true", help="look for the worst rhythms as well")
    parser.add_argument("--cases", action="store_true", help="run the worlds that broke a rule once as well")
    wanted = parser.parse_args()
    total, began = Tally(), monotonic()
    if wanted.cases:
        total.add(_table("case", all_cases()))
    if wanted.years > 0:
        total.add(_table("family", years(wanted.years, wanted.seed)))
    _summary(total, monotonic() - began)
    if wanted.search:
        _search(wanted.seed)
    return 1 if total.broken else 0


def _table(head: str, tallies: object) -> Tally:
    """Print a line for each name; return the sum."""
    named: dict[str, Tally] = {}
    for name, tally in tallies:  # type: ignore[attr-defined]
        named.setdefault(name, Tally()).add(tally)
    wide = max(len(name) for name in named)
    print(f"{head:{wide}} {'days':>7} {'ticks':>9} {'alerts':>7} {'hour':>5} {'day':>5} {'unknown':>9} {'broken':>7}")
    total = Tally()
    for name, one in named.items():
        print(
            f"{name:{wide}} {one.days:7.0f} {one.ticks:9} {sum(one.mails.values()):7} {one.hour[0]:5} {one.day[0]:5} "
            f"{span(one.unknown[0]):>9} {sum(one.broken.values()):7}"
        )
        total.add(one)
    return total


def _summary(total: Tally, took: float) -> None:
    print(f"\n{total.days / 365:.2f} years, {total.worlds} worlds, {total.ticks} ticks in {took:.0f} s")
    print("alerts:  " + ", ".join(f"{number} {kind}" for kind, number in total.mails.most_common()))
    for rule in RULES:
        titles = sorted(title for title in total.checks if title.startswith(f"{rule}:"))
        checks, broken = (sum(counts[title] for title in titles) for counts in (total.checks, total.broken))
        print(f"  {rule:75} {checks:10} checks {broken:7} violations")
        for title in titles:
            print(f"    {title.removeprefix(f'{rule}: '):73} {total.checks[title]:10} checks {total.broken[title]:7}")
    for name, value in (("most in an hour", total.hour), ("most in a day", total.day)):
        print(f"{name}: {value[0]} ({value[1]})")
    print(f"longest down in a row and not known: {span(total.unknown[0])} ({total.unknown[1]})")
    print(f"most down since the last mail and not known: {span(total.unmentioned[0])} ({total.unmentioned[1]})")
    if total.broken:
        print(total.report(most=40))


def _search(seed: int) -> None:
    print("\nthe worst rhythms found:")
    for name, (unit, objective) in OBJECTIVES.items():
        value, rhythm = worst(objective, seed)
        print(f"  {name}: {value:g} {unit}  {rhythm}")


if __name__ == "__main__":
    sys.exit(main())
