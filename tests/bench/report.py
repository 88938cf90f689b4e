"""
The table that a bench prints: what we reached, what the peer reached in the same run, their ratio, and the aim.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from .measure import Run

WIDTH = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a *figure* of ours in some *unit*, against a *peer*'s (empty: none).

    *ratio* is how many times better than the peer we are (rates: ours by theirs), or None; *aim* is the least ratio wanted, or the most (*most*)
    that ours may be in its unit; *work* the same ratio by processor time, which busy neighbours cannot spoil;
    *cost* the processor time of one operation of ours in µs.
    """

    figure: str
    ours: float
    unit: str = "/s"
    peer: str = ""
    theirs: float | None = None
    aim: float | None = None
    most: float | None = None
    work: float | None = None
    cost: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours by theirs."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def reached(self) -> str:
        """Whether the aim was reached: yes, no or nothing to reach."""
        if self.aim is not None and self.ratio is not None:
            return "yes" if self.ratio >= self.aim else "no"
        if self.most is not None:
            return "yes" if self.ours <= self.most else "no"
        return ""

    def cells(self) -> tuple[str, ...]:
        """The texts of the columns."""
        theirs = "" if self.theirs is None else number(self.theirs)
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        aim = f"≥ {self.aim:g}" if self.aim is not None else f"≤ {self.most:g} {self.unit}" if self.most is not None else ""
        work = "" if self.work is None else f"{self.work:.2f}"
        return self.figure, f"{number(self.ours)} {self.unit}", self.peer, theirs, ratio, work, aim, self.reached, self.note


def compared(figure: str, ours: Run, peer: str = "", theirs: Run | None = None, aim: float | None = None, note: str = "") -> Row:
    """A line about rates."""
    each, cost = ours.seconds / ours.operations * 1e6, ours.cpu / ours.operations * 1e6
    note = f"{number(each)} µs each, {number(cost)} of a processor{'; ' + note if note else ''}"
    if theirs is None:
        return Row(figure, ours.rate, cost=cost, note=note)
    return Row(figure, ours.rate, "/s", peer, theirs.rate, aim, work=ours.work(theirs), cost=cost, note=note)


def number(value: float) -> str:
    """Three digits that matter."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def show(title: str, rows: list[Row], console: Console | None = None) -> None:
    """Print a table (in Markdown, so that it can go into the docs as it is)."""
    console = console or Console(width=WIDTH, highlight=False)
    table = Table(box=MARKDOWN, title=title, title_justify="left")
    for name in ("figure", "ours", "peer", "peer's", "ratio", "by cpu", "aim", "reached", "note"):
        table.add_column(name, justify="right" if name in ("ours", "peer's", "ratio", "by cpu", "aim") else "left", overflow="fold")
    for row in rows:
        table.add_row(*row.cells())
    console.print(table)
    console.print()


def save(path: Path, rows: dict[str, list[Row]]) -> None:
    """All rows as JSON, for whoever wants to draw them."""
    path.write_text(json.dumps({title: [asdict(row) | {"ratio": row.ratio} for row in found] for title, found in rows.items()}, indent=1))
