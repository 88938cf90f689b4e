"""
What a connector is: one file that knows how to read one service, or one kind of archive.

Drop a file into ``connectors/`` (or publish it under the entry point ``locker.connectors``) with one subclass of ``Archived``; nothing has to be
registered.  It says which files it reads, yields what it found, and maps each document to the canonical fields of its type::

    class Bookmarks(Archived):
        name = "bookmarks"  # also the subtype and the default source: link/bookmarks
        types = ("link",)
        title = "Browser bookmarks (Netscape HTML)"
        patterns = ("*.html", "*.htm")

        def read(self, archive: Archive) -> Iterator[Found]:
            for name in archive.names(*self.patterns):
                with archive.open(name) as file:
                    for number, entry in enumerate(entries(file)):
                        yield Item("link", key=entry["href"], body=entry)

        def map(self, type: str, body: Body) -> Body | None:
            return {"url": body["href"], "title": body.get("text")}

What it yields is stored as it stands, forever.  ``map`` runs later, whenever collections are composed, and may be improved at any time: a better map
only needs a replay.  It must be a pure function of its arguments and must not raise for anything that ``read`` yielded; None means that this
document is no object (it stays in the log all the same).

Rules that the machinery keeps, so that a connector need not: unchanged items append nothing; the n-th different body of one key within a run
gets the key ``…#n``; ``Blob`` values in a body are moved to the blob table; times, salts, versions and digests are added; a problem never
stops the rest.  Memory stays bounded if ``read`` streams: never build a list of a whole archive.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from .archive import Archive
from .record import Blob, Body

__all__ = ["Archive", "Archived", "Blob", "Body", "Connector", "Found", "Item", "Problem", "Scope"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing as its source gave it: primary *type*, the source's own id as *key*, the whole *body* (None: the source says it is gone)."""

    type: str
    key: str
    body: Body | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read: which *file*, where in it (``line 12``, ``message 3``), and why."""

    file: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What the items that follow are a picture of, until the next Scope.

    *name* tells one account's export from another's (``account:12``; never a path or a moment); *as_of* is when the export was made, if it says so;
    *complete* means that it holds everything of that scope, so that what an earlier export had and this one lacks was deleted.
    """

    name: str
    as_of: datetime | None = None
    complete: bool = False


Found = Item | Problem | Scope


class Connector(ABC):
    """Knows one service: which primary types it gives, and how to map its documents to canonical fields."""

    name: ClassVar[str]
    """``[a-z0-9-]+``: the subtype of all its records and the name of its default source."""

    types: ClassVar[tuple[str, ...]]
    """Primary types that it may yield."""

    title: ClassVar[str]
    """What a person would call it."""

    @abstractmethod
    def map(self, type: str, body: Body) -> Body | None:
        """The canonical body of one document of a primary type, or None if it is no object."""


class Archived(Connector):
    """A connector that reads files which a person downloaded."""

    patterns: ClassVar[tuple[str, ...]] = ()
    """File names it reads by default (``*.vcf``); used to guess a connector and to pick members of a folder or zip."""

    @abstractmethod
    def read(self, archive: Archive) -> Iterator[Found]:
        """Everything in the archive, streaming, in a stable order.  May raise Fatal if this is not such an archive at all."""

    def options(self, settings: dict[str, str]) -> Archived:
        """The same connector with options of this run (``--option mapping=map.json``).  Raises Invalid for unknown ones."""
        if settings:
            from .error import Invalid

            raise Invalid(f"{self.name} takes no options, got {', '.join(sorted(settings))}")
        return self
