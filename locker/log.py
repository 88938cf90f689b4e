"""
A log is the append-only sequence of what one source said to one owner; the logbook holds them all, in one order.

What becomes of an item (add, edit, delete or nothing) is decided inside the write lock, since another process may have written a moment ago.
"""

from __future__ import annotations

import os
import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Condition
from typing import Any, Self, TypeVar

from eventsourcing.application import Application, EventSourcedLog
from eventsourcing.persistence import InfrastructureFactory, Mapper, Tracking
from eventsourcing.sqlite import SQLiteCursor
from eventsourcing.utils import Environment

from .batch import Batch
from .clock import Clock, stamp, system_clock
from .database import Writer, translated
from .draft import REST, Draft, Head, Outcome, Position, Sighting, split_id
from .error import Corrupt, NotFound, StorageError
from .event import RecordEvent, RecordMapper
from .record import SALT_BYTES, Blob, Record, check_owner, check_source
from .recorder import SELECT, LogFactory, LogRecorder, as_record

__all__ = ["LOG_FILE", "Draft", "Head", "Log", "Logbook", "Outcome", "Position", "Sighting", "split_id"]

T = TypeVar("T")
PAGE = 500
LOG_FILE = "log.sqlite"
"""What the logbook's store is called in a locker's folder."""


class Log(EventSourcedLog[RecordEvent]):
    """One owner's records from one source; see the library's class for ``get``, ``get_first`` and ``get_last``."""

    def trigger(self, event: type[RecordEvent], **said: Any) -> RecordEvent:
        """The next event of this log, for ``Application.save``: its version and time are set, *said* are the other fields."""
        return self._trigger_event(event, **said)


class _Events(Application[str]):
    """The library's application over our recorder and mapper."""

    name = "logbook"

    def __init__(self, path: Path, writer: Writer) -> None:
        self._path, self._writer = path, writer
        super().__init__()

    def construct_env(self, name: str, env: Any = None) -> Environment:  # noqa: ARG002 - the process's environment is not read
        return Environment(name, {"SQLITE_DBNAME": str(self._path), "ORIGINATOR_ID_TYPE": "text"})

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        return LogFactory(env, self._writer)

    def construct_mapper(self) -> Mapper[str]:
        return RecordMapper()


