"""
Streams over HTTP: creating, continuing, reading, changing, pinning, archiving, and who may do so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from locker.account import KINDS, Tokens
from tests.streamsource import Person, Server, serving, serving_again

STREAMS = "/api/v1/streams"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A running server with people."""
    async with serving(tmp_path) as found:
        yield found


async def test_a_new_stream_says_all_that_the_guide_prints(server: Server) -> None:
    """What was not said has its default; the platform is detected; times are in milliseconds; the user is there."""
    made = await server.ann.ask(
        "POST", STREAMS, {"source": "Jason", "link": "https://m.tiktok.com/@jason", "status": "Live", "nonsense": 1}
    )

    now = "2026-11-22T08:00:00.000Z"
    expected = {
        "id": 1,
        "source": "Jason",
        "link": "https://m.tiktok.com/@jason",
        "status": "live",
        "is_pinned": False,
        "platform": "TikTok",
        "orientation": None,
        "kind": "stream",
        "city": None,
        "state": None,
        "notes": None,
        "title": None,
        "posted_by": "ann@example.org",
        "last_checked_at": now,
        "last_live_at": now,
        "created_at": now,
        "updated_at": now,
        "user": {"id": server.ann.number, "email": "ann@example.org", "role": "default", "created_at": now, "updated_at": now},
    }
    assert (201, expected) == (made.status, made.json)
    assert "/api/v1/streams/1" == made.headers["Location"]
    assert expected == (await server.bob.ask("GET", made.headers["Location"])).json


async def test_an_unknown_status_is_no_live_time(server: Server) -> None:
    """Without a status a new stream is unknown, and was never live."""
    made = await server.ann.stream()

    assert ("unknown", None) == (made["status"], made["last_live_at"])


async def test_an_envelope_on_request_and_in_requests(server: Server) -> None:
    """``?envelope=1`` wraps a stream as the original did; a wrapped one is understood."""
    made = await server.ann.ask("POST", f"{STREAMS}?envelope=1", {"stream": {"source": "x", "link": "https://x.org"}})
    read = await server.ann.ask("GET", f"{STREAMS}/1?envelope=true")

    assert ["stream"] == list(made.json)
    assert made.json == read.json
    assert "x" == (await server.ann.ask("GET", f"{STREAMS}/1?envelope=0")).json["source"]


async def test_a_post_within_half_an_hour_continues(server: Server) -> None:
    """The same link, however it is written, is the same stream again: 200, the same id, what is given overwrites, without a status it is live."""
    await server.ann.stream(link="https://www.twitch.tv/jason", title="a", city="Oslo", status="offline")
    server.clock.on(minutes=30)

    again = await server.ann.ask("POST", STREAMS, {"source": "Jason Two", "link": "http://twitch.tv/jason/", "title": "b"})

    got = {name: again.json[name] for name in ("id", "source", "title", "city", "status", "last_live_at", "last_checked_at", "created_at")}
    expected = {
        "id": 1,
        "source": "Jason Two",
        "title": "b",
        "city": "Oslo",
        "status": "live",
        "last_live_at": "2026-11-22T08:30:00.000Z",
        "last_checked_at": "2026-11-22T08:30:00.000Z",
        "created_at": "2026-11-22T08:00:00.000Z",
    }
    assert (200, expected) == (again.status, got)


async def test_a_post_after_half_an_hour_is_new(server: Server) -> None:
    """A second later than the window it is another stream."""
    await server.ann.stream()
    server.clock.on(minutes=30, seconds=1)

    assert 2 == (await server.ann.stream())["id"]


async def test_a_check_keeps_the_window_open(server: Server) -> None:
    """Any write that carries a status is a check, the same status too; a title is none."""
    await server.ann.stream()
    for minute in (20, 40):
        server.clock.on(minutes=20)
        checked = await server.ann.ask("PUT", f"{STREAMS}/1", {"status": "unknown"})
        assert f"2026-11-22T08:{minute}:00.000Z" == checked.json["last_checked_at"]
    server.clock.on(minutes=20)
    await server.ann.ask("PUT", f"{STREAMS}/1", {"title": "seen"})
    assert 1 == (await server.ann.stream(status="unknown"))["id"]

    server.clock.on(minutes=20)
    await server.ann.ask("PUT", f"{STREAMS}/1", {"title": "seen again"})
    server.clock.on(minutes=11)

    assert 1 != (await server.ann.stream())["id"]


async def test_the_same_source_and_platform_continue_too_but_a_link_goes_first(server: Server) -> None:
    """Without a stream of that link, the one of that source and platform goes on; another platform does not."""
    one = await server.ann.stream(source="Jason", link="https://www.tiktok.com/1")
    two = await server.ann.stream(source="Jason", link="https://www.twitch.tv/2")
    server.clock.on(minutes=1)

    assert one["id"] == (await server.ann.stream(source="JASON", link="https://www.tiktok.com/3"))["id"]
    assert two["id"] == (await server.ann.stream(source="Other", link="https://www.twitch.tv/2"))["id"]
    assert two["id"] == (await server.ann.stream(source="Jason", platform="tiktok", link="https://www.twitch.tv/2"))["id"]


