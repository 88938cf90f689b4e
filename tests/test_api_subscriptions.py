"""``/subscriptions``: a plain API for any filter, for what one may read and only for as long as that is so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from locker.account import KINDS, run
from locker.guard import Guard
from locker.locker import Locker

from .accounts import PASSWORD, cheap
from .api_server import Server, served
from .receiving import DEADLINE, LOOPBACK


@contextmanager
def hook() -> Iterator[tuple[str, list[bytes]]]:
    """A receiver on loopback: its address, and the bodies that arrived."""
    heard: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", heard
    finally:
        server.shutdown()
        server.server_close()


def until(holds: Callable[[], object]) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@dataclass
class Place:
    """A server that delivers, two accounts, and a receiver."""

    server: Server
    url: str
    heard: list[bytes]

    @property
    def locker(self) -> Locker:
        return self.server.locker

    def ask(self, method: str, path: str, owner: str = "u1", scopes: tuple[str, ...] = KINDS, **more: Any) -> requests.Response:
        """A call of somebody."""
        token = self.server.tokens.make(owner, scopes)
        return self.server.session.request(method, self.server.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=20, **more)

    def make(self, owner: str = "u1", query: str = "", scopes: tuple[str, ...] = KINDS, **said: Any) -> requests.Response:
        """POST /subscriptions."""
        return self.ask("POST", f"/subscriptions{query}", owner, scopes, json={"receiver": {"url": self.url}, **said})

    def put(self, owner: str, key: str, type: str = "note", n: int = 1) -> None:
        """Append something."""
        self.locker.push(owner, "mine", [{"type": type, "key": key, "body": {"name": key, "n": n}}])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Two people, and a receiver that takes everything."""
    with hook() as (url, heard), Locker(tmp_path, keys=tmp_path / "keys", guard=Guard(LOOPBACK)) as locker, served(locker) as server:
        locker.accounts.passwords = cheap()
        for name in ("ada", "bob"):
            run(locker.accounts.sign_up(f"{name}@example.org", PASSWORD))
        locker.deliver()
        yield Place(server, url, heard)


def test_made_told_and_removed(place: Place) -> None:
    """The secret is answered once; what happens arrives, and the listing says so; a header that may be a secret is masked."""
    made = place.make(filter={"types": ["note"]}, receiver={"url": place.url, "headers": {"Authorization": "Bearer planted"}})
    assert 201 == made.status_code, made.text
    shown = made.json()
    id = shown["id"]
    assert (f"/subscriptions/{id}", "u1", "active") == (made.headers["Location"], shown["owner"], shown["status"])
    assert shown["secret"].startswith("whsec_")
    assert "planted" not in made.text
    place.put("u1", "ann")
    until(lambda: place.heard)
    until(lambda: place.ask("GET", f"/subscriptions/{id}/deliveries").json())
    read = place.ask("GET", f"/subscriptions/{id}").json()
    assert ("delivered", False, ["***"]) == (read["last"]["outcome"], "secret" in read, read["receiver"]["headers"]["Authorization"])
    assert [id] == [each["id"] for each in place.ask("GET", "/subscriptions").json()]
    (attempt,) = place.ask("GET", "/deliveries").json()
    (told,) = place.ask("GET", "/deliveries?key=ann").json()
    assert ("delivered", 204, "delivered") == (attempt["outcome"], attempt["status"], told["outcome"])
    assert [] == place.ask("GET", "/deliveries?dead=1").json()
    assert 404 == place.ask("GET", "/deliveries?key=nobody").status_code
    assert 204 == place.ask("DELETE", f"/subscriptions/{id}").status_code
    assert 404 == place.ask("GET", f"/subscriptions/{id}").status_code


