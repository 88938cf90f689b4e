"""
The data access API: what there is, the objects that satisfy a query, where they came from, and what apps write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import orjson
from aiohttp import web

from locker.error import Invalid
from locker.query import Search
from locker.record import canonical

from ._body import read_object, read_parameters
from ._objects_routes import add_route, delete_route, edit_route, get_routes, plain_routes
from ._pages import JSON, answer, array, media_type, next_link, stream
from ._query_string import unquoted, whole_number
from ._routes import Route
from ._search import search_in, search_of
from ._service import POSITION, Call, Handler, Service, read_params


def routes(service: Service) -> Iterator[Route]:
    """The calls of this dialect: for every type its own."""
    yield from plain_routes(list_, fields, via)
    for schema in service.locker.schemas.values():
        yield from get_routes(schema, _getting(schema.type), _posting(schema.type))
        if not schema.closed:
            yield add_route(schema, _adding(schema.type))
            yield edit_route(schema, _editing(schema.type))
            yield delete_route(schema, _deleting(schema.type))


# -- what there is ------------------------------------------------------------------------------------


async def list_(call: Call) -> web.StreamResponse:
    """``/list``: the types with their subtypes, the subtypes of a type, or the types of a subtype."""
    params = call.params()
    if "type" in params and "subtype" in params:
        raise Invalid("give either type or subtype, not both")
    await call.wait()
    type = call.locker.type(unquoted(params["type"])) if "type" in params else None
    subtype = unquoted(params["subtype"]) if "subtype" in params else None
    return answer(await call.service.in_thread(call.locker.reader.listing, call.owner, type=type, subtype=subtype))


async def fields(call: Call) -> web.StreamResponse:
    """``/fields?type=contact/twitter``, also ``/fields?contact/twitter``: the fields that objects have."""
    params = read_params(call.raw)
    bare = [name for name, value in params.items() if not value and name not in ("type", "owner")]
    wanted = unquoted(params.pop("type", "") or (params.pop(bare[0]) or bare[0] if bare else ""))
    if not wanted or params.keys() - {"owner"}:
        raise Invalid("fields takes a type or a type/subtype, like type=contact or type=contact/twitter")
    call.check_owner(params.get("owner", call.owner))
    type, _, subtype = wanted.partition("/")
    type = call.locker.type(type)
    call.caller.check("read", type, call.owner)
    await call.wait()
    return answer(await call.service.in_thread(call.locker.reader.fields, call.owner, type, subtype or None))


async def via(call: Call) -> web.StreamResponse:
    """``/via``: the objects composed of a record or an object; with ``direction=down`` the records that made it."""
    params = call.params()
    id, direction = unquoted(params.get("id", "")).strip(), params.get("direction", "up")
    if not id or direction not in ("up", "down"):
        raise Invalid("via needs the id of a record or an object, like id=github:17; direction is up or down")
    await call.wait()
    return array(await call.service.in_thread(_up if direction == "up" else _down, call, id))


def _up(call: Call, id: str) -> list[str]:
    reader = call.locker.reader
    if id.partition(":")[0] in call.locker.schemas:
        reader.get(call.owner, id)  # or it says that there is none
        return reader.via_up(call.owner, id)
    return reader.via_up(call.owner, call.locker.record(call.owner, id).first)


def _down(call: Call, id: str) -> list[str]:
    found = call.locker.reader.via_down(call.owner, id)
    return [call.locker.record(call.owner, record).as_json().decode() for record in found]


# -- queries ------------------------------------------------------------------------------------------


def _getting(type: str) -> Handler:
    async def get(call: Call) -> web.StreamResponse:
        """``GET /get{Type}``: the hot path; a query string seen before is not read again."""
        search, owner = search_in(type, call.owner, call.raw)
        if owner is not None:
            call.check_owner(owner)
        return await _found(call, search)

    return get


def _posting(type: str) -> Handler:
    async def post(call: Call) -> web.StreamResponse:
        """``POST /get{Type}``: the same parameters in a body, for long queries."""
        params = read_params(call.raw) | await read_parameters(call)
        owner = call.owner if params.get("owner") is None else str(params["owner"])
        search = search_of(type, owner, params)
        call.caller.check("read", type, owner)
        return await _found(call, search, params.get("limit"))

    return post


async def _found(call: Call, search: Search, limit: object = None) -> web.StreamResponse:
    """The answer; *limit* is what a body says, which also ends a stream."""
    if POSITION in call.request.headers:
        await call.wait()
    if search.id is not None:
        search = await _by_first(call, search)
    media = media_type(call.request.headers.get("Accept"))
    is_count = search.query is not None and search.query.count
    if media != JSON:
        return await _streamed(call, search, media, limit, is_count=is_count)
    found = await call.service.search(search)
    if is_count:
        return answer({"count": found.total})
    headers = next_link(call, found.next, keep_offset=search.q is not None and not search.sort) if found.next else {}
    if found.total is not None:
        headers["X-Total-Count"] = str(found.total)
    if found.facets is not None:
        return answer(f'{{"objects":[{",".join(found.objects)}],"facets":'.encode() + orjson.dumps(found.facets) + b"}", headers=headers)
    return array(found.objects, headers)


async def _streamed(call: Call, search: Search, media: str, limit: object, *, is_count: bool) -> web.StreamResponse:
    """All of it, or as many as were asked for."""
    if search.facets:
        raise Invalid("facets come in one piece; ask for them as application/json")
    headers, reader = dict[str, str](), call.locker.reader
    if is_count or search.count:
        total = (await call.service.in_thread(reader.search, replace(search, limit=0, count=True))).total
        headers["X-Total-Count"] = str(total)
        if is_count:
            return await stream(call, iter([f'{{"count":{total}}}']), media)
    fragments = reader.stream(search)
    if limit is None:
        limit = read_params(call.raw).get("limit")
    if limit is not None:
        fragments = islice(fragments, whole_number("limit", str(limit)))
    return await stream(call, fragments, media, headers)


async def _by_first(call: Call, search: Search) -> Search:
    """An object lists the first records of its things; an id of a later one means the same thing."""
    assert search.id is not None
    if search.id.partition(":")[0] in call.locker.schemas:
        return search
    record = await call.service.in_thread(call.locker.record, call.owner, search.id)
    return replace(search, id=record.first)


# -- writing ------------------------------------------------------------------------------------------


def _adding(type: str) -> Handler:
    async def add(call: Call) -> web.StreamResponse:
        """``POST /add{Type}``: an object of the app's own."""
        call.params()
        body = await read_object(call)
        id, position = await asyncio.wrap_future(call.locker.composer.adding(call.owner, type, body, call.caller.by))
        return _written(call, id, position)

    return add


