"""
A decision that an app makes inside the write lock: it sees what stands at that moment, and says what shall be written.

Two requests that arrive together are decided one after the other, whichever process they reach, so that "add it unless it is there" is exact.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .error import NotFound
from .log import Position
from .record import Body, loads

NAMED = (
    "SELECT m.object FROM collections c JOIN identities i ON i.collection = c.id AND i.identity = ? "
    "JOIN members m ON m.collection = c.id AND m.member = i.member WHERE c.owner = ? AND c.type = ? AND m.object IS NOT NULL LIMIT 1"
)
"""The living object of an identity, an owner and a type."""


class Seen(NamedTuple):
    """One record of a collection's log: of object *n*, its *body* after that (None: deleted); *digest* tells two records of one version apart."""

    version: int
    n: int
    timestamp: str
    digest: str
    body: Body | None


@dataclass(frozen=True, slots=True)
class Write:
    """What to write: a new object's *body*, or a merge patch over object *n*; None leaves it as it is."""

    body: Body | None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What stands after a decision: object *n* with this *body*; whether it was made now; where that stands in the logbook."""

    n: int
    body: Body
    is_new: bool
    position: Position


class Sight:
    """What a decision can see of one collection: every record that was appended before it, and the time its own will have."""

    def __init__(self, connection: sqlite3.Connection, log: str, kind: str, now: str) -> None:
        self._connection, self._log, self._kind, self.now = connection, log, kind, now

    def body(self, n: int) -> Body:
        """An object as it stands.  Raises NotFound if there is none, or it was deleted."""
        row = self._connection.execute(
            "SELECT body FROM heads JOIN stored_events ON originator_id = log AND originator_version = newest "
            "WHERE log = ? AND type = ? AND key = ? AND NOT deleted",
            (self._log, self._kind, str(n)),
        ).fetchone()
        if row is None or row[0] is None:
            raise NotFound(f"there is no {self._kind.partition('/')[0]}:{n}")
        found: Body = loads(row[0])["body"]
        return found

    def named(self, identity: str) -> int | None:
        """The living object that is known by an identity of its collection (``url:…``), if there is one."""
        row = self._connection.execute(NAMED, (identity, *self._log.split("/"))).fetchone()
        return None if row is None else int(row[0])

    def version_at(self, time: str) -> int:
        """How many records of the collection's log are older than a stamp."""
        newest = "SELECT coalesce(max(originator_version), 0) FROM stored_events WHERE originator_id = ?"
        (count,) = self._connection.execute(newest, (self._log,)).fetchone()
        statement = "SELECT json_extract(state, '$.timestamp') FROM stored_events WHERE originator_id = ? AND originator_version = ?"

        def timestamp(version: int) -> str:
            return str(self._connection.execute(statement, (self._log, version)).fetchone()[0])

        return bisect_left(range(1, count + 1), time, key=timestamp)

    def since(self, version: int) -> Iterator[Seen]:
        """The records of the collection's log from a version on, oldest first."""
        rows = self._connection.execute(
            "SELECT originator_version, json_extract(state, '$.key'), json_extract(state, '$.timestamp'), json_extract(state, '$.digest'), topic, body "
            "FROM stored_events WHERE originator_id = ? AND originator_version >= ? ORDER BY originator_version",
            (self._log, version),
        )
        for at, key, timestamp, digest, topic, body in rows:
            gone = topic == "record-deleted" or body is None
            yield Seen(at, int(key), timestamp, digest, None if gone else loads(body)["body"])


Decision = Callable[[Sight], Write]
"""Called inside the write lock, perhaps twice (if the transaction it shared failed): it may only look and answer.  What it raises is raised to its caller, and nothing is written."""
