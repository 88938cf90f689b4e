"""
An index of filters: who wants a record is found by owner, source and type, without asking each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from .filter import Filter, Place
from .record import Record


class Following(Protocol):
    """Whoever has a filter."""

    @property
    def filter(self) -> Filter:
        """What it wants to hear of."""
        ...


F = TypeVar("F", bound=Following)


class Index(Generic[F]):
    """Followers by the places of their filters."""

    def __init__(self) -> None:
        self._found: dict[Place, dict[F, None]] = {}
        self._members: dict[F, tuple[Place, ...]] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[F]:
        return iter(self._members)

    def __contains__(self, member: F) -> bool:
        return member in self._members

    def add(self, member: F) -> None:
        """Find it from now on."""
        self.remove(member)
        self._members[member] = tuple(member.filter.places())
        for place in self._members[member]:
            self._found.setdefault(place, {})[member] = None

    def remove(self, member: F) -> None:
        """Find it no more."""
        for place in self._members.pop(member, ()):
            found = self._found[place]
            del found[member]
            if not found:
                del self._found[place]

    def find(self, record: Record) -> list[F]:
        """Those with a place for a record, each once."""
        known, found = self._found, list[F]()
        if known:
            for source in (record.source, None):
                for type in (record.type, record.type.partition("/")[0], None):
                    if members := known.get((record.owner, source, type)):
                        found += members
        return found
