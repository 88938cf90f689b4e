"""
REST hooks of the Likeastore dialect over HTTP: subscriptions of an API client to what becomes of its users' connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from aiohttp import web

from locker.error import BrokenSchema, Invalid, NotFound
from locker.hook import DIALECT, EVENTS
from locker.locker import RUNS
from locker.notification import Content, Filter, Receiver, Subscription
from locker.record import Body

from ._likeastore import TEXT, is_everyone, known_user, need, prefix_of, said, text, user_of
from ._pages import HEADERS, JSON, answer
from ._routes import Route
from ._service import Call

SUBSCRIPTION = {
    "type": "object",
    "required": ["id", "event", "callback"],
    "properties": {**dict.fromkeys(("id", "user", "network", "callback", "secret"), TEXT), "event": {"enum": list(EVENTS)}},
}


def hook_routes(route: Callable[..., Route]) -> Iterator[Route]:
    """The calls about subscriptions; *route* makes one of this dialect."""
    hooks = {"body": {JSON: SUBSCRIPTION}, "answers": {JSON: SUBSCRIPTION}, "errors": (404, 412, 413, 422)}
    yield route("PUT", "/subscriptions", put_subscription, "Be called back; again with the same is the same", "write", **hooks)
    yield route("POST", "/subscriptions", post_subscription, "Be called back", "write", statuses=(201,), **hooks)
    yield route("GET", "/subscriptions", subscriptions, "Your subscriptions", "read", answers={JSON: {"type": "object"}})
    yield route("GET", "/subscriptions/{id}", subscription, "One subscription", "read", answers={JSON: SUBSCRIPTION}, errors=(404,))
    yield route("DELETE", "/subscriptions/{id}", unsubscribe, "Be called back no more", "write", statuses=(204,), errors=(404,))


async def put_subscription(call: Call) -> web.StreamResponse:
    """``PUT /subscriptions``: 200, and the same one if there is such a one."""
    made = await _wanted(call, await said(call))
    async with call.service.subscribing:
        known = next((each for each in _mine(call) if each.content.options == made.content.options), None)
        return answer(_told(known) if known is not None else await _subscribed(call, made))


async def post_subscription(call: Call) -> web.StreamResponse:
    """``POST /subscriptions``: 201 for a new one."""
    return answer(await _subscribed(call, await _wanted(call, await said(call))), 201)


async def _wanted(call: Call, body: Body) -> Subscription:
    event, callback = need(body, "event", "callback")
    if event not in EVENTS:
        raise BrokenSchema(f"there is no event {event[:60]!r}; there are {', '.join(EVENTS)}")
    user, network = text(body, "user"), text(body, "network")
    connection = body.get("connection")  # a later form of the document: what POST /connection answered
    if isinstance(connection, dict):
        user, network = user or text(connection, "user"), network or text(connection, "network")
    if network:
        try:
            call.locker.connecting.connector(network.partition(".")[0])
        except NotFound as error:
            raise BrokenSchema(str(error)) from error
    owner = known_user(call, user) if user else "" if is_everyone(call) else call.caller.owner
    own = owner or prefix_of(call)
    hearer = own.partition("~")[0] + "~" if "~" in own else own
    filter = Filter((hearer,), (RUNS,), (f"{event}/locker",), key=f"{owner or '*'}/{network or '*'}")
    options = {"event": event, "callback": callback, **({"user": user} if user else {}), **({"network": network} if network else {})}
    return Subscription("", 0, hearer, filter, Receiver(callback), content=Content(DIALECT, options))


async def _subscribed(call: Call, made: Subscription) -> Body:
    try:
        found, secret = await asyncio.to_thread(
            lambda: call.locker.subscriptions.add(made.owner, made.filter, made.receiver, content=made.content, by=call.caller.by)
        )
    except Invalid as error:
        raise BrokenSchema(str(error)) from error
    return {**_told(found), "secret": secret}


def _told(found: Subscription) -> Body:
    return {"id": found.id, **found.content.options, **({} if found.is_active else {"status": found.status, "reason": found.reason})}


def _mine(call: Call) -> list[Subscription]:
    owners = {prefix_of(call), call.caller.owner}
    return [
        each
        for each in call.locker.subscriptions.list(dialect=DIALECT)
        if each.owner in owners and (is_everyone(call) or each.content.options.get("user") == user_of(call, call.caller.owner))
    ]


async def subscriptions(call: Call) -> web.StreamResponse:
    """``GET /subscriptions``, oldest first."""
    return answer({"data": [_told(each) for each in _mine(call)], "nextPage": False})


def _one(call: Call) -> Subscription:
    id = call.request.match_info["id"]
    found = next((each for each in _mine(call) if each.id == id), None)
    if found is None:
        raise NotFound(f"there is no subscription {id[:60]!r}")
    return found


async def subscription(call: Call) -> web.StreamResponse:
    """``GET /subscriptions/{id}``."""
    return answer(_told(_one(call)))


async def unsubscribe(call: Call) -> web.StreamResponse:
    """``DELETE /subscriptions/{id}``."""
    found = _one(call)
    await asyncio.to_thread(lambda: call.locker.subscriptions.remove(found.id, by=call.caller.by))
    return web.Response(status=204, headers=HEADERS)