class Logbook:
    """Every log of a locker, in one file, in one order.  One process-wide writer, many readers, any number of processes."""

    def __init__(
        self,
        path: Path | str,
        *,
        clock: Clock = system_clock,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.path = Path(path)
        self._clock, self._randomness = clock, randomness
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make the folder {self.path.parent}: {error.strerror or error}; choose another folder") from error
        self._changed = Condition()
        self._listeners: list[Callable[[], None]] = []
        self._writer = Writer(self.path, self._wake)
        try:
            self.events = _Events(self.path, self._writer)
        except BaseException:
            self._writer.close()
            raise
        recorder = self.events.recorder
        assert isinstance(recorder, LogRecorder)
        self.recorder = recorder

    # -- appending ---------------------------------------------------------------------------------

    def append(self, owner: str, source: str, drafts: Sequence[Draft], sighting: Sighting | None = None) -> list[Outcome]:
        """Append what is new of the drafts, all or none; durable when it returns.

        Raises Conflict if a draft's ``expect`` is not what stands, StorageError if the disk refuses.
        """
        return self.submit(owner, source, drafts, sighting).result()

    def submit(self, owner: str, source: str, drafts: Sequence[Draft], sighting: Sighting | None = None) -> Future[list[Outcome]]:
        """Queue an append; small ones that wait together share a transaction."""
        log = f"{check_owner(owner)}/{check_source(source)}"
        return self._writer.submit(lambda connection: self.write(connection, log, drafts, sighting))

    def transact(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job in a write transaction: composer, leases and positions, whose effects belong together with records (``write``)."""
        return self.queue(job).result()

    def queue(self, job: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue such a job without waiting for it; small ones that wait together share a transaction."""
        return self._writer.submit(job)

    def write(
        self, connection: sqlite3.Connection, log: str, drafts: Sequence[Draft], sighting: Sighting | None = None, now: str = ""
    ) -> list[Outcome]:
        """Decide and append, inside a transaction of the writer; *now* is what ``now`` said in it, if somebody asked already."""
        batch = Batch(connection, log, now or self.now(connection), self._randomness(SALT_BYTES * len(drafts)), sighting)
        outcomes = [batch.decide(draft) for draft in batch.known(drafts)]
        batch.flush()
        return outcomes

    def track(self, connection: sqlite3.Connection, follower: str, position: Position) -> None:
        """Remember how far a follower came, in the transaction of what it did."""
        self.recorder._insert_tracking(SQLiteCursor(connection.cursor()), Tracking(follower, position))

    def now(self, connection: sqlite3.Connection) -> str:
        """The time of the next records: never before the newest one's, whatever the clock does."""
        row = connection.execute("SELECT json_extract(state, '$.timestamp') FROM stored_events ORDER BY position DESC LIMIT 1").fetchone()
        now = stamp(self._clock())
        return max(now, row[0]) if row else now

    # -- reading -----------------------------------------------------------------------------------

    def log(self, owner: str, source: str) -> Log:
        """One log, as the library sees it."""
        return Log(self.events.events, f"{owner}/{source}", RecordEvent)  # type: ignore[arg-type]

    def since(
        self, position: Position = 0, *, limit: int = PAGE, lte: Position | None = None, only: Sequence[str] = (), but: Sequence[str] = ()
    ) -> list[Record]:
        """At most *limit* records of all logs after a position, oldest first; *only* of some sources, or of all *but* some."""
        with translated(self.path):
            return self.recorder.select_records(position, limit=limit, lte=lte, only=only, but=but)

    def batch(self, position: Position, limit: int, *, only: Sequence[str] = (), but: Sequence[str] = ()) -> tuple[list[Record], Position]:
        """What a follower handles next, and the position it has reached then; the same one if there is nothing new."""
        end = self.position
        records = self.since(position, limit=limit, lte=end, only=only, but=but) if end > position else []
        return records, records[-1].position if len(records) == limit else end

    def records(
        self,
        owner: str,
        source: str,
        *,
        gt: int = 0,
        lte: int | None = None,
        limit: int = PAGE,
        offset: int = 0,
        type: str | None = None,
    ) -> list[Record]:
        """At most *limit* records of one log after version *gt* and *offset* more, oldest first; of one type (``contact/twitter``, ``contact``) if named."""
        where, parameters = "WHERE originator_id = ? AND originator_version > ? ", [f"{owner}/{source}", gt]
        if lte is not None:
            where, parameters = where + "AND originator_version <= ? ", [*parameters, lte]
        if type is not None:
            where, parameters = where + "AND json_extract(state, '$.type') BETWEEN ? AND ? ", [*parameters, *_types(type)]
        return self.select(where + "ORDER BY originator_version LIMIT ? OFFSET ?", [*parameters, limit, offset])

    def history(self, owner: str, id: str) -> list[Record]:
        """The record of an id, then those that refer to it, in order.  Raises NotFound."""
        source, version = split_id(id)
        if not (found := self.records(owner, source, gt=version - 1, lte=version)):
            raise NotFound(f"{owner} has no record {id}")
        where = "WHERE originator_id = ? AND topic <> 'record-added' AND json_extract(state, '$.reference') = ? ORDER BY originator_version"
        return [*found, *self.select(where, [f"{owner}/{source}", version])]

    def version_at(self, owner: str, source: str, time: str) -> int:
        """How many records of a log are older than a stamp; times never decrease, so this takes a few look-ups however long the log is."""

        def is_reached(version: int) -> bool:
            statement = (
                "SELECT json_extract(state, '$.timestamp') >= ? FROM stored_events WHERE originator_id = ? AND originator_version = ?"
            )
            return bool(self.read(statement, [time, f"{owner}/{source}", version])[0][0])

        return bisect_left(range(1, self.count(owner, source) + 1), True, key=is_reached)

    def heads(
        self,
        owner: str,
        source: str,
        *,
        after: tuple[str, str] = ("", ""),
        limit: int = PAGE,
        offset: int = 0,
        type: str | None = None,
        deleted: bool = False,
    ) -> list[Head]:
        """At most *limit* heads of one log in order of (type, key), after such a pair and *offset* more; the living ones unless *deleted*."""
        first, last = _types(type)
        rows = self.read(
            # One lower bound: of two, SQLite would take the type's, and read all that came before this page again.
            f"SELECT type, key, {REST} FROM heads WHERE log = ? AND (type, key) > (?, ?) AND type <= ? "
            "AND (? OR NOT deleted) ORDER BY type, key LIMIT ? OFFSET ?",
            [f"{owner}/{source}", *max(after, (first, "")), last, deleted, limit, offset],
        )
        return [Head(*row) for row in rows]

    def head(self, owner: str, source: str, type: str, key: str) -> Head | None:
        """Where the current version of one thing stands, if it was ever heard of."""
        rows = self.read(
            f"SELECT type, key, {REST} FROM heads WHERE log = ? AND type = ? AND key = ?",
            [f"{owner}/{source}", type, key],
        )
        return Head(*rows[0]) if rows else None

    def sources(self, owner: str) -> list[str]:
        """The sources that have records of this owner, in name order."""
        prefix, names, last = f"{owner}/", list[str](), f"{owner}/"
        while row := self.read(
            "SELECT originator_id FROM stored_events WHERE originator_id > ? AND originator_id < ? ORDER BY originator_id LIMIT 1",
            [last, f"{owner}0"],
        ):
            last = row[0][0]
            names.append(last.removeprefix(prefix))
        return names

    def owners(self) -> list[str]:
        """Everyone who has records here, in name order."""
        names, last = list[str](), ""
        while row := self.read("SELECT originator_id FROM stored_events WHERE originator_id >= ? ORDER BY originator_id LIMIT 1", [last]):
            names.append(row[0][0].partition("/")[0])
            last = f"{names[-1]}0"
        return names

    def count(self, owner: str, source: str) -> int:
        """How many records a log has."""
        return int(
            self.read("SELECT coalesce(max(originator_version), 0) FROM stored_events WHERE originator_id = ?", [f"{owner}/{source}"])[0][0]
        )

    def blob(self, digest: str) -> Blob:
        """The bytes of a blob by ``sha256:…``.  Raises NotFound, or Corrupt if they are not what their name says."""
        if not (rows := self.read("SELECT content, media_type FROM blobs WHERE digest = ?", [digest])):
            raise NotFound(f"there is no blob {digest}")
        blob = Blob(*rows[0])
        if blob.digest != digest:
            raise Corrupt(f"the blob {digest} has other bytes than its name says")
        return blob

    def select(self, where: str, parameters: Sequence[Any]) -> list[Record]:
        """Records by a condition of ours over the log's columns."""
        return [as_record(row) for row in self.read(SELECT + where, parameters)]

    def read(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """The rows of a reading statement, in a transaction of its own."""
        with translated(self.path):
            return self.recorder._select(statement, parameters)

    @property
    def position(self) -> Position:
        """The newest record's position; 0 in an empty log."""
        with translated(self.path):
            return self.recorder.max_notification_id()

    def tracked(self, follower: str) -> Position:
        """How far a follower came."""
        with translated(self.path):
            return self.recorder.max_tracking_id(follower) or 0

    def position_at(self, time: str) -> Position:
        """The position of the last record that is older than a stamp, 0 if there is none."""

        def is_reached(position: Position) -> bool:
            statement = "SELECT json_extract(state, '$.timestamp') >= ? FROM stored_events WHERE position >= ? ORDER BY position LIMIT 1"
            return bool(self.read(statement, [time, position])[0][0])

        return bisect_left(range(1, self.position + 1), True, key=is_reached)

    # -- waiting and small facts ---------------------------------------------------------------------

    def wait(self, position: Position, timeout: float) -> bool:
        """Wait until there is something after a position; True if so.  Appends of other processes are noticed within *timeout*."""
        with self._changed:
            if self.position > position:
                return True
            self._changed.wait(timeout)
        return self.position > position

    def wake(self) -> None:
        """Let everybody who waits look again."""
        self._wake()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a function, which must be quick, after every commit of this process; call what is answered to end that."""
        self._listeners = [*self._listeners, listener]

        def end() -> None:
            self._listeners = [each for each in self._listeners if each is not listener]

        return end

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
        for listener in self._listeners:
            listener()

    def fact(self, name: str, default: str = "") -> str:
        """A small fact about this store, such as the current generation of the read models."""
        rows = self.read("SELECT value FROM facts WHERE name = ?", [name])
        return str(rows[0][0]) if rows else default

    def set_fact(self, name: str, value: str) -> None:
        """Change such a fact."""
        self.transact(lambda connection: connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value)))

    def close(self) -> None:
        """Finish queued appends and close the file.  The writer goes last: only it can empty the write-ahead log."""
        self.events.close()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _types(type: str | None) -> tuple[str, str]:
    """The first and last type of a kind: ``contact/twitter`` is itself, ``contact`` all of its subtypes, None every type."""
    if type is None:
        return "", "\x7f"
    return (type, type) if "/" in type else (f"{type}/", f"{type}/\x7f")
