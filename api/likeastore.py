"""
The Likeastore dialect: API clients connect networks for users of their own, read and search what was collected, and are called back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from aiohttp import web

from locker.account import KINDS
from locker.connection import Connection
from locker.error import BrokenSchema, Invalid, LockerError, NotFound, Unauthorized, Unavailable
from locker.hook import DIALECT, Hook
from locker.notification import dialect
from locker.query import Search
from locker.record import Body
from locker.term import words

from ._connections import connect_as_dialect
from ._errors import HttpError
from ._likeastore import (
    PAGE,
    TEXT,
    highlighted,
    items,
    known_user,
    may_name,
    message,
    need,
    new_user,
    paging,
    said,
    text,
    user_of,
)
from ._likeastore_hooks import hook_routes
from ._pages import HEADERS, JSON, answer
from ._query_string import last_of_each, parse_query_string
from ._routes import Parameter, Route
from ._service import Call, Service
from ._stream_list import fresh

BASE = "/api"
INITIAL_SECONDS = 10.0
"""So long a call with ``include_data=1`` waits for the first page of data."""
NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
CONNECTION = {"type": "object", "required": ["user", "network", "mode"], "properties": dict.fromkeys(("user", "network", "mode"), TEXT)}
CONNECT = {"type": "object", "required": ["user"], "properties": dict.fromkeys(("user", "network", "accessToken", "accessTokenSecret", "refreshToken", "username", "baseUrl"), TEXT)}  # fmt: skip
PAGES = (
    Parameter("page", "from 1", {"type": "integer", "minimum": 1, "default": 1}),
    Parameter("pageSize", "how many on a page, at most 256", {"type": "integer", "minimum": 1, "maximum": 256, "default": 32}),
)
INCLUDE = Parameter("include_data", "1 to wait for the first page of data")


def routes(service: Service) -> Iterator[Route]:
    """The calls of this dialect; ``GET /users/me`` and the like are elsewhere."""
    del service
    dialect(DIALECT, Hook())

    def route(method: str, path: str, handler: Any, summary: str, scope: str | None, **more: Any) -> Route:
        return Route(method, BASE + path, handler, summary, scope=scope, is_checked=False, shape=message, **more)

    credentials = {
        JSON: {"type": "object", "required": ["client_id", "client_secret"], "properties": {"client_id": TEXT, "client_secret": TEXT}}
    }
    yield route("POST", "/auth", auth, "A token for a client", None, body=credentials, answers={JSON: {"type": "object"}}, statuses=(201,), errors=(401, 412))  # fmt: skip
    made = {"body": {JSON: CONNECT}, "answers": {JSON: CONNECTION}, "statuses": (201,), "errors": (403, 412, 413, 422, 502, 503), "parameters": (INCLUDE,)}  # fmt: skip
    yield route("POST", "/connection", connect, "Connect a network for a user", "write", aliases=(f"{BASE}/connections",), **made)
    yield route(
        "POST", "/connections/{name}", connect, "Connect the network of the path", "write", aliases=(f"{BASE}/connection/{{name}}",), **made
    )
    listed = {JSON: {"type": "object", "properties": {"data": {"type": "array", "items": CONNECTION}}}}
    yield route(
        "GET", "/connections", connections, "All connections of your users", "read", parameters=PAGES, answers=listed, errors=(412,)
    )
    yield route(
        "GET",
        "/connections/{name}",
        connections_of,
        "The connections of a user",
        "read",
        parameters=PAGES,
        answers=listed,
        errors=(404, 412),
    )
    yield route(
        "DELETE",
        "/connections/{user}/{network}",
        disconnect,
        "Forget a connection; its items stay",
        "write",
        statuses=(204,),
        errors=(404,),
    )
    found = {"parameters": PAGES, "answers": {JSON: PAGE}, "errors": (404, 412)}
    yield route("GET", "/favorites/{user}", favorites, "What a user liked, across networks", "read", **found)
    yield route("GET", "/favorites/{user}/{network}", favorites, "What a user liked at one network", "read", **found)
    asked = (*PAGES, Parameter("q", "the words"), Parameter("text", "the same"))
    yield route("GET", "/search/{user}", search, "Search what a user liked", "read", **{**found, "parameters": asked})
    yield from hook_routes(route)


# -- who is calling ------------------------------------------------------------------------------------


async def auth(call: Call) -> web.StreamResponse:
    """``POST /auth``: a token of 24 hours for a client's id and secret."""
    body = await said(call)
    client_id, client_secret = need(body, "client_id", "client_secret")
    call.service.limits.login(call.service.place(call.request), client_id[:320])
    client = await call.locker.accounts.authenticate(client_id, client_secret)
    token = call.service.tokens.make(client.owner, KINDS[:2])
    return answer({"access_token": token, "token_type": "Bearer", "expires_in": 86400}, 201, NEVER_STORED)


# -- connections ---------------------------------------------------------------------------------------


async def connect(call: Call) -> web.StreamResponse:
    """``POST /connection``: the network in the body or in the path; with ``include_data=1`` also the first page of what it has."""
    body = await said(call)
    network = call.request.match_info.get("name") or text(body, "network")
    (user,) = need({**body, "network": network}, "user", "network")[:1]
    try:
        connector = call.locker.connecting.connector(network.partition(".")[0])
    except NotFound as error:
        raise BrokenSchema(str(error)) from error
    if connector.auth and not body.get("username"):
        need(body, "accessToken")
    owner = await new_user(call, user)
    made = await _connected(call, owner, network, body)
    shown = _shown(call, made)
    if last_of_each(parse_query_string(call.raw)).get("include_data", "") not in ("", "0", "false"):
        shown |= await _first_page(call, made)
    return answer(shown, 201)


