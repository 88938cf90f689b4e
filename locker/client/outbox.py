"""
What a secondary backend has still to hear, on disk: nothing is lost when the program ends at any moment.

One SQLite file, for one program at a time.  A write passes through it in three steps, each one transaction: the **intent** before the primary is
asked, then, once the primary has answered, the stream's new state as **missed** by every secondary, and at last that secondary's
**twin** id in place of the missed state.  Only the newest state of a stream is kept for each secondary.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..error import Conflict, StorageError
from ..record import Body, canonical, loads
from .stream import StreamId

Op = Literal["put", "archive"]

_TABLES = """
CREATE TABLE IF NOT EXISTS intent (n INTEGER PRIMARY KEY AUTOINCREMENT, op TEXT NOT NULL, id TEXT, rows TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS missed (
    n INTEGER PRIMARY KEY AUTOINCREMENT, backend TEXT NOT NULL, id TEXT NOT NULL, op TEXT NOT NULL,
    state TEXT, fresh INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, UNIQUE (backend, id));
CREATE TABLE IF NOT EXISTS twin (backend TEXT NOT NULL, id TEXT NOT NULL, other TEXT NOT NULL, PRIMARY KEY (backend, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS twin_other ON twin (backend, other);
CREATE TABLE IF NOT EXISTS refused (
    n INTEGER PRIMARY KEY, backend TEXT NOT NULL, id TEXT NOT NULL, op TEXT NOT NULL, state TEXT, error TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that the primary was about to be asked for: *rows* are the streams to create, *id* the stream to change."""

    n: int
    op: str
    id: StreamId | None
    rows: tuple[Body, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one of the primary's streams: *state* is the whole of its writable fields and ``is_pinned``, None if it was archived;
    *fresh* says that it was made just now, so that no secondary can have it yet."""

    id: StreamId
    op: Op
    state: Body | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Missed:
    """A change that one secondary has not confirmed; *tries* counts how often it was sent."""

    n: int
    backend: str
    change: Change
    tries: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A change that a secondary will not take, and what it said."""

    backend: str
    id: StreamId
    op: Op
    error: str


class Outbox:
    """The queue in the file *path* (``:memory:`` forgets at the end).

    Raises Conflict if another program has it open, StorageError if the disk refuses.  Every method is durable when it returns, and blocks
    for the milliseconds that takes.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            self._db = sqlite3.connect(path, timeout=0, isolation_level=None)
            self._db.executescript("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
            self._db.executescript("BEGIN EXCLUSIVE;" + _TABLES + "COMMIT;")
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise Conflict(f"another program uses the queue {path}; give each its own") from error
            raise StorageError(f"the queue {path} cannot be opened: {error}") from error

    def close(self) -> None:
        """Let another program have the file."""
        self._db.close()

    def intend(self, op: str, id: StreamId | None, rows: Sequence[Body] = ()) -> Intent:
        """Write down what is about to be asked of the primary."""
        with self._writing():
            text = "[" + ",".join(map(canonical, rows)) + "]"
            n = self._db.execute("INSERT INTO intent (op, id, rows) VALUES (?, ?, ?)", (op, json.dumps(id), text)).lastrowid
        assert n is not None
        return Intent(n, op, id, tuple(rows))

    def intents(self) -> list[Intent]:
        """Writes whose outcome nobody wrote down, oldest first."""
        rows = self._db.execute("SELECT n, op, id, rows FROM intent ORDER BY n").fetchall()
        return [Intent(n, op, json.loads(id), tuple(loads(text))) for n, op, id, text in rows]

    def fulfil(self, intent: Intent, changes: Iterable[Change], backends: Iterable[str]) -> None:
        """The primary has answered: every one of *backends* has missed these changes.  No changes: nothing happened at the primary.

        Earlier writes to the same streams need no settling any more: what the primary has now is known.
        """
        names = list(backends)
        with self._writing():
            self._db.execute("DELETE FROM intent WHERE n = ?", (intent.n,))
            for change in changes:
                self._db.execute("DELETE FROM intent WHERE id = ? AND n < ?", (json.dumps(change.id), intent.n))
                for name in names:
                    self._miss(name, change)

    def _miss(self, name: str, change: Change) -> None:
        """Replace what is queued for the stream; its number is new, so that a sending under way does not strike it out."""
        key = (name, json.dumps(change.id))
        old = self._db.execute("SELECT state, fresh, tries FROM missed WHERE backend = ? AND id = ?", key).fetchone()
        state, fresh, tries = old or (None, int(change.fresh), 0)
        if change.state is not None:
            state = canonical(change.state)
        self._db.execute("DELETE FROM missed WHERE backend = ? AND id = ?", key)
        self._db.execute(
            "INSERT INTO missed (backend, id, op, state, fresh, tries) VALUES (?, ?, ?, ?, ?, ?)", (*key, change.op, state, fresh, tries)
        )

    def next(self, backend: str) -> Missed | None:
        """The oldest change that *backend* has missed."""
        row = self._db.execute(
            "SELECT n, id, op, state, fresh, tries FROM missed WHERE backend = ? ORDER BY n LIMIT 1", (backend,)
        ).fetchone()
        if row is None:
            return None
        n, id, op, state, fresh, tries = row
        return Missed(n, backend, Change(json.loads(id), op, loads(state) if state else None, bool(fresh)), tries)

    def missed(self) -> dict[str, int]:
        """How many changes each secondary has missed; those with none are left out."""
        return dict(self._db.execute("SELECT backend, COUNT(*) FROM missed GROUP BY backend ORDER BY backend").fetchall())

    def trying(self, missed: Missed) -> None:
        """It is about to be sent: from now on the secondary may have it."""
        with self._writing():
            key = (missed.backend, json.dumps(missed.change.id))
            self._db.execute("UPDATE missed SET tries = tries + 1 WHERE backend = ? AND id = ?", key)

    def sent(self, missed: Missed, other: StreamId | None) -> None:
        """The secondary has it under the id *other*, or (None) has it no more."""
        with self._writing():
            key = (missed.backend, json.dumps(missed.change.id))
            self._db.execute("DELETE FROM missed WHERE n = ?", (missed.n,))
            if other is None:
                self._db.execute("DELETE FROM twin WHERE backend = ? AND id = ?", key)
            else:
                self._db.execute("INSERT OR REPLACE INTO twin (backend, id, other) VALUES (?, ?, ?)", (*key, json.dumps(other)))

    def refuse(self, missed: Missed, error: str) -> None:
        """The secondary will not take it, however often it is sent: set it aside."""
        change = missed.change
        state = canonical(change.state) if change.state is not None else None
        with self._writing():
            self._db.execute("DELETE FROM missed WHERE n = ?", (missed.n,))
            self._db.execute(
                "INSERT INTO refused (backend, id, op, state, error) VALUES (?, ?, ?, ?, ?)",
                (missed.backend, json.dumps(change.id), change.op, state, error),
            )

    def refused(self) -> list[Refused]:
        """What was set aside, oldest first."""
        rows = self._db.execute("SELECT backend, id, op, error FROM refused ORDER BY n").fetchall()
        return [Refused(backend, json.loads(id), op, error) for backend, id, op, error in rows]

    def requeue(self) -> int:
        """Queue again what was set aside, but for streams of which something newer is queued; how many."""
        with self._writing():
            done = self._db.execute(
                "INSERT OR IGNORE INTO missed (backend, id, op, state, fresh, tries) SELECT backend, id, op, state, 0, 1 FROM refused ORDER BY n"
            )
            self._db.execute("DELETE FROM refused")
        return done.rowcount

    def twin(self, backend: str, id: StreamId) -> StreamId | None:
        """The id that *backend* has for the primary's stream *id*."""
        row = self._db.execute("SELECT other FROM twin WHERE backend = ? AND id = ?", (backend, json.dumps(id))).fetchone()
        return json.loads(row[0]) if row else None

    def original(self, backend: str, other: StreamId) -> StreamId | None:
        """The primary's id for the stream that *backend* calls *other*; the newest, if a secondary took several for one."""
        rows = self._db.execute("SELECT id FROM twin WHERE backend = ? AND other = ?", (backend, json.dumps(other))).fetchall()
        ids = [json.loads(id) for (id,) in rows]
        return max(ids, key=lambda each: (isinstance(each, str), each)) if ids else None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StorageError(f"the queue cannot be written: {error}") from error
