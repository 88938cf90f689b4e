"""Feeds from their addresses: asked only for what changed, followed where they move, left alone once they are gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from locker.connector import Archived, Item, Walk
from locker.error import Fatal, Invalid, LimitReached
from locker.locker import Locker
from tests.connectors import read
from tests.fetching import LOOPBACK, FakeService, bodies, opened, synced
from tests.listing import Asked, FakeSession
from tests.mapping import fetching
from tests.replays import replayed
from tests.shared import DATA, needs_shared

FEED = fetching("feed")


def rss(*guids: str, title: str = "News") -> str:
    """A feed of some entries."""
    items = "".join(
        f"<item><guid>tag:x,2020:{guid}</guid><title>Entry {guid}</title><link>https://x.example/{guid}</link></item>" for guid in guids
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title><link>https://x.example/</link>{items}</channel></rss>'


def serving(answers: dict[str, Callable[[web.Request], web.Response]]) -> FakeService:
    """A server of feeds by path."""
    service = FakeService(token=None)
    service.cues.append(lambda request: answers[request.path](request) if request.path in answers else None)
    return service


def sent(text: str | bytes, kind: str = "application/rss+xml", status: int = 200, **headers: str) -> Callable[[web.Request], web.Response]:
    """Always the same answer."""
    body = text if isinstance(text, bytes) else text.encode()
    return lambda _: web.Response(body=body, status=status, headers={"Content-Type": kind, **headers})


def tagged(text: str, etag: str) -> Callable[[web.Request], web.Response]:
    """An answer with an ETag, 304 to whoever has it."""
    return lambda request: (
        web.Response(status=304)
        if request.headers.get("If-None-Match") == etag
        else web.Response(text=text, headers={"ETag": etag, "Content-Type": "text/xml"})
    )


async def test_only_what_changed_is_sent(tmp_path: Path) -> None:
    """Each feed is asked with its own ETag; what did not change is a 304, and what did is read."""
    answers = {"/a": tagged(rss("1", "2"), '"a"'), "/b": tagged(rss("3"), '"b"')}
    async with serving(answers).open() as base:
        with opened(tmp_path, FEED) as locker:
            locker.connections.add("me", "feed", base_url=base, options={"urls": "/a  /b"}, trusted=True)
            first = await locker.syncing.run("me", "feed")
            answers["/b"] = tagged(rss("4", "3"), '"c"')
            second = await locker.syncing.run("me", "feed")
            third = await locker.syncing.run("me", "feed")
            assert 4 == len(bodies(locker, "feed"))
    assert [(3, 3), (2, 1), (0, 0)] == [(report.items, report.records) for report in (first, second, third)]
    assert [2, 2, 2] == [report.requests for report in (first, second, third)]


async def test_where_it_moved_for_good_is_remembered(tmp_path: Path) -> None:
    """After 301 and 308 the old place is not asked again; after 302 it is, since tomorrow it may be there again."""
    answers = {
        "/old": sent("", status=301, Location="/older"),
        "/older": sent("", status=308, Location="/new"),
        "/new": sent(rss("1")),
        "/away": sent("", status=302, Location="/guest"),
        "/guest": sent(rss("2")),
    }
    service = serving(answers)
    async with service.open() as base:
        first, second = await synced(tmp_path, FEED, base, options={"urls": "/old /away"})
    assert (2, 0) == (first.records, second.records)
    assert ["/old", "/older", "/new", "/away", "/guest", "/new", "/away", "/guest"] == service.asked


async def test_where_it_moved_may_vanish(tmp_path: Path) -> None:
    """A feed that is not found where it moved to is looked for where it was."""
    answers = {"/old": sent("", status=301, Location="/new"), "/new": sent(rss("1"))}
    service = serving(answers)
    async with service.open() as base:
        with opened(tmp_path, FEED) as locker:
            locker.connections.add("me", "feed", base_url=base, options={"urls": "/old"}, trusted=True)
            await locker.syncing.run("me", "feed")
            answers |= {"/new": sent("", status=404), "/old": sent(rss("2", "1"))}
            report = await locker.syncing.run("me", "feed")
            assert (2, None) == (len(bodies(locker, "feed")), report.error)
    assert ["/old", "/new", "/new", "/old"] == service.asked


async def test_what_is_gone_is_left_alone(tmp_path: Path) -> None:
    """410 is said once and asked never again; what it gave stays."""
    answers = {"/a": sent(rss("1")), "/b": sent(rss("2"))}
    service = serving(answers)
    async with service.open() as base:
        with opened(tmp_path, FEED) as locker:
            locker.connections.add("me", "feed", base_url=base, options={"urls": "/a /b"}, trusted=True)
            await locker.syncing.run("me", "feed")
            answers["/a"] = sent("", status=410)
            said = await locker.syncing.run("me", "feed")
            quiet = await locker.syncing.run("me", "feed")
            assert 2 == len(bodies(locker, "feed"))
    assert [1, 0] == [said.unreadable, quiet.unreadable]
    assert 2 == sum(asked == "/a" for asked in service.asked)


async def test_one_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    """A feed that is not found is one problem; if none can be had, the connection says so."""
    async with serving({"/a": sent(rss("1"))}).open() as base:
        (report,) = await synced(tmp_path / "a", FEED, base, options={"urls": "/none /a"}, times=1)
        assert (1, 1, None) == (report.records, report.unreadable, report.error)
        (report,) = await synced(tmp_path / "b", FEED, base, options={"urls": "/none /neither"}, times=1)
        assert (0, "skipped") == (report.records, report.streams[0].outcome)


async def test_one_that_has_had_enough_lets_the_others_go_on(tmp_path: Path) -> None:
    """A limit of one server is none of another's."""
    busy, calm = serving({"/a": sent("", status=429), "/b": sent(rss("3"))}), serving({"/c": sent(rss("2"))})
    async with busy.open() as base, calm.open() as other:
        (report,) = await synced(tmp_path, FEED, base, options={"urls": f"/a /b {other}/c"}, times=1)
    assert (1, "limited", "rate-limited") == (report.records, report.streams[0].outcome, report.mode)
    assert (["/a"], ["/c"]) == (busy.asked, calm.asked)


