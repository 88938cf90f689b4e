"""
Replays the log, record by record, and names whatever does not follow: the proof that nothing was changed since it was written.

It reads one snapshot of the file, so that a server may go on beside it, and keeps what the heads should be in a scratch file: memory stays
bounded however long the log is.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from .draft import revision_of
from .event import OPS
from .record import plain_digest, salted_digest
from .recorder import SELECT

PAGE = 1000
THINGS = """
CREATE TABLE things (
    log TEXT, type TEXT, key TEXT, first INTEGER, newest INTEGER, digest BLOB, deleted INTEGER,
    PRIMARY KEY (log, type, key)) WITHOUT ROWID"""

_BLOB = re.compile(r'\{"blob":"(sha256:[0-9a-f]{64})","media_type":"(?:[^"\\]|\\.)*","size":\d+\}')


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: in which *file*, at which *place* (a log, a record, a table's row), and *what*."""

    file: str
    place: str
    what: str


@dataclass(slots=True)
class Counts:
    """What was looked at.  An *erased* record's body was emptied on purpose; its header still stands."""

    records: int = 0
    erased: int = 0
    heads: int = 0
    blobs: int = 0
    objects: int = 0
    rows: int = 0


@dataclass(slots=True)
class Replay:
    """One pass over the records of a log store, a *connection* inside a read transaction; *scratch* is an empty database."""

    file: Path
    connection: sqlite3.Connection
    scratch: sqlite3.Connection
    counts: Counts
    told: Callable[[int, int], None] = lambda *_: None
    _versions: dict[str, int] = field(default_factory=dict)
    _timestamp: str = ""
    _position: int = 0

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong with records, heads and blobs."""
        self.scratch.execute(THINGS)
        yield from self._records()
        yield from self._heads()
        yield from self._blobs()

    # -- records -------------------------------------------------------------------------------------

    def _records(self) -> Iterator[Finding]:
        end = self.connection.execute("SELECT max(position) FROM stored_events").fetchone()[0] or 0
        cursor = self.connection.execute(SELECT + "ORDER BY position")
        while rows := cursor.fetchmany(PAGE):
            self.scratch.execute("BEGIN")
            for row in rows:
                yield from self._record(*row)
            self.scratch.execute("COMMIT")
            yield from self._missing_blobs(rows)
            self.counts.records += len(rows)
            self.told(rows[-1][0], end)

    def _record(
        self, position: int, log: str, version: int, topic: str, state: str, body: str | None, salt: bytes | None, patch: str | None
    ) -> Iterator[Finding]:
        place = f"{log}:{version}"
        expected = self._versions.get(log, 0) + 1
        if version != expected:
            yield self._found(
                place, f"has version {version} at position {position}, where {expected} should be: the log has a gap or a turn"
            )
        self._versions[log] = version
        if position != self._position + 1:
            yield self._found(place, f"stands at position {position}, where {self._position + 1} should be: what was between is gone")
        self._position = position
        head = _header(state)
        if head is None or topic not in OPS:
            yield self._found(place, f"has a header that is none: {state[:80]!r}, topic {topic!r}")
            return
        if head["timestamp"] < self._timestamp:
            yield self._found(place, f"is of {head['timestamp']}, before the record ahead of it ({self._timestamp})")
        self._timestamp = max(self._timestamp, head["timestamp"])
        yield from self._digests(place, head, body, salt, patch)
        yield from self._step(place, log, version, topic, head, body)

    def _digests(self, place: str, head: dict[str, Any], body: str | None, salt: bytes | None, patch: str | None) -> Iterator[Finding]:
        if body is None:
            self.counts.erased += 1
        elif salt is None:
            yield self._found(place, "has lost its salt, though its body is there: its digest cannot be checked")
        elif salted_digest(salt, body) != head["digest"]:
            yield self._found(place, "has another body than its digest says")
        if patch is not None and (salt is None or salted_digest(salt, patch) != head.get("patch")):
            yield self._found(place, "has another patch than its digest says")

    def _step(self, place: str, log: str, version: int, topic: str, head: dict[str, Any], body: str | None) -> Iterator[Finding]:
        """Take the record into the heads as they should be."""
        thing, reference, op = (log, head["type"], head["key"]), head.get("reference"), OPS[topic]
        digest = None if body is None else plain_digest(body)
        if op == "add":
            made = self.scratch.execute("INSERT OR IGNORE INTO things VALUES (?,?,?,?,?,?,0)", (*thing, version, version, digest))
            if reference is not None:
                yield self._found(place, f"is an add, yet refers to record {reference}")
            if not made.rowcount:
                yield self._found(place, f"adds {head['type']} {head['key']!r}, which an earlier record has added")
            return
        if isinstance(note := head.get("note"), dict) and note.get("late"):
            yield from self._late(place, thing, reference, op, note)
            return
        # A delete carries the last known body; if that was erased, its digest is nowhere but in the head.
        newer = "" if op == "delete" else ", digest = :digest"
        done = self.scratch.execute(
            f"UPDATE things SET newest = :newest, deleted = :deleted{newer} WHERE (log, type, key, first) = (:log, :type, :key, :first)",  # noqa: S608 - ours
            {
                "newest": version, "deleted": op == "delete", "digest": digest, "log": log, "type": head["type"], "key": head["key"], "first": reference,
            },
        )  # fmt: skip
        if not done.rowcount:
            yield self._found(place, f"refers to record {reference}, which is not the first one of {head['type']} {head['key']!r}")

    def _late(self, place: str, thing: tuple[Any, ...], reference: Any, op: str, note: dict[str, Any]) -> Iterator[Finding]:
        """A late record moves no head: a newer revision stands already."""
        row = self.scratch.execute("SELECT first, newest, deleted FROM things WHERE (log, type, key) = (?,?,?)", thing).fetchone()
        if row is None or row[0] != reference:
            yield self._found(place, f"refers to record {reference}, which is not the first one of {thing[1]} {thing[2]!r}")
            return
        (state,) = self.connection.execute(
            "SELECT state FROM stored_events WHERE originator_id = ? AND originator_version = ?", (thing[0], row[1])
        ).fetchone()
        mine, theirs = revision_of(note), revision_of((_header(state) or {}).get("note"))
        if op != "edit" or row[2] or mine is None or theirs is None or mine >= theirs:
            yield self._found(place, f"is called late, though record {row[1]}, which stood then, is no newer revision")

    # -- heads ---------------------------------------------------------------------------------------

    def _heads(self) -> Iterator[Finding]:
        """Walk both lists in their common order."""
        order = "ORDER BY log, type, key"
        stand = self.connection.execute(f"SELECT log, type, key, first, newest, digest, deleted FROM heads {order}")  # noqa: S608 - ours
        should = self.scratch.execute(f"SELECT log, type, key, first, newest, digest, deleted FROM things {order}")  # noqa: S608 - ours
        for thing, mine, theirs in merged(stand, should, 3):
            self.counts.heads += 1
            place = f"{thing[0]}, head of {thing[1]} {thing[2]!r}"
            if theirs is None:
                yield self._found(place, "stands, though no record speaks of it")
            elif mine is None:
                yield self._found(place, f"is missing; its newest record is {thing[0]}:{theirs[4]}")
            else:
                names = ("first", "newest", "digest", "deleted")
                wrong = [
                    name for name, a, b in zip(names, mine[3:], theirs[3:], strict=True) if a != b and not (name == "digest" and b is None)
                ]
                if wrong:
                    yield self._found(place, f"says something else than a replay: {', '.join(wrong)}")

    # -- blobs ---------------------------------------------------------------------------------------

    def _missing_blobs(self, rows: list[Any]) -> Iterator[Finding]:
        """References from bodies to blobs that are not there."""
        wanted: dict[str, str] = {}
        for row in rows:
            if row[5] and '{"blob":"sha256:' in row[5]:
                for digest in _BLOB.findall(row[5]):
                    wanted.setdefault(digest, f"{row[1]}:{row[2]}")
        if wanted:
            found = self.connection.execute(
                "SELECT digest FROM json_each(?) CROSS JOIN blobs ON digest = value", (orjson.dumps(list(wanted)).decode(),)
            )
            for digest in wanted.keys() - {each for (each,) in found}:
                yield self._found(wanted[digest], f"refers to the blob {digest}, which is not there")

    def _blobs(self) -> Iterator[Finding]:
        for digest, size, content in self.connection.execute("SELECT digest, size, content FROM blobs"):
            self.counts.blobs += 1
            data = content.encode() if isinstance(content, str) else content
            if digest != "sha256:" + sha256(data).hexdigest():
                yield self._found(f"blob {digest}", "has other bytes than its name says")
            elif size != len(data):
                yield self._found(f"blob {digest}", f"is said to have {size} bytes, and has {len(data)}")

    def _found(self, place: str, what: str) -> Finding:
        return Finding(self.file.name, place, what)


def merged(left: Iterator[Any], right: Iterator[Any], width: int) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """Rows of two ordered lists side by side, by their first *width* columns; None where one list has no such row."""
    mine, theirs = next(left, None), next(right, None)
    while mine is not None or theirs is not None:
        a = None if mine is None else tuple(mine[:width])
        b = None if theirs is None else tuple(theirs[:width])
        if b is None or (a is not None and a < b):
            assert a is not None
            yield a, mine, None
            mine = next(left, None)
        elif a is None or b < a:
            yield b, None, theirs
            theirs = next(right, None)
        else:
            yield a, mine, theirs
            mine, theirs = next(left, None), next(right, None)


def _header(state: Any) -> dict[str, Any] | None:
    """A record's header, if it is one."""
    try:
        head = orjson.loads(state)
        fits = all(isinstance(head[name], str) for name in ("timestamp", "type", "key", "digest"))
    except (ValueError, TypeError, KeyError):
        return None
    return head if fits else None
