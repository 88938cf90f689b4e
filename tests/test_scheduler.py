"""The scheduler: what is due runs, a few at a time, once each, through restarts and downtimes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from locker.clock import stamp
from locker.connector import PageNumber, Stream
from locker.locker import Locker
from locker.scheduler import Scheduler
from tests.commands import process
from tests.fetching import FakeService, Hand, Stars, bodies, fetching, opened, plugged, star, until

QUARTER = 900


def scheduler(locker: Locker, clock: Hand, concurrency: int = 2) -> Scheduler:
    """A scheduler whose chance is always a half."""
    return Scheduler(locker.logbook, locker.connections, locker.syncing, clock=clock, chance=lambda: 0.5, concurrency=concurrency)


@asynccontextmanager
async def working(made: Scheduler) -> AsyncIterator[None]:
    """The scheduler at work in this event loop."""
    stopping = asyncio.Event()
    task = asyncio.create_task(made.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await task


def connect(locker: Locker, base: str, *sources: str) -> None:
    """Connections to the fake service."""
    for source in sources:
        locker.connections.add("me", source, base_url=base, secrets={"token": "secret-token"})


async def test_what_is_due_runs_again_and_again(tmp_path: Path) -> None:
    """A new connection runs at once; the next run is a quarter of an hour later, and a little, and brings what is new by then."""
    service, clock = FakeService({"/starred": [star(1)]}), Hand()
    async with service.open() as base:
        with opened(tmp_path, Stars(), clock=clock) as locker:
            connect(locker, base, "stars")
            async with working(scheduler(locker, clock)):
                await until(lambda: locker.connections.get("me", "stars").mode == "normal")
                await until(
                    lambda: (locker.connections.get("me", "stars").due or "") > stamp(clock.moment + timedelta(seconds=QUARTER + 29))
                )
                assert (locker.connections.get("me", "stars").due or "") < stamp(clock.moment + timedelta(seconds=QUARTER + 31))
                service.lists["/starred"].insert(0, star(2))
                clock.forward(seconds=QUARTER + 31)
                await until(lambda: len(bodies(locker, "stars")) == 2)
            assert 2 == len(service.asked)


async def test_a_few_at_a_time(tmp_path: Path) -> None:
    """However many are due, no more run at once than are allowed, and all of them run."""
    service, clock, now, most = FakeService({"/starred": [star(1)]}), Hand(), 0, 0

    async def slowly(request: web.Request) -> None:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await asyncio.sleep(0.02)
        now -= 1

    service.cues.append(slowly)
    sources = [f"stars.n{n}" for n in range(9)]
    async with service.open() as base:
        with opened(tmp_path, Stars(), clock=clock) as locker:
            connect(locker, base, *sources)
            async with working(scheduler(locker, clock, concurrency=3)):
                await until(lambda: all(each.mode == "normal" for each in locker.connections.list()))
    assert (9, True) == (len(service.asked), most <= 3)


async def test_no_herd_after_a_downtime(tmp_path: Path) -> None:
    """When everything has been due for hours, only the first few run at once; the others get a moment of their own each."""
    clock = Hand()
    with opened(tmp_path, Stars(), clock=clock) as locker:
        connect(locker, "http://127.0.0.1:8009", *(f"stars.n{n}" for n in range(10)))
        clock.forward(hours=5)
        made = scheduler(locker, clock)
        made.spread()
        due = [each.due or "" for each in locker.connections.list()]
    assert (2, 8) == (
        len([each for each in due if each < stamp(clock.moment)]),
        len(set(due) - {each for each in due if each < stamp(clock.moment)}),
    )
    assert max(due) < stamp(clock.moment + timedelta(seconds=20))


async def test_one_process_does_it(tmp_path: Path) -> None:
    """Two schedulers on one store run a connection once, not twice."""
    service, clock = FakeService({"/starred": [star(1)]}), Hand()
    async with service.open() as base:
        with opened(tmp_path, Stars(), clock=clock) as one, opened(tmp_path, Stars(), clock=clock) as two:
            connect(one, base, "stars")
            async with working(scheduler(one, clock)), working(scheduler(two, clock)):
                await until(lambda: two.connections.get("me", "stars").mode == "normal")
    assert 1 == len(service.asked)


async def test_a_shutdown_in_the_middle_of_a_walk(tmp_path: Path) -> None:
    """Whoever stops while a page is on its way keeps the pages before it; the next start asks for that page, and for none twice that was kept."""
    service, clock, hangs = FakeService({"/starred": [star(n) for n in range(30)]}), Hand(), asyncio.Event()

    async def hang(request: web.Request) -> None:
        if request.query.get("page") == "2" and not hangs.is_set():
            hangs.set()
            await asyncio.sleep(60)

    service.cues.append(hang)
    connector: Stars = fetching(Stream(name="starred", type="link", path="/starred", paging=PageNumber(size=10), order="any"))
    async with service.open() as base:
        with opened(tmp_path, connector, clock=clock) as locker:
            connect(locker, base, "stars")
            async with working(scheduler(locker, clock)):
                await asyncio.wait_for(hangs.wait(), 20)
            assert 10 == locker.logbook.count("me", "stars")
            clock.forward(seconds=1)
            async with working(scheduler(locker, clock)):
                await until(lambda: locker.connections.get("me", "stars").mode == "normal")
            assert 30 == locker.logbook.count("me", "stars")
    assert ["1", "2", "2", "3", "4"] == [asked.partition("page=")[2].partition("&")[0] for asked in service.asked]


async def test_what_stands_in_the_way_is_tried_again_later(tmp_path: Path) -> None:
    """A connection that somebody syncs by hand just now, and one whose connector is gone, wait; the others go on."""
    service, clock = FakeService({"/starred": [star(1)]}), Hand()
    async with service.open() as base:
        with opened(tmp_path, Stars(), clock=clock) as locker:
            connect(locker, base, "stars", "stars.other")
            del locker.connectors["stars"]
            async with working(scheduler(locker, clock)):
                await until(lambda: all((each.due or "") > stamp(clock.moment) for each in locker.connections.list()))
    assert [] == service.asked


async def test_a_server_collects(tmp_path: Path) -> None:
    """``locker serve`` runs what is due, also what is connected while it is up, and ends cleanly; with ``--no-collect`` it asks nobody."""
    service, data = FakeService({"/starred": [star(n) for n in range(25)]}), tmp_path / "data"
    plugged(data)
    async with service.open() as base:
        with Locker(data, plugins=True) as locker:
            locker.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"}, trusted=True)
            for switch, wanted in (("--no-collect", 0), ("--collect", 25)):
                server = process("serve", "--port", "0", "--plugins", switch, data=data)
                try:
                    assert server.stdout
                    assert "ready" in await asyncio.to_thread(server.stdout.readline)
                    await until(lambda wanted=wanted: locker.logbook.count("me", "stars") == wanted, 60)  # type: ignore[misc]
                    if wanted:
                        locker.connections.add("me", "stars.other", base_url=base, secrets={"token": "secret-token"}, trusted=True)
                        await until(lambda: locker.connections.get("me", "stars.other").mode == "normal", 60)
                finally:
                    server.terminate()
                    _, said = await asyncio.to_thread(server.communicate)
                assert (0, "") == (server.returncode, said)


async def test_a_mistake_of_ours_is_not_repeated_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that breaks in a way that nobody thought of rests like one that failed, and the log says what it was."""
    clock, runs = Hand(), 0

    async def broken(*_: object, **__: object) -> None:
        nonlocal runs
        runs += 1
        raise OverflowError("date value out of range")

    with opened(tmp_path, Stars(), clock=clock) as locker:
        connect(locker, "http://127.0.0.1:9009", "stars")
        monkeypatch.setattr(locker.syncing, "run", broken)
        made = scheduler(locker, clock)
        await asyncio.gather(*await made.begin())
        assert [] == await made.begin()
    assert 1 == runs
