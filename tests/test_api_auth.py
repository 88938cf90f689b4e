"""
Who may call: tokens in every place where they are taken, scopes, and the trust in this very machine.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from locker.error import Invalid
from locker.locker import Locker
from locker.settings import Settings
from tests.api_server import Server, app, served

auth: Any = import_module("locker.api._auth")
QUERY = "/getContacts?terms=[]"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that trusts nobody without a token."""
    with Locker(tmp_path_factory.mktemp("strict")) as locker, served(locker, trust_loopback=False) as running:
        yield running


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that trusts this machine."""
    with Locker(tmp_path_factory.mktemp("trusting")) as locker, served(locker) as running:
        yield running


@pytest.mark.parametrize("path", ["/list", "/connectors", QUERY, "/fields?contact", "/via?id=contact:1", "/connectors/vcard/getAll"])
def test_a_token_is_needed(strict: Server, path: str) -> None:
    """Without a token 401, with how to send one; nothing of the answer is told."""
    answer = strict.get(path)
    assert (401, "application/problem+json") == (answer.status_code, answer.headers["Content-Type"])
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "Authorization: Bearer" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/"])
def test_some_calls_need_none(strict: Server, path: str) -> None:
    """Health and description are for everybody."""
    assert 200 == strict.get(path).status_code


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Bearer @"}, {"Authorization": "bearer  @ "}, {"X-Likeastore-Access-Token": "@"}, {"X-Access-Token": "@"}],
    ids=lambda headers: next(iter(headers)),
)
def test_tokens_in_headers(strict: Server, headers: dict[str, str]) -> None:
    """All three headers are taken; a bad token in them is refused, in the same words whatever is bad about it."""
    token = strict.tokens.make("me")
    assert 200 == strict.get(QUERY, headers={name: value.replace("@", token) for name, value in headers.items()}).status_code
    changed = token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "B" * 8)
    answers = [
        strict.get(QUERY, headers={name: value.replace("@", bad) for name, value in headers.items()}) for bad in (changed, "x", "a.b.c", "")
    ]
    assert {401} == {answer.status_code for answer in answers}


def test_other_schemes_are_refused(strict: Server) -> None:
    """A password is no token."""
    assert 401 == strict.get(QUERY, headers={"Authorization": "Basic bWU6bWU="}).status_code


def test_a_token_in_the_address(strict: Server, caplog: pytest.LogCaptureFixture) -> None:
    """For GET only; such an answer is kept nowhere, and the token is in no log, errors included."""
    token = strict.tokens.make("me")
    with caplog.at_level(logging.DEBUG):
        good = strict.get(f"{QUERY}&access_token={token}")
        bad = strict.get(f"/getContacts?terms=[a>b]&access_token={token}")
        unknown = strict.get(f"/nothing?access_token={token}")
        posted = strict.post(f"/addContact?access_token={token}", {"name": "Zoe"})
    assert (200, 400, 404, 401) == (good.status_code, bad.status_code, unknown.status_code, posted.status_code)
    for answer in (good, bad, unknown):
        assert ("no-store", "no-referrer") == (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"])
        assert token not in answer.text
    assert not [record for record in caplog.records if not record.name.startswith("urllib3") and token in record.getMessage()]


@pytest.mark.parametrize(
    ("path", "accept"), [(QUERY, "application/x-ndjson"), (QUERY, "application/msgpack"), ("/api/v1/streams/export?", "*/*")]
)
def test_a_token_in_the_address_of_what_is_streamed(strict: Server, path: str, accept: str) -> None:
    """An answer that leaves piece by piece is kept nowhere either; without a token in the address its headers are the usual ones."""
    token = strict.tokens.make("me")
    told = strict.get(f"{path}&access_token={token}", headers={"Accept": accept})
    usual = strict.get(path, headers={"Accept": accept, "Authorization": f"Bearer {token}"})
    assert (200, "no-store", "no-referrer") == (told.status_code, told.headers["Cache-Control"], told.headers["Referrer-Policy"])
    assert (200, "private, no-cache", None) == (usual.status_code, usual.headers["Cache-Control"], usual.headers.get("Referrer-Policy"))


def test_writing_does_not_imply_reading(strict: Server) -> None:
    """Whoever may only write hears the id of what was written, and nothing of what others said of it."""
    for scopes, shown in ((["write"], {"id", "type"}), (["write", "read:contact"], {"id", "type", "subtypes", "time", "via", "body"})):
        headers = {"Authorization": f"Bearer {strict.tokens.make('me', scopes)}"}
        added = strict.post("/addContact", {"emails": ["secret@x.org"]}, headers=headers).json()
        edited = strict.post(f"/editContact?id={added['id']}", {}, headers=headers).json()
        assert (shown, shown) == (set(added), set(edited))


SCOPES = [
    (["read"], "GET", QUERY, 200),
    (["read"], "POST", "/getContacts", 200),
    (["read"], "GET", "/connectors", 200),
    (["read"], "POST", "/addContact", 403),
    (["read"], "POST", "/connectors/mine/push", 403),
    (["write"], "POST", "/addContact", 200),
    (["write"], "POST", "/connectors/mine/push", 200),
    (["write"], "GET", QUERY, 403),
    (["write"], "POST", "/getContacts", 403),
    (["write"], "GET", "/list", 403),
    (["admin"], "GET", QUERY, 403),
    (["read:contact"], "GET", QUERY, 200),
    (["read:contact"], "POST", "/getContacts", 200),
    (["read:contact"], "GET", "/fields?type=contact", 200),
    (["read:contact"], "GET", "/fields?type=message", 403),
    (["read:contact"], "GET", "/getMessages?terms=[]", 403),
    (["read:contact"], "GET", "/list", 403),
    (["read:contact"], "GET", "/connectors", 403),
    (["read:contact"], "GET", "/via?id=contact:1", 403),
]


@pytest.mark.parametrize(("scopes", "method", "path", "status"), SCOPES)
def test_scopes(strict: Server, scopes: list[str], method: str, path: str, status: int) -> None:
    """A token does what it is for and no more; the refusal says what it is good for."""
    body: dict[str, Any] = {"items": []} if "push" in path else {"terms": "[]"} if "get" in path else {"name": "Zoe"}
    headers = {"Authorization": f"Bearer {strict.tokens.make('me', scopes)}"}
    answer = strict.session.request(method, strict.url + path, headers=headers, json=body if method == "POST" else None, timeout=20)
    assert status == answer.status_code, answer.text
    if status == 403:
        assert scopes[0] in answer.json()["detail"]


def test_owners_are_apart(strict: Server) -> None:
    """A token opens its owner's locker; ``owner=`` may say so, and may not name another one."""
    ada, bob = ({"Authorization": f"Bearer {strict.tokens.make(owner)}"} for owner in ("ada", "bob"))
    position = strict.post("/addContact", {"name": "Ada's friend"}, headers=ada).headers["Locker-Position"]
    wait = {"Locker-Position": position}
    mine = strict.get('/getContacts?terms=[name:"Ada\'s friend"]&owner=ada', headers=ada | wait).json()
    assert ["Ada's friend"] == [each["body"]["name"] for each in mine]
    assert [] == strict.get(QUERY, headers=bob | wait).json()
    assert [] == strict.get("/list", headers=bob).json()
    for path in (f"{QUERY}&owner=ada", "/list?owner=ada", "/connectors?owner=ada", "/connectors/contact/getAll?owner=ada"):
        assert 403 == strict.get(path, headers=bob).status_code, path
    assert 404 == strict.post(f"/editContact?id={mine[0]['id']}", {"name": "Bob's"}, headers=bob).status_code


