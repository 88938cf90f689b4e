"""
Fetches lists of lists: the entries of one playlist after the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from urllib.parse import quote

from locker.connector import Item, Page, Session, Stream, Walk
from locker.error import Skippable

from ._loose import obj, texts


async def keys_of(pages: AsyncIterator[Page]) -> list[str]:
    """The keys of all items of a walk."""
    return [item.key async for page in pages for item in page.items if isinstance(item, Item)]


async def each_list(
    session: Session,
    stream: Stream,
    walk: Walk,
    *,
    lists: Callable[[], Awaitable[list[str]]],
    fetch: Callable[[Session, Stream, Walk], AsyncIterator[Page]],
    param: str,
) -> AsyncIterator[Page]:
    """The pages of every list, each walked as *stream* declares, with its name as *param*: in the path where that has ``<param>``, else in the query.

    A step holds the names of the lists that are still to be asked for, and where the first of them was left.  A list that is gone meanwhile is passed over.
    """
    before = obj(walk.step)
    rest = texts(before["lists"]) if "lists" in before else await lists()
    step = before.get("step")
    if not rest:
        yield Page(())
    while rest:
        one = _of(stream, param, rest[0])
        try:
            async for page in fetch(session, one, Walk(step)):
                rest = rest if page.step is not None else rest[1:]
                yield Page(page.items, {"lists": rest, "step": page.step} if rest else None)
        except Skippable:
            rest = rest[1:]
            yield Page((), {"lists": rest, "step": None} if rest else None)
        step = None


def _of(stream: Stream, param: str, name: str) -> Stream:
    if f"<{param}>" in stream.path:
        return replace(stream, path=stream.path.replace(f"<{param}>", quote(name, safe="")))
    return replace(stream, params={**stream.params, param: name})