def test_a_limited_server_is_waited_for_once() -> None:
    """Its feeds are left for later, and then asked once more; if it still has had enough, the walk ends without them."""
    limited = {"/api/a"}

    def answer(asked: Asked) -> tuple[int, dict[str, str], Any]:
        if asked.path in limited:
            raise LimitReached("429", 60)
        return 200, {}, rss(asked.path[-1]).encode()

    async def walked(step: Any) -> tuple[list[str], Any, list[str]]:
        session = FakeSession(answer, options={"urls": "/a /b https://calm.example/c"})
        keys: list[str] = []
        left = None
        with suppress(LimitReached):
            async for page in FEED.fetch(session, FEED.streams[0], Walk(step)):
                keys += [item.key[-1] for item in page.items if isinstance(item, Item)]
                left = json.loads(json.dumps(page.step))
        return keys, left, [asked.path[-1] for asked in session.asked]

    keys, step, asked = asyncio.run(walked(None))
    assert (["c"], ["a", "c"]) == (keys, asked)
    assert (["b"], None, ["a", "b"]) == asyncio.run(walked(step))
    limited.clear()
    assert (["a", "b"], None, ["a", "b"]) == asyncio.run(walked(step))


async def test_what_came_half_is_asked_for_again(tmp_path: Path) -> None:
    """A feed that breaks off gives what it holds, and is not taken for the whole of what its ETag names."""
    whole = rss("1", "2")
    answers = {"/a": tagged(whole[: whole.index("<guid>tag:x,2020:2")], '"a"')}
    async with serving(answers).open() as base:
        with opened(tmp_path, FEED) as locker:
            locker.connections.add("me", "feed", base_url=base, options={"urls": "/a"}, trusted=True)
            await locker.syncing.run("me", "feed")
            answers["/a"] = tagged(whole, '"a"')
            await locker.syncing.run("me", "feed")
            assert {"tag:x,2020:1", "tag:x,2020:2"} <= set(bodies(locker, "feed"))


async def test_a_circle_of_redirects_ends(tmp_path: Path) -> None:
    """A feed that leads back to itself is a problem."""
    async with serving({"/a": sent("", status=302, Location="/a"), "/b": sent(rss("1"))}).open() as base:
        (report,) = await synced(tmp_path, FEED, base, options={"urls": "/a /b"}, times=1)
    assert (1, 1) == (report.records, report.unreadable)
    assert "leads from one place to the next" in report.streams[0].problems[0].reason


async def test_a_page_that_names_its_feed(tmp_path: Path) -> None:
    """Who names a site means its feed; the next time the feed itself is asked."""
    page = '<!DOCTYPE html><html><head><link rel="stylesheet" href="/x.css"><link rel="alternate" type="application/rss+xml" href="feed.xml"></head>'
    service = serving({"/": sent(page, "text/html"), "/feed.xml": tagged(rss("1"), '"a"')})
    async with service.open() as base:
        first, second = await synced(tmp_path, FEED, base)
    assert (1, 0) == (first.records, second.records)
    assert ["/", "/feed.xml", "/feed.xml"] == service.asked


LATIN = (
    '<?xml version="1.0"?><rss version="2.0"><channel><title>Ä</title><item><guid>tag:x:1</guid><title>Käse</title></item></channel></rss>'
)
JSON_FEED = {"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": [{"id": "https://j.example/1", "title": "Eins"}, 7]}


