"""The Likeastore dialect: several API clients whose users never meet, against a fake network and a real receiver of hooks."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests

from locker.account import KINDS
from locker.connector import Bearer, Body, Fetching, PageNumber, Stream, Who
from locker.locker import Locker

from .accounts import cheap
from .api_server import Server, served
from .fetching import LOOPBACK, FakeService
from .receiving import Listening


class Liked(Fetching):
    """A network where people like things."""

    name = "liked"
    types = ("favorite",)
    title = "Liked"
    base_url = "https://liked.example"
    auth = (Bearer(),)
    who = Who(path="/me", facts={"id": "[0].id"})
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(name="likes", type="favorite", path="/likes", paging=PageNumber(size=40), order="newest"),
    )

    def map(self, type: str, body: Body) -> Body | None:
        return {"url": body["url"], "title": body["title"], "description": body.get("text"), "created": body["at"], "author": "Ada", "author_url": "https://x.example/ada"}  # fmt: skip


def like(n: int, title: str = "", text: str = "") -> dict[str, Any]:
    """A thing that somebody liked on day *n*."""
    at = f"2026-01-{n % 28 + 1:02}T{n // 28 % 24:02}:00:00Z"
    return {"id": n, "url": f"https://example.org/{n}", "title": title or f"Thing {n}", "text": text, "at": at}


@dataclass
class Outside:
    """The network and the receiver, in a thread of their own."""

    network: FakeService = field(default_factory=FakeService)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    url: str = ""
    hooks: Listening = field(init=False)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Do something in that thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    async def open(self) -> None:
        """Listen."""
        self.hooks = Listening()
        self.network.lists["/me"] = [{"id": 1}]
        self.url = await self.stack.enter_async_context(self.network.open())
        await self.hooks.server.start_server()

    async def close(self) -> None:
        """Stop listening."""
        await self.hooks.server.close()
        await self.stack.aclose()

    @property
    def callback(self) -> str:
        return f"http://127.0.0.1:{self.hooks.server.port}/hook"

    def heard(self, event: str, user: str) -> list[Any]:
        """The hooks of an event that came for a user."""
        told = [json.loads(each.raw) for each in list(self.hooks.heard)]
        return [each for each in told if (each["event"], each["user"]) == (event, user)]


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    made = Outside()
    thread = threading.Thread(target=made.loop.run_forever, daemon=True)
    thread.start()
    made.run(made.open())
    yield made
    made.run(made.close())
    made.loop.call_soon_threadsafe(made.loop.stop)
    thread.join(10)


@dataclass
class Client:
    """An API client, with its token."""

    server: Server
    name: str
    secret: str
    token: str = ""

    def call(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """The answer of a call."""
        all_headers = {"X-Likeastore-Access-Token": self.token, **headers}
        answer = self.server.session.request(method, f"{self.server.url}/api{path}", json=body, headers=all_headers, timeout=30)
        assert status == answer.status_code, answer.text
        return answer.json() if answer.content else None

    def connect(self, user: str, outside: Outside, status: int = 201, query: str = "", **more: Any) -> Any:
        """Connect the fake network."""
        said = {"user": user, "accessToken": "secret-token", "accessTokenSecret": "", "network": "liked", "baseUrl": outside.url, **more}
        return self.call("POST", f"/connection{query}", said, status)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("likeastore")
    with Locker(folder / "data", keys=folder / "keys", guard=LOOPBACK) as locker:
        locker.accounts.passwords = cheap()
        locker.connectors["liked"] = Liked()
        with served(locker, trust_loopback=False, login_limit=0) as made:
            locker.deliver()
            yield made


@pytest.fixture
def client(server: Server) -> Client:
    """A new client, which got its token as the document says."""
    name = f"app{len(server.locker.accounts.clients())}"
    _, secret = asyncio.run(server.locker.accounts.add_client(name))
    made = Client(server, name, secret)
    made.token = made.call("POST", "/auth", {"client_id": name, "client_secret": secret}, 201)["access_token"]
    return made


def until(is_so: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait for something that comes about."""
    deadline = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)
    return found


def test_a_token_for_a_client(server: Server, client: Client) -> None:
    """412 names what is missing, 401 is the same for whatever is wrong; without a token nothing is answered."""
    assert "client_secret" in client.call("POST", "/auth", {"client_id": client.name}, 412)["message"]
    wrong = [client.call("POST", "/auth", {"client_id": name, "client_secret": "x"}, 401) for name in (client.name, "nobody")]
    assert wrong[0] == wrong[1]
    assert {"message", "error"} == wrong[0].keys()
    assert 401 == requests.get(f"{server.url}/api/connections", timeout=20).status_code


