"""
A search is a whole call of ``/get{Type}``, and how it becomes one SQL statement.

A page is found in two steps: the ids in their order, then what is shown of them.  The ids come from one of two places, and the reader chooses:
from the smallest source that an index has for the search's terms, or by reading all objects in the order of time until the page is full.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from .compiler import Condition, Param, Terms
from .error import Invalid
from .projection import Projection, quoted
from .schema import written
from .tables import index_name
from .term import All, Any_, Not, Query, Term, words

DEFAULT_LIMIT = 20
DEFAULT_SORT = (("time", True),)
LARGEST = 2**63 - 1
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody asks for: objects of one type and owner that satisfy everything given here.

    *time*: from, until (exclusive), in microseconds since 1970 UTC; *subtypes*: any of these; *q*: all of these words somewhere in the text
    fields, best match first; *sort*: (field, descending) pairs, ``time`` and ``id`` are the object's own, objects without the field come last,
    ties are ordered by n; *fields*: only these of the body, dotted; *facets*: fields whose values are counted; *count*: tell the total;
    *after*: the ``next`` of the answer before; *id*: of an object or of a record that it was made of.
    """

    type: str
    owner: str
    query: Query | None = None
    id: str | None = None
    time: tuple[int, int] | None = None
    subtypes: tuple[str, ...] = ()
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    sort: tuple[tuple[str, bool], ...] = ()
    fields: tuple[str, ...] = ()
    q: str | None = None
    facets: tuple[str, ...] = ()
    count: bool = False
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """One thing to order by: an SQL expression over ``t``."""

    sql: str
    descending: bool
    nullable: bool
    index: str = ""
    """The index that has the rows in this order, leaving out those without a value."""

    def order(self, *, present: bool = False) -> str:
        return f"{self.sql} {'DESC' if self.descending else 'ASC'}{' NULLS LAST' if self.nullable and not present else ''}"

    def beyond(self, name: str, value: Any) -> str:
        """What holds of the rows that come after one with this value."""
        if value is None:
            return "0"
        later = f"{self.sql} {'<' if self.descending else '>'} {name}"
        return f"({later} OR {self.sql} IS NULL)" if self.nullable else later


@dataclass(frozen=True)
class Compiled:
    """A search in SQL.  *beyond*: where a page goes on, which a count does not mind.

    *is_covered*: the index of time knows everything that the conditions ask about.
    *params* lack ``owner``, ``first`` and ``last`` (rowids of the owner), ``limit`` and ``offset``.
    """

    projection: Projection
    conditions: tuple[Condition, ...]
    keys: tuple[Key, ...]
    ranked: bool
    beyond: str
    params: dict[str, Param] = field(compare=False)
    is_covered: bool = False
    _pages: dict[tuple[int | None, bool, bool], str] = field(default_factory=dict, init=False, compare=False)

    @cached_property
    def sources(self) -> list[int]:
        """The conditions that an index can answer."""
        return [index for index, condition in enumerate(self.conditions) if condition.sources]

    @cached_property
    def index(self) -> str:
        """The index in whose order objects may be read one by one; empty if they have to be sorted."""
        return self.keys[0].index if len(self.keys) == 2 else ""

    @cached_property
    def has_missing(self) -> bool:
        """Whether that index leaves out objects: the last ones, which only matter when the others do not fill the page."""
        return bool(self.index) and self.keys[0].nullable

    @cached_property
    def estimate(self) -> str:
        """One row: how many objects each source names, counted up to ``cap``."""
        counts = (f"(SELECT count(*) FROM ({' UNION ALL '.join(self.conditions[index].sources)} LIMIT :cap))" for index in self.sources)
        return f"SELECT {', '.join(counts)}"

    def page(self, driver: int | None, *, few: bool = False, present: bool = False) -> str:
        """(id, time, subtypes, via, body, keys…) of ``limit`` objects; with *present* only of those that have a value to sort by."""
        way = driver, few, present
        if way not in self._pages:
            self._pages[way] = self._page(driver, few=few, present=present)
        return self._pages[way]

    def _page(self, driver: int | None, *, few: bool, present: bool) -> str:
        names = [f"k{number}" for number in range(len(self.keys))]
        chosen = ", ".join(f"{key.sql} AS {name}" for key, name in zip(self.keys, names, strict=True))
        order = ", ".join(key.order(present=present) for key in self.keys)
        again = ", ".join(Key(f"p.{name}", key.descending, key.nullable).order() for key, name in zip(self.keys, names, strict=True))
        table = quoted(self.projection.type)
        rows = self.rows(driver, few=few, in_order=present or not self.has_missing)
        rows += f" AND ({self.beyond})" if self.beyond else ""
        rows += f" AND {self.keys[0].sql} IS NOT NULL" if present else ""
        ids = f"SELECT t.id AS id, {chosen} {rows} ORDER BY {order} LIMIT :limit OFFSET :offset"
        shown = ", ".join(f"p.{name}" for name in names)
        return f"SELECT t.id, t.time, t.subtypes, t.via, t.body, {shown} FROM ({ids}) AS p CROSS JOIN {table} AS t ON t.id = p.id ORDER BY {again}"

    def total(self, driver: int | None, *, few: bool = False) -> str:
        """How many objects there are."""
        if driver is not None and len(self.conditions) == 1 and self.conditions[driver].exact:
            return f"SELECT count(*) FROM ({' UNION '.join(self.conditions[driver].sources)})"
        return f"SELECT count(*) {self.rows(driver, few=few, by=index_name(self.projection, 'time') if self.is_covered else '')}"

    def rows(self, driver: int | None, *, few: bool = False, in_order: bool = False, by: str = "") -> str:
        """FROM and WHERE.  Without a driver all objects are read, *in_order* of the index if that is wanted."""
        table = quoted(self.projection.type)
        by = self.index if in_order else by
        by_index = f" INDEXED BY {quoted(by)}" if by else ""
        if self.ranked:
            words = quoted(self.projection.words)
            source = f"FROM {words} CROSS JOIN {table} AS t ON t.id = {words}.rowid"
            where = [f"{words} MATCH :q", f"{words}.rowid BETWEEN :first AND :last"]
        elif driver is None:
            source, where = f"FROM {table} AS t{by_index}", ["t.owner = :owner"]
        else:
            ids = " UNION ".join(self.conditions[driver].sources)
            source, where = f"FROM ({ids}) AS d CROSS JOIN {table} AS t ON t.id = d.id", ["t.owner = :owner"]
        for index, condition in enumerate(self.conditions):
            if index != driver or not condition.exact:
                where.append(f"({condition.probe if few and condition.probe else condition.sql})")
        return f"{source} WHERE {' AND '.join(where)}"


