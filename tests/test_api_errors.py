"""
Every error is a problem document, whoever raises it: a query, the door, aiohttp before any handler, or a fault of ours.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from locker.composer import Composer
from locker.error import (
    BrokenSchema,
    Conflict,
    Corrupt,
    Fatal,
    Forbidden,
    Invalid,
    LockerError,
    NotFound,
    QueryError,
    Retriable,
    Skippable,
    StorageError,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from locker.locker import Locker
from tests.api_server import Server, served

MEDIA_TYPE = "application/problem+json"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An empty locker, served, with a small limit for bodies."""
    with Locker(tmp_path_factory.mktemp("empty")) as locker, served(locker, max_body=20_000) as running:
        yield running


def error_table() -> dict[str, int]:
    """The table from code to status."""
    from importlib import import_module

    table: dict[str, int] = import_module("locker.api._errors").STATUS
    return table


def test_every_code_has_a_status() -> None:
    """No error of the core is left out of the table, also one that is added later."""

    def all_of(kind: type[LockerError]) -> set[str]:
        return {kind.code}.union(*(all_of(each) for each in kind.__subclasses__() if each.__module__ == "locker.error"))

    assert all_of(LockerError) <= error_table().keys()


ERRORS: list[tuple[LockerError, int, dict[str, Any]]] = [
    (Invalid("no"), 400, {"code": "invalid", "detail": "no"}),
    (QueryError("no", "a:", 2), 400, {"position": 2, "caret": "a:\n  ^"}),
    (Unauthorized("who"), 401, {"code": "unauthorized"}),
    (Forbidden("no"), 403, {}),
    (NotFound("no"), 404, {}),
    (Conflict("no"), 409, {}),
    (TooLarge("no"), 413, {}),
    (BrokenSchema("no", "/a/0"), 422, {"pointer": "/a/0"}),
    (Fatal("no"), 502, {}),
    (Skippable("no"), 502, {}),
    (Retriable("no", 7), 503, {}),
    (Unavailable("no"), 503, {}),
    (StorageError("full"), 503, {"detail": "full"}),
    (Corrupt("inside"), 500, {"code": "internal"}),
    (LockerError("inside"), 500, {"code": "internal"}),
]


@pytest.mark.parametrize(
    ("error", "status", "members"), ERRORS, ids=lambda value: type(value).__name__ if isinstance(value, Exception) else ""
)
def test_errors_become_problems(error: LockerError, status: int, members: dict[str, Any]) -> None:
    """Status, title, detail and code; a 500 says nothing of the inside."""
    from importlib import import_module

    answer = import_module("locker.api._errors").render(error, "POST")
    shown = json.loads(answer.body)
    assert (status, MEDIA_TYPE, status) == (answer.status, answer.headers["Content-Type"], shown["status"])
    assert {"type", "title", "status", "detail", "code"} <= shown.keys()
    assert members.items() <= shown.items()
    if status == 500:
        assert "inside" not in answer.body.decode()
    if status == 503:
        assert answer.headers["Retry-After"] == ("7" if isinstance(error, Retriable) else "1")
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


