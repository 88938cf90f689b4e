"""
How answers look: tables for people, JSON for programs.

What comes out of an archive may hold control characters that would steer a terminal; none gets through.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import orjson
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

WIDTH = 1000
"""Columns of a table that is not shown on a terminal: as many as it wants."""

CELL = 60
"""Characters of a cell, at most."""

LEAST = 16
"""Characters that a column keeps before another one is left out."""

LONG = 1000
"""Characters of a cell that may go on below."""


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str, keep: str = "") -> str:
    """The text without anything that a terminal would obey; control and bidirectional format characters become ``·``."""
    return _CONTROL.sub(lambda found: found[0] if found[0] in keep else "·", text)


def cell(value: Any) -> str:
    """A value in few words: lists with commas, objects by their text or as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value[:50])) + (", …" if len(value) > 50 else "")
    if isinstance(value, dict):
        return cell(value["text"]) if value.get("text") else orjson.dumps(value).decode()
    return str(value)


def short(value: Any, most: int = CELL) -> str:
    """A cell on one line, cut if it is long."""
    line = " ".join(clean(cell(value)[: 4 * most], keep="\n\t").split())
    return line if len(line) <= most else line[: most - 1] + "…"


def moment(stamp: str) -> str:
    """A stamp as people read it, to the second: ``2011-05-18 10:00:00``."""
    return stamp[:19].replace("T", " ")


def console() -> Console:
    """Standard output; as wide as the terminal, or wide enough for a table."""
    found = Console(file=sys.stdout, highlight=False, markup=False, soft_wrap=False)
    return found if found.is_terminal else Console(file=sys.stdout, highlight=False, markup=False, width=WIDTH)


def table(names: Sequence[str], rows: Iterable[Sequence[Any]], *, numbers: Sequence[str] = (), wrap: bool = False) -> None:
    """Print rows under names; the columns named in *numbers* are set to the right; with *wrap* the last one is not cut but goes on below."""
    last, screen = len(names) - 1, console()
    shown = [[_shown(value, LONG if wrap and number == last else CELL) for number, value in enumerate(row)] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(names, *shown, strict=True)]
    whole = {0, *(number for number, name in enumerate(names) if name in (*numbers, "time"))}
    made = Table(box=None, pad_edge=False, header_style="bold")
    for number, width in enumerate(widths := fitted(widths, screen.width, whole)):
        if width:
            side: JustifyMethod = "right" if names[number] in numbers else "left"
            folds = wrap and number == last
            made.add_column(Text(names[number]), justify=side, width=width, no_wrap=not folds, overflow="fold" if folds else "ellipsis")
    for row in shown:
        made.add_row(*(Text(value) for value, width in zip(row, widths, strict=True) if width))
    with screen.capture() as drawn:
        screen.print(made)
    sys.stdout.write("".join(f"{each.rstrip(' ')}\n" for each in drawn.get().splitlines()))


def fitted(widths: Sequence[int], room: int, whole: AbstractSet[int]) -> list[int]:
    """Widths that fit: the widest columns give way first; when all are narrow, columns are left out (0) from the right, but for the last.

    The columns in *whole* stay as they are: an id or a number is worth nothing when it is cut.
    """
    found = list(widths)
    while sum(found) + 2 * (sum(map(bool, found)) - 1) > room:
        if wide := [number for number, width in enumerate(found) if width > LEAST and number not in whole]:
            found[max(wide, key=found.__getitem__)] -= 1
        elif narrow := [number for number, width in enumerate(found[:-1]) if width and number not in whole]:
            found[narrow[-1]] = 0
        else:
            break
    return found


def _shown(value: Any, most: int) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else short(value, most)


def line(text: str) -> None:
    """Print a line, or several, that may hold anything."""
    sys.stdout.write(clean(text, keep="\n") + "\n")


def raw(text: str) -> None:
    """Print a JSON text; what a terminal would obey is escaped, as JSON can."""
    sys.stdout.write(_CONTROL.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text) + "\n")


def dump(value: Any) -> None:
    """Print a value as JSON, for eyes too."""
    raw(json.dumps(value, indent=2, ensure_ascii=False))
