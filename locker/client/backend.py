"""
What a program needs from a place that keeps streams, whichever it is.

To use a place of your own, subclass ``StreamBackend`` and write its seven verbs; the others have an answer already, which yours may better.
Verbs raise the errors of ``locker.error``: NotFound, Invalid, Forbidden, Unauthorized, and Retriable for what may succeed later (a manager
of several backends counts only that as an outage).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from ..error import Fatal, Invalid
from ..record import Body
from .stream import MOST_PER_PAGE, Export, Filters, ImportReport, Page, RowError, Stream, StreamId


class StreamBackend(ABC):
    """One place that keeps streams.  A context manager: leaving it closes its connections."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of what is held; nothing by default."""
        return

    @abstractmethod
    async def create_stream(self, data: Mapping[str, Any]) -> Stream:
        """Make a stream of the fields in *data* (``source`` and ``link`` at least), or continue one that the backend takes for the same."""

    @abstractmethod
    async def get_stream(self, id: StreamId) -> Stream:
        """The stream, or NotFound."""

    @abstractmethod
    async def get_streams(self, filters: Filters | None = None) -> Page:
        """One page of those that the filters leave."""

    @abstractmethod
    async def update_stream(self, id: StreamId, data: Mapping[str, Any]) -> Stream:
        """Change the fields in *data*, leave the others."""

    @abstractmethod
    async def delete_stream(self, id: StreamId) -> None:
        """Archive it (or delete it, where there is no archive)."""

    @abstractmethod
    async def pin_stream(self, id: StreamId) -> Stream:
        """Put it first in lists."""

    @abstractmethod
    async def unpin_stream(self, id: StreamId) -> Stream:
        """Undo ``pin_stream``."""

    async def bulk_import(self, rows: Sequence[Mapping[str, Any]]) -> ImportReport:
        """Create many; a row that is refused does not stop the others.  By default one after the other."""
        errors: list[RowError] = []
        for index, row in enumerate(rows):
            try:
                await self.create_stream(row)
            except Invalid as error:
                errors.append(RowError(index, (str(error),)))
        return ImportReport(len(rows) - len(errors), len(rows), tuple(errors))

    async def export(self, filters: Filters | None = None) -> Export:
        """Every stream that the filters leave, as rows.  By default all pages of the list."""
        return Export(None, tuple([stream.writable() async for stream in self.each(filters)]))

    async def analytics(self, id: StreamId) -> Body:
        """Figures about one stream.  Raises Fatal where there are none."""
        raise Fatal(f"{type(self).__name__} has no analytics of stream {id}")

    async def features(self) -> Body:
        """Which features are on for this caller: ``{"stream_export": true, …}``; empty if the backend does not say."""
        return {}

    async def each(self, filters: Filters | None = None) -> AsyncIterator[Stream]:
        """Every stream of every page.  Streams that come or go meanwhile may be missed; none is given twice."""
        wanted = replace(filters or Filters(), page=1, per_page=MOST_PER_PAGE)
        seen: set[StreamId] = set()
        while True:
            page = await self.get_streams(wanted)
            for stream in page.streams:
                if stream.id not in seen:
                    yield stream
            seen.update(stream.id for stream in page.streams)
            if not page.streams or page.meta.current_page >= page.meta.total_pages:
                return
            wanted = replace(wanted, page=page.meta.current_page + 1)
