"""``/live``: what happens, as it happens, from where a client stopped, without a hole and in order, whoever goes when."""

from __future__ import annotations

import asyncio
import random
import socket as sockets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from locker.account import KINDS
from locker.filter import Filter
from locker.live import MOST, Channel, Item, Listener
from locker.locker import Locker
from locker.record import Record
from locker.term import parse
from locker.tree import NO_KINDS

from .accounts import PASSWORD, cheap
from .api_server import Server, served
from .commands import process
from .listening_live import EVENTS, Heard, events, socket
from .receiving import until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose streams say every second that they are there."""
    with Locker(tmp_path, keys=tmp_path / "keys") as locker, served(locker, live_heartbeat=1, live_limit=50) as made:
        locker.accounts.passwords = cheap()
        yield made


def put(locker: Locker, count: int, source: str = "mine", type: str = "note", first: int = 0, owner: str = "me") -> None:
    """Append so many things."""
    locker.push(owner, source, [{"type": type, "key": str(n), "body": {"n": n, "name": f"{n}"}} for n in range(first, first + count)])


def logged(locker: Locker, source: str = "mine", owner: str = "me") -> list[int]:
    """The positions that a source has."""
    return [each.position for each in locker.logbook.records(owner, source, limit=100_000)]


async def later(job: Any, *arguments: Any, **named: Any) -> Any:
    """Do something beside the event loop."""
    return await asyncio.to_thread(job, *arguments, **named)


async def test_events_from_the_beginning_and_on(server: Server) -> None:
    """What was there is told first, then what comes; ids are positions; whoever comes back with the last id misses and repeats nothing."""
    await later(put, server.locker, 700)
    async with events(f"{server.url}/live?source=mine&since=beginning") as heard:
        await until(lambda: len(heard.records) == 700)
        await later(put, server.locker, 5, first=700)
        await until(lambda: len(heard.records) == 705)
        assert logged(server.locker) == heard.positions
        assert {"position", "owner", "record"} == heard.records[0].keys()
        assert server.locker.record("me", "mine:1").as_dict() == heard.records[0]["record"]
    async with events(f"{server.url}/live?source=mine&since=beginning", headers={"Last-Event-ID": str(heard.positions[699])}) as again:
        await until(lambda: len(again.records) == 5)
    async with events(f"{server.url}/live?source=mine&since={heard.positions[-1]}") as again:
        await later(put, server.locker, 1, first=705)
        await until(lambda: again.records)
        assert ["705"] == [each["record"]["key"] for each in again.records]


@pytest.mark.parametrize("asked", ["format", "subprotocol"])
@pytest.mark.parametrize("format", ["json", "msgpack"])
async def test_frames(server: Server, format: str, asked: str) -> None:
    """JSON or MessagePack, by parameter or subprotocol; both say the same as the events."""
    query, protocols = ("", (f"locker.{format}",)) if asked == "subprotocol" else (f"&format={format}", ())
    await later(put, server.locker, 3)
    async with socket(f"{server.url}/live?source=mine&since=beginning{query}", protocols) as heard:
        await until(lambda: len(heard.records) == 3)
        await later(put, server.locker, 3, first=3)
        await until(lambda: len(heard.records) == 6)
        assert logged(server.locker) == heard.positions
        assert server.locker.record("me", "mine:6").as_dict() == heard.records[-1]["record"]


async def test_filters(server: Server) -> None:
    """By source, type, operation and key; a time and now are places to begin."""
    locker = server.locker
    await later(put, locker, 2)
    await later(put, locker, 2, "other", "thing")
    await later(locker.push, "me", "mine", [{"type": "note", "key": "0", "body": None}])
    wanted = {
        "source=other": ["other:1", "other:2"],
        "source=mine,other&key=1": ["mine:2", "other:2"],
        "type=thing": ["other:1", "other:2"],
        "type=thing/other,note": ["mine:1", "mine:2", "other:1", "other:2", "mine:3"],
        "op=delete": ["mine:3"],
        "key=*": ["mine:1", "mine:2", "other:1", "other:2", "mine:3"],
    }
    for query, ids in wanted.items():
        async with events(f"{server.url}/live?{query}&since=beginning") as heard:
            await until(lambda heard=heard, ids=ids: len(heard.records) >= len(ids))  # type: ignore[misc]
            assert ids == [each["record"]["id"] for each in heard.records], query
    async with events(f"{server.url}/live?since=2020-01-01&source=mine") as heard:
        await until(lambda: len(heard.records) == 3)


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_is_missed_or_repeated_over_many_connections(server: Server, seed: int) -> None:
    """While others append, a client goes and comes back at random, by event stream or socket: together it heard the log, in order."""
    chance, total, found, last = random.Random(seed), 600, list[int](), 0

    async def append() -> None:
        for n in range(0, total, 20):
            await later(put, server.locker, 20, first=n)

    writing = asyncio.create_task(append())
    while len(found) < total:
        more = min(chance.randint(1, 120), total - len(found))
        url = f"{server.url}/live?source=mine&since={last}"
        async with (events if chance.random() < 0.5 else socket)(url) as heard:
            await until(lambda heard=heard, more=more: len(heard.records) >= more)  # type: ignore[misc]
        found += heard.positions
        last = heard.last or last
    await writing
    assert logged(server.locker) == found


async def test_a_server_that_is_killed(tmp_path: Path) -> None:
    """After kill -9 a client that comes back with its last id goes on without a hole."""
    found, last = list[int](), 0
    for turn in range(3):
        done = await later(process, "serve", "--port", "0", "--trust-loopback", data=tmp_path / "data")
        try:
            url = (await later(done.stdout.readline)).split()[4]
            async with events(f"{url}/live?source=mine&since={last}") as heard, aiohttp.ClientSession() as session:
                for n in range(4):
                    items = [{"type": "note", "key": f"{turn} {n} {each}", "body": {}} for each in range(5)]
                    await session.post(f"{url}/connectors/mine/push", json=items)
                await until(lambda heard=heard: heard.records)  # type: ignore[misc]
                done.kill()
                await until(lambda heard=heard: heard.is_over)  # type: ignore[misc]
            found, last = found + heard.positions, heard.last or last
        finally:
            done.kill()
            await later(done.communicate)
    with Locker(tmp_path / "data") as locker, served(locker) as server:
        async with events(f"{server.url}/live?source=mine&since={last}") as heard:
            await until(lambda: len(found) + len(heard.records) >= 60)
            assert logged(locker) == found + heard.positions


async def test_the_end_of_a_server(tmp_path: Path) -> None:
    """A server that stops says so, and where to go on, at once."""
    with Locker(tmp_path) as locker, served(locker) as server:
        async with events(f"{server.url}/live?source=mine") as one, socket(f"{server.url}/live?source=mine") as other:
            await later(put, locker, 3)
            await until(lambda: len(one.records) == len(other.records) == 3)
            stop = asyncio.create_task(asyncio.to_thread(_stop, server))
            await until(lambda: one.is_over and other.is_over)
            await stop
            for heard in (one, other):
                assert {"reason": "shutdown", "position": logged(locker)[-1]} == heard.end
            assert 1001 == other.code


def _stop(server: Server) -> None:
    server.locker.live._loop.call_soon_threadsafe(server.locker.live.end)  # type: ignore[union-attr]


async def test_heartbeats(server: Server) -> None:
    """A quiet stream says that it is there, and moves the place to go on past what is not for it."""
    async with events(f"{server.url}/live?source=nothing") as one, socket(f"{server.url}/live?source=nothing") as other:
        await later(put, server.locker, 3)
        end = logged(server.locker)[-1]
        await until(lambda: min(one.last or 0, other.last or 0) >= end and min(one.beats, other.beats) >= 2)
        assert [] == one.records == other.records


def test_a_listener_that_lets_too_much_wait_is_ended() -> None:
    """More than there is room for ends it; what comes before the place where it stands is not told again."""

    async def listen() -> None:
        made = Listener(Channel(Filter(("me",)), lambda *_: b""), 10)
        made.take([Item(9, b"x"), Item(10, b"x"), Item(11, b"y")])
        assert [Item(11, b"y")] == await made.next(1)
        made.take([Item(n, b"") for n in range(12, 12 + MOST)])
        assert ("", MOST) == (made.reason, len(made.waiting))
        made.take([Item(12 + MOST, b"")])
        assert ("slow", 0, []) == (made.reason, len(made.waiting), await made.next(1))

    asyncio.run(listen())


def test_a_slow_consumer_is_ended_and_goes_on_without_a_hole(server: Server) -> None:
    """One that does not read while much is appended is told that it ends, and where to go on; what it then asks for is the rest."""
    host, port = server.url.removeprefix("http://").split(":")
    with sockets.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"GET /live?source=mine HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")
        deadline = time.monotonic() + 30
        while not any(each.is_joined for each in server.locker.live.listeners):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (listener,) = server.locker.live.listeners
        n = 0
        while not listener.reason:
            items = [{"type": "note", "key": f"{n} {each}", "body": {"text": "x" * 20_000}} for each in range(50)]
            server.locker.push("me", "mine", items)
            n += 1
            assert time.monotonic() < deadline
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert "slow" == listener.reason
    body = b"".join(part.partition(b"\r\n")[2] for part in answer.split(b"\r\n\r\n", 1)[1:]) or answer
    assert b'"reason":"slow"' in body
    ids = [int(line[4:]) for line in answer.split(b"\n") if line.startswith(b"id: ")]
    last = ids[-1]

    async def rest() -> Heard:
        async with events(f"{server.url}/live?source=mine&since={last}") as heard:
            await until(lambda: heard.positions[-1:] == logged(server.locker)[-1:])
            return heard

    everything = logged(server.locker)
    assert [each for each in everything if each > last] == asyncio.run(rest()).positions
    told = sorted({each for each in ids if each in set(everything)})
    assert everything[: len(told)] == told


@pytest.mark.parametrize("seed", range(2))
async def test_entered_changed_and_left(server: Server, seed: int) -> None:
    """Over a collection with terms, each event says what a brute force over the log says; also for who comes back in between."""
    locker, chance, terms = server.locker, random.Random(seed), "age:21+."
    async with events(f"{server.url}/live?type=contact&terms=[{terms.replace('+', '%2B')}]") as live:
        for _ in range(25):
            items: list[Any] = [
                {
                    "type": "contact",
                    "key": str(chance.randint(1, 6)),
                    "body": chance.choice([None, {"name": "x", "age": chance.randint(18, 24)}]),
                }
                for _ in range(4)
            ]
            await later(locker.push, "me", "mine", items)
        await later(locker.catch_up)
        records = locker.logbook.records("me", "contact", limit=10_000)
        expected = brute(records, terms)
        await until(lambda: len(live.records) >= len(expected))
        assert expected == [(each["position"], each["change"]) for each in live.records]
    middle = expected[len(expected) // 2][0]
    async with socket(f"{server.url}/live?type=contact&since={middle}&terms=[{terms.replace('+', '%2B')}]") as heard:
        wanted = [each for each in expected if each[0] > middle]
        await until(lambda: len(heard.records) >= len(wanted))
        assert wanted == [(each["position"], each["change"]) for each in heard.records]


def brute(records: list[Record], terms: str) -> list[tuple[int, str]]:
    """What happens to a set, told by keeping it."""
    term, inside, found = parse(terms).term, set[str](), list[tuple[int, str]]()
    for record in records:
        is_in = record.op != "delete" and term.matches(record.body["body"], NO_KINDS)
        was_in = record.first in inside
        if is_in or was_in:
            found.append((record.position, "left" if not is_in else "changed" if was_in else "entered"))
        (inside.add if is_in else inside.discard)(record.first)
    return found


async def test_what_is_wrong(server: Server) -> None:
    """Each mistake is told before the stream begins."""
    wrong = {
        "": 406, "since=999999": 400, "since=soon": 400, "nothing=1": 400, "op=burn": 400, "type=A": 400, "terms=[age:]": 400, "owner=system": 400,
        "terms=[COUNT()]": 400, "since=-1": 400,
    }  # fmt: skip
    for query, status in wrong.items():
        answer = await later(server.get, f"/live?{query}", headers=EVENTS if query else {})
        assert status == answer.status_code, (query, answer.text)
    assert 400 == (await later(server.get, "/live?format=xml", headers={"Upgrade": "websocket", "Connection": "Upgrade"})).status_code
    server.locker.live.listeners.update({Listener(Channel(Filter(("me",)), lambda *_: b""), 0): None for _ in range(50)})
    assert 503 == (await later(server.get, "/live", headers=EVENTS)).status_code
    server.locker.live.listeners.clear()


@pytest.mark.parametrize("how", ["the token", "the grant", "the account"])
async def test_a_right_that_is_taken_back_ends_it(server: Server, how: str) -> None:
    """Nothing that is appended afterwards is told, and the end says why; coming back is refused."""
    accounts, owner = server.locker.accounts, "u2" if how == "the grant" else "u1"
    for name in ("ada", "bob"):
        await accounts.sign_up(f"{name}@example.org", PASSWORD)
    await later(accounts.grant, "u2", "u1", ["read"], ["note"])
    text = server.tokens.make("u1", KINDS)
    bearer = {"Authorization": f"Bearer {text}"}
    url = f"{server.url}/live?type=note&owner={owner}"
    async with events(url, headers=bearer) as one, socket(url, headers=bearer) as other:
        await later(put, server.locker, 2, owner=owner)
        await until(lambda: len(one.records) == len(other.records) == 2)
        if how == "the token":
            await later(accounts.end, server.tokens.verify(text))
        elif how == "the grant":
            await later(accounts.ungrant, "u2", "u1")
        else:
            await later(accounts.disable, "1")
        await later(put, server.locker, 2, owner=owner, first=2)
        await until(lambda: one.is_over and other.is_over)
        assert (2, 2) == (len(one.records), len(other.records))
        assert ("revoked", "revoked", 1008) == (one.end["reason"], other.end["reason"], other.code)  # type: ignore[index]
    assert (await later(server.get, f"/live?type=note&owner={owner}", headers={**EVENTS, **bearer})).status_code in (401, 403)


async def test_only_what_one_may_read(server: Server) -> None:
    """A token or a grant for one type opens streams of that type only; in the address a token is good, too."""
    narrow = server.tokens.make("me", ["read:contact"])
    for query, status in {"type=note": 403, "": 403, "source=contact": 403}.items():
        answer = await later(server.get, f"/live?{query}", headers={**EVENTS, "Authorization": f"Bearer {narrow}"})
        assert status == answer.status_code, query
    async with (
        events(f"{server.url}/live?type=contact&access_token={narrow}"),
        socket(f"{server.url}/live?type=contact&access_token={narrow}"),
    ):
        pass


async def test_one_reader_for_all(server: Server) -> None:
    """Those who want the same share what is made of it, and everything of them is let go when they leave."""
    async with events(f"{server.url}/live?source=mine") as one, events(f"{server.url}/live?source=mine") as other:
        await until(lambda: all(each.is_joined for each in server.locker.live.listeners) and len(server.locker.live.listeners) == 2)
        assert 1 == len({each.channel for each in server.locker.live.listeners})
        await later(put, server.locker, 3)
        await until(lambda: len(one.records) == len(other.records) == 3)
    await until(lambda: not server.locker.live.listeners)
    await until(lambda: not len(server.locker.live._index) or server.locker.live._left)
