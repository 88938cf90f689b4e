"""
A batch of drafts is decided inside the write lock, one after the other: add, edit, delete, or nothing new.

How exports are remembered.  A head names the newest export that showed its thing (*scope*, *as_of*); sightings name the newest one of every other scope.
An older export than the head's only adds.  What a complete export lacks is deleted, unless another scope's sighting still vouches for it.

How revisions are ordered.  Some sources number what they say of a thing.  A number that was heard of is nothing new; one below the newest is late: it is
appended with ``note.late``, so that nothing is lost, and moves no head.  After a delete counting begins anew.  ``note.revision`` has the number, as text:
it may have more than 64 bits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from .draft import REST, Draft, Head, Outcome, Position, Sighting, revision_of
from .error import Conflict
from .event import TOPICS, header
from .record import SALT_BYTES, Body, Op, plain_digest, salted_digest
from .recorder import HeadRow, Row, insert_rows, max_position
from .voice import Voices

SIGHTED = "INSERT INTO sightings VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET as_of = excluded.as_of WHERE excluded.as_of > as_of"


@dataclass(slots=True)
class Batch:
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
    start: int = 0
    is_stale: bool = False
    voices: Voices | None = None

    def known(self, drafts: Sequence[Draft]) -> Sequence[Draft]:
        """Read what stands of the drafts' things, in one statement a type."""
        keys: dict[str, list[str]] = {}
        for draft in drafts:
            keys.setdefault(draft.type, []).append(draft.key)
        for type, wanted in keys.items():
            self._read(
                "json_each(?1) CROSS JOIN heads ON log = ?2 AND heads.type = ?3 AND heads.key = value", orjson.dumps(wanted).decode(), type
            )
            for key in wanted:
                if "\0" in key:  # SQLite's JSON functions end a text there
                    self._read("heads WHERE key = ?1 AND log = ?2 AND type = ?3", key, type)
        self.position = max_position(self.connection)
        self.start = version_of(self.connection, self.log)
        if self.sighting is not None:
            newest = self.connection.execute("SELECT as_of FROM scopes WHERE id = ?", (self.sighting.scope,)).fetchone()
            self.is_stale = bool(newest and newest[0] and newest[0] > self.sighting.as_of)
            if self.sighting.walk:
                self.voices = Voices(self.connection, self.log, self.sighting, keys)
        return drafts

    def _read(self, where: str, value: str, type: str) -> None:
        for row in self.connection.execute(f"SELECT heads.type, heads.key, {REST} FROM {where}", (value, self.log, type)):
            self.heads[type, row[1]] = Head(*row)

    def decide(self, draft: Draft) -> Outcome:
        """Add, edit, delete or nothing."""
        head = self.heads.get((draft.type, draft.key))
        if draft.expect is not None and draft.expect != (head.newest if head else 0):
            raise Conflict(f"{draft.type} {draft.key} has changed meanwhile; read it again")
        if head is None:
            return self._add(draft) if draft.text is not None else Outcome(None, 0, 0, 0)
        if draft.revision is not None and draft.text is not None:
            return self._revised(draft, draft.text, draft.revision, head)
        nothing = Outcome(None, head.newest, head.first, 0)
        voice, before = self._counted(draft, head) if draft.lasting is not None and draft.text is not None else (draft, head)
        is_same = voice.digest == before.digest and not head.deleted and draft.patch is None
        late = False
        if self.sighting is not None:
            if self.voices is not None and is_same:
                self.voices.heard(voice)
            if is_same and self._is_fresh(head, self.sighting):
                return nothing
            late = head.as_of is not None and self.sighting.as_of < head.as_of
            head = self._seen(head, self.sighting, late, draft.text is None)
        if draft.text is None:
            gone = head.deleted and not draft.keep
            return nothing if late or gone else self._later("delete", draft, head, *self._last(head))
        if late or is_same or (self.voices is not None and self.voices.is_echo(before, voice)):
            return nothing
        return self._later("edit", draft, head, draft.text, draft.digest)

    def _counted(self, draft: Draft, head: Head) -> tuple[Draft, Head]:
        """Draft and head with the digests of what counts of their bodies; where the whole bodies are equal that is seldom asked for."""
        if draft.digest == head.digest and self.voices is None:
            return draft, head
        stood, _ = self._last(head)
        return draft._replace(digest=draft.content(draft.text or "{}")), head._replace(digest=draft.content(stood))

    def flush(self) -> None:
        """Write rows and heads."""
        if self.blobs:
            self.connection.executemany("INSERT OR IGNORE INTO blobs VALUES (?,?,?,?)", self.blobs)
        if self.sightings:
            self.connection.executemany(SIGHTED, self.sightings)
        if self.voices is not None:
            self.voices.flush()
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

    def _revised(self, draft: Draft, text: str, revision: int, head: Head) -> Outcome:
        """A body that its source numbered: newer, late, or known."""
        stands = None if head.deleted else revision_of(self._note(head.newest))
        if stands is None or stands < revision:
            return self._later("edit", draft, head, text, draft.digest)
        if stands == revision or self._has_heard(revision, head.first):
            return Outcome(None, head.newest, head.first, 0)
        version = self._append("edit", draft._replace(note={**(draft.note or {}), "late": True}), text, head.first)
        return Outcome("edit", version, head.first, self.position)

    def _note(self, version: int) -> Body | None:
        """The note of a record of this log, which may be of this batch."""
        if version > self.start:
            state = self.rows[version - self.start - 1].state
        else:
            (state,) = self.connection.execute(
                "SELECT state FROM stored_events WHERE originator_id = ? AND originator_version = ?", (self.log, version)
            ).fetchone()
        note: Body | None = orjson.loads(state).get("note")
        return note

    def _has_heard(self, revision: int, first: int) -> bool:
        """Whether any record of a thing is of a revision."""
        found = self.connection.execute(
            "SELECT 1 FROM stored_events WHERE originator_id = ?1 AND topic <> 'record-added' "
            "AND json_extract(state, '$.reference') = ?2 AND json_extract(state, '$.note.revision') = ?3 LIMIT 1",
            (self.log, first, str(revision)),
        ).fetchone()
        fresh = (head.get("note") for row in self.rows if (head := orjson.loads(row.state)).get("reference") == first)
        return found is not None or revision in map(revision_of, (self._note(first), *fresh))

    def _append(self, op: Op, draft: Draft, text: str, first: int | None) -> int:
        self.position += 1
        version = self.start + len(self.rows) + 1
        salt = self.salts[len(self.rows) * SALT_BYTES : (len(self.rows) + 1) * SALT_BYTES]
        patch_digest = None if draft.patch is None else salted_digest(salt, draft.patch)
        note = draft.note if draft.revision is None else {"revision": str(draft.revision), **(draft.note or {})}
        if self.sighting is not None and not self.sighting.walk:  # what a service says now needs no other moment than the record's
            note = {**(note or {}), "as_of": self.sighting.as_of}
        state = header(self.now, draft.type, draft.key, salted_digest(salt, text), first, draft.by, note, patch_digest)
        self.rows.append(Row(self.position, self.log, version, TOPICS[op], state, text, salt, draft.patch))
        self.blobs += [(blob.digest, len(blob.content), blob.media_type, blob.content) for blob in draft.blobs]
        return version

    def _is_fresh(self, head: Head, sighting: Sighting) -> bool:
        """Whether a thing was seen lately enough that nothing needs to be written of seeing it again."""
        return sighting.fresh is not None and head.scope == sighting.scope and (head.as_of or "") >= sighting.fresh

    def _seen(self, head: Head, sighting: Sighting, late: bool, gone: bool) -> Head:
        """The head as of a newer export; what another scope says is kept beside it."""
        if head.scope is None or (head.scope == sighting.scope and not late):
            seen = head._replace(scope=sighting.scope, as_of=sighting.as_of)
        elif head.as_of is not None and head.as_of < sighting.as_of:
            self.sightings.append((self.log, head.type, head.key, head.scope, head.as_of))
            seen = head._replace(scope=sighting.scope, as_of=sighting.as_of)
        else:
            seen = head
            if not gone and head.scope != sighting.scope and not self.is_stale:
                self.sightings.append((self.log, head.type, head.key, sighting.scope, sighting.as_of))
        if seen != head:
            self._move(seen)
        return seen

    def _last(self, head: Head) -> tuple[str, bytes]:
        """The last known body: what a delete carries; an empty one if it was erased."""
        if head.newest > self.start:
            return self.rows[head.newest - self.start - 1].body or "{}", head.digest
        body = self.connection.execute(
            "SELECT body FROM stored_events WHERE originator_id = ? AND originator_version = ?", (self.log, head.newest)
        ).fetchone()
        return (body[0], head.digest) if body and body[0] is not None else ("{}", plain_digest("{}"))

    def _move(self, head: Head) -> None:
        self.heads[head.type, head.key] = head
        self.moved[head.type, head.key] = None


def version_of(connection: sqlite3.Connection, log: str) -> int:
    """The newest version of a log, 0 if it is empty."""
    statement = "SELECT coalesce(max(originator_version), 0) FROM stored_events WHERE originator_id = ?"
    return int(connection.execute(statement, (log,)).fetchone()[0])
