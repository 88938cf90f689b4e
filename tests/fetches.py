"""
What a test of a protocol's connector needs: a session that asks a real server on loopback, and a shelf that keeps what was fetched.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from locker.connector import Answer, Body, Fetching, Item, Problem, Walk
from locker.error import Fatal, Forbidden, Retriable, Skippable, Unauthorized
from locker.guard import MAIL_PORTS, Guard
from locker.plugin import found, mount
from locker.reach import Reach
from locker.record import canonical

from .connectors import settled

LOOPBACK = Guard(allow_networks=(ip_network("127.0.0.0/8"),))


def fetching(name: str) -> Fetching:
    """The built-in connector called *name*."""
    mount("connectors")
    module = import_module(f"locker.connectors.{name.replace('-', '_')}")
    return next(one for one in found([module], Fetching) if name == one.name)  # type: ignore[type-abstract]


@dataclass
class LoopbackSession:
    """A session by the contract, without budget and retries; *asked* tells method and URL of every request."""

    base_url: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    account: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, Path] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def get(
        self, url: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, *, accept: Sequence[int] = ()
    ) -> Answer:
        return await self.request("GET", url, headers=headers, accept=accept)

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        accept: Sequence[int] = (),
        cost: float | None = None,
    ) -> Answer:
        if not url.startswith(("http://", "https://")):
            url = self.base_url + url
        self.asked.append((method, url))
        async with Reach(LOOPBACK) as reach:
            reply = await reach.request(method, url, headers={**self._signature(), **(headers or {})}, body=body)
        if not (200 <= reply.status < 300 or reply.status in accept):
            kinds = {401: Unauthorized, 403: Skippable, 404: Skippable}
            kind = kinds.get(reply.status) or (Retriable if reply.status == 429 or reply.status >= 500 else Fatal)
            raise kind(f"{method} {url} answers {reply.status}")
        return Answer(reply.status, reply.headers, reply.body, reply.url)

    def secret(self, name: str) -> str:
        if name not in self.secrets:
            raise Unauthorized(f"there is no {name}")
        return self.secrets[name]

    async def address(self, host: str, port: int) -> str:
        return str(LOOPBACK.resolve(host, port, MAIL_PORTS)[0])

    def program(self, name: str) -> Path:
        if name not in self.programs:
            raise Forbidden(f"{name} may not be run")
        return self.programs[name]

    def _signature(self) -> dict[str, str]:
        if "token" in self.secrets:
            return {"Authorization": f"Bearer {self.secrets['token']}"}
        if "username" not in self.secrets:
            return {}
        pair = f"{self.secrets['username']}:{self.secrets['password']}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


class Shelf:
    """Everything that was fetched, by type and key, and what the last run changed; it goes on where the last one stopped."""

    def __init__(self, connector: Fetching, session: LoopbackSession) -> None:
        self.connector, self.session = connector, session
        self.bodies: dict[tuple[str, str], Body] = {}
        self.step: Any = None
        self.since: Any = None
        self.problems: list[Problem] = []
        self.deltas: list[tuple[str, str, str]] = []

    async def run(self, *, whole: bool = False, pages: int | None = None) -> list[tuple[str, str, str]]:
        """One run, killed after so many *pages*; answers what it changed: ``("add", type, key)`` and so on."""
        self.deltas, self.problems = [], []
        stream = self.connector.streams[0]
        walk = Walk(self.step, self.since, whole or self.since is None)
        count = 0
        source: AsyncIterator[Any] = self.connector.fetch(self.session, stream, walk)
        async for page in source:
            for one in page.items:
                self._keep(one)
            self.step = json.loads(json.dumps(page.step))
            if page.step is None:
                self.since = json.loads(json.dumps(page.since))
            count += 1
            if count == pages:
                await source.aclose()  # type: ignore[attr-defined]
                break
        return self.deltas

    def of(self, type: str) -> dict[str, Body]:
        """The bodies of a primary type by key."""
        return {key: body for (kind, key), body in self.bodies.items() if type == kind}

    def mapped(self, type: str) -> dict[str, Body]:
        """Their canonical fields."""
        return {key: made for key, body in self.of(type).items() if (made := self.connector.map(type, settled(body)))}

    def _keep(self, one: Item | Problem) -> None:
        if isinstance(one, Problem):
            self.problems.append(one)
            return
        place, op = (one.type, one.key), None
        if one.body is None:
            op = "delete" if self.bodies.pop(place, None) is not None else None
        elif place not in self.bodies:
            op = "add"
        elif canonical(settled(self.bodies[place])) != canonical(settled(one.body)):
            op = "edit"
        if one.body is not None:
            self.bodies[place] = one.body
        if op:
            self.deltas.append((op, *place))
