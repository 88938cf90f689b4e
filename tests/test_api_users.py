"""Accounts over HTTP: every status that there is, sessions from signup to logout, application tokens, grants, limits and proxies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.account import DAY, KINDS, run
from locker.locker import Locker
from tests.accounts import PASSWORD, Hands, cheap
from tests.api_server import Server, served

USERS = "/api/v1/users"
ADA = {"email": "ada@example.com", "password": PASSWORD}


@dataclass
class Site:
    """A server with cheap hashes and a clock that is turned by hand."""

    server: Server
    clock: Hands

    def call(self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str) -> requests.Response:
        """A call under ``/api/v1/users``."""
        given = headers | ({"Authorization": f"Bearer {token}"} if token else {})
        return self.server.session.request(method, self.server.url + USERS + path, json=body, headers=given, timeout=20)

    def signed_up(self, email: str = "ada@example.com", role: Any = "default") -> str:
        """A token of a new account."""
        account = run(self.server.locker.accounts.sign_up(email, PASSWORD, role=role))
        return self.server.locker_token(account.owner)  # type: ignore[no-any-return, attr-defined]


@contextmanager
def site(folder: Path, **more: Any) -> Iterator[Site]:
    """A server over an empty locker."""
    clock = Hands()
    with Locker(folder, clock=clock) as locker:
        locker.accounts.passwords = cheap()
        with served(locker, **{"trust_loopback": False, **more}) as server:
            server.tokens._clock = clock
            server.locker_token = lambda owner, scopes=KINDS: server.tokens.make(owner, scopes)  # type: ignore[attr-defined]
            yield Site(server, clock)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    """A server as it is by default."""
    with site(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server for tests that leave no trace, with one account."""
    with site(tmp_path_factory.mktemp("users")) as made:
        made.signed_up()
        yield made


# -- sessions -----------------------------------------------------------------------------------------


def test_the_guides_first_steps(here: Site) -> None:
    """Sign up, log in, use the token: the shapes are those of the guide, and nobody makes an admin of themselves."""
    made = here.call("POST", "/signup", {**ADA, "email": "Ada@Example.com", "role": "admin"})
    assert 201 == made.status_code
    user = {
        "id": 1,
        "email": "ada@example.com",
        "role": "default",
        "created_at": "2026-11-22T08:00:00.000Z",
        "updated_at": "2026-11-22T08:00:00.000Z",
    }
    assert {"user", "token"} == made.json().keys()
    assert user == made.json()["user"]
    entered = here.call("POST", "/login", ADA)
    assert (200, user) == (entered.status_code, entered.json()["user"])
    for answer in (made, entered):
        assert "no-store" == answer.headers["Cache-Control"]
        found = here.call("GET", "/me", token=answer.json()["token"])
        shown = {name: value for name, value in found.json().items() if name not in ENVELOPE}
        assert (200, {"user": user, "owner": "u1", "scopes": ["read", "write"]}) == (found.status_code, shown)
        assert 200 == here.server.get("/getContacts?terms=[]", headers={"Authorization": f"Bearer {answer.json()['token']}"}).status_code


def test_a_wrapped_user_is_welcome(here: Site) -> None:
    """Clients of the later original wrap what they send: ``{"user": {…}}``."""
    assert 201 == here.call("POST", "/signup", {"user": ADA}).status_code
    assert 200 == here.call("POST", "/login", {"user": ADA}).status_code


