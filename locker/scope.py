"""
What the exports of one source show, scope by scope, and what a newer complete one lacks.

A scope is which account, mailbox or export the items of an import are a picture of (see ``locker/batch.py`` for how sightings are remembered).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from .draft import Draft, Sighting
from .log import Logbook

PAGE = 500


class Scopes:
    """The scopes of one owner's log of one source."""

    def __init__(self, logbook: Logbook, owner: str, source: str) -> None:
        self._logbook, self._log = logbook, f"{owner}/{source}"

    def number(self, name: str) -> int:
        """The number of a scope by its name; a new one if it was never heard of."""

        def find(connection: sqlite3.Connection) -> int:
            connection.execute("INSERT OR IGNORE INTO scopes (log, name) VALUES (?, ?)", (self._log, name))
            row = connection.execute("SELECT id FROM scopes WHERE log = ? AND name = ?", (self._log, name)).fetchone()
            return int(row[0])

        return self._logbook.transact(find)

    def standing(self, scope: int, since: str) -> tuple[int, int]:
        """How many living things a scope answers for, and how many of them it has not shown since a moment."""
        statement = "SELECT count(*), coalesce(sum(as_of < ?), 0) FROM heads WHERE log = ? AND scope = ? AND NOT deleted"
        (row,) = self._logbook.read(statement, [since, self._log, scope])
        return row[0], row[1]

    def drop_missing(self, sighting: Sighting) -> int:
        """Delete what a complete export lacks though an older one of its scope had it; the number deleted.

        A thing that another scope still shows stays: that one answers for it from now on.
        """
        self.complete(sighting)
        deleted, after = 0, ("", "")
        while things := self._missing(sighting, after):
            after = things[-1]
            deleted += self._logbook.transact(lambda connection, page=things: self._drop(connection, page, sighting))  # type: ignore[misc]
        return deleted

    def complete(self, sighting: Sighting) -> None:
        """This scope vouches no more for what only older exports of it showed, and late ones cannot vouch again."""
        self._logbook.transact(lambda connection: self._complete(connection, sighting))

    def _complete(self, connection: sqlite3.Connection, sighting: Sighting) -> None:
        for table in ("sightings", "voices"):
            connection.execute(
                f"DELETE FROM {table} WHERE log = ? AND scope = ? AND as_of < ?",  # noqa: S608 - ours
                (self._log, sighting.scope, sighting.as_of),
            )
        statement = "UPDATE scopes SET as_of = ?1 WHERE id = ?2 AND coalesce(as_of, '') < ?1"
        connection.execute(statement, (sighting.as_of, sighting.scope))

    def _missing(self, sighting: Sighting, after: tuple[str, str]) -> list[tuple[str, str]]:
        """Living things (type, key) that this scope answers for, but did not show lately; a page in their order."""
        statement = "SELECT type, key FROM heads WHERE log = ? AND (type, key) > (?, ?) AND scope = ? AND as_of < ? AND NOT deleted ORDER BY type, key LIMIT ?"
        return [(row[0], row[1]) for row in self._logbook.read(statement, [self._log, *after, sighting.scope, sighting.as_of, PAGE])]

    def _drop(self, connection: sqlite3.Connection, things: Sequence[tuple[str, str]], sighting: Sighting) -> int:
        drafts = []
        for type, key in things:
            thing = (self._log, type, key)
            head = connection.execute("SELECT scope, as_of FROM heads WHERE log = ? AND type = ? AND key = ?", thing).fetchone()
            if head[0] != sighting.scope or head[1] >= sighting.as_of:
                continue  # another process has seen it meanwhile
            other = connection.execute(
                "SELECT scope FROM sightings WHERE log = ? AND type = ? AND key = ? AND scope <> ? ORDER BY as_of DESC LIMIT 1",
                (*thing, sighting.scope),
            ).fetchone()
            if other:  # the moment stays: nothing older than what was seen may change the thing
                connection.execute("UPDATE heads SET scope = ? WHERE log = ? AND type = ? AND key = ?", (other[0], *thing))
            else:
                drafts.append(Draft(type, key, None, note={"inferred": True}))
        return sum(outcome.op == "delete" for outcome in self._logbook.write(connection, self._log, drafts, sighting))
