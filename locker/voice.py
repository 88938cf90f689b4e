"""
Voices of one thing: two streams of a service, or two entries of one list, that show the same key with different bodies.

The first time both are heard, and the later one stands.  From then on each voice is compared with what it said itself, so that a thing does not go back
and forth between them at every run: an echo is nothing new.  A voice that a whole walk of its stream does not show any more is forgotten
(``scope.py``), and a thing that only one voice is left for is compared with its head again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import orjson

from .draft import Draft, Head, Sighting

Thing = tuple[str, str]


class Voices:
    """What the voices of a page's things said last, by type and keys; *sighting* is the page's."""

    def __init__(self, connection: sqlite3.Connection, log: str, sighting: Sighting, keys: Mapping[str, Sequence[str]]) -> None:
        self._connection, self._log, self._sighting = connection, log, sighting
        self._said: dict[Thing, dict[tuple[int, bytes], str]] = {}
        self._changed: set[Thing] = set()
        if connection.execute("SELECT 1 FROM voices WHERE log = ? LIMIT 1", (log,)).fetchone():
            for type, wanted in keys.items():
                self._read(type, wanted)

    def _read(self, type: str, wanted: Sequence[str]) -> None:
        rows = self._connection.execute(
            "SELECT voices.key, scope, digest, as_of FROM json_each(?1) CROSS JOIN voices ON log = ?2 AND voices.type = ?3 AND voices.key = value",
            (orjson.dumps(wanted).decode(), self._log, type),
        )
        for key, scope, digest, as_of in rows:
            self._said.setdefault((type, key), {})[scope, digest] = as_of

    def heard(self, draft: Draft) -> None:
        """A body that stands was shown again."""
        if (said := self._said.get((draft.type, draft.key))) is not None:
            self._say(said, draft)

    def is_echo(self, head: Head, draft: Draft) -> bool:
        """Whether a body that differs from a head is what this voice said before; if not, it is remembered where there are several voices."""
        thing, sighting = (draft.type, draft.key), self._sighting
        said = self._said.get(thing)
        if said and (sighting.scope, draft.digest) in said and any(digest == head.digest for _, digest in said):
            self._say(said, draft)
            return not head.deleted
        is_beside = head.scope is not None and (head.scope != sighting.scope or (head.as_of or "") >= sighting.walk)
        if not head.deleted and (is_beside or said):
            # What this stream said before this walk, it says no more.
            kept = {voice: as_of for voice, as_of in (said or {}).items() if voice[0] != sighting.scope or as_of >= sighting.walk}
            if is_beside and head.scope is not None:
                kept.setdefault((head.scope, head.digest), head.as_of or "")
            self._said[thing] = kept
            self._say(kept, draft)
        return False

    def flush(self) -> None:
        """Write what has changed."""
        for type, key in self._changed:
            self._connection.execute("DELETE FROM voices WHERE log = ? AND type = ? AND key = ?", (self._log, type, key))
            self._connection.executemany(
                "INSERT INTO voices VALUES (?,?,?,?,?,?)",
                [(self._log, type, key, scope, digest, as_of) for (scope, digest), as_of in self._said[type, key].items()],
            )

    def _say(self, said: dict[tuple[int, bytes], str], draft: Draft) -> None:
        said[self._sighting.scope, draft.digest] = self._sighting.as_of
        self._changed.add((draft.type, draft.key))