STATUSES: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/signup", {}, 422, "Email can't be blank, Password can't be blank"),
    ("POST", "/signup", {"email": 1, "password": ["x"]}, 422, "Email can't be blank, Password can't be blank"),
    ("POST", "/signup", {**ADA, "password": "short"}, 422, r"Password is too short \(minimum is 8 characters\)"),
    ("POST", "/signup", ADA, 422, "Email has already been taken"),
    ("POST", "/signup", [], 422, "must be a JSON object"),
    ("POST", "/login", {}, 401, "Invalid email or password"),
    ("POST", "/login", {**ADA, "password": "wrong"}, 401, "Invalid email or password"),
    ("POST", "/login", {**ADA, "email": "nobody@example.com"}, 401, "Invalid email or password"),
    ("POST", "/login", {**ADA, "email": {"$ne": ""}}, 401, "Invalid email or password"),
    ("GET", "/login", None, 405, "answers OPTIONS, POST"),
    ("GET", "/me", None, 401, "a token is needed"),
    ("GET", "/tokens", None, 401, "a token is needed"),
    ("GET", "", None, 401, "a token is needed"),
    ("GET", "/nothing/here", None, 404, "there is nothing at"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "message"), STATUSES)
def test_every_refusal_has_its_status(lasting: Site, method: str, path: str, body: Any, status: int, message: str) -> None:
    """Each mistake has its status and a text that says what to mend, as ``{"error": "…"}`` and nothing else; where two dialects meet, with an envelope."""
    answer = lasting.call(method, path, body)
    assert status == answer.status_code
    assert (["error", *ENVELOPE] if path == "/me" else ["error"]) == list(answer.json())
    assert re.search(message, answer.json()["error"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "/tokens", {}, 422, "a token's name has 1 to 200 characters"),
        ("POST", "/tokens", {"name": "x", "scopes": []}, 422, "at least one scope"),
        ("POST", "/tokens", {"name": "x", "scopes": ["fly"]}, 403, "may not fly yourself"),
        ("POST", "/tokens", {"name": "x", "scopes": ["admin"]}, 403, "may not admin yourself"),
        ("POST", "/tokens", {"name": "x", "scopes": 5}, 422, "scopes is a list"),
        ("POST", "/tokens", {"name": "x", "expires_in": -1}, 422, "expires in the future"),
        ("POST", "/tokens", {"name": "x", "expires_in": True}, 422, "number of seconds"),
        ("POST", "/tokens", {"name": "x", "expires_in": 1e300}, 422, "number of seconds"),
        ("POST", "/tokens", {"name": "x", "expires_at": "2001-01-01"}, 422, "expires in the future"),
        ("POST", "/tokens", {"name": "x", "expires_at": "soon"}, 422, "expires_at a moment like"),
        ("DELETE", "/tokens/nothing", None, 404, "there is no token"),
        ("POST", "/grants", {}, 404, "there is no account"),
        ("POST", "/grants", {"to": "u1"}, 422, "needs no grant to its own locker"),
        ("POST", "/grants", {"to": "me", "access": ["own"]}, 422, "read, write or both"),
        ("DELETE", "/grants/me", None, 404, "not granted"),
        ("GET", "/1", None, 403, "may not admin"),
        ("PATCH", "/1", {"role": "admin"}, 403, "may not admin"),
        ("POST", "/invitations", {}, 403, "may not admin"),
    ],
)
def test_every_refusal_of_a_user(lasting: Site, method: str, path: str, body: Any, status: int, message: str) -> None:
    """What a user may not, or said wrongly, is refused with its status and its reason."""
    answer = lasting.call(method, path, body, lasting.server.tokens.make("u1", KINDS))
    assert (status, ["error"]) == (answer.status_code, list(answer.json()))
    assert message in answer.json()["error"]


def test_refresh_goes_on_with_the_session(here: Site) -> None:
    """A renewed token lives a day from then; the old one stays good until its own end."""
    token = here.signed_up()
    here.clock.turn(hours=23)
    renewed = here.call("POST", "/refresh", token=token)
    assert (200, 1) == (renewed.status_code, renewed.json()["user"]["id"])
    assert 200 == here.call("GET", "/me", token=token).status_code
    here.clock.turn(hours=2)
    assert [401, 200] == [here.call("GET", "/me", token=each).status_code for each in (token, renewed.json()["token"])]
    assert 401 == here.call("POST", "/refresh", token=token).status_code


