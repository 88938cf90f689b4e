"""
Whether what was made from the logs agrees with them: the composer's tables with the collections' logs, the read model with a rebuild.

Both are read from one snapshot each.  The rebuild goes into a scratch file, and stops where the read model stands.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from .projection import Projection, quoted
from .readmodel import ReadModel
from .recorder import SELECT, as_record
from .replay import PAGE, Counts, Finding, merged
from .schema import Schema

SUBTYPE = "locker"


@dataclass(slots=True)
class Composition:
    """The composer's tables beside the logs, over a *connection* inside a read transaction."""

    file: Path
    connection: sqlite3.Connection
    counts: Counts

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong with members, identities, objects and their ids."""
        tables = {name for (name,) in self.connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if not {"collections", "members", "identities", "objects", "edits"} <= tables:
            return
        for id, owner, type in self.connection.execute("SELECT id, owner, type FROM collections ORDER BY id").fetchall():
            log = f"{owner}/{type}"
            yield from self._objects(id, log, type)
            yield from self._members(id, log, owner, type)
            yield from self._identities(id, log)
            yield from self._ids(id, log)

    def _objects(self, id: int, log: str, type: str) -> Iterator[Finding]:
        """Each living object names exactly the members that it was made of, and each hidden or merged one none."""
        heads = self.connection.execute(
            "SELECT CAST(key AS INTEGER), deleted, body FROM heads JOIN stored_events ON originator_id = log AND originator_version = newest "
            "WHERE log = ? AND type = ?",
            (log, f"{type}/{SUBTYPE}"),
        )
        for n, deleted, body in heads:
            self.counts.objects += 1
            members = {
                member
                for (member,) in self.connection.execute(
                    "SELECT member FROM members WHERE collection = ? AND object = ? AND object IS NOT NULL", (id, n)
                )
            }
            via = set() if deleted else _via(body)
            if via is None:
                continue  # its body was erased, or is damaged: then its digest says so
            for member in sorted(via - members):
                yield self._found(f"{log}:{n}", f"names {member} in via, which the composer holds no member of it")
            if members - via and not (deleted and self._is_hidden(id, members)):
                state = "is deleted" if deleted else "does not name it in via"
                for member in sorted(members - via):
                    yield self._found(f"{log}, member {member}", f"belongs to {log}:{n}, which {state}")

    def _is_hidden(self, id: int, members: set[str]) -> bool:
        """Whether the last thing that an app did to any id of these members was to delete it."""
        row = self.connection.execute(
            "SELECT op FROM json_each(?2) JOIN objects o ON o.collection = ?1 AND o.anchor = value "
            "JOIN edits e ON e.collection = ?1 AND e.n = o.n ORDER BY version DESC LIMIT 1",
            (id, orjson.dumps(sorted(members)).decode()),
        ).fetchone()
        return row is not None and row[0] == "delete"

    def _members(self, id: int, log: str, owner: str, type: str) -> Iterator[Finding]:
        """Each member has an object that is there, and is as new as the composer's position; each thing has a member."""
        lost = self.connection.execute(
            "SELECT member, object FROM members WHERE collection = ?1 AND object IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM heads WHERE log = ?2 AND type = ?3 AND key = CAST(object AS TEXT))",
            (id, log, f"{type}/{SUBTYPE}"),
        )
        for member, n in lost:
            yield self._found(f"{log}, member {member}", f"belongs to {log}:{n}, which there is not")
        # A record is handled once it is not after the composer's position; what an app added is a member at once.
        things = self.connection.execute(
            "SELECT h.log, h.first, h.newest, m.newest, m.object, h.deleted, e.position FROM heads h "
            "JOIN stored_events e ON e.originator_id = h.log AND e.originator_version = h.newest "
            "LEFT JOIN members m ON m.collection = :id AND m.member = substr(h.log, instr(h.log, '/') + 1) || ':' || h.first "
            "WHERE h.log >= :owner || '/' AND h.log < :owner || '0' AND h.type >= :type || '/' AND h.type < :type || '0' "
            "AND substr(h.log, instr(h.log, '/') + 1) NOT IN (SELECT type FROM collections) "
            "AND (m.newest IS NOT h.newest OR h.deleted AND m.object IS NOT NULL)",
            {"id": id, "owner": owner, "type": type},
        )
        position = self._position()
        for source, first, newest, known, n, deleted, at in things:
            place = f"{log}, member {source.partition('/')[2]}:{first}"
            if known is None:
                if self._stands_before(source, first, position):
                    yield self._found(place, "is missing, though the composer has passed its record")
            elif known > newest or at <= position or self._passed(source, first, known, position):
                wrong = (
                    f"belongs to {log}:{n}, though it is deleted" if deleted and known == newest else f"is of record {known}, not {newest}"
                )
                yield self._found(place, wrong)

    def _stands_before(self, log: str, version: int, position: int) -> bool:
        row = self.connection.execute(
            "SELECT position FROM stored_events WHERE originator_id = ? AND originator_version = ?", (log, version)
        ).fetchone()
        return row is not None and row[0] <= position

    def _passed(self, log: str, first: int, known: int, position: int) -> bool:
        """Whether there is a newer record of a thing that the composer has passed."""
        row = self.connection.execute(
            "SELECT 1 FROM stored_events WHERE originator_id = ? AND topic <> 'record-added' AND json_extract(state, '$.reference') = ? "
            "AND originator_version > ? AND position <= ? AND json_extract(state, '$.note.late') IS NULL LIMIT 1",
            (log, first, known, position),
        ).fetchone()
        return row is not None

    def _identities(self, id: int, log: str) -> Iterator[Finding]:
        """The identities' table says what the members say, and those who share one are one object."""
        stand = self.connection.execute("SELECT identity, member FROM identities WHERE collection = ? ORDER BY identity, member", (id,))
        should = self.connection.execute(
            "SELECT DISTINCT value, member FROM members, json_each(identities) WHERE collection = ? AND object IS NOT NULL "
            "ORDER BY value, member",
            (id,),
        )
        for (identity, member), mine, theirs in merged(stand, should, 2):
            if mine is None or theirs is None:
                wrong = "lacks" if mine is None else "has, though the member does not say it,"
                yield self._found(f"{log}, member {member}", f"the identities' table {wrong} {identity}")
        split = self.connection.execute(
            "SELECT identity FROM identities i JOIN members m ON m.collection = i.collection AND m.member = i.member "
            "WHERE i.collection = ? GROUP BY identity HAVING count(DISTINCT m.object) > 1",
            (id,),
        )
        for (identity,) in split:
            yield self._found(f"{log}, identity {identity}", "is shared by members of different objects")

    def _ids(self, id: int, log: str) -> Iterator[Finding]:
        """Every object's id is anchored on a member."""
        stray = self.connection.execute(
            "SELECT n, anchor FROM objects o WHERE collection = ?1 AND (NOT EXISTS "
            "(SELECT 1 FROM members m WHERE m.collection = ?1 AND m.member = anchor) OR NOT EXISTS "
            "(SELECT 1 FROM stored_events WHERE originator_id = ?2 AND originator_version = n AND topic = 'record-added'))",
            (id, log),
        )
        for n, anchor in stray:
            yield self._found(f"{log}:{n}", f"is anchored on {anchor}; one of both is not there")
        bare = self.connection.execute(
            "SELECT originator_version FROM stored_events WHERE originator_id = ?2 AND topic = 'record-added' "
            "AND NOT EXISTS (SELECT 1 FROM objects WHERE collection = ?1 AND n = originator_version)",
            (id, log),
        )
        for (n,) in bare:
            yield self._found(f"{log}:{n}", "is anchored nowhere")

    def _position(self) -> int:
        row = self.connection.execute("SELECT notification_id FROM tracking WHERE application_name = 'composer'").fetchone()
        return int(row[0]) if row else 0

    def _found(self, place: str, what: str) -> Finding:
        return Finding(self.file.name, place, what)


