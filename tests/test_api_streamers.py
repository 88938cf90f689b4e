"""
Streamers with their accounts, and timestamps with their streams, over HTTP: in the style of streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.streamsource import Server, serving

STREAMERS, TIMESTAMPS = "/api/v1/streamers", "/api/v1/timestamps"
NOTE: dict[str, Any] = {"title": "The first word", "event_timestamp": "2026-11-22T09:00:00+01:00"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A running server with people."""
    async with serving(tmp_path) as found:
        yield found


async def test_a_streamer_from_first_to_last(server: Server) -> None:
    """Added, read, listed, changed, archived; the history has all of it."""
    said = {"name": " Jason ", "notes": "streams at night", "accounts": [{"platform": "tiktok", "username": "@Jason"}]}
    made = await server.ann.ask("POST", STREAMERS, said)

    now = "2026-11-22T08:00:00.000Z"
    account = {"platform": "TikTok", "username": "jason", "is_active": True, "profile_url": "https://www.tiktok.com/@jason"}
    assert (201, f"{STREAMERS}/1") == (made.status, made.headers["Location"])
    assert {
        "id": 1,
        "name": "Jason",
        "notes": "streams at night",
        "posted_by": "ann@example.org",
        "accounts": [account],
        "created_at": now,
        "updated_at": now,
    }.items() <= made.json.items()
    assert made.json == (await server.bob.ask("GET", f"{STREAMERS}/1")).json
    assert [made.json] == (await server.bob.ask("GET", STREAMERS)).json["streamers"]
    assert {"streamer": made.json} == (await server.bob.ask("GET", f"{STREAMERS}/1?envelope=1")).json

    server.clock.on(seconds=1)
    accounts = [account, {"platform": "YouTube", "username": "jason", "is_active": False}]
    changed = await server.ann.ask("PATCH", f"{STREAMERS}/1", {"notes": None, "accounts": accounts})
    assert (None, 2, "2026-11-22T08:00:01.000Z") == (changed.json["notes"], len(changed.json["accounts"]), changed.json["updated_at"])

    assert 204 == (await server.ann.ask("DELETE", f"{STREAMERS}/1")).status
    assert 404 == (await server.ann.ask("GET", f"{STREAMERS}/1")).status
    assert 3 == (await server.admin.ask("GET", f"{STREAMERS}/1/history")).json["count"]


async def test_a_name_is_used_once(server: Server) -> None:
    """In any letter case, by whoever comes at the same moment too; the name of somebody archived is free again."""
    answers = await asyncio.gather(*(server.ann.ask("POST", STREAMERS, {"name": name}) for name in ["Jason", "JASON", "jason "] * 5))
    assert [201] + [422] * 14 == sorted(answer.status for answer in answers)
    assert {"error": "Name has already been taken"} == next(answer.json for answer in answers if answer.status == 422)
    (id,) = {answer.json["id"] for answer in answers if answer.status == 201}

    assert 200 == (await server.ann.ask("PUT", f"{STREAMERS}/{id}", {"name": "JaSoN"})).status
    other = (await server.bob.ask("POST", STREAMERS, {"name": "Jeremie"})).json["id"]
    assert 422 == (await server.bob.ask("PUT", f"{STREAMERS}/{other}", {"name": "jason"})).status
    await server.ann.ask("DELETE", f"{STREAMERS}/{id}")
    assert 200 == (await server.bob.ask("PUT", f"{STREAMERS}/{other}", {"name": "jason"})).status


async def test_streamers_are_found(server: Server) -> None:
    """By words of name and notes, by platform, by who added them; by name unless told otherwise."""
    await server.ann.ask("POST", STREAMERS, {"name": "Zoe Sky", "accounts": [{"platform": "Twitch", "username": "z"}]})
    await server.bob.ask("POST", STREAMERS, {"name": "Adam", "notes": "films the sky"})

    async def names(query: str) -> list[str]:
        return [each["name"] for each in (await server.bob.ask("GET", f"{STREAMERS}?{query}")).json["streamers"]]

    assert ["Adam", "Zoe Sky"] == await names("")
    assert ["Zoe Sky", "Adam"] == await names("sort=-name")
    assert ["Zoe Sky", "Adam"] == await names("sort=created")
    assert ["Adam", "Zoe Sky"] == await names("search=SKY")
    assert ["Adam"] == await names("search=the+sky")
    assert ["Zoe Sky"] == await names("platform=twitch")
    assert ["Adam"] == await names(f"user_id={server.bob.number}")
    assert ["Zoe Sky"] == await names("page=2&per_page=1")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "Name can't be blank"),
        ({"name": 3}, "Name must be text"),
        ({"name": "x" * 256}, "Name is too long (maximum is 255 characters)"),
        ({"name": "x", "notes": 3}, "Notes must be text"),
        ({"name": "x", "accounts": {}}, "Accounts must be an array"),
        ({"name": "x", "accounts": [1]}, "Account 1: must be a JSON object with platform and username"),
        ({"name": "x", "accounts": [{"platform": "twitch"}]}, "Account 1: Username must have 1 to 255 characters"),
        (
            {"name": "x", "accounts": [{"platform": "twitch", "username": "a", "profile_url": "x"}]},
            "Account 1: Profile url must be a valid HTTP or HTTPS URL",
        ),
    ],
)
async def test_what_is_wrong_with_a_streamer(server: Server, said: dict[str, Any], message: str) -> None:
    """422 with all that is wrong."""
    told = await server.ann.ask("POST", STREAMERS, said)

    assert (422, {"error": message}) == (told.status, told.json)


