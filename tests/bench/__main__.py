"""
Measures the locker against its peers: ``python -m tests.bench --scale 10k --only import``.  What each figure means: docs/performance.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import appends, imports, queries, report
from .report import Row

SCALES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
BENCHES: dict[str, Callable[[Path, int, int], list[Row]]] = {"import": imports.bench, "queries": queries.bench, "appends": appends.bench}


def count_of(text: str) -> int:
    """``10k``, ``100k``, ``1m`` or a number."""
    return SCALES.get(text) or int(text)


def rounds_for(count: int) -> int:
    """How often each contender runs: less often where one run takes long."""
    return 5 if count <= 20_000 else 3 if count <= 200_000 else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and print its tables.  Timings never make it fail; a contender that breaks does."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure the locker against its peers, in one run on the same data."
    )
    parser.add_argument("--scale", type=count_of, default=SCALES["10k"], metavar="10k|100k|1m|N", help="how many records (10k)")
    parser.add_argument("--only", action="append", choices=list(BENCHES), help="only this bench; may be repeated")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each contender has its turn (5 at 10k, 3 at 100k, 1 at 1m)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file, too")
    parser.add_argument("--dir", type=Path, help="where files are made (a real disk: on a RAM disk nothing is durable)")
    chosen = parser.parse_args(arguments)
    tables: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory(prefix="locker-bench-", dir=chosen.dir) as room:
        for name in chosen.only or BENCHES:
            start = time.monotonic()
            tables[name] = BENCHES[name](Path(room), chosen.scale, chosen.rounds or rounds_for(chosen.scale))
            report.show(f"{name}, {chosen.scale:,} records, {time.monotonic() - start:.0f} s", tables[name])
    if chosen.json:
        report.save(chosen.json, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
