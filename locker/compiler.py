"""
How SQL answers a term: indexed fields through their columns, side tables and full-text index, all others by asking Python row by row.

A ``Condition`` says whether a row satisfies a term.  Where an index can also name all rows that may satisfy it, the condition has *sources*:
a query may start from the smallest of those instead of reading every object.  Nothing of a query's text ever stands in SQL: values, words and
the paths of fields that no schema knows are parameters; the names of tables and columns come from the schema files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from .projection import Projection, quoted, read
from .schema import Field
from .term import All, Any_, Between, Compare, Moment, Not, Operator, Path, Term, Value, fold, leaves, matches, number, words
from .words import DAY

Param = str | int | float | None


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a row ``t``, and SELECTs whose union names every row that may satisfy it (none: only a scan finds them).

    *exact*: the sources name no other row.  *wide*: they are a range of values, probably long.
    """

    sql: str
    sources: tuple[str, ...] = ()
    exact: bool = False
    wide: bool = False
    probe: str = ""
    """The same for few rows, where looking each up is cheaper than gathering all that match."""


NEVER = Condition("0")


class Terms:
    """Compiles the terms of one search and gathers the parameters they need."""

    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self.table = quoted(projection.type)
        self.params: dict[str, Param] = {}

    def param(self, value: Param) -> str:
        """Give a value a name, and return how SQL calls it."""
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f":{name}"

    def condition(self, term: Term) -> Condition:
        """A condition that holds for the same bodies as ``matches``."""
        match term:
            case Compare(path, "!=", value):
                return self._not(self._leaf(Compare(path, "=", value)))
            case Compare() | Between():
                return self._leaf(term)
            case Not(inner):
                return self._not(self.condition(inner))
            case All(terms):
                return self._all([self.condition(inner) for inner in terms])
            case Any_(terms):
                return self._any([self.condition(inner) for inner in terms])

    def words(self, query: str) -> Condition:
        """Objects in whose full-text index a query (in FTS5's own language, made by us) is found."""
        table, name = quoted(self.projection.words), self.param(query)
        select = f"SELECT rowid AS id FROM {table} WHERE {table} MATCH {name} AND rowid BETWEEN :first AND :last"
        probe = f"EXISTS (SELECT 1 FROM {table} WHERE {table} MATCH {name} AND rowid = t.id)"
        # The plus keeps SQLite from starting with this list: where to start is the reader's choice.
        return Condition(f"+t.id IN ({select})", (select,), exact=True, probe=probe)

    def subtypes(self, subtypes: Iterable[str]) -> Condition:
        """Objects that have one of the subtypes."""
        table, names = quoted(self.projection.subtypes), [self.param(subtype) for subtype in subtypes]
        sources = tuple(f"SELECT object AS id FROM {table} WHERE owner = :owner AND subtype = {name}" for name in names)
        known = f"SELECT 1 FROM {table} WHERE owner = :owner AND subtype IN ({', '.join(names)}) AND time = t.time AND object = t.id"
        return Condition(f"EXISTS ({known})", sources, exact=True)

    def _not(self, inner: Condition) -> Condition:
        return Condition(f"({inner.sql}) IS NOT TRUE")

    def _all(self, inner: list[Condition]) -> Condition:
        found = next((condition for condition in inner if condition.sources), None)
        sql = " AND ".join(f"({condition.sql})" for condition in inner) or "1"
        return Condition(sql, found.sources if found else (), exact=found is not None and found.exact and len(inner) == 1)

    def _any(self, inner: list[Condition]) -> Condition:
        sql = " OR ".join(f"({condition.sql})" for condition in inner) or "0"
        if not all(condition.sources for condition in inner):
            return Condition(sql)
        return Condition(
            sql, tuple(source for condition in inner for source in condition.sources), all(condition.exact for condition in inner)
        )

    def _leaf(self, term: Compare | Between) -> Condition:
        field = self.projection.fields.get(term.path)
        bounds = _bounds(term)
        if field in self.projection.texts:
            return self._text(field, term)
        if field is None or not _can_bind(bounds):
            return self._slow(term)
        if field in self.projection.sides:
            return self._side(field, term, bounds)
        if field in self.projection.columns:
            return self._column(field, term, bounds)
        return self._slow(term)

    def _text(self, field: Field, term: Compare | Between) -> Condition:
        if isinstance(term, Compare) and term.op == "=" and isinstance(term.value, str):
            phrase = " ".join(words(term.value))
            return self.words(f'{{{quoted(self.projection.texts[field])}}} : "{phrase}"') if phrase else NEVER
        return self._slow(term)

    def _side(self, field: Field, term: Compare | Between, bounds: list[tuple[Operator, Value]]) -> Condition:
        if not all(_is_kind(field.kind, value) for _, value in bounds):
            return self._slow(term)
        within = " AND ".join(f"value {op} {self.param(_cell(value))}" for op, value in bounds)
        select = f"FROM {quoted(self.projection.sides[field])} WHERE owner = :owner AND {within}"
        if isinstance(term, Compare) and term.op == "=":
            return Condition(f"EXISTS (SELECT 1 {select} AND object = t.id)", (f"SELECT object AS id {select}",), exact=True)
        source = f"SELECT DISTINCT object AS id {select}"
        return Condition(f"+t.id IN ({source})", (source,), exact=True, wide=True)

    def _column(self, field: Field, term: Compare | Between, bounds: list[tuple[Operator, Value]]) -> Condition:
        column = quoted(self.projection.columns[field])
        if isinstance(term, Compare) and term.value is None and field.kind != "time":
            return Condition(f"t.{column} IS NULL" if term.op in ("=", "<=", ">=") else "0")
        if field.kind == "time" and all(isinstance(value, Moment) for _, value in bounds):
            end = quoted(f"{self.projection.columns[field]}.end")
            within = " AND ".join(self._time(column, end, op, value) for op, value in bounds if isinstance(value, Moment))
        elif field.kind != "time" and all(_is_kind(field.kind, value) for _, value in bounds):
            within = " AND ".join(f"{column} {op} {self.param(_cell(value))}" for op, value in bounds)
        else:
            return self._slow(term)
        if field.kind == "boolean":
            if (
                self.projection.columns[field] in self.projection.covered
                and isinstance(term, Compare)
                and (term.op, term.value) == ("=", True)
            ):
                within = f"{column} = 1"  # as its index says it
                return Condition(within, (f"SELECT id FROM {self.table} WHERE owner = :owner AND {within}",), exact=True)
            return Condition(within)
        source = f"SELECT id FROM {self.table} WHERE owner = :owner AND {within}"
        return Condition(within, (source,), exact=True, wide=not isinstance(term, Compare) or term.op != "=")

    def _time(self, start: str, end: str, op: Operator, value: Moment) -> str:
        """How a stretch of time lies to another.  No stretch is longer than a day: that bounds the start, which has the index."""
        first, last = self.param(value.start), self.param(value.end)
        around = f"{start} > {self.param(value.start - DAY)} AND {end} > {first}"
        before = {"<": f"{start} < {first} AND {end} <= {first}", "<=": f"{start} < {last}"}
        return before.get(op) or {"=": f"{around} AND {start} < {last}", ">=": around}.get(op) or f"{start} >= {last}"

    def _slow(self, term: Compare | Between) -> Condition:
        """Ask Python: only it can fold, go through nested lists and read moments.  Bodies without the key need not be asked."""
        ask = f"holds(t.body, {self.param(encode(term))})"
        last = term.path[-1]
        if (isinstance(term, Compare) and term.value is None) or not _can_bind([("=", last)]):
            return Condition(ask)
        return Condition(f"instr(t.body, {self.param(orjson.dumps(last).decode() + ':')}) AND {ask}")


