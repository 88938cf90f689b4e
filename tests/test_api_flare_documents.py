"""Documents over HTTP: their addresses byte for byte, their revisions, what is logged of them, and reading every one again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from locker.checker import check
from tests.flare import ANN, Flare, flaring, somebody


@pytest.fixture
def flare(tmp_path: Path) -> Iterator[Flare]:
    """A server with nothing in it."""
    with flaring(tmp_path) as made:
        yield made


def at(day: int, **more: Any) -> dict[str, Any]:
    """A document of a day."""
    return {"updatedAt": f"2026-11-{day:02d}T08:00:00Z", **more}


def raw(flare: Flare, method: str, target: str, body: bytes = b"", more: str = "") -> tuple[int, Any]:
    """What a request answers whose first line has these very bytes."""
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    answer = flare.server.raw(head.encode() + body)
    first, _, content = answer.partition(b"\r\n\r\n")
    return int(first.split()[1]), json.loads(content) if content else None


# -- addresses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/documents/http://api.company.com/users/1",
        "/documents/http://api.company.com/users/1/",
        "/documents/http:%2F%2Fapi.company.com%2Fusers%2F1",
        "/documents/http%3A%2F%2Fapi.company.com%2Fusers%2F1",
        "/documents/http%3a//api.company.com/users/1",
        "/documents/http%3A%2F%2Fapi.company.com%2Fusers%2F1%2F",
        "http://127.0.0.1/documents/http://api.company.com/users/1",
    ],
)
def test_however_an_address_is_written(flare: Flare, target: str) -> None:
    """Raw, with an encoded scheme or wholly encoded, with one slash at its end, or as proxies ask: it is the same document."""
    flare.resource()
    assert (202, None) == raw(flare, "PUT", target, json.dumps(at(1)).encode())
    assert [ANN] == [record.key for record in flare.records()]
    status, said = raw(flare, "GET", target)
    assert (200, ANN, at(1)) == (status, said["id"], said["content"])
    assert (202, None) == raw(flare, "DELETE", target)


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("http://api.company.com/users/a%20b", "http://api.company.com/users/a%20b"),
        ("http%3A%2F%2Fapi.company.com%2Fusers%2Fa%2520b", "http://api.company.com/users/a%20b"),
        ("http://api.company.com/users/a%2Fb", "http://api.company.com/users/a%2Fb"),
        ("HTTP://API.company.com:80/users/1", "HTTP://API.company.com:80/users/1"),
        ("http://api.company.com/x/../users/1", "http://api.company.com/x/../users/1"),
        ("http://api.company.com/users/%2e%2e", "http://api.company.com/users/%2e%2e"),
        ("http://api.company.com/users/a+b&c=d;e", "http://api.company.com/users/a+b&c=d;e"),
        ("http://api.company.com/users/a%0D%0Ab", "http://api.company.com/users/a%0D%0Ab"),
        ("http%3A%2F%2Fapi.company.com%2Fusers%2F%C3%BC", "http://api.company.com/users/ü"),
    ],
)
def test_an_address_is_decoded_once_at_most(flare: Flare, target: str, key: str) -> None:
    """A plain address is kept as it is, dots and all; one whose scheme is encoded is decoded once."""
    flare.resource()
    flare.resource("http://api.company.com/x/{a}/{b}/{c}")
    assert (202, None) == raw(flare, "PUT", f"/documents/{target}", json.dumps(at(1)).encode())
    assert [key] == [record.key for record in flare.records()]


@pytest.mark.parametrize(
    ("target", "detail"),
    [
        ("http://api.company.com/users/1?key=value", "should not have query string 'key=value'"),
        ("http%3A%2F%2Fapi.company.com%2Fusers%2F1%3Fkey=value", "should not have query string 'key=value'"),
        ("http%3A%2F%2Fapi.company.com%2Fusers%2F1%23top", "should not have fragment 'top'"),
        ("http://api.company.com/users/1#top", "should not have fragment 'top'"),
        ("http://ann@api.company.com/users/1", "should not have user"),
        ("http:api.company.com/users/1", "should not have opaque"),
        ("http:/api.company.com/users/1", "merged the slashes"),
        ("ftp://api.company.com/users/1", "unknown scheme"),
        ("http:///users/1", "missing host"),
        ("http://api.company.com", "missing path"),
        ("http://api.company.com/", "missing path"),
        ("users/1", "not a whole URL"),
        ("", "not a whole URL"),
        ("http%3A%2F%2Fapi.company.com%2Fusers%2Fa%20b", "percent escape"),
        ("http%3A%2F%2Fapi.company.com%2Fusers%2F%FF", "not UTF-8"),
        ("http://api.company.com/users/%FF", "not UTF-8"),
        ("http://api.company.com/users/100%", "no percent escape"),
        (f"http://api.company.com/users/{'x' * 4096}", "at most 4096 characters"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_addresses_that_are_none(flare: Flare, method: str, target: str, detail: str) -> None:
    """400 ``invalid id``, which says why."""
    flare.resource()
    status, said = raw(flare, method, f"/documents/{target}", b"{}" if method == "PUT" else b"")
    assert (400, "invalid id") == (status, said["error"]["title"])
    assert detail in said["error"]["detail"]


def test_only_reading_has_parameters(flare: Flare) -> None:
    """``revision`` and its like are 400 for PUT and DELETE; a token in the address is for GET only."""
    flare.resource()
    for query in ("revision=1", "revisions", "limit=1", "access_token=x"):
        for method in ("PUT", "DELETE"):
            assert (400, "invalid id") == flare.error(flare.ask(method, f"/documents/{ANN}?{query}", at(1)))[:2]


def test_a_document_of_no_resource(flare: Flare) -> None:
    """404 for writing, with the words of the original; 404 for reading."""
    other = "http://documents/123"
    flare.resource()
    for method in ("PUT", "DELETE"):
        expected = (404, "error during document update", f"could not found a resource for this uri '{other}'")
        assert expected == flare.error(flare.ask(method, f"/documents/{other}", at(1)))
    for url in (other, ANN):
        assert (404, "error during document search", f"document '{url}' not found") == flare.error(flare.get(url))


def test_the_most_specific_resource(flare: Flare) -> None:
    """A literal beats a wildcard from left to right; the scheme counts."""
    any_user, this, other = (
        flare.resource(),
        flare.resource("http://api.company.com/{things}/1"),
        flare.resource("https://api.company.com/users/{id}"),
    )
    flare.put(ANN, at(1))
    flare.put("http://api.company.com/cats/1", at(1))
    flare.put("https://api.company.com/users/1", at(1))
    assert [f"document/{each}" for each in (any_user, this, other)] == [record.type for record in flare.records()]


def test_a_document_stays_with_its_resource(flare: Flare) -> None:
    """A more specific resource that comes later does not take it; once its own is gone, the next write goes to the other."""
    general = flare.resource("http://api.company.com/{things}/{id}")
    flare.put(ANN, at(1))
    special = flare.resource()
    flare.put(ANN, at(2))
    flare.put("http://api.company.com/users/2", at(1))
    assert [general, general, special] == [record.type.partition("/")[2] for record in flare.records()]
    flare.ask("DELETE", f"/resources/{general}")
    assert 404 == flare.get(ANN).status_code
    flare.put(ANN, at(1))
    assert special == flare.records()[-1].type.partition("/")[2]
    assert at(1) == flare.get(ANN).json()["content"]


# -- bodies and revisions ------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"  ", b"[]", b"17", b"null", b"{", b'{"updatedAt": NaN}', b"\xff"])
def test_bodies_that_are_no_documents(flare: Flare, body: bytes) -> None:
    """400 ``invalid body``."""
    flare.resource()
    assert (400, "invalid body") == flare.error(flare.ask("PUT", f"/documents/{ANN}", data=body))[:2]
    assert [] == flare.records()


@pytest.mark.parametrize(
    "value", [None, True, [], {}, "", "17", "2026-11-22", "2026-11-22T08:00:00", 2**63, -(2**63), 1e300, "Sun Nov 22"], ids=str
)
def test_fields_that_are_no_revision(flare: Flare, value: Any) -> None:
    """400 ``data type not supported``: missing, null, a boolean, a list, a text that is no date of the format, more than 64 bits."""
    flare.resource(format=None)
    flare.resource("http://b.org/{id}")
    for url in (ANN, "http://b.org/1"):
        for body in ({"updatedAt": value}, {"inner": {"updatedAt": 17}}):
            status, title, detail = flare.error(flare.ask("PUT", f"/documents/{url}", body))
            assert (400, "invalid body") == (status, title)
            assert "data type not supported" in detail
    assert [] == flare.records()


@pytest.mark.parametrize(
    ("format", "value", "revision"),
    [
        (None, 17, "17"),
        (None, -17, "-17"),
        (None, 17.9, "17"),
        (None, -17.9, "-17"),
        (None, 9007199254740993, "9007199254740993"),
        (None, 2**63 - 1, str(2**63 - 1)),
        (None, "2010-12-10T08:35:08.123456789Z", "1291970108123456789"),
        ("2006-01-02T15:04:05Z07:00", "2010-12-10T08:35:08.008Z", "1291970108008000000"),
        ("2006-01-02T15:04:05Z07:00", 17, "17"),
        ("2006-01-02T15:04:05.999-07:00", "2010-12-10T10:35:08.008+02:00", "1291970108008000000"),
        ("%d.%m.%Y %H:%M:%S", "10.12.2010 08:35:08", "1291970108000000000"),
    ],
)
def test_revisions(flare: Flare, format: str | None, value: Any, revision: str) -> None:
    """Numbers without what is behind their point, whatever the format; moments in nanoseconds, exact."""
    flare.resource(format=format)
    flare.put(ANN, {"updatedAt": value})
    assert [revision] == [record.note["revision"] for record in flare.records()]


def test_only_newer_ones_change_what_stands(flare: Flare) -> None:
    """The same again is nothing new, an older one is logged as late, and both leave the newest; 202 and no body for all of them."""
    flare.resource()
    answers = [flare.put(ANN, at(day, n=n)) for n, day in enumerate((10, 10, 12, 11, 11, 10, 12))]
    assert {b""} == {answer.content for answer in answers}
    assert ["flare:1", None, "flare:2", "flare:3", None, None, None] == [answer.headers.get("Locker-Record") for answer in answers]
    assert [("add", False), ("edit", False), ("edit", True)] == [(record.op, record.is_late) for record in flare.records()]
    assert at(12, n=2) == flare.get(ANN).json()["content"]


def test_what_is_logged_is_what_was_put(flare: Flare) -> None:
    """Every field, also those that a schema of documents would have otherwise, and numbers of any length; who wrote it is there."""
    body = {"updatedAt": 1, "title": 17, "url": [], "big": 2**80, "ü": {"a": [None, 0.1, "\u0000"]}}
    flare.resource(format=None)
    flare.put(ANN, body)
    (record,) = flare.records()
    assert (body, ANN, "add", "me") == (record.body, record.key, record.op, record.by)
    said = json.loads(flare.get(ANN).text)
    assert {"id": ANN, "updatedAt": record.timestamp, "content": body} == said


@given(st.lists(st.one_of(st.integers(-5, 5), st.just("delete")), min_size=1, max_size=15))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_any_life_of_a_document(flare: Flare, life: list[Any]) -> None:
    """Against a plain model: what stands, what is logged, and every revision that can be read again; a check finds nothing wrong."""
    url = f"http://life.org/{len(flare.records())}/x"
    if not flare.ask("GET", "/resources").json()["resources"]:
        flare.resource("http://life.org/{life}/{id}", format=None)
    before = len(flare.records())
    stands, is_deleted, heard, count = None, False, dict[int, int](), 0
    for n, step in enumerate(life):
        if step == "delete":
            assert 202 == flare.ask("DELETE", f"/documents/{url}").status_code
            count += stands is not None and not is_deleted
            is_deleted = stands is not None
            continue
        flare.put(url, {"updatedAt": step, "n": n})
        if stands is None or is_deleted or step > stands:
            stands, is_deleted = step, False
            heard[step], count = n, count + 1
        elif step not in heard:
            heard[step], count = n, count + 1
    assert before + count == len(flare.records())
    answer = flare.get(url)
    if stands is None:
        assert 404 == answer.status_code
        return
    assert {"updatedAt": stands, "n": heard[stands]} == answer.json()["content"]
    assert is_deleted == ("deletedAt" in answer.json())
    for revision, n in heard.items():
        assert n == flare.get(url, f"?revision={revision}").json()["content"]["n"]
    assert count == flare.get(url, "?revisions").json()["pagination"]["total"]
    flare.server.locker.catch_up()
    assert [] == list(check(flare.server.locker))


# -- deleting and reading again ------------------------------------------------------------------------


def test_deleting(flare: Flare) -> None:
    """202; GET still answers the last content, and when it was deleted; again, and for one never put, there is nothing new."""
    flare.resource()
    flare.put(ANN, at(10))
    for _ in range(2):
        answer = flare.ask("DELETE", f"/documents/{ANN}")
        assert (202, b"") == (answer.status_code, answer.content)
    flare.ask("DELETE", "/documents/http://api.company.com/users/2")
    assert ["add", "delete"] == [record.op for record in flare.records()]
    said = flare.get(ANN).json()
    assert (at(10), flare.records()[-1].timestamp) == (said["content"], said["deletedAt"])


@pytest.mark.parametrize("day", [9, 10, 11])
def test_it_returns_after_a_delete(flare: Flare, day: int) -> None:
    """Whatever its revision is then: counting begins anew."""
    flare.resource()
    flare.put(ANN, at(10))
    flare.ask("DELETE", f"/documents/{ANN}")
    flare.put(ANN, at(day, again=True))
    assert ["add", "delete", "edit"] == [record.op for record in flare.records()]
    assert "deletedAt" not in flare.get(ANN).json()
    assert at(day, again=True) == flare.get(ANN).json()["content"]


def test_earlier_revisions(flare: Flare) -> None:
    """By the number, or by the text of the document's field; late ones too; others are 404, and what is neither is 400."""
    flare.resource()
    for day in (10, 12, 11):
        flare.put(ANN, at(day, n=day))
    for day, number in ((10, 1794297600), (11, 1794384000), (12, 1794470400)):
        for asked in (f"{number}000000000", f"2026-11-{day}T08:00:00Z", f"2026-11-{day}T10:00:00%2B02:00"):
            said = flare.get(ANN, f"?revision={asked}").json()
            assert (ANN, at(day, n=day)) == (said["id"], said["content"])
    status, title, detail = flare.error(flare.get(ANN, "?revision=17"))
    assert (404, "error during document search") == (status, title)
    assert "has no revision 17" in detail
    assert 400 == flare.get(ANN, "?revision=yesterday").status_code