def test_logout_ends_the_whole_session(here: Site) -> None:
    """Neither the token nor one that was renewed of it works after; another session of the same account does."""
    token, other = here.signed_up(), here.server.tokens.make("u1", KINDS)
    renewed = here.call("POST", "/refresh", token=token).json()["token"]
    assert (204, b"") == ((answer := here.call("POST", "/logout", token=renewed)).status_code, answer.content)
    assert [401, 401, 200] == [here.call("GET", "/me", token=each).status_code for each in (token, renewed, other)]


def test_a_token_is_taken_from_any_place(here: Site) -> None:
    """In the header of any dialect, and for GET in the address, whose answers nobody stores."""
    token = here.signed_up()
    for name in ("X-Likeastore-Access-Token", "X-Access-Token"):
        assert 200 == here.call("GET", "/me", None, None, **{name: token}).status_code
    answer = here.call("GET", f"/me?access_token={token}")
    assert (200, "no-store", "no-referrer") == (answer.status_code, answer.headers["Cache-Control"], answer.headers["Referrer-Policy"])
    assert 401 == here.call("POST", f"/logout?access_token={token}").status_code


def test_two_who_sign_up_at_once(here: Site) -> None:
    """Of ten signups with one address at the same moment one is 201, the others are 422."""
    with ThreadPoolExecutor(10) as pool:
        statuses = list(
            pool.map(lambda number: here.call("POST", "/signup", {**ADA, "password": f"password {number}"}).status_code, range(10))
        )
    assert [201, *[422] * 9] == sorted(statuses)


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.sampled_from(["email", "password", "user", "code"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.lists(st.text(max_size=3), max_size=2),
    )
)
def test_whatever_is_sent_is_answered(lasting: Site, body: dict[str, Any]) -> None:
    """No body makes the server fail, or anybody come in."""
    assert lasting.call("POST", "/signup", body).status_code in (400, 422)
    assert lasting.call("POST", "/login", body).status_code in (400, 401)


# -- who may sign up ----------------------------------------------------------------------------------


def test_signup_can_be_closed(tmp_path: Path) -> None:
    """Closed, nobody signs up, not even with a code; whoever has an account still logs in."""
    with site(tmp_path, signup="closed") as here:
        here.signed_up()
        code = here.server.locker.accounts.invite()
        answer = here.call("POST", "/signup", {"email": "bob@example.com", "password": PASSWORD, "code": code})
        assert (403, ["error"]) == (answer.status_code, list(answer.json()))
        assert 200 == here.call("POST", "/login", ADA).status_code


def test_signup_by_invitation(tmp_path: Path) -> None:
    """With 'invite' a code of an admin lets one person in, with the role that it says."""
    with site(tmp_path, signup="invite") as here:
        assert 403 == here.call("POST", "/signup", ADA).status_code
        admin = here.signed_up("root@example.com", "admin")
        made = here.call("POST", "/invitations", {"role": "editor", "email": "Ada@example.com", "days": 2}, admin)
        assert (201, "editor") == (made.status_code, made.json()["role"])
        bob = {"email": "bob@example.com", "password": PASSWORD, "code": made.json()["code"]}
        assert 403 == here.call("POST", "/signup", bob).status_code
        entered = here.call("POST", "/signup", {**ADA, "code": made.json()["code"]})
        assert (201, "editor") == (entered.status_code, entered.json()["user"]["role"])
        assert 403 == here.call("POST", "/signup", {**bob, "email": "ada@example.com"}).status_code


@pytest.mark.parametrize("body", [{"role": "root"}, {"days": 0}, {"days": True}, {"email": ""}, {"email": 5}])
def test_bad_invitations(lasting: Site, body: dict[str, Any]) -> None:
    """An invitation that makes no sense is 422."""
    lasting.server.locker.accounts.set_role("1", "admin")
    try:
        assert 422 == lasting.call("POST", "/invitations", body, lasting.server.tokens.make("u1", KINDS)).status_code
    finally:
        lasting.server.locker.accounts.set_role("1", "default")


# -- application tokens -------------------------------------------------------------------------------


