"""
The composer follows the connectors' logs and writes the collections' logs: many sources' records in, one object out.

Mapping documents to canonical fields needs no lock and happens first.  What becomes of the objects is decided inside the write lock, and stored
in the same transaction as the composer's new position.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from concurrent.futures import Future

from .batch import version_of
from .collection import Collection
from .component import TABLES, Change
from .connector import Connector
from .decision import Decided, Decision, Sight, Write
from .error import Conflict, Invalid, NotFound
from .follower import Follower, Lease
from .log import Draft, Logbook, Position, split_id
from .patch import merge_patch
from .record import Body, Record, canonical, loads, plain_digest
from .recorder import SELECT, as_record, max_position
from .schema import Schema
from .settling import APP, SUBTYPE, Ask, Settling

BATCH = 1000
DELIVERIES = "system/delivery"
"""A log that nothing is composed of, and that grows with every notification."""


class Composer(Follower):
    """Keeps every collection's log in step with the connectors' logs."""

    name = "composer"

    def __init__(
        self,
        logbook: Logbook,
        connectors: Mapping[str, Connector],
        collections: Mapping[str, Collection],
        schemas: Mapping[str, Schema],
        *,
        lease: Lease | None = None,
        batch: int = BATCH,
    ) -> None:
        self._logbook, self._connectors, self._collections, self._schemas = logbook, connectors, collections, schemas
        self._lease, self._batch = lease, batch
        self._settling = Settling(logbook, collections, schemas, self.change)
        logbook.transact(lambda connection: [connection.execute(statement) for statement in TABLES] and None)

    @property
    def position(self) -> Position:
        return self._logbook.tracked(self.name)

    def step(self) -> int:
        """Compose the next batch of records; raises Conflict if another process took over."""
        position = self.position
        records, reached = self._logbook.batch(position, self._batch, but=(*self._collections, DELIVERIES))
        if reached == position:
            self._settling.forget()
            return 0
        changes = self.read(records)

        def apply(connection: sqlite3.Connection) -> None:
            if self._lease:
                self._lease.check(connection)
            if self._tracked(connection) != position:
                raise Conflict("another process composed these records")
            for (owner, type), batch in changes.items():
                self._settling.settle(connection, owner, type, batch, keep=True)
            self._logbook.track(connection, self.name, reached)

        self._logbook.transact(apply)
        return reached - position

    def recompose(self, type: str) -> int:
        """Run the maps of today over the archive of a type, and append what differs; the number of members looked at.  Raises NotFound."""
        if type not in self._collections:
            raise NotFound(f"there is no collection {type!r}; there are {', '.join(self._collections)}")
        done, position, end = 0, 0, self.position
        self._settling.forget()  # what is kept was mapped by the maps of yesterday
        while records := self._logbook.since(position, limit=self._batch, lte=end, but=tuple(self._collections)):
            position = records[-1].position
            wanted = [record for record in records if record.type.partition("/")[0] == type]

            def apply(connection: sqlite3.Connection, wanted: list[Record] = wanted) -> int:
                newest = [record for record in wanted if self._is_newest(connection, record)]
                for (owner, found), changes in self.read(newest).items():
                    self._settling.settle(connection, owner, found, changes, keep=True)
                return len(newest)

            done += self._logbook.transact(apply)
        self._settling.forget()
        return done

    # -- mapping: outside the lock -------------------------------------------------------------------

    def read(self, records: Iterable[Record]) -> dict[tuple[str, str], dict[str, Change]]:
        """The newest change of every member, by owner and type."""
        changes: dict[tuple[str, str], dict[str, Change]] = {}
        for record in records:
            type = record.type.partition("/")[0]
            if type in self._collections and not record.is_late:
                changes.setdefault((record.owner, type), {})[record.first] = self.change(record)
        return changes

    def change(self, record: Record) -> Change:
        """What a record means to its collection."""
        body: Body | None = None
        problem: str | None = None
        identities: tuple[str, ...] = ()
        modified, primary = "", record.type.partition("/")[0]
        called = f"{primary}/{APP}" if record.source in self._collections else record.type
        try:
            if record.op != "delete" or record.source in self._collections:
                body, problem = self._canonical(primary, record)
            if body is not None:
                identities, modified = self._named(primary, body)
        except Exception as error:  # a stranger's plugin: whatever it raises, the others go on, and somebody can see it
            body, identities, problem = None, (), f"{type(error).__name__}: {error}"[:500]
        return Change(record.first, record.version, record.timestamp, called, record.key, body, identities, modified, problem)

    def _named(self, type: str, body: Body) -> tuple[tuple[str, ...], str]:
        """What a canonical body is known by, and when it changed.  Raises whatever a stranger's collection does."""
        collection = self._collections[type]
        # Identities are looked up through SQLite's JSON functions, which end a text at NUL.
        identities = tuple(dict.fromkeys(identity.replace("\0", "\ufffd") for identity in collection.identities(body)))
        canonical({"body": body, "identities": identities})  # what JSON cannot say must not reach the log
        return identities, collection.modified(body)

    def _canonical(self, primary: str, record: Record) -> tuple[Body | None, str | None]:
        """The canonical body, and what is wrong with it; fields that break the schema are left out, the others stay."""
        if record.source in self._collections:
            made: Body | None = record.body.get("body")
            return made, None
        connector = self._connectors.get(record.source.partition(".")[0])
        body = record.body if connector is None else connector.map(primary, record.body)
        if body is None or self._schemas[primary].is_valid(body):
            return body, None
        return self._schemas[primary].mend(body)

    # -- what apps write -----------------------------------------------------------------------------

    def add(self, owner: str, type: str, body: Body, by: str) -> tuple[str, Position]:
        """Add an object of an app's own; its id as it is now (it may have merged at once) and where that stands.  Raises Invalid, or Forbidden for a closed type."""
        return self.adding(owner, type, body, by).result()

    def adding(self, owner: str, type: str, body: Body, by: str) -> Future[tuple[str, Position]]:
        """Like ``add``, for callers that must not wait."""
        self._schemas[type].check_open()
        self._schemas[type].check(body)
        named = self._identified(type, body)
        return self._logbook.queue(lambda connection: self._add(connection, owner, type, body, by, named))

    def _identified(self, type: str, body: Body) -> tuple[tuple[str, ...], str]:
        """What a body is known by, and when its source says it changed.  Raises Invalid if its collection cannot say."""
        try:
            identities, modified = self._named(type, body)
        except Exception as error:  # a stranger's plugin, or a value that it did not think of
            raise Invalid(f"no {type} can be made of this body: {error}") from error
        return tuple(identities), modified

    def _add(
        self,
        connection: sqlite3.Connection,
        owner: str,
        type: str,
        body: Body,
        by: str,
        named: tuple[tuple[str, ...], str],
        now: str | None = None,
    ) -> tuple[str, Position]:
        log, (identities, modified) = f"{owner}/{type}", named
        now, n = now or self._logbook.now(connection), version_of(connection, log) + 1
        name = f"{type}:{n}"
        text = canonical({"body": body, "subtypes": [APP], "time": self._schemas[type].time_of(body) or now, "via": [name]})
        draft = Draft(f"{type}/{SUBTYPE}", str(n), text, plain_digest(text), by=by)
        (made,) = self._logbook.write(connection, log, [draft], now=now)
        id = self._settling.number(connection, owner, type)
        connection.execute("INSERT INTO objects VALUES (?,?,?)", (id, n, name))
        connection.execute("INSERT INTO members VALUES (?,?,?,?,?,'[]',NULL)", (id, name, n, now, None if identities else n))
        if not identities:  # nothing can be connected to it: it is an object as it is
            return name, made.position
        record = as_record(connection.execute(SELECT + "WHERE position = ?", (made.position,)).fetchone())
        change = Change(name, n, record.timestamp, f"{type}/{APP}", str(n), body, identities, modified)
        outcomes = self._settling.settle(connection, owner, type, {name: change})
        positions = [outcome.position for outcome in outcomes if outcome.op]
        survivor = connection.execute("SELECT object FROM members WHERE collection = ? AND member = ?", (id, name)).fetchone()[0]
        return f"{type}:{survivor}", max([made.position, *positions])

    def edit(self, owner: str, type: str, id: str, patch: Body | None, by: str) -> tuple[str, Position]:
        """Lay a merge patch over an object, or delete it (None); its id as it is now, and where that stands.

        Raises NotFound for an id that is no object of this owner, Invalid for a result that breaks the schema.
        """
        return self.editing(owner, type, id, patch, by).result()

    def editing(self, owner: str, type: str, id: str, patch: Body | None, by: str) -> Future[tuple[str, Position]]:
        """Like ``edit``, for callers that must not wait."""
        source, n = split_id(id)
        if source != type:
            raise Invalid(f"{id} is no {type}")
        self._schemas[type].check_open()

        return self._logbook.queue(lambda connection: self._edit(connection, owner, type, n, patch, by))

    def _edit(self, connection: sqlite3.Connection, owner: str, type: str, n: int, patch: Body | None, by: str) -> tuple[str, Position]:
        survivor = self._survivor(connection, owner, type, n)
        if patch is None and self._is_hidden(connection, owner, type, survivor):
            raise NotFound(f"{type}:{survivor} is deleted already")
        outcomes = self._settling.settle(connection, owner, type, {}, [Ask(survivor, patch, by)])
        if patch is not None:
            self._check_edited(connection, owner, type, survivor)
        return f"{type}:{survivor}", max((outcome.position for outcome in outcomes), default=0) or max_position(connection)

    def deciding(self, owner: str, type: str, decision: Decision, by: str) -> Future[Decided]:
        """Let an app decide inside the write lock what to add or edit, then do that in the same transaction.

        For objects that are changed only so; what has identities is found by ``Sight.named``.  The future raises what the decision raises, and BrokenSchema.
        """

        def apply(connection: sqlite3.Connection) -> Decided:
            log, kind = f"{owner}/{type}", f"{type}/{SUBTYPE}"
            sight = Sight(connection, log, kind, self._logbook.now(connection))
            write = decision(sight)
            if write.n is None:
                body = write.body or {}
                self._schemas[type].check(body)
                id, position = self._add(connection, owner, type, body, by, self._identified(type, body), sight.now)
                return Decided(split_id(id)[1], body, True, position)
            old = sight.body(write.n)
            if not write.body:
                return Decided(write.n, old, False, max_position(connection))
            return self._lay(connection, owner, type, write, old, by, sight.now)

        return self._logbook.queue(apply)

    def _lay(self, connection: sqlite3.Connection, owner: str, type: str, write: Write, old: Body, by: str, now: str) -> Decided:
        """Lay a patch over an object that an app added and nothing else is part of: what stands is what all patches before made of it.

        So it costs the same however often the object was edited, which ``settle`` does not.
        """
        assert write.n is not None
        log, name, id = f"{owner}/{type}", f"{type}:{write.n}", self._settling.number(connection, owner, type)
        alone = "SELECT since FROM members WHERE collection = ?1 AND object = ?2 AND member = ?3 AND (SELECT count(*) FROM members WHERE collection = ?1 AND object = ?2) = 1"
        found = connection.execute(alone, (id, write.n, name)).fetchone()
        if found is None:
            _, position = self._edit(connection, owner, type, write.n, write.body, by)
            return Decided(write.n, merge_patch(old, write.body), False, position)
        body: Body = merge_patch(old, write.body)
        self._schemas[type].check(body)
        time = self._schemas[type].time_of(body) or found[0]
        text = canonical({"body": body, "subtypes": [APP], "time": time, "via": [name]})
        patch = canonical(write.body or {})
        draft = Draft(f"{type}/{SUBTYPE}", str(write.n), text, plain_digest(text), by=by, patch=patch)
        (made,) = self._logbook.write(connection, log, [draft], now=now)
        connection.execute("INSERT INTO edits VALUES (?,?,?,'edit')", (id, write.n, made.version))
        return Decided(write.n, body, False, made.position)

    def _check_edited(self, connection: sqlite3.Connection, owner: str, type: str, n: int) -> None:
        row = connection.execute(
            "SELECT body FROM heads JOIN stored_events ON originator_id = log AND originator_version = newest WHERE log = ? AND type = ? AND key = ?",
            (f"{owner}/{type}", f"{type}/{SUBTYPE}", str(n)),
        ).fetchone()
        self._schemas[type].check(loads(row[0])["body"])

    def _is_hidden(self, connection: sqlite3.Connection, owner: str, type: str, n: int) -> bool:
        statement = "SELECT deleted FROM heads WHERE log = ? AND type = ? AND key = ?"
        return bool(connection.execute(statement, (f"{owner}/{type}", f"{type}/{SUBTYPE}", str(n))).fetchone()[0])

    def _survivor(self, connection: sqlite3.Connection, owner: str, type: str, n: int) -> int:
        """The object that answers for an id now."""
        row = connection.execute(
            "SELECT m.object FROM collections c JOIN objects o ON o.collection = c.id AND o.n = ? "
            "JOIN members m ON m.collection = c.id AND m.member = o.anchor WHERE c.owner = ? AND c.type = ?",
            (n, owner, type),
        ).fetchone()
        if row is None or row[0] is None:
            raise NotFound(f"{owner} has no object {type}:{n}")
        return int(row[0])

    # -- small things --------------------------------------------------------------------------------

    def problems(self, owner: str) -> dict[str, int]:
        """How many members of each type are no object, or lack fields, because of a problem."""
        rows = self._logbook.read(
            "SELECT type, count(*) FROM members JOIN collections ON id = collection WHERE owner = ? AND problem IS NOT NULL GROUP BY type",
            [owner],
        )
        return dict(rows)

    def _tracked(self, connection: sqlite3.Connection) -> Position:
        row = connection.execute("SELECT notification_id FROM tracking WHERE application_name = ?", (self.name,)).fetchone()
        return row[0] if row else 0

    def _is_newest(self, connection: sqlite3.Connection, record: Record) -> bool:
        row = connection.execute(
            "SELECT newest FROM heads WHERE log = ? AND type = ? AND key = ?", (f"{record.owner}/{record.source}", record.type, record.key)
        ).fetchone()
        return bool(row and row[0] == record.version)
