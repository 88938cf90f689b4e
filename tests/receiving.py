"""
A receiver of notifications on loopback that answers as it is told, and a sender beside it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from aiohttp import ClientTimeout, web
from aiohttp.test_utils import TestServer

from locker.clock import Clock, system_clock
from locker.delivery import Deliveries
from locker.draft import Draft
from locker.filter import Filter
from locker.guard import Guard, system_resolve
from locker.log import Logbook
from locker.receiver import Receiver
from locker.retry import Schedule
from locker.subscribing import Subscriptions
from locker.subscription import Policy, Subscription
from locker.vault import Vault

LOOPBACK = (ip_network("127.0.0.0/8"),)
QUICK = Schedule((0.01, 0.02, 0.05, 0.1, *([0.2] * 40)))
"""A schedule for tests: soon, and often."""
DEADLINE = 30.0


@dataclass(slots=True)
class Heard:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def said(self) -> dict[str, Any]:
        """The plain dialect's body."""
        made: dict[str, Any] = json.loads(self.raw)
        return made

    @property
    def key(self) -> str:
        return str(self.said["record"]["key"])

    @property
    def n(self) -> int:
        """The revision, as tests write it."""
        return int(self.said["record"]["body"]["n"])


Answering = Callable[[Heard], Awaitable[web.StreamResponse | int] | web.StreamResponse | int]


@dataclass(slots=True)
class Listening:
    """A server that remembers what it heard; *answer* says how it answers."""

    heard: list[Heard] = field(default_factory=list)
    answer: Answering | int = 200
    server: TestServer = field(init=False)

    def __post_init__(self) -> None:
        app = web.Application()
        app.router.add_route("*", r"/{path:[\s\S]*}", self._handle)
        self.server = TestServer(app, host="127.0.0.1")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        heard = Heard(request.method, request.path_qs, dict(request.headers), await request.read())
        self.heard.append(heard)
        found = self.answer if isinstance(self.answer, int) else self.answer(heard)
        answer = found if isinstance(found, int | web.StreamResponse) else await found
        return web.Response(status=answer) if isinstance(answer, int) else answer

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server.port}{path}"

    def told(self) -> list[tuple[str, str, int]]:
        """What it heard: action, key and revision."""
        return [(heard.said["action"], heard.key, heard.n) for heard in self.heard]


@dataclass(slots=True)
class Sending:
    """A store, its subscriptions, and whoever delivers."""

    logbook: Logbook
    subscriptions: Subscriptions
    deliveries: Deliveries

    def add(self, url: str, *, filter: Filter | None = None, policy: Policy | None = None, **more: Any) -> Subscription:
        """A subscription to everything of me, unless *filter* says otherwise, that tries again soon."""
        made, _ = self.subscriptions.add("me", filter or Filter(("me",)), Receiver(url), delivery=policy or Policy(retry=QUICK), **more)
        return made

    def put(self, key: str, n: int | None, source: str = "mine", **more: Any) -> None:
        """Append a revision of a thing, or its end."""
        self.logbook.append("me", source, [Draft.of("note/mine", key, None if n is None else {"n": n, **more})])

    def kinds(self, subscription: Subscription) -> dict[str, str]:
        """The newest outcome of each thing, by thing."""
        found = self.deliveries.outcomes(subscription.id, limit=10_000)
        return {record.key.partition(" ")[2]: record.body["outcome"] for record in found}


@asynccontextmanager
async def listening(answer: Answering | int = 200) -> AsyncIterator[Listening]:
    """A running receiver."""
    made = Listening(answer=answer)
    await made.server.start_server()
    try:
        yield made
    finally:
        await made.server.close()


@asynccontextmanager
async def sending(
    folder: Path, *, guard: Guard | None = None, limit: float = 2.0, start: bool = True, log_clock: Clock = system_clock, **more: Any
) -> AsyncIterator[Sending]:
    """A store that is delivered from until the end."""
    with Logbook(folder / "log.sqlite", clock=log_clock) as logbook:
        vault = Vault(folder, folder / "keys")
        subscriptions = Subscriptions(logbook, vault, collections={"contact"})
        deliveries = Deliveries(logbook, subscriptions, {"contact": {}}, timeout=ClientTimeout(total=limit), **more)
        if start:
            deliveries.start(guard or Guard(LOOPBACK, system_resolve))
        try:
            yield Sending(logbook, subscriptions, deliveries)
        finally:
            await asyncio.to_thread(deliveries.stop)
            vault.close()


async def until(holds: Callable[[], object], what: str = "it", seconds: float = DEADLINE) -> None:
    """Wait for a condition, with a deadline."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, f"{what} did not happen within {seconds:g} seconds"
        await asyncio.sleep(0.005)
