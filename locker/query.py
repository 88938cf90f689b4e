"""
How queries are answered: readers of the read model, which cannot write.

Objects leave here as ready JSON texts: a body is copied as it lies in its row, and nobody parses it on the way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from .compiler import Param
from .error import NotFound
from .fragment import MASK, fragment, picker, spelling
from .pool import Pool, TooSlow, effort
from .projection import OWNER_BITS, Projection, quoted
from .record import Body
from .schema import Schema, named
from .search import DEFAULT_LIMIT, DEFAULT_SORT, Compiled, Search, compile_search, encode_after, rank_offset
from .words import fold

__all__ = ["DEFAULT_LIMIT", "Answer", "Reader", "Search", "TooSlow"]

STREAM_PAGE = 500
STREAM_MOST, STREAM_CHARACTERS = 2000, 4 * 1024 * 1024
"""A stream's pages grow to this, in objects or in text: some searches find all that matches anew for each of them."""
FACET_VALUES = 100
ROUTES = 1024
MOST_VALUES = 1000
FEW = 300
"""So many rows may be looked up one by one in the full-text index; above, gathering all that match is cheaper."""


@dataclass(frozen=True, slots=True)
class Answer:
    """*objects*: JSON texts ``{"id","type","subtypes","time","via","body"}``; *total* if it was asked for; *facets*: field -> value -> count;
    *next*: the ``after`` of the next page, None at the end.
    """

    objects: list[str]
    total: int | None = None
    facets: dict[str, dict[str, int]] | None = None
    next: str | None = None


@dataclass(frozen=True, slots=True)
class _Route:
    """Which condition's sources a page and a count start from (None: read objects in order), and whether that means few rows."""

    driver: int | None = None
    few: bool = False
    all_driver: int | None = None
    all_few: bool = False