@dataclass(slots=True)
class Rebuilt:
    """The current read model beside one that is made anew.

    *connection* reads the log's snapshot, *views* the read model's, in a transaction, with the scratch file attached as ``scratch``.
    """

    file: Path
    connection: sqlite3.Connection
    views: sqlite3.Connection
    schemas: Mapping[str, Schema]
    counts: Counts
    told: Callable[[int, int], None] = lambda *_: None

    def build(self, path: Path, position: int) -> None:
        """Make the read model as it should be at a position."""
        marks = ",".join("?" * len(self.schemas))
        rows = self.connection.execute(
            SELECT + f"WHERE position <= ? AND substr(originator_id, instr(originator_id, '/') + 1) IN ({marks}) ORDER BY position",
            (position, *self.schemas),
        )
        with ReadModel(path, self.schemas, bulk=True) as model:
            while page := rows.fetchmany(PAGE):
                model.apply([as_record(row) for row in page], page[-1][0])
                self.told(page[-1][0], position)
            model.apply([], position)

    def findings(self) -> Iterator[Finding]:
        """Every row that one of both lacks, or has otherwise."""
        shared = {"owners": 1, "aliases": 2, "via": 4, "counts": 4, "totals": 3}
        for table, width in shared.items():
            yield from self._table(table, width)
        for type, schema in self.schemas.items():
            projection = Projection(schema)
            yield from self._table(type, 1)
            for side in projection.sides.values():
                yield from self._table(side, 3)
            yield from self._table(projection.subtypes, 4)
            if projection.texts:
                yield from self._words(projection.words)

    def _table(self, table: str, width: int) -> Iterator[Finding]:
        """Compare by the primary key: the first *width* columns."""
        names = [row[1] for row in self.views.execute(f"PRAGMA main.table_info({quoted(table)})")]
        should = [row[1] for row in self.views.execute(f"PRAGMA scratch.table_info({quoted(table)})")]
        if names != should:
            yield self._found(table, f"has the columns {', '.join(names) or '(none)'}, not {', '.join(should)}")
            return
        self.counts.rows += self.views.execute(f"SELECT count(*) FROM main.{quoted(table)}").fetchone()[0]  # noqa: S608 - ours
        keys, rest = names[:width], names[width:]
        for left, right, wrong in (("main", "scratch", "has a row that a rebuild does not have"), ("scratch", "main", "lacks a row")):
            same = " AND ".join(f"b.{quoted(name)} IS a.{quoted(name)}" for name in keys)
            statement = f"SELECT {', '.join(f'a.{quoted(name)}' for name in keys)} FROM {left}.{quoted(table)} a "  # noqa: S608 - ours
            for row in self.views.execute(f"{statement} WHERE NOT EXISTS (SELECT 1 FROM {right}.{quoted(table)} b WHERE {same})"):  # noqa: S608
                yield self._found(f"{table} {_named(keys, row)}", wrong)
        if rest:
            other = ", ".join(f"a.{quoted(name)} IS NOT b.{quoted(name)}" for name in rest)
            either = other.replace(", ", " OR ")
            rows = self.views.execute(
                f"SELECT {', '.join(f'a.{quoted(name)}' for name in keys)}, {other} "  # noqa: S608 - ours
                f"FROM main.{quoted(table)} a CROSS JOIN scratch.{quoted(table)} b ON {same} WHERE {either}"
            )
            for row in rows:
                columns = [name for name, differs in zip(rest, row[width:], strict=True) if differs]
                yield self._found(f"{table} {_named(keys, row)}", f"says something else than a rebuild: {', '.join(columns)}")

    def _words(self, table: str) -> Iterator[Finding]:
        """Compare full-text indexes by every word's every place."""
        lists = []
        for schema in ("main", "scratch"):
            name = quoted(f"{schema} {table}")
            self.views.execute(f"CREATE VIRTUAL TABLE temp.{name} USING fts5vocab({schema}, {quoted(table)}, instance)")
            lists.append(self.views.execute(f"SELECT term, doc, col, offset FROM temp.{name}"))  # noqa: S608 - ours
        mine, theirs = lists
        while True:
            page, other = mine.fetchmany(10 * PAGE), theirs.fetchmany(10 * PAGE)
            if page != other:
                break
            if not page:
                return
            self.counts.rows += len(page)
        wrong = {row[1] for row in set(page).symmetric_difference(other)}
        objects = ", ".join(str(id) for id in sorted(wrong)[:5])
        yield self._found(table, f"the full-text index differs from a rebuild, first at {min(set(page) ^ set(other))[0]!r}, id {objects}")

    def _found(self, place: str, what: str) -> Finding:
        return Finding(self.file.name, place, what)


def _named(keys: list[str], row: Any) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in zip(keys, row, strict=False))


def _via(text: str | None) -> set[str] | None:
    """The members that an object's record names; None if it cannot say."""
    try:
        return set(orjson.loads(text or "")["via"])
    except (ValueError, TypeError, KeyError):
        return None
