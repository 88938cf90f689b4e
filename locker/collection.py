"""
What a collection is: one kind of thing, composed from what many sources say of it.

A file in ``collections/`` holds one subclass.  It says which identities a canonical body has; records that share one are one object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .record import Body, canonical


@dataclass(frozen=True, slots=True)
class Object:
    """What a collection composed: *id* is ``<type>:<n>``; *via* the ids of the first records of the things it was made of."""

    id: str
    type: str
    subtypes: tuple[str, ...]
    time: str
    via: tuple[str, ...]
    body: Body = field(hash=False)


class Collection(ABC):
    """One kind of thing from many sources."""

    type: ClassVar[str]
    """The singular name, also the primary type of its records: ``contact``."""

    plural: ClassVar[str] = ""
    """An irregular plural, if it has one."""

    @abstractmethod
    def identities(self, body: Body) -> Iterable[str]:
        """What names the thing, as ``kind:value`` (``email:a@x.org``); records that share one are one object.

        Values are normalised here, so that two spellings of one name are one identity.  May be empty: then the record stays alone.
        """

    def modified(self, body: Body) -> str:
        """When the source last changed it, as comparable text; empty if it did not say."""
        value = body.get("updated")
        return value if isinstance(value, str) else ""

    def compose(self, bodies: Sequence[Body]) -> Body:
        """One body from many, given in their order.  A pure function; see ``merge``."""
        return bodies[0] if len(bodies) == 1 else merge(bodies)


def merge(bodies: Sequence[Body]) -> Body:
    """Scalars: the last that is not null.  Lists: the union, in order.  Objects: field by field.

    >>> merge([{"name": "A", "emails": ["a", "b"]}, {"name": None, "emails": ["b", "c"]}])
    {'name': 'A', 'emails': ['a', 'b', 'c']}
    """
    merged: Body = {}
    for body in bodies:
        for name, value in body.items():
            merged[name] = _join(merged.get(name), value)
    return merged


def _join(old: Any, new: Any) -> Any:
    if new is None:
        return old
    if old is None:
        return _union(new) if isinstance(new, list) else new
    if isinstance(old, list) or isinstance(new, list):
        return _union([*_listed(old), *_listed(new)])
    if isinstance(old, dict) and isinstance(new, dict):
        return merge([old, new])
    return new


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _union(values: list[Any]) -> list[Any]:
    first: dict[str, Any] = {}
    for value in values:
        first.setdefault(canonical({"": value}), value)
    return list(first.values())
