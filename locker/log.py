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
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import Any, NamedTuple, Self, TypeVar

import orjson
from eventsourcing.application import Application, EventSourcedLog
from eventsourcing.persistence import InfrastructureFactory, Mapper, Tracking
from eventsourcing.utils import Environment

from .clock import Clock, stamp, system_clock
from .database import Writer, translated
from .error import Conflict, Corrupt, Invalid, NotFound
from .event import TOPICS, RecordEvent, RecordMapper, header
from .record import SALT_BYTES, Blob, Body, Op, Record, canonical, check_owner, check_source, plain_digest, salted_digest
from .recorder import SELECT, HeadRow, LogFactory, LogRecorder, Row, as_record, insert_rows, max_position

T = TypeVar("T")
Position = int
"""A place in the one order of all records; 0 is before the first."""

PAGE = 500
LOG_FILE = "log.sqlite"
"""What the logbook's store is called in a locker's folder."""
KEY_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Draft:
    """What may become a record: *type* is ``type/subtype``, *text* the canonical body (None: gone).

    *expect* is the version of the thing's newest record that the caller has seen, 0 for none: if another one is newer, the append raises Conflict.
    *keep* appends a delete again though the thing is gone, when only its note changed.
    """

    type: str
    key: str
    text: str | None
    digest: bytes = b""
    blobs: tuple[Blob, ...] = ()
    by: str | None = None
    note: Body | None = None
    patch: str | None = None
    expect: int | None = None
    keep: bool = False

    @classmethod
    def of(cls, type: str, key: str, body: Body | None, **more: Any) -> Draft:
        """A draft of a body, its Blobs set apart.  Raises Invalid for a body that JSON cannot say or a key that is no text."""
        if not key or len(key) > KEY_CHARACTERS:
            raise Invalid(f"a key has 1 to {KEY_CHARACTERS} characters, this one has {len(key)}")
        try:
            key.encode()
        except UnicodeEncodeError as error:
            raise Invalid(f"the key {key!r} is not valid text: {error.reason}") from error
        if body is None:
            return cls(type, key, None, **more)
        try:
            text, blobs = canonical(body), ()
        except Invalid:
            blobs_found: list[Blob] = []
            text = canonical(_referring(body, blobs_found))
            blobs = tuple(blobs_found)  # type: ignore[assignment]
        return cls(type, key, text, plain_digest(text), blobs, **more)


class Head(NamedTuple):
    """Where the current version of one thing stands; *first* and *newest* are versions of its log."""

    type: str
    key: str
    first: int
    newest: int
    digest: bytes
    deleted: int
    scope: int | None
    as_of: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a draft: an op, or None for nothing new; the id of the thing's first record; its newest version; where it stands."""

    op: Op | None
    version: int
    first: int
    position: Position


@dataclass(frozen=True, slots=True)
class Sighting:
    """The export that drafts come from: *scope* (its row) and *as_of* (a stamp)."""

    scope: int
    as_of: str


