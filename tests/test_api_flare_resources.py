"""Resources over HTTP: what they may be, who sees them, pages of them, and every error in the shape of this dialect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flare import RESOURCE, USERS, Flare, flaring, somebody

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture
def flare(tmp_path: Path) -> Iterator[Flare]:
    """A server with nothing in it."""
    with flaring(tmp_path) as made:
        yield made


def test_a_resource_is_made_bare_with_its_location(flare: Flare) -> None:
    """201, the object itself, ``Location``; reading gives the same; it is a record of its owner's."""
    made = flare.ask("POST", "/resources", RESOURCE)
    said = made.json()

    assert (201, f"/resources/{said['id']}") == (made.status_code, made.headers["Location"])
    assert {**RESOURCE, "id": said["id"], "createdAt": said["createdAt"]} == said
    assert UUID4.fullmatch(said["id"])
    assert MOMENT.fullmatch(said["createdAt"])
    read = flare.ask("GET", made.headers["Location"])
    assert (200, said) == (read.status_code, read.json())
    assert [("me", "resource", "resource/locker", said["id"])] == [(r.owner, r.source, r.type, r.key) for r in flare.records("resource")]


@pytest.mark.parametrize(
    ("endpoint", "kept"),
    [
        (f"  {USERS} ", USERS),
        ("http://api.company.com/users/{ id }", USERS),
        (f"{USERS}/", USERS),
        ("http://api.company.com/us%65rs/{id}", USERS),
        ("https://api.company.com:8443/{*}/{action}", "https://api.company.com:8443/{*}/{action}"),
    ],
)
def test_endpoints_are_normalised(flare: Flare, endpoint: str, kept: str) -> None:
    """Blanks, blanks in braces, one slash at the end, percent escapes."""
    made = flare.ask("POST", "/resources", {"endpoint": endpoint, "change": {"field": "n"}})
    assert (kept, {"field": "n"}) == (made.json()["endpoint"], made.json()["change"])


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ({}, "missing endpoint"),
        ({"endpoint": 17, "change": {"field": "n"}}, "missing endpoint"),
        ({"endpoint": "http:opaque/{id}"}, "should not have opaque"),
        ({"endpoint": "http://ann:pw@a.org/{id}"}, "should not have user"),
        ({"endpoint": "http:///{id}"}, "invalid endpoint: missing host"),
        ({"endpoint": "http://a.org"}, "invalid endpoint: missing path"),
        ({"endpoint": "http://a.org/{id}?key=value"}, "should not have query string 'key=value'"),
        ({"endpoint": "http://a.org/{id}#top"}, "should not have fragment"),
        ({"endpoint": "ftp://a.org/{id}"}, "unknown scheme 'ftp'"),
        ({"endpoint": "http://a.org/users"}, "missing wildcard"),
        ({"endpoint": "http://a.org/content-{id}"}, "whole segment"),
        ({"endpoint": "http://a.org/{*}/{*}"}, "same name"),
        ({"endpoint": "http://a.org/{ id }/{ id}"}, "same name"),
        ({"endpoint": "http://a.org/{}"}, "needs a name"),
        ({"endpoint": "http://a.org/{{id}}"}, "not in pairs"),
        ({"endpoint": "http://a.org/{a}{b}"}, "something between"),
        ({"endpoint": "http://a.org/{revision}"}, "reserved"),
        ({"endpoint": USERS}, "missing change field"),
        ({"endpoint": USERS, "change": {"field": ""}}, "missing change field"),
        ({"endpoint": USERS, "change": {"field": "n", "format": 17}}, "change.format is a text"),
        ({"endpoint": USERS, "change": {"field": "n", "format": "whenever"}}, "names no part of a date"),
        ({"endpoint": USERS, "change": {"field": "n", "format": "%Q"}}, "directive '%Q'"),
    ],
)
def test_resources_that_are_none(flare: Flare, said: Any, detail: str) -> None:
    """Each rule is 400 and says what it misses; nothing is logged."""
    said = {"change": {"field": "n"}, **said} if detail != "missing change field" else said
    status, title, told = flare.error(flare.ask("POST", "/resources", said))
    assert (400, "invalid body content") == (status, title)
    assert detail in told
    assert [] == flare.records("resource")


