"""
How answers look: tables for people, JSON for programs.

What comes out of an archive may hold control characters that would steer a terminal; none gets through.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

WIDTH = 1000
"""Columns of a table that is not shown on a terminal: as many as it wants."""

CELL = 60
"""Characters of a cell, at most."""

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
    made = Table(box=None, pad_edge=False, header_style="bold")
    last = len(names) - 1
    for number, name in enumerate(names):
        # The first column says which row it is: it is worth nothing when it is cut.
        least, whole = 4 if number else None, wrap and number == last
        side: JustifyMethod = "right" if name in numbers else "left"
        made.add_column(Text(name), justify=side, no_wrap=not whole, overflow="fold" if whole else "ellipsis", min_width=least)
    for row in rows:
        made.add_row(*(Text(_shown(value, LONG if wrap and number == last else CELL)) for number, value in enumerate(row)))
    screen = console()
    with screen.capture() as drawn:
        screen.print(made)
    sys.stdout.write("".join(f"{each.rstrip(' ')}\n" for each in drawn.get().splitlines()))


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
