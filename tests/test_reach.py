"""The door to the outside: what the guard refuses is never connected to, at no hop and in no form."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from locker.error import Fatal, Forbidden, Invalid, LockerError, Retriable, TooLarge, Unavailable
from locker.guard import Guard
from locker.reach import Reach

LOOPBACK = (ip_network("127.0.0.0/8"),)


class Fake:
    """A server on loopback that answers by path and remembers who asked, and a resolver that says what it is told."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.lookups: list[str] = []
        self.answers = ["127.0.0.1"]
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        self.server = TestServer(app, host="127.0.0.1")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        if request.path == "/to":
            raise web.HTTPFound(request.query["url"])
        if request.path == "/bomb":
            return web.Response(body=gzip.compress(bytes(1 << 20)), headers={"Content-Encoding": "gzip"})
        if request.path == "/cut":
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"host": request.host})

    def lookup(self, host: str, port: int) -> list[str]:
        """One answer after the other; the last one stays."""
        self.lookups.append(host)
        return [self.answers[min(len(self.lookups), len(self.answers)) - 1]]

    def url(self, path: str, host: str = "site.example") -> str:
        return f"http://{host}:{self.server.port}{path}"


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    """A running server."""
    it = Fake()
    await it.server.start_server()
    yield it
    await it.server.close()


async def test_an_allowed_name_is_reached_by_its_own_name(fake: Fake) -> None:
    """The connection goes to the address judged, the request still names the host."""
    async with Reach(Guard(LOOPBACK, fake.lookup)) as reach:
        reply = await reach.request("POST", fake.url("/x?a=%20b"), headers={"X-A": "1"}, body=b"hello")
    assert (200, ["site.example"]) == (reply.status, fake.lookups)
    assert f'{{"host": "site.example:{fake.server.port}"}}' == reply.body.decode()
    assert ("/x?a=%20b", "1") == (fake.seen[0].raw_path, fake.seen[0].headers["X-A"])


