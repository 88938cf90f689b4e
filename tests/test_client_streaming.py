"""Long answers as they come: lines, pages, cut connections, and servers that send elsewhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.client import LockerClient, Retry
from locker.error import Fatal, Retriable

NDJSON = "application/x-ndjson"


class Scripted:
    """A server whose log has *total* records, that cuts each streamed answer after *cut* of them, and writes lines in *pieces*."""

    def __init__(self, *, total: int = 10, cut: int | None = None, pieces: int = 7, pages: int | None = None) -> None:
        self.total, self.cut, self.pieces, self.pages = total, cut, pieces, pages
        self.seen: list[str] = []
        self.link, self.width = "", 1
        app = web.Application()
        app.router.add_get("/connectors/{source}/{call}", self.records)
        app.router.add_get("/getContact", self.broken)
        self.server = TestServer(app, host="127.0.0.1")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def records(self, request: web.Request) -> web.StreamResponse:
        """From the id or the offset that was asked for."""
        self.seen.append(request.path_qs)
        start = int(request.query.get("id", "x:0").partition(":")[2]) + int(request.query.get("after", 0))
        rows = [{"id": f"x:{n}", "op": "add", "body": {"text": "é" * n * self.width}} for n in range(start + 1, self.total + 1)]
        if self.pages is not None:
            more = {"Link": f'<{self.link or f"{request.path}?after={start + self.pages}"}>; rel="next"'} if rows[self.pages :] else {}
            return web.json_response(rows[: self.pages], headers=more)
        answer = web.StreamResponse(headers={"Content-Type": NDJSON})
        await answer.prepare(request)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows[: self.cut]).encode()
        for at in range(0, len(text), self.pieces):
            await answer.write(text[at : at + self.pieces])
        if self.cut is not None and self.cut < len(rows):
            await answer.write(b'{"id": "x:')
            assert request.transport is not None
            request.transport.close()
        return answer

    async def broken(self, request: web.Request) -> web.StreamResponse:
        """A line that is none."""
        return web.Response(text='{"id": "contact:1"}\n{"id": \n', content_type=NDJSON)


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """A running server."""
    it = Scripted()
    async with it.server:
        yield it


async def asleep(seconds: float) -> None:
    """No test waits."""


def client(scripted: Scripted) -> LockerClient:
    """A client that never waits."""
    return LockerClient(scripted.url, retry=Retry(sleep=asleep))


IDS = [f"x:{n}" for n in range(1, 11)]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4000), st.integers(0, 40))
async def test_lines_arrive_however_they_are_cut(pieces: int, total: int) -> None:
    """A line may come in many pieces and a piece may hold many lines, in the middle of a letter too."""
    scripted = Scripted(total=total, pieces=pieces)
    async with scripted.server, client(scripted) as locker:
        got = [entry async for entry in locker.records("x")]
    assert [f"x:{n}" for n in range(1, total + 1)] == [entry.id for entry in got]
    assert all({"text": "é" * n} == entry.body for n, entry in enumerate(got, 1))


async def test_a_line_may_be_long(scripted: Scripted) -> None:
    """Longer than any reader's buffer."""
    scripted.total, scripted.pieces, scripted.width = 2, 1 << 16, 1 << 20
    async with client(scripted) as locker:
        assert [1 << 20, 2 << 20] == [len((entry.body or {})["text"]) for entry in [each async for each in locker.records("x")]]


@pytest.mark.parametrize("cut", [1, 3, 9])
async def test_a_broken_answer_is_resumed_after_its_last_record(scripted: Scripted, cut: int) -> None:
    """Each record once, in order, whichever way the connection breaks."""
    scripted.cut = cut
    async with client(scripted) as locker:
        assert IDS == [entry.id async for entry in locker.records("x", type="link")]
    assert "/connectors/x/getAll?type=link" == scripted.seen[0]
    assert f"/connectors/x/getSince?type=link&id=x%3A{cut}" == scripted.seen[1]


async def test_an_answer_that_never_gets_on_ends(scripted: Scripted) -> None:
    """No records between two failures, a few times: the error is the caller's."""
    scripted.cut = 0
    async with client(scripted) as locker:
        with pytest.raises(Retriable, match="broke off"):
            _ = [entry async for entry in locker.records("x")]
    assert 5 == len(scripted.seen)


async def test_what_cannot_be_resumed_is_told(scripted: Scripted) -> None:
    """What is current has no order to go on in."""
    scripted.cut = 3
    async with client(scripted) as locker:
        with pytest.raises(Retriable, match="broke off"):
            _ = [entry async for entry in locker.current("x")]


async def test_pages_are_followed(scripted: Scripted) -> None:
    """A server that answers arrays is read along its links."""
    scripted.pages = 4
    async with client(scripted) as locker:
        assert IDS == [entry.id async for entry in locker.records("x")]
    assert 3 == len(scripted.seen)


async def test_pages_at_another_server_are_not(scripted: Scripted) -> None:
    """The token is not carried to wherever an answer points."""
    scripted.pages, scripted.link = 4, "https://elsewhere.example/page?2"
    async with client(scripted) as locker:
        with pytest.raises(Fatal, match=r"https://elsewhere\.example"):
            _ = [entry async for entry in locker.records("x")]


async def test_leaving_early_closes_the_connection(scripted: Scripted) -> None:
    """Who has seen enough reads no further, and the client goes on working."""
    scripted.total = 1000
    async with client(scripted) as locker:
        async for entry in locker.records("x"):
            if entry.id == "x:5":
                break
        assert "x:1" == (await anext(locker.records("x"))).id


async def test_a_line_that_is_no_json_is_fatal(scripted: Scripted) -> None:
    """What came before it was given."""
    async with client(scripted) as locker:
        lines = locker.each("contact")
        assert "contact:1" == (await anext(lines)).id
        with pytest.raises(Fatal, match="not JSON"):
            await anext(lines)
