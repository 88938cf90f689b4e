"""
Pushing: items from outside, of sources that no connector has, into the log as canonical bodies.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from .draft import Draft, Outcome
from .error import Invalid
from .log import Logbook, Position
from .record import Body, ServiceType, check_source
from .resource import DOCUMENTS
from .resource import SOURCE as RESOURCES
from .run import RUNS
from .schema import Schema


@dataclass(slots=True)
class Pushed:
    """What became of pushed items: counts, and ``{"index", "error"}`` of each that was rejected."""

    added: int = 0
    edited: int = 0
    deleted: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: list[Body] = field(default_factory=list)
    position: Position = 0

    def count(self, outcomes: Iterable[Outcome]) -> Self:
        """Take in what became of the items that were not rejected."""
        for outcome in outcomes:
            match outcome.op:
                case "add":
                    self.added += 1
                case "edit":
                    self.edited += 1
                case "delete":
                    self.deleted += 1
                case None:
                    self.unchanged += 1
            self.position = max(self.position, outcome.position)
        return self


class Pushing:
    """Takes what is pushed, unless its source is called like a connector or a collection."""

    def __init__(self, logbook: Logbook, connectors: Collection[str], collections: Collection[str], schemas: Mapping[str, Schema]) -> None:
        self._logbook, self._connectors, self._collections, self._schemas = logbook, connectors, collections, schemas

    def push(self, owner: str, source: str, items: Iterable[object], by: str | None = None) -> Pushed:
        """Append pushed items ``{"type","key","body"}`` to a source that no connector has; bodies are canonical.

        Items that are wrong are rejected, each for itself; the others are appended, all or none.  Raises Invalid for a source that is taken.
        """
        pushed, drafts = self.drafts(source, items, by)
        return pushed.count(self._logbook.append(owner, source, drafts))

    def drafts(self, source: str, items: Iterable[object], by: str | None = None) -> tuple[Pushed, list[Draft]]:
        """Pushed items as drafts, for callers that append them themselves, and what was rejected; ``count`` what became of them."""
        self.check_pushable(source)
        pushed, drafts = Pushed(), list[Draft]()
        for index, item in enumerate(items):
            try:
                drafts.append(self._pushed(source, item, by))
            except Invalid as error:
                pushed.rejected += 1
                pushed.errors.append({"index": index, "error": str(error)})
        return pushed, drafts

    def check_pushable(self, source: str) -> None:
        """Raise Invalid if a source's name is wrong, or belongs to a connector or a collection."""
        name = check_source(source).partition(".")[0]
        if name in self._collections:
            raise Invalid(f"{source!r} is the name of a collection; choose another name for the source")
        if name == RUNS:
            raise Invalid(f"{source!r} is where the locker tells of its runs; choose another name for the source")
        if name in self._connectors:
            raise Invalid(f"{source!r} belongs to the connector {name}; choose another name for the source")
        if name in (DOCUMENTS, RESOURCES):
            raise Invalid(f"{source!r} is kept for resources and their documents (PUT /documents/…); choose another name for the source")

    def _pushed(self, source: str, item: object, by: str | None) -> Draft:
        if isinstance(item, Invalid):  # it could not even be read
            raise item
        if not isinstance(item, dict):
            raise Invalid('an item is an object {"type", "key", "body"}')
        type, key, body = item.get("type"), item.get("key"), item.get("body")
        if not isinstance(type, str) or not isinstance(key, str):
            raise Invalid("an item needs a type (like contact/mine) and a key, both text")
        type = type if "/" in type else f"{type}/{source.partition('.')[0]}"
        if "body" not in item or not (body is None or isinstance(body, dict)):
            raise Invalid("an item needs a body: an object, or null if the thing is gone")
        if schema := self._schemas.get(ServiceType.parse(type).primary):
            if schema.closed:
                raise Invalid(f"{schema.plural} cannot be pushed; they are written by calls of their own only")
            if body is not None:
                schema.check(body)
        return Draft.of(type, key, body, by=by)
