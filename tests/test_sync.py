"""Syncing: everything once, then only what is new, whatever the service does meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from aiohttp import web

from locker.connector import ApiKey, Authorisation, Bearer, Option, Pace, Stream, Who
from locker.error import NotFound, Unavailable
from tests.fetching import FakeService, Stars, bodies, fetching, opened, star, synced


async def test_everything_once_then_nothing(tmp_path: Path) -> None:
    """The first run brings every item of every page; the second asks for one page and appends nothing."""
    service = FakeService({"/starred": [star(n) for n in range(25, 0, -1)]})
    async with service.open() as base:
        first, second = await synced(tmp_path, Stars(), base)
    assert (25, 3, "normal", None) == (first.streams[0].added, first.streams[0].pages, first.mode, first.error)
    assert (0, 1, "normal", None) == (second.records, second.streams[0].pages, second.mode, second.error)
    assert 4 == len(service.asked)


async def test_only_what_is_new(tmp_path: Path) -> None:
    """A list that is newest first is read until a page brings nothing new."""
    service = FakeService({"/starred": [star(n) for n in range(40, 0, -1)]})
    async with service.open() as base:
        with opened(tmp_path, Stars()) as locker:
            locker.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"})
            await locker.syncing.run("me", "stars")
            service.lists["/starred"] = [star(n) for n in range(52, 0, -1)]
            service.asked.clear()
            report = await locker.syncing.run("me", "stars")
            assert (12, 3) == (report.streams[0].added, len(service.asked))
            assert 52 == len(bodies(locker, "stars"))


async def test_an_interrupted_walk_goes_on_where_it_was(tmp_path: Path) -> None:
    """A run that fails in the middle keeps what it had, and the next asks for no page twice."""
    service = FakeService({"/starred": [star(n) for n in range(35, 0, -1)]})
    service.fail(3, 400, text="on cue")
    async with service.open() as base:
        first, second = await synced(tmp_path, Stars(), base)
    assert (20, "failed") == (first.streams[0].added, first.streams[0].outcome)
    assert (15, "done", None) == (second.streams[0].added, second.streams[0].outcome, second.error)
    pages = ["1", "2", "3", "3", "4"]
    assert pages == [asked.partition("page=")[2].partition("&")[0] for asked in service.asked]


async def test_an_interrupted_look_for_what_is_new_misses_nothing(tmp_path: Path) -> None:
    """When more is new while a run rests in the middle, pages shift: what the run itself brought does not count as the end of what is new."""
    service = FakeService({"/starred": [star(n) for n in range(20, 0, -1)]})
    async with service.open() as base:
        with opened(tmp_path, Stars()) as locker:
            locker.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"})
            await locker.syncing.run("me", "stars")
            service.lists["/starred"] = [star(n) for n in range(80, 0, -1)]
            service.fail(4, 400)
            assert 30 == (await locker.syncing.run("me", "stars")).records
            service.lists["/starred"] = [star(n) for n in range(100, 0, -1)]
            assert 30 == (await locker.syncing.run("me", "stars")).records
            assert 20 == (await locker.syncing.run("me", "stars")).records
            assert 100 == len(bodies(locker, "stars"))


async def test_unauthorized(tmp_path: Path) -> None:
    """A token that the service refuses makes the connection unauthorized, and the error says what to do."""
    async with FakeService({"/starred": []}).open() as base:
        (report,) = await synced(tmp_path, Stars(), base, secrets={"token": "wrong"}, times=1)
    assert ("unauthorized", True) == (report.mode, "locker connect" in (report.error or ""))


async def test_unknown_names(tmp_path: Path) -> None:
    """A connection or a stream that is not there is told with those that are."""
    with opened(tmp_path, Stars()) as locker:
        with pytest.raises(NotFound, match="locker connect"):
            await locker.syncing.run("me", "stars")
        locker.connections.add("me", "stars", base_url="http://127.0.0.1:8009", secrets={"token": "x"})
        with pytest.raises(NotFound, match="starred"):
            await locker.syncing.run("me", "stars", streams=["nothing"])
        locker.connections.disable("me", "stars")
        with pytest.raises(Unavailable, match="disabled"):
            await locker.syncing.run("me", "stars")


class Starred(Stars):
    """The same of one account."""

    base_url = "https://stars.example"
    who = Who(path="/me")
    asks = (Option(name="user", help="whose stars", account=True),)
    streams: ClassVar[tuple[Stream, ...]] = (replace(Stars.streams[0], path="/users/{id}/starred"),)


async def test_an_account_that_an_option_names_is_not_asked_for(tmp_path: Path) -> None:
    """A key may open public lists and know nobody: whoever says whose lists they mean is believed."""
    service = FakeService({"/users/ann/starred": [star(1)]})
    async with service.open() as base:
        first, second = await synced(tmp_path, Starred(), base, options={"user": "ann"})
    assert (1, 0, None) == (first.records, second.records, second.error)
    assert all(asked.startswith("/users/ann/") for asked in service.asked)


async def test_a_mirror_that_knows_no_accounts(tmp_path: Path) -> None:
    """Where only the question whose account it is has no answer, the rest is fetched; a stream that must know says so."""
    stars = Starred()
    service = FakeService({"/starred": [star(1)]})
    async with service.open() as base:
        (report,) = await synced(tmp_path / "a", stars, base, times=1)
        assert "does not know id" in (report.error or "")
        stars.streams = Stars.streams  # type: ignore[misc]
        (report,) = await synced(tmp_path / "b", stars, base, times=1)
    assert (1, None) == (report.records, report.error)


@pytest.mark.parametrize("status", [403, 404, 410, 451])
async def test_a_list_that_is_not_for_an_account(tmp_path: Path, status: int) -> None:
    """Forbidden, missing, gone or barred by law: that stream is left out, however often, and the connection stays well."""
    service = FakeService({"/starred": []}, [lambda _: web.Response(status=status)])
    async with service.open() as base:
        reports = await synced(tmp_path, Stars(), base, times=6)
    assert {("skipped", None, "normal")} == {(report.streams[0].outcome, report.error, report.mode) for report in reports}


class Halved(Stars):
    """Stars, and a list that this account has not."""

    streams: ClassVar[tuple[Stream, ...]] = (*Stars.streams, replace(Stars.streams[0], name="secret", path="/secret"))


async def test_a_stream_that_an_account_has_not(tmp_path: Path) -> None:
    """It is left out, and does not keep the connection in its initial mode, in which it would be asked every few seconds."""
    async with FakeService({"/starred": [star(1)]}).open() as base:
        first, second = await synced(tmp_path, Halved(), base)
    assert [("done", "skipped"), ("done", "skipped")] == [tuple(one.outcome for one in report.streams) for report in (first, second)]
    assert [("normal", None), ("normal", None)] == [(report.mode, report.error) for report in (first, second)]


async def test_lists_that_are_counted_apart(tmp_path: Path) -> None:
    """Where a service counts each list by itself, one that has had enough stops no other; elsewhere it stops them all."""
    for folder, apart, expected in (("apart", True, ["limited", "done"]), ("together", False, ["limited"])):
        stars = Stars()
        vars(stars)["pace"] = Pace(requests=1000, apart=apart)
        vars(stars)["streams"] = (Stream(name="busy", type="link", path="/busy"), Stream(name="calm", type="link", path="/calm"))
        service = FakeService({"/busy": [star(1)], "/calm": [star(2)]})
        service.fail(1, 429, headers={"Retry-After": "600"})
        async with service.open() as base:
            with opened(tmp_path / folder, stars) as locker:
                locker.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"})
                report = await locker.syncing.run("me", "stars")
        assert (expected, "rate-limited") == ([stream.outcome for stream in report.streams], report.mode)


@pytest.mark.parametrize("auth", [ApiKey(param="key"), Bearer()])
async def test_a_redirect_leads_to_no_other_host(tmp_path: Path, auth: Authorisation) -> None:
    """A service that sends us elsewhere, and puts the query with our key there, is not followed; within itself it is."""
    other, service = FakeService({"/starred": [star(9)]}, token=None), FakeService({"/starred": [star(1)], "/moved": []}, token=None)
    async with other.open() as elsewhere, service.open() as base:
        places = {"/starred": "/here?{}", "/here": f"{elsewhere}/starred?{{}}"}

        def lead(request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": places[request.path].format(request.query_string)})

        service.cues.append(lead)
        with opened(tmp_path, fetching(*Stars.streams, auth=(auth,))) as locker:
            locker.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"})
            report = await locker.syncing.run("me", "stars")
    assert [] == other.asked
    assert ("fatal", 2, True) == (report.code, len(service.asked), "not its service" in (report.error or ""))
    assert "secret-token" not in (report.error or "")
