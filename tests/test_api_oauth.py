"""OAuth2 for programs: every grant, every refusal, over HTTP against a real server."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from locker.locker import Locker

from .api_server import Server, served

TOKEN, AUTHORIZE = "/api/v1/oauth/access_token", "/api/v1/oauth/authorize"
REDIRECT = "http://127.0.0.1:9/callback"
PERSON, PASSWORD = "ada@example.org", "correct horse 1"
VERIFIER = "v" * 50
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class World:
    """A server with one person and one client."""

    def __init__(self, server: Server, secret: str) -> None:
        self.server, self.secret = server, secret

    def token(self, auth: tuple[str, str] | str | None = "", **form: str) -> requests.Response:
        """Ask for a token with a form; by default as the client, with Basic."""
        credentials = ("reader", self.secret) if auth == "" else auth
        return self.server.session.post(self.server.url + TOKEN, data=form, auth=credentials, timeout=20)  # type: ignore[arg-type]

    def password(self, **more: str) -> requests.Response:
        """The documented grant."""
        return self.token(grant_type="password", **{"username": PERSON, "password": PASSWORD, **more})

    def owner(self, token: str) -> str:
        """Whose token it is."""
        answer = self.server.get("/api/v1/users/tokens", headers={"Authorization": f"Bearer {token}"})
        assert 200 == answer.status_code
        return str(self.server.tokens.verify(token).owner)

    def code(self, **more: str) -> str:
        """A code, from the page on which the person lets the client in."""
        answer = self.allow(**more)
        assert 302 == answer.status_code, answer.text
        return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]

    def allow(self, answer: str = "allow", password: str = PASSWORD, **more: str) -> requests.Response:
        """Answer the page."""
        asked = {"response_type": "code", "client_id": "reader", "redirect_uri": REDIRECT, "state": "s t", "code_challenge": CHALLENGE, "code_challenge_method": "S256"}  # fmt: skip
        params = {name: value for name, value in {**asked, **more}.items() if value}
        form = {"username": PERSON, "password": password, "answer": answer}
        return self.server.session.post(self.server.url + AUTHORIZE, params=params, data=form, allow_redirects=False, timeout=20)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("oauth")
    with Locker(folder / "data", keys=folder / "keys") as locker:

        async def fill() -> str:
            await locker.accounts.sign_up(PERSON, PASSWORD)
            return (await locker.accounts.add_client("reader", redirects=[REDIRECT]))[1]

        secret = asyncio.run(fill())
        with served(locker, login_limit=0, rate_limit=0) as server:
            yield World(server, secret)


def refused(answer: requests.Response, status: int, error: str) -> dict[str, Any]:
    """The error of RFC 6749 §5.2 that an answer is."""
    assert (status, error) == (answer.status_code, answer.json()["error"]), answer.text
    assert "no-store" == answer.headers["Cache-Control"]
    said: dict[str, Any] = answer.json()
    return said


def test_the_password_grant_as_documented(world: World) -> None:
    """A JSON body with Basic: the answer is bare, in the shape of RFC 6749, and its token acts for the person."""
    said = {"grant_type": "password", "username": PERSON, "password": PASSWORD}
    answer = requests.post(world.server.url + TOKEN, json=said, auth=("reader", world.secret), timeout=20)
    token = answer.json()
    assert (200, "Bearer", 86400, "read write") == (answer.status_code, token["token_type"], token["expires_in"], token["scope"])
    assert "no-store" == answer.headers["Cache-Control"]
    assert "u1" == world.owner(token["access_token"])


@pytest.mark.parametrize("type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_what_begins_with_a_brace_is_json_whatever_its_type_says(world: World, type: str) -> None:
    """Also the document's odd curl line is understood."""
    for body in (
        f'{{"grant_type":"password","username":"{PERSON}","password":"{PASSWORD}"}}',
        f'{{"grant_type=password", "username={PERSON}", "password={PASSWORD}" }}',
        f"grant_type=password&username={PERSON}&password={PASSWORD.replace(' ', '+')}",
    ):
        basic = b64encode(f"reader:{world.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": type}
        answer = requests.post(world.server.url + TOKEN, data=body.encode(), headers=headers, timeout=20)
        assert 200 == answer.status_code, (type, body, answer.text)


