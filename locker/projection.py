"""
What the read model keeps of one body: a row, values for side tables, words for the full-text index; compiled once per schema.

A projection is a pure function of the object, so the rows of an object that changes or goes are found by projecting its old body again: nothing
has to be looked up to be removed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from .record import Body, loads
from .schema import Field, Schema
from .term import fold, moment, words
from .words import number

Cell = str | int | float | None

OWNER_BITS = 40
"""An object's rowid is its owner's number, shifted by so many bits, plus its n: one owner's objects lie together."""

GAP = " \u241e "
"""Stands between two values of one text field, so that no phrase crosses them; ``words`` never produces it."""

VERSION = 2
"""Of the code and the tables: a read model made by another version is made anew."""


@dataclass(slots=True)
class Projected:
    """What the read model keeps of one object.

    *cells* are the main table's columns of indexed fields; *sides* the values per side table, maybe repeated; *texts* the words per text field;
    *present* the names of the fields that are there.
    """

    cells: list[Cell]
    sides: list[tuple[int, Cell]]
    texts: list[str]
    present: list[str]


_Taker = Callable[[Any, Projected], None]


class Projection:
    """One type's tables and how to fill them."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.type = schema.type
        self.fields = {field.path: field for field in schema.fields}
        self.columns: dict[Field, str] = {}
        self.sides: dict[Field, str] = {}
        self.texts: dict[Field, str] = {}
        for field in schema.fields:
            if field.kind == "text":
                self.texts[field] = field.name
            elif not field.many:
                self.columns[field] = f"_{field.name}"
            elif field.kind in ("keyword", "number"):
                self.sides[field] = f"{schema.type}.{field.name}"
        self.words = f"{schema.type}_words"
        self.subtypes = f"{schema.type}_subtypes"
        self.covered = tuple(self.columns[self.fields[(name,)]] for name in schema.cover)
        """Columns that the index of time knows too."""
        self._empty: tuple[list[Cell], list[str]] = ([None] * len(self.cell_names), [""] * len(self.texts))
        self._take = self._object(())

    @cached_property
    def cell_names(self) -> tuple[str, ...]:
        """The main table's columns of indexed fields; a time has two, where it starts and where it ends."""
        names: list[str] = []
        for field, column in self.columns.items():
            names += [column, f"{column}.end"] if field.kind == "time" else [column]
        return tuple(names)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The main table's columns; the body is last, so that what comes before it is read without it."""
        return ("id", "owner", "time", *self.cell_names, "subtypes", "via", "body")

    def project(self, body: Body) -> Projected:
        """Everything the read model keeps of a body.  Values that break the schema are left out."""
        cells, texts = self._empty
        projected = Projected(cells.copy(), [], texts.copy(), [])
        self._take(body, projected)
        return projected

    def _object(self, path: tuple[str, ...]) -> _Taker:
        """What to do with an object, or with a list of objects, at a path."""
        depth = len(path)
        names = dict.fromkeys(field.path[depth] for field in self.schema.fields if field.path[:depth] == path and len(field.path) > depth)
        takers = {name: self._taker((*path, name)) for name in names}
        prefix = "".join(f"{name}." for name in path)

        def take_body(body: Body, projected: Projected) -> None:
            present = projected.present
            for name, value in body.items():
                if value is None or value == []:
                    continue
                present.append(name)
                if taker := takers.get(name):
                    taker(value, projected)

        def take(value: Any, projected: Projected) -> None:
            if type(value) is list:
                for element in value:
                    take(element, projected)
            elif type(value) is dict:
                for name, taker in takers.items():
                    inner = value.get(name)
                    if inner is not None and inner != []:
                        if (full := prefix + name) not in projected.present:
                            projected.present.append(full)
                        taker(inner, projected)

        return take if path else take_body

    def _taker(self, path: tuple[str, ...]) -> _Taker:
        field = self.fields.get(path)
        if field is None:
            return self._object(path)
        if field in self.texts:
            return _take_text(list(self.texts).index(field))
        if field in self.columns:
            return _take_column(self.cell_names.index(self.columns[field]), field.kind)
        if field in self.sides:
            return _take_side(list(self.sides).index(field), field.kind)
        return _take_nothing


def quoted(name: str) -> str:
    """A table's or column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def read(text: str) -> Any:
    """Parse without looking for integers beyond 64 bits: a projection compares those as doubles anyway."""
    try:
        return orjson.loads(text)
    except ValueError:
        return loads(text)


def cell(kind: str, value: Any) -> Cell:
    """A value as an indexed column holds it; None if it is not of the kind."""
    if kind == "keyword":
        return fold(value) if isinstance(value, str) else None
    if kind == "number":
        return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return int(value) if isinstance(value, bool) else None


def _take_nothing(_value: Any, _projected: Projected) -> None:
    """For a field whose values no table holds."""


def _take_column(index: int, kind: str) -> _Taker:
    def take_keyword(value: Any, projected: Projected) -> None:
        if type(value) is str:
            projected.cells[index] = fold(value)

    def take_time(value: Any, projected: Projected) -> None:
        if type(value) is str and (found := moment(value)):
            projected.cells[index : index + 2] = found.start, found.end

    def take_other(value: Any, projected: Projected) -> None:
        projected.cells[index] = cell(kind, value)

    return {"keyword": take_keyword, "time": take_time}.get(kind, take_other)


def _take_side(index: int, kind: str) -> _Taker:
    def take_keyword(value: Any, projected: Projected) -> None:
        if type(value) is str:
            projected.sides.append((index, fold(value)))
        elif type(value) is list:
            for element in value:
                take_keyword(element, projected)

    def take_other(value: Any, projected: Projected) -> None:
        if type(value) is list:
            for element in value:
                take_other(element, projected)
        elif (kept := cell(kind, value)) is not None:
            projected.sides.append((index, kept))

    return take_keyword if kind == "keyword" else take_other


def _take_text(index: int) -> _Taker:
    def take(value: Any, projected: Projected) -> None:
        if type(value) is str:
            found, before = " ".join(words(value)), projected.texts[index]
            projected.texts[index] = before + GAP + found if before and found else before or found
        elif type(value) is list:
            for element in value:
                take(element, projected)

    return take
