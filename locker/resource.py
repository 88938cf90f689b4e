"""
A resource is a kind of documents that somebody tracks: the pattern of their addresses, and the field that says which revision one is.

Resources are records of their owner's own log of source ``resource``, so that nobody else sees them and a replay knows them all.  A resource never changes;
it can be removed once nobody subscribes to it, and what its documents said stays in the log.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from uuid import UUID

from .batch import version_of
from .draft import Draft
from .error import Conflict, Invalid, NotFound
from .filter import Filter
from .layout import Layout, rfc3339
from .log import Logbook
from .receiver import Receiver
from .record import Body, Record
from .subscribing import Subscriptions
from .subscription import NOW, Content, Policy, Start, Subscription
from .subscription import OWNER as SUBSCRIBING_OWNER
from .subscription import SOURCE as SUBSCRIBING_SOURCE
from .wildcard import Address, Pattern, Patterns

T = TypeVar("T")

SOURCE, TYPE = "resource", "resource/locker"
DOCUMENTS = "flare"
"""The source of documents; nobody can push to it."""
DIALECT = "document"
"""What notifications of documents look like (``document.py``)."""
ATTEMPTS = 50
"""Of those who decide at once one wins each time; more than that are not let in together."""
SHELVES = 1000
PAGE = 500
MOST_BITS = 63


@dataclass(frozen=True, slots=True)
class Change:
    """How a document says which revision it is: in a *field* at its top, as a number, or as a moment that is written in a *format* (None: RFC 3339)."""

    field: str
    format: str | None = None

    @classmethod
    def of(cls, said: Any) -> Self:
        """As somebody wrote it.  Raises Invalid."""
        name, format = (said.get("field"), said.get("format")) if isinstance(said, dict) else (None, None)
        if not isinstance(name, str) or not name:
            raise Invalid("missing change field; name the field of a document that says its revision, like updatedAt")
        if format is not None and not isinstance(format, str):
            raise Invalid("change.format is a text, like 2006-01-02T15:04:05Z07:00; leave it out for integers and RFC 3339 dates")
        if format:
            Layout.parse(format)
        return cls(name, format or None)

    def body(self) -> Body:
        """As the log keeps it."""
        return {"field": self.field} | ({"format": self.format} if self.format else {})

    def revision(self, body: Body) -> int:
        """The revision of a document: nanoseconds since 1970, or the number itself without what is behind its point.  Raises Invalid."""
        value = body.get(self.field)
        if isinstance(value, str):
            return self.moment(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            missing = self.field not in body
            said = "it is missing" if missing else f"it is {'null' if value is None else type(value).__name__}"
            raise Invalid(f"data type not supported: '{self.field}' must be a number or a date, {said}")
        if not abs(value) < 2**MOST_BITS:
            raise Invalid(f"data type not supported: '{self.field}' is beyond 64 bits")
        return int(value)

    def moment(self, text: str) -> int:
        """The moment that a text says, in nanoseconds since 1970.  Raises Invalid."""
        try:
            return Layout.parse(self.format).nanoseconds(text) if self.format else rfc3339(text)
        except Invalid as error:
            raise Invalid(f"data type not supported: '{self.field}': {error}") from error

    def read(self, text: str) -> tuple[int, ...]:
        """The revisions that somebody may mean: by the text that the document has, and by the number.  Raises Invalid if it is neither."""
        plain = text.removeprefix("-")
        numbers = (int(text),) if plain.isascii() and plain.isdecimal() and len(plain) < 40 else ()
        try:
            return (self.moment(text), *numbers)
        except Invalid:
            if not numbers:
                raise
            return numbers


@dataclass(frozen=True, slots=True)
class Resource:
    """One of them; *created* is a stamp."""

    id: str
    owner: str
    pattern: Pattern
    change: Change
    created: str

    @property
    def type(self) -> str:
        """The type of its documents' records: what subscriptions follow."""
        return f"document/{self.id}"

    @classmethod
    def of(cls, record: Record) -> Self:
        """A resource as the log says it."""
        return cls(record.key, record.owner, Pattern.parse(record.body["endpoint"]), Change.of(record.body["change"]), record.timestamp)


@dataclass(slots=True)
class _Shelf:
    """The resources of one owner as of a version of their log."""

    version: int
    by_id: dict[str, Resource] = field(default_factory=dict)
    by_shape: dict[tuple[str, ...], Resource] = field(default_factory=dict)
    patterns: Patterns[Resource] = field(default_factory=Patterns)

    def put(self, resource: Resource) -> None:
        """Take one in."""
        self.patterns.add(resource.pattern, resource)
        self.by_id[resource.id] = self.by_shape[resource.pattern.shape] = resource


class _Stale(Conflict):
    """Somebody changed what a decision stood on."""