@pytest.mark.parametrize("body", ["{", '{"a"', '{"grant_type=password", 7}', "{}}", "{[]}"])
def test_what_is_neither_json_nor_a_form_is_an_invalid_request(world: World, body: str) -> None:
    """The error says so."""
    refused(requests.post(world.server.url + TOKEN, data=body, auth=("reader", world.secret), timeout=20), 400, "invalid_request")


def test_a_client_proves_itself_in_the_header_or_in_the_body(world: World) -> None:
    """Anything else is invalid_client, 401 with a challenge for Basic, in the same words for unknown clients and wrong secrets."""
    form = {"grant_type": "password", "username": PERSON, "password": PASSWORD}
    assert 200 == world.token(None, client_id="reader", client_secret=world.secret, **form).status_code
    wrong = [
        world.token(("reader", "wrong"), **form),
        world.token(("nobody", "wrong"), **form),
        world.token(None, **form),
        world.token(None, client_id="reader", **form),
        world.token(None, client_id="reader", client_secret="wrong", **form),
    ]
    assert 1 == len({refused(answer, 401, "invalid_client")["error_description"] for answer in wrong})
    assert all(answer.headers["WWW-Authenticate"].startswith("Basic ") for answer in wrong)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password", "username": PERSON, "password": "wrong"}, "invalid_grant"),
        ({"grant_type": "password", "username": "nobody@example.org", "password": PASSWORD}, "invalid_grant"),
        ({"grant_type": "password", "username": PERSON}, "invalid_request"),
        ({"grant_type": "password", "username": PERSON, "password": PASSWORD, "scope": "admin"}, "invalid_scope"),
        ({"grant_type": "password", "username": PERSON, "password": PASSWORD, "scope": "fly"}, "invalid_scope"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "ffffffffff.x"}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "x"}, "invalid_grant"),
    ],
)
def test_errors_are_those_of_the_standard(world: World, form: dict[str, str], error: str) -> None:
    """400 and a word of RFC 6749 §5.2."""
    refused(world.token(**form), 400, error)


def test_a_program_acts_for_itself_with_client_credentials(world: World) -> None:
    """The token is the client's own, and there is nothing to refresh."""
    token = world.token(grant_type="client_credentials", scope="read").json()
    assert ("reader~", "read", False) == (world.server.tokens.verify(token["access_token"]).owner, token["scope"], "refresh_token" in token)


def test_a_refresh_token_is_good_once_and_a_copy_ends_the_session(world: World) -> None:
    """The new pair works; who comes with the old one makes both useless."""
    first = world.password().json()
    second = world.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert "u1" == world.owner(second["access_token"])
    refused(world.token(grant_type="refresh_token", refresh_token=first["refresh_token"]), 400, "invalid_grant")
    refused(world.token(grant_type="refresh_token", refresh_token=second["refresh_token"]), 400, "invalid_grant")
    answer = world.server.get("/api/v1/users/tokens", headers={"Authorization": f"Bearer {second['access_token']}"})
    assert 401 == answer.status_code


def test_a_refreshed_scope_can_only_shrink(world: World) -> None:
    """read of read and write, but not write of read."""
    first = world.password().json()
    second = world.token(grant_type="refresh_token", refresh_token=first["refresh_token"], scope="read").json()
    assert "read" == second["scope"]
    refused(world.token(grant_type="refresh_token", refresh_token=second["refresh_token"], scope="read write"), 400, "invalid_scope")


def test_of_refreshes_that_race_one_wins(world: World) -> None:
    """That a token was used is decided inside the write lock."""
    refresh = world.password().json()["refresh_token"]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: world.token(grant_type="refresh_token", refresh_token=refresh).status_code, range(6)))
    assert 1 == answers.count(200)


