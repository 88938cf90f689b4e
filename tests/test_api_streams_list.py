"""
Lists of streams: every filter, order and page against a model that looks at each stream in turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.streamsource import Person, Server, serving

STREAMS = "/api/v1/streams"
STATUSES = ["live", "offline", "unknown"]
LINKS = ["https://twitch.tv/", "https://youtu.be/", "https://x.org/"]
NAMES = ["a", "B", "b", "Ä", "z", "a b"]

ROW = st.fixed_dictionaries(
    {
        "source": st.sampled_from(NAMES),
        "host": st.sampled_from(LINKS),
        "status": st.sampled_from(STATUSES),
        "who": st.integers(0, 2),
        "pinned": st.sampled_from([False, False, True]),
        "archived": st.sampled_from([False, False, False, True]),
    }
)
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "page": st.integers(-1, 4),
        "per_page": st.integers(-1, 6) | st.just(1000),
        "status": st.sampled_from([*STATUSES, "LIVE"]),
        "notStatus": st.sampled_from(STATUSES),
        "platform": st.sampled_from(["Twitch", "youtube", "Other", "TikTok"]),
        "user_id": st.integers(0, 2),
        "is_pinned": st.booleans(),
        "sort": st.sampled_from(["name", "-name", "created", "-created"]),
        "as_admin": st.booleans(),
    },
)

PAGED = st.fixed_dictionaries({"page": st.integers(1, 4), "per_page": st.integers(1, 5)}, optional={"status": st.sampled_from(STATUSES)})
"""Pages without an order, which pinned streams lead."""


def expected(streams: list[Any], asked: dict[str, Any], numbers: list[int]) -> tuple[list[int], dict[str, int]]:
    """What a list must answer: the ids of the page, and meta."""
    found = [stream for stream in streams if asked.get("as_admin") or not stream["archived"]]
    if "status" in asked:
        found = [stream for stream in found if stream["status"] == asked["status"].lower()]
    if "notStatus" in asked:
        found = [stream for stream in found if stream["status"] != asked["notStatus"]]
    if "platform" in asked:
        platforms = {"https://twitch.tv/": "twitch", "https://youtu.be/": "youtube", "https://x.org/": "other"}
        found = [stream for stream in found if platforms[stream["host"]] == asked["platform"].lower()]
    if "user_id" in asked:
        found = [stream for stream in found if numbers[stream["who"]] == numbers[asked["user_id"]]]
    if "is_pinned" in asked:
        found = [stream for stream in found if stream["pinned"] == asked["is_pinned"]]
    match asked.get("sort"):
        case "name" | "-name":
            found.sort(key=lambda stream: (stream["source"].casefold(), stream["id"]), reverse=asked["sort"] == "-name")
        case "created":
            found.sort(key=lambda stream: stream["id"])
        case "-created":
            found.sort(key=lambda stream: -stream["id"])
        case _:
            found.sort(key=lambda stream: (not stream["pinned"], -stream["id"]))
    page, size = max(asked.get("page", 1), 1), min(max(asked.get("per_page", 25), 1), 100)
    meta = {"current_page": page, "total_pages": -(-len(found) // size), "total_count": len(found), "per_page": size}
    return [stream["id"] for stream in found[(page - 1) * size : page * size]], meta


async def filled(server: Server, people: list[Person], rows: list[dict[str, Any]]) -> list[Any]:
    """The streams of the rows: each with its id, posted a second after the one before."""
    made = []
    for number, row in enumerate(rows):
        server.clock.on(hours=1)
        link = f"{row['host']}{number}"
        stream = await people[row["who"]].stream(source=row["source"], link=link, status=row["status"])
        if row["pinned"]:
            await server.admin.ask("PUT", f"{STREAMS}/{stream['id']}/pin")
        if row["archived"]:
            await server.admin.ask("DELETE", f"{STREAMS}/{stream['id']}")
        made.append({**row, "id": stream["id"]})
    return made


@given(st.lists(ROW, max_size=14), st.lists(st.one_of(ASKED, PAGED), min_size=12, max_size=20))
@settings(max_examples=12)
def test_a_list_is_what_a_look_at_each_stream_finds(rows: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
    """Whatever is filtered, sorted and paged, the page and its numbers are those of the model, for admins and for others."""

    async def play(folder: Path) -> None:
        async with serving(folder) as server:
            people = [server.ann, server.bob, server.editor]
            numbers = [person.number for person in people]
            streams = await filled(server, people, rows)
            for each in asked:
                sent = {name: value for name, value in each.items() if name != "as_admin"}
                if "user_id" in sent:
                    sent["user_id"] = numbers[sent["user_id"]]
                if "is_pinned" in sent:
                    sent["is_pinned"] = str(sent["is_pinned"]).lower()
                person = server.admin if each.get("as_admin") else server.bob
                told = (await person.ask("GET", f"{STREAMS}?{urlencode(sent)}")).json
                assert expected(streams, each, numbers) == ([stream["id"] for stream in told["streams"]], told["meta"]), each

    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A running server with people."""
    async with serving(tmp_path) as found:
        yield found


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("status=asleep", 422, "status 'asleep' is not one of live, offline, unknown"),
        ("notStatus=asleep", 422, "notStatus 'asleep' is not one of live, offline, unknown"),
        ("platform=radio", 422, "platform 'radio' is not one of TikTok, Facebook, Twitch, YouTube, Instagram, Other"),
        ("sort=colour", 422, "sort must be one of name, -name, created, -created"),
        ("is_pinned=perhaps", 422, "is_pinned must be true or false"),
        ("page=two", 422, "page must be a whole number"),
        ("per_page=1.5", 422, "per_page must be a whole number"),
        ("user_id=999", 404, "Record not found"),
        ("user_id=x", 422, "user_id must be a whole number"),
    ],
)
async def test_a_filter_that_means_nothing_is_refused(server: Server, query: str, status: int, message: str) -> None:
    """The answer names the parameter and what it takes; a user that there is not is not found."""
    told = await server.ann.ask("GET", f"{STREAMS}?{query}")

    assert (status, {"error": message}) == (told.status, told.json)


@pytest.mark.parametrize(
    "query", ["", "?status=&notStatus=&user_id=&is_pinned=&sort=&page=&per_page=", "?utm_source=x", "?page=99999999999999999999"]
)
async def test_empty_unknown_and_far_parameters_are_welcome(server: Server, query: str) -> None:
    """Empty filters filter nothing, unknown ones are left alone, a page far behind the end is empty."""
    await server.ann.stream()
    told = await server.ann.ask("GET", f"{STREAMS}{query}")

    assert (200, 1) == (told.status, told.json["meta"]["total_count"])
    assert (0 if "999" in query else 1) == len(told.json["streams"])


async def test_what_a_token_may_read_is_looked_at(server: Server) -> None:
    """Somebody without a token hears 401, and no more."""
    told = await server.nobody.ask("GET", STREAMS)

    assert (401, ["error"]) == (told.status, list(told.json))
