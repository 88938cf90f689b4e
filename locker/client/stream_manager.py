"""
What a program does with streams: the guide's operations, checked before anything is sent.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from ..error import Invalid
from ..record import Body
from .backend import StreamBackend
from .stream import MOST_PER_PAGE, SORTS, WRITABLE, Export, Filters, ImportReport, Page, RowError, Stream, StreamId

Mapper = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Turns what a program calls a stream into the fields of the API."""

# The spellings that come back; any letter case is taken, and the older service's words for an orientation.
CHOICES: dict[str, dict[str, str]] = {
    "status": {each: each for each in ("live", "offline", "unknown")},
    "platform": {each.lower(): each for each in ("TikTok", "Facebook", "Twitch", "YouTube", "Instagram", "Other")},
    "orientation": {"portrait": "portrait", "vertical": "portrait", "landscape": "landscape", "horizontal": "landscape"},
    "kind": {each: each for each in ("stream", "video", "web", "overlay", "background")},
}
LONGEST_SOURCE = 255
_log = logging.getLogger("locker.client")


class StreamManager:
    """The operations over one backend, which may be a ``BackendManager`` of several.  A context manager that closes it.

    *mapper* is applied to every stream that is created, updated or imported, before it is checked.  Fields that are None are left out;
    unknown ones are refused, since the server would drop them silently.
    """

    def __init__(self, backend: StreamBackend, mapper: Mapper = dict) -> None:
        self.backend, self._mapper = backend, mapper

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.backend.close()

    async def create_stream(self, data: Mapping[str, Any]) -> Stream:
        """Make a stream, or continue a recent one.  Raises Invalid, saying what to mend, before anything is sent."""
        stream = await self.backend.create_stream(check_new(self._mapper(data)))
        _log.debug("created stream %s: %s at %s", stream.id, stream.source, stream.link)
        return stream

    async def get_stream(self, id: StreamId) -> Stream:
        """One stream, with whose it is."""
        return await self.backend.get_stream(id)

    async def list_streams(self, filters: Filters | None = None, **wanted: Any) -> Page:
        """One page: filters as an object, or by name (``status``, ``not_status``, ``user_id``, ``is_pinned``, ``sort``, ``page``, ``per_page``)."""
        return await self.backend.get_streams(_filters(filters, wanted))

    def each_stream(self, filters: Filters | None = None, **wanted: Any) -> AsyncIterator[Stream]:
        """All of them, page by page."""
        return self.backend.each(_filters(filters, wanted))

    async def update_stream(self, id: StreamId, updates: Mapping[str, Any]) -> Stream:
        """Change some fields."""
        return await self.backend.update_stream(id, check_fields(self._mapper(updates), keep_none=True))

    async def delete_stream(self, id: StreamId) -> None:
        """Archive it: gone from lists."""
        await self.backend.delete_stream(id)

    archive_stream = delete_stream

    async def pin_stream(self, id: StreamId) -> Stream:
        """Put it first in lists."""
        return await self.backend.pin_stream(id)

    async def unpin_stream(self, id: StreamId) -> Stream:
        """Undo ``pin_stream``."""
        return await self.backend.unpin_stream(id)

    async def bulk_import(self, rows: Sequence[Mapping[str, Any]]) -> ImportReport:
        """Create many.  Rows that break a rule are not sent; their errors are reported at the index they have in *rows*."""
        good: list[tuple[int, Body]] = []
        errors: list[RowError] = []
        for index, row in enumerate(rows):
            try:
                good.append((index, check_new(self._mapper(row))))
            except Invalid as error:
                errors.append(RowError(index, (str(error),)))
        if not good:
            return ImportReport(0, len(rows), tuple(errors))
        report = await self.backend.bulk_import([row for _, row in good])
        errors += [replace(each, index=good[each.index][0]) for each in report.errors]
        return ImportReport(report.imported, len(rows), tuple(sorted(errors, key=lambda each: each.index)))

    async def export(self, filters: Filters | None = None, **wanted: Any) -> Export:
        """Everything that the filters leave, as rows."""
        return await self.backend.export(_filters(filters, wanted))

    async def analytics(self, id: StreamId) -> Body:
        """Figures about one stream."""
        return await self.backend.analytics(id)

    async def features(self) -> Body:
        """What is switched on for us."""
        return await self.backend.features()


def check_new(data: Mapping[str, Any]) -> Body:
    """The fields of a stream to create, as the server spells them.  Raises Invalid."""
    if missing := [name for name in ("source", "link") if not str(data.get(name) or "").strip()]:
        raise Invalid(f"source and link are required; {' and '.join(missing)} is missing or empty")
    return check_fields(data)


def check_fields(data: Mapping[str, Any], *, keep_none: bool = False) -> Body:
    """Some fields of a stream, as the server spells them; None clears a field if *keep_none*, else it is left out.  Raises Invalid."""
    if "is_pinned" in data:
        raise Invalid("is_pinned changes through pin_stream and unpin_stream only")
    if unknown := sorted(set(data) - set(WRITABLE)):
        raise Invalid(f"a stream has no field {unknown[0]!r}; there are {', '.join(WRITABLE)}")
    return {name: None if value is None else _field(name, value) for name, value in data.items() if keep_none or value is not None}


def _field(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{name} is a text, not {type(value).__name__}")
    text = value.strip() if name in ("source", "link") else value
    if name in CHOICES:
        if text.lower() not in CHOICES[name]:
            raise Invalid(f"{text!r} is not a {name}; use {', '.join(dict.fromkeys(CHOICES[name].values()))}")
        return CHOICES[name][text.lower()]
    if name == "link":
        _check_link(text)
    if name == "source" and not 1 <= len(text) <= LONGEST_SOURCE:
        raise Invalid(f"a source has 1 to {LONGEST_SOURCE} characters")
    return text


def _check_link(link: str) -> None:
    try:
        parts = urlsplit(link)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise Invalid(f"{link!r} is not an http or https URL")


def _filters(filters: Filters | None, wanted: Mapping[str, Any]) -> Filters:
    """Both together, with page and per_page brought into their bounds.  Raises Invalid for an unknown filter or sort."""
    try:
        made = replace(filters or Filters(), **wanted)
    except TypeError as error:
        raise Invalid(f"{next((name for name in wanted if name not in Filters.__slots__), '')!r} is not a filter") from error
    if made.sort is not None and made.sort not in SORTS:
        raise Invalid(f"{made.sort!r} is not an order; use {', '.join(SORTS)}")
    status, other = (None if each is None else _field("status", each) for each in (made.status, made.not_status))
    page = None if made.page is None else max(1, made.page)
    per_page = None if made.per_page is None else min(MOST_PER_PAGE, max(1, made.per_page))
    return replace(made, status=status, not_status=other, page=page, per_page=per_page)
