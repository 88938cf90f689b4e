"""
Measures the locker against its peers: ``python -m tests.bench --scale 10k --only import``.  What each figure means: docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import appends, articles, deliveries, growth, imports, live, queries, report, streams, syncs, upkeep
from .report import Row

SCALES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
BENCHES: dict[str, Callable[[Path, int, int], list[Row]]] = {
    "import": imports.bench,
    "queries": queries.bench,
    "appends": appends.bench,
    "streams": streams.bench,
    "articles": articles.bench,
    "deliveries": deliveries.bench,
    "live": live.bench,
    "sync": syncs.bench,
    "start": upkeep.start,
    "rebuild": upkeep.rebuild,
}


def count_of(text: str) -> int:
    """``10k``, ``100k``, ``1m`` or a number."""
    return SCALES.get(text) or int(text)


def rounds_for(count: int) -> int:
    """How often each contender runs: less often where one run takes long."""
    return 3 if count <= 20_000 else 2 if count <= 200_000 else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and print its tables.  Timings never make it fail; a contender that breaks does."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure the locker against its peers, in one run on the same data."
    )
    parser.add_argument("--scale", type=count_of, default=SCALES["10k"], metavar="10k|100k|1m|N", help="how many records (10k)")
    parser.add_argument("--only", action="append", choices=list(BENCHES), help="only this bench; may be repeated")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each contender has its turn (3 at 10k, 2 at 100k, 1 at 1m)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file, too")
    parser.add_argument("--dir", type=Path, help="where files are made (a real disk: on a RAM disk nothing is durable)")
    parser.add_argument(
        "--growth", action="store_true", help="measure at 10k and at the scale, and tell how the cost of an operation grows"
    )
    chosen = parser.parse_args(arguments)
    benches = {name: BENCHES[name] for name in chosen.only or BENCHES}

    def rounds(count: int) -> int:
        return chosen.rounds or rounds_for(count)

    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}; limits on requests are off; ratios above 1 are in our favour for rates"
    )
    tables: dict[str, list[Row]] = {}
    if chosen.growth:
        tables = growth.grown(benches, SCALES["10k"], chosen.scale, rounds, chosen.dir)
        benches = {}
    with tempfile.TemporaryDirectory(prefix="locker-bench-", dir=chosen.dir) as room:
        for name, bench in benches.items():
            start = time.monotonic()
            tables[name] = bench(Path(room), chosen.scale, rounds(chosen.scale))
            report.show(f"{name}, {chosen.scale:,} records, {time.monotonic() - start:.0f} s", tables[name])
    if chosen.json:
        report.save(chosen.json, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