class Resources:
    """The resources of one locker.  What changes is durable when it returns.  Usable from any thread."""

    def __init__(self, logbook: Logbook, subscriptions: Subscriptions, *, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self._logbook, self._subscriptions, self._randomness = logbook, subscriptions, randomness
        self._shelves: dict[str, _Shelf] = {}

    # -- asking --------------------------------------------------------------------------------------

    def all(self, owner: str) -> list[Resource]:
        """Those of an owner, oldest first."""
        return list(self._shelf(owner).by_id.values())

    def get(self, owner: str, id: str) -> Resource:
        """One of them.  Raises NotFound."""
        if (found := self._shelf(owner).by_id.get(id)) is None:
            raise NotFound(f"resource '{id[:100]}' not found")
        return found

    def fitting(self, owner: str, address: Address) -> Iterator[Resource]:
        """Those whose pattern fits an address, the most specific first."""
        return self._shelf(owner).patterns.fitting(address)

    def subscriptions(self, owner: str, id: str) -> list[Subscription]:
        """Who subscribes to a resource, oldest first; nobody if there is none."""
        return [each for each in self._subscriptions.list(owner, DIALECT) if each.content.options.get("resource") == id]

    # -- changing ------------------------------------------------------------------------------------

    def add(self, owner: str, pattern: Pattern, change: Change, by: str | None = None) -> Resource:
        """A new one.  Raises Conflict if there is one of the same shape."""
        id = str(UUID(bytes=self._randomness(16), version=4))
        draft = Draft.of(TYPE, id, {"endpoint": pattern.text, "change": change.body()}, by=by)

        def decide(shelf: _Shelf) -> Draft:
            if (other := shelf.by_shape.get(pattern.shape)) is not None:
                raise Conflict(f"endpoint already associated to another resource '{other.id}'")
            return draft

        self._decided(owner, decide)
        return self.get(owner, id)

    def remove(self, owner: str, id: str, by: str | None = None) -> None:
        """Track its documents no longer.  Raises NotFound, or Conflict while somebody subscribes to it."""

        def decide(shelf: _Shelf) -> Draft:
            if id not in shelf.by_id:
                raise NotFound(f"resource '{id[:100]}' not found")
            if self.subscriptions(owner, id):
                raise Conflict(f"there are subscriptions associated with this resource '{id}'; delete them first")
            return Draft.of(TYPE, id, None, by=by)

        self._decided(owner, decide)

    def subscribe(
        self,
        resource: Resource,
        receiver: Receiver,
        check: Callable[[list[Subscription]], None],
        *,
        delivery: Policy,
        options: Body,
        terms: str = "",
        start: Start = NOW,
        secret: str | None = None,
        by: str | None = None,
    ) -> tuple[Subscription, str]:
        """A new subscription to a resource's documents, and its signing secret; *options* are what ``document.Told`` knows.

        *check* sees the others of this resource, and may raise; what it saw still stands when it is made.  Raises NotFound, or Invalid.
        """
        owner = resource.owner
        filter = Filter((owner,), (DOCUMENTS,), (resource.type,), terms=terms)
        content = Content(DIALECT, {"resource": resource.id, "pattern": resource.pattern.text, **options})

        def attempt() -> tuple[Subscription, str]:
            shelf, seen = self._look(owner)
            if resource.id not in shelf.by_id:
                raise NotFound(f"resource '{resource.id}' not found")
            check(self.subscriptions(owner, resource.id))
            return self._subscriptions.add(
                owner, filter, receiver, delivery=delivery, content=content, start=start, secret=secret, places=resource.pattern.names, by=by,
                agreed=lambda connection: self._check(connection, owner, shelf, seen),
            )  # fmt: skip

        return _again(attempt)

    def _decided(self, owner: str, decide: Callable[[_Shelf], Draft]) -> None:
        """Write what was decided on what stands; if that changed meanwhile, decide again."""

        def attempt() -> None:
            shelf, seen = self._look(owner)
            draft = decide(shelf)

            def write(connection: sqlite3.Connection) -> None:
                self._check(connection, owner, shelf, seen)
                self._logbook.write(connection, f"{owner}/{SOURCE}", [draft])

            self._logbook.transact(write)

        _again(attempt)

    def _look(self, owner: str) -> tuple[_Shelf, int]:
        """What stands: the owner's resources, and the version of the subscriptions' log that is known here."""
        seen = self._logbook.count(SUBSCRIBING_OWNER, SUBSCRIBING_SOURCE)
        self._subscriptions.follow()
        return self._shelf(owner), seen

    def _check(self, connection: sqlite3.Connection, owner: str, shelf: _Shelf, seen: int) -> None:
        stands = version_of(connection, f"{owner}/{SOURCE}"), version_of(connection, f"{SUBSCRIBING_OWNER}/{SUBSCRIBING_SOURCE}")
        if stands != (shelf.version, seen):
            raise _Stale("resources or subscriptions have changed meanwhile; try again")

    def _shelf(self, owner: str) -> _Shelf:
        """As of now, whoever changed it."""
        version = self._logbook.count(owner, SOURCE)
        shelf = self._shelves.get(owner)
        if shelf is None or shelf.version != version:
            shelf = self._read(owner, version)
            while len(self._shelves) >= SHELVES:
                self._shelves.pop(next(iter(self._shelves)), None)
            self._shelves[owner] = shelf
        return shelf

    def _read(self, owner: str, version: int) -> _Shelf:
        living: dict[str, Resource] = {}
        at = 0
        while records := self._logbook.records(owner, SOURCE, gt=at, lte=version, limit=PAGE, type=TYPE):
            for record in records:
                living.pop(record.key, None)
                if record.op != "delete" and record.text is not None:
                    with suppress(Invalid, KeyError, TypeError, AttributeError):  # what somebody pushed before this source was kept for us
                        living[record.key] = Resource.of(record)
            at = records[-1].version
        shelf = _Shelf(version)
        for resource in living.values():
            with suppress(Conflict):
                shelf.put(resource)
        return shelf


def _again(attempt: Callable[[], T]) -> T:
    """Try until nothing changes meanwhile.  Raises Conflict if something always does."""
    for _ in range(ATTEMPTS - 1):
        with suppress(_Stale):
            return attempt()
    return attempt()
