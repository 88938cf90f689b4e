"""
Our recorder on the eventsourcing library: it owns the table of records, and the heads that change in the same transaction.

Portable SQL only, and only here: the same tables stand in PostgreSQL one day.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from eventsourcing.persistence import IntegrityError, Notification, StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteFactory,
    SQLiteProcessRecorder,
)

from .database import Writer, connect
from .event import OPS, StoredRecord, to_record
from .log_tables import TABLES
from .record import Record, plain_digest

INSERT = "INSERT INTO stored_events VALUES (?,?,?,?,?,?,?,?)"
SELECT = "SELECT position, originator_id, originator_version, topic, state, body, salt, patch FROM stored_events "
UPSERT_HEAD = (
    "INSERT INTO heads VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (log, type, key) DO UPDATE SET newest = excluded.newest, "
    "digest = excluded.digest, deleted = excluded.deleted, scope = excluded.scope, as_of = excluded.as_of"
)


class Row(NamedTuple):
    """A row of the log, in the order of its columns."""

    position: int
    log: str
    version: int
    topic: str
    state: str
    body: str | None
    salt: bytes | None
    patch: str | None


class HeadRow(NamedTuple):
    """A row of the heads, in the order of its columns."""

    log: str
    type: str
    key: str
    first: int
    newest: int
    digest: bytes
    deleted: int
    scope: int | None
    as_of: str | None


class LogPool(SQLiteConnectionPool):
    """Hands out read connections that cannot write."""

    def _create_connection(self) -> SQLiteConnection:
        connection = connect(self.db_name)
        connection.row_factory = sqlite3.Row
        return SQLiteConnection(connection, self.max_age)


class LogDatastore(SQLiteDatastore):
    """The library's datastore with our pool for reading, and one writer."""

    def __init__(self, path: Path, writer: Writer) -> None:
        super().__init__(str(path), originator_id_type="text")
        self.pool = LogPool(db_name=str(path), pool_size=8, max_overflow=24, pool_timeout=30.0)
        self.writer = writer


class LogRecorder(SQLiteProcessRecorder):
    """Stores records and heads, and positions of followers (the library's tracking), each with what caused it."""

    datastore: LogDatastore

    def create_table(self) -> None:
        """Make what is missing; an existing store is left as it is."""
        statements = list(TABLES)
        statements += [sql for sql in self.create_table_statements if " tracking " in sql]

        def make(connection: sqlite3.Connection) -> None:
            for statement in statements:
                connection.execute(statement)

        self.datastore.writer.run(make)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append whole events, as the library does (``Application.save``): versions are the caller's, heads follow.

        Raises the library's IntegrityError if a version is taken.
        """
        try:
            return self.datastore.writer.run(
                lambda connection: self._insert_events(SQLiteCursor(connection.cursor()), stored_events, **kwargs)
            )
        except sqlite3.IntegrityError as error:
            raise IntegrityError(str(error)) from error

    def _insert_events(self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any) -> list[int]:
        cursor = c.sqlite_cursor
        start = max_position(cursor) + 1
        rows = [_row(position, event) for position, event in enumerate(stored_events, start)]
        insert_rows(cursor, rows, [_head(row) for row in rows])
        if (tracking := kwargs.get("tracking")) is not None:
            self._insert_tracking(c, tracking)
        return [row.position for row in rows]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        where, parameters = "WHERE originator_id = ? ", [originator_id]
        if gt is not None:
            where, parameters = where + "AND originator_version > ? ", [*parameters, gt]  # type: ignore[list-item]
        if lte is not None:
            where, parameters = where + "AND originator_version <= ? ", [*parameters, lte]  # type: ignore[list-item]
        where += f"ORDER BY originator_version {'DESC' if desc else 'ASC'} LIMIT ?"
        rows = self._select(SELECT + where, [*parameters, -1 if limit is None else limit])
        return [
            StoredRecord(
                r["originator_id"], r["originator_version"], r["topic"], r["state"], r["body"], r["salt"], r["patch"], r["position"]
            )
            for r in rows
        ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        where, parameters = _between(start, stop, topics, inclusive_of_start)
        rows = self._select(SELECT + where + "ORDER BY position LIMIT ?", [*parameters, limit])
        return [
            Notification(
                id=r["position"],
                originator_id=r["originator_id"],
                originator_version=r["originator_version"],
                topic=r["topic"],
                state=r["state"],
            )
            for r in rows
        ]

    def select_records(
        self, gt: int, *, limit: int, lte: int | None = None, only: Sequence[str] = (), but: Sequence[str] = ()
    ) -> list[Record]:
        """Records of every log after a position, as their readers see them; *only* of some sources, or of all *but* some (or whole logs: ``system/delivery``)."""
        where, parameters = _between(gt, lte, (), inclusive_of_start=False)
        logs, sources = [each for each in but if "/" in each], only or [each for each in but if "/" not in each]
        if logs:
            where, parameters = where + f"AND originator_id NOT IN ({','.join('?' * len(logs))}) ", [*parameters, *logs]
        if sources:
            where += (
                f"AND substr(originator_id, instr(originator_id, '/') + 1) {'' if only else 'NOT '}IN ({','.join('?' * len(sources))}) "
            )
            parameters += sources
        return [as_record(row) for row in self._select(SELECT + where + "ORDER BY position LIMIT ?", [*parameters, limit])]

    def _max_notification_id(self, c: SQLiteCursor) -> int:
        return max_position(c)  # type: ignore[arg-type]

    def _select(self, statement: str, parameters: Sequence[Any]) -> list[sqlite3.Row]:
        with self.datastore.transaction(commit=False) as c:
            c.execute(statement, parameters)
            return c.fetchall()  # type: ignore[no-any-return]


class LogFactory(SQLiteFactory):
    """Makes our recorder on our datastore: the library's door for that."""

    application_recorder_class = LogRecorder  # type: ignore[assignment]
    process_recorder_class = LogRecorder

    def __init__(self, env: Any, writer: Writer) -> None:
        super().__init__(env)
        path = Path(str(self.datastore.pool.db_name))
        self.datastore.close()
        self.datastore = LogDatastore(path, writer)

    def application_recorder(self) -> SQLiteApplicationRecorder:
        recorder = LogRecorder(self.datastore)
        recorder.create_table()
        return recorder


