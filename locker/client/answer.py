"""
What a Locker answers, as values: objects, records, and the count of a push.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from ..error import Fatal
from ..record import Body
from .stream import read_time


@dataclass(frozen=True, slots=True)
class Object:
    """One thing that a collection composed: *via* are the ids of the records it was made of, *body* its fields."""

    id: str
    type: str
    subtypes: tuple[str, ...]
    time: datetime | None
    via: tuple[str, ...]
    body: Body

    @classmethod
    def read(cls, answer: Any) -> Self:
        """From the JSON of an object.  Raises Fatal if it is none."""
        if not isinstance(answer, dict) or "id" not in answer:
            raise Fatal("the server's answer is not an object; is the URL that of a Locker?")
        lists = (tuple(answer.get(name) or ()) for name in ("subtypes", "via"))
        subtypes, via = lists
        return cls(answer["id"], answer.get("type", ""), subtypes, read_time(answer.get("time")), via, answer.get("body") or {})


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a connector's log as the API shows it; *reference* (edits and deletes) is the first record of the same thing.

    *version* is given by ``current`` only: the newest record, while *id* is the first.
    """

    id: str
    timestamp: str
    source: str
    type: str
    op: str
    key: str
    digest: str
    body: Body | None = None
    reference: str | None = None
    by: str | None = None
    note: Body | None = None
    patch: Body | None = None
    version: str | None = None

    @classmethod
    def read(cls, answer: Any) -> Self:
        """From the JSON of a record.  Raises Fatal if it is none."""
        if not isinstance(answer, dict) or "id" not in answer:
            raise Fatal("the server's answer is not a record; is the URL that of a Locker?")
        given = {each.name: answer[each.name] for each in fields(cls) if each.name in answer}
        return cls(**(dict.fromkeys(("timestamp", "source", "type", "op", "key", "digest"), "") | given))


@dataclass(frozen=True, slots=True)
class PushReport:
    """What became of items that were pushed; *errors* are ``(index, error)``, the index counted over all of them from 0."""

    added: int = 0
    edited: int = 0
    deleted: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: tuple[tuple[int, str], ...] = field(default=())

    def plus(self, answer: Any, offset: int) -> PushReport:
        """This and the answer to one more batch, whose first item is the *offset*-th."""
        if not isinstance(answer, dict):
            raise Fatal("the server's answer is not the report of a push; is the URL that of a Locker?")
        counts = {name: getattr(self, name) + int(answer.get(name, 0)) for name in ("added", "edited", "deleted", "unchanged", "rejected")}
        errors = ((offset + int(each["index"]), str(each["error"])) for each in answer.get("errors") or ())
        return PushReport(**counts, errors=(*self.errors, *errors))