def test_a_format_of_digits(flare: Flare) -> None:
    """A text of digits is meant as the document has it; the number of a revision does too, and a document may have numbers beside."""
    flare.resource(format="20060102")
    for value in ("20261122", "20261123", 20261122):
        flare.put(ANN, {"updatedAt": value})
    for asked, value in (("20261122", "20261122"), ("1795392000000000000", "20261123"), ("020261122", 20261122)):
        assert value == flare.get(ANN, f"?revision={asked}").json()["content"]["updatedAt"]


def test_the_list_of_revisions(flare: Flare) -> None:
    """In log order, late ones marked, deletes among them, page by page."""
    flare.resource(format=None)
    for number in (5, 9, 7):
        flare.put(ANN, {"updatedAt": number})
    flare.ask("DELETE", f"/documents/{ANN}")
    said = flare.get(ANN, "?revisions").json()
    times = [record.timestamp for record in flare.records()]
    assert {"limit": 30, "offset": 0, "total": 4} == said["pagination"]
    assert [
        {"revision": "5", "op": "add", "record": "flare:1", "updatedAt": times[0]},
        {"revision": "9", "op": "edit", "record": "flare:2", "updatedAt": times[1]},
        {"revision": "7", "op": "edit", "record": "flare:3", "updatedAt": times[2], "late": True},
        {"revision": None, "op": "delete", "record": "flare:4", "updatedAt": times[3]},
    ] == said["revisions"]
    for limit in (1, 2, 3):
        pages = [flare.get(ANN, f"?revisions&limit={limit}&offset={offset}").json()["revisions"] for offset in range(0, 4, limit)]
        assert said["revisions"] == [each for page in pages for each in page]
    assert [] == flare.get(ANN, "?revisions&limit=0").json()["revisions"]
    assert (400, "invalid pagination") == flare.error(flare.get(ANN, "?revisions&limit=-1"))[:2]
    assert 404 == flare.get("http://api.company.com/users/2", "?revisions").status_code


