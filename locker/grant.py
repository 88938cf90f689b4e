"""
A grant lets somebody read or write a locker that is not theirs, whole or only some types of things in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .error import Invalid
from .record import Body, check_owner
from .token import ANY

ACCESS = ("read", "write")


@dataclass(frozen=True, slots=True)
class Grant:
    """*to* may do what *access* says (``read``, ``write``; write does not imply read) in the locker of *owner*; *types* None means everything.

    *by* gave it and *since* is when, as the log says.
    """

    owner: str
    to: str
    access: frozenset[str]
    types: frozenset[str] | None = None
    by: str | None = None
    since: str = ""

    @property
    def key(self) -> str:
        """What the log calls it: there is one grant for each pair of owners."""
        return f"{self.owner} {self.to}"

    def allows(self, scope: str, type: str | None = None) -> bool:
        """Whether it is good for this.  A grant of some types is not good for calls that are about no type, which may show
        every one; *type* ``*`` stands for any, when the caller looks closer later."""
        return scope in self.access and (self.types is None or type in self.types or type == ANY)

    def body(self) -> Body:
        """As the log keeps it."""
        types: Body = {} if self.types is None else {"types": sorted(self.types)}
        return {"owner": self.owner, "to": self.to, "access": sorted(self.access), **types}

    def as_dict(self) -> Body:
        """As listings show it."""
        return {**self.body(), "by": self.by, "since": self.since}

    @classmethod
    def checked(cls, owner: str, to: str, access: frozenset[str], types: frozenset[str] | None = None) -> Grant:
        """A grant that may be given.  Raises Invalid."""
        if check_owner(owner) == check_owner(to):
            raise Invalid(f"{owner} needs no grant to its own locker")
        if owner in ("system", "commons") or to in ("system", "commons"):
            raise Invalid("the lockers system and commons are nobody's to grant")
        if not access or not access <= set(ACCESS):
            raise Invalid("a grant allows read, write or both")
        if types is not None and (not types or not all(map(str.isidentifier, types))):
            raise Invalid("the types of a grant are names like contact or message; leave them out to grant everything")
        return cls(owner, to, access, types)


def grant_of(body: Body, by: str | None, since: str) -> Grant:
    """A grant as the log says it."""
    types = body.get("types")
    return Grant(body["owner"], body["to"], frozenset(body["access"]), None if types is None else frozenset(types), by, since)