def test_application_tokens(here: Site) -> None:
    """Made with an expiry of one's choice, listed without the token itself, and good for nothing once revoked or over."""
    own = here.signed_up()
    wished = [
        {"name": "a", "scopes": ["read:contact"], "expires_in": 3600},
        {"name": "b", "scopes": "read write", "expires_at": "2027-11-22T08:00:00Z"},
        {"name": "c"},
    ]
    made = [here.call("POST", "/tokens", wish, own) for wish in wished]
    assert [201] * 3 == [each.status_code for each in made]
    first, second, third = (each.json() for each in made)
    start = int(here.clock.now.timestamp())
    assert [start + 3600, start + 365 * 86400, start + 86400] == [each["expires_at"] for each in (first, second, third)]
    assert [["read:contact"], ["read", "write"], ["read"]] == [each["scopes"] for each in (first, second, third)]
    listed = here.call("GET", "/tokens", token=own)
    assert ["a", "b", "c"] == [each["name"] for each in listed.json()["tokens"]]
    assert not any(each["token"] in listed.text for each in (first, second, third))
    assert 204 == here.call("DELETE", f"/tokens/{second['id']}", token=own).status_code
    assert 404 == here.call("DELETE", f"/tokens/{second['id']}", token=own).status_code
    assert [200, 401, 200] == [
        here.call("GET", "/me", token=each["token"]).status_code if each is not first else 200 for each in (first, second, third)
    ]
    here.clock.turn(hours=2)
    assert ["c"] == [each["name"] for each in here.call("GET", "/tokens", token=here.server.tokens.make("u1")).json()["tokens"]]
    assert 401 == here.call("GET", "/me", token=first["token"]).status_code


def test_an_application_token_makes_nothing_that_lasts(here: Site) -> None:
    """Whoever finds one cannot renew it, make more, or let anybody in; it may end itself."""
    own = here.signed_up()
    here.signed_up("bob@example.com")
    made = here.call("POST", "/tokens", {"name": "a", "scopes": ["read", "write"]}, own).json()
    for method, path, body in [
        ("POST", "/refresh", None),
        ("POST", "/tokens", {"name": "b"}),
        ("POST", "/grants", {"to": "u2"}),
        ("DELETE", "/grants/u2", None),
    ]:
        assert 403 == here.call(method, path, body, made["token"]).status_code
    assert 204 == here.call("DELETE", f"/tokens/{made['id']}", token=made["token"]).status_code
    assert 401 == here.call("GET", "/me", token=made["token"]).status_code


def test_nobody_revokes_anothers_token(here: Site) -> None:
    """Another's token is as unknown as one that does not exist, and stays good."""
    own, bob = here.signed_up(), here.signed_up("bob@example.com")
    made = here.call("POST", "/tokens", {"name": "a"}, own).json()
    answer = here.call("DELETE", f"/tokens/{made['id']}", token=bob)
    assert 404 == answer.status_code
    assert 200 == here.call("GET", "/me", token=made["token"]).status_code


# -- grants and roles ---------------------------------------------------------------------------------


def test_a_grant_shows_a_locker_until_it_is_taken_back(here: Site) -> None:
    """Ada lets Bob read her contacts: he sees them with owner=, nothing else, and nothing afterwards."""
    ada, bob = here.signed_up(), here.signed_up("bob@example.com")
    here.server.locker.composer.add("u1", "contact", {"name": "Friend of Ada"}, "u1")
    here.server.locker.catch_up()

    def seen(path: str) -> tuple[int, bool]:
        answer = here.server.get(f"{path}&owner=u1", headers={"Authorization": f"Bearer {bob}"})
        return answer.status_code, "Friend of Ada" in answer.text

    assert (403, False) == seen("/getContacts?terms=[]")
    made = here.call("POST", "/grants", {"to": "bob@example.com", "access": ["read"], "types": ["contact"]}, ada)
    assert (201, {"owner": "u1", "to": "u2", "access": ["read"], "types": ["contact"], "by": "u1"}) == (
        made.status_code,
        {name: value for name, value in made.json().items() if name != "since"},
    )
    assert (200, True) == seen("/getContacts?terms=[]")
    assert (403, False) == seen("/getMessages?terms=[]")
    assert [1, 0] == [len(here.call("GET", "/grants", token=ada).json()[side]) for side in ("given", "received")]
    assert [0, 1] == [len(here.call("GET", "/grants", token=bob).json()[side]) for side in ("given", "received")]
    assert 204 == here.call("DELETE", "/grants/bob@example.com", token=ada).status_code
    assert (403, False) == seen("/getContacts?terms=[]")


