"""A backend that keeps its streams in memory and fails in every way that one over a network can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from locker.client import Filters, Meta, Page, Stream, StreamBackend, StreamId
from locker.error import Invalid, NotFound, Retriable

START = datetime(2026, 11, 22, 8, tzinfo=UTC)


class Crash(BaseException):
    """The program ends here."""


class Memory(StreamBackend):
    """Streams by id, from *first* on.  *trouble* of each next call: ``up``, ``down``, ``lost`` (done, but nobody hears of it), ``crash``,
    ``crash after``; it stays until it is changed, but for crashes.  A source called ``refused`` is."""

    def __init__(self, first: int = 1) -> None:
        self.rows: dict[StreamId, Stream] = {}
        self.trouble = "up"
        self.calls: list[str] = []
        self._next, self._ticks = first, 0

    def _before(self, call: str) -> None:
        self.calls.append(call)
        if self.trouble == "down":
            raise Retriable("down")
        if self.trouble == "crash":
            self.trouble = "up"
            raise Crash

    def _after(self, result: Stream | None) -> Stream:
        if self.trouble == "lost":
            raise Retriable("lost")
        if self.trouble == "crash after":
            self.trouble = "up"
            raise Crash
        assert result is not None
        return result

    def _tick(self) -> datetime:
        self._ticks += 1
        return START + timedelta(seconds=self._ticks)

    def _find(self, id: StreamId) -> Stream:
        if id not in self.rows:
            raise NotFound(f"no stream {id}")
        return self.rows[id]

    def _set(self, id: StreamId, **changes: Any) -> Stream:
        self.rows[id] = replace(self._find(id), **changes, updated_at=self._tick())
        return self._after(self.rows[id])

    async def create_stream(self, data: Mapping[str, Any]) -> Stream:
        self._before("create")
        if data["source"] == "refused":
            raise Invalid("not here")
        moment = self._tick()
        id, self._next = self._next, self._next + 1
        self.rows[id] = Stream(**{"id": id, "created_at": moment, "updated_at": moment, **data})
        return self._after(self.rows[id])

    async def get_stream(self, id: StreamId) -> Stream:
        self._before("get")
        return self._after(self._find(id))

    async def get_streams(self, filters: Filters | None = None) -> Page:
        self._before("list")
        wanted = filters or Filters()
        rows = [row for row in self.rows.values() if wanted.status in (None, row.status)]
        rows.sort(key=lambda row: row.created_at or START, reverse=wanted.sort == "-created")
        size, page = wanted.per_page or 25, wanted.page or 1
        return Page(tuple(rows[(page - 1) * size : page * size]), Meta(page, -(-len(rows) // size), len(rows), size))

    async def update_stream(self, id: StreamId, data: Mapping[str, Any]) -> Stream:
        self._before("update")
        return self._set(id, **data)

    async def delete_stream(self, id: StreamId) -> None:
        self._before("delete")
        self._find(id)
        self._after(self.rows.pop(id))

    async def pin_stream(self, id: StreamId) -> Stream:
        self._before("pin")
        return self._set(id, is_pinned=True)

    async def unpin_stream(self, id: StreamId) -> Stream:
        self._before("unpin")
        return self._set(id, is_pinned=False)

    async def close(self) -> None:
        self.calls.append("close")