async def test_the_one_checked_last_goes_on(server: Server) -> None:
    """Of several with the same source and platform it is the one that somebody looked at last."""
    one, two = [await server.ann.stream(source=name, link=f"https://twitch.tv/{name}") for name in ("a", "b")]
    for stream in (two, one):
        server.clock.on(minutes=1)
        await server.ann.ask("PUT", f"{STREAMS}/{stream['id']}", {"source": "c", "status": "live"})

    assert one["id"] == (await server.ann.stream(source="c", link="https://twitch.tv/c"))["id"]


async def test_nobody_continues_what_they_may_not_change(server: Server) -> None:
    """Two people's streams of one link stay two; an editor continues anyone's; what is archived is not continued."""
    ann = await server.ann.stream()
    bob = await server.bob.stream()
    assert ann["id"] != bob["id"]

    server.clock.on(seconds=1)
    await server.ann.ask("PUT", f"{STREAMS}/{ann['id']}", {"status": "live"})
    assert ann["id"] == (await server.editor.stream())["id"]

    await server.ann.ask("DELETE", f"{STREAMS}/{ann['id']}")
    assert bob["id"] == (await server.editor.stream())["id"]


async def test_200_parallel_posts_of_one_stream_make_one(server: Server) -> None:
    """One is new, all others continue it, and the log has one stream."""
    said = {"source": "Jason", "link": "https://www.twitch.tv/jason"}
    answers = await asyncio.gather(*(server.ann.ask("POST", STREAMS, said) for _ in range(200)))

    assert {1} == {answer.json["id"] for answer in answers}
    assert [200] * 199 + [201] == sorted(answer.status for answer in answers)
    assert 1 == (await server.ann.ask("GET", STREAMS)).json["meta"]["total_count"]


async def test_a_list_shows_what_was_just_written(server: Server) -> None:
    """Without any header: a stream is in the list as soon as its post was answered, and out of it as soon as it is archived."""
    for n in range(1, 6):
        await server.ann.stream(source=f"s{n}", link=f"https://twitch.tv/{n}")
        assert n == (await server.bob.ask("GET", STREAMS)).json["meta"]["total_count"]
    await server.ann.ask("DELETE", f"{STREAMS}/1")

    assert 4 == (await server.bob.ask("GET", STREAMS)).json["meta"]["total_count"]


async def test_only_what_is_said_changes(server: Server) -> None:
    """PUT and PATCH are the same; a null empties; a live stream has a time; what says nothing new appends nothing."""
    made = await server.ann.stream(title="a", notes="n")
    server.clock.on(seconds=5)
    for method in ("PUT", "PATCH"):
        changed = await server.ann.ask(method, f"{STREAMS}/1", {"title": "b", "notes": None})
        assert {**made, "title": "b", "notes": None, "updated_at": "2026-11-22T08:00:05.000Z"} == changed.json
        server.clock.on(seconds=5)

    live = (await server.ann.ask("PUT", f"{STREAMS}/1", {"status": "live"})).json
    assert live["last_live_at"] == live["last_checked_at"] == "2026-11-22T08:00:15.000Z"
    assert 3 == (await server.ann.ask("GET", f"{STREAMS}/1/history")).json["count"]


async def test_a_new_link_has_its_own_platform(server: Server) -> None:
    """A detected platform follows the link, a chosen one stays; null means: detect it."""
    await server.ann.stream(link="https://twitch.tv/a")
    assert "YouTube" == (await server.ann.ask("PUT", f"{STREAMS}/1", {"link": "https://youtu.be/a"})).json["platform"]

    await server.ann.ask("PUT", f"{STREAMS}/1", {"platform": "Facebook"})
    assert "Facebook" == (await server.ann.ask("PUT", f"{STREAMS}/1", {"link": "https://twitch.tv/b"})).json["platform"]
    assert "Twitch" == (await server.ann.ask("PUT", f"{STREAMS}/1", {"platform": None})).json["platform"]


async def test_pinning_changes_only_through_pin(server: Server) -> None:
    """A pin in a body says nothing; pinning twice is pinning once."""
    await server.ann.stream(is_pinned=True)
    assert (await server.ann.ask("PUT", f"{STREAMS}/1", {"is_pinned": True})).json["is_pinned"] is False

    for _ in range(2):
        assert (await server.ann.ask("PUT", f"{STREAMS}/1/pin")).json["is_pinned"] is True
    assert 2 == (await server.ann.ask("GET", f"{STREAMS}/1/history")).json["count"]
    assert (await server.ann.ask("DELETE", f"{STREAMS}/1/pin")).json["is_pinned"] is False