def test_the_documents_own_flow(client: Client, outside: Outside) -> None:
    """Schedule collection with the initial data in the answer, read it, search it, and be called back."""
    outside.network.lists["/likes"] = [like(n, text="Nodes & <edges> of graphs" if n == 7 else "") for n in range(100, 0, -1)]
    made = client.connect("user_id", outside, query="?include_data=1")
    assert ("user_id", "liked", 32, True) == (made["user"], made["network"], len(made["data"]), made["dataComplete"])
    assert "secret-token" not in json.dumps(made)
    first = client.call("GET", "/favorites/user_id")
    assert (32, True) == (len(first["data"]), first["nextPage"])
    item = next(each for each in client.call("GET", "/favorites/user_id/liked?pageSize=256")["data"] if each["itemId"] == "7")
    assert ("user_id", "liked", "Thing 7", "https://example.org/7", "Ada") == tuple(item[name] for name in ("user", "network", "title", "source", "authorName"))  # fmt: skip
    found = client.call("GET", "/search/user_id?q=graphs+nodes")["data"]
    assert [("7", "<em>Nodes</em> &amp; &lt;edges&gt; of <em>graphs</em>")] == [(each["itemId"], each["descriptionHtml"]) for each in found]
    assert found == client.call("GET", "/search/user_id?text=graphs+nodes")["data"]


def test_pages_of_favorites(client: Client, outside: Outside) -> None:
    """32 to a page, the newest first, to the end; more than 256 is 412."""
    outside.network.lists["/likes"] = [like(n) for n in range(70, 0, -1)]
    client.connect("bob", outside, query="?include_data=1")
    pages = [client.call("GET", f"/favorites/bob?page={page}") for page in (1, 2, 3, 4)]
    assert [32, 32, 6, 0] == [len(page["data"]) for page in pages]
    assert [True, True, False, False] == [page["nextPage"] for page in pages]
    created = [each["created"] for page in pages for each in page["data"]]
    assert sorted(created, reverse=True) == created
    assert "256" in client.call("GET", "/favorites/bob?pageSize=257", status=412)["message"]
    for wrong in ("page=0", "page=x", "pageSize=0"):
        client.call("GET", f"/favorites/bob?{wrong}", status=412)


def test_the_users_of_two_clients_never_meet(server: Server, client: Client, outside: Outside) -> None:
    """Both have a "bob"; neither sees the other's, and a token for one user sees that one alone."""
    _, secret = asyncio.run(server.locker.accounts.add_client(f"{client.name}x"))
    other = Client(server, f"{client.name}x", secret)
    other.token = other.call("POST", "/auth", {"client_id": other.name, "client_secret": secret}, 201)["access_token"]
    outside.network.lists["/likes"] = [like(1, "Only mine")]
    client.connect("bob", outside, query="?include_data=1")
    other.call("GET", "/favorites/bob", status=404)
    outside.network.lists["/likes"] = []
    other.connect("bob", outside, query="?include_data=1")
    assert [] == other.call("GET", "/favorites/bob")["data"]
    assert [{"user": "bob", "network": "liked"}] == [{name: each[name] for name in ("user", "network")} for each in other.call("GET", "/connections")["data"]]  # fmt: skip
    client.connect("alice", outside)
    narrow = Client(server, "", "", server.tokens.make(f"{client.name}~bob", KINDS[:2]))
    assert 1 == len(narrow.call("GET", "/favorites/bob")["data"])
    narrow.call("GET", "/favorites/alice", status=404)
    assert ["bob"] == [each["user"] for each in narrow.call("GET", "/connections")["data"]]
    narrow.connect("carol", outside, status=403)


def test_every_way_to_connect_and_to_disconnect(client: Client, outside: Outside) -> None:
    """Network in the body or in the path, singular or plural; a connection that is gone keeps its items."""
    outside.network.lists["/likes"] = [like(1)]
    said = {"user": "bob", "accessToken": "secret-token", "baseUrl": outside.url}
    for path, more in (
        ("/connection", {"network": "liked"}),
        ("/connections", {"network": "liked"}),
        ("/connection/liked", {}),
        ("/connections/liked", {}),
    ):
        assert {"user": "bob", "network": "liked"}.items() <= client.call("POST", path, {**said, **more}, 201).items()
    assert 1 == len(client.call("GET", "/connections/bob")["data"])
    client.connect("bob", outside, query="?include_data=1")
    client.call("DELETE", "/connections/bob/liked", status=204)
    client.call("DELETE", "/connections/bob/liked", status=404)
    client.call("GET", "/favorites/bob/liked", status=404)
    assert 1 == len(client.call("GET", "/favorites/bob")["data"])


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({}, 412, "user"),
        ({"user": "bob"}, 412, "network"),
        ({"user": "bob", "network": "liked"}, 412, "accessToken"),
        ({"user": "bob", "network": "nowhere", "accessToken": "x"}, 422, "there are"),
        ({"user": "bob", "network": "liked", "accessToken": "wrong"}, 422, "liked"),
        ({"user": ["bob"], "network": "liked", "accessToken": "x"}, 412, "user"),
    ],
)
def test_what_cannot_be_connected(client: Client, outside: Outside, body: dict[str, Any], status: int, word: str) -> None:
    """412 for what is missing, 422 for an unknown network, which names the known ones, and for a token that the network refuses."""
    said = client.call("POST", "/connection", {"baseUrl": outside.url, **body}, status)
    assert {"message", "error"} == said.keys()
    assert word in said["message"]


