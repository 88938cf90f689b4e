"""
What is switched on for whom: the flags of the StreamSource dialect, and whether this server works.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from aiohttp import web

from locker.error import LockerError

from ._body import read_object
from ._errors import brief
from ._pages import JSON, answer
from ._routes import Route
from ._service import Call, Service
from ._stream_routes import call

STATE = {
    "type": "object",
    "required": ["name", "enabled", "roles", "accounts", "percent", "state", "description"],
    "properties": {
        "name": {"type": "string"},
        "enabled": {"type": "boolean", "description": "on for everybody"},
        "roles": {"type": "array", "items": {"enum": ["default", "editor", "admin"]}},
        "accounts": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "percent": {"type": "integer", "minimum": 0, "maximum": 100},
        "state": {"enum": ["on", "off", "some"]},
        "description": {"type": "string"},
    },
}
SAID = {"type": "object", "properties": {name: STATE["properties"][name] for name in ("enabled", "roles", "accounts", "percent")}}  # type: ignore[index]
MINE = {
    "type": "object",
    "required": ["features"],
    "properties": {"features": {"type": "object", "additionalProperties": {"type": "boolean"}}},
}
STATUS = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}


def routes(service: Service) -> Iterator[Route]:
    """The calls about flags and health."""
    del service
    yield call("GET", "/features", mine, "What is switched on for the caller", answers={JSON: MINE})
    yield call(
        "GET", "/admin/features", listing, "The flags, and for whom each is on", scope="admin",
        answers={JSON: {"type": "object", "properties": {"features": {"type": "array", "items": STATE}}}},
    )  # fmt: skip
    yield call("GET", "/admin/features/{name}", read, "One flag", scope="admin", answers={JSON: STATE}, errors=(404,))
    yield call(
        "PUT", "/admin/features/{name}", switch, "Switch a flag: for everybody, for roles, for accounts, for so many of a hundred",
        scope="admin", body={JSON: SAID}, answers={JSON: STATE}, errors=(404, 413, 415, 422, 503),
    )  # fmt: skip
    yield Route(
        "GET", "/health/live", live, "Whether the process answers", scope=None, is_checked=False, shape=brief, answers={JSON: STATUS}
    )
    yield Route(
        "GET", "/health/ready", ready, "Whether it can read its store", scope=None, is_checked=False, shape=brief,
        answers={JSON: STATUS}, errors=(503,),
    )  # fmt: skip


async def mine(call: Call) -> web.StreamResponse:
    """``GET /api/v1/features``: each flag, on or off for the caller."""
    flags = call.locker.flags.all()
    return answer({"features": {name: flag.is_on_for(call.caller.account) for name, flag in flags.items()}})


async def listing(call: Call) -> web.StreamResponse:
    """``GET /api/v1/admin/features``."""
    return answer({"features": [flag.as_dict() for flag in call.locker.flags.all().values()]})


async def read(call: Call) -> web.StreamResponse:
    """``GET /api/v1/admin/features/{name}``."""
    return answer(call.locker.flags.flag(call.request.match_info["name"]).as_dict())


async def switch(call: Call) -> web.StreamResponse:
    """``PUT /api/v1/admin/features/{name}``: the whole state; what is not said is off."""
    said, name = await read_object(call), call.request.match_info["name"]
    flag = await call.service.in_thread(call.locker.flags.set, name, said, call.caller.by)
    return answer(flag.as_dict())


async def live(call: Call) -> web.StreamResponse:
    """``GET /health/live``: it does, or it would not answer."""
    del call
    return answer({"status": "ok"})


async def ready(call: Call) -> web.StreamResponse:
    """``GET /health/ready``: whether both stores can be read."""
    try:
        async with asyncio.timeout(2.0):
            await call.service.in_thread(lambda: (call.locker.logbook.position, call.locker.reader.position))
    except (LockerError, TimeoutError) as error:
        return answer({"status": "not ready", "error": str(error) or "the store does not answer"}, 503)
    return answer({"status": "ready", "database": "connected"})
