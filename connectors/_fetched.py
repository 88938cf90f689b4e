"""
What connectors that fetch share: streams that a connection has not, and people who are two things at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from locker.connector import Body, Item, Page, Problem, Stream


async def nothing() -> AsyncIterator[Page]:
    """The pages of a stream that this connection has not: nothing new, and nothing is taken for missing."""
    yield Page((), unchanged=True)


def related(stream: Stream, found: Item | Problem | None) -> Item | Problem | None:
    """A person of a list that is called like a relation (``followers``): who is in two lists is two items, and each tells why it is there."""
    if not isinstance(found, Item):
        return found
    return Item(found.type, f"{stream.name}:{found.key}", {"user": found.body, "relation": stream.name})


def object_of(said: Body, *names: str) -> Body | None:
    """What a document says, if it says any of these; one that says nothing of what makes it an object is none."""
    return said if any(name in said for name in names) else None