@lru_cache(maxsize=1024)
def compile_search(search: Search, projection: Projection) -> Compiled:
    """The SQL of a search and its parameters.  *id* is left to the reader, which finds the objects first."""
    terms = Terms(projection)
    conditions = [terms.condition(term) for term in _conjuncts(search.query.term if search.query else All(()))]
    if search.subtypes:
        conditions.append(terms.subtypes(subtype.casefold() for subtype in search.subtypes))
    if search.time:
        first, last = (terms.param(written(moment)) for moment in search.time)
        conditions.append(Condition(f"t.time >= {first} AND t.time < {last}"))
    if search.id is not None:
        conditions.append(
            Condition("t.id IN (SELECT value FROM json_each(:ids))", ("SELECT value AS id FROM json_each(:ids)",), exact=True)
        )
    ranked = search.q is not None and not search.sort
    if search.q is not None:
        found = words(search.q) if projection.texts else []
        terms.params["q"] = " ".join(f'"{word}"' for word in found)
        if not found:
            conditions, ranked = [Condition("0")], False
        elif not ranked:
            conditions.append(terms.words(str(terms.params["q"])))
    keys = _keys(search, projection, terms, ranked=ranked)
    beyond = _beyond(_decode(search.after, len(keys)), keys, terms) if search.after and not ranked else ""
    asked = search.query.term if search.query else All(())
    is_covered = bool(projection.covered) and not (search.subtypes or search.id or search.q is not None) and _covers(projection, asked)
    return Compiled(projection, tuple(conditions), keys, ranked, beyond, terms.params, is_covered)


def _covers(projection: Projection, term: Term) -> bool:
    """Whether the index of time knows every field that a term asks about."""
    match term:
        case All(terms) | Any_(terms):
            return all(_covers(projection, inner) for inner in terms)
        case Not(inner):
            return _covers(projection, inner)
    return ".".join(term.path) in projection.schema.cover


def encode_after(values: tuple[Any, ...]) -> str:
    """The place of a row in its order, as opaque text."""
    return urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def rank_offset(search: Search) -> int:
    """Where a ranked search goes on: ranks move with every write, so that only a number of rows can say it."""
    return min(search.offset + (int(_decode(search.after, 1)[0]) if search.after else 0), LARGEST)


def _conjuncts(term: Term) -> list[Term]:
    return [inner for part in term.terms for inner in _conjuncts(part)] if isinstance(term, All) else [term]


def _keys(search: Search, projection: Projection, terms: Terms, *, ranked: bool) -> tuple[Key, ...]:
    keys = [Key(f"{quoted(projection.words)}.rank", descending=False, nullable=False)] if ranked else []
    for name, descending in () if ranked else search.sort or DEFAULT_SORT:
        if name == "id":
            return (*keys, Key("t.id", descending, nullable=False))
        keys.append(_key(name, descending, projection, terms))
    return (*keys, Key("t.id", keys[-1].descending, nullable=False))


def _key(name: str, descending: bool, projection: Projection, terms: Terms) -> Key:
    path = tuple(name.split("."))
    known = projection.fields.get(path)
    if name == "time" and known is None:
        return Key("t.time", descending, nullable=False, index=index_name(projection, "time"))
    if known in projection.columns:
        column = projection.columns[known]
        return Key(
            f"t.{quoted(column)}", descending, nullable=True, index=index_name(projection, column) if known.kind != "boolean" else ""
        )
    return Key(f"sort_value(t.body, {terms.param(json.dumps(path))})", descending, nullable=True)


def _beyond(values: list[Any], keys: tuple[Key, ...], terms: Terms) -> str:
    names = [terms.param(value) for value in values]
    if len(keys) == 2 and keys[0].sql == "t.time":
        return f"(t.time, t.id) {'<' if keys[0].descending else '>'} ({names[0]}, {names[1]})"
    ways = []
    for number, key in enumerate(keys):
        same = [f"{before.sql} IS {name}" for before, name in zip(keys[:number], names, strict=False)]
        ways.append(" AND ".join([*same, key.beyond(names[number], values[number])]))
    return " OR ".join(f"({way})" for way in ways)


def _decode(text: str, count: int) -> list[Any]:
    try:
        values: list[Any] = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError) as error:
        raise Invalid("the cursor is not one that we gave; start again without it") from error
    fits = isinstance(values, list) and len(values) == count and all(map(_fits_sql, values))
    if not fits or type(values[-1]) is not int or values[-1] < 0:
        raise Invalid("the cursor belongs to another search; start again without it")
    return values


def _fits_sql(value: Any) -> bool:
    """Whether a value of a cursor, which anybody may have written, can be bound."""
    if isinstance(value, str):
        return value.isascii() or not _SURROGATE.search(value)
    return value is None or type(value) is float or (type(value) is int and -LARGEST <= value <= LARGEST)
