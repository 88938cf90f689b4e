"""
Connections over HTTP: the services that a locker is let in at, how each fares, and new ones with a token that somebody has.

A secret goes in and never comes out.  A base URL that somebody names here must be public, unless the setting ``allow_networks`` has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from aiohttp import web

from locker.connection import Connection

from ._body import read_object
from ._connections import SAID, SHOWN, connect_as_said, owner_of, shown
from ._pages import HEADERS, JSON, answer
from ._routes import Parameter, Route
from ._service import Call, Service

USER = Parameter("user", "for API clients: which of its users the connection is for")


def routes(_: Service) -> Iterator[Route]:
    """The calls about connections."""
    one = {JSON: SHOWN}
    path = "/connections/{source}"
    yield Route(
        "GET",
        "/connections",
        listing,
        "Your connections and how they fare",
        parameters=(USER,),
        answers={JSON: {"type": "array", "items": SHOWN}},
    )
    yield Route(
        "POST", "/connections", create, "Connect a service with a token, or renew it", "write", parameters=(USER,), body={JSON: SAID}, answers=one,
        statuses=(201,), errors=(403, 404, 413, 415, 422, 502, 503),
    )  # fmt: skip
    yield Route("GET", path, read, "One connection", parameters=(USER,), answers=one, errors=(404,))
    yield Route(
        "DELETE", path, remove, "Forget a connection; what it brought stays", "write", parameters=(USER,), statuses=(204,), errors=(404,)
    )
    for name, handler, summary, status in (
        ("sync", sync, "Ask the service for what is new, as soon as may be", 202),
        ("backfill", backfill, "Walk everything again at the next run", 202),
        ("enable", enable, "Let it run again", 200),
        ("disable", disable, "Let it rest", 200),
    ):
        yield Route("POST", f"{path}/{name}", handler, summary, "write", parameters=(USER,), answers=one, statuses=(status,), errors=(404,))


async def listing(call: Call) -> web.StreamResponse:
    """``GET /connections``."""
    owner, connections, logbook = await _owner(call), call.locker.connections, call.locker.logbook

    def found() -> list[dict[str, object]]:
        return [shown(each, logbook.count(each.owner, each.source)) for each in connections.list(owner)]

    return answer(await call.service.in_thread(found))


async def create(call: Call) -> web.StreamResponse:
    """``POST /connections``: tried at once; kept if the service lets it in."""
    owner = await _owner(call)
    made = await connect_as_said(call, owner, await read_object(call))
    return answer(shown(made), 201)


async def read(call: Call) -> web.StreamResponse:
    """``GET /connections/{source}``."""
    owner, source = await _owner(call), _source(call)
    found = await asyncio.to_thread(call.locker.connections.get, owner, source)
    return answer(shown(found, call.locker.logbook.count(owner, source)))


async def remove(call: Call) -> web.StreamResponse:
    """``DELETE /connections/{source}``."""
    owner, source = await _owner(call), _source(call)
    await asyncio.to_thread(lambda: call.locker.connections.remove(owner, source, by=call.caller.by))
    return web.Response(status=204, headers=HEADERS)


async def sync(call: Call) -> web.StreamResponse:
    """``POST /connections/{source}/sync``: it is due now; whoever serves runs it."""
    return await _changed(call, call.locker.connections.hasten, 202)


async def backfill(call: Call) -> web.StreamResponse:
    """``POST /connections/{source}/backfill``."""
    return await _changed(call, call.locker.connections.backfill, 202)


async def enable(call: Call) -> web.StreamResponse:
    """``POST /connections/{source}/enable``."""
    return await _changed(call, call.locker.connections.enable, 200)


async def disable(call: Call) -> web.StreamResponse:
    """``POST /connections/{source}/disable``."""
    return await _changed(call, call.locker.connections.disable, 200)


async def _changed(call: Call, change: Callable[[str, str], Connection], status: int) -> web.StreamResponse:
    owner = await _owner(call)
    return answer(shown(await asyncio.to_thread(change, owner, _source(call))), status)


async def _owner(call: Call) -> str:
    return await owner_of(call, call.params().get("user"))


def _source(call: Call) -> str:
    return call.request.match_info["source"]
