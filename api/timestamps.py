"""
Notes on a moment across streams: the calls that the StreamSource guide says are missing, in its style.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aiohttp import web

from locker.error import BrokenSchema, NotFound
from locker.record import Body
from locker.term import Any_, Compare, Term, moment

from ._routes import Parameter, Route
from ._service import Call, Service
from ._stream_list import COMMONS, Wanted, equals, joined, number, order, paging, visible
from ._stream_routes import MOMENT, TEXT, USER, WHOLE, thing_routes
from ._stream_things import Thing, params_of, user_of
from ._stream_things import numbered as number_of
from ._stream_users import check_user
from ._timestamp_rules import LEAST_TITLE, MOST_DESCRIPTION, MOST_TITLE, adding, clock, editing

SORTS = {"event": "time", "created": "created_at"}
TITLE = {"type": "string", "minLength": LEAST_TITLE, "maxLength": MOST_TITLE}
DESCRIPTION = {"type": ["string", "null"], "maxLength": MOST_DESCRIPTION}
SEEN_IN = {"type": "object", "required": ["stream_id"], "properties": {"stream_id": WHOLE, "stream_timestamp_seconds": WHOLE}}
NEW = {
    "type": "object",
    "properties": {
        "title": TITLE,
        "description": DESCRIPTION,
        "event_timestamp": {"type": "string", "format": "date-time"},
        "streams": {"type": "array", "items": SEEN_IN},
    },
}
SHOWN = {
    "type": "object",
    "required": ["id", "title", "description", "event_timestamp", "streams", "created_at", "updated_at", "user"],
    "properties": {
        "id": WHOLE,
        "title": TEXT,
        "description": TEXT,
        **dict.fromkeys(("event_timestamp", "created_at", "updated_at"), MOMENT),
        "streams": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["stream_id", "stream_timestamp_seconds", "display"],
                "properties": {
                    "stream_id": WHOLE,
                    "stream_timestamp_seconds": {"type": ["integer", "null"]},
                    "display": {"type": "string"},
                },
            },
        },
        "user": USER,
    },
}
DAY = {"type": "string", "format": "date"}
FILTERS = (
    Parameter("search", "only notes with all of these words in title or description"),
    Parameter("start_date", "only moments on this day or later", DAY),
    Parameter("end_date", "only moments on this day or earlier", DAY),
    Parameter("stream_id", "only notes on this stream", WHOLE),
    Parameter("user_id", "only notes of this user", WHOLE),
    Parameter(
        "sort",
        "by the moment (the newest first unless told otherwise) or when they were made",
        {"enum": ["event", "-event", "created", "-created"]},
    ),
)


def routes(service: Service) -> Iterator[Route]:
    """The calls about timestamps."""
    del service
    notes = Timestamps()
    thing = notes.thing
    own = {"list": notes.listing, "create": notes.create, "update": notes.update}
    yield from thing_routes(thing, {**own, "read": thing.read, "archive": thing.archive, "history": thing.history}, SHOWN, NEW, FILTERS)


class Timestamps:
    """Answers the calls about timestamps of one server."""

    def __init__(self) -> None:
        self.thing = Thing("timestamp", "timestamps", show)

    async def listing(self, call: Call) -> web.StreamResponse:
        """``GET /timestamps``."""
        params = params_of(call)
        terms: list[Term | None] = [*visible(call.caller), _searched(params.get("search", ""))]
        terms += [_day(params, "start_date", ">="), _day(params, "end_date", "<=")]
        if text := params.get("stream_id", "").strip():
            terms.append(Compare(("streams", "stream_id"), "=", number("stream_id", text)))
        if text := params.get("user_id", "").strip():
            user = number("user_id", text)
            check_user(call, user)
            terms.append(equals("user_id", user))
        sort = order(params, SORTS) or (("time", True),)
        return await self.thing.listing(call, Wanted("timestamp", joined(terms), sort, **paging(params)))

    async def create(self, call: Call) -> web.StreamResponse:
        """``POST /timestamps``."""
        decision = adding(await self.thing.said(call), lambda n: _stream(call, n) is not None, call.caller)
        return self.thing.wrote(call, await self.thing.decide(call, decision), 201)

    async def update(self, call: Call) -> web.StreamResponse:
        """``PUT`` and ``PATCH /timestamps/{id}``."""
        said = await self.thing.said(call)
        decision = editing(number_of(call), said, lambda n: _stream(call, n) is not None, call.caller)
        return self.thing.wrote(call, await self.thing.decide(call, decision))


def show(call: Call, n: int, body: Body) -> Body:
    """A timestamp as everybody sees it, with its streams."""
    archived = {"is_archived": True} if body.get("is_archived") else {}
    fields = {field: body.get(field) for field in ("title", "description", "event_timestamp")}
    times = {field: body.get(field) for field in ("created_at", "updated_at")}
    streams = [_seen_in(call, one) for one in body.get("streams") or []]
    return {"id": n, **fields, "streams": streams, **times, **archived, "user": user_of(call, body.get("user_id"))}


def _seen_in(call: Call, one: Body) -> Body:
    seconds = one.get("stream_timestamp_seconds")
    stream = _stream(call, one["stream_id"]) or {}
    if stream.get("is_archived") and not call.caller.is_at_least("admin"):  # else a note would tell what its own address does not
        stream = {}
    shown = {field: stream.get(field) for field in ("source", "link", "platform", "title")}
    return {"stream_id": one["stream_id"], "stream_timestamp_seconds": seconds, "display": clock(seconds), "stream": shown}


def _stream(call: Call, n: int) -> Body | None:
    """A stream as it stands, archived or not: a note on it stays."""
    try:
        body: Body | None = call.locker.object(COMMONS, f"stream:{n}")["body"]
    except NotFound:
        return None
    return body


def _day(params: Mapping[str, str], name: str, op: str) -> Term | None:
    """A term for moments since or until a day, the whole of it included.  Raises BrokenSchema for what is no day."""
    if not (text := params.get(name, "").strip()):
        return None
    if (day := moment(text)) is None:
        raise BrokenSchema(f"{name} must be a day, like 2026-11-22")
    return Compare(("event_timestamp",), ">=" if op == ">=" else "<=", day)


def _searched(text: str) -> Term | None:
    return Any_((Compare(("title",), "=", text), Compare(("description",), "=", text))) if text.strip() else None
