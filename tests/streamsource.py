"""
A StreamSource server to test against: a real one on loopback, with people who are signed in.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from argon2 import PasswordHasher

from locker import plugin
from locker.account import Accounts
from locker.locker import Locker
from locker.password import Passwords
from locker.settings import Settings

plugin.mount("api")
app = import_module("locker.api.app")

PASSWORD = "SecurePassword123!"
START = datetime(2026, 11, 22, 8, tzinfo=UTC)


class Clock:
    """A clock that goes only when it is told to."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def on(self, **duration: float) -> None:
        """Let time pass."""
        self.now += timedelta(**duration)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: *text* is the body as it came, *headers* in their own letter case."""

    status: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(slots=True)
class Person:
    """Somebody signed in (or not), who sends requests."""

    session: ClientSession
    url: str
    token: str | None
    number: int = 0
    email: str = ""

    async def ask(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request with a JSON body, or with raw bytes that say that they are JSON."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        async with self.session.request(method, f"{self.url}{path}", data=data, headers={**sent, **(headers or {})}) as response:
            return Answer(response.status, await response.text(), dict(response.headers))

    async def stream(self, **said: Any) -> Any:
        """Post a stream; the stream."""
        made = await self.ask("POST", "/api/v1/streams", {"source": "Jason", "link": "https://www.twitch.tv/jason", **said})
        assert made.status in (200, 201), made.text
        return made.json


@dataclass(slots=True)
class Server:
    """A running server, and its people by role: default (two of them), editor, admin, and nobody, who has no token."""

    locker: Locker
    clock: Clock
    url: str
    ann: Person
    bob: Person
    editor: Person
    admin: Person
    nobody: Person


@asynccontextmanager
async def serving(folder: Path, **settings: Any) -> AsyncIterator[Server]:
    """A server over a locker in a folder; its clock stands still until told otherwise, and no limits count."""
    clock = Clock()
    made = Settings.read({}, data=str(folder), **{"port": 0, "rate_limit": 0, "login_limit": 0, "signup_limit": 0, **settings})
    with Locker(folder, clock=clock) as locker:
        cheap = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        locker.accounts = Accounts(locker.logbook, locker.vault, clock=clock, passwords=cheap)
        locker.start()
        async with app.serving(locker, made) as url, ClientSession() as session:
            nobody = Person(session, url, None)
            people = [await signed_up(nobody, name) for name in ("ann", "bob", "editor", "admin")]
            for name in ("editor", "admin"):
                locker.accounts.set_role(address(name), name)
            ann, bob, editor, admin = people
            yield Server(locker, clock, url, ann, bob, editor, admin, nobody)


async def signed_up(nobody: Person, name: str) -> Person:
    """Sign up as somebody new."""
    made = await nobody.ask("POST", "/api/v1/users/signup", {"email": address(name), "password": PASSWORD})
    assert made.status == 201, made.text
    return Person(nobody.session, nobody.url, made.json["token"], made.json["user"]["id"], address(name))


def address(name: str) -> str:
    """The e-mail address of one of the people."""
    return f"{name}@example.org"


@asynccontextmanager
async def serving_again(folder: Path) -> AsyncIterator[tuple[str, ClientSession]]:
    """The same locker in a new server, a minute later."""
    clock = Clock(START + timedelta(minutes=1))
    with Locker(folder, clock=clock) as locker:
        locker.start()
        async with app.serving(locker, Settings.read({}, data=str(folder), port=0)) as url, ClientSession() as session:
            yield url, session
