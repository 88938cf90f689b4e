"""
The records that speak of one thing: connected components of records that share identities, and the object ids anchored in them.

One hard thing, explained once.  A *member* is the current version of one thing in a connector's log, named by its first record (``vcard:17``).
Members that share an identity are connected; a component is one object.  Every object id is *anchored* on a member: the first of its component when
it was made.  The lowest id anchored in a component is the object; the others were merged into it and answer for it.  When a tie goes, the ids part
with their anchors, and so old ids return.  When an anchor is deleted, its ids move to the next member in order; when it was the last, they wait
there, and return with it.

So what should stand now follows from what is connected now, and ``settle`` only has to append where the log says something else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from .record import Body

TABLES = [
    "CREATE TABLE IF NOT EXISTS collections (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, type TEXT NOT NULL, UNIQUE (owner, type))",
    """CREATE TABLE IF NOT EXISTS members (
        collection INTEGER, member TEXT, newest INTEGER NOT NULL, since TEXT NOT NULL,
        object INTEGER,              -- the component's id; null while the member is deleted or no object
        identities TEXT NOT NULL,    -- a JSON list
        problem TEXT,                -- why it is no object, or what of it was left out
        PRIMARY KEY (collection, member)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS members_of_object ON members (collection, object) WHERE object IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS identities (collection INTEGER, identity TEXT, member TEXT, PRIMARY KEY (collection, identity, member)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS objects (collection INTEGER, n INTEGER, anchor TEXT NOT NULL, PRIMARY KEY (collection, n)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS objects_by_anchor ON objects (collection, anchor)",
    """CREATE TABLE IF NOT EXISTS edits (
        collection INTEGER, n INTEGER, version INTEGER, op TEXT NOT NULL,
        PRIMARY KEY (collection, n, version)) WITHOUT ROWID""",
]


class Member(NamedTuple):
    """A row of the members: the current version of one thing in a connector's log."""

    member: str
    newest: int
    since: str
    object: int | None
    identities: tuple[str, ...]
    problem: str | None = None


class Change(NamedTuple):
    """A member's newest version: its canonical *body* (None: deleted, or no object), and what it is called.

    *since* is the timestamp of this version; the member's own is that of its first version.
    """

    member: str
    newest: int
    since: str
    type: str
    key: str
    body: Body | None
    identities: tuple[str, ...] = ()
    modified: str = ""
    problem: str | None = None


@dataclass(slots=True)
class Components:
    """Every member and id that a batch of changes touches, as it will be after them."""

    connection: sqlite3.Connection
    owner: str
    collection: int
    before: dict[str, Member] = field(default_factory=dict)
    after: dict[str, Member] = field(default_factory=dict)
    anchors: dict[int, str] = field(default_factory=dict)

    def load(self, changes: Mapping[str, Change], ids: Iterable[int] = ()) -> None:
        """Read the members that the changes concern, the components that these belong to, and the ids anchored there."""
        self._read("member", changes)
        identities = {identity for change in changes.values() for identity in change.identities}
        self._read("member", self._sharing(identities) - self.before.keys())
        anchors = (
            self._select("SELECT anchor FROM objects WHERE collection = ? AND n IN (SELECT value FROM json_each(?))", list(ids))
            if ids
            else []
        )
        self._read("member", {anchor for (anchor,) in anchors} - self.before.keys())
        self._read("object", {member.object for member in self.before.values() if member.object is not None})
        self.after = dict(self.before)
        for name, change in changes.items():
            old = self.before.get(name)
            since = old.since if old else self._since(change)
            self.after[name] = Member(name, change.newest, since, old.object if old else None, change.identities, change.problem)
        if self.before:
            self.anchors = dict(
                self._select(
                    "SELECT n, anchor FROM json_each(?2) CROSS JOIN objects ON collection = ?1 AND anchor = value", list(self.before)
                )
            )

    def parts(self, changes: Mapping[str, Change]) -> list[list[str]]:
        """The living members, component by component."""
        living = [
            name for name in self.after if (changes[name].body is not None if name in changes else self.after[name].object is not None)
        ]
        roots = {name: name for name in living}

        def root(name: str) -> str:
            while roots[name] != name:
                roots[name] = name = roots[roots[name]]
            return name

        holders: dict[str, str] = {}
        for name in living:
            for identity in self.after[name].identities:
                if (other := holders.setdefault(identity, name)) != name:
                    roots[root(name)] = root(other)
        parts: dict[str, list[str]] = {}
        for name in living:
            parts.setdefault(root(name), []).append(name)
        return list(parts.values())

    def move_anchors(self, order: Mapping[str, Any], living: set[str]) -> None:
        """Ids whose anchor died go to the next in order of its old component, if there is one."""
        for n, anchor in self.anchors.items():
            old = self.before[anchor].object
            if anchor not in living and old is not None:
                heirs = [name for name, member in self.before.items() if member.object == old and name in living]
                if heirs:
                    self.anchors[n] = min(heirs, key=order.__getitem__)

    def store(self, objects: Mapping[str, int | None]) -> None:
        """Write members, identities and anchors as they are now; *objects* is each touched member's component id."""
        rows, gone, come = [], [], []
        for name, n in objects.items():
            old, new = self.before.get(name), replace_object(self.after[name], n)
            if new != old:
                rows.append((self.collection, *new[:4], orjson.dumps(new.identities).decode(), new.problem))
            had = old.identities if old and old.object is not None else ()
            has = new.identities if n is not None else ()
            if had != has:
                gone += [(self.collection, identity, name) for identity in had if identity not in has]
                come += [(self.collection, identity, name) for identity in has if identity not in had]
        rows.sort()
        come.sort()
        self.connection.executemany("INSERT OR REPLACE INTO members VALUES (?,?,?,?,?,?,?)", rows)
        if gone:
            self.connection.executemany("DELETE FROM identities WHERE collection = ? AND identity = ? AND member = ?", gone)
        self.connection.executemany("INSERT OR IGNORE INTO identities VALUES (?,?,?)", come)

    def store_anchors(self, before: Mapping[int, str]) -> None:
        """Write the anchors that moved or were made."""
        moved = [(self.collection, n, anchor) for n, anchor in self.anchors.items() if before.get(n) != anchor]
        self.connection.executemany("INSERT OR REPLACE INTO objects VALUES (?,?,?)", moved)

    def edits(self, ids: Sequence[int]) -> Iterator[tuple[int, int, str]]:
        """What apps did to these ids, as (version in the collection's log, id, op), in log order."""
        statement = "SELECT version, n, op FROM json_each(?2) CROSS JOIN edits ON collection = ?1 AND n = value ORDER BY version"
        yield from self._select(statement, list(ids))

    def _since(self, change: Change) -> str:
        """When a new member was first heard of; its change may be a later version."""
        source, _, first = change.member.rpartition(":")
        if change.newest == int(first):
            return change.since
        statement = "SELECT json_extract(state, '$.timestamp') FROM stored_events WHERE originator_id = ? AND originator_version = ?"
        return str(self.connection.execute(statement, (f"{self.owner}/{source}", int(first))).fetchone()[0])

    def _sharing(self, identities: set[str]) -> set[str]:
        statement = "SELECT member FROM json_each(?2) CROSS JOIN identities ON collection = ?1 AND identity = value"
        return {member for (member,) in self._select(statement, list(identities))} if identities else set()

    def _read(self, column: str, values: Iterable[Any]) -> None:
        """Read rows of the members by name or by component."""
        if not (wanted := list(values)):
            return
        # Named, because without statistics SQLite would walk the whole collection once per object instead.
        index = " INDEXED BY members_of_object" if column == "object" else ""
        statement = (
            f"SELECT member, newest, since, object, identities, problem FROM json_each(?2) CROSS JOIN members{index} ON collection = ?1 "
        )
        statement += "AND member = value" if column == "member" else "AND object = value WHERE object IS NOT NULL"
        for member, newest, since, n, identities, problem in self._select(statement, wanted):
            self.before[member] = Member(member, newest, since, n, tuple(orjson.loads(identities)), problem)

    def _select(self, statement: str, values: list[Any]) -> list[Any]:
        return self.connection.execute(statement, (self.collection, orjson.dumps(values).decode())).fetchall()


def replace_object(member: Member, n: int | None) -> Member:
    """The member in another component."""
    return member if member.object == n else member._replace(object=n)
