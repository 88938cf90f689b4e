"""
The read model is the tables that queries read; it can be thrown away, for the logs can make it again.

One SQLite file holds one generation of it.  ``ReadModel`` is its only writer: a batch of records of the collections' logs and the position it
reaches are one transaction.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import orjson

from .database import keep_private
from .error import Conflict, Corrupt
from .projection import OWNER_BITS, Cell, Projected, Projection, quoted, read
from .record import Body, Record, canonical
from .schema import COMMONS, Field, Schema
from .tables import create, create_indexes, fingerprint, storage

CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 16_000
"""The write-ahead log grows to 64 MiB before its pages go to their places: the indexes' pages change with every batch, and each would go there each time."""

_Counted = Counter[tuple[int, str, tuple[str, ...], tuple[str, ...]]]
"""How many objects more or fewer: (owner, type, subtypes, names of the fields that are there) -> difference."""


@dataclass(slots=True)
class _Change:
    """What becomes of one object in a batch: the last record about it; None in *record* means gone."""

    owner: int
    record: Record | None
    survivor: int | None = None


_Pair = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]
"""A side table's rows: what was there of these objects, and what is to be there."""


@dataclass(slots=True)
class _Rows:
    """What a batch does to one type's tables."""

    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    gone: list[tuple[int]] = field(default_factory=list)
    sides: list[_Pair] = field(default_factory=list)
    subtypes: _Pair = field(default_factory=lambda: ([], []))
    via: _Pair = field(default_factory=lambda: ([], []))
    unsaid: list[tuple[Any, ...]] = field(default_factory=list)
    said: list[tuple[Any, ...]] = field(default_factory=list)


