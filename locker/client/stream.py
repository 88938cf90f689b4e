"""
A stream and what comes around it, as any server of the StreamSource API may write them.

Servers differ: some wrap single objects (``{"stream": {…}}``), some do not; some write milliseconds, some do not; some give platforms in
lower case.  Reading takes all of them; a field that a server adds is kept in ``more``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Self

from ..error import Fatal
from ..record import Body

StreamId = int | str
"""An integer at StreamSource and at Locker; other backends may use texts."""

WRITABLE = ("source", "link", "status", "platform", "orientation", "kind", "city", "state", "notes", "title", "posted_by")
"""The fields that create and update take, in the guide's order."""

SORTS = ("name", "-name", "created", "-created")
MOST_PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class User:
    """Whose stream it is."""

    id: StreamId
    email: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """One source that streams, or did.  Times are aware; what the server did not say is None."""

    id: StreamId
    source: str
    link: str
    status: str = "unknown"
    is_pinned: bool = False
    platform: str | None = None
    orientation: str | None = None
    kind: str | None = None
    city: str | None = None
    state: str | None = None
    notes: str | None = None
    title: str | None = None
    posted_by: str | None = None
    last_checked_at: datetime | None = None
    last_live_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    user: User | None = None
    more: Body = field(default_factory=dict)

    @classmethod
    def read(cls, answer: Any) -> Self:
        """From a server's JSON, wrapped or bare.  Raises Fatal if that is no stream."""
        body = answer.get("stream", answer) if isinstance(answer, dict) else answer
        if not isinstance(body, dict) or not {"id", "source", "link"} <= body.keys():
            raise Fatal("the server's answer is not a stream; is the URL that of a StreamSource API?")
        known: dict[str, Any] = {name: body[name] for name in _PLAIN if body.get(name) is not None}
        times: dict[str, Any] = {name: read_time(body.get(name)) for name in _TIMES}
        user = body.get("user")
        who = User(user["id"], user.get("email"), user.get("role")) if isinstance(user, dict) and "id" in user else None
        more = {name: value for name, value in body.items() if name not in _NAMES}
        return cls(**known, **times, user=who, more=more)

    def writable(self) -> Body:
        """What another backend needs to have the same stream: the fields that create and update take, without those that are None."""
        return {name: value for name in WRITABLE if (value := getattr(self, name)) is not None}


_TIMES = ("last_checked_at", "last_live_at", "created_at", "updated_at")
_PLAIN = ("id", "is_pinned", *WRITABLE)
_NAMES = frozenset(each.name for each in fields(Stream)) - {"more"}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which streams to list; None leaves a filter out.  *per_page* is 1 to 100."""

    status: str | None = None
    not_status: str | None = None
    user_id: StreamId | None = None
    is_pinned: bool | None = None
    sort: str | None = None
    page: int | None = None
    per_page: int | None = None

    def parameters(self) -> dict[str, str]:
        """As the guide spells them in a query string."""
        named = {"notStatus" if each.name == "not_status" else each.name: getattr(self, each.name) for each in fields(self)}
        return {name: _text(value) for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Meta:
    """Where a page stands among all."""

    current_page: int = 1
    total_pages: int = 1
    total_count: int = 0
    per_page: int = 25


@dataclass(frozen=True, slots=True)
class Page:
    """One page of streams.  *backend* names the secondary that answered in the primary's place, if one did; *left_out* counts
    those of its streams on this page that the primary is not known to have."""

    streams: tuple[Stream, ...]
    meta: Meta
    backend: str = ""
    left_out: int = 0

    @classmethod
    def read(cls, answer: Any) -> Self:
        """From ``{"streams": […], "meta": {…}}`` or a bare array.  Raises Fatal if that is no list of streams."""
        rows = answer.get("streams") if isinstance(answer, dict) else answer
        if not isinstance(rows, list):
            raise Fatal("the server's answer is not a list of streams; is the URL that of a StreamSource API?")
        meta = answer.get("meta") if isinstance(answer, dict) else None
        given = {each.name: int(meta[each.name]) for each in fields(Meta) if each.name in meta} if isinstance(meta, dict) else {}
        return cls(tuple(Stream.read(row) for row in rows), Meta(**({"total_count": len(rows)} | given)))


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one row of an import was not taken; *index* counts from 0."""

    index: int
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of an import's rows."""

    imported: int
    total: int
    errors: tuple[RowError, ...] = ()

    @classmethod
    def read(cls, answer: Any, total: int) -> Self:
        """From ``{"imported", "total", "errors"}``, or from the list of streams that the guide promises."""
        if isinstance(answer, dict) and "imported" in answer:
            errors = (RowError(int(each["index"]), tuple(map(str, each["errors"]))) for each in answer.get("errors") or ())
            return cls(int(answer["imported"]), int(answer.get("total", total)), tuple(errors))
        return cls(len(Page.read(answer).streams), total)


@dataclass(frozen=True, slots=True)
class Export:
    """All streams that a filter leaves, as rows without ids."""

    exported_at: datetime | None
    streams: tuple[Body, ...]


def read_time(text: object) -> datetime | None:
    """``2025-01-05T10:00:00Z``, with or without fractions; UTC if it names no zone; None if it is no time."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
