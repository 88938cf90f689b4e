"""
The connectors' calls over HTTP: every record in order, its history, what is current, and pushing more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import requests

from locker.locker import Locker
from tests.api_server import Server, served

PUSHES: list[list[dict[str, Any]]] = [
    [{"type": "contact/mine", "key": "a", "body": {"name": "A"}}, {"type": "link", "key": "l", "body": {"url": "https://x.org"}}],
    [{"type": "contact", "key": "b", "body": {"name": "B"}}, {"type": "contact", "key": "a", "body": {"name": "A2"}}],
    [{"type": "contact", "key": "b", "body": None}, {"type": "contact", "key": "c", "body": {"name": "C"}}],
    [{"type": "contact", "key": "a", "body": {"name": "A3"}}],
]
BASE = "/connectors/mine"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Server]:
    """An empty locker, served."""
    with Locker(tmp_path) as locker, served(locker) as running:
        yield running


@pytest.fixture
def server(empty: Server) -> Server:
    """A locker with a source that was pushed in four parts: mine:1 to mine:7."""
    for items in PUSHES:
        assert 200 == empty.post(f"{BASE}/push", {"items": items}).status_code
    return empty


def ids(answer: requests.Response) -> list[str]:
    """The ids of an answer's records."""
    assert 200 == answer.status_code, answer.text
    return [record["id"] for record in answer.json()]


def test_connectors(server: Server) -> None:
    """Every connector with its types, state and count, and the sources that were pushed."""
    found = {each["name"]: each for each in server.get("/connectors").json()}
    assert {"vcard", "mbox", "twitter-archive", "mine"} <= found.keys()
    assert ("empty", 0, ["contact/vcard"]) == (found["vcard"]["state"], found["vcard"]["count"], found["vcard"]["types"])
    assert ("filled", 7, ["contact/mine", "link/mine"]) == (found["mine"]["state"], found["mine"]["count"], found["mine"]["types"])


def test_get_types(server: Server) -> None:
    """The service types that have records; none of a connector that nothing came of."""
    assert ["contact/mine", "link/mine"] == server.get(f"{BASE}/getTypes").json()
    assert [] == server.get("/connectors/vcard/getTypes").json()


def test_get_all(server: Server) -> None:
    """Every record in log order, edits and deletes included, with the fields that records have."""
    records = server.get(f"{BASE}/getAll").json()
    assert [f"mine:{n}" for n in range(1, 8)] == [record["id"] for record in records]
    assert ["add", "add", "add", "edit", "delete", "add", "edit"] == [record["op"] for record in records]
    assert [None, None, None, "mine:1", "mine:3", None, "mine:1"] == [record.get("reference") for record in records]
    assert {"id", "timestamp", "source", "type", "op", "key", "digest", "by", "body"} == records[0].keys()
    assert {"name": "B"} == records[4]["body"]
    assert sorted(record["timestamp"] for record in records) == [record["timestamp"] for record in records]


def test_pages_of_records(server: Server) -> None:
    """Limit, offset and type choose; following the links gives everything once; too large a limit is clamped."""
    assert ["mine:3", "mine:4"] == ids(server.get(f"{BASE}/getAll?limit=2&offset=2"))
    assert ["mine:2"] == ids(server.get(f"{BASE}/getAll?type=link/mine"))
    assert ["mine:2"] == ids(server.get(f"{BASE}/getAll?type=link"))
    assert 6 == len(ids(server.get(f"{BASE}/getAll?type=contact&limit=100000")))
    for call in (
        "getAll?limit=2",
        "getAll?limit=2&type=contact&offset=1",
        "getSince?id=mine:2&limit=2",
        "getCurrent?limit=1",
        "getCurrent?limit=2&offset=1",
    ):
        everything = ids(server.get(f"{BASE}/{call.replace('limit=2', '').replace('limit=1', '')}"))
        found, address = list[str](), f"{BASE}/{call}"
        while address:
            answer = server.get(address)
            found += ids(answer)
            assert len(found) <= len(everything), call
            address = answer.links.get("next", {}).get("url", "")
        assert everything == found, call


def test_get_id(server: Server) -> None:
    """A record, and those that refer to it."""
    found = server.get(f"{BASE}/getID?id=mine:1").json()
    assert ("mine:1", ["mine:4", "mine:7"]) == (found["record"]["id"], [each["id"] for each in found["references"]])
    assert [] == server.get(f"{BASE}/getID?id='mine:4'").json()["references"]