async def _connected(call: Call, owner: str, network: str, body: Body) -> Connection:
    options = body.get("options") or {}
    if not isinstance(options, dict) or not all(isinstance(value, str) for value in options.values()):
        raise HttpError(412, 'options are texts by name, like {"username": "ada"}')
    names = {
        "token": "accessToken",
        "token_secret": "accessTokenSecret",
        "refresh_token": "refreshToken",
        "username": "username",
        "base_url": "baseUrl",
    }
    given = {name: text(body, theirs) for name, theirs in names.items()}
    try:
        return await connect_as_dialect(call, owner, network, options=options, **given)
    except Unauthorized as error:  # the service's word; a 401 of ours would say that the caller's own token is no good
        raise BrokenSchema(str(error)) from error
    except Invalid as error:
        raise error if isinstance(error, BrokenSchema) else BrokenSchema(str(error)) from error


async def _first_page(call: Call, made: Connection) -> Body:
    """The first page of what the network has, and whether that is all of it, after a bounded wait."""
    task = asyncio.create_task(_collect(call, made))
    call.service.tasks.add(task)
    task.add_done_callback(call.service.tasks.discard)
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(task), INITIAL_SECONDS)
    with suppress(Unavailable):
        await call.service.arrive(call.locker.logbook.position)
    stands = await asyncio.to_thread(call.locker.connections.get, made.owner, made.source)
    data = await _page(call, Search("favorite", made.owner, subtypes=(made.connector,)), 1, 32)
    return {"mode": stands.mode, "data": data["data"], "nextPage": data["nextPage"], "dataComplete": stands.mode == "normal"}


async def _collect(call: Call, made: Connection) -> None:
    """Run a new connection once, or wait for whoever runs it already."""
    try:
        await call.locker.syncing.run(made.owner, made.source)
    except Unavailable:
        for _ in range(int(INITIAL_SECONDS / 0.2)):
            await asyncio.sleep(0.2)
            if (await asyncio.to_thread(call.locker.connections.get, made.owner, made.source)).ran != made.ran:
                return
    except LockerError:
        return  # the connection says what it was


def _shown(call: Call, made: Connection) -> Body:
    return {"user": user_of(call, made.owner), "network": made.source, "mode": made.mode}


async def connections(call: Call) -> web.StreamResponse:
    """``GET /connections``: those of all users of the caller."""
    everyone = await asyncio.to_thread(call.locker.connections.list)
    found = [each for each in everyone if may_name(call, each.owner)]
    return _listed(call, found)


async def connections_of(call: Call) -> web.StreamResponse:
    """``GET /connections/{user}``."""
    owner = known_user(call, call.request.match_info["name"])
    return _listed(call, await asyncio.to_thread(call.locker.connections.list, owner))


def _listed(call: Call, found: list[Connection]) -> web.Response:
    page, size = paging(last_of_each(parse_query_string(call.raw)))
    start = (page - 1) * size
    return answer({"data": [_shown(call, each) for each in found[start : start + size]], "nextPage": len(found) > start + size})


async def disconnect(call: Call) -> web.StreamResponse:
    """``DELETE /connections/{user}/{network}``."""
    owner, network = known_user(call, call.request.match_info["user"]), call.request.match_info["network"]
    _check_connected(call, owner, network)
    await asyncio.to_thread(lambda: call.locker.connections.remove(owner, network, by=call.caller.by))
    return web.Response(status=204, headers=HEADERS)


def _check_connected(call: Call, owner: str, network: str) -> None:
    if call.locker.connections.find(owner, network) is None:
        raise NotFound(f"network {network[:60]} is not connected for the user")


# -- what was collected --------------------------------------------------------------------------------


async def favorites(call: Call) -> web.StreamResponse:
    """``GET /favorites/{user}`` and ``/favorites/{user}/{network}``: the newest first."""
    page, size = paging(last_of_each(parse_query_string(call.raw)))
    owner, network = known_user(call, call.request.match_info["user"]), call.request.match_info.get("network")
    if network is not None:
        await asyncio.to_thread(_check_connected, call, owner, network)
    await fresh(call)
    subtypes = () if network is None else (network.partition(".")[0],)
    return answer(await _page(call, Search("favorite", owner, subtypes=subtypes), page, size))


async def _page(call: Call, search: Search, page: int, size: int) -> Body:
    found = await call.service.search(replace(search, limit=size + 1, offset=(page - 1) * size))
    data = await call.service.in_thread(items, call, search.owner, found.objects[:size])
    return {"data": data, "nextPage": len(found.objects) > size}


async def search(call: Call) -> web.StreamResponse:
    """``GET /search/{user}?q=``: the best match first, what matched in ``<em>``."""
    params = last_of_each(parse_query_string(call.raw))
    page, size = paging(params)
    owner = known_user(call, call.request.match_info["user"])
    asked = (params.get("q") or params.get("text") or "").strip()
    wanted = frozenset(words(asked))
    if not wanted:
        return answer({"data": [], "nextPage": False})
    await fresh(call)
    found = await _page(call, Search("favorite", owner, q=asked), page, size)
    for each in found["data"]:
        each |= {f"{name}Html": highlighted(each[name], wanted) for name in ("title", "description")}
    return answer(found)
