"""
The StreamSource dialect: live streams that people list, check and pin together (``specs``: the integration guide and decisions §6).

A stream is an object of the collection ``stream`` of owner ``commons``; its id is the n of ``stream:<n>``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

import orjson
from aiohttp import web

from locker.error import BrokenSchema, Forbidden
from locker.locker import Decided
from locker.record import Body
from locker.term import Term

from ._body import read_json
from ._pages import JSON, answer, begun
from ._routes import Route
from ._service import POSITION, Call, Service
from ._stream_continuation import Recent, shown
from ._stream_figures import Version, figures
from ._stream_list import (
    NEWEST,
    PINNED,
    UNPINNED,
    Wanted,
    boolean,
    differs,
    equals,
    fresh,
    joined,
    number,
    numbered,
    order,
    paging,
    visible,
)
from ._stream_routes import FILTERS, NEW_STREAM, STREAM, stream_routes, thing_routes
from ._stream_rules import WORDS, Wrong, word
from ._stream_things import Thing, params_of, user_of
from ._stream_things import numbered as number_of
from ._stream_users import check_user
from ._stream_writes import editing, pinning, posting

SORTS = {"name": "source", "created": "time"}
FIELDS = (
    *("source", "link", "status", "is_pinned", "platform", "orientation", "kind", "city", "state", "notes", "title", "posted_by"),
    *("last_checked_at", "last_live_at", "created_at", "updated_at"),
)
"""What everybody sees of a stream, in the order of the guide."""

EXPORTED = (
    *("source", "link", "status", "platform", "orientation", "kind", "city", "state", "notes", "title", "posted_by", "is_pinned"),
    *("created_at", "last_checked_at", "last_live_at"),
)
ROWS_AT_ONCE, PIECE = 500, 250
OFF = {
    "stream_analytics": "This feature is not currently available",
    "stream_bulk_import": "Bulk import is not currently available",
    "stream_export": "Export feature is not currently available",
}


def routes(service: Service) -> Iterator[Route]:
    """The calls about streams."""
    del service
    streams = Streams()
    thing = streams.thing
    common = {"list": streams.listing, "create": streams.create, "update": streams.update}
    yield from thing_routes(
        thing, {**common, "read": thing.read, "archive": thing.archive, "history": thing.history}, STREAM, NEW_STREAM, FILTERS
    )
    yield from stream_routes({name: getattr(streams, name) for name in ("pin", "unpin", "analytics", "bulk_import", "export")})


class Streams:
    """Answers the calls about streams of one server."""

    def __init__(self) -> None:
        self.thing = Thing("stream", "streams", show)
        self._recent = Recent()

    async def listing(self, call: Call) -> web.StreamResponse:
        """``GET /streams``."""
        params = params_of(call)
        return await self.thing.listing(call, wanted(call, params, paging(params)))

    async def create(self, call: Call) -> web.StreamResponse:
        """``POST /streams``: 201 for a new one, 200 for one that goes on."""
        decided = await self.thing.decide(call, posting(self._recent, await self.thing.said(call), call.caller))
        return self.thing.wrote(call, decided, 201 if decided.is_new else 200)

    async def update(self, call: Call) -> web.StreamResponse:
        """``PUT`` and ``PATCH /streams/{id}``: only what is said changes."""
        decision = editing(number_of(call), await self.thing.said(call), call.caller)
        return self.thing.wrote(call, await self.thing.decide(call, decision))

    async def pin(self, call: Call) -> web.StreamResponse:
        """``PUT /streams/{id}/pin``."""
        return self.thing.wrote(call, await self.thing.decide(call, pinning(number_of(call), True, call.caller)))

    async def unpin(self, call: Call) -> web.StreamResponse:
        """``DELETE /streams/{id}/pin``."""
        return self.thing.wrote(call, await self.thing.decide(call, pinning(number_of(call), False, call.caller)))

    async def analytics(self, call: Call) -> web.StreamResponse:
        """``GET /streams/{id}/analytics``."""
        check_flag(call, "stream_analytics")
        n, _ = self.thing.standing(call)
        records = await self.thing.records(call, n)
        return answer({"stream_id": n, **figures([Version(record.timestamp, record.body.get("body", {})) for record in records])})

    async def bulk_import(self, call: Call) -> web.StreamResponse:
        """``POST /streams/bulk_import``: each row for itself, as if it were posted alone, in their order."""
        check_flag(call, "stream_bulk_import")
        said = await read_json(call)
        rows = said.get("streams") if isinstance(said, dict) else said
        if not isinstance(rows, list):
            raise BrokenSchema('bulk_import takes an array of streams, or {"streams": […]}')
        made, errors = list[Body](), list[Body]()
        position = 0
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[start : start + ROWS_AT_ONCE]
            for index, outcome in enumerate(await asyncio.gather(*(self._row(call, row) for row in part)), start):
                if isinstance(outcome, Decided):
                    position = max(position, outcome.position)
                    made.append(show(call, outcome.n, outcome.body))
                else:
                    errors.append({"index": index, "errors": outcome})
        headers = {POSITION: str(position)} if position else {}
        return answer({"imported": len(made), "total": len(rows), "errors": errors, "streams": made}, headers=headers)

    async def _row(self, call: Call, row: Any) -> Decided | list[str]:
        """What became of a row: a stream, or what is wrong with it."""
        if not isinstance(row, dict):
            return ["a row must be a JSON object, a stream"]
        try:
            return await self.thing.decide(call, posting(self._recent, row, call.caller))
        except Wrong as error:
            return [*error.sentences]
        except BrokenSchema as error:
            return [str(error)]

    async def export(self, call: Call) -> web.StreamResponse:
        """``GET /streams/export``: all streams of a list, streamed in constant memory; ``count`` comes after them."""
        check_flag(call, "stream_export")
        asked = wanted(call, params_of(call), {})
        await fresh(call)
        now = shown(call.locker.now())
        response = begun(call, JSON)
        rows = _exported(call, asked)
        piece = await call.service.in_thread(lambda: list(islice(rows, PIECE)))
        await response.prepare(call.request)
        if call.request.method == "HEAD":
            return response
        await response.write(b'{"exported_at":' + orjson.dumps(now) + b',"streams":[')
        count = 0
        while piece:
            await response.write((b"," if count else b"") + b",".join(map(orjson.dumps, piece)))
            count += len(piece)
            piece = await call.service.in_thread(lambda: list(islice(rows, PIECE)))
        await response.write(f'],"count":{count}}}'.encode())
        await response.write_eof()
        return response


def show(call: Call, n: int, body: Body) -> Body:
    """A stream as everybody sees it; that it is archived only admins can see."""
    archived = {"is_archived": True} if body.get("is_archived") else {}
    return {"id": n, **{field: body.get(field) for field in FIELDS}, "is_pinned": body.get("is_pinned") is True, **archived} | {
        "user": user_of(call, body.get("user_id"))
    }


def wanted(call: Call, params: Mapping[str, str], pages: Mapping[str, int]) -> Wanted:
    """What a list asks for.  Raises BrokenSchema for a value that a filter cannot have, NotFound for a user that there is not."""
    terms: list[Term | None] = [*visible(call.caller)]
    for name, field in (("status", "status"), ("notStatus", "status"), ("platform", "platform")):
        if text := params.get(name, "").strip():
            known = word(field, text)
            if known is None:
                raise BrokenSchema(f"{name} {text[:40]!r} is not one of {', '.join(WORDS[field])}")
            terms.append(differs(field, known) if name == "notStatus" else equals(field, known))
    if text := params.get("user_id", "").strip():
        user = number("user_id", text)
        check_user(call, user)
        terms.append(equals("user_id", user))
    if text := params.get("is_pinned", "").strip():
        terms.append(PINNED if boolean("is_pinned", text) else UNPINNED)
    return Wanted("stream", joined(terms), order(params, SORTS), **pages)


def check_flag(call: Call, name: str) -> None:
    """Raise Forbidden if something is not switched on for the caller."""
    if not call.locker.flags.is_on(name, call.caller.account):
        raise Forbidden(OFF[name])


def _exported(call: Call, asked: Wanted) -> Iterator[Body]:
    """The rows of an export, in the order of the list; the people's addresses are looked up once each."""
    reader = call.locker.reader
    if asked.sort is None:
        texts = chain(reader.stream(asked.search(PINNED, sort=NEWEST)), reader.stream(asked.search(UNPINNED, sort=NEWEST)))
    else:
        texts = chain(reader.stream(asked.search()))
    owners: dict[Any, Any] = {}
    for text in texts:
        _, body = numbered(text)
        number = body.get("user_id")
        if number not in owners:
            owners[number] = user_of(call, number)["email"]
        yield {**{field: body.get(field) for field in EXPORTED}, "owner_email": owners[number]}