def insert_rows(cursor: sqlite3.Cursor | sqlite3.Connection, rows: Sequence[Row], heads: Sequence[HeadRow]) -> None:
    """Append rows and move their heads: the one place where the log grows."""
    cursor.executemany(INSERT, rows)
    cursor.executemany(UPSERT_HEAD, heads)


def max_position(cursor: sqlite3.Cursor | sqlite3.Connection) -> int:
    """The newest position, 0 in an empty log."""
    row = (
        cursor.execute("SELECT max(position) FROM stored_events").fetchone() if not isinstance(cursor, SQLiteCursor) else _fetch_max(cursor)
    )
    return row[0] or 0


def _fetch_max(cursor: SQLiteCursor) -> Any:
    cursor.execute("SELECT max(position) FROM stored_events")
    return cursor.fetchone()


def as_record(row: Any) -> Record:
    """A row as the record that everybody sees.  Big integers in a note stay exact."""
    position, log, version, topic, state, body, _, patch = row
    return to_record(position, log, version, topic, state, body, patch)


def _between(start: int | None, stop: int | None, topics: Sequence[str], inclusive_of_start: bool) -> tuple[str, list[Any]]:
    conditions, parameters = [], list[Any]()
    if start is not None:
        conditions.append("position >= ?" if inclusive_of_start else "position > ?")
        parameters.append(start)
    if stop is not None:
        conditions.append("position <= ?")
        parameters.append(stop)
    if topics:
        conditions.append(f"topic IN ({','.join('?' * len(topics))})")
        parameters += topics
    return (f"WHERE {' AND '.join(conditions)} " if conditions else ""), parameters


def _row(position: int, event: StoredEvent) -> Row:
    assert isinstance(event, StoredRecord)
    assert isinstance(event.originator_id, str)
    state: Any = event.state
    return Row(position, event.originator_id, event.originator_version, event.topic, state, event.body, event.salt, event.patch)


def _head(row: Row) -> HeadRow:
    head = orjson.loads(row.state)
    first = head.get("reference") or row.version
    return HeadRow(
        row.log, head["type"], head["key"], first, row.version, plain_digest(row.body or ""), OPS[row.topic] == "delete", None, None
    )