async def test_archiving_hides_but_for_admins(server: Server) -> None:
    """204 without a body; gone for others, also for changes; an admin still sees it, marked; the history goes on."""
    await server.ann.stream()
    gone = await server.ann.ask("DELETE", f"{STREAMS}/1")
    assert (204, "") == (gone.status, gone.text)

    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("PUT", "/pin"), ("GET", "/history"), ("GET", "/analytics")):
        assert 404 == (await server.ann.ask(method, f"{STREAMS}/1{path}", {} if method == "PUT" else None)).status
    seen = await server.admin.ask("GET", f"{STREAMS}/1")
    assert seen.json["is_archived"] is True
    assert 1 == (await server.admin.ask("GET", STREAMS)).json["meta"]["total_count"]
    assert 0 == (await server.editor.ask("GET", STREAMS)).json["meta"]["total_count"]
    assert ["add", "edit"] == [each["op"] for each in (await server.admin.ask("GET", f"{STREAMS}/1/history")).json["history"]]


@pytest.mark.parametrize(("method", "path"), [("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("PUT", "/pin"), ("DELETE", "/pin")])
async def test_everybody_changes_their_own_and_editors_anyone_s(server: Server, method: str, path: str) -> None:
    """Another person gets 403 and changes nothing; the owner, an editor and an admin may."""
    body: Any = {"title": "t"} if not path and method != "DELETE" else None
    refused = await server.bob.ask(method, f"{await _stream(server)}{path}", body)
    assert 403 == refused.status
    assert ["error"] == list(refused.json)

    for person in (server.ann, server.editor, server.admin):
        assert (await person.ask(method, f"{await _stream(server)}{path}", body)).status in (200, 204)


async def _stream(server: Server) -> str:
    """The address of a new stream of Ann's."""
    server.clock.on(hours=1)
    return f"{STREAMS}/{(await server.ann.stream())['id']}"


async def test_the_history_is_the_whole_life(server: Server) -> None:
    """Every change, when, by whom, what it asked, and the stream after it."""
    await server.ann.stream()
    server.clock.on(minutes=1)
    await server.editor.ask("PUT", f"{STREAMS}/1", {"status": "live"})
    await server.ann.ask("PUT", f"{STREAMS}/1/pin")

    told = (await server.bob.ask("GET", f"{STREAMS}/1/history")).json

    assert (1, 3) == (told["stream_id"], told["count"])
    assert [f"u{server.ann.number}", f"u{server.editor.number}", f"u{server.ann.number}"] == [each["by"] for each in told["history"]]
    assert ["unknown", "live", "live"] == [each["stream"]["status"] for each in told["history"]]
    assert "2026-11-22T08:01:00.000Z" == told["history"][1]["at"]
    assert {"is_pinned", "updated_at"} == set(told["history"][2]["changes"])


async def test_a_number_of_an_edit_is_no_stream(server: Server) -> None:
    """An id is the number of a stream's first record; the numbers between are nobody's."""
    await server.ann.stream()
    await server.ann.ask("PUT", f"{STREAMS}/1", {"title": "x"})

    assert 404 == (await server.ann.ask("GET", f"{STREAMS}/2")).status
    assert 404 == (await server.ann.ask("GET", f"{STREAMS}/2/history")).status


async def test_figures_come_from_the_history(server: Server) -> None:
    """Live for ten minutes, then off."""
    await server.ann.stream(status="live")
    server.clock.on(minutes=10)
    await server.ann.ask("PUT", f"{STREAMS}/1", {"status": "offline"})

    told = (await server.bob.ask("GET", f"{STREAMS}/1/analytics")).json

    expected = {
        "stream_id": 1,
        "status_changes": 1,
        "live_sessions": 1,
        "live_seconds": 600,
        "longest_session_seconds": 600,
        "is_live": False,
        "edits": 1,
        "first_seen": "2026-11-22T08:00:00.000Z",
        "last_seen": "2026-11-22T08:10:00.000Z",
        "last_updated": "2026-11-22T08:10:00.000Z",
    }
    assert expected == told


async def test_a_bulk_import_takes_each_row_for_itself(server: Server) -> None:
    """Rows with mistakes are named; the others are there; two of one link are one stream; bare and wrapped arrays are the same."""
    rows: list[Any] = [
        {"source": "a", "link": "https://twitch.tv/a"},
        {"source": "", "platform": "nowhere"},
        "text",
        {"source": "b", "link": "http://www.twitch.tv/a/"},
        {"source": "c", "link": "https://youtu.be/c", "status": "offline"},
    ]
    for body in (rows, {"streams": rows}):
        told = await server.editor.ask("POST", f"{STREAMS}/bulk_import", body)
        assert (200, 3, 5, [1, 2]) == (
            told.status,
            told.json["imported"],
            told.json["total"],
            [each["index"] for each in told.json["errors"]],
        )
        wrong = told.json["errors"][0]["errors"]
        assert ["Source can't be blank", "Link can't be blank"] == wrong[:2]
        assert 3 == len(wrong)
    assert 2 == (await server.editor.ask("GET", STREAMS)).json["meta"]["total_count"]


async def test_a_long_import_is_taken_in_order(server: Server) -> None:
    """More rows than are handled at once; each is there once."""
    rows = [{"source": f"s{n}", "link": f"https://x.org/{n}"} for n in range(1200)]
    told = (await server.editor.ask("POST", f"{STREAMS}/bulk_import", rows)).json

    assert (1200, list(range(1, 1201))) == (told["imported"], [each["id"] for each in told["streams"]])


async def test_a_timestamp_tells_nothing_of_an_archived_stream(server: Server) -> None:
    """What is archived is gone for all but admins, also by way of a note that somebody makes on its number, and in the note's history."""
    await server.ann.stream(title="gone")
    await server.ann.ask("DELETE", f"{STREAMS}/1")
    note = {"title": "Then", "event_timestamp": "2026-11-22T08:00:00Z", "streams": [{"stream_id": 1}]}

    made = await server.bob.ask("POST", "/api/v1/timestamps", note)
    life = await server.bob.ask("GET", "/api/v1/timestamps/1/history")
    seen = await server.admin.ask("GET", "/api/v1/timestamps/1")

    nothing = dict.fromkeys(("source", "link", "platform", "title"))
    assert (201, nothing) == (made.status, made.json["streams"][0]["stream"])
    assert nothing == life.json["history"][0]["timestamp"]["streams"][0]["stream"]
    assert "gone" == seen.json["streams"][0]["stream"]["title"]


async def test_a_locker_without_an_account_owns_no_stream(server: Server, tmp_path: Path) -> None:
    """A token of a locker that the operator only named reads the streams, and neither makes nor changes any, the operator's own (user 0) least of all."""
    tokens = Tokens(tmp_path)
    operator = Person(server.ann.session, server.url, tokens.make("me", KINDS))
    named = Person(server.ann.session, server.url, tokens.make("family", KINDS))
    made = await operator.stream(title="ours")

    asked = [
        await named.ask("PUT", f"{STREAMS}/1", {"title": "theirs"}),
        await named.ask("PUT", f"{STREAMS}/1/pin"),
        await named.ask("DELETE", f"{STREAMS}/1"),
        await named.ask("POST", STREAMS, {"source": "Jason", "link": "https://www.twitch.tv/jason"}),
        await named.ask("POST", "/api/v1/streamers", {"name": "Jason"}),
        await named.ask("POST", "/api/v1/timestamps", {"title": "Then", "event_timestamp": "2026-11-22T08:00:00Z"}),
    ]

    assert [403] * 6 == [each.status for each in asked]
    assert "family has no account" in asked[0].json["error"]
    assert made == (await named.ask("GET", f"{STREAMS}/1")).json


async def test_an_export_has_every_stream_of_a_list(server: Server) -> None:
    """All pages at once, filtered like the list, with the address of whoever made it."""
    rows = [{"source": f"s{n}", "link": f"https://x.org/{n}", "status": "live" if n % 3 else "offline"} for n in range(300)]
    await server.editor.ask("POST", f"{STREAMS}/bulk_import", rows)
    await server.editor.ask("PUT", f"{STREAMS}/5/pin")

    told = (await server.ann.ask("GET", f"{STREAMS}/export?notStatus=offline")).json

    assert (200, 200, "2026-11-22T08:00:00.000Z") == (told["count"], len(told["streams"]), told["exported_at"])
    assert ("s4", True, "editor@example.org") == tuple(told["streams"][0][name] for name in ("source", "is_pinned", "owner_email"))
    assert "id" not in told["streams"][0]
    assert 100 == (await server.ann.ask("GET", f"{STREAMS}/export?status=OFFLINE&sort=-name")).json["count"]


async def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    """After a restart a post still continues what was checked before, and the list is the same."""
    async with serving(tmp_path) as server:
        await server.ann.stream()
        before = (await server.ann.ask("GET", STREAMS)).json
        token = server.ann.token
    async with serving_again(tmp_path) as (locker_url, session):
        headers = {"Authorization": f"Bearer {token}"}
        async with session.get(f"{locker_url}{STREAMS}", headers=headers) as response:
            assert before == await response.json()
        said = {"source": "Jason", "link": "https://www.twitch.tv/jason"}
        async with session.post(f"{locker_url}{STREAMS}", headers=headers, json=said) as response:
            assert (200, 1) == (response.status, (await response.json())["id"])
