"""
The connectors' calls: every record that a source gave, with each edit and delete, and what pushes more of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from itertools import islice
from typing import Any

import orjson
from aiohttp import web

from locker.error import Invalid
from locker.locker import Pushed
from locker.record import Record
from locker.term import times

from ._body import item_pages
from ._cursor import decode, encode
from ._pages import JSON, answer, array, media_type, next_link, offset_and_limit, stream
from ._query_string import unquoted, whole_number
from ._records_routes import routes_of
from ._routes import Route
from ._service import POSITION, Call, Service

DEFAULT_LIMIT = 100
STREAM_PAGE = 250
KEPT_ERRORS = 1000
SMALL = 20
"""So many pushed items are checked in the event loop; more take a thread."""

Page = Callable[[Any, int, int], list[Record]]
"""(after, limit, offset) -> that page of a list."""


def routes(_: Service) -> Iterator[Route]:
    """The calls of this dialect."""
    return routes_of(connectors, get_types, get_all, get_id, get_since, get_current, push)


async def connectors(call: Call) -> web.StreamResponse:
    """``/connectors``: those this locker knows, and the sources that were pushed."""
    call.params()
    return answer(await call.service.in_thread(_connectors, call))


def _connectors(call: Call) -> list[dict[str, Any]]:
    locker, owner = call.locker, call.owner
    names = sorted({*locker.connectors, *locker.sources(owner)})
    return [_described(call, name, locker.logbook.count(owner, name)) for name in names]


def _described(call: Call, name: str, count: int) -> dict[str, Any]:
    connector = call.locker.connectors.get(name.partition(".")[0])
    types = call.locker.types(call.owner, name) if count else []
    kinds = [f"{type}/{connector.name}" for type in connector.types] if connector else []
    return {
        "name": name,
        "title": connector.title if connector else name,
        "types": types or kinds,
        "state": "filled" if count else "empty",
        "pushed": connector is None,
        "count": count,
    }


async def get_types(call: Call) -> web.StreamResponse:
    """``getTypes``: the service types that have records."""
    call.params()
    source = await _source(call)
    return answer(await call.service.in_thread(call.locker.types, call.owner, source))


async def get_all(call: Call) -> web.StreamResponse:
    """``getAll``: every record in log order."""
    params = call.params()
    return await _records(call, await _source(call), params, 0)


async def get_since(call: Call) -> web.StreamResponse:
    """``getSince``: the records after an id, or at or after a time."""
    params = call.params()
    if ("id" in params) == ("time" in params):
        raise Invalid("getSince takes either id, like id=github:17, or time, like time=2011-05-18T10:00:00Z")
    source = await _source(call)
    find = _after_id if "id" in params else _after_time
    return await _records(call, source, params, await call.service.in_thread(find, call, source, params))


def _after_id(call: Call, source: str, params: dict[str, str]) -> int:
    id = unquoted(params["id"].strip())
    if id.rpartition(":")[0] != source:
        raise Invalid(f"{id[:100]!r} is no id of {source}; they look like {source}:17")
    return call.locker.record(call.owner, id).version


def _after_time(call: Call, source: str, params: dict[str, str]) -> int:
    return call.locker.version_at(call.owner, source, times(unquoted(params["time"]))[0])


async def get_id(call: Call) -> web.StreamResponse:
    """``getID``: a record, and those that refer to it."""
    params = call.params()
    source, id = await _source(call), unquoted(params.get("id", "").strip())
    if id.rpartition(":")[0] != source:
        raise Invalid(f"getID takes the id of a record of {source}, like id={source}:17")
    record, *references = await call.service.in_thread(call.locker.logbook.history, call.owner, id)
    return answer(b'{"record":' + record.as_json() + b',"references":[' + b",".join(each.as_json() for each in references) + b"]}")


async def get_current(call: Call) -> web.StreamResponse:
    """``getCurrent``: one record for each living thing, its newest body under the id of its first record."""
    params, source = call.params(), await _source(call)
    type = _type(params)

    def page(after: Any, limit: int, offset: int) -> list[Record]:
        return call.locker.current(call.owner, source, after=after or ("", ""), limit=limit, offset=offset, type=type)

    return await _paged(call, params, page, lambda record: (record.type, record.key), _current_json, (str, str))


async def push(call: Call) -> web.StreamResponse:
    """``push``: items in; what is new of them is appended, page by page of a long push."""
    call.params()
    source, sum = call.request.match_info["source"], Pushed()
    call.locker.pushing.check_pushable(source)
    start = 0
    async with aclosing(item_pages(call)) as pages:
        async for page in pages:
            if len(page) > SMALL:
                pushed, drafts = await call.service.in_thread(call.locker.pushing.drafts, source, page, call.caller.by)
            else:
                pushed, drafts = call.locker.pushing.drafts(source, page, call.caller.by)
            if drafts:
                pushed.count(await call.service.appends.append(call.owner, source, drafts))
            _add(sum, pushed, start)
            start += len(page)
    shown = {name: getattr(sum, name) for name in ("added", "edited", "deleted", "unchanged", "rejected", "errors")}
    return answer(shown, headers={POSITION: str(sum.position or call.locker.logbook.position)})


def _add(sum: Pushed, pushed: Pushed, start: int) -> None:
    for name in ("added", "edited", "deleted", "unchanged", "rejected"):
        setattr(sum, name, getattr(sum, name) + getattr(pushed, name))
    room = KEPT_ERRORS - len(sum.errors)
    sum.errors += [{**error, "index": error["index"] + start} for error in pushed.errors[:room]]
    sum.position = max(sum.position, pushed.position)


# -- pages ------------------------------------------------------------------------------------------------


async def _records(call: Call, source: str, params: dict[str, str], since: int) -> web.StreamResponse:
    type = _type(params)

    def page(after: Any, limit: int, offset: int) -> list[Record]:
        gt = max(since, after[0]) if after else since
        return call.locker.logbook.records(call.owner, source, gt=gt, limit=limit, offset=offset, type=type)

    return await _paged(call, params, page, lambda record: (record.version,), Record.as_json, (int,))


async def _paged(
    call: Call, params: dict[str, str], page: Page, key: Callable[[Record], Any], show: Callable[[Record], bytes], kinds: tuple[type, ...]
) -> web.StreamResponse:
    """One page, or everything as a stream."""
    numbers: dict[str, int] = {name: whole_number(name, params[name]) for name in ("limit", "offset") if name in params}
    offset, limit = offset_and_limit(numbers, DEFAULT_LIMIT)
    after = decode(params["after"], kinds) if params.get("after") else None
    media = media_type(call.request.headers.get("Accept"))
    if media != JSON:
        fragments = _all(page, key, show, after, offset)
        return await stream(call, islice(fragments, numbers["limit"]) if "limit" in numbers else fragments, media)
    found = await call.service.in_thread(page, after, limit + 1, offset)
    shown, more = found[:limit], len(found) > limit > 0
    return array((show(record).decode() for record in shown), next_link(call, encode(key(shown[-1])) if more else None))


def _all(page: Page, key: Callable[[Record], Any], show: Callable[[Record], bytes], after: Any, offset: int) -> Iterator[str]:
    """Every record as JSON, read page by page, each in a transaction of its own."""
    while found := page(after, STREAM_PAGE, offset):
        yield from (show(record).decode() for record in found)
        after, offset = key(found[-1]), 0


def _current_json(record: Record) -> bytes:
    shown = replace(record, id=record.first).as_json()
    return b'{"version":' + orjson.dumps(record.id) + b"," + shown[1:]


def _type(params: dict[str, str]) -> str | None:
    return unquoted(params["type"].strip()) if params.get("type") else None


async def _source(call: Call) -> str:
    """The source that the path names.  Raises NotFound, naming the known ones."""
    return await call.service.in_thread(call.locker.check_source, call.owner, call.request.match_info["source"])