def encode(term: Compare | Between) -> str:
    """A single term as JSON text, for a parameter of ``holds``."""
    if isinstance(term, Compare):
        return json.dumps([term.path, term.op, _plain(term.value)])
    return json.dumps([term.path, _plain(term.low), _plain(term.high), term.low_closed, term.high_closed])


def holds(body: str, text: str) -> bool:
    """Whether a body's JSON text satisfies an encoded term.  (Phrases in text fields never come here.)"""
    return matches(_decode(text), _read(body))


def values_at(body: str, path: str) -> str:
    """The values at a path, as a JSON array of folded texts without repetition; what ``facets`` counts."""
    found = (facet_text(leaf) for leaf in leaves(_read(body), _path(path)))
    return json.dumps(list(dict.fromkeys(fold(text) for text in found if text is not None)))


def sort_value(body: str, path: str) -> Param:
    """The first value at a path as SQL orders it: a number or a folded text; None (last) if there is none."""
    for leaf in leaves(_read(body), _path(path)):
        if isinstance(leaf, str):
            return fold(leaf)
        if isinstance(leaf, int | float):
            return number(leaf)
    return None


def facet_text(leaf: Any) -> str | None:
    """A scalar as a facet names it."""
    if isinstance(leaf, bool):
        return str(leaf).lower()
    return str(leaf) if isinstance(leaf, str | int | float) else None


def _bounds(term: Compare | Between) -> list[tuple[Operator, Value]]:
    if isinstance(term, Compare):
        return [(term.op, term.value)]
    return [(">=" if term.low_closed else ">", term.low), ("<=" if term.high_closed else "<", term.high)]


def _can_bind(bounds: list[tuple[Operator, Value]]) -> bool:
    """Whether SQL can take the values: not with lone surrogates."""
    try:
        return all(not isinstance(value, str) or value.encode() is not None for _, value in bounds)
    except UnicodeEncodeError:
        return False


def _is_kind(kind: str, value: Value) -> bool:
    if kind == "keyword":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    return kind == "number" and isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Value) -> Param:
    if isinstance(value, str):
        return fold(value)
    return int(value) if isinstance(value, bool) else number(value) if isinstance(value, int | float) else None


def _plain(value: Value) -> Any:
    return {"moment": [value.start, value.end, value.text]} if isinstance(value, Moment) else value


def _value(plain: Any) -> Value:
    return Moment(*plain["moment"]) if isinstance(plain, dict) else plain


@lru_cache(maxsize=1024)
def _decode(text: str) -> Compare | Between:
    path, *rest = json.loads(text)
    if len(rest) == 2:
        return Compare(tuple(path), rest[0], _value(rest[1]))
    low, high, low_closed, high_closed = rest
    return Between(tuple(path), _value(low), _value(high), low_closed, high_closed)


@lru_cache(maxsize=256)
def _path(text: str) -> Path:
    return tuple(json.loads(text))


# A query with several such terms asks about one body after the other.
_read = lru_cache(maxsize=2)(read)
