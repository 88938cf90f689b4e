"""
One secondary backend, spoken of in the primary's ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..error import NotFound
from ..record import Body
from .backend import StreamBackend
from .outbox import Missed, Outbox
from .stream import WRITABLE, Filters, Page, Stream, StreamId

SEARCHED = 1000
"""How many of a backend's newest streams are looked through for one whose id nobody knows."""

_ANY_CASE = frozenset({"platform", "orientation", "kind"})


def state_of(stream: Stream) -> Body:
    """All that is copied to a secondary: the writable fields (None where there is none) and the pin."""
    return {name: getattr(stream, name) for name in WRITABLE} | {"is_pinned": stream.is_pinned}


class Mirror:
    """Keeps *backend* like the primary, as far as the outbox tells."""

    def __init__(self, name: str, backend: StreamBackend, outbox: Outbox) -> None:
        self.name, self.backend, self._outbox = name, backend, outbox

    async def send(self, missed: Missed) -> StreamId | None:
        """Make one stream here what it is at the primary; its id here, None if it was archived.  Doing it twice changes nothing."""
        change, state = missed.change, missed.change.state
        other = self._outbox.twin(self.name, change.id)
        if other is None and state is not None and (missed.tries or not change.fresh):
            other = await self._find(change.id, state)
        self._outbox.trying(missed)
        if change.op == "archive" or state is None:
            await self._archive(other)
            return None
        stream = await self._put(other, state)
        if stream.is_pinned != state["is_pinned"]:
            await (self.backend.pin_stream if state["is_pinned"] else self.backend.unpin_stream)(stream.id)
        return stream.id

    async def get_stream(self, id: StreamId) -> Stream:
        """The copy, under the primary's id.  Raises NotFound if there is none."""
        other = self._outbox.twin(self.name, id)
        if other is None:
            raise NotFound(f"{self.name} has no stream {id}")
        return replace(await self.backend.get_stream(other), id=id)

    async def get_streams(self, filters: Filters | None) -> Page:
        """A page of this backend's streams, those that the primary is known to have, under its ids."""
        page = await self.backend.get_streams(filters)
        named = [(self._outbox.original(self.name, stream.id), stream) for stream in page.streams]
        known = tuple(replace(stream, id=id) for id, stream in named if id is not None)
        return replace(page, streams=known, backend=self.name, left_out=len(named) - len(known))

    async def matching(self, rows: Iterable[Body]) -> list[Stream]:
        """The newest stream for each (source, link) in *rows*, as far as there is one among the newest."""
        wanted = {_key(row) for row in rows}
        found: dict[tuple[str, str], Stream] = {}
        seen = 0
        async for stream in self.backend.each(Filters(sort="-created")):
            key = (stream.source.strip(), stream.link.strip())
            if key in wanted:
                found.setdefault(key, stream)
            seen += 1
            if len(found) == len(wanted) or seen >= max(SEARCHED, 2 * len(wanted)):
                break
        return list(found.values())

    async def _find(self, id: StreamId, state: Body) -> StreamId | None:
        """The id here of a stream that may have been made without our hearing of it, unless it is another one's twin."""
        found: Sequence[Stream] = await self.matching([state])
        return next((stream.id for stream in found if self._outbox.original(self.name, stream.id) in (None, id)), None)

    async def _archive(self, other: StreamId | None) -> None:
        try:
            if other is not None:
                await self.backend.delete_stream(other)
        except NotFound:
            return

    async def _put(self, other: StreamId | None, state: Body) -> Stream:
        """Change what differs, or create it.  The status is always sent: hearing it again is what keeps a stream alive."""
        try:
            if other is not None:
                present = await self.backend.get_stream(other)
                changes = {
                    name: state[name] for name in WRITABLE if name == "status" or not _same(name, getattr(present, name), state[name])
                }
                return await self.backend.update_stream(other, changes)
        except NotFound:
            pass
        return await self.backend.create_stream({name: state[name] for name in WRITABLE if state[name] is not None})


def _key(row: Body) -> tuple[str, str]:
    return str(row.get("source", "")).strip(), str(row.get("link", "")).strip()


def _same(name: str, one: object, other: object) -> bool:
    """Servers spell a platform, an orientation and a kind in one letter case or the other."""
    if name in _ANY_CASE and isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return one == other