class Log(EventSourcedLog[RecordEvent]):
    """One owner's records from one source; see the library's class for ``get``, ``get_first`` and ``get_last``."""


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
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._changed = Condition()
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

    def write(self, connection: sqlite3.Connection, log: str, drafts: Sequence[Draft], sighting: Sighting | None = None) -> list[Outcome]:
        """Decide and append, inside a transaction of the writer."""
        batch = _Batch(connection, log, self.now(connection), self._randomness(SALT_BYTES * len(drafts)), sighting)
        outcomes = [batch.decide(draft) for draft in batch.known(drafts)]
        batch.flush()
        return outcomes

    def track(self, connection: sqlite3.Connection, follower: str, position: Position) -> None:
        """Remember how far a follower came, in the transaction of what it did."""
        from eventsourcing.sqlite import SQLiteCursor

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
        rows = self.read(
            "SELECT type, key, first, newest, digest, deleted, scope, as_of FROM heads WHERE log = ? AND (type, key) > (?, ?) "
            "AND type BETWEEN ? AND ? AND (? OR NOT deleted) ORDER BY type, key LIMIT ? OFFSET ?",
            [f"{owner}/{source}", *after, *_types(type), deleted, limit, offset],
        )
        return [Head(*row) for row in rows]

    def head(self, owner: str, source: str, type: str, key: str) -> Head | None:
        """Where the current version of one thing stands, if it was ever heard of."""
        rows = self.read(
            "SELECT type, key, first, newest, digest, deleted, scope, as_of FROM heads WHERE log = ? AND type = ? AND key = ?",
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

    def scope(self, owner: str, source: str, name: str) -> int:
        """The number of a scope: which account, mailbox or export the items of an import are a picture of."""

        def find(connection: sqlite3.Connection) -> int:
            connection.execute("INSERT OR IGNORE INTO scopes (log, name) VALUES (?, ?)", (f"{owner}/{source}", name))
            row = connection.execute("SELECT id FROM scopes WHERE log = ? AND name = ?", (f"{owner}/{source}", name)).fetchone()
            return int(row[0])

        return self.transact(find)

    def missing(self, owner: str, source: str, sighting: Sighting, *, limit: int = PAGE) -> list[tuple[str, str]]:
        """Living things (type, key) of a scope that its newest export did not show, though an older one did."""
        return [
            (row[0], row[1])
            for row in self.read(
                "SELECT type, key FROM heads WHERE log = ? AND scope = ? AND as_of < ? AND NOT deleted LIMIT ?",
                [f"{owner}/{source}", sighting.scope, sighting.as_of, limit],
            )
        ]

    def drop(self, owner: str, source: str, things: Sequence[tuple[str, str]], sighting: Sighting) -> int:
        """Delete things that their scope lost, unless another scope still has them: then that one answers for them.  The number deleted."""
        log = f"{owner}/{source}"

        def apply(connection: sqlite3.Connection) -> int:
            drafts = []
            for type, key in things:
                other = connection.execute(
                    "SELECT scope, as_of FROM sightings WHERE log = ? AND type = ? AND key = ? AND scope <> ? ORDER BY as_of DESC LIMIT 1",
                    (log, type, key, sighting.scope),
                ).fetchone()
                if other:
                    thing = (log, type, key)
                    connection.execute(
                        "UPDATE heads SET scope = ?, as_of = ? WHERE log = ? AND type = ? AND key = ?", (other[0], other[1], *thing)
                    )
                    connection.execute("DELETE FROM sightings WHERE log = ? AND type = ? AND key = ? AND scope = ?", (*thing, other[0]))
                else:
                    drafts.append(Draft(type, key, None, note={"inferred": True}))
            return sum(outcome.op == "delete" for outcome in self.write(connection, log, drafts, sighting))

        return self.transact(apply)

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

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def fact(self, name: str, default: str = "") -> str:
        """A small fact about this store, such as the current generation of the read models."""
        rows = self.read("SELECT value FROM facts WHERE name = ?", [name])
        return str(rows[0][0]) if rows else default

    def set_fact(self, name: str, value: str) -> None:
        """Change such a fact."""
        self.transact(lambda connection: connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value)))

    def close(self) -> None:
        """Finish queued appends and close the file."""
        self._writer.close()
        self.events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(slots=True)
