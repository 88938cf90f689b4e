"""
One primary backend and secondaries that are kept in step with it, also across outages and crashes.

Writes go to the primary and count once it has answered; what it then holds is queued on disk for every secondary and sent.  A secondary
that fails delays and loses nothing: its queue waits.  A write that was cut short is settled by asking the primary what became of
it.  Reads go to the primary too, and to a secondary only while the primary cannot answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from weakref import WeakValueDictionary

from ..error import Conflict, Forbidden, Invalid, LockerError, NotFound, Retriable
from ..record import Body
from .backend import StreamBackend
from .failure import NotBegun
from .mirror import Mirror, state_of
from .outbox import Change, Intent, Outbox, Refused
from .stream import Export, Filters, ImportReport, Page, Stream, StreamId

__all__ = ["BackendManager", "Refused"]

T = TypeVar("T")
PAUSE = timedelta(seconds=30)
"""How long a secondary that failed is left alone by writes; ``synchronise`` asks it all the same."""

_log = logging.getLogger("locker.client")


def _now() -> datetime:
    return datetime.now(UTC)


class BackendManager(StreamBackend):
    """A backend made of several: *primary*, *secondaries* by name, and *queue*, the file of what these have missed.

    With *sync* (the guide's ``syncBackends``) every write also sends what the secondaries have missed; without it only ``synchronise`` does.
    Use it as a context manager: entering settles what an earlier run left, leaving closes all backends.
    """

    def __init__(
        self,
        primary: StreamBackend,
        secondaries: Mapping[str, StreamBackend] | None = None,
        *,
        queue: str | Path = ":memory:",
        sync: bool = True,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self.primary, self.secondaries, self._sync, self._now = primary, dict(secondaries or {}), sync, now
        self._outbox = Outbox(queue)
        self._mirrors = {name: Mirror(name, backend, self._outbox) for name, backend in self.secondaries.items()}
        self._under_way: set[int] = set()
        self._rest_until: dict[str, datetime] = {}
        self._turns: WeakValueDictionary[StreamId, asyncio.Lock] = WeakValueDictionary()
        self._draining = {name: asyncio.Lock() for name in self.secondaries}
        self._settling = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self.synchronise()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the queue and all backends."""
        self._outbox.close()
        for backend in (self.primary, *self.secondaries.values()):
            await backend.close()

    def missed(self) -> dict[str, int]:
        """How many streams each secondary is behind with; empty when all are in step."""
        return self._outbox.missed()

    def refused(self) -> list[Refused]:
        """Changes that a secondary will not take, and why; ``retry_refused`` queues them again."""
        return self._outbox.refused()

    def retry_refused(self) -> int:
        """Queue again what was refused; how many changes that are."""
        return self._outbox.requeue()

    async def synchronise(self) -> dict[str, int]:
        """Settle writes that were cut short, send all that secondaries have missed, and say what is left, as ``missed`` does."""
        try:
            await self._settle_all()
        except LockerError as error:
            _log.warning("the primary cannot say what became of earlier writes: %s", error)
        self._rest_until.clear()
        await self._send_all()
        return self.missed()

    async def create_stream(self, data: Mapping[str, Any]) -> Stream:
        """Create at the primary."""
        return await self._write("create", None, [dict(data)], lambda: self.primary.create_stream(data))

    async def update_stream(self, id: StreamId, data: Mapping[str, Any]) -> Stream:
        """Update at the primary."""
        return await self._write("update", id, [], lambda: self.primary.update_stream(id, data))

    async def pin_stream(self, id: StreamId) -> Stream:
        """Pin at the primary."""
        return await self._write("pin", id, [], lambda: self.primary.pin_stream(id))

    async def unpin_stream(self, id: StreamId) -> Stream:
        """Unpin at the primary."""
        return await self._write("unpin", id, [], lambda: self.primary.unpin_stream(id))

    async def delete_stream(self, id: StreamId) -> None:
        """Archive at the primary.  One that was cut short is carried out by the next ``synchronise``, unless the stream is written to before."""
        await self._write("archive", id, [], lambda: self.primary.delete_stream(id))

    async def bulk_import(self, rows: Sequence[Mapping[str, Any]]) -> ImportReport:
        """Import at the primary, whose answer names no ids: the streams are then looked up among its newest."""
        return await self._write("import", None, [dict(row) for row in rows], lambda: self.primary.bulk_import(rows))

    async def get_stream(self, id: StreamId) -> Stream:
        """From the primary; while that is out, from a secondary that has the stream."""
        return await self._read(lambda: self.primary.get_stream(id), lambda mirror: mirror.get_stream(id))

    async def get_streams(self, filters: Filters | None = None) -> Page:
        """From the primary; while that is out, from a secondary, with the primary's ids (``page.backend`` names it).

        A filter by ``user_id`` means something at the primary only.
        """
        if filters is not None and filters.user_id is not None:
            return await self.primary.get_streams(filters)
        return await self._read(lambda: self.primary.get_streams(filters), lambda mirror: mirror.get_streams(filters))

    async def export(self, filters: Filters | None = None) -> Export:
        """From the primary; while that is out, from a secondary."""
        return await self._read(lambda: self.primary.export(filters), lambda mirror: mirror.backend.export(filters))

    async def analytics(self, id: StreamId) -> Body:
        """From the primary: a secondary's figures are about its own copy."""
        return await self.primary.analytics(id)

    async def features(self) -> Body:
        """The primary's."""
        return await self.primary.features()

    async def _write(self, op: str, id: StreamId | None, rows: Sequence[Body], call: Callable[[], Awaitable[T]]) -> T:
        """Intent, primary, queue, secondaries.  Whatever ends it early, the intent stays for ``synchronise`` to settle."""
        async with self._turn(id):
            intent = self._outbox.intend(op, id, rows)
            self._under_way.add(intent.n)
            try:
                result = await self._ask_primary(intent, call)
            finally:
                self._under_way.discard(intent.n)
        if self._sync:
            await self._send_all()
        return result

    async def _ask_primary(self, intent: Intent, call: Callable[[], Awaitable[T]]) -> T:
        try:
            result = await call()
        except LockerError as error:
            if not _may_have_happened(error):
                self._fulfil(intent, [])
            raise
        if intent.op == "import":
            try:
                await self._settle(intent)
            except LockerError as error:
                _log.warning("imported streams could not be looked up yet: %s", error)
        elif isinstance(result, Stream):
            self._fulfil(intent, [Change(result.id, "put", state_of(result), fresh=intent.op == "create" and _untouched(result))])
        else:
            self._fulfil(intent, [Change(_known(intent.id), "archive")])
        return result

    def _turn(self, id: StreamId | None) -> asyncio.Lock:
        """One write to a stream at a time: the queue must hear of them in the primary's order."""
        if id is None:
            return asyncio.Lock()
        return self._turns.setdefault(id, asyncio.Lock())

    def _fulfil(self, intent: Intent, changes: Sequence[Change]) -> None:
        self._outbox.fulfil(intent, changes, self.secondaries)

    async def _settle_all(self) -> None:
        async with self._settling:
            for intent in self._outbox.intents():
                async with self._turn(intent.id):
                    # Another write to the stream may have settled it meanwhile, or may be this very one.
                    if intent.n not in self._under_way and intent in self._outbox.intents():
                        await self._settle(intent)

    async def _settle(self, intent: Intent) -> None:
        """Ask the primary what became of a write, and queue what it has now."""
        if intent.id is None:
            found = await Mirror("the primary", self.primary, self._outbox).matching(intent.rows)
            if len(found) < len(intent.rows):
                _log.info(
                    "%d of %d streams of an interrupted %s are not at the primary",
                    len(intent.rows) - len(found),
                    len(intent.rows),
                    intent.op,
                )
            return self._fulfil(intent, [Change(stream.id, "put", state_of(stream)) for stream in found])
        try:
            stream = await self._whats_left(intent.op, intent.id)
        except (Forbidden, Invalid, Conflict) as error:
            _log.error("the primary does not tell what became of stream %s: %s", intent.id, error)
            return self._fulfil(intent, [])
        return self._fulfil(intent, [Change(intent.id, "put", state_of(stream)) if stream else Change(intent.id, "archive")])

    async def _whats_left(self, op: str, id: StreamId) -> Stream | None:
        """The stream after a write that was cut short; None if it is archived, as it is now if that was asked.

        (An administrator still sees archived streams: reading one would not tell whether the archiving had happened.)
        """
        try:
            if op == "archive":
                try:
                    await self.primary.delete_stream(id)
                except (Forbidden, Invalid, Conflict) as error:
                    _log.error("stream %s cannot be archived any more: %s", id, error)
                else:
                    return None
            return await self.primary.get_stream(id)
        except NotFound:
            return None

    async def _send_all(self) -> None:
        await asyncio.gather(*map(self._drain, self._mirrors.values()))

    async def _drain(self, mirror: Mirror) -> None:
        """Send what one secondary has missed, oldest first, until it fails."""
        async with self._draining[mirror.name]:
            rests = self._rest_until.get(mirror.name)
            if rests is not None and self._now() < rests:
                return
            while missed := self._outbox.next(mirror.name):
                try:
                    self._outbox.sent(missed, await mirror.send(missed))
                except (Invalid, NotFound, Conflict) as error:
                    _log.error("%s will not take stream %s: %s", mirror.name, missed.change.id, error)
                    self._outbox.refuse(missed, str(error))
                except Exception as error:  # a backend of somebody else's may raise anything; the primary's write stands all the same
                    after = error.after if isinstance(error, Retriable) else None
                    self._rest_until[mirror.name] = self._now() + (PAUSE if after is None else timedelta(seconds=after))
                    _log.warning("%s is %d streams behind: %s", mirror.name, self.missed().get(mirror.name, 0), error)
                    return

    async def _read(self, primary: Callable[[], Awaitable[T]], secondary: Callable[[Mirror], Awaitable[T]]) -> T:
        try:
            return await primary()
        except Retriable:
            behind = self.missed()
            for mirror in sorted(self._mirrors.values(), key=lambda each: behind.get(each.name, 0)):
                try:
                    return await secondary(mirror)
                except LockerError as error:
                    _log.info("%s cannot stand in: %s", mirror.name, error)
            raise


def _may_have_happened(error: LockerError) -> bool:
    """Whether a write that ended so may have been carried out: not if it was refused, or never begun with, at its only attempt."""
    refused = not isinstance(error, Retriable) or isinstance(error, NotBegun)
    return not refused or isinstance(error.__cause__, Retriable)


def _known(id: StreamId | None) -> StreamId:
    assert id is not None
    return id


def _untouched(stream: Stream) -> bool:
    """It was made by the call that answered it: a continued one has been changed since."""
    return stream.created_at is not None and stream.created_at == stream.updated_at