async def test_a_timestamp_from_first_to_last(server: Server) -> None:
    """A moment in two streams: added, read, changed, archived; the time is told in UTC, the place in a stream as people write it."""
    await server.ann.stream(title="a")
    await server.ann.stream(link="https://youtu.be/b", source="B")
    ids = [each["id"] for each in (await server.ann.ask("GET", "/api/v1/streams?sort=created")).json["streams"]]
    streams = [{"stream_id": ids[0], "stream_timestamp_seconds": 3665}, {"stream_id": ids[1]}]
    made = await server.ann.ask("POST", TIMESTAMPS, {**NOTE, "streams": streams})

    assert (201, "2026-11-22T08:00:00.000Z") == (made.status, made.json["event_timestamp"])
    assert [("1:01:05", "a"), ("Unknown", None)] == [(each["display"], each["stream"]["title"]) for each in made.json["streams"]]
    assert made.json == (await server.bob.ask("GET", f"{TIMESTAMPS}/1")).json

    changed = await server.ann.ask("PUT", f"{TIMESTAMPS}/1", {"description": "d", "streams": []})
    assert ("d", [], NOTE["title"]) == tuple(changed.json[name] for name in ("description", "streams", "title"))
    assert 403 == (await server.bob.ask("PUT", f"{TIMESTAMPS}/1", {"title": "mine"})).status
    assert 204 == (await server.editor.ask("DELETE", f"{TIMESTAMPS}/1")).status
    assert 0 == (await server.ann.ask("GET", TIMESTAMPS)).json["meta"]["total_count"]
    assert ["add", "edit", "edit"] == [each["op"] for each in (await server.admin.ask("GET", f"{TIMESTAMPS}/1/history")).json["history"]]


async def test_timestamps_are_found(server: Server) -> None:
    """By words, by whole days with both ends, by stream, by person; the newest moment first."""
    stream = (await server.ann.stream())["id"]
    for day, title, person, streams in [
        ("2026-11-20T23:59:59Z", "Rain at night", server.ann, [stream]),
        ("2026-11-21T00:00:00Z", "Rain at midnight", server.bob, []),
        ("2026-11-22T12:00:00Z", "Sun at noon", server.ann, []),
    ]:
        assert 201 == (await person.ask("POST", TIMESTAMPS, {"title": title, "event_timestamp": day, "streams": streams})).status

    async def titles(query: str) -> list[str]:
        return [each["title"].split()[-1] for each in (await server.bob.ask("GET", f"{TIMESTAMPS}?{query}")).json["timestamps"]]

    assert ["noon", "midnight", "night"] == await titles("")
    assert ["night", "midnight", "noon"] == await titles("sort=event")
    assert ["midnight", "night"] == await titles("search=rain")
    assert ["midnight"] == await titles("start_date=2026-11-21&end_date=2026-11-21")
    assert ["midnight", "night"] == await titles("end_date=2026-11-21")
    assert ["noon", "midnight"] == await titles("start_date=2026-11-21")
    assert ["night"] == await titles(f"stream_id={stream}")
    assert ["midnight"] == await titles(f"user_id={server.bob.number}")
    assert 422 == (await server.bob.ask("GET", f"{TIMESTAMPS}?start_date=monday")).status


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "Title must have 3 to 200 characters, Event timestamp must be a date and time, like 2026-11-22T08:00:00Z"),
        ({**NOTE, "title": "ab"}, "Title must have 3 to 200 characters"),
        ({**NOTE, "description": "x" * 2001}, "Description is too long (maximum is 2000 characters)"),
        ({**NOTE, "event_timestamp": "noon"}, "Event timestamp must be a date and time, like 2026-11-22T08:00:00Z"),
        ({**NOTE, "streams": 1}, "Streams must be an array"),
        ({**NOTE, "streams": [{"stream_id": 7}]}, "Stream 1: there is no such stream"),
        (
            {**NOTE, "streams": [{"stream_id": 1, "stream_timestamp_seconds": -1}]},
            "Stream 1: Stream timestamp seconds must be greater than or equal to 0",
        ),
        ({**NOTE, "streams": [{"stream_id": 1}, {"stream_id": 1}]}, "Stream 2: Stream has already been taken"),
    ],
)
async def test_what_is_wrong_with_a_timestamp(server: Server, said: dict[str, Any], message: str) -> None:
    """422 with all that is wrong."""
    await server.ann.stream()
    told = await server.ann.ask("POST", TIMESTAMPS, said)

    assert (422, {"error": message}) == (told.status, told.json)
