"""
Reads the logs: records, heads, blobs and positions of one store, for whoever has no business writing there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .database import translated
from .draft import REST, Head, Position, split_id
from .error import Corrupt, NotFound
from .record import Blob, Record
from .recorder import SELECT, LogRecorder, as_record

PAGE = 500


class LogReader:
    """Every log of a locker, in one order.  Each call reads in a transaction of its own."""

    def __init__(self, path: Path, recorder: LogRecorder) -> None:
        self.path, self.recorder = path, recorder

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

    def fact(self, name: str, default: str = "") -> str:
        """A small fact about this store, such as the current generation of the read models."""
        rows = self.read("SELECT value FROM facts WHERE name = ?", [name])
        return str(rows[0][0]) if rows else default


def _types(type: str | None) -> tuple[str, str]:
    """The first and last type of a kind: ``contact/twitter`` is itself, ``contact`` all of its subtypes, None every type."""
    if type is None:
        return "", "\x7f"
    return (type, type) if "/" in type else (f"{type}/", f"{type}/\x7f")