def test_writing_where_it_was_granted_names_the_writer(here: Site) -> None:
    """What Bob adds to Ada's locker is hers, and the record says that he did it."""
    ada, bob = here.signed_up(), here.signed_up("bob@example.com")
    here.call("POST", "/grants", {"to": "u2", "access": ["read", "write"]}, ada)
    made = here.server.post("/addContact?owner=u1", {"name": "Added by Bob"}, headers={"Authorization": f"Bearer {bob}"})
    assert 200 == made.status_code
    assert ["u2"] == [each.by for each in here.server.locker.logbook.records("u1", "contact")]
    assert [] == here.server.locker.logbook.records("u2", "contact")


def test_admins_change_accounts(here: Site) -> None:
    """An admin lists accounts in pages, gives roles and keeps people out, from the next request on."""
    admin = here.signed_up("root@example.com", "admin")
    ada = here.signed_up()
    listed = here.call("GET", "?per_page=1&page=2", token=admin).json()
    assert {"current_page": 2, "total_pages": 2, "total_count": 2, "per_page": 1} == listed["meta"]
    assert ["ada@example.com"] == [each["email"] for each in listed["users"]]
    assert "admin" == here.call("PATCH", "/2", {"role": "admin"}, admin).json()["user"]["role"]
    assert 200 == here.call("GET", "", token=ada).status_code
    assert 200 == here.call("PATCH", "/ada@example.com", {"role": "default", "disabled": True}, admin).status_code
    assert 401 == here.call("GET", "/me", token=ada).status_code
    assert 401 == here.call("POST", "/login", ADA).status_code
    for body in ({}, {"email": "x@example.com"}, {"role": "root"}, {"disabled": "yes"}, {"role": 1}):
        assert 422 == here.call("PATCH", "/2", body, admin).status_code
    assert [404, 404, 422] == [here.call("PATCH", f"/{who}", {"role": "editor"}, admin).status_code for who in ("99", "nobody", "0")]


# -- limits -------------------------------------------------------------------------------------------


ENVELOPE = ("status_code", "status_text", "response")


def counted(call: Callable[[], requests.Response], times: int) -> list[int]:
    """The statuses of so many calls."""
    return [call().status_code for _ in range(times)]