def test_its_verbs(place: Place) -> None:
    """Pause, resume, test, replay, redeliver and rotate; what is wrong says so."""
    id = place.make().json()["id"]
    place.put("u1", "ann")
    until(lambda: len(place.heard) == 1)
    for verb, status in (("pause", "paused"), ("pause", "paused"), ("resume", "active")):
        assert status == place.ask("POST", f"/subscriptions/{id}/{verb}").json()["status"]
    assert 202 == place.ask("POST", f"/subscriptions/{id}/test").status_code
    until(lambda: len(place.heard) == 2)
    for since in ("beginning", 0, {"position": 0}, "2020-01-01"):
        assert 202 == place.ask("POST", f"/subscriptions/{id}/replay", json={"since": since}).status_code
    until(lambda: len(place.heard) >= 3)
    for wrong in ({}, {"since": "now"}, {"since": "soon"}, {"since": -1}, {"since": 1, "pace": "slow"}):
        assert 422 == place.ask("POST", f"/subscriptions/{id}/replay", json=wrong).status_code
    assert place.ask("POST", f"/subscriptions/{id}/rotate").json()["secret"].startswith("whsec_")
    assert 202 == place.ask("POST", f"/subscriptions/{id}/redeliver").status_code
    assert 404 == place.ask("POST", f"/subscriptions/{id}/redeliver", json={"position": 99}).status_code
    assert 422 == place.ask("POST", f"/subscriptions/{id}/redeliver", json={"position": "1"}).status_code
    for verb in ("pause", "resume", "test", "replay", "rotate", "redeliver"):
        assert 404 == place.ask("POST", f"/subscriptions/{id}/{verb}", "u2", json={"since": 0}).status_code


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"receiver": {}}, ""),
        ({"receiver": "x"}, "/receiver"),
        ({"receiver": {"url": "ftp://x"}}, ""),
        ({"filter": []}, None),
        ({"filter": {"terms": "age:"}}, None),
        ({"filter": {"ops": ["burn"]}}, ""),
        ({"filter": {"nothing": 1}}, "/filter"),
        ({"filter": {"owners": []}}, "/filter/owners"),
        ({"from": "soon"}, "/from"),
        ({"delivery": {"state": "some"}}, "/delivery"),
        ({"secret": 1}, "/secret"),
        ({"nothing": 1}, ""),
    ],
    ids=str,
)
def test_what_is_wrong_with_one(place: Place, said: dict[str, Any], pointer: str | None) -> None:
    """422, as a problem document that says where."""
    answer = place.make(**said)
    if pointer is None and said == {"filter": []}:
        assert 201 == answer.status_code  # nothing said of the filter
        return
    assert 422 == answer.status_code, answer.text
    assert "application/problem+json" == answer.headers["Content-Type"]
    assert pointer is None or pointer == answer.json()["pointer"]
    assert [] == place.ask("GET", "/subscriptions").json()


def test_only_what_one_may_read(place: Place) -> None:
    """A filter over somebody else's locker needs a grant for all of it; so does a token that is good for one type only."""
    assert 403 == place.make(filter={"owners": ["u2"]}).status_code
    assert 403 == place.make(filter={"owners": ["u1", "me"]}).status_code
    place.locker.accounts.grant("u2", "u1", ["read"], ["contact"])
    assert 403 == place.make(filter={"owners": ["u2"]}).status_code
    assert 403 == place.make(filter={"owners": ["u2"], "types": ["contact", "message"]}).status_code
    assert 201 == place.make(filter={"owners": ["u2"], "types": ["contact/mine"]}).status_code
    narrow = ("write", "read:contact")
    assert (403, 201) == tuple(place.make(scopes=narrow, filter={"types": [type]}).status_code for type in ("message", "contact"))
    assert 403 == place.make(scopes=("write",)).status_code
    assert 403 == place.make(scopes=("read",)).status_code


@pytest.mark.parametrize("made_in", ["one's own locker", "the locker that was granted"])
def test_a_grant_that_is_taken_back_ends_it(place: Place, made_in: str) -> None:
    """Nothing is sent any more, the subscription is disabled and says why, and cannot be resumed until the grant is back."""
    place.locker.accounts.grant("u2", "u1", ["read", "write"])
    query, owner = ("", "u1") if made_in == "one's own locker" else ("?owner=u2", "u2")
    id = place.make(query=query, filter={"owners": ["u2"]}).json()["id"]
    place.put("u2", "first")
    until(lambda: len(place.heard) == 1)
    place.locker.accounts.ungrant("u2", "u1")
    place.put("u2", "second")
    until(lambda: place.locker.subscriptions.get(id).status == "disabled")
    assert "taken back" in place.locker.subscriptions.get(id).reason
    if owner == "u1":
        assert 403 == place.ask("POST", f"/subscriptions/{id}/resume").status_code
    assert 1 == len(place.heard)
    place.locker.accounts.grant("u2", "u1", ["read", "write"])
    assert 200 == place.ask("POST", f"/subscriptions/{id}/resume{query}").status_code
    until(lambda: len(place.heard) == 2)


def test_a_disabled_account_is_told_nothing(place: Place) -> None:
    """Its subscriptions stop with it, also if the operator resumed one by hand."""
    id = place.make().json()["id"]
    place.put("u1", "first")
    until(lambda: len(place.heard) == 1)
    place.locker.accounts.disable("1")
    for key in ("second", "third"):
        place.put("u1", key)
        until(lambda: place.locker.subscriptions.get(id).status == "disabled")
        place.locker.subscriptions.resume(id)
    until(lambda: place.locker.subscriptions.get(id).status == "disabled")
    assert 1 == len(place.heard)


def test_those_of_other_dialects_are_shown(place: Place) -> None:
    """Flare's subscriptions are here too, and answer to the same verbs."""
    resource = place.ask("POST", "/resources", json={"endpoint": "http://a.example/{id}", "change": {"field": "at"}}).json()["id"]
    said = {"endpoint": {"url": place.url, "method": "post"}, "delivery": {"success": [200], "discard": [500]}}
    made = place.ask("POST", f"/resources/{resource}/subscriptions", json=said).json()["id"]
    (shown,) = place.ask("GET", "/subscriptions").json()
    assert (made, "document") == (shown["id"], shown["dialect"])
    assert "paused" == place.ask("POST", f"/subscriptions/{made}/pause").json()["status"]
