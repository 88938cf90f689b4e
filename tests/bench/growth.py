"""
How each figure changes from a small locker to a large one: what an operation costs there, as a multiple of what it costs here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from .report import WIDTH, Row, number

AIM = 1.5
Bench = Callable[[Path, int, int], list[Row]]


def grown(benches: Mapping[str, Bench], small: int, large: int, rounds: Callable[[int], int], folder: Path | None) -> dict[str, list[Row]]:
    """Run benches at two scales; the rows of both, and print how they compare."""
    found: dict[str, list[Row]] = {}
    for name, bench in benches.items():
        for count in (small, large):
            with tempfile.TemporaryDirectory(prefix="locker-bench-", dir=folder) as room:
                found[f"{name} {count}"] = bench(Path(room), count, rounds(count))
        show(name, small, large, found[f"{name} {small}"], found[f"{name} {large}"])
    return found


def show(title: str, small: int, large: int, before: list[Row], after: list[Row]) -> None:
    """Print what an operation costs at the large scale as a multiple of the small one; the peer's own growth stands beside it."""
    table = Table(box=MARKDOWN, title=f"{title}: growth from {small:,} to {large:,} records", title_justify="left")
    for name in ("figure", f"{small:,}", f"{large:,}", "unit", "grows by", "by cpu", "peer", "its", "aim", "reached"):
        table.add_column(name)
    later = {(row.figure, row.peer): row for row in after}
    for row in before:
        match = later.get((row.figure, row.peer))
        if match is None or not row.ours or not match.ours:
            continue
        rate = row.unit == "/s"
        ours = factor(row.ours, match.ours, rate=rate)
        work = match.cost / row.cost if row.cost and match.cost else None
        theirs = factor(row.theirs, match.theirs, rate=rate) if row.theirs and match.theirs else None
        aim, reached = (f"≤ {AIM}", "yes" if ours <= AIM else "no") if rate else ("", "")
        cells = (number(row.ours), number(match.ours), row.unit, f"{ours:.2f}", shown(work), row.peer, shown(theirs), aim, reached)
        table.add_row(row.figure, *cells)
    Console(width=WIDTH, highlight=False).print(table)


def shown(value: float | None) -> str:
    """A factor, if there is one."""
    return "" if value is None else f"{value:.2f}"


def factor(small: float, large: float, *, rate: bool) -> float:
    """How much more the large one costs."""
    return small / large if rate else large / small
