"""``/connections``: secrets go in and never come out; one's own connections and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from locker.guard import Guard
from tests.connected import Place, connected
from tests.network import Token

TOKEN = "planted-access-token"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A server and a network where a token was made by hand."""
    with connected(tmp_path) as made:
        made.network.tokens.append(Token(TOKEN, "", "", "", 2**40))
        yield made


def make(place: Place, owner: str = "u1", query: str = "", **said: Any) -> Any:
    """POST /connections."""
    return place.ask(
        "POST", f"/connections{query}", owner, json={"connector": "fake", "base_url": place.network.url, "token": TOKEN, **said}
    )


def test_made_seen_and_forgotten(place: Place) -> None:
    """The token is tried, the account learned; then it is listed, read, and removed, and its secrets with it."""
    made = make(place)
    assert 201 == made.status_code, made.text
    shown = made.json()
    assert ("fake", "fake", "initial", {"id": "7", "username": "ada"}) == tuple(
        shown[name] for name in ("source", "connector", "mode", "account")
    )
    assert [shown | {"records": 0}] == place.ask("GET", "/connections").json()
    assert shown | {"records": 0} == place.ask("GET", "/connections/fake").json()
    vault = place.server.locker.vault
    assert ["connection/u1/fake/token"] == vault.names("connection/")
    assert TOKEN not in made.text + place.ask("GET", "/connections").text
    assert 204 == place.ask("DELETE", "/connections/fake").status_code
    assert ([], [], 404) == (
        vault.names("connection/"),
        place.ask("GET", "/connections").json(),
        place.ask("GET", "/connections/fake").status_code,
    )


def test_a_second_account_and_a_renewed_token(place: Place) -> None:
    """``source`` names it; the same again renews."""
    assert ["fake", "fake.work", "fake"] == [make(place, **more).json()["source"] for more in ({}, {"source": "fake.work"}, {})]
    assert ["fake", "fake.work"] == [each["source"] for each in place.ask("GET", "/connections").json()]


def test_everyone_has_their_own(place: Place) -> None:
    """Nobody sees, changes or removes another's; a grant to write lets one in."""
    make(place)
    assert [] == place.ask("GET", "/connections", "u2").json()
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/sync"), ("POST", "/disable")):
        assert 404 == place.ask(method, f"/connections/fake{path}", "u2").status_code
        assert 403 == place.ask(method, f"/connections/fake{path}?owner=u1", "u2").status_code
    place.server.locker.accounts.grant("u1", "u2", ["read", "write"])
    assert 200 == place.ask("GET", "/connections/fake?owner=u1", "u2").status_code
    assert 200 == place.ask("POST", "/connections/fake/disable?owner=u1", "u2").status_code


def test_a_client_connects_its_users(place: Place) -> None:
    """Each of its users apart, by the name that the client has for them."""
    for user in ("bob", "eve"):
        assert 201 == make(place, "acme~", f"?user={user}").status_code
    assert ["acme~bob"] == [each["owner"] for each in place.ask("GET", "/connections?user=bob", "acme~").json()]
    assert 204 == place.ask("DELETE", "/connections/fake?user=bob", "acme~").status_code
    assert (0, 1) == tuple(len(place.ask("GET", f"/connections?user={user}", "acme~").json()) for user in ("bob", "eve"))
    assert 403 == make(place, "u1", "?user=bob").status_code


def test_what_an_owner_may_ask_for(place: Place) -> None:
    """Run it now, walk everything again, rest, wake up."""
    make(place)
    for what, status, mode in (
        ("backfill", 202, "initial"),
        ("sync", 202, "initial"),
        ("disable", 200, "disabled"),
        ("enable", 200, "initial"),
    ):
        answer = place.ask("POST", f"/connections/fake/{what}")
        assert (status, mode) == (answer.status_code, answer.json()["mode"])
    place.ask("POST", "/connections/fake/disable")
    assert 409 == place.ask("POST", "/connections/fake/sync").status_code


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        ({"token": "planted-wrong"}, 422, "fake.example/settings"),
        ({"token": None}, 422, "wants to know who asks"),
        ({"connector": "nothing"}, 404, "there are"),
        ({"connector": ""}, 422, "which network"),
        ({"connector": 7}, 422, "text"),
        ({"source": "screen.x"}, 422, "begins with it"),
        ({"colour": "red"}, 422, "has no 'colour'"),
        ({"options": {"colour": "red"}}, 422, "no option 'colour'"),
        ({"options": ["red"]}, 422, "texts by name"),
        ({"base_url": "file:///etc/passwd"}, 422, "scheme"),
        ({"base_url": "http://10.0.0.1"}, 403, "allow_networks"),
        ({"base_url": "http://169.254.169.254"}, 403, "metadata|link-local"),
        ({"trusted": True}, 422, "has no 'trusted'"),
    ],
)
def test_what_is_wrong_is_told(place: Place, said: dict[str, Any], status: int, told: str) -> None:
    """A problem document that says what to do; nothing is kept, and no secret is repeated."""
    answer = make(place, **said)
    assert (status, "application/problem+json") == (answer.status_code, answer.headers["Content-Type"]), answer.text
    assert any(each in answer.json()["detail"] for each in told.split("|"))
    assert ([], []) == (place.ask("GET", "/connections").json(), place.server.locker.vault.names("connection/"))
    assert not any(secret in answer.text for secret in (TOKEN, "planted-wrong"))


def test_a_private_address_needs_the_setting(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operator may do on the command line nobody may over HTTP: this machine is out of reach without allow_networks."""
    monkeypatch.setattr(place.server.locker, "guard", Guard())
    assert 403 == make(place).status_code


def test_what_the_operator_trusted_stays_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base URL that was named on the command line still works when the token is renewed over HTTP without naming another."""
    monkeypatch.setattr(place.server.locker, "guard", Guard())
    place.server.locker.connections.add("u1", "fake", base_url=place.network.url, secrets={"token": "old"}, trusted=True)
    assert 201 == place.ask("POST", "/connections", json={"connector": "fake", "token": TOKEN}).status_code
    assert 403 == make(place).status_code


def test_no_program_runs_for_a_caller(place: Place) -> None:
    """What runs programs of this machine is connected on the command line only, and not changed from elsewhere either."""
    said = {"connector": "singer", "options": {"tap": "tap-github"}}
    assert 403 == place.ask("POST", "/connections", json=said).status_code
    place.server.locker.connections.add("u1", "singer", options={"tap": "tap-github"}, trusted=True)
    assert 403 == place.ask("POST", "/connections", json=said).status_code
    assert {"tap": "tap-github"} == place.ask("GET", "/connections/singer").json()["options"]
