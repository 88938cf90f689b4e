"""
The integration guide: played from its first line to its last, and every status code that it names, call by call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.streamsource import PASSWORD, Person, Server, serving

STREAM = {
    "source": "StreamerName",
    "link": "https://www.tiktok.com/@streamername/live",
    "status": "live",
    "platform": "TikTok",
    "orientation": "portrait",
    "kind": "stream",
    "city": "New York",
    "state": "NY",
    "notes": "Additional notes",
    "title": "Stream Title",
    "posted_by": "username",
}
"""The guide's sample, as far as a client sends it."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A running server with people."""
    async with serving(tmp_path) as found:
        yield found


async def test_the_guide_from_its_first_line_to_its_last(server: Server) -> None:
    """Step by step, with one account that signs up as the guide does, nothing prepared for it."""
    app = {"email": "your-app@example.com", "password": PASSWORD}
    nobody = server.nobody

    # Step 1: register, obtain a token, use it.
    signed = await nobody.ask("POST", "/api/v1/users/signup", app)
    assert (201, {"user", "token"}) == (signed.status, set(signed.json))
    logged = await nobody.ask("POST", "/api/v1/users/login", app)
    assert (200, "your-app@example.com", "default") == (logged.status, logged.json["user"]["email"], logged.json["user"]["role"])
    me = Person(nobody.session, nobody.url, logged.json["token"], logged.json["user"]["id"])

    # Step 2: StreamSourceBackend.createStream and getStreams.
    sent = {name: STREAM.get(name) for name in ("source", "link", "status", "platform", "title", "notes")}
    made = await me.ask("POST", "/api/v1/streams", sent)
    assert 201 == made.status
    id = made.json["id"]
    listed = await me.ask("GET", "/api/v1/streams?")
    assert [made.json] == listed.json["streams"]

    # Step 3: the operations of StreamManager.
    filtered = await me.ask("GET", "/api/v1/streams?status=live&notStatus=offline&is_pinned=false&page=1&per_page=10")
    assert {"current_page": 1, "total_pages": 1, "total_count": 1, "per_page": 10} == filtered.json["meta"]
    updated = await me.ask(
        "PUT", f"/api/v1/streams/{id}", {name: STREAM[name] for name in ("orientation", "kind", "city", "state", "posted_by")}
    )
    assert 200 == updated.status
    pinned = await me.ask("PUT", f"/api/v1/streams/{id}/pin")
    assert pinned.json["is_pinned"] is True

    # API reference: one stream with its relationships, in the structure that the guide prints.
    read = (await me.ask("GET", f"/api/v1/streams/{id}")).json
    printed = [
        *("id", "source", "link", "status", "is_pinned", "platform", "orientation", "kind", "city", "state", "notes", "title", "posted_by"),
        *("last_checked_at", "last_live_at", "created_at", "updated_at", "user"),
    ]
    assert printed == list(read)
    assert STREAM == {name: read[name] for name in STREAM}
    assert {"id": me.number, "email": "your-app@example.com", "role": "default"}.items() <= read["user"].items()

    # Sorting and the feature-flagged endpoints.
    for sort in ("name", "-name", "created", "-created"):
        assert 1 == (await me.ask("GET", f"/api/v1/streams?sort={sort}&user_id={me.number}")).json["meta"]["total_count"]
    figures = await me.ask("GET", f"/api/v1/streams/{id}/analytics")
    assert (200, 1) == (figures.status, figures.json["live_sessions"])
    exported = await me.ask("GET", "/api/v1/streams/export?status=live")
    assert (1, "StreamerName") == (exported.json["count"], exported.json["streams"][0]["source"])
    assert 403 == (await me.ask("POST", "/api/v1/streams/bulk_import", [STREAM])).status
    imported = await server.editor.ask(
        "POST", "/api/v1/streams/bulk_import", [STREAM, {**STREAM, "link": "https://youtu.be/x", "platform": None}]
    )
    assert (200, 2) == (imported.status, imported.json["imported"])
    assert [id, "YouTube"] == [imported.json["streams"][0]["id"], imported.json["streams"][1]["platform"]]

    # Considerations: refresh before the token ends, the continuation window, flags and docs to monitor.
    server.clock.on(hours=23)
    refreshed = await me.ask("POST", "/api/v1/users/refresh")
    server.clock.on(hours=2)
    assert 401 == (await me.ask("GET", "/api/v1/streams")).status
    me = Person(nobody.session, nobody.url, refreshed.json["token"], me.number)
    again = await me.ask("POST", "/api/v1/streams", sent)
    assert 201 == again.status
    server.clock.on(minutes=29)
    assert (200, again.json["id"]) == ((await me.ask("POST", "/api/v1/streams", sent)).status, again.json["id"])
    assert (await me.ask("GET", "/api/v1/features")).json["features"]["stream_analytics"] is True
    assert 200 == (await nobody.ask("GET", "/api-docs")).status
    unpinned = await me.ask("DELETE", f"/api/v1/streams/{id}/pin")
    assert unpinned.json["is_pinned"] is False
    gone = await me.ask("DELETE", f"/api/v1/streams/{id}")
    assert (204, "") == (gone.status, gone.text)
    assert (404, {"error": "Record not found"}) == (
        (await me.ask("GET", f"/api/v1/streams/{id}")).status,
        (await me.ask("GET", f"/api/v1/streams/{id}")).json,
    )


