"""
What the tests of composing share: a small store of contacts, random histories of a few sources, and what they mean when computed by brute force.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from locker import plugin
from locker.collection import Collection
from locker.composer import Composer
from locker.draft import Draft
from locker.log import Logbook
from locker.record import Body, Record, canonical
from locker.schema import load

SOURCES = ("alfa", "bravo", "charlie")
KEYS = ("1", "2", "3")
EMAILS = ("a@x.org", "b@x.org", "c@x.org", "d@x.org")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
COLLECTIONS: dict[str, Collection] = {"contact": plugin.collections()["contact"]}
SCHEMAS = {"contact": load()["contact"]}

Thing = tuple[str, str]
"""(source, key): one thing of one source."""


class Said(NamedTuple):
    """A source says what a thing is now, or that it is gone (None)."""

    source: str
    key: str
    body: Body | None


def bodies() -> st.SearchStrategy[Body]:
    """Contacts with so few addresses that they meet all the time."""
    fields = {"emails": st.lists(st.sampled_from(EMAILS), max_size=2, unique=True)}
    optional = {
        "name": st.sampled_from(["Ann", "Bob"]),
        "updated": st.sampled_from(["2020-01-01", "2021-01-01"]),
        "nicknames": st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=2),
    }
    return st.fixed_dictionaries(fields, optional=optional)


def histories(max_size: int = 14) -> st.SearchStrategy[list[Said]]:
    """What a few sources say in turn: things come, change, go and return."""
    said = st.builds(Said, st.sampled_from(SOURCES), st.sampled_from(KEYS), st.none() | bodies() | bodies())
    return st.lists(said, max_size=max_size)


class Store:
    """One logbook for many examples: each plays its history as an owner of its own."""

    def __init__(self, folder: Path) -> None:
        self.logbook = Logbook(folder / "log.sqlite", clock=lambda: NOON)
        self.composer = self.composing(1000)
        self._owners = 0

    def composing(self, batch: int, collections: Mapping[str, Collection] = COLLECTIONS) -> Composer:
        """A composer that takes so many records at a time."""
        return Composer(self.logbook, {}, collections, SCHEMAS, batch=batch)

    def play(self, history: Iterable[Said], batch: int = 1000, owner: str = "") -> str:
        """Append a history in its order, compose it, and answer whose it is."""
        if not owner:
            self._owners += 1
            owner = f"o{self._owners}"
        waiting = [self.logbook.submit(owner, source, [Draft.of(f"contact/{source}", key, body)]) for source, key, body in history]
        for appended in waiting:
            appended.result()
        (self.composer if batch == 1000 else self.composing(batch)).catch_up()
        return owner

    def records(self, owner: str) -> list[Record]:
        """The collection's log."""
        return self.logbook.records(owner, "contact", limit=100_000)

    def things(self, owner: str, via: Sequence[str]) -> frozenset[Thing]:
        """The things that records' ids name; the record of an app's own object is the thing ("contact", its number)."""
        found = [self.logbook.history(owner, id)[0] for id in via]
        return frozenset((record.source, record.key) for record in found)

    def living(self, owner: str) -> dict[int, Body]:
        """The objects as they stand, by number: ``{"body", "subtypes", "time", "via"}``."""
        heads = self.logbook.heads(owner, "contact", limit=100_000)
        return {int(head.key): self.logbook.records(owner, "contact", gt=head.newest - 1, limit=1)[0].body for head in heads}

    def objects(self, owner: str) -> dict[frozenset[Thing], tuple[str, tuple[str, ...], str]]:
        """What stands, without ids: things -> (body, subtypes, time)."""
        return {
            self.things(owner, made["via"]): (canonical(made["body"]), tuple(made["subtypes"]), made["time"])
            for made in self.living(owner).values()
        }


def current(history: Iterable[Said]) -> dict[Thing, Body]:
    """What every source says last of its living things."""
    last = {(source, key): body for source, key, body in history}
    return {thing: body for thing, body in last.items() if body is not None}


def components(things: Mapping[Thing, Body]) -> Iterator[list[Thing]]:
    """The connected components, by brute force: each in the order in which its bodies are composed."""
    left = set(things)
    while left:
        part, grown = {left.pop()}, True
        while grown:
            addresses = {email for thing in part for email in things[thing]["emails"]}
            near = {thing for thing in left if addresses & set(things[thing]["emails"])}
            part, left, grown = part | near, left - near, bool(near)
        yield sorted(part, key=lambda thing: order(thing, things[thing]))


def order(thing: Thing, body: Body) -> tuple[str, ...]:
    """Modified, source, type, key."""
    source, key = thing
    return body.get("updated", ""), source, f"contact/{subtype(source)}", key


def subtype(source: str) -> str:
    """What an object made of a source's record is called; a collection's own records came from apps."""
    return "app" if source == "contact" else source


def composed(things: Mapping[Thing, Body], part: Sequence[Thing]) -> Body:
    """What a component is, all together."""
    return COLLECTIONS["contact"].compose([things[thing] for thing in part])


def expected(history: Iterable[Said]) -> dict[frozenset[Thing], tuple[str, tuple[str, ...], str]]:
    """The objects of a history, computed from scratch."""
    things = current(history)
    made: dict[frozenset[Thing], Any] = {}
    for part in components(things):
        subtypes = tuple(sorted({subtype(source) for source, _ in part}))
        made[frozenset(part)] = canonical(composed(things, part)), subtypes, "2026-11-22T12:00:00.000000Z"
    return made