def check_429(answer: requests.Response, limit: int) -> None:
    """A refusal for calling too often says how often one may, and when again."""
    assert 429 == answer.status_code
    assert "Too many requests. Please try again later." == answer.json()["error"]
    assert (str(limit), "0") == (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"])
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert answer.headers["X-RateLimit-Reset"].isdecimal()


def test_logins_are_limited(tmp_path: Path) -> None:
    """So many attempts in 20 minutes, right or wrong; then 429 even for the right password, until the window is over."""
    with site(tmp_path, login_limit=3) as here:
        here.signed_up()
        assert [401, 200, 401, 429] == [
            here.call("POST", "/login", {**ADA, "password": word}).status_code for word in ("wrong", PASSWORD, "wrong", PASSWORD)
        ]
        check_429(here.call("POST", "/login", ADA), 3)
        here.clock.turn(minutes=20)
        assert 200 == here.call("POST", "/login", ADA).status_code


def test_signups_are_limited(tmp_path: Path) -> None:
    """So many signups an hour from one address, failed ones too."""
    with site(tmp_path, signup_limit=2) as here:
        assert [422, 422, 429] == counted(lambda: here.call("POST", "/signup", {}), 3)
        check_429(here.call("POST", "/signup", ADA), 2)
        here.clock.turn(hours=1)
        assert 201 == here.call("POST", "/signup", ADA).status_code


def test_requests_are_limited_per_account(tmp_path: Path) -> None:
    """So many requests a minute for each account, in every dialect together; without a token, for each address."""
    with site(tmp_path, rate_limit=5) as here:
        ada, bob = here.signed_up(), here.signed_up("bob@example.com")
        assert [200] * 4 == counted(lambda: here.call("GET", "/me", token=ada), 4)
        headers = {"Authorization": f"Bearer {ada}"}
        assert [200, 429] == counted(lambda: here.server.get("/getContacts?terms=[]", headers=headers), 2)
        check_429(here.call("GET", "/me", token=ada), 5)
        problem = here.server.get("/list", headers=headers)
        assert ("too_many", "application/problem+json", "5") == (
            problem.json()["code"],
            problem.headers["Content-Type"],
            problem.headers["X-RateLimit-Limit"],
        )
        assert 200 == here.call("GET", "/me", token=bob).status_code
        assert [401] * 5 + [429] == counted(lambda: here.call("GET", "/me", token="wrong"), 6)
        here.clock.turn(minutes=1)
        assert 200 == here.call("GET", "/me", token=ada).status_code


def test_proxies_are_believed_only_if_they_are_named(tmp_path: Path) -> None:
    """X-Forwarded-For moves nobody into another count, unless it comes from a proxy of the settings."""
    with site(tmp_path / "a", signup_limit=1) as here:
        assert [422, 429] == [
            here.call("POST", "/signup", {}, None, **{"X-Forwarded-For": place}).status_code for place in ("192.0.2.1", "192.0.2.2")
        ]
    with site(tmp_path / "b", signup_limit=1, trusted_proxies=(ip_network("127.0.0.0/8"),)) as here:
        places = ("192.0.2.1", "192.0.2.2", "192.0.2.1", "198.51.100.1, 192.0.2.2", "2001:db8::1", "2001:db8::2")
        assert [422, 422, 429, 429, 422, 429] == [
            here.call("POST", "/signup", {}, None, **{"X-Forwarded-For": place}).status_code for place in places
        ]


# -- secrets ------------------------------------------------------------------------------------------


def test_no_file_and_no_log_line_has_a_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Passwords and tokens that went through a server are in no file of it, in no answer that refuses them and in no log line."""
    caplog.set_level("DEBUG")
    with site(tmp_path / "data") as here:
        secret = "planted-password-of-ada"
        token = here.call("POST", "/signup", {"email": "ada@example.com", "password": secret}).json()["token"]
        refused = here.call("POST", "/login", {"email": "ada@example.com", "password": "planted-wrong-one"}).text
        made = here.call("POST", "/tokens", {"name": "x"}, token).json()["token"]
        here.call("GET", f"/me?access_token={made}")
        refused += here.call("GET", "/me", token=f"{made}x").text + here.call("GET", f"/nothing?access_token={made}").text
        here.call("POST", "/logout", token=token)
        logged = "".join(each.getMessage() for each in caplog.records if not each.name.startswith("urllib3"))
        files = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
        for planted in (secret, "planted-wrong-one", token.split(".")[2], made.split(".")[2], "$argon2id$"):
            assert planted.encode() not in files
            assert planted not in logged
            assert planted not in refused


def test_the_clock_of_the_test_is_the_servers(here: Site) -> None:
    """A login's token ends after 24 hours."""
    here.signed_up()
    token = here.call("POST", "/login", ADA).json()["token"]
    here.clock.now += DAY - timedelta(seconds=1)
    assert 200 == here.call("GET", "/me", token=token).status_code
    here.clock.turn(seconds=1)
    assert 401 == here.call("GET", "/me", token=token).status_code
