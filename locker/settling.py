"""
Settling makes a collection's log say what its members mean now: which objects stand, under which ids, with which bodies.

It runs inside the write lock, in one transaction with the composer's position or an app's wish; see ``locker/component.py`` for who belongs together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .batch import version_of
from .collection import Collection
from .component import Change, Components
from .log import Draft, Logbook, Outcome, split_id
from .patch import patched
from .record import Body, Record, canonical, loads, plain_digest
from .recorder import SELECT, as_record
from .schema import Schema

SUBTYPE = "locker"
"""The subtype of the records in a collection's log: what the locker itself says."""

MANY, KEPT = 50, 20_000
"""Of components of so many members so many changes are kept while batches follow each other: a list's address may have thousands of senders."""

APP = "app"
"""The subtype of an object that an app added."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What an app asks of one object: a merge *patch*, or its deletion (None); *by* the account."""

    n: int
    patch: Body | None
    by: str


class Settling:
    """Writes the collections' logs; *change* is what a record means to its collection."""

    def __init__(
        self, logbook: Logbook, collections: Mapping[str, Collection], schemas: Mapping[str, Schema], change: Callable[[Record], Change]
    ) -> None:
        self._logbook, self._collections, self._schemas, self._change = logbook, collections, schemas, change
        self._kept: dict[tuple[str, str, int], Change] = {}

    def forget(self) -> None:
        """Map everything anew from now on: what is kept must not outlive a run, for bodies may be erased and maps be mended."""
        self._kept = {}

    def number(self, connection: sqlite3.Connection, owner: str, type: str) -> int:
        """The number of an owner's collection in the store; a new one if there is none."""
        row = connection.execute("SELECT id FROM collections WHERE owner = ? AND type = ?", (owner, type)).fetchone()
        if row is None:
            row = connection.execute("INSERT INTO collections (owner, type) VALUES (?, ?) RETURNING id", (owner, type)).fetchone()
        return int(row[0])

    def settle(
        self,
        connection: sqlite3.Connection,
        owner: str,
        type: str,
        changes: Mapping[str, Change],
        asks: Sequence[Ask] = (),
        *,
        keep: bool = False,
    ) -> list[Outcome]:
        """Make a collection's log say what the changed members and the asks mean; *keep* what was mapped, for the next batch of a run."""
        if not keep:
            self.forget()
        log, collection = f"{owner}/{type}", self.number(connection, owner, type)
        found = Components(connection, owner, collection)
        found.load(changes, [ask.n for ask in asks])
        anchors = dict(found.anchors)
        parts = found.parts(changes)
        bodies = self._bodies(connection, owner, found, parts, changes)
        if keep:
            self._keep(owner, found, parts, bodies)
        living = {name for part in parts for name in part}
        order = {name: (change.modified, name.partition(":")[0], change.type, change.key) for name, change in bodies.items()}
        found.move_anchors(order, living)
        for part in parts:
            part.sort(key=order.__getitem__)
        ids = _ids(found.anchors)
        old = version = version_of(connection, log)
        survivors = []
        for part in parts:
            anchored = [n for name in part for n in ids.get(name, ())]
            if not anchored:
                version += 1
                anchored, found.anchors[version] = [version], part[0]
            survivors.append(min(anchored))
        edits = self._edits(connection, owner, type, found, asks, version)
        drafts = self._drafts(type, found, parts, survivors, bodies, edits, asks, old)
        outcomes = self._logbook.write(connection, log, self._changed(connection, log, drafts))
        objects = {name: n for part, n in zip(parts, survivors, strict=True) for name in part}
        found.store({name: objects.get(name) for name in found.after})
        found.store_anchors(anchors)
        return outcomes

    def _drafts(
        self,
        type: str,
        found: Components,
        parts: Sequence[Sequence[str]],
        survivors: Sequence[int],
        bodies: Mapping[str, Change],
        edits: Mapping[int, list[tuple[int, Body | None]]],
        asks: Sequence[Ask],
        old: int,
    ) -> list[Draft]:
        """What should stand of every touched id; new ids first, in order, since an id is the number of its first record."""
        asked = {ask.n: ask for ask in asks}
        by_anchor, drafts, kind = (
            {name: n for part, n in zip(parts, survivors, strict=True) for name in part},
            dict[int, Draft](),
            f"{type}/{SUBTYPE}",
        )
        anchored = _ids(found.anchors)
        for part, n in zip(parts, survivors, strict=True):
            ask = asked.get(n)
            body = self._collections[type].compose([_body(bodies[name]) for name in part])
            if edits:
                body, hidden = patched(
                    body,
                    sorted(
                        (edit for name in part for id in anchored.get(name, ()) for edit in edits.get(id, ())), key=lambda edit: edit[0]
                    ),
                )
            if edits and hidden:
                drafts[n] = Draft(kind, str(n), None, by=ask.by if ask else None)
            else:
                text = self._text(type, body, part, found, bodies)
                patch = canonical(ask.patch) if ask and ask.patch is not None else None
                drafts[n] = Draft(kind, str(n), text, plain_digest(text), by=ask.by if ask else None, patch=patch)
        for n, anchor in found.anchors.items():
            if n not in drafts:
                survivor = by_anchor.get(anchor)
                drafts[n] = Draft(kind, str(n), None, note=None if survivor is None else {"merged_into": f"{type}:{survivor}"})
        return [drafts[n] for n in sorted(drafts, key=lambda n: (n <= old, n))]

    def _text(self, type: str, body: Body, part: Sequence[str], found: Components, bodies: Mapping[str, Change]) -> str:
        """The object as its record says it."""
        schema = self._schemas[type]
        time = schema.time_of(body) or min(found.after[name].since for name in part)
        subtypes = sorted({_subtype(bodies[name].type) for name in part})
        via = list(part) if len(part) == 1 else sorted(part, key=split_id)
        return canonical({"body": body, "subtypes": subtypes, "time": time, "via": via})

    def _bodies(
        self, connection: sqlite3.Connection, owner: str, found: Components, parts: Sequence[Sequence[str]], changes: Mapping[str, Change]
    ) -> dict[str, Change]:
        """Every living member's canonical body: at hand, or mapped anew from its newest record."""
        bodies = {name: change for name, change in changes.items() if change.body is not None}
        wanted = [(name, found.after[name].newest) for part in parts for name in part if name not in bodies]
        for name, newest in wanted:
            if (kept := self._kept.get((owner, name, newest))) is not None:
                bodies[name] = kept
                continue
            source = name.rpartition(":")[0]
            row = connection.execute(
                SELECT + "WHERE originator_id = ? AND originator_version = ?", (f"{owner}/{source}", newest)
            ).fetchone()
            change = self._change(as_record(row))
            bodies[name] = change if change.body is not None else _emptied(change)
        return bodies

    def _keep(self, owner: str, found: Components, parts: Sequence[Sequence[str]], bodies: Mapping[str, Change]) -> None:
        """Keep the changes of large components, which the next batch probably touches again."""
        for part in parts:
            if MANY <= len(part) <= KEPT:
                if len(self._kept) > KEPT:
                    self.forget()
                self._kept.update(((owner, name, found.after[name].newest), bodies[name]) for name in part)

    def _edits(
        self, connection: sqlite3.Connection, owner: str, type: str, found: Components, asks: Sequence[Ask], version: int
    ) -> dict[int, list[tuple[int, Body | None]]]:
        """What apps did and now ask to the touched ids, by id, as (version, patch or None for a delete); asks are remembered."""
        edits: dict[int, list[tuple[int, Body | None]]] = {}
        for at, n, op in found.edits(list(found.anchors)):
            patch = connection.execute(
                "SELECT patch FROM stored_events WHERE originator_id = ? AND originator_version = ?", (f"{owner}/{type}", at)
            ).fetchone()[0]
            edits.setdefault(n, []).append((at, loads(patch or "{}") if op == "edit" else None))
        for at, ask in enumerate(asks, version + 1):
            edits.setdefault(ask.n, []).append((at, ask.patch))
            op = "delete" if ask.patch is None else "edit"
            connection.execute("INSERT INTO edits VALUES (?,?,?,?)", (found.collection, ask.n, at, op))
        return edits

    def _changed(self, connection: sqlite3.Connection, log: str, drafts: Sequence[Draft]) -> list[Draft]:
        """Tombstones that say anew whom an id was merged into are kept; those that say the same again are not."""
        if not any(draft.text is None for draft in drafts):
            return list(drafts)
        kept = []
        for draft in drafts:
            if draft.text is None:
                note = connection.execute(
                    "SELECT json_extract(state, '$.note') FROM heads JOIN stored_events ON originator_id = log AND originator_version = newest "
                    "WHERE log = ? AND type = ? AND key = ? AND deleted",
                    (log, draft.type, draft.key),
                ).fetchone()
                if note is not None and (loads(note[0]) if note[0] else None) != draft.note:
                    draft = Draft(draft.type, draft.key, None, by=draft.by, note=draft.note, keep=True)
            kept.append(draft)
        return kept


def _ids(anchors: Mapping[int, str]) -> dict[str, list[int]]:
    ids: dict[str, list[int]] = {}
    for n, anchor in anchors.items():
        ids.setdefault(anchor, []).append(n)
    return ids


def _body(change: Change) -> Body:
    assert change.body is not None
    return change.body


def _emptied(change: Change) -> Change:
    """A member whose record cannot be mapped any more (its body was erased) stays, empty, until it is composed again."""
    return Change(change.member, change.newest, change.since, change.type, change.key, {})


def _subtype(type: str) -> str:
    return type.partition("/")[2]