class Reader:
    """Answers from one generation of the read model.  May be used from several threads at once.  Raises StorageError if the file is gone."""

    def __init__(self, path: Path | str, schemas: Mapping[str, Schema], *, clock: Callable[[], float] = effort) -> None:
        self.path, self.schemas = Path(path), schemas
        self._projections = {type: Projection(schema) for type, schema in schemas.items()}
        self._pool = Pool(self.path, clock)
        self._owners: dict[str, int] = {}
        self._routes: dict[Search, tuple[int, _Route]] = {}
        with self._pool.lend():
            pass

    @property
    def position(self) -> int:
        """The logbook's position that the answers are at."""
        with self._pool.lend() as connection:
            return int(connection.execute("SELECT value FROM meta WHERE name = 'position'").fetchone()[0])

    def search(self, search: Search, *, budget_ms: float | None = None) -> Answer:
        """One page, or with a COUNT query the total alone.  Raises TooSlow if it takes longer than the budget, NotFound for an unknown type."""
        projection = self._projections[named(self.schemas, search.type).type]
        with self._pool.lend(budget_ms) as connection:
            return self._answer(connection, search, projection)

    def stream(self, search: Search) -> Iterator[str]:
        """Every object there is, from *offset* on; in pages, each of which reads in a transaction of its own.  Ranked searches go by time."""
        page = replace(search, limit=STREAM_PAGE, sort=search.sort or DEFAULT_SORT, count=False, facets=())
        while True:
            answer = self.search(page)
            yield from answer.objects
            if answer.next is None:
                return
            length = sum(map(len, answer.objects)) // len(answer.objects)
            limit = max(STREAM_PAGE, min(STREAM_MOST, STREAM_CHARACTERS // max(1, length)))
            page = replace(page, after=answer.next, offset=0, limit=limit)

    def get(self, owner: str, id: str) -> str:
        """The object of an id, as JSON: its own, one of an object that was merged into it, or a record's.  Raises NotFound."""
        with self._pool.lend() as connection:
            number = self._owner(connection, owner)
            type, _, _ = id.partition(":")
            for found in ([id] if type in self.schemas else []) + self._composed_from(connection, number, id):
                kind = found.partition(":")[0]
                for rowid in self._rowids(connection, self._projections[kind], number, found):
                    row = connection.execute(f"SELECT id, time, subtypes, via, body FROM {quoted(kind)} WHERE id = ?", (rowid,)).fetchone()
                    return fragment(kind, row)
        raise NotFound(f"there is no {id}")

    def listing(self, owner: str, *, type: str | None = None, subtype: str | None = None) -> list[Body]:
        """Counts of objects, ``{"name", "count"}``: the subtypes of a type, or the types of a subtype; without both of every type, with its subtypes."""
        rows = self._counts(owner, "field = ''")
        if type is not None:
            singular = named(self.schemas, type).type
            return [{"name": name, "count": count} for kind, name, _, count in rows if kind == singular and name]
        if subtype is not None:
            return [{"name": kind, "count": count} for kind, name, _, count in rows if name == subtype.casefold()]
        totals = {kind: count for kind, name, _, count in rows if not name}
        return [
            {"type": kind, "count": total, "subtypes": [{"name": name, "count": count} for k, name, _, count in rows if k == kind and name]}
            for kind, total in totals.items()
        ]

    def fields(self, owner: str, type: str, subtype: str | None = None) -> list[Body]:
        """``{"field", "kind", "count"}`` of each field that objects have, indexed ones first; the kind of one that no index knows is ``json``."""
        schema = named(self.schemas, type)
        rows = self._counts(owner, "field <> '' AND type = ? AND subtype = ?", schema.type, (subtype or "").casefold())
        counts = {name: count for _, _, name, count in rows}
        indexed = [{"field": f.name, "kind": f.kind, "count": counts[f.name]} for f in schema.fields if f.name in counts]
        return indexed + [{"field": name, "kind": "json", "count": counts[name]} for name in sorted(counts) if name not in schema.kinds]

    def totals(self, type: str, field: str, values: Iterable[str]) -> dict[str, int]:
        """How many objects have each of some values in a list that the schema marks with ``x-total``; none is 0."""
        wanted = {fold(value): value for value in values}
        found: dict[str, int] = {}
        with self._pool.lend() as connection:
            # As parameters: a text that goes through JSON ends at its first zero byte.
            for start in range(0, len(wanted), MOST_VALUES):
                some = list(wanted)[start : start + MOST_VALUES]
                sql = f"SELECT value, count FROM totals WHERE type = ? AND field = ? AND value IN ({', '.join('?' * len(some))})"
                found.update(connection.execute(sql, (type, field, *some)).fetchall())
        return {value: found.get(folded, 0) for folded, value in wanted.items()}

    def tally(self, owner: str, type: str, field: str) -> dict[str, int]:
        """How many of one owner's objects have each value of a list of keywords, all values; folded as the index holds them."""
        projection = self._projections[type]
        side = quoted(projection.sides[projection.fields[tuple(field.split("."))]])
        with self._pool.lend() as connection:
            number = self._owner(connection, owner)
            return dict(connection.execute(f"SELECT value, count(*) FROM {side} WHERE owner = ? GROUP BY value", (number,)).fetchall())

    def carrying(self, owner: str, type: str, field: str, values: Iterable[str], *, limit: int, offset: int = 0) -> list[str]:
        """Objects with any of some values in a list of keywords, as JSON: those with most of them first, then the newest."""
        projection = self._projections[type]
        side, table = quoted(projection.sides[projection.fields[tuple(field.split("."))]]), quoted(type)
        sql = (
            f"SELECT t.id, t.time, t.subtypes, t.via, t.body FROM (SELECT object, count(*) AS n FROM {side} "
            f"WHERE owner = ? AND value IN (SELECT value FROM json_each(?)) GROUP BY object) AS f CROSS JOIN {table} AS t ON t.id = f.object "
            "ORDER BY f.n DESC, t.time DESC, t.id LIMIT ? OFFSET ?"
        )
        with self._pool.lend() as connection:
            wanted = orjson.dumps([fold(value) for value in values]).decode()
            return [fragment(type, row) for row in connection.execute(sql, (self._owner(connection, owner), wanted, limit, offset))]

    def via_up(self, owner: str, id: str) -> list[str]:
        """The objects composed from a record (its thing's first one) or object, directly or through others, as JSON."""
        with self._pool.lend() as connection:
            ids = self._composed_from(connection, self._owner(connection, owner), id)
        return [self.get(owner, found) for found in ids]

    def via_down(self, owner: str, id: str) -> list[str]:
        """The ids of the records that an object was made of, through other objects too.  Raises NotFound."""
        records: dict[str, None] = {}
        seen: set[str] = set()
        waiting = [id]
        while waiting:
            source = waiting.pop(0)
            if source.partition(":")[0] not in self.schemas:
                records[source] = None
            elif source not in seen:
                seen.add(source)
                made_of = orjson.loads(self.get(owner, source))["via"]
                if source in made_of:  # an app added it: its record is its own source
                    records[source] = None
                waiting += made_of
        return list(records)

    def close(self) -> None:
        """Close the connections; the ones in use when they come back."""
        self._pool.close()

    # How a search is answered.

    def _answer(self, connection: sqlite3.Connection, search: Search, projection: Projection) -> Answer:
        owner = self._owner(connection, search.owner)
        compiled = compile_search(search, projection)
        params = compiled.params | {"owner": owner, "first": owner << OWNER_BITS, "last": owner << OWNER_BITS | MASK}
        if search.id is not None:
            params["ids"] = orjson.dumps(self._named_ids(connection, projection, owner, search.id)).decode()
        is_count = search.query is not None and search.query.count
        route = self._route(connection, compiled, search, params)
        total = self._total(connection, compiled, route, params) if search.count or is_count else None
        if is_count:
            return Answer([], total)
        offset = rank_offset(search) if compiled.ranked else search.offset
        page = {"limit": search.limit + 1, "offset": offset}
        rows = []
        if compiled.has_missing and route.driver is None:
            rows = connection.execute(compiled.page(None, few=route.few, present=True), params | page).fetchall()
        if len(rows) <= search.limit:
            rows = connection.execute(compiled.page(route.driver, few=route.few), params | page).fetchall()
        more = len(rows) > search.limit
        rows = rows[: search.limit]
        after = None
        if more and rows:
            after = encode_after((offset - search.offset + len(rows),) if compiled.ranked else rows[-1][5:])
        facets = (
            {name: self._facet(connection, name, compiled, route.all_driver, params) for name in search.facets} if search.facets else None
        )
        show = fragment if not search.fields else picker(search.fields)
        return Answer([show(projection.type, row) for row in rows], total, facets, after)

    def _total(self, connection: sqlite3.Connection, compiled: Compiled, route: _Route, params: dict[str, Param]) -> int:
        if not compiled.conditions and not compiled.ranked:
            return _all(connection, compiled.projection, params)
        return int(connection.execute(compiled.total(route.all_driver, few=route.all_few), params).fetchone()[0])

    def _route(self, connection: sqlite3.Connection, compiled: Compiled, search: Search, params: dict[str, Param]) -> _Route:
        """Where to start from.  Weighing it costs more than many an answer, so that a choice stands until the objects are a tenth more or fewer."""
        if not compiled.sources or compiled.ranked:
            return _Route()
        if search.id is not None:
            only = next(index for index in compiled.sources if ":ids" in compiled.conditions[index].sql)
            return _Route(only, True, only, True)
        total = max(1, _all(connection, compiled.projection, params))
        before, route = self._routes.get(search, (0, None))
        if route is None or abs(total - before) * 10 > before:
            route = _weighed(connection, compiled, search, params, total)
            if len(self._routes) >= ROUTES:
                self._routes.clear()
            self._routes[search] = (total, route)
        return route

    def _named_ids(self, connection: sqlite3.Connection, projection: Projection, owner: int, id: str) -> list[int]:
        """The rowids of one type that an object's or record's id means."""
        ids = [id] if id.partition(":")[0] == projection.type else self._composed_from(connection, owner, id)
        return [
            rowid
            for found in ids
            if found.startswith(f"{projection.type}:")
            for rowid in self._rowids(connection, projection, owner, found)
        ]

    def _rowids(self, connection: sqlite3.Connection, projection: Projection, owner: int, id: str) -> list[int]:
        """The rowid of an object, or of the one that it was merged into."""
        text = id.partition(":")[2]
        if not text.isascii() or not text.isdigit() or not 0 < len(text) <= 13 or int(text) > MASK:
            return []
        rowid, seen = owner << OWNER_BITS | int(text), set[int]()
        while not connection.execute(f"SELECT 1 FROM {quoted(projection.type)} WHERE id = ?", (rowid,)).fetchone():
            seen.add(rowid)
            survivor = connection.execute("SELECT survivor FROM aliases WHERE type = ? AND id = ?", (projection.type, rowid)).fetchone()
            if survivor is None or survivor[0] in seen:
                return []
            rowid = survivor[0]
        return [rowid]

    def _composed_from(self, connection: sqlite3.Connection, owner: int, id: str) -> list[str]:
        """The ids of the objects made of a record or object.  Step by step: for a recursive query SQLite would read the whole table first."""
        found: dict[str, None] = {id: None}
        waiting = [id]
        while waiting:
            rows = connection.execute("SELECT type, object & ? FROM via WHERE owner = ? AND record = ?", (MASK, owner, waiting.pop()))
            new = [made for type, n in rows if (made := f"{type}:{n}") not in found]
            found.update(dict.fromkeys(new))
            waiting += new
        return list(found)[1:]

    def _facet(
        self, connection: sqlite3.Connection, name: str, compiled: Compiled, driver: int | None, params: dict[str, Param]
    ) -> dict[str, int]:
        """The most frequent values of a field among all that match, each in one of its spellings."""
        projection, path = compiled.projection, tuple(name.split("."))
        known, rows = projection.fields.get(path), compiled.rows(driver)
        if known in projection.sides:
            table = quoted(projection.sides[known])
            within = f" AND object IN (SELECT t.id {rows})" if compiled.conditions or compiled.ranked else ""
            counted = f"SELECT value, count(*) AS n, min(object) AS id FROM {table} WHERE owner = :owner{within}"
        elif known in projection.columns and known.kind == "keyword":
            column = quoted(projection.columns[known])
            counted = f"SELECT t.{column} AS value, count(*) AS n, min(t.id) AS id {rows} AND t.{column} IS NOT NULL"
        else:
            found = f"SELECT t.id AS id, values_at(t.body, :facet) AS found {rows}"
            counted = f"SELECT value, count(*) AS n, min(f.id) AS id FROM ({found}) AS f, json_each(f.found)"
        sql = f"SELECT c.value, c.n, t.body FROM ({counted} GROUP BY value ORDER BY n DESC, value LIMIT {FACET_VALUES}) AS c"
        sql += f" CROSS JOIN {quoted(projection.type)} AS t ON t.id = c.id ORDER BY c.n DESC, c.value"
        counts = connection.execute(sql, params | {"facet": orjson.dumps(path).decode()})
        return {spelling(body, path, value): count for value, count, body in counts}

    def _counts(self, owner: str, which: str, *values: str) -> list[tuple[str, str, str, int]]:
        """(type, subtype, field, count) of one owner."""
        sql = f"SELECT type, subtype, field, count FROM counts WHERE owner = ? AND {which} ORDER BY type, subtype, field"
        with self._pool.lend() as connection:
            return connection.execute(sql, (self._owner(connection, owner), *values)).fetchall()

    def _owner(self, connection: sqlite3.Connection, owner: str) -> int:
        """An owner's number; 0, which nobody has, if there is nothing of them."""
        if owner not in self._owners:
            row = connection.execute("SELECT number FROM owners WHERE owner = ?", (owner,)).fetchone()
            if row is None:
                return 0
            self._owners[owner] = row[0]
        return self._owners[owner]


def _weighed(connection: sqlite3.Connection, compiled: Compiled, search: Search, params: dict[str, Param], total: int) -> _Route:
    """Weigh the sources against reading in order."""
    wide = [compiled.conditions[index].wide for index in compiled.sources]
    page = search.limit + search.offset + 1
    for cap in (FEW // 3, max(1000, total // 25)):
        counts = connection.execute(compiled.estimate, params | {"cap": cap}).fetchone()
        rows, _, driver = min(zip(counts, wide, compiled.sources, strict=True))
        few = rows <= FEW
        # Reading in order takes page * total / rows objects at least, if the smallest source is spread evenly.
        if rows < cap and (rows * rows <= page * total or not compiled.index):
            return _Route(driver, few, driver, few)
    # Many rows are counted faster in the one index that knows all that is asked than looked up one by one.
    counting = None if compiled.is_covered and rows >= cap and len(compiled.conditions) > 1 else driver
    if not compiled.index:
        return _Route(driver, few, counting, few)
    # If the conditions are independent of each other, so many objects are read in order until the page is full.
    expected = float(page)
    for count in counts:
        expected /= max(count / total, 1e-9) if count < cap else 0.1
    if rows <= min(expected, total):
        return _Route(driver, few, counting, few)
    return _Route(None, expected <= FEW, counting, few)


def _all(connection: sqlite3.Connection, projection: Projection, params: dict[str, Param]) -> int:
    """How many objects of a type an owner has."""
    sql = "SELECT count FROM counts WHERE owner = :owner AND type = :type AND subtype = '' AND field = ''"
    row = connection.execute(sql, params | {"type": projection.type}).fetchone()
    return int(row[0]) if row else 0
