"""
Which records a subscription hears of: of whom, from which source, of which type, by which operation, with which key, in which set.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from .error import Invalid
from .record import Body, Op, Record, check_owner, check_source
from .term import Term, parse

OPS: tuple[Op, ...] = ("add", "edit", "delete")
SYSTEM = "system"
_TYPE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}(/[a-z0-9][a-z0-9_.-]{0,63})?")
NAMES = ("owners", "sources", "types", "ops", "key", "terms")
MOST = 100
LONGEST_KEY = 4096

Place = tuple[str, str | None, str | None]
"""An owner, and a source and a type if only these are meant: what an index of filters is looked up by."""


@dataclass(frozen=True, slots=True)
class Filter:
    """An empty part means any.  *types* are whole (``contact/twitter``) or primary (``contact``); in *key* a ``*`` stands for any text.

    With *terms* a record is told of only if its body is in that set, or was before.
    """

    owners: tuple[str, ...]
    sources: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    ops: tuple[Op, ...] = ()
    key: str = ""
    terms: str = ""

    def __post_init__(self) -> None:
        # A type that its primary type covers would let a record be found twice.
        object.__setattr__(self, "types", tuple(each for each in self.types if "/" not in each or each.partition("/")[0] not in self.types))

    @property
    def is_plain(self) -> bool:
        """Whether its places say it all."""
        return not (self.ops or self.key or self.terms)

    @property
    def term(self) -> Term | None:
        """The terms as a tree.  Raises QueryError."""
        return parse(self.terms).term if self.terms else None

    def places(self) -> Iterator[Place]:
        """Where an index must have it, each once."""
        for owner in dict.fromkeys(self.owners):
            for source in dict.fromkeys(self.sources) or (None,):
                for type in dict.fromkeys(self.types) or (None,):
                    yield owner, source, type

    def covers(self, record: Record) -> bool:
        """Whether a record is at one of its places."""
        return (
            record.owner in self.owners
            and (not self.sources or record.source in self.sources)
            and (not self.types or record.type in self.types or record.type.partition("/")[0] in self.types)
        )

    def passes(self, record: Record) -> bool:
        """Whether a record at one of its places passes operation and key; late revisions never do."""
        if record.note is not None and record.note.get("late"):
            return False
        return (not self.ops or record.op in self.ops) and (not self.key or bool(_pattern(self.key).fullmatch(record.key)))

    def body(self) -> Body:
        """As the log keeps it: what is not empty."""
        said: Body = {"owners": [*self.owners]}
        for name in NAMES[1:]:
            if value := getattr(self, name):
                said[name] = list(value) if isinstance(value, tuple) else value
        return said

    @classmethod
    def of(cls, said: Any) -> Self:
        """A filter as somebody wrote it.  Raises Invalid."""
        if not isinstance(said, dict) or (said.keys() - set(NAMES)):
            raise Invalid(f"a filter is an object of {', '.join(NAMES)}")
        lists = {name: _texts(name, said.get(name, [])) for name in NAMES[:4]}
        key, terms = said.get("key", ""), said.get("terms", "")
        if not isinstance(key, str) or not isinstance(terms, str) or len(key) > LONGEST_KEY:
            raise Invalid(f"a filter's key and terms are texts, the key of at most {LONGEST_KEY} characters")
        return cls(**lists, key=key, terms=terms)  # type: ignore[arg-type]

    def checked(self, collections: Collection[str] = ()) -> Filter:
        """The filter, if it can be followed.  Raises Invalid or QueryError.

        Terms over a type that is one of *collections* mean its objects: then the collection's own log is followed.
        """
        if not self.owners:
            raise Invalid("a filter names at least one owner")
        if SYSTEM in map(check_owner, self.owners):
            raise Invalid("what happens to the locker itself is never delivered: a delivery would cause the next one")
        for source in self.sources:
            check_source(source)
        if wrong := next((each for each in self.types if not _TYPE.fullmatch(each)), None):
            raise Invalid(f"{wrong[:80]!r} is not a type; write contact, or contact/twitter")
        if wrong := next((each for each in self.ops if each not in OPS), None):
            raise Invalid(f"{wrong[:80]!r} is no operation; there are {', '.join(OPS)}")
        if not self.terms:
            return self
        if parse(self.terms).count:
            raise Invalid("COUNT cannot be subscribed to; leave it out")
        if not self.sources and self.types and all(each in collections for each in self.types):
            return Filter(self.owners, self.types, self.types, self.ops, self.key, self.terms)
        return self


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or len(value) > MOST or not all(isinstance(each, str) for each in value):
        raise Invalid(f"a filter's {name} are a list of at most {MOST} texts")
    return tuple(value)


@lru_cache(maxsize=4096)
def _pattern(key: str) -> re.Pattern[str]:
    """``*`` is any text; two of them side by side are one, so that no pattern takes long."""
    return re.compile(".*?".join(map(re.escape, re.split(r"\*+", key))), re.DOTALL)
