"""
The Flare dialect: resources that are tracked, documents that are put, and subscriptions that hear of them (``specs``: behaviour §1, decisions §8).

Everything belongs to the owner of the token.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from locker.error import Invalid, NotFound
from locker.notification import Start, Subscription
from locker.record import Body, parse
from locker.resource import Resource

from . import _flare_documents as documents
from ._errors import trying
from ._flare_documents import pages
from ._flare_routes import document_routes, resource_routes, subscription_routes
from ._flare_rules import checked_resource, checked_subscription
from ._pages import HEADERS, answer
from ._routes import Route
from ._service import Call, Service, read_params


def routes(service: Service) -> Iterator[Route]:
    """The calls about resources, subscriptions and documents."""
    del service
    yield from resource_routes({"list": list_resources, "create": create_resource, "read": read_resource, "delete": delete_resource})
    yield from subscription_routes(
        {
            "list": list_subscriptions, "create": create_subscription, "read": read_subscription, "delete": delete_subscription,
            "pause": pause, "resume": resume, "replay": replay, "test": test,
        }
    )  # fmt: skip
    yield from document_routes({"read": documents.read, "update": documents.update, "delete": documents.delete})


# -- resources ---------------------------------------------------------------------------------------


async def list_resources(call: Call) -> web.StreamResponse:
    """``GET /resources``, oldest first."""
    limit, offset = pages(_params(call))
    found = call.locker.resources.all(call.owner)
    return _page("resources", [show_resource(each) for each in found[offset : offset + limit]], limit, offset, len(found))


async def create_resource(call: Call) -> web.StreamResponse:
    """``POST /resources``."""
    said = await _body(call)
    with trying("invalid body content"):
        pattern, change = checked_resource(said)
    with trying("error during resource create"):
        made = await call.service.in_thread(call.locker.resources.add, call.owner, pattern, change, call.caller.by)
    return answer(show_resource(made), 201, {"Location": f"/resources/{made.id}"})


async def read_resource(call: Call) -> web.StreamResponse:
    """``GET /resources/{id}``."""
    return answer(show_resource(_resource(call, "error during resource search")))


async def delete_resource(call: Call) -> web.StreamResponse:
    """``DELETE /resources/{id}``: 204, or 409 while somebody subscribes."""
    with trying("error during resource delete"):
        await call.service.in_thread(call.locker.resources.remove, call.owner, _id(call), call.caller.by)
    return web.Response(status=204, headers=HEADERS)


def show_resource(resource: Resource) -> Body:
    """A resource as everybody sees it who may."""
    return {"id": resource.id, "endpoint": resource.pattern.text, "change": resource.change.body(), "createdAt": resource.created}


# -- subscriptions -----------------------------------------------------------------------------------


async def list_subscriptions(call: Call) -> web.StreamResponse:
    """``GET /resources/{id}/subscriptions``, oldest first; of a resource that there is not, none."""
    limit, offset = pages(_params(call))
    found = call.locker.resources.subscriptions(call.owner, _id(call))
    return _page("subscriptions", [show_subscription(each) for each in found[offset : offset + limit]], limit, offset, len(found))


async def create_subscription(call: Call) -> web.StreamResponse:
    """``POST /resources/{id}/subscriptions``: the signing secret is told now, and never again."""
    resource = _resource(call, "error during subscription create")
    call.caller.check("read", "document", call.owner)  # who subscribes reads: a token that may only write must not hear
    said = await _body(call)
    with trying("error during body parse"):
        wanted = checked_subscription(said, resource)

    def make() -> tuple[Subscription, str]:
        return call.locker.resources.subscribe(
            resource, wanted.receiver, wanted.check_unlike, delivery=wanted.delivery, options=wanted.options, terms=wanted.terms,
            start=wanted.start, secret=wanted.secret, by=call.caller.by,
        )  # fmt: skip

    with trying("error during subscription create", invalid="error during body parse"):
        made, secret = await call.service.in_thread(make)
    return answer({**show_subscription(made), "secret": secret}, 201, {"Location": f"/resources/{resource.id}/subscriptions/{made.id}"})


async def read_subscription(call: Call) -> web.StreamResponse:
    """``GET /resources/{id}/subscriptions/{subscription}``."""
    return answer(show_subscription(_subscription(call, "error during subscription search")))


async def delete_subscription(call: Call) -> web.StreamResponse:
    """``DELETE /resources/{id}/subscriptions/{subscription}``: what was not sent yet stays unsent."""
    found = _subscription(call, "error during subscription delete")
    await call.service.in_thread(call.locker.subscriptions.remove, found.id, call.owner, call.caller.by)
    return web.Response(status=204, headers=HEADERS)


async def pause(call: Call) -> web.StreamResponse:
    """``POST …/pause``."""
    found = _subscription(call, "error during subscription update")
    return answer(show_subscription(await call.service.in_thread(call.locker.subscriptions.pause, found.id, call.owner, call.caller.by)))


async def resume(call: Call) -> web.StreamResponse:
    """``POST …/resume``."""
    found = _subscription(call, "error during subscription update")
    return answer(show_subscription(await call.service.in_thread(call.locker.subscriptions.resume, found.id, call.owner, call.caller.by)))


async def replay(call: Call) -> web.StreamResponse:
    """``POST …/replay {"since": …}``."""
    found = _subscription(call, "error during subscription update")
    said = await _body(call)
    with trying("error during body parse"):
        since, pace = _since(said.get("since")), said.get("pace", "fast")
        if pace not in ("fast", "original"):
            raise Invalid("pace is fast or original")

    def ask() -> str:
        return call.locker.subscriptions.replay(found.id, since, pace=pace, owner=call.owner, by=call.caller.by)

    with trying("error during subscription trigger"):
        return answer({"request": await call.service.in_thread(ask)}, 202)


async def test(call: Call) -> web.StreamResponse:
    """``POST …/test``."""
    found = _subscription(call, "error during subscription update")
    with trying("error during subscription trigger"):
        request = await call.service.in_thread(call.locker.subscriptions.test, found.id, call.owner, call.caller.by)
    return answer({"request": request}, 202)


def show_subscription(subscription: Subscription) -> Body:
    """A subscription as everybody sees it who may: what may be secret is masked."""
    options, delivery = subscription.content.options, subscription.delivery
    shown: Body = {
        "id": subscription.id,
        "endpoint": subscription.receiver.body(),
        "delivery": {"success": list(delivery.success), "discard": list(delivery.discard), **delivery.body()},
        "content": {"document": options["document"], "envelope": options["envelope"]},
    }
    if options.get("data"):
        shown["data"] = options["data"]
    if subscription.filter.terms:
        shown["terms"] = subscription.filter.terms
    shown["status"] = subscription.status
    if subscription.reason:
        shown["reason"] = subscription.reason
    return {**shown, "createdAt": subscription.created}


# -- helpers -----------------------------------------------------------------------------------------


def _params(call: Call) -> dict[str, str]:
    return read_params(call.raw)


def _id(call: Call) -> str:
    return call.request.match_info["id"]


def _resource(call: Call, title: str) -> Resource:
    with trying(title):
        return call.locker.resources.get(call.owner, _id(call))


def _subscription(call: Call, title: str) -> Subscription:
    """The subscription that a call names, if it is one of its resource."""
    resource, id = _id(call), call.request.match_info["subscription"]
    with trying(title):
        for found in call.locker.resources.subscriptions(call.owner, resource):
            if found.id == id:
                return found
        raise NotFound(f"subscription '{id[:100]}' at resource '{resource[:100]}', not found")


async def _body(call: Call) -> Body:
    """A JSON object, whatever its media type is called."""
    raw = await call.request.read()
    with trying("error during body parse"):
        said = parse(raw)
        if not isinstance(said, dict):
            raise Invalid("the body must be a JSON object")
        return said


def _since(said: Any) -> Start:
    """A time, a position, ``beginning``, or as ``from`` has it.  Raises Invalid."""
    if isinstance(said, int) and not isinstance(said, bool):
        said = {"position": said}
    elif isinstance(said, str) and said not in ("now", "beginning"):
        said = {"time": said}
    if said is None:
        raise Invalid('missing since; it is a time like "2026-11-22T08:00:00Z", or a position')
    return Start.of(said)


def _page(plural: str, shown: list[Body], limit: int, offset: int, total: int) -> web.Response:
    return answer({"pagination": {"limit": limit, "offset": offset, "total": total}, plural: shown})