def test_everybody_has_their_own(flare: Flare) -> None:
    """The same address is another document in another owner's locker; a token for documents alone will do."""
    flare.resource()
    flare.put(ANN, at(10))
    other = somebody(flare)
    assert (404, 404) == (other.get(ANN).status_code, other.ask("PUT", f"/documents/{ANN}", at(11)).status_code)
    other.resource()
    other.put(ANN, at(9))
    assert (at(10), at(9)) == (flare.get(ANN).json()["content"], other.get(ANN).json()["content"])
    token = flare.server.tokens.make("me", ["read:document"])
    scoped = Flare(flare.server, "me", {"Authorization": f"Bearer {token}"})
    assert (at(10), 403) == (scoped.get(ANN).json()["content"], scoped.ask("GET", "/resources").status_code)


def test_documents_are_objects_too(flare: Flare) -> None:
    """What fits the schema of documents can be asked for like any other; late revisions change nothing there."""
    flare.resource(field="n", format=None)
    for n in (1, 3, 2):
        flare.put(ANN, {"n": n, "title": f"title {n}"})
    position = flare.server.locker.logbook.position
    found = flare.server.get(f"/getDocument?terms={quote('[]')}", headers={"Locker-Position": str(position)}).json()
    assert ["title 3"] == [each["body"]["title"] for each in found]
