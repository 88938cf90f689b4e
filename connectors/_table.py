"""
Reads a table of comma, semicolon, tab or bar separated values, one row at a time, as objects named by its first row.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from locker.connector import Body, Problem

from ._lines import Lines

EXTRA = "extra"
"""The name of what a row has beyond the first row's columns: a list of text."""

_SEPARATORS = ",;\t|"
_LONGEST_CELL = 1 << 26


@dataclass(frozen=True, slots=True)
class Row:
    """One row: *cells* by column name (cells that a short row lacks are absent), and the *place* where it ends."""

    cells: Body
    place: str


def rows(file: BinaryIO, name: str) -> Iterator[Row | Problem]:
    """Every row below the first, whose names are made unique (``url``, ``url.2``); empty rows are passed over."""
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    lines = Lines(file, name)
    text = iter(lines)
    first = next((line for line in text if line.strip()), "").lstrip("\ufeff")
    reader = csv.reader(_chain(first, text), delimiter=separator(first))
    names: list[str] = []
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield Problem(name, f"line {lines.number}", f"not a row of this table: {error}")
            continue
        if not names:
            names = _unique(cells)
        elif any(cells):
            row: Body = dict(zip(names, cells, strict=False))
            if len(cells) > len(names):
                row[EXTRA] = cells[len(names) :]
            yield Row(row, f"line {lines.number}")
    yield from lines.problems()


def separator(first: str) -> str:
    """What separates the names in a first row: the most frequent candidate outside of quotes, else the comma."""
    outside = "".join(first.split('"')[::2])
    return max(_SEPARATORS, key=outside.count)


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _unique(names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        wanted, n = name.strip() or "column", 1
        unique = wanted
        while unique in found or unique == EXTRA:
            n += 1
            unique = f"{wanted}.{n}"
        found.append(unique)
    return found
