"""What a killed sync leaves behind, and two syncs at once: nothing is lost, nothing is doubled, nothing is asked for twice without need."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from locker.error import Unavailable
from locker.locker import Locker
from tests import crashing
from tests.fetching import FakeService, Stars, bodies, opened, star

PAGES = 6


def killed_after_a_page(folder: Path) -> None:
    """Let a process sync until a page is in, then kill it while it waits for the next one."""
    process, told = crashing.started(crashing.sync_stars, folder)
    while told.recv() == 0:
        pass
    process.kill()
    process.join()
    told.close()


async def test_killed_at_every_page(tmp_path: Path) -> None:
    """A sync that is killed after each of its pages keeps them, goes on behind them, and repeats only the page that was on its way."""
    service, allowed = FakeService({"/starred": [star(n) for n in range(10 * PAGES - 5, 0, -1)]}), 1

    async def hold(request: web.Request) -> None:
        if int(request.query["page"]) > allowed:
            await asyncio.sleep(3600)

    service.cues.append(hold)
    async with service.open() as base:
        with opened(tmp_path, Stars()) as locker:
            locker.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"})
            for allowed in range(1, PAGES):
                await asyncio.to_thread(killed_after_a_page, tmp_path)
                check(locker, 10 * allowed)
            allowed = PAGES
            report = await locker.syncing.run("me", "stars")
            assert (None, "normal") == (report.error, report.mode)
            check(locker, 10 * PAGES - 5)
            assert 0 == (await locker.syncing.run("me", "stars")).records
    walked = [asked.partition("page=")[2].partition("&")[0] for asked in service.asked[:-1]]
    assert sorted(walked) == walked
    assert {walked.count(str(n)) for n in range(1, PAGES + 1)} <= {1, 2}


def check(locker: Locker, count: int) -> None:
    """Everything is there once, in gapless versions."""
    records = locker.logbook.records("me", "stars", limit=9999)
    assert list(range(1, count + 1)) == [record.version for record in records]
    assert {"add"} == {record.op for record in records}
    assert count == len(bodies(locker, "stars"))


async def test_two_syncs_at_once(tmp_path: Path) -> None:
    """While one process syncs a connection, another one is told so, and asks the service for nothing."""
    service, hangs, goes_on = FakeService({"/starred": [star(n) for n in range(25, 0, -1)]}), asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> None:
        if request.query.get("page") == "2":
            hangs.set()
            await goes_on.wait()

    service.cues.append(hang)
    async with service.open() as base:
        with opened(tmp_path, Stars()) as one, opened(tmp_path, Stars()) as two:
            one.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"})
            running = asyncio.create_task(one.syncing.run("me", "stars"))
            await asyncio.wait_for(hangs.wait(), 20)
            with pytest.raises(Unavailable, match="another process"):
                await two.syncing.run("me", "stars")
            goes_on.set()
            assert 25 == (await running).records
            assert 0 == (await two.syncing.run("me", "stars")).records
    assert 4 == len(service.asked)


async def test_a_lease_that_was_lost_ends_the_run(tmp_path: Path) -> None:
    """A process that slept so long that another took over writes nothing more."""
    service = FakeService({"/starred": [star(n) for n in range(25, 0, -1)]})
    async with service.open() as base:
        with opened(tmp_path, Stars()) as one:
            one.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"})

            def steal(request: web.Request) -> None:
                if request.query.get("page") == "2":
                    one.logbook.transact(
                        lambda writing: writing.execute(
                            "UPDATE leases SET holder = 'elsewhere 1 1 1', expires = 1e12 WHERE name = 'sync me/stars'"
                        )
                    )

            service.cues.append(steal)
            with pytest.raises(Exception, match="another process"):
                await one.syncing.run("me", "stars")
            assert one.logbook.count("me", "stars") <= 10