REFUSED = [
    ("GET", "/getContacts?terms=[a>b]", {}, 400, "a:5+"),
    ("GET", "/getContacts?terms=[a:b", {}, 400, "']'"),
    ("GET", "/getContacts?terms=" + "(" * 60 + "a:b" + ")" * 60, {}, 400, "50 levels"),
    ("GET", "/getContacts?terms=" + "a:1,%20" * 501 + "a:1", {}, 414, "500 terms"),
    ("GET", "/getContacts?terms=%ff", {}, 400, "UTF-8"),
    ("GET", "/getContacts?term=[]", {}, 400, "no parameter 'term'"),
    ("GET", "/getContacts?terms=[]&limit=many", {}, 400, "whole number"),
    ("GET", "/getContacts?terms=[]&count=maybe", {}, 400, "count is 1 or 0"),
    ("GET", "/getContacts?terms=[]&sort={}", {}, 400, "direction"),
    ("GET", "/getContacts?time=[2012,2011]", {}, 400, "ends before it starts"),
    ("GET", "/getContacts?subtypes=[a", {}, 400, "']'"),
    ("GET", "/getContacts?id=nonsense", {}, 400, "not an id"),
    ("GET", "/getContacts?terms=[]&after=zzz", {}, 400, "cursor"),
    ("GET", "/getContacts?terms=[]&owner=bob", {}, 403, "'bob'"),
    ("POST", "/getContacts", {"json": {"terms": "[]", "owner": "bob"}}, 403, "'bob'"),
    ("GET", "/list?owner=bob", {}, 403, "'bob'"),
    ("GET", "/fields?type=contact&owner=bob", {}, 403, "'bob'"),
    ("GET", "/list?type=a&subtype=b", {}, 400, "not both"),
    ("GET", "/list?type=nothing", {}, 404, "contact"),
    ("GET", "/fields", {}, 400, "type/subtype"),
    ("GET", "/fields?type=nothing", {}, 404, "contact"),
    ("GET", "/fields?contact&x=1", {}, 400, "type/subtype"),
    ("GET", "/via", {}, 400, "id=github:17"),
    ("GET", "/via?id=vcard:1", {}, 404, "vcard:1"),
    ("GET", "/via?id=contact:1", {}, 404, "contact:1"),
    ("GET", "/via?id=contact:1&direction=sideways", {}, 400, "up or down"),
    ("GET", "/getNothings?terms=[]", {}, 404, "there are article, contact"),
    ("GET", "/nothing", {}, 404, "/openapi.json"),
    ("GET", "/nothing/at/all", {}, 404, "/openapi.json"),
    ("POST", "/list", {}, 405, "GET"),
    ("GET", "/addContact", {}, 405, "POST"),
    ("DELETE", "/getContacts?terms=[]", {}, 405, "POST"),
    ("PATCH", "/connectors", {}, 405, "GET"),
    ("POST", "/addContact", {"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "JSON"),
    ("POST", "/addContact", {"data": b"name=Zoe", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415, "application/json"),
    ("POST", "/addContact", {"json": {"name": "x" * 30_000}}, 413, "max_body"),
    ("POST", "/getContacts", {"json": {"terms": "[]", "owner": 0}}, 403, "not yours"),
    ("POST", "/getContacts?owner=bob", {"json": {"terms": "[]"}}, 403, "not yours"),
    ("POST", "/getContacts", {"data": b'{"terms": 5}', "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 400, "terms must be"),
    ("POST", "/connectors/mine/push", {"json": [{"x": "x" * 30_000}]}, 413, "max_body"),
    ("POST", "/connectors/mine/push", {"data": b"x" * 90_000, "headers": {"Content-Type": "application/x-ndjson"}}, 413, "a line"),
    ("POST", "/addContact?id=contact:1", {"json": {}}, 400, "no parameter 'id'"),
    ("POST", "/editContact", {"json": {}}, 400, "id=contact:17"),
    ("POST", "/editContact?id=contact:99", {"json": {}}, 404, "contact:99"),
    ("POST", "/editContact?id=link:1", {"json": {}}, 400, "no contact"),
    ("POST", "/getContacts", {"json": [1]}, 400, "object"),
    ("POST", "/getContacts", {"json": {"terms": 5}}, 400, "terms must be a text"),
    ("POST", "/getContacts", {"json": {"terms": "[]", "fields": [1]}}, 400, "list of names"),
    ("POST", "/getContacts", {"json": {"terms": "[]", "limit": -1}}, 400, "whole number"),
    ("POST", "/getContacts", {"json": {"terms": "[]", "limit": True}}, 400, "whole number"),
    ("POST", "/getContacts", {"data": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "application/json"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "said"), REFUSED, ids=[f"{each[0]} {each[1][:60]} {each[3]}" for each in REFUSED]
)
def test_refusals(server: Server, method: str, path: str, more: dict[str, Any], status: int, said: str) -> None:
    """Every mistake has its status, and its text says what to do instead."""
    answer = server.session.request(method, server.url + path, timeout=20, **more)
    assert status == answer.status_code, answer.text
    assert (MEDIA_TYPE, status) == (answer.headers["Content-Type"], answer.json()["status"])
    assert said in answer.json()["detail"]
    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    if status == 405:
        assert said in answer.headers["Allow"]


def test_a_query_error_shows_the_place(server: Server) -> None:
    """Position and caret are members of their own."""
    shown = server.get("/getContacts?terms=[name:'Thomas', age>25]").json()
    assert ("query", 19) == (shown["code"], shown["position"])
    assert "[name:'Thomas', age>25]\n" + " " * 19 + "^" == shown["caret"]


# -- before any handler ------------------------------------------------------------------------------------

END = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
RAW: dict[str, tuple[bytes, int]] = {
    "letters beyond ASCII in the request line": ("GET /getContacts?terms=[name:'Zoë']".encode() + END, 400),
    "a blank in the request line": (b"GET /getContacts?terms=[name:'a b']" + END, 400),
    "a request line of 70 KB": (b"GET /getContacts?q=" + b"x" * 70_000 + END, 414),
    "a query of 9 KB": (b"GET /getContacts?terms=" + b"x" * 9_000 + END, 414),
    "a header of 20 KB": (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Y: " + b"y" * 20_000 + b"\r\n\r\n", 431),
    "another protocol": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400),
    "an unknown method": (b"FROB /health" + END, 400),
    "a version that is none": (b"GET /health HTTP/9.9\r\n\r\n", 400),
    "a length that is none": (b"POST /addContact HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n", 400),
    "a chunk that is none": (b"POST /addContact HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "an escape that is none": (b"GET /getContacts?terms=%zz" + END, 400),
    "an asterisk": (b"OPTIONS *" + END, 404),
    "a broken compression": (
        b"POST /addContact HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", 400,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", RAW)
def test_what_is_no_request(server: Server, what: str, caplog: pytest.LogCaptureFixture) -> None:
    """What aiohttp refuses before any handler runs is a problem document too, and nothing of it goes to the log."""
    request, status = RAW[what]
    with caplog.at_level(logging.INFO):
        head, _, body = server.raw(request).partition(b"\r\n\r\n")
    assert f" {status} ".encode() in head.split(b"\r\n")[0]
    assert MEDIA_TYPE.encode() in head
    assert status == json.loads(body)["status"]
    assert not [record for record in caplog.records if record.name.startswith(("aiohttp", "locker"))]


def test_a_long_request_line_is_read(server: Server) -> None:
    """aiohttp's own limit of 8190 bytes is raised: a long query whose letters are all escaped arrives."""
    answer = server.raw(b"GET /getContacts?terms=name:'" + b"%C3%BC" * 4_000 + b"'" + END)
    assert b" 200 OK" in answer.split(b"\r\n")[0]


def test_faults_have_an_id(server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A fault of ours is 500 without its text; the log has it under the id that the answer names, without the address's query."""

    def fault(*_: object, **__: object) -> None:
        raise RuntimeError("our secret inside")

    monkeypatch.setattr(type(server.locker.reader), "listing", fault)
    answer = server.get("/list?type=contact")
    assert (500, MEDIA_TYPE) == (answer.status_code, answer.headers["Content-Type"])
    assert "secret" not in answer.text
    (record,) = [record for record in caplog.records if record.name == "locker.api"]
    assert answer.json()["id"] in record.getMessage()
    assert "type=contact" not in record.getMessage()
    assert record.exc_info


# -- methods ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/health", "/list", "/getContacts?terms=[]", "/connectors", "/openapi.json", "/"])
def test_head_is_get_without_the_body(server: Server, path: str) -> None:
    """HEAD answers the same headers and no body."""
    get, head = server.get(path), server.session.head(server.url + path, timeout=20)
    assert (200, b"") == (head.status_code, head.content)
    assert (get.headers["Content-Type"], get.headers["Content-Length"]) == (head.headers["Content-Type"], head.headers["Content-Length"])


def test_options_tells_the_methods(server: Server) -> None:
    """OPTIONS names what a path answers, without a token and without inviting other sites."""
    answer = server.session.options(server.url + "/getContacts", headers={"Origin": "https://x.org"}, timeout=20)
    assert (204, "GET, HEAD, OPTIONS, POST") == (answer.status_code, answer.headers["Allow"])
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_health_needs_no_token(server: Server) -> None:
    """``/health`` tells status, version, position and lag to anybody."""
    found = server.session.get(server.url + "/health", headers={"Origin": "https://x.org"}, timeout=20).json()
    assert {"status", "version", "position", "lag"} == found.keys()
    assert "ok" == found["status"]


def test_health_tells_what_is_not_composed_yet(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The read model may stand at the end of the log while the composer is stuck before it."""
    behind = server.locker.logbook.position - 3
    monkeypatch.setattr(Composer, "position", property(lambda _: behind))
    assert 3 == server.get("/health").json()["lag"]
