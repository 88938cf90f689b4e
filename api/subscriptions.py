"""
Subscriptions over HTTP: be told of whatever you may read, and see whether it arrived, and if not, why.

Subscriptions that other dialects made (Flare's, hooks) are shown here too, and answer to the same verbs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from locker.entitlement import Entitlements, check_reads
from locker.error import BrokenSchema, Forbidden, Invalid, NotFound
from locker.notification import Filter, Policy, Receiver, Start, Subscription
from locker.record import Body

from ._body import read_object, read_parameters
from ._pages import HEADERS, answer, offset_and_limit
from ._query_string import unquoted, whole_number
from ._routes import Route
from ._service import Call, Service
from ._subscriptions_routes import SAID, routes_of

DEFAULT_LIMIT = 100


def routes(_: Service) -> Iterator[Route]:
    """The calls about subscriptions and deliveries."""
    yield from routes_of(
        {
            "list": listing, "create": create, "read": read, "delete": delete, "deliveries": deliveries, "all_deliveries": all_deliveries,
            "pause": pause, "resume": resume, "rotate": rotate, "test": test, "replay": replay, "redeliver": redeliver,
        }
    )  # fmt: skip


# -- subscriptions -----------------------------------------------------------------------------------


async def listing(call: Call) -> web.StreamResponse:
    """``GET /subscriptions``, oldest first."""
    params = call.params()
    offset, limit = offset_and_limit(
        {name: whole_number(name, params[name]) for name in ("limit", "offset") if name in params}, DEFAULT_LIMIT
    )
    watching, found = call.locker.watching, call.locker.subscriptions.list(call.owner)
    return answer(await call.service.in_thread(lambda: [watching.shown(each) for each in found[offset : offset + limit]]))


async def create(call: Call) -> web.StreamResponse:
    """``POST /subscriptions``: the signing secret is told now, and never again."""
    call.params()
    said = await read_object(call)
    if unknown := sorted(said.keys() - SAID["properties"].keys()):  # type: ignore[attr-defined]
        raise BrokenSchema(f"a subscription has no {unknown[0][:40]!r}; it has filter, receiver, delivery, from, secret")
    if "receiver" not in said:
        raise BrokenSchema('receiver says where to send to, like {"url": "https://app.example/hook"}', "/receiver")
    if not isinstance(secret := said.get("secret"), str | None):
        raise BrokenSchema("secret is a text", "/secret")
    filter, receiver = _filter(call, said), _part("receiver", Receiver.of, said["receiver"])
    delivery = _part("delivery", Policy.of, said.get("delivery") or {})
    start = _part("from", Start.of, said.get("from"))

    def make() -> tuple[Subscription, str]:
        return call.locker.subscriptions.add(call.owner, filter, receiver, delivery=delivery, start=start, secret=secret, by=call.caller.by)

    try:
        made, told = await call.service.in_thread(make)
    except Invalid as error:
        raise error if isinstance(error, BrokenSchema) else BrokenSchema(str(error)) from error
    return answer({**await _shown(call, made), "secret": told}, 201, {"Location": f"/subscriptions/{made.id}"})


def _filter(call: Call, said: Body) -> Filter:
    """What the body wants to hear of, if the caller may read all of that.  Raises BrokenSchema or Forbidden."""
    wanted = said.get("filter") or {}
    if not isinstance(wanted, dict):
        raise BrokenSchema("filter is an object", "/filter")
    filter: Filter = _part("filter", Filter.of, {"owners": [call.owner], **wanted})
    if not filter.owners:
        raise BrokenSchema("filter.owners names at least one locker; leave it out for your own", "/filter/owners")
    check_reads(call.caller, filter)
    return filter


def _part(name: str, read: Any, said: Any) -> Any:
    """A part of the body.  Raises BrokenSchema."""
    try:
        return read(said)
    except Invalid as error:
        raise BrokenSchema(str(error), f"/{name}") from error


async def read(call: Call) -> web.StreamResponse:
    """``GET /subscriptions/{id}``."""
    call.params()
    return answer(await _shown(call, _named(call)))


async def delete(call: Call) -> web.StreamResponse:
    """``DELETE /subscriptions/{id}``: what was not sent yet stays unsent."""
    call.params()
    await call.service.in_thread(call.locker.subscriptions.remove, _named(call).id, call.owner, call.caller.by)
    return web.Response(status=204, headers=HEADERS)


async def pause(call: Call) -> web.StreamResponse:
    """``POST …/pause``."""
    call.params()
    return answer(
        await _shown(call, await call.service.in_thread(call.locker.subscriptions.pause, _named(call).id, call.owner, call.caller.by))
    )


async def resume(call: Call) -> web.StreamResponse:
    """``POST …/resume``: not while what it hears of may not be read."""
    call.params()
    found = _named(call)
    if refusal := Entitlements(call.locker.accounts).refusal(found):
        raise Forbidden(refusal)
    return answer(await _shown(call, await call.service.in_thread(call.locker.subscriptions.resume, found.id, call.owner, call.caller.by)))


async def rotate(call: Call) -> web.StreamResponse:
    """``POST …/rotate``: the new secret is told now, and never again."""
    call.params()
    found = _named(call)
    secret = await call.service.in_thread(call.locker.subscriptions.rotate, found.id, call.owner, call.caller.by)
    return answer({**await _shown(call, found), "secret": secret})


async def test(call: Call) -> web.StreamResponse:
    """``POST …/test``."""
    call.params()
    return answer(
        {"request": await call.service.in_thread(call.locker.subscriptions.test, _named(call).id, call.owner, call.caller.by)}, 202
    )


async def replay(call: Call) -> web.StreamResponse:
    """``POST …/replay {"since": …}``."""
    call.params()
    found, said = _named(call), await read_object(call)
    since = said.get("since")
    if since is None:
        raise BrokenSchema('since is where to begin: a position, a time like "2026-11-22T08:00:00Z", or "beginning"', "/since")
    if isinstance(since, int) and not isinstance(since, bool):
        since = {"position": since}
    elif isinstance(since, str) and since not in ("now", "beginning"):
        since = {"time": since}
    start = _part("since", Start.of, since)
    subscriptions, pace = call.locker.subscriptions, said.get("pace", "fast")

    def ask() -> str:
        return subscriptions.replay(found.id, start, pace=pace, owner=call.owner, by=call.caller.by)

    try:
        return answer({"request": await call.service.in_thread(ask)}, 202)
    except Invalid as error:
        raise BrokenSchema(str(error)) from error


async def redeliver(call: Call) -> web.StreamResponse:
    """``POST …/redeliver {"position"?}``: one dead letter, or all."""
    call.params()
    found, said = _named(call), await read_parameters(call)
    position = said.get("position")
    if position is not None and (not isinstance(position, int) or isinstance(position, bool)):
        raise BrokenSchema("position is a number; leave it out to send all dead letters again", "/position")

    def ask() -> str:
        dead = call.locker.deliveries.dead(found, limit=1000)
        if position is not None and not any(each["position"] == position for each in dead):
            raise NotFound(f"there is no dead letter at position {position}; /subscriptions/{found.id}/deliveries?dead=1 lists them")
        return call.locker.subscriptions.redeliver(found.id, position, owner=call.owner, by=call.caller.by)

    return answer({"request": await call.service.in_thread(ask)}, 202)


# -- deliveries --------------------------------------------------------------------------------------


async def deliveries(call: Call) -> web.StreamResponse:
    """``GET /subscriptions/{id}/deliveries``."""
    return await _deliveries(call, call.params(), _named(call))


async def all_deliveries(call: Call) -> web.StreamResponse:
    """``GET /deliveries``."""
    return await _deliveries(call, call.params(), None)


async def _deliveries(call: Call, params: dict[str, str], one: Subscription | None) -> web.StreamResponse:
    _, limit = offset_and_limit({"limit": whole_number("limit", params["limit"])} if "limit" in params else {}, DEFAULT_LIMIT)
    watching, owner, key = call.locker.watching, call.owner, unquoted(params.get("key", ""))

    def find() -> list[Body]:
        if key:
            told = [each for record in watching.things(key, owner) for each in watching.told(record, owner)]
            return [each for each in told if one is None or each["subscription"] == one.id][:limit]
        if params.get("dead") == "1":
            subscriptions = call.locker.subscriptions.list(owner) if one is None else [one]
            return [each for sub in subscriptions for each in watching.dead(sub, limit=limit)][:limit]
        return watching.latest(owner, limit) if one is None else watching.attempts(one, limit=limit)

    return answer(await call.service.in_thread(find))


# -- helpers -----------------------------------------------------------------------------------------


def _named(call: Call) -> Subscription:
    """The subscription that the path names, if it is the owner's.  Raises NotFound."""
    return call.locker.subscriptions.get(call.request.match_info["id"], call.owner)


async def _shown(call: Call, subscription: Subscription) -> Body:
    return await call.service.in_thread(call.locker.watching.shown, subscription)