@pytest.mark.parametrize("host", ["site.example", "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
async def test_private_addresses_are_not_connected_to(fake: Fake, host: str) -> None:
    """Neither by name nor by number."""
    async with Reach(Guard((), fake.lookup)) as reach:
        with pytest.raises(Forbidden, match="allow_networks"):
            await reach.request("GET", fake.url("/", host))
    assert [] == fake.seen


async def test_rebinding_between_two_requests_is_refused(fake: Fake) -> None:
    """A name that leads elsewhere at its second lookup is judged anew: the private answer is never used."""
    fake.answers = ["127.0.0.1", "127.0.0.2"]
    async with Reach(Guard((ip_network("127.0.0.1/32"),), fake.lookup)) as reach:
        assert 200 == (await reach.request("GET", fake.url("/"))).status
    async with Reach(Guard((ip_network("127.0.0.1/32"),), fake.lookup)) as reach:
        with pytest.raises(Forbidden, match=r"127\.0\.0\.2"):
            await reach.request("GET", fake.url("/"))
    assert (1, 2) == (len(fake.seen), len(fake.lookups))


async def test_a_request_looks_its_host_up_once(fake: Fake) -> None:
    """The answer that was judged is the one connected to; a resolver that lies the second time is not asked."""
    fake.answers = ["127.0.0.1", "10.0.0.1"]
    async with Reach(Guard(LOOPBACK, fake.lookup)) as reach:
        assert 200 == (await reach.request("GET", fake.url("/"))).status
    assert ["site.example"] == fake.lookups


async def test_redirects_are_not_followed_unless_asked(fake: Fake) -> None:
    """The redirect is the answer."""
    async with Reach(Guard(LOOPBACK, fake.lookup)) as reach:
        reply = await reach.request("GET", fake.url("/to?url=/x"))
    assert (302, 1) == (reply.status, len(fake.seen))


@pytest.mark.parametrize(
    ("leads_to", "error"),
    [
        ("http://10.0.0.1/", Forbidden),
        ("http://169.254.169.254/latest/meta-data", Forbidden),
        ("file:///etc/passwd", Invalid),
        ("http://2130706433/", Invalid),
    ],
)
async def test_each_hop_is_checked(fake: Fake, leads_to: str, error: type[Exception]) -> None:
    """A redirect to what the first URL may not name is refused."""
    async with Reach(Guard(LOOPBACK, fake.lookup)) as reach:
        with pytest.raises(error):
            await reach.request("GET", fake.url(f"/to?url={leads_to}"), hops=3)
    assert 1 == len(fake.seen)


async def test_headers_stay_with_their_server(fake: Fake) -> None:
    """A redirect within a server keeps the headers, one to another host drops all that may speak for the sender."""
    mine = {"Authorization": "Bearer x", "X-Key": "y", "Accept": "text/html"}
    async with Reach(Guard(LOOPBACK, fake.lookup)) as reach:
        await reach.request("GET", fake.url("/to?url=/x"), headers=mine, hops=1)
        reply = await reach.request("GET", fake.url(f"/to?url={fake.url('/y', 'other.example')}"), headers=mine, hops=1)
    assert fake.url("/y", "other.example") == reply.url
    assert ("Bearer x", "y") == (fake.seen[1].headers.get("Authorization"), fake.seen[1].headers.get("X-Key"))
    assert (None, None, "text/html") == tuple(fake.seen[3].headers.get(name) for name in mine)


async def test_endless_redirects_end(fake: Fake) -> None:
    """A circle is left after the hops that were allowed."""
    async with Reach(Guard(LOOPBACK, fake.lookup)) as reach:
        with pytest.raises(Fatal, match="more than 2"):
            await reach.request("GET", fake.url("/to?url=/to?url=/to?url=/to?url=/x"), hops=2)


async def test_a_small_answer_that_unpacks_to_a_large_one_is_cut_off(fake: Fake) -> None:
    """Sizes count after decompression."""
    async with Reach(Guard(LOOPBACK, fake.lookup), most_bytes=1 << 16) as reach:
        with pytest.raises(TooLarge, match="65536"):
            await reach.request("GET", fake.url("/bomb"))


async def test_a_cut_connection_may_be_tried_again(fake: Fake) -> None:
    """What is no verdict of the guard is for the caller to repeat, who sees every attempt."""
    async with Reach(Guard(LOOPBACK, fake.lookup)) as reach:
        with pytest.raises(Retriable):
            await reach.request("PUT", fake.url("/cut"))
    assert 1 == len(fake.seen)


async def test_an_unknown_name_is_told_apart(fake: Fake) -> None:
    """No address now is Unavailable, not Forbidden."""

    def nowhere(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    async with Reach(Guard(LOOPBACK, nowhere)) as reach:
        with pytest.raises(Unavailable):
            await reach.request("GET", fake.url("/"))


async def test_a_key_in_the_address_is_in_no_error() -> None:
    """Some services take their key as a parameter: what goes wrong is told without the query, down to the cause."""
    url = "http://127.0.0.1:8/feed?api_key=planted-key"
    async with Reach(Guard((ip_network("127.0.0.0/8"),))) as reach:
        with pytest.raises(Retriable, match="feed does not answer") as caught:
            await reach.request("GET", url)
    cause: BaseException | None = caught.value
    while cause is not None:
        assert "planted-key" not in f"{cause!s}{cause!r}"
        cause = cause.__cause__


async def test_what_the_operator_named_may_be_reached(unused_tcp_port: int) -> None:
    """A host and port that were trusted by hand pass although the address is private; another port of the same host does not."""
    guard = Guard().trusting(f"http://127.0.0.1:{unused_tcp_port}/api")
    async with Reach(guard) as reach:
        with pytest.raises(Retriable, match="does not answer"):
            await reach.request("GET", f"http://127.0.0.1:{unused_tcp_port}/")
        with pytest.raises(Forbidden, match="allow_networks"):
            await reach.request("GET", f"http://127.0.0.1:{unused_tcp_port - 1}/")


async def test_a_name_server_that_never_answers_keeps_only_who_asked_it() -> None:
    """Lookups wait in threads of their own: what else needs a thread (a password, the log) gets one."""
    answered = threading.Event()

    def silent(host: str, port: int) -> list[str]:
        answered.wait(20)
        raise OSError(f"no {host}:{port}")

    async with Reach(Guard(LOOPBACK, lookup=silent)) as reach:
        asking = [asyncio.create_task(reach.request("GET", f"http://h{n}.example/")) for n in range(64)]
        await asyncio.sleep(0)
        try:
            assert "done" == await asyncio.wait_for(asyncio.to_thread(lambda: "done"), 15)
            assert not any(task.done() for task in asking)
        finally:
            answered.set()
        assert all(isinstance(found, LockerError) for found in await asyncio.gather(*asking, return_exceptions=True))