def test_get_since(server: Server) -> None:
    """After an id, exclusively; at or after a time."""
    assert ["mine:6", "mine:7"] == ids(server.get(f"{BASE}/getSince?id=mine:5"))
    assert [] == ids(server.get(f"{BASE}/getSince?id=mine:7"))
    times = [record["timestamp"] for record in server.get(f"{BASE}/getAll").json()]
    for time in times:
        expected = [f"mine:{n}" for n, other in enumerate(times, 1) if other >= time]
        assert expected == ids(server.get(f"{BASE}/getSince?time={time}"))
    assert 7 == len(ids(server.get(f"{BASE}/getSince?time=2011")))
    assert [] == ids(server.get(f"{BASE}/getSince?time=[2990]"))


def test_get_current(server: Server) -> None:
    """One record for each living thing: its newest body, the id of its first record, the newest one's as version."""
    found = {record["id"]: (record["version"], record["body"]) for record in server.get(f"{BASE}/getCurrent").json()}
    assert {
        "mine:1": ("mine:7", {"name": "A3"}),
        "mine:2": ("mine:2", {"url": "https://x.org"}),
        "mine:6": ("mine:6", {"name": "C"}),
    } == found


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/connectors/nothing/getAll", 404, "there is no source 'nothing'; there are"),
        ("/connectors/contact/getAll", 404, "there is no source 'contact'"),
        ("/connectors/mine/getNothing", 404, "there is nothing at"),
        ("/connectors/mine/getID", 400, "id=mine:17"),
        ("/connectors/mine/getID?id=vcard:1", 400, "id=mine:17"),
        ("/connectors/mine/getID?id=mine:99", 404, "no record mine:99"),
        ("/connectors/mine/getID?id=mine:x", 400, "not an id"),
        ("/connectors/mine/getSince", 400, "either id"),
        ("/connectors/mine/getSince?id=mine:1&time=2011", 400, "either id"),
        ("/connectors/mine/getSince?id=mine:99", 404, "mine:99"),
        ("/connectors/mine/getSince?time=yesterday", 400, "is no time"),
        ("/connectors/mine/getAll?limit=-1", 400, "whole number"),
        ("/connectors/mine/getAll?after=x", 400, "cursor"),
        ("/connectors/mine/getAll?after=WyJhIiwiYiJd", 400, "another list"),
        ("/connectors/mine/getAll?limits=1", 400, "no parameter 'limits'"),
        ("/connectors/mine/push", 405, "POST"),
    ],
)
def test_refusals(server: Server, path: str, status: int, said: str) -> None:
    """Each mistake is told with what to do instead."""
    answer = server.get(path)
    assert (status, True) == (answer.status_code, said in answer.json()["detail"]), answer.text
    assert "application/problem+json" == answer.headers["Content-Type"]


# -- pushing --------------------------------------------------------------------------------------------


def test_push_tells_what_became_of_items(empty: Server) -> None:
    """Counts of what was new, and each rejected item with its index and reason; the others are appended."""
    items: list[Any] = [
        {"type": "contact", "key": "a", "body": {"name": "A"}},
        {"type": "contact", "key": "b", "body": {"name": 5}},
        "no item",
        {"type": "contact", "key": "c"},
        {"type": "anything/goes", "key": "d", "body": {"x": [1, None]}},
        {"type": "contact", "key": "a", "body": {"name": "A"}},
    ]
    answer = empty.post(f"{BASE}/push", items)
    told = answer.json()
    assert (2, 0, 0, 1, 3) == tuple(told[name] for name in ("added", "edited", "deleted", "unchanged", "rejected"))
    assert [1, 2, 3] == [error["index"] for error in told["errors"]]
    assert "/name" in told["errors"][0]["error"]
    assert int(answer.headers["Locker-Position"]) == empty.locker.record("me", "mine:2").position
    again = empty.post(f"{BASE}/push", items).json()
    assert (0, 3) == (again["added"], again["unchanged"])


def test_a_push_of_nothing_new_has_a_position(empty: Server) -> None:
    """Whoever pushes what is known already can wait for it all the same: somebody else may have pushed it a moment ago."""
    items = [{"type": "contact", "key": "a", "body": {"name": "A"}}]
    positions = [empty.post(f"{BASE}/push", items).headers["Locker-Position"] for _ in range(2)]
    assert int(positions[1]) >= int(positions[0]) > 0
    assert 1 == len(empty.get("/getContacts?terms=[]", headers={"Locker-Position": positions[1]}).json())


