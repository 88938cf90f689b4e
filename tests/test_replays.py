"""The tests' server of recordings: what it serves is what was recorded."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from tests.replays import Reply, answering, calls, replayed
from tests.shared import needs_shared


@pytest.mark.shared
@needs_shared
async def test_shared_cassette_is_served_as_recorded() -> None:
    """A cassette answers each recorded call with as many items as its table says."""
    starred = calls("github-pygithub", "AuthenticatedUser.testStarring.txt", "/user/starred")
    assert [30, 5] == [call.items for call in starred]
    async with replayed("github-pygithub", "AuthenticatedUser.testStarring.txt") as base, aiohttp.ClientSession() as client:
        for call in starred:
            async with client.get(base + call.url.removeprefix("https://api.github.com")) as answer:
                assert (call.status, call.items) == (answer.status, len(await answer.json(content_type=None)))


async def test_bodies_are_served_in_turn() -> None:
    """A path answers its replies in turn and the last one again; a query matters where it is named; the rest is 404."""
    replies: dict[str, Reply | list[Path | Reply]] = {"/a": [Reply(b"1"), Reply(b"2", 429, {"Retry-After": "1"})], "/a?page=2": Reply(b"3")}
    async with answering(replies) as base, aiohttp.ClientSession() as client:
        said = []
        for path in ("/a", "/a", "/a?x=1", "/a?page=2", "/b"):
            async with client.get(base + path) as answer:
                said.append((answer.status, (await answer.text())[:1], answer.headers.get("Retry-After")))
    assert [(200, "1", None), (429, "2", "1"), (429, "2", "1"), (200, "3", None), (404, "{", None)] == said