def test_who_and_what_is_not_there_is_404(client: Client) -> None:
    """Users that nobody named."""
    for path in ("/favorites/nobody", "/search/nobody?q=x", "/connections/nobody", "/favorites/nobody/liked", "/subscriptions/1"):
        assert {"message", "error"} == client.call("GET", path, status=404).keys()


def test_a_hook_is_called_when_data_was_collected(server: Server, client: Client, outside: Outside) -> None:
    """PUT is idempotent and 200, POST is 201; the body names user and network; later data calls again."""
    said = {"event": "data-collected", "callback": outside.callback}
    made = client.call("PUT", "/subscriptions", said)
    assert made["secret"].startswith("whsec_")
    again = client.call("PUT", "/subscriptions", said)
    assert (made["id"], False) == (again["id"], "secret" in again)
    user = f"bob-{client.name}"
    outside.network.lists["/likes"] = [like(n) for n in range(5, 0, -1)]
    client.connect(user, outside, query="?include_data=1")
    (told,) = until(lambda: outside.heard("data-collected", user))
    assert {"id", "event", "user", "network", "data", "timestamp"} == told.keys()
    assert ("liked", 5) == (told["network"], told["data"]["records"])
    outside.network.lists["/likes"].insert(0, like(6))
    asyncio.run(server.locker.syncing.run(f"{client.name}~{user}", "liked"))
    assert 1 == until(lambda: outside.heard("data-collected", user)[1:])[0]["data"]["records"]
    asyncio.run(server.locker.syncing.run(f"{client.name}~{user}", "liked"))
    assert [made["id"]] == [each["id"] for each in client.call("GET", "/subscriptions")["data"]]
    client.call("DELETE", f"/subscriptions/{made['id']}", status=204)
    client.call("GET", f"/subscriptions/{made['id']}", status=404)
    assert 2 == len(outside.heard("data-collected", user))


def test_one_who_subscribes_several_times_at_once_is_called_once(client: Client) -> None:
    """PUT is idempotent also for a client that does not wait for its own answer."""
    said = {"event": "data-collected", "callback": "https://app.example/hook"}
    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(lambda _: client.call("PUT", "/subscriptions", said), range(6)))
    assert 1 == len({each["id"] for each in made}) == len(client.call("GET", "/subscriptions")["data"])


def test_a_hook_of_one_user_hears_of_that_one(server: Server, client: Client, outside: Outside) -> None:
    """Tokens that expire and errors have events of their own."""
    first, second = (f"{name}-{client.name}" for name in ("eve", "dan"))
    outside.network.lists["/likes"] = [like(1)]
    for user in (first, second):
        client.connect(user, outside, query="?include_data=1")
    client.call("POST", "/subscriptions", {"event": "token-expired", "user": first, "network": "liked", "callback": outside.callback}, 201)
    client.call("POST", "/subscriptions", {"event": "token-expired", "callback": outside.callback}, 201)
    outside.network.token = "another"
    try:
        for user in (first, second):
            asyncio.run(server.locker.syncing.run(f"{client.name}~{user}", "liked"))
        assert 2 == len(until(lambda: outside.heard("token-expired", first)[1:] and outside.heard("token-expired", first)))
        (told,) = until(lambda: outside.heard("token-expired", second))
    finally:
        outside.network.token = "secret-token"
    assert "unauthorized" == told["data"]["mode"]
    assert "secret-token" not in json.dumps(told)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"callback": "http://127.0.0.1:1/"}, 412),
        ({"event": "data-collected"}, 412),
        ({"event": "birthday", "callback": "http://127.0.0.1:1/"}, 422),
        ({"event": "error", "callback": "ftp://x"}, 422),
        ({"event": "error", "callback": "http://127.0.0.1:1/", "network": "nowhere"}, 422),
        ({"event": "error", "callback": "http://127.0.0.1:1/", "user": "nobody"}, 404),
    ],
)
def test_what_cannot_be_subscribed_to(client: Client, body: dict[str, Any], status: int) -> None:
    """Missing fields are 412, events, callbacks and networks that there are not 422, unknown users 404."""
    client.call("POST", "/subscriptions", body, status)


def test_whoever_runs_it_has_users_too(server: Server, outside: Outside) -> None:
    """With the trust of this machine the document's calls work as printed; "me" is one's own locker."""
    outside.network.lists["/likes"] = [like(3)]
    mine = Client(server, "me", "", server.tokens.make("me", KINDS))
    mine.connect("user_id", outside, query="?include_data=1")
    assert ["3"] == [each["itemId"] for each in mine.call("GET", "/favorites/user_id")["data"]]
    assert [] == mine.call("GET", "/favorites/me")["data"]
    assert "me~user_id" in server.locker.accounts.picture.aliases