@pytest.mark.parametrize("data", ["", "{", "[]", "17", '{"a": 1, "a": 2}', "\xff"])
def test_bodies_that_are_no_objects(flare: Flare, data: str) -> None:
    """400, whatever its media type says."""
    assert (400, "error during body parse") == flare.error(flare.ask("POST", "/resources", data=data.encode("latin-1")))[:2]


@pytest.mark.parametrize(
    ("endpoint", "status"),
    [
        ("http://api.company.com/users/{name}", 409),
        ("http://API.company.com:80/users/{ name }/", 409),
        ("https://api.company.com/users/{id}", 201),
        ("http://api.company.com:8080/users/{id}", 201),
        ("http://api.company.com/{users}/{id}", 201),
        ("http://api.company.com/users/{id}/x", 201),
    ],
)
def test_two_resources_of_one_shape(flare: Flare, endpoint: str, status: int) -> None:
    """409, whatever the wildcards are called; scheme, port, literals and length make another shape."""
    first = flare.resource()
    answer = flare.ask("POST", "/resources", {"endpoint": endpoint, "change": {"field": "n"}})
    assert status == answer.status_code
    if status == 409:
        assert (409, "error during resource create", f"endpoint already associated to another resource '{first}'") == flare.error(answer)


def test_deleting(flare: Flare) -> None:
    """204 and gone; again it is 404; then the same shape is welcome again."""
    id = flare.resource()
    gone = flare.ask("DELETE", f"/resources/{id}")
    assert (204, b"") == (gone.status_code, gone.content)
    assert (404, "error during resource search", f"resource '{id}' not found") == flare.error(flare.ask("GET", f"/resources/{id}"))
    assert (404, "error during resource delete", f"resource '{id}' not found") == flare.error(flare.ask("DELETE", f"/resources/{id}"))
    assert id != flare.resource()
    assert ["add", "delete", "add"] == [record.op for record in flare.records("resource")]


def test_a_resource_with_subscriptions_stays(flare: Flare) -> None:
    """409 until the last one is deleted."""
    id = flare.resource()
    subscription = flare.subscription(id)["id"]
    status, title, detail = flare.error(flare.ask("DELETE", f"/resources/{id}"))
    assert (409, "error during resource delete") == (status, title)
    assert f"there are subscriptions associated with this resource '{id}'" in detail
    assert 204 == flare.ask("DELETE", f"/resources/{id}/subscriptions/{subscription}").status_code
    assert 204 == flare.ask("DELETE", f"/resources/{id}").status_code


def test_pages(flare: Flare) -> None:
    """Oldest first, 30 unless told otherwise, ``total`` counts all; an offset beyond the end gives none."""
    ids = [flare.resource(f"http://a.org/{number}/{{id}}") for number in range(32)]
    for query, expected, limit, offset in [
        ("", ids[:30], 30, 0),
        ("?limit=2", ids[:2], 2, 0),
        ("?limit=2&offset=31", ids[31:], 2, 31),
        ("?offset=99", [], 30, 99),
        ("?limit=0", [], 0, 0),
        ("?limit=1000000", ids, 1000000, 0),
        ("?limit=&unknown=1", ids[:30], 30, 0),
    ]:
        said = flare.ask("GET", f"/resources{query}").json()
        assert {"limit": limit, "offset": offset, "total": 32} == said["pagination"], query
        assert expected == [each["id"] for each in said["resources"]], query
    assert 32 == flare.ask("GET", "/resources/").json()["pagination"]["total"]


@pytest.mark.parametrize(
    ("query", "title", "detail"),
    [
        ("limit=x", "error during pagination parse", "limit is a whole number"),
        ("offset=1.5", "error during pagination parse", "offset is a whole number"),
        ("limit=-1", "invalid pagination", "invalid limit '-1'"),
        ("offset=-1", "invalid pagination", "invalid offset '-1'"),
    ],
)
@pytest.mark.parametrize("path", ["/resources", "/resources/x/subscriptions"])
def test_pages_that_are_none(flare: Flare, path: str, query: str, title: str, detail: str) -> None:
    """400 with the words of the original."""
    status, told, what = flare.error(flare.ask("GET", f"{path}?{query}"))
    assert (400, title) == (status, told)
    assert detail in what