def _editing(type: str) -> Handler:
    async def edit(call: Call) -> web.StreamResponse:
        """``POST /edit{Type}?id=``: a JSON Merge Patch (RFC 7396) over an object."""
        id = _id(call, type)
        patch = await read_object(call)
        id, position = await asyncio.wrap_future(call.locker.composer.editing(call.owner, type, id, patch, call.caller.by))
        return _written(call, id, position)

    return edit


def _deleting(type: str) -> Handler:
    async def delete(call: Call) -> web.StreamResponse:
        """``POST /delete{Type}?id=``: hides an object until an app edits it."""
        id = _id(call, type)
        id, position = await asyncio.wrap_future(call.locker.composer.editing(call.owner, type, id, None, call.caller.by))
        return _written(call, id, position)

    return delete


def _id(call: Call, type: str) -> str:
    id = unquoted(call.params().get("id", "")).strip()
    if not id:
        raise Invalid(f"say which object: id={type}:17")
    return id


def _written(call: Call, id: str, position: int) -> web.Response:
    """The object as it is now, whether it can be queried yet or not; who may only write hears its id alone."""
    shown = call.locker.object(call.owner, id)
    if not call.caller.token.may("read", type := shown["type"]):
        shown = {"id": id, "type": type}
    return answer(canonical(shown).encode(), headers={POSITION: str(position)})