def test_a_person_lets_a_program_in(world: World) -> None:
    """The page names the program; the code goes to the registered address with the state, and gives a token once, with the verifier."""
    page = world.server.get(
        f"{AUTHORIZE}?response_type=code&client_id=reader&redirect_uri={REDIRECT}&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
    assert (200, True) == (page.status_code, "<strong>reader</strong>" in page.text)
    assert "DENY" == page.headers["X-Frame-Options"]
    answer = world.allow()
    location = urlsplit(answer.headers["Location"])
    assert (REDIRECT, ["s t"]) == (f"{location.scheme}://{location.netloc}{location.path}", parse_qs(location.query)["state"])
    code = parse_qs(location.query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    refused(world.token(**form, code_verifier="w" * 50), 400, "invalid_grant")
    token = world.token(**form, code_verifier=VERIFIER).json()
    assert "u1" == world.owner(token["access_token"])
    refused(world.token(**form, code_verifier=VERIFIER), 400, "invalid_grant")
    answer = world.server.get("/api/v1/users/tokens", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert 401 == answer.status_code


def test_who_will_not_is_sent_back_with_a_no(world: World) -> None:
    """access_denied and the state; a wrong password stays on the page and tells nothing more."""
    answer = world.allow(answer="deny")
    assert {"error": ["access_denied"], "state": ["s t"]} == {name: value for name, value in parse_qs(urlsplit(answer.headers["Location"]).query).items() if name != "error_description"}  # fmt: skip
    wrong = world.allow(password="wrong")
    assert (200, True) == (wrong.status_code, "Invalid email or password" in wrong.text)


@pytest.mark.parametrize(
    "change", [{"redirect_uri": "https://evil.example/"}, {"client_id": "nobody"}, {"redirect_uri": f"{REDIRECT}/more"}]
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(world: World, change: dict[str, str]) -> None:
    """The request is refused here, without a redirect."""
    answer = world.allow(**change)
    assert (400, False) == (answer.status_code, "Location" in answer.headers)


@pytest.mark.parametrize(
    "change", [{"code_challenge": ""}, {"code_challenge_method": "plain"}, {"response_type": "token"}, {"scope": "admin"}]
)
def test_other_mistakes_go_back_to_the_program(world: World, change: dict[str, str]) -> None:
    """It hears error and state at its own address; no code without PKCE by S256."""
    answer = world.allow(**change)
    assert 302 == answer.status_code, answer.text
    assert {"error", "state"} <= parse_qs(urlsplit(answer.headers["Location"]).query).keys()


def test_a_code_is_for_its_client_alone(world: World) -> None:
    """Another client that got hold of it gets nothing."""
    _, other = asyncio.run(world.server.locker.accounts.add_client("other"))
    form = {"grant_type": "authorization_code", "code": world.code(), "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    refused(world.token(("other", other), **form), 400, "invalid_grant")


def test_no_secret_of_the_flow_is_in_the_log(world: World) -> None:
    """The log says that something was used, by its digest."""
    token = world.password().json()
    world.token(grant_type="refresh_token", refresh_token=token["refresh_token"])
    content = b"".join(path.read_bytes() for path in world.server.locker.data.iterdir() if path.is_file())
    secrets = [token["refresh_token"].partition(".")[2], token["access_token"], PASSWORD, world.secret]
    assert not [secret for secret in secrets if secret.encode() in content]
    assert re.search(rb"refresh [0-9a-f]{64}", content)


@pytest.mark.parametrize(
    "credentials", [b"Basic " + b64encode(b"\xff\xfe:x"), b"Basic \xff\xff==", b"Basic", b"Basic =", b"Basic " + b64encode(b"reader")]
)
def test_credentials_that_are_no_text_prove_nothing(world: World, credentials: bytes) -> None:
    """Whatever stands in the header, the answer is 401 and says how to prove oneself, with the realm that RFC 7617 wants."""
    headers: Any = {"Authorization": credentials}
    answer = world.server.session.post(world.server.url + TOKEN, data={"grant_type": "client_credentials"}, headers=headers, timeout=20)
    assert (401, "invalid_client") == (answer.status_code, answer.json()["error"])
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="locker", ')


def test_a_parameter_comes_once(world: World) -> None:
    """RFC 6749 §3.1 and §3.2: of two that contradict each other none is taken, neither for a token nor on the consent page."""
    session, url = world.server.session, world.server.url
    twice = "grant_type=client_credentials&grant_type=password"
    answer = session.post(url + TOKEN, data=twice, auth=("reader", world.secret), timeout=20)
    assert (400, "invalid_request") == (answer.status_code, answer.json()["error"])
    asked = f"?response_type=code&client_id=reader&redirect_uri=http://evil.example/&redirect_uri={REDIRECT}&code_challenge={CHALLENGE}&code_challenge_method=S256"
    answer = session.get(url + AUTHORIZE + asked, timeout=20, allow_redirects=False)
    assert (400, "invalid_request") == (answer.status_code, answer.json()["error"])
