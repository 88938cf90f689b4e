"""How connections fare: the modes and their rules, and what others hear of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from locker.connector import PageNumber, Stream
from locker.error import Conflict
from locker.locker import Locker
from locker.sync import RUN, Collected
from tests.fetching import FakeService, Hand, Stars, bodies, fetching, opened, star

OTHER = Stream(name="pinned", type="link", path="/pinned", paging=PageNumber(size=10))


@dataclass
class Bench:
    """A service, and a locker that is connected to it."""

    service: FakeService
    locker: Locker
    clock: Hand
    base: str

    async def run(self, **more: Any) -> Collected:
        """One run."""
        return await self.locker.syncing.run("me", "stars", **more)

    def events(self) -> list[list[str]]:
        """What was told of the runs."""
        return [record.body["events"] for record in self.locker.logbook.records("system", "connection", type=RUN)]


@asynccontextmanager
async def bench(folder: Path, *streams: Stream) -> AsyncIterator[Bench]:
    """A service with two lists of one star, and a fresh locker."""
    service, clock = FakeService({"/starred": [star(1)], "/pinned": [star(2)]}), Hand()
    connector: Stars = fetching(*(streams or Stars.streams))

    async def sleep(seconds: float) -> None:
        clock.forward(seconds=seconds)

    async with service.open() as base:
        with opened(folder, connector, clock=clock) as locker:
            locker.syncing = type(locker.syncing)(
                locker.logbook, locker.connections, locker.guard, locker.applications, clock=clock, sleep=sleep
            )
            locker.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"})
            yield Bench(service, locker, clock, base)


def holding(folder: Path, what: bytes) -> list[Path]:
    """The files of a folder that hold some bytes."""
    return [path for path in folder.rglob("*") if path.is_file() and what in path.read_bytes()]


def broken(status: int) -> Any:
    """A cue that always answers a status."""
    return lambda _: web.Response(status=status, text="on cue")


async def test_five_errors_disable(tmp_path: Path) -> None:
    """Each run in which nothing works waits longer for the next; the fifth in a row disables, and enabling goes on in the mode before."""
    async with bench(tmp_path) as it:
        await it.run()
        it.service.cues.append(broken(400))
        reports = [await it.run() for _ in range(5)]
        assert ["normal"] * 4 + ["disabled"] == [report.mode for report in reports]
        waits = [report.due or "" for report in reports]
        assert sorted(waits[:4]) == waits[:4]
        connection = it.locker.connections.get("me", "stars")
        assert (0, "normal", "fatal") == (connection.errors, connection.before, connection.code)
        assert [["data-collected"], *[["error"]] * 4, ["error", "connection-disabled"]] == it.events()
        it.service.cues.clear()
        assert "normal" == it.locker.connections.enable("me", "stars").mode
        assert (None, "normal") == ((report := await it.run()).error, report.mode)


async def test_a_success_forgets_errors(tmp_path: Path) -> None:
    """Errors count in a row only."""
    async with bench(tmp_path) as it:
        for _ in range(3):
            it.service.cues[:] = [broken(500)]
            await it.run()
            await it.run()
            it.service.cues.clear()
            assert ("normal", None) == ((report := await it.run()).mode, report.error)
        assert 0 == it.locker.connections.get("me", "stars").errors


async def test_unauthorized_is_told_once_and_mended_by_a_new_token(tmp_path: Path) -> None:
    """401 makes it unauthorized and is an event once; a new token goes on where it was."""
    async with bench(tmp_path) as it:
        await it.run()
        it.service.token = "another"
        assert ["unauthorized", "unauthorized"] == [(await it.run()).mode for _ in range(2)]
        assert [["data-collected"], ["token-expired"]] == it.events()
        made = it.locker.connections.add("me", "stars", secrets={"token": "another"})
        assert ("normal", 0, None) == (made.mode, made.errors, made.error)
        assert ("normal", 0) == ((report := await it.run()).mode, report.records)


async def test_a_stream_that_is_not_for_this_account(tmp_path: Path) -> None:
    """403 and 404 leave that stream out for a day; the others go on, and the connection is well."""
    async with bench(tmp_path, OTHER, *Stars.streams) as it:
        del it.service.lists["/pinned"]
        report = await it.run()
        assert (["skipped", "done"], "normal", None) == ([stream.outcome for stream in report.streams], report.mode, report.error)
        assert [] == (await it.run(only_due=True)).streams
        it.clock.forward(minutes=16)
        assert ["starred"] == [stream.name for stream in (await it.run(only_due=True)).streams]


async def test_a_stream_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    """One broken list of two is told of, and rests longer and longer; the connection counts no error."""
    async with bench(tmp_path, OTHER, *Stars.streams) as it:
        it.service.cues.append(lambda request: web.Response(status=400) if request.path == "/pinned" else None)
        for _ in range(6):
            report = await it.run()
        assert (["failed", "done"], "initial", True) == (
            [stream.outcome for stream in report.streams],
            report.mode,
            "400" in (report.error or ""),
        )
        assert 0 == it.locker.connections.get("me", "stars").errors
        assert ["1"] == list(bodies(it.locker, "stars"))
        assert [["data-collected", "error"]] == it.events()


async def test_what_a_run_collected_is_told_with_its_records(tmp_path: Path) -> None:
    """The record of a run names the first and the last version that came; one that brought nothing is not told."""
    async with bench(tmp_path) as it:
        await it.run()
        it.service.lists["/starred"] = [star(n) for n in (4, 3, 2, 1)]
        await it.run()
        await it.run()
        told = [record.body for record in it.locker.logbook.records("system", "connection", type=RUN)]
        assert [(1, 1), (2, 4)] == [(body["first"], body["last"]) for body in told]
        assert ("me", "stars", ["data-collected"], "normal") == tuple(told[-1][name] for name in ("owner", "source", "events", "mode"))


async def test_a_backfill_loses_nothing(tmp_path: Path) -> None:
    """A backfill walks everything again: what was missed is found, what is known appends nothing, and the mode comes back."""
    async with bench(tmp_path) as it:
        it.service.lists["/starred"] = [star(n) for n in range(30, 0, -1)]
        await it.run()
        it.service.lists["/starred"].insert(25, star(99))
        assert 0 == (await it.run()).records
        assert "initial" == it.locker.connections.backfill("me", "stars").mode
        assert (1, "normal") == ((report := await it.run()).records, report.mode)


async def test_removing_forgets_secrets_and_keeps_items(tmp_path: Path) -> None:
    """What was collected stays when a connection goes; its token does not, and nothing that was written ever held it."""
    async with bench(tmp_path) as it:
        await it.run()
        it.locker.connections.remove("me", "stars")
        assert ([], ["1"], []) == (it.locker.connections.list(), list(bodies(it.locker, "stars")), it.locker.vault.names("connection/"))
        assert ["add", "delete"] == [record.op for record in it.locker.logbook.records("system", "connection", type="connection/locker")]
        assert [] == holding(tmp_path, b"secret-token")


async def test_another_account_begins_anew(tmp_path: Path) -> None:
    """When a token turns out to be of another account, the cursors of the one before are not used."""
    async with bench(tmp_path) as it:
        connection = it.locker.connections.get("me", "stars")
        connection = it.locker.connections.identify(connection, {"id": "1"})
        await it.run()
        assert 1 == it.locker.logbook.read("SELECT count(*) FROM walks")[0][0]
        it.locker.connections.identify(connection, {"id": "1", "username": "new name"})
        assert 1 == it.locker.logbook.read("SELECT count(*) FROM walks")[0][0]
        it.locker.connections.identify(connection, {"id": "2"})
        assert 0 == it.locker.logbook.read("SELECT count(*) FROM walks")[0][0]


async def test_a_connection_that_goes_while_it_runs_leaves_no_place_behind(tmp_path: Path) -> None:
    """Whoever connects again, maybe another account, begins from the start, also if the page that was on its way comes after that."""
    async with bench(tmp_path) as it:

        async def elsewhere(_: web.Request) -> None:
            it.service.cues.clear()
            await asyncio.to_thread(it.locker.connections.remove, "me", "stars")
            await asyncio.to_thread(lambda: it.locker.connections.add("me", "stars", base_url=it.base, secrets={"token": "secret-token"}))

        it.service.cues.append(elsewhere)
        with pytest.raises(Conflict, match="the next run"):
            await it.run()
        assert 0 == it.locker.logbook.read("SELECT count(*) FROM walks")[0][0]
        assert ("normal", 1) == ((report := await it.run()).mode, report.records)


async def test_a_token_that_is_renewed_after_its_connection_went_is_forgotten(tmp_path: Path) -> None:
    """What a run that is still on its way brings from the service is not kept."""
    async with bench(tmp_path) as it:
        connection = it.locker.connections.get("me", "stars")
        it.locker.connections.remove("me", "stars")
        it.locker.connections.keep(connection, {"token": "renewed"})
        assert [] == it.locker.vault.names("connection/")
