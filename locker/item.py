"""
What a connector yields before anything becomes a record: items, problems, and the scope that they are a picture of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .record import Body


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