# -- this machine ------------------------------------------------------------------------------------------

TRUST: dict[str, tuple[dict[str, str], int]] = {
    "nothing special": ({}, 200),
    "by name": ({"Host": "localhost:8042"}, 200),
    "by IPv6": ({"Host": "[::1]:8042"}, 200),
    "a name of any case, without a port": ({"Host": "LOCALHOST"}, 200),
    "the browser's address bar": ({"Sec-Fetch-Site": "none"}, 200),
    "a page's own request": ({"Sec-Fetch-Site": "same-origin"}, 200),
    "another site's request": ({"Sec-Fetch-Site": "cross-site"}, 401),
    "with an origin": ({"Origin": "http://127.0.0.1:8042"}, 401),
    "a sandboxed page": ({"Origin": "null"}, 401),
    "a name that points here": ({"Host": "evil.example.org"}, 401),
    "a name that begins like ours": ({"Host": "localhost.example.org"}, 401),
    "an address in a name": ({"Host": "127.0.0.1.example.org:80"}, 401),
    "through a proxy": ({"X-Forwarded-For": "203.0.113.7"}, 401),
}


@pytest.mark.parametrize("what", TRUST)
def test_trust_in_this_machine(trusting: Server, what: str) -> None:
    """With ``trust_loopback`` a request of this machine needs no token, unless it may come from a web page or from elsewhere."""
    headers, status = TRUST[what]
    assert status == trusting.get(QUERY, headers=headers).status_code


def test_a_bad_token_is_not_forgiven(trusting: Server) -> None:
    """Whoever sends a token means it, also at this machine."""
    assert 401 == trusting.get(QUERY, headers={"Authorization": "Bearer x"}).status_code
    bob = {"X-Access-Token": trusting.tokens.make("bob", ["write"])}
    assert 403 == trusting.get(QUERY, headers=bob).status_code


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("x", False),
    ],
)
def test_loopback_addresses(address: str, expected: bool) -> None:
    """Which addresses are this machine's own."""
    assert expected is auth.is_loopback(address)


def test_a_public_address_needs_a_secret(tmp_path: Path) -> None:
    """The server refuses to listen where others can reach it, unless it has a secret."""
    for host in ("0.0.0.0", "::"):
        with pytest.raises(Invalid, match="LOCKER_SECRET"):
            app.check_address(Settings(data=tmp_path, host=host))
    app.check_address(Settings(data=tmp_path, host="0.0.0.0", secret="a secret of enough characters"))
    for host in ("127.0.0.1", "localhost"):
        app.check_address(Settings(data=tmp_path, host=host))


def test_tokens_of_a_secret(tmp_path: Path) -> None:
    """With a secret in the settings its tokens are taken, those of the key file are not."""
    with Locker(tmp_path) as locker, served(locker, trust_loopback=False, secret="a secret of enough characters") as server:
        assert 200 == server.get(QUERY, headers={"X-Access-Token": server.tokens.make("me")}).status_code
        assert not (tmp_path / "token.key").exists()
