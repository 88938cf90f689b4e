"""
What tests of connectors that fetch need: a service that pages, limits and fails on cue, and a locker that syncs from it.

``FakeService`` is a real server on loopback.  ``synced`` runs a connector against any base URL, twice in a fresh locker, and tells what came of it: the
second time nothing may be new.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any, ClassVar

from aiohttp import web

from locker.connector import Bearer, Body, Fetching, Pace, PageNumber, Stream
from locker.guard import Guard
from locker.locker import Locker
from locker.sync import Collected

Reply = web.StreamResponse
Cue = Callable[[web.Request], Awaitable[Reply | None] | Reply | None]
LOOPBACK = Guard((ip_network("127.0.0.0/8"),))


class Stars(Fetching):
    """A connector of the fake service: one list, newest first."""

    name = "stars"
    types = ("link",)
    title = "Stars"
    auth = (Bearer(),)
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(name="starred", type="link", path="/starred", paging=PageNumber(size=10), order="newest"),
    )  # fmt: skip

    def map(self, type: str, body: Body) -> Body | None:
        return {"url": body["url"], "title": body.get("title")}


def fetching(*streams: Stream, **more: Any) -> Stars:
    """``Stars`` with other streams, or another pace."""
    made: Stars = type("Stars", (Stars,), {"streams": streams, "__module__": __name__, **more})()
    return made


@dataclass
class Hand:
    """A clock that goes on by hand."""

    moment: datetime = datetime(2026, 11, 22, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.moment += timedelta(microseconds=1)  # no two moments are the same
        return self.moment

    def forward(self, **more: float) -> None:
        """Let time pass (``hours=1``)."""
        self.moment += timedelta(**more)


def star(n: int, **more: Any) -> dict[str, Any]:
    """A star as the fake service shows it."""
    return {"id": n, "url": f"https://example.org/{n}", **more}


@dataclass
class FakeService:
    """Answers ``GET <path>?page=1&per_page=10`` with a page of *lists[path]*, as it stands at that moment.

    *cues* are asked before each answer, in order, with the request; the first that answers something is it.  *asked* are the requests, as ``path?query``.
    """

    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    cues: list[Cue] = field(default_factory=list)
    headers: Callable[[web.Request], Mapping[str, str]] = lambda _: {}
    asked: list[str] = field(default_factory=list)
    token: str | None = "secret-token"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """The base URL, while it answers."""
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    def fail(self, at: int, status: int, headers: Mapping[str, str] | None = None, text: str = "") -> None:
        """Answer the *at*-th request (1 is the first from now) with a status."""
        wanted = len(self.asked) + at
        self.cues.append(lambda _: web.Response(status=status, headers=headers, text=text) if len(self.asked) == wanted else None)

    async def _answer(self, request: web.Request) -> Reply:
        self.asked.append(request.path_qs)
        for cue in self.cues:
            said = cue(request)
            said = await said if isinstance(said, Awaitable) else said
            if said is not None:
                return said
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"message": "bad credentials"}, status=401)
        return self.page(request)

    def page(self, request: web.Request) -> Reply:
        """The page that a request asks for."""
        if request.path not in self.lists:
            return web.json_response({"message": "not found"}, status=404)
        number, size = int(request.query.get("page", 1)), int(request.query.get("per_page", 10))
        return web.json_response(self.lists[request.path][(number - 1) * size : number * size], headers=self.headers(request))


def opened(folder: Path, *connectors: Fetching, **more: Any) -> Locker:
    """A locker that knows these connectors too, and may call servers on loopback."""
    locker = Locker(folder, guard=LOOPBACK, **more)
    locker.connectors.update({connector.name: connector for connector in connectors})
    return locker


def plugged(data: Path) -> None:
    """Drop the connector ``stars`` into the plugins of a locker's folder, for commands."""
    (data / "plugins").mkdir(parents=True)
    (data / "plugins" / "stars.py").write_text(
        "from locker.connector import *\nclass Stars(Fetching):\n    name = 'stars'\n    types = ('link',)\n    title = 'Stars'\n    auth = (Bearer(),)\n"
        "    streams = (Stream(name='starred', type='link', path='/starred', paging=PageNumber(size=10)),)\n"
        "    def map(self, type, body):\n        return {'url': body['url']}\n"
    )


def unhurried(connector: Fetching) -> Fetching:
    """The same connector without its pace: a recording need not be spared."""
    made = copy(connector)
    vars(made)["pace"] = Pace(requests=10**9, limit="", remaining="", reset="")
    return made


async def synced(
    folder: Path,
    connector: Fetching,
    base_url: str,
    *,
    secrets: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    account: Mapping[str, str] | None = None,
    streams: Sequence[str] = (),
    whole: bool = False,
    times: int = 2,
) -> list[Collected]:
    """What each of several runs in one locker (made in *folder*) brought; by default with a token, and twice.

    A recording may hold one page of many, or lack a stream: the reports say so per stream (``outcome``, ``error``).
    """
    connector = unhurried(connector)
    with opened(folder, connector) as locker:
        given = {"token": "secret-token"} if secrets is None and connector.auth else secrets
        locker.connections.add("me", connector.name, base_url=base_url, secrets=given, options=options, account=account, trusted=True)
        return [await locker.syncing.run("me", connector.name, streams=streams, whole=whole) for _ in range(times)]


async def until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition.  Raises AssertionError if it does not come about."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not is_so():
        assert asyncio.get_running_loop().time() < deadline, "it did not come about"
        await asyncio.sleep(0.005)


def bodies(locker: Locker, source: str, owner: str = "me") -> dict[str, Any]:
    """What lives in a log now: body by key."""
    return {record.key: json.loads(record.text or "null") for record in locker.current(owner, source, limit=100_000)}