class _Batch:
    """Drafts of one log, decided one after the other, written at once."""

    connection: sqlite3.Connection
    log: str
    now: str
    salts: bytes
    sighting: Sighting | None
    heads: dict[tuple[str, str], Head] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    moved: dict[tuple[str, str], None] = field(default_factory=dict)
    blobs: list[tuple[str, int, str, bytes]] = field(default_factory=list)
    sightings: list[tuple[str, str, str, int, str]] = field(default_factory=list)
    position: Position = 0
    version: int = 0

    def known(self, drafts: Sequence[Draft]) -> Sequence[Draft]:
        """Read what stands of the drafts' things, in one statement a type."""
        keys: dict[str, list[str]] = {}
        for draft in drafts:
            keys.setdefault(draft.type, []).append(draft.key)
        for type, wanted in keys.items():
            for row in self.connection.execute(
                "SELECT h.type, h.key, first, newest, digest, deleted, scope, as_of FROM json_each(?) CROSS JOIN heads h ON log = ? AND h.type = ? AND h.key = value",
                (orjson.dumps(wanted).decode(), self.log, type),
            ):
                self.heads[type, row[1]] = Head(*row)
        self.position = max_position(self.connection)
        self.version = self.connection.execute(
            "SELECT coalesce(max(originator_version), 0) FROM stored_events WHERE originator_id = ?", (self.log,)
        ).fetchone()[0]
        return drafts

    def decide(self, draft: Draft) -> Outcome:
        """Add, edit, delete or nothing."""
        head = self.heads.get((draft.type, draft.key))
        if draft.expect is not None and draft.expect != (head.newest if head else 0):
            raise Conflict(f"{draft.type} {draft.key} has changed meanwhile; read it again")
        if head is None:
            return self._add(draft) if draft.text is not None else Outcome(None, 0, 0, 0)
        late = self.sighting is not None and head.as_of is not None and self.sighting.as_of < head.as_of
        if not late and self.sighting is not None:
            head = self._seen(head)
        if draft.text is None:
            gone = head.deleted and not draft.keep
            return Outcome(None, head.newest, head.first, 0) if late or gone else self._later("delete", draft, head, *self._last(head))
        if late or (draft.digest == head.digest and not head.deleted and draft.patch is None):
            return Outcome(None, head.newest, head.first, 0)
        return self._later("edit", draft, head, draft.text, draft.digest)

    def flush(self) -> None:
        """Write rows and heads."""
        if self.blobs:
            self.connection.executemany("INSERT OR IGNORE INTO blobs VALUES (?,?,?,?)", self.blobs)
        if self.sightings:
            self.connection.executemany("INSERT OR REPLACE INTO sightings VALUES (?,?,?,?,?)", self.sightings)
        insert_rows(self.connection, self.rows, [HeadRow(self.log, *self.heads[thing]) for thing in sorted(self.moved)])

    def _add(self, draft: Draft) -> Outcome:
        assert draft.text is not None
        version = self._append("add", draft, draft.text, None)
        seen = (self.sighting.scope, self.sighting.as_of) if self.sighting else (None, None)
        self._move(Head(draft.type, draft.key, version, version, draft.digest, 0, *seen))
        return Outcome("add", version, version, self.position)

    def _later(self, op: Op, draft: Draft, head: Head, text: str, digest: bytes) -> Outcome:
        version = self._append(op, draft, text, head.first)
        self._move(head._replace(newest=version, digest=digest, deleted=int(op == "delete")))
        return Outcome(op, version, head.first, self.position)

    def _append(self, op: Op, draft: Draft, text: str, first: int | None) -> int:
        self.position += 1
        self.version += 1
        salt = (
            self.salts[:SALT_BYTES] if len(self.rows) == 0 else self.salts[len(self.rows) * SALT_BYTES : (len(self.rows) + 1) * SALT_BYTES]
        )
        patch_digest = None if draft.patch is None else salted_digest(salt, draft.patch)
        note = draft.note if self.sighting is None else {**(draft.note or {}), "as_of": self.sighting.as_of}
        state = header(self.now, draft.type, draft.key, salted_digest(salt, text), first, draft.by, note, patch_digest)
        self.rows.append(Row(self.position, self.log, self.version, TOPICS[op], state, text, salt, draft.patch))
        self.blobs += [(blob.digest, len(blob.content), blob.media_type, blob.content) for blob in draft.blobs]
        return self.version

    def _seen(self, head: Head) -> Head:
        """A newer export still has it: so does its head say, and another scope says so beside it."""
        assert self.sighting is not None
        if head.scope not in (None, self.sighting.scope):
            self.sightings.append((self.log, head.type, head.key, self.sighting.scope, self.sighting.as_of))
        if head.as_of is None or head.as_of < self.sighting.as_of:
            head = head._replace(as_of=self.sighting.as_of, scope=self.sighting.scope if head.scope is None else head.scope)
            self._move(head)
        return head

    def _last(self, head: Head) -> tuple[str, bytes]:
        """The last known body: what a delete carries."""
        for row in reversed(self.rows):
            if row.version == head.newest:
                return row.body or "{}", head.digest
        body = self.connection.execute(
            "SELECT body FROM stored_events WHERE originator_id = ? AND originator_version = ?", (self.log, head.newest)
        ).fetchone()
        return (body and body[0]) or "{}", head.digest

    def _move(self, head: Head) -> None:
        self.heads[head.type, head.key] = head
        self.moved[head.type, head.key] = None


def split_id(id: str) -> tuple[str, int]:
    """``github:1042`` as ("github", 1042).  Raises Invalid."""
    source, colon, version = id.rpartition(":")
    if not colon or not version.isascii() or not version.isdecimal() or len(version) > 18:
        raise Invalid(f"{id!r} is not an id; ids look like github:1042")
    return source, int(version)


def _types(type: str | None) -> tuple[str, str]:
    """The first and last type of a kind: ``contact/twitter`` is itself, ``contact`` all of its subtypes, None every type."""
    if type is None:
        return "", "\x7f"
    return (type, type) if "/" in type else (f"{type}/", f"{type}/\x7f")


def _referring(value: Any, found: list[Blob]) -> Any:
    """The value with every Blob replaced by its reference."""
    if isinstance(value, Blob):
        found.append(value)
        return value.reference()
    if isinstance(value, dict):
        return {name: _referring(part, found) for name, part in value.items()}
    return [_referring(part, found) for part in value] if isinstance(value, list) else value