class ReadModel:
    """One generation of the read model, open for writing.

    With *bulk* (a rebuild into a new file that nobody reads yet) indexes are made by ``finish`` and nothing is synced: a crash leaves a file
    that ``is_current`` refuses.  Raises StorageError if the file cannot be opened.
    """

    def __init__(self, path: Path | str, schemas: Mapping[str, Schema], *, bulk: bool = False) -> None:
        self.path, self.bulk = Path(path), bulk
        self._fingerprint = fingerprint(schemas)
        self._projections = {type: Projection(schema) for type, schema in schemas.items()}
        keep_private(self.path)
        with storage(self.path):
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
            self._prepare()
        self._owners: dict[str, int] = {}

    @property
    def position(self) -> int:
        """The last position of the logbook that was applied; 0 at first."""
        return int(self._meta("position") or 0)

    def is_current(self) -> bool:
        """Whether the file fits these schemas and this code, and was finished.  If not, make a new one."""
        return self._meta("fingerprint") == self._fingerprint and self._meta("bulk") is None

    def apply(self, records: Sequence[Record], position: int) -> None:
        """Take in records, in log order, and the position they reach, or nothing at all.  Records of connectors only move the position.

        Raises StorageError if the disk refuses, Corrupt if the file is of another version.
        """
        self.apply_all([(records, position)])

    def apply_all(self, batches: Iterable[tuple[Sequence[Record], int]], since: int | None = None) -> int:
        """Take in batches (at least one) in one transaction; the position reached.  Raises what ``apply`` and *batches* do.

        Raises Conflict if the position is not *since* any more: then another process took in what comes after that.
        """
        if self._meta("fingerprint") != self._fingerprint:
            raise Corrupt(f"{self.path} was made for other schemas; rebuild it")
        reached = 0
        with storage(self.path), self._transaction():
            if since is not None and self.position != since:
                raise Conflict("another process applied these records")
            for records, reached in batches:  # noqa: B007 - the last one is what is remembered
                for type, changes in self._changes(records).items():
                    self._apply_type(self._projections[type], changes)
            self._connection.execute("UPDATE meta SET value = ? WHERE name = 'position'", (str(reached),))
        return reached

    def finish(self) -> None:
        """End a bulk load: make the indexes, gather statistics, and make the file durable and fit for readers."""
        with storage(self.path):
            with self._transaction():
                create_indexes(self._connection, self._projections.values())
                for projection in self._projections.values():
                    if projection.texts:
                        self._connection.execute(f"INSERT INTO {quoted(projection.words)} ({quoted(projection.words)}) VALUES ('optimize')")
            self._connection.execute("PRAGMA analysis_limit = 1000")
            self._connection.execute("ANALYZE")
            # Nothing was synced so far: the mark of an unfinished load goes only when all the rest is on the disk.
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("DELETE FROM meta WHERE name = 'bulk'")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA shrink_memory")
            self.bulk = False

    def optimize(self) -> None:
        """Gather the statistics that the query planner wants, and give the cache's memory back; for idle moments."""
        with storage(self.path):
            self._connection.execute("PRAGMA analysis_limit = 1000")
            self._connection.execute("PRAGMA optimize")
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._connection.execute("PRAGMA shrink_memory")

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare(self) -> None:
        execute = self._connection.execute
        new = not execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
        if new and not self.bulk:
            execute("PRAGMA journal_mode = WAL")
        execute(f"PRAGMA synchronous = {'OFF' if self.bulk else 'NORMAL'}")
        execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        execute("PRAGMA journal_size_limit = 67108864")
        execute("PRAGMA secure_delete = OFF")
        execute("PRAGMA temp_store = MEMORY")
        if new:
            create(self._connection, self._projections.values(), self._fingerprint)
            if self.bulk:
                execute("INSERT INTO meta VALUES ('bulk', '1')")
            else:
                create_indexes(self._connection, self._projections.values())

    def _meta(self, name: str) -> str | None:
        try:
            row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        except sqlite3.Error:
            return None
        return row[0] if row else None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self._owners.clear()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _owner(self, owner: str) -> int:
        if owner not in self._owners:
            self._connection.execute("INSERT OR IGNORE INTO owners (owner) VALUES (?)", (owner,))
            self._owners[owner] = self._connection.execute("SELECT number FROM owners WHERE owner = ?", (owner,)).fetchone()[0]
        return self._owners[owner]

    def _changes(self, records: Sequence[Record]) -> dict[str, dict[int, _Change]]:
        """The last word on each object, by type and rowid."""
        changes: dict[str, dict[int, _Change]] = {}
        for record in records:
            if record.source not in self._projections:
                continue
            owner = self._owner(record.owner)
            base = owner << OWNER_BITS
            survivor = None
            if record.op == "delete" and record.note and "merged_into" in record.note:
                survivor = base | int(record.note["merged_into"].rpartition(":")[2])
            change = _Change(owner, None if record.op == "delete" or record.text is None else record, survivor)
            changes.setdefault(record.source, {})[base | int(record.key)] = change
        return changes

    def _apply_type(self, projection: Projection, changes: dict[int, _Change]) -> None:
        rows = _Rows(sides=[([], []) for _ in projection.sides])
        counted: _Counted = Counter()
        self._remove(projection, changes, rows, counted)
        for id, change in changes.items():
            if change.record is not None:
                self._add(projection, id, change.owner, change.record, rows, counted)
            else:
                rows.gone.append((id,))
        self._write(projection, rows)
        self._write_counts(counted)
        self._write_aliases(projection.type, changes)

    def _remove(self, projection: Projection, changes: dict[int, _Change], rows: _Rows, counted: _Counted) -> None:
        """Project what is there of these objects, so that its rows can go."""
        found = self._connection.execute(
            f"SELECT id, owner, time, subtypes, via, body FROM {quoted(projection.type)} WHERE id IN (SELECT value FROM json_each(?))",
            (orjson.dumps(list(changes)).decode(),),
        ).fetchall()
        for id, owner, time, subtypes, via, body in found:
            projected = projection.project(read(body))
            _collect(projection.type, id, owner, time, orjson.loads(subtypes), orjson.loads(via), projected, rows, 0)
            if any(projected.texts):
                rows.unsaid.append((id, *projected.texts))
            counted[owner, projection.type, tuple(orjson.loads(subtypes)), tuple(projected.present)] -= 1

    def _add(self, projection: Projection, id: int, owner: int, record: Record, rows: _Rows, counted: _Counted) -> None:
        whole: Body = read(record.text or "{}")
        body, subtypes, via = whole["body"], whole["subtypes"], whole["via"]
        time = whole.get("time") or record.timestamp
        projected = projection.project(body)
        texts = orjson.dumps(subtypes).decode(), orjson.dumps(via).decode()
        rows.rows.append((id, owner, time, *projected.cells, *texts, _inner(record.text or "", body)))
        _collect(projection.type, id, owner, time, subtypes, via, projected, rows, 1)
        if any(projected.texts):
            rows.said.append((id, *projected.texts))
        counted[owner, projection.type, tuple(subtypes), tuple(projected.present)] += 1

    def _write(self, projection: Projection, rows: _Rows) -> None:
        many, table = self._connection.executemany, quoted(projection.type)
        if rows.gone:
            many(f"DELETE FROM {table} WHERE id = ?", rows.gone)
        many(f"INSERT OR REPLACE INTO {table} VALUES ({_marks(len(projection.column_names))})", rows.rows)
        tables = [(side, "owner, value, object", pair) for side, pair in zip(projection.sides.values(), rows.sides, strict=True)]
        tables.append((projection.subtypes, "owner, subtype, time, object", rows.subtypes))
        tables.append(("via", "owner, record, type, object", rows.via))
        for name, columns, (old, new) in tables:
            marks = _marks(columns.count(",") + 1)
            if old:
                many(f"DELETE FROM {quoted(name)} WHERE ({columns}) = ({marks})", sorted(set(old).difference(new)))
                new = list(set(new).difference(old))
            if new:
                many(f"INSERT INTO {quoted(name)} ({columns}) VALUES ({marks})", sorted(new))
        for (listed, _), (old, new) in zip(projection.sides.items(), rows.sides, strict=True):
            if listed.total:
                self._write_totals(projection.type, listed, old, new)
        if projection.texts:
            self._write_words(projection, rows)

    def _write_totals(self, type: str, field: Field, old: list[tuple[Any, ...]], new: list[tuple[Any, ...]]) -> None:
        # Whoever is in a batch has a number by now.
        only = self._owners.get(COMMONS, 0) if field.total == COMMONS else None
        counted = Counter(value for owner, value, _ in set(new) if only in (None, owner))
        counted.subtract(value for owner, value, _ in set(old) if only in (None, owner))
        changed = [(type, field.name, value, difference) for value, difference in sorted(counted.items()) if difference]
        sql = "INSERT INTO totals VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
        self._connection.executemany(sql, changed)
        if any(row[-1] < 0 for row in changed):
            self._connection.execute("DELETE FROM totals WHERE count = 0")

    def _write_words(self, projection: Projection, rows: _Rows) -> None:
        unchanged = set(rows.unsaid) & set(rows.said) if rows.unsaid else set()
        table, names = quoted(projection.words), ", ".join(map(quoted, projection.texts.values()))
        marks = _marks(len(projection.texts) + 1)
        for unsaid, values in ((True, rows.unsaid), (False, rows.said)):
            left = [value for value in values if value not in unchanged] if unchanged else values
            if left and unsaid:
                self._connection.executemany(f"INSERT INTO {table} ({table}, rowid, {names}) VALUES ('delete', {marks})", left)
            elif left:
                self._connection.executemany(f"INSERT INTO {table} (rowid, {names}) VALUES ({marks})", left)

    def _write_counts(self, counted: _Counted) -> None:
        totals: Counter[tuple[int, str, str, str]] = Counter()
        for (owner, type, subtypes, present), difference in counted.items():
            for subtype in ("", *subtypes):
                # A set: a body may have a key that is empty, or one with a dot that is spelled like a path.
                for name in {"", *present}:
                    totals[owner, type, subtype, name] += difference
        changed = [(*key, difference) for key, difference in sorted(totals.items()) if difference]
        sql = "INSERT INTO counts VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
        self._connection.executemany(sql, changed)
        if any(row[-1] < 0 for row in changed):
            self._connection.execute("DELETE FROM counts WHERE count = 0")

    def _write_aliases(self, type: str, changes: dict[int, _Change]) -> None:
        """A merged object answers for its survivor, until it comes back."""
        known = [(type, id) for id, change in changes.items() if change.record is None or change.record.op != "add"]
        self._connection.executemany("DELETE FROM aliases WHERE type = ? AND id = ?", known)
        merged = [(type, id, change.survivor) for id, change in changes.items() if change.survivor is not None]
        self._connection.executemany("INSERT INTO aliases VALUES (?, ?, ?)", merged)


def _collect(
    type: str, id: int, owner: int, time: str, subtypes: list[str], via: list[str], projected: Projected, rows: _Rows, index: int
) -> None:
    """Rows of the side tables: of index 0 what was, of index 1 what is to be."""
    for side, value in dict.fromkeys(projected.sides):
        rows.sides[side][index].append((owner, value, id))
    for subtype in subtypes:
        rows.subtypes[index].append((owner, subtype, time, id))
    for source in via:
        rows.via[index].append((owner, source, type, id))


def _inner(text: str, body: Body) -> str:
    """The body's own canonical text, cut out of the record's."""
    start, end = '{"body":', text.rfind(',"subtypes":[')
    if text.startswith(start) and end > 0:
        return text[len(start) : end]
    return canonical(body)


def _marks(count: int) -> str:
    return ", ".join("?" * count)