def test_everybody_has_their_own(flare: Flare) -> None:
    """Another owner neither sees nor deletes a resource, and may have one of the same shape."""
    mine = flare.resource()
    other = somebody(flare)
    assert 0 == other.ask("GET", "/resources").json()["pagination"]["total"]
    assert 404 == other.ask("GET", f"/resources/{mine}").status_code
    assert 404 == other.ask("DELETE", f"/resources/{mine}").status_code
    assert mine != other.resource()
    assert [mine] == [each["id"] for each in flare.ask("GET", "/resources").json()["resources"]]


def test_resources_are_read_from_the_log(tmp_path: Path) -> None:
    """Whoever opens the folder next has the same resources, and so has a server beside one that writes."""
    with flaring(tmp_path) as flare:
        first = flare.resource(format=None)
        with flaring(tmp_path) as beside:
            second = beside.resource("http://a.org/{x}")
            assert [first, second] == [each["id"] for each in flare.ask("GET", "/resources").json()["resources"]]
            said = flare.ask("GET", "/resources").json()
    with flaring(tmp_path) as again:
        assert said == again.ask("GET", "/resources").json()


def test_nobody_pushes_resources_or_documents(flare: Flare) -> None:
    """What is put has rules; the sources that it lies in take nothing else."""
    for source in ("resource", "flare", "flare.work"):
        answer = flare.ask("POST", f"/connectors/{source}/push", json={"items": []})
        assert (400, True) == (answer.status_code, "is kept for resources" in answer.text)


# -- errors of everybody -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/resources", "GET, HEAD, OPTIONS, POST"),
        ("PATCH", "/resources/x", "DELETE, GET, HEAD, OPTIONS"),
        ("PUT", "/resources/x/subscriptions/y", "DELETE, GET, HEAD, OPTIONS"),
        ("POST", "/documents/http://a.org/1", "DELETE, GET, HEAD, OPTIONS, PUT"),
    ],
)
def test_wrong_methods(flare: Flare, method: str, path: str, allow: str) -> None:
    """405, which names the right ones."""
    answer = flare.ask(method, path, {})
    assert (405, "method not allowed") == flare.error(answer)[:2]
    assert allow == answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/resources/x/y", "/resources/x/subscriptions/y/z", "/documents"])
def test_unknown_paths(flare: Flare, path: str) -> None:
    """404 in the same shape."""
    assert (404, "not found") == flare.error(flare.ask("GET", path))[:2]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/resources"),
        ("POST", "/resources"),
        ("DELETE", "/resources/x"),
        ("POST", "/resources/x/subscriptions"),
        ("POST", "/resources/x/subscriptions/y/test"),
        ("GET", "/documents/http://a.org/1"),
        ("PUT", "/documents/http://a.org/1"),
    ],
)
def test_everything_wants_a_token(tmp_path: Path, method: str, path: str) -> None:
    """401 in the same shape, and 403 for a token that may only do the other thing."""
    with flaring(tmp_path, trust_loopback=False) as flare:
        answer = flare.ask(method, path, {} if method != "GET" else None)
        assert (401, "unauthorized") == flare.error(answer)[:2]
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        token = flare.server.tokens.make("me", ["write" if method == "GET" else "read"])
        other = Flare(flare.server, "me", {"Authorization": f"Bearer {token}"})
        assert (403, "forbidden") == flare.error(other.ask(method, path))[:2]


def test_long_bodies_and_too_many_requests(tmp_path: Path) -> None:
    """413 and 429 have this shape too."""
    with flaring(tmp_path, max_body=1000, rate_limit=3) as flare:
        assert (413, "too large") == flare.error(flare.ask("POST", "/resources", data="x" * 2000))[:2]
        answers = [flare.ask("GET", "/resources") for _ in range(4)]
        assert (429, "too many") == flare.error(answers[-1])[:2]
        assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_fault_of_ours(flare: Flare, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """500 says nothing of our insides but an id."""
    monkeypatch.setattr(flare.server.locker.resources, "all", None)
    status, title, detail = flare.error(flare.ask("GET", "/resources"))
    assert (500, "internal") == (status, title)
    assert "went wrong on our side" in detail
    assert "NoneType" not in detail


def test_who_answers(flare: Flare) -> None:
    """``GET /`` tells name and version to whoever asks for JSON."""
    said = flare.server.get("/", headers={"Accept": "application/json"}).json()
    assert {"name", "version"} == said.keys()
    assert "locker" == said["name"]
