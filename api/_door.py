"""
The one door that every request comes through: which call it means, who is calling, and every error as a problem document.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from aiohttp import web

from locker.account import NOBODY
from locker.error import LockerError, NotFound
from locker.locker import MAINTENANCE

from ._auth import PARAMETER, is_local
from ._envelope import DEMOKRATIAPPEN, wrapped
from ._errors import HttpError, Maintenance, brief, render, titled, unexpected
from ._pages import HEADERS, NEVER_KEPT
from ._routes import Route
from ._service import Call, Service, read_params

HEALTH = "/health"
"""What is answered during maintenance too."""


class Door:
    """Answers every method of one path.  One function instead of a chain of middlewares: a request costs some microseconds here."""

    def __init__(self, service: Service, routes: Mapping[str, Route]) -> None:
        self._service = service
        self._routes = {method: (route, route.known) for method, route in routes.items()}
        some = next(iter(routes.values()))
        self._shape, self.is_open = some.shape, some.is_open
        if "GET" in self._routes:
            self._routes["HEAD"] = self._routes["GET"]
        self.allow = ", ".join(sorted({*self._routes, "OPTIONS"}))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        raw = request.raw_path.partition("?")[2].partition("#")[0] if "?" in request.raw_path else ""
        try:
            response = await self._answer(request, raw)
        except LockerError as error:
            response = self._failed(request, render(error, request.method, self._shape))
        except web.HTTPException as error:
            response = self._failed(request, render(HttpError(error.status), request.method, self._shape))
        except web.RequestPayloadError as error:
            response = self._failed(
                request, render(HttpError(400, f"the body cannot be read: {_first_line(error)}"), request.method, self._shape)
            )
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:
            response = self._failed(request, unexpected(error, f"{request.method} {request.path}", self._shape))
        if PARAMETER in raw and not response.prepared:
            response.headers.update(NEVER_KEPT)
        self._service.answered[response.status // 100] += 1
        return response

    async def _answer(self, request: web.Request, raw: str) -> web.StreamResponse:
        found = self._routes.get(request.method)
        if found is None:
            if request.method == "OPTIONS":
                return web.Response(status=204, headers={**HEADERS, "Allow": self.allow})
            raise HttpError(405, f"{request.path} answers {self.allow}, not {request.method[:20]}", {"Allow": self.allow})
        route, known = found
        service = self._service
        closed = None if route.path.startswith(HEALTH) else service.locker.flags.flag(MAINTENANCE)
        if closed is not None and closed.is_on:
            raise Maintenance
        if route.scope is None or (route.is_local and service.settings.metrics_loopback and is_local(request)):
            service.limits.request(service.place(request))
            return await route.handler(Call(service, request, NOBODY, raw, known, ""))
        caller = service.caller(request, raw)
        if closed is not None and closed.is_on_for(caller.account):
            raise Maintenance
        owner = read_params(raw).get("owner") or caller.owner if "owner" in raw else caller.owner
        caller.check(route.scope, route.type, owner)
        caller.require(route.role)
        return await route.handler(Call(service, request, caller, raw, known, owner))

    def _failed(self, request: web.Request, response: web.Response) -> web.Response:
        """What an error answers; if the answer has begun already, the connection is cut, which tells the client that it is not whole."""
        if request._payload_writer.output_size > 0:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the answer had begun when it failed")
        return response


def _first_line(error: Exception) -> str:
    return " ".join(str(error).replace("400, message:", "").split())[:200]


class Family:
    """Answers the paths that differ in their last part only: aiohttp would try their patterns one after the other."""

    def __init__(self, doors: Mapping[str, Door], elsewhere: Elsewhere) -> None:
        self._doors, self._elsewhere = doors, elsewhere

    async def answer(self, request: web.Request) -> web.StreamResponse:
        door = self._doors.get(request.match_info["call"])
        return await (door or self._elsewhere).answer(request)


class Elsewhere:
    """Answers paths that no call has: type names in any letter case are found, all else is told what there is."""

    def __init__(self, service: Service, doors: Mapping[str, Door]) -> None:
        self._service = service
        self._doors = {path.casefold(): door for path, door in doors.items()}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if (door := self._doors.get(request.path.casefold())) is not None:
            return await door.answer(request)
        response = self._nothing(request)
        if PARAMETER in request.raw_path:
            response.headers.update(NEVER_KEPT)
        return response

    def _nothing(self, request: web.Request) -> web.Response:
        if request.path.startswith(("/resources", "/documents")):
            return render(NotFound(f"there is nothing at {request.path[:100]!r}; /openapi.json describes what there is"), problem=titled)
        if request.path.startswith(DEMOKRATIAPPEN):
            return render(NotFound(f"there is nothing at {request.path[:100]!r}; /openapi.json describes what there is"), problem=wrapped)
        if request.path.startswith("/api/"):
            return render(NotFound(f"there is nothing at {request.path[:100]!r}; /openapi.json describes what there is"), problem=brief)
        return render(self._unknown(request.path))

    def _unknown(self, path: str) -> LockerError:
        verb = next((verb for verb in ("get", "add", "edit", "delete") if path.casefold().startswith(f"/{verb}")), None)
        if verb and "/" not in path[1:]:
            types = ", ".join(self._service.locker.schemas)
            return NotFound(f"there is no type {path[len(verb) + 1 :][:60]!r}; there are {types}")
        calls = ", ".join(
            ("/list", "/fields", "/via", "/get{Type}", "/add{Type}", "/edit{Type}", "/delete{Type}", "/connectors", "/health")
        )
        return NotFound(f"there is nothing at {path[:100]!r}; there are {calls}; /openapi.json describes them")


def families(doors: Mapping[str, Door], elsewhere: Elsewhere) -> dict[str, Door | Family]:
    """The same with one entry for each group of paths like ``/connectors/{source}/getAll``."""
    groups: dict[str, dict[str, Door]] = {}
    plain: dict[str, Door | Family] = {}
    for path, door in doors.items():
        start, _, call = path.rpartition("/")
        if "{" in start and call and "{" not in call:
            groups.setdefault(start, {})[call] = door
        else:
            plain[path] = door
    return plain | {f"{start}/{{call}}": Family(group, elsewhere) for start, group in groups.items()}


def doors(service: Service, routes: Iterable[Route]) -> dict[str, Door]:
    """A door for each path."""
    by_path: dict[str, dict[str, Route]] = {}
    for route in routes:
        for path in (route.path, *route.aliases):
            by_path.setdefault(path, {})[route.method] = route
    return {path: Door(service, methods) for path, methods in by_path.items()}
