"""What disappears from a list is deleted, and only that, whatever else happens while the list is read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from locker.connector import DAY, PageNumber, Stream
from locker.locker import Locker
from locker.sync import Collected
from tests.fetching import FakeService, Hand, Stars, bodies, fetching, opened, star

ANY = Stream(name="starred", type="link", path="/starred", paging=PageNumber(size=10), order="any")
NEWEST = Stream(name="starred", type="link", path="/starred", paging=PageNumber(size=10), order="newest")


@dataclass
class Bench:
    """A service, and a locker that is connected to it."""

    service: FakeService
    locker: Locker
    clock: Hand

    async def run(self, **more: Any) -> Collected:
        """One run."""
        return await self.locker.syncing.run("me", "stars", **more)

    def keys(self) -> list[int]:
        """What lives, by number."""
        return sorted(int(key) for key in bodies(self.locker, "stars"))

    def deletes(self) -> list[Any]:
        """Key and note of every delete."""
        return [(record.key, record.note) for record in self.locker.logbook.records("me", "stars", limit=9999) if record.op == "delete"]


@asynccontextmanager
async def bench(folder: Path, *streams: Stream, **lists: list[dict[str, Any]]) -> AsyncIterator[Bench]:
    """A service with lists by name, and a fresh locker."""
    service, clock = FakeService({f"/{name}": list(entries) for name, entries in lists.items()}), Hand()
    connector: Stars = fetching(*streams)
    async with service.open() as base:
        with opened(folder, connector, clock=clock) as locker:
            locker.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"})
            yield Bench(service, locker, clock)


def stars(*numbers: int) -> list[dict[str, Any]]:
    """Stars of these numbers."""
    return [star(n) for n in numbers]


async def test_what_disappears_is_deleted_and_comes_back(tmp_path: Path) -> None:
    """A thing that a whole list lacks gets a delete marked as inferred; when it reappears, that is taken back, under the same first record."""
    async with bench(tmp_path, ANY, starred=stars(1, 2, 3)) as it:
        await it.run()
        it.service.lists["/starred"] = stars(1, 3)
        assert 1 == (await it.run()).streams[0].deleted
        assert ([1, 3], [("2", {"inferred": True})]) == (it.keys(), it.deletes())
        it.service.lists["/starred"] = stars(1, 2, 3)
        assert 1 == (await it.run()).streams[0].edited
        assert [1, 2, 3] == it.keys()
        assert {"stars:2"} == {record.first for record in it.locker.logbook.records("me", "stars") if record.key == "2"}
        assert 0 == (await it.run()).records


async def test_long_lists_are_read_twice_before_anything_is_deleted(tmp_path: Path) -> None:
    """Of a list of several pages, what one sweep misses is looked for once more; when nothing is missing, no request is spent on that."""
    async with bench(tmp_path, ANY, starred=stars(*range(1, 36))) as it:
        await it.run()
        it.service.asked.clear()
        await it.run()
        assert 4 == len(it.service.asked)
        it.service.lists["/starred"] = stars(*range(1, 18), *range(19, 36))
        it.service.asked.clear()
        assert (1, 8) == ((await it.run()).streams[0].deleted, len(it.service.asked))
        assert ["18"] == [key for key, _ in it.deletes()]


async def test_things_that_move_between_pages_stay(tmp_path: Path) -> None:
    """A thing that moves to a page that was read already, and one that slips over the edge, are not taken for gone."""
    async with bench(tmp_path, ANY, starred=stars(*range(1, 36))) as it:
        await it.run()

        def shift(request: web.Request) -> None:
            entries = it.service.lists["/starred"]
            if request.query.get("page") == "2" and [entry["id"] for entry in entries[:1]] == [1]:
                entries[:] = stars(30, *range(2, 30), *range(31, 36))  # 30 moves to the front, and 1 is gone: 11 slips to the first page

        it.service.cues.append(shift)
        assert [0, 1, 0] == [(await it.run()).records for _ in range(3)]
        assert ["1"] == [key for key, _ in it.deletes()]
        assert list(range(2, 36)) == it.keys()


async def test_newest_first_lists_are_swept_now_and_then(tmp_path: Path) -> None:
    """What disappears from a list that is only read until nothing is new is noticed by the next sweep, or when everything is asked for."""
    async with bench(tmp_path, NEWEST, starred=stars(*range(5, 0, -1))) as it:
        await it.run()
        it.service.lists["/starred"] = stars(5, 4, 2, 1)
        assert 0 == (await it.run()).records
        it.clock.forward(seconds=DAY + 1)
        assert 1 == (await it.run()).records
        it.service.lists["/starred"] = stars(5, 4, 2)
        assert 1 == (await it.run(whole=True)).streams[0].deleted
        assert [2, 4, 5] == it.keys()


async def test_a_sweep_with_unreadable_entries_deletes_nothing(tmp_path: Path) -> None:
    """Whoever cannot be read may be the one that seems to be missing; the rest of the page is kept, and the entry is shown."""
    async with bench(tmp_path, ANY, starred=stars(1, 2, 3)) as it:
        await it.run()
        it.service.lists["/starred"] = [*stars(1, 4), {"no": "id"}]
        report = (await it.run()).streams[0]
        assert (1, 0, 1) == (report.added, report.deleted, report.unreadable)
        assert "id" in report.problems[0].reason
        assert [1, 2, 3, 4] == it.keys()


async def test_a_sweep_that_fails_deletes_nothing(tmp_path: Path) -> None:
    """A walk that breaks off has not seen everything; the one that ends it has, and two of them must agree."""
    async with bench(tmp_path, ANY, starred=stars(*range(1, 31))) as it:
        await it.run()
        it.service.lists["/starred"] = stars(*range(2, 31))
        it.service.fail(2, 400)
        assert ("failed", 0) == ((report := (await it.run()).streams[0]).outcome, report.deleted)
        assert list(range(1, 31)) == it.keys()
        await it.run()
        assert list(range(2, 31)) == it.keys()


async def test_a_list_that_is_suddenly_empty_is_not_believed_at_once(tmp_path: Path) -> None:
    """When most of a list is missing, the next regular sweep decides: a service that answers nonsense for a while deletes nothing."""
    async with bench(tmp_path, ANY, starred=stars(*range(1, 31))) as it:
        await it.run()
        it.service.lists["/starred"] = []
        for more in ({}, {}, {"whole": True}):
            assert 0 == (await it.run(**more)).records
            it.clock.forward(hours=1)
        it.clock.forward(hours=24)
        assert 30 == (await it.run()).streams[0].deleted


async def test_streams_vouch_for_what_they_show_themselves(tmp_path: Path) -> None:
    """A thing in two lists lives as long as one of them shows it, and no longer."""
    other = Stream(name="pinned", type="link", path="/pinned", paging=PageNumber(size=10), order="any")
    async with bench(tmp_path, ANY, other, starred=stars(1, 2, 3), pinned=stars(2, 3, 4)) as it:
        await it.run()
        it.service.lists["/starred"] = stars(1)
        await it.run()
        assert [1, 2, 3, 4] == it.keys()
        it.service.lists["/pinned"] = stars(3, 4)
        await it.run()
        assert [1, 3, 4] == it.keys()
        it.service.lists["/pinned"] = []
        await it.run()
        assert [1] == it.keys()
        assert 0 == (await it.run()).records


async def test_two_bodies_of_one_key_do_not_flap(tmp_path: Path) -> None:
    """Two streams that show the same thing differently both are heard once, and again when one of them says something new."""
    other = Stream(name="pinned", type="link", path="/pinned", paging=PageNumber(size=10), order="any")
    async with bench(tmp_path, ANY, other, starred=stars(1, 2), pinned=[star(2, pinned=True)]) as it:
        assert [3, 0, 0] == [(await it.run()).records for _ in range(3)]
        it.service.lists["/starred"] = [star(1), star(2, title="new")]
        assert [1, 0, 0] == [(await it.run()).records for _ in range(3)]
        assert "new" == bodies(it.locker, "stars")["2"]["title"]
        it.service.lists["/starred"] = stars(1)
        assert [1, 0] == [(await it.run()).records for _ in range(2)]
        assert {"id": 2, "url": "https://example.org/2", "pinned": True} == bodies(it.locker, "stars")["2"]


async def test_a_key_twice_in_one_list_does_not_flap(tmp_path: Path) -> None:
    """A list that always shows one key with two bodies, on one page or on two, is settled after the first walk; when one is left, that stands."""
    twice = [*stars(1, 2), star(2, again=True), *stars(*range(3, 14)), star(1, again=True)]
    async with bench(tmp_path, ANY, starred=twice) as it:
        assert [15, 0, 0] == [(await it.run()).records for _ in range(3)]
        assert 13 == len(it.keys())
        it.service.lists["/starred"] = stars(*range(1, 14))
        await it.run()
        await it.run()
        assert not any("again" in body for body in bodies(it.locker, "stars").values())
        assert 0 == (await it.run()).records


async def test_a_newer_body_within_a_walk_stands(tmp_path: Path) -> None:
    """What changes while it is walked past, and is shown again on a later page, ends as it was shown last."""
    async with bench(tmp_path, ANY, starred=stars(*range(1, 14))) as it:

        def change(request: web.Request) -> None:
            if request.query.get("page") == "2":
                it.service.lists["/starred"] = [*stars(*range(2, 14)), star(1, title="changed"), star(2, title="changed")]

        it.service.cues.append(change)
        await it.run()
        assert "changed" == bodies(it.locker, "stars")["1"]["title"]


async def test_a_clock_that_goes_back(tmp_path: Path) -> None:
    """Whatever the clock does, what is there is not taken for missing, and what has changed is an edit."""
    async with bench(tmp_path, ANY, starred=stars(*range(1, 26))) as it:
        await it.run()
        it.clock.forward(hours=-5)

        def back(request: web.Request) -> None:
            it.clock.forward(hours=-1)

        it.service.cues.append(back)
        assert 0 == (await it.run()).records
        it.service.lists["/starred"][0] = star(1, title="changed")
        assert (1, 0) == ((report := (await it.run()).streams[0]).edited, report.deleted)


async def test_a_place_to_go_on_from_that_expired(tmp_path: Path) -> None:
    """When the service no longer knows the page that an interrupted walk stopped at, the walk begins anew instead of failing for ever."""
    async with bench(tmp_path, ANY, starred=stars(*range(1, 26))) as it:
        it.service.fail(3, 400)
        await it.run()
        it.service.fail(1, 410)
        assert ("done", 25) == ((await it.run()).streams[0].outcome, len(it.keys()))