FORMS: dict[str, tuple[str, Any]] = {
    "an object": ("application/json", lambda items: json.dumps({"items": items})),
    "an array": ("application/json; charset=utf-8", json.dumps),
    "lines": ("application/x-ndjson", lambda items: "".join(json.dumps(item) + "\r\n\n" for item in items)),
    "lines without an end": ("application/jsonl", lambda items: "\n".join(map(json.dumps, items))),
    "JSON that curl calls a form": ("application/x-www-form-urlencoded", lambda items: "\n " + json.dumps({"items": items})),
    "an array that curl calls a form": ("application/x-www-form-urlencoded", json.dumps),
    "MessagePack items": ("application/msgpack", lambda items: b"".join(map(msgpack.packb, items))),
    "a MessagePack array": ("application/x-msgpack", msgpack.packb),
    "a MessagePack object": ("application/vnd.msgpack", lambda items: msgpack.packb({"items": items})),
}


@pytest.mark.parametrize("form", FORMS)
def test_push_in_every_form(empty: Server, form: str) -> None:
    """JSON, lines and MessagePack say the same."""
    type, write = FORMS[form]
    answer = empty.post(f"{BASE}/push", data=write(PUSHES[0]), headers={"Content-Type": type})
    assert (200, 2) == (answer.status_code, answer.json().get("added")), answer.text
    assert ["mine:1", "mine:2"] == ids(empty.get(f"{BASE}/getAll"))


def test_long_pushes_go_by_pages(empty: Server) -> None:
    """Thousands of lines are appended as they come; an error keeps the number of its line."""
    lines = [json.dumps({"type": "note", "key": str(n), "body": {"n": n}}) for n in range(1600)]
    lines[1500] = "{broken"
    lines[700] = "7"
    told = empty.post(f"{BASE}/push", data="\n".join(lines), headers={"Content-Type": "application/x-ndjson"}).json()
    assert (1598, 2, [700, 1500]) == (told["added"], told["rejected"], [error["index"] for error in told["errors"]])
    assert "not valid JSON" in told["errors"][1]["error"]


@pytest.mark.parametrize(
    ("type", "body", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b'{"items": 5}', 400),
        ("application/json", b'{"a": 1, "a": 2}', 400),
        ("application/json", b'["\\ud800"]', 400),
        ("application/json", b"[" * 100_000, 400),
        ("application/json", b"\xff\xfe", 400),
        ("application/msgpack", b"\xc1", 400),
        ("application/msgpack", b"\x83\xa4type", 400),
        ("application/msgpack", b"\x91" * 3000, 400),
        ("text/plain", b"[]", 415),
        ("application/x-www-form-urlencoded", b"items=[]", 415),
        ("application/x-www-form-urlencoded", b'{"items": [', 400),
        ("multipart/form-data; boundary=x", b"--x--", 415),
    ],
)
def test_broken_pushes(empty: Server, type: str, body: bytes, status: int) -> None:
    """What cannot be read is refused as a whole, and the server goes on."""
    answer = empty.post(f"{BASE}/push", data=body, headers={"Content-Type": type})
    assert status == answer.status_code, answer.text
    assert status == answer.json()["status"]
    assert 200 == empty.get("/health").status_code


def test_a_source_that_is_taken(empty: Server) -> None:
    """Nobody can push in the name of a connector or of a collection, or under a name that is none."""
    for name in ("vcard", "vcard.work", "contact", "UPPER"):
        answer = empty.post(f"/connectors/{name}/push", [])
        assert 400 == answer.status_code, name


def test_a_gone_thing_can_return(empty: Server) -> None:
    """A null body deletes; the next body is an edit of the same first record."""
    for body in ({"name": "A"}, None, {"name": "A"}):
        empty.post(f"{BASE}/push", [{"type": "contact", "key": "a", "body": body}])
    assert ["add", "delete", "edit"] == [record["op"] for record in empty.get(f"{BASE}/getAll").json()]


def test_large_numbers_stay_exact(empty: Server) -> None:
    """Integers beyond 64 bits come back digit by digit, in JSON and, as text, in MessagePack."""
    body = b'[{"type": "note", "key": "n", "body": {"n": 123456789012345678901234567890}}]'
    empty.post(f"{BASE}/push", data=body, headers={"Content-Type": "application/json"})
    assert 123456789012345678901234567890 == empty.get(f"{BASE}/getAll").json()[0]["body"]["n"]
    packed = empty.get(f"{BASE}/getAll", headers={"Accept": "application/msgpack"}).content
    assert "123456789012345678901234567890" == msgpack.unpackb(packed)["body"]["n"]