@dataclass(frozen=True)
class Case:
    """A call of somebody and what it answers; *error*: what the answer says, or how it begins."""

    who: str
    method: str
    path: str
    status: int
    body: Any = None
    error: str | None = None
    raw: bytes | None = None

    def __str__(self) -> str:
        return f"{self.who} {self.method} {self.path} {self.status}"


GOOD = {"source": "x", "link": "https://x.org/new"}
ITEMS = [
    ("GET", ""),
    ("PUT", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("PUT", "/pin"),
    ("DELETE", "/pin"),
    ("GET", "/history"),
    ("GET", "/analytics"),
]
BODIES = {"POST", "PUT", "PATCH"}
CASES = [
    # 200, 201, 204
    Case("ann", "GET", "", 200),
    Case("ann", "POST", "", 201, GOOD),
    Case("ann", "POST", "", 200, {"source": "Jason", "link": "https://www.twitch.tv/jason"}),
    Case("editor", "POST", "/bulk_import", 200, [GOOD]),
    Case("ann", "GET", "/export", 200),
    *(
        Case("ann", method, f"/1{path}", 204 if (method, path) == ("DELETE", "") else 200, {} if not path else None)
        for method, path in ITEMS
    ),
    # 401: no token, whatever is asked
    Case("nobody", "GET", "", 401, error="Unauthorized"),
    Case("nobody", "POST", "", 401, GOOD, error="Unauthorized"),
    Case("nobody", "POST", "/bulk_import", 401, [GOOD], error="Unauthorized"),
    Case("nobody", "GET", "/export", 401, error="Unauthorized"),
    *(Case("nobody", method, f"/1{path}", 401, error="Unauthorized") for method, path in ITEMS),
    # 403: somebody else's, or not for this role
    *(
        Case("bob", method, f"/1{path}", 403, {"title": "t"} if not path else None, error="You are not allowed")
        for method, path in ITEMS[1:6]
    ),
    Case("ann", "POST", "/bulk_import", 403, [GOOD], error="Bulk import is not currently available"),
    # 404: no such stream, no such user, no number, no such call
    *(Case("admin", method, f"/99{path}", 404, {"title": "t"} if not path else None, error="Record not found") for method, path in ITEMS),
    *(Case("admin", method, f"/x{path}", 404, {"title": "t"} if not path else None, error="Record not found") for method, path in ITEMS),
    Case("ann", "GET", "?user_id=99", 404, error="Record not found"),
    Case("ann", "GET", "/1/nothing", 404, error="there is nothing at"),
    # 405: another method
    Case("ann", "DELETE", "", 405),
    Case("ann", "POST", "/1", 405, GOOD),
    Case("ann", "GET", "/1/pin", 405),
    Case("ann", "GET", "/bulk_import", 405),
    Case("ann", "POST", "/export", 405, {}),
    # 400, 413, 415: bodies that cannot be read
    Case("ann", "POST", "", 400, raw=b"{", error="not valid JSON"),
    Case("ann", "PUT", "/1", 400, raw=b'{"title": "a", "title": "b"}', error="not valid JSON"),
    Case("ann", "POST", "", 400, raw=b"\xff", error="not valid UTF-8"),
    Case("ann", "POST", "", 413, raw=b'{"source": "' + b"x" * 70_000 + b'"}'),
    Case("editor", "POST", "/bulk_import", 413, raw=b"[" + b"1," * 40_000 + b"1]"),
    # 422: what breaks the rules, all of it in one sentence
    Case("ann", "POST", "", 422, {}, error="Source can't be blank, Link can't be blank"),
    Case("ann", "POST", "", 422, [], error="the body must be a JSON object"),
    Case("ann", "POST", "", 422, {"stream": 3}, error="the body must be a JSON object"),
    Case("ann", "POST", "", 422, {**GOOD, "link": "ftp://x.org"}, error="Link must be a valid HTTP or HTTPS URL"),
    Case("ann", "POST", "", 422, {**GOOD, "source": "x" * 256}, error="Source is too long (maximum is 255 characters)"),
    Case("ann", "POST", "", 422, {**GOOD, "status": "asleep"}, error="Status 'asleep' is not one of live, offline, unknown"),
    Case("ann", "POST", "", 422, {**GOOD, "kind": 3}, error="Kind must be text and is not one of"),
    Case("ann", "PUT", "/1", 422, {"source": " ", "status": None}, error="Source can't be blank, Status can't be blank"),
    Case("ann", "PATCH", "/1", 422, {"orientation": "upside down"}, error="Orientation 'upside down' is not one of portrait, landscape"),
    Case("editor", "POST", "/bulk_import", 422, {"streams": 3}, error="bulk_import takes an array of streams"),
    Case("ann", "GET", "?sort=x", 422, error="sort must be one of"),
    Case("ann", "GET", "/export?is_pinned=x", 422, error="is_pinned must be true or false"),
    Case("ann", "GET", "/1?envelope=perhaps", 422, error="envelope must be true or false"),
]


@pytest.mark.parametrize("status", sorted({case.status for case in CASES}))
async def test_every_status_code(status: int, tmp_path: Path) -> None:
    """What each call answers to each person, to a stream of Ann's of its own; every error is ``{"error": "…"}`` and nothing else."""
    async with serving(tmp_path, max_body=65536) as server:
        for case in (case for case in CASES if case.status == status):
            server.clock.on(minutes=31)
            id = (await server.ann.stream())["id"]
            person: Person = getattr(server, case.who)
            await _play(case, person, case.path.replace("/1", f"/{id}", 1))


async def _play(case: Case, person: Person, path: str) -> None:
    """Ask, and compare."""
    body = case.body if case.method in BODIES else None

    told = await person.ask(case.method, f"/api/v1/streams{path}", body, raw=case.raw)

    assert case.status == told.status, (str(case), told.text)
    if case.status >= 400:
        assert ["error"] == list(told.json), str(case)
        assert told.json["error"].startswith(case.error or ""), str(case)
    if case.status == 405:
        assert case.method not in told.headers["Allow"].split(", "), str(case)


async def test_too_many_requests_are_429(tmp_path: Path) -> None:
    """When a minute's requests are used up, the answer says when to come back; then the account may go on."""
    async with serving(tmp_path, rate_limit=10) as server:
        statuses = [(await server.ann.ask("GET", "/api/v1/streams")).status for _ in range(10)]
        told = await server.ann.ask("GET", "/api/v1/streams")

        assert ({200}, 429, ["error"]) == (set(statuses), told.status, list(told.json))
        assert 0 < int(told.headers["Retry-After"]) <= 60
        assert ("10", "0") == (told.headers["X-RateLimit-Limit"], told.headers["X-RateLimit-Remaining"])
        server.clock.on(seconds=61)
        assert 200 == (await server.ann.ask("GET", "/api/v1/streams")).status


async def test_a_fault_of_ours_is_500_and_says_nothing_of_our_insides(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer has the shape of all errors; the reason is in the log only."""

    def broken(*_: Any) -> None:
        raise RuntimeError("the secret inside")

    await server.ann.stream()
    monkeypatch.setattr(type(server.locker), "object", broken)
    told = await server.ann.ask("GET", "/api/v1/streams/1")
    monkeypatch.undo()

    # A broken read of a stream must not look like a missing one.
    assert (500, ["error"]) == (told.status, list(told.json))
    assert "secret" not in told.text


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
async def test_a_bad_token_is_401(server: Server, token: str) -> None:
    """Whatever is wrong with it, in the same shape, with the header that HTTP asks for."""
    told = await server.nobody.ask("GET", "/api/v1/streams", headers={"Authorization": f"Bearer {token}"})

    assert (401, ["error"]) == (told.status, list(told.json))
    assert told.json["error"].startswith("Unauthorized")
    assert told.headers["WWW-Authenticate"].startswith("Bearer")
