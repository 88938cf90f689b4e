"""
What a collection is: one kind of thing, composed from what many sources say of it.

A file in ``collections/`` holds one subclass.  It says which identities a canonical body has; records that share one are one object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
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
    said: dict[str, list[Any]] = {}
    for body in bodies:
        for name, value in body.items():
            said.setdefault(name, []).append(value)
    return {name: _joined(values) for name, values in said.items()}


def _joined(values: list[Any]) -> Any:
    """What is left of everything that was said of one field, in order; all at once, since thousands may speak of one thing."""
    known = [value for value in values if value is not None]
    at = next((index for index, value in enumerate(known) if isinstance(value, list)), None)
    if at is not None:
        before = [_joined(known[:at])] if at else []
        return _union(before + [each for value in known[at:] for each in (value if isinstance(value, list) else [value])])
    objects = list(takewhile(lambda value: isinstance(value, dict), reversed(known)))
    if len(objects) > 1:
        return merge(objects[::-1])
    return known[-1] if known else None


def _union(values: list[Any]) -> list[Any]:
    first: dict[str, Any] = {}
    for value in values:
        first.setdefault(canonical({"": value}), value)
    return list(first.values())