@pytest.mark.parametrize(
    ("body", "kind", "title"),
    [
        (LATIN.encode("latin-1"), "application/rss+xml; charset=iso-8859-1", "Käse"),
        (LATIN.encode(), "text/html", "Käse"),
        (b"\xef\xbb\xbf \n" + LATIN.encode(), "application/xml", "Käse"),
        (json.dumps(JSON_FEED).encode("utf-8-sig"), "text/plain", "Eins"),
    ],
    ids=["charset", "html", "mark", "json"],
)
async def test_a_feed_is_told_by_what_it_is(tmp_path: Path, body: bytes, kind: str, title: str) -> None:
    """Whatever a server calls it; a charset in the header goes before what the feed says of itself."""
    async with serving({"/a": sent(body, kind)}).open() as base:
        with opened(tmp_path, FEED) as locker:
            locker.connections.add("me", "feed", base_url=base, options={"urls": "/a"}, trusted=True)
            await locker.syncing.run("me", "feed")
            (found,) = bodies(locker, "feed").values()
    assert title == (FEED.map("article", found) or {})["title"]


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": 1}', b"[]", b"<html><body>No feed here", b"\x00\xff"])
async def test_what_is_no_feed_is_a_problem(tmp_path: Path, body: bytes) -> None:
    """It is told, and nothing is taken for a feed."""
    async with serving({"/a": sent(body, "text/plain"), "/b": sent(rss("1"))}).open() as base:
        (report,) = await synced(tmp_path, FEED, base, options={"urls": "/a /b"}, times=1)
    assert (1, 1) == (report.records, report.unreadable)


def test_many_feeds_go_on_where_they_were_left() -> None:
    """Some feeds at a time are a page; a walk that was left goes on with the next feed."""

    async def walked(step: Any, most: int) -> tuple[list[str], Any]:
        keys: list[str] = []
        left = None
        session = FakeSession(
            lambda asked: (200, {}, rss(asked.path.rpartition("/")[2]).encode()), options={"urls": " ".join(f"/{n}" for n in range(50))}
        )
        async for page in FEED.fetch(session, FEED.streams[0], Walk(step)):
            keys += [item.key for item in page.items if isinstance(item, Item)]
            left, most = json.loads(json.dumps(page.step)), most - 1
            if not most:
                break
        return keys, left

    before, step = asyncio.run(walked(None, 2))
    after, end = asyncio.run(walked(step, 9))
    assert 40 == len(before)
    assert ([f"tag:x,2020:{n}" for n in range(50)], None) == ([*before, *after], end)


def test_feeds_must_be_named(tmp_path: Path) -> None:
    """Without any address the error says how to name one; a connector of one service must have a base URL all the same."""
    with pytest.raises(Fatal, match="--option urls"):
        FEED.fetch(FakeSession(lambda _: (200, {}, b""), base_url=""), FEED.streams[0], Walk())
    with opened(tmp_path, FEED) as locker:
        assert "" == locker.connections.add("me", "feed", options={"urls": "https://a.example/feed"}).base_url
        with pytest.raises(Invalid, match="--base-url"):
            locker.connections.add("me", "carddav", secrets={"username": "a", "password": "b"})


async def test_whole_addresses_need_no_base_url(tmp_path: Path) -> None:
    """Feeds of any host; the guard rules which may be reached."""
    async with serving({"/a": sent(rss("1"))}).open() as base:
        for folder, guard, expected in (("open", LOOPBACK, 1), ("closed", None, 0)):
            with Locker(tmp_path / folder, guard=guard) as locker:
                locker.connections.add("me", "feed", options={"urls": f"{base}/a"})
                assert expected == (await locker.syncing.run("me", "feed")).records


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("folder", ["feeds-feedjira", "feeds-gofeed", "feeds-netnewswire"])
async def test_shared_feeds_are_fetched_as_they_are_imported(tmp_path: Path, folder: str) -> None:
    """Every recorded feed gives the same articles from its address as from its file, and nothing the second time."""
    assert isinstance(FEED, Archived)
    expected = {item.key for item in read(FEED, DATA / folder)[0] if item.type == "article"}
    paths = sorted(path for path in (DATA / folder).rglob("*") if path.suffix in (".xml", ".rss", ".atom", ".rdf", ".json"))
    urls = " ".join(f"/{path.relative_to(DATA / folder).as_posix()}" for path in paths)
    async with replayed(folder) as base:
        with opened(tmp_path, FEED) as locker:
            locker.connections.add("me", "feed", base_url=base, options={"urls": urls}, trusted=True)
            await locker.syncing.run("me", "feed")
            found = set(bodies(locker, "feed"))
            second = await locker.syncing.run("me", "feed")
    assert expected == found
    assert 0 == second.records
