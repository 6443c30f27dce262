"""Run all benchmarks, print a table, and keep it as build/bench.json."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.cold import cold
from benchmarks.servers import serving

KEPT = Path(__file__).parents[2] / "build" / "bench.json"
# What we mean to keep, as a bound that a figure has to stay under (or, for throughput, over).
BOUNDS = {
    **{
        f"{time} time of a probe, {label}, over {rival}": f"at most {bound:.2f}"
        for label, bounds in (("plain", (0.55, 0.35, 0.45)), ("verified TLS", (0.60, 0.60, 0.60)))
        for rival, bound in zip(("pg8000", "psycopg", "asyncpg"), bounds, strict=True)
        for time in ("processor", "clock")
    },
    "throughput of a tick over 200 healthy targets, over bare pg8000": "at least 0.9",
    "processor time of a cold start, over boto3 and pg8000 alone": "at most 1.15",
    "time of a tick with 60 black holes among 200, over one alone": "at most 1.2",
    "time of the console's page of 400 targets, 20 of them down, s": "below 1",
    "processor time a target in a fleet of 2000, over one of 100": "at most 1.2",
}


def main() -> None:
    """Measure everything in one run."""
    with serving() as servers:
        # Before the first TLS context is made: the probe trusts what the system trusts.
        os.environ["SSL_CERT_FILE"] = servers.authority
        from benchmarks import fleets, pages, probes, remote, ticks  # noqa: PLC0415

        figures = {
            **ticks.memory(servers),
            **cold(),
            **probes.probe_times(servers),
            **ticks.throughput(servers),
            **ticks.black_holes(servers),
            **pages.answers(servers),
        }
        by_size = fleets.costs(servers)
        through = remote.costs(servers)
        figures |= fleets.flatness(by_size) | remote.ratios(through)
    table = Table("figure", "measured", "meant", title=f"Python {platform.python_version()}, {os.cpu_count()} cores")
    for name, figure in figures.items():
        table.add_row(name, f"{figure:.2f}", BOUNDS.get(name, ""))
    Console(width=110).print(table, fleets.table(by_size), remote.table(through))
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(figures | fleets.figures(by_size), indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
