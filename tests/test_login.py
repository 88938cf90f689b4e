"""
A login: a user name and a password become a token, which is renewed before and after it ends, without anybody being asked.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from locker.connector import Body, Fetching, Login, Stream, Who
from locker.credential import Credential
from locker.error import Fatal, LimitReached, Retriable, Unauthorized
from locker.login import LoginClient
from locker.reach import Reply
from tests.fetching import FakeService, star, synced


class Guarded(Fetching):
    """A connector of the fake service that logs in."""

    name = "guarded"
    types = ("link",)
    title = "Guarded"
    auth = (Login(create="/login", refresh="/again", username="identifier", token="access", refresh_token="renewal"),)
    who = Who(path="/who")
    streams = (Stream(name="starred", type="link", path="/starred"),)

    def map(self, type: str, body: Body) -> Body | None:
        return {"url": body["url"]}


class Doorkeeper:
    """The service's side: gives tokens that are good for some requests."""

    def __init__(self, good_for: int = 99, exp: int | None = None) -> None:
        self.good_for, self.exp, self.left, self.given, self.said = good_for, exp, 0, 0, list[str]()

    async def answer(self, request: web.Request) -> web.Response | None:
        """A token for the pair or for what renews one; 401 for any but the last token."""
        if request.path == "/login":
            asked = await request.json()
            self.said.append(f"login {asked['identifier']}")
            is_right = asked == {"identifier": "ann", "password": "pass word"}
            return self._token() if is_right else web.json_response({"error": "AuthenticationRequired"}, status=401)
        if request.path == "/again":
            self.said.append("again")
            is_right = request.headers.get("Authorization") == f"Bearer renew-{self.given}"
            return self._token() if is_right else web.json_response({"error": "ExpiredToken"}, status=400)
        self.left -= 1
        if request.headers.get("Authorization") != f"Bearer {self._written()}" or self.left < 0:
            return web.json_response({"message": "no"}, status=401)
        return web.json_response({"id": "ann"}) if request.path == "/who" else None

    def _token(self) -> web.Response:
        self.given, self.left = self.given + 1, self.good_for
        return web.json_response({"access": self._written(), "renewal": f"renew-{self.given}"})

    def _written(self) -> str:
        claims = {"n": self.given, **({"exp": self.exp} if self.exp else {})}
        return f"h.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.s"


async def run(folder: Path, door: Doorkeeper, password: str = "pass word", times: int = 2) -> Any:
    """Some runs of a connection with a user name and a password."""
    service = FakeService({"/starred": [star(1), star(2)]}, [door.answer], token=None)
    async with service.open() as base:
        return await synced(folder, Guarded(), base, secrets={"username": "ann", "password": password}, times=times)


async def test_a_password_becomes_a_token(tmp_path: Path) -> None:
    """The pair is sent once; the token is kept for the next run."""
    door = Doorkeeper()
    first, second = await run(tmp_path, door)
    assert (2, 0, ["login ann"]) == (first.records, second.records, door.said)


async def test_a_token_that_ended_is_renewed(tmp_path: Path) -> None:
    """After a 401 the renewing token is used, and the run goes on with the new one; each may be used once only."""
    door = Doorkeeper(good_for=1)
    first, second = await run(tmp_path, door)
    assert (2, 0, ["login ann", "again", "again"]) == (first.records, second.records, door.said)


async def test_a_token_that_will_end_is_renewed_first(tmp_path: Path) -> None:
    """A token that says itself that it ended is not sent any more."""
    door = Doorkeeper(exp=1)
    (first,) = await run(tmp_path, door, times=1)
    assert 2 == first.records
    assert ["login ann", "again"] == door.said[:2]


async def test_a_renewing_token_that_ended_too(tmp_path: Path) -> None:
    """The password is used again."""
    door = Doorkeeper()
    (await run(tmp_path, door, times=1))
    door.given += 1  # whatever was given is forgotten
    door.left = 0
    service = FakeService({"/starred": [star(1)]}, [door.answer], token=None)
    async with service.open() as base:
        secrets = {"username": "ann", "password": "pass word", "token": "old", "refresh_token": "old"}
        (again,) = await synced(tmp_path / "other", Guarded(), base, secrets=secrets, times=1)
    assert (1, ["login ann", "again", "login ann"]) == (again.records, door.said)


async def test_a_wrong_password(tmp_path: Path) -> None:
    """The connection is unauthorized, says so, and does not say the password."""
    (report,) = await run(tmp_path, Doorkeeper(), password="wrong word", times=1)
    assert ("unauthorized", 0) == (report.mode, report.records)
    assert "password is wrong" in report.error
    assert "wrong word" not in report.error


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (401, b"{}", Unauthorized),
        (429, b"{}", LimitReached),
        (502, b"<html>", Retriable),
        (404, b"{}", Fatal),
        (200, b"{}", Fatal),
        (200, b"[", Fatal),
    ],
)
async def test_what_a_service_may_answer(status: int, body: bytes, meaning: type[Exception]) -> None:
    """Each refusal says what to do; none repeats what was sent."""

    class Answering:
        async def request(self, method: str, url: str, **_: Any) -> Reply:
            return Reply(status, {"retry-after": "9"}, body, url)

    client = LoginClient(Guarded.auth[0], "https://service.example", Answering())
    with pytest.raises(meaning) as caught:
        await client.renew(Credential({"username": "ann", "password": "pass word"}))
    assert meaning is type(caught.value)
    assert "pass word" not in str(caught.value)
