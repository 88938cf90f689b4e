"""OAuth against authlib's own servers, over real HTTP: every flow, every way it ends, and every vector that others publish."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from aiohttp import web
from authlib.oauth1.rfc5849 import ClientAuth
from authlib.oauth1.rfc5849.signature import normalize_base_string_uri

from locker.authorisation import OAuth1, OAuth2
from locker.error import Fatal, Invalid, Retriable, Unauthorized
from locker.guard import Guard
from locker.oauth import Application, Client1, Client2, Pending, challenge_of, sign1, signature
from locker.oauth_answer import granted
from locker.reach import Reach
from tests.network import CLIENT_ID, CLIENT_SECRET, KEY, KEY_SECRET, Client, Network, serving

from .shared import DATA, needs_shared

BACK = "http://127.0.0.1:8042/connect/fake/callback"
WAY2 = OAuth2(authorize="/authorize", token="/token", scopes=("read", "likes"), device="/device", register="/register")
WAY1 = OAuth1(request="/initiate", authorize="/authorize1", access="/access", params={"perms": "read"})
VERIFIER = "a" * 43
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


@pytest.fixture
def network() -> Iterator[Network]:
    """A network that lets our callback be."""
    with serving() as made:
        made.clients[CLIENT_ID].redirect_uris = (BACK,)
        yield made


@pytest.fixture
async def reach() -> AsyncIterator[Reach]:
    """A way out to this machine."""
    async with Reach(Guard((ip_network("127.0.0.0/8"),))) as made:
        yield made


def client2(network: Network, reach: Reach, **changed: Any) -> Client2:
    """The client that the network knows."""
    return Client2(replace(WAY2, **changed), Application(CLIENT_ID, CLIENT_SECRET), network.url, reach)


def visit(url: str) -> dict[str, str]:
    """A person follows a link and agrees; the query of where they end up."""
    answer = requests.get(url, allow_redirects=False, timeout=10)
    assert 302 == answer.status_code, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


async def test_a_code_is_exchanged_with_its_verifier(network: Network, reach: Reach) -> None:
    """The way there carries state, scopes and the challenge; the way back a code, which the verifier opens."""
    client = client2(network, reach)
    url = client.authorize_url(BACK, "a-state", VERIFIER)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert challenge_of(VERIFIER) == asked["code_challenge"]
    assert ("S256", "read likes", BACK) == (asked["code_challenge_method"], asked["scope"], asked["redirect_uri"])
    said = visit(url)
    assert "a-state" == said["state"]
    found = await client.exchange(said["code"], BACK, VERIFIER)
    assert network.living(found.token)
    assert found.expires is not None
    assert 3500 < (found.expires - datetime.now(UTC)).total_seconds() <= 3600


@pytest.mark.parametrize("client_auth", ["client_secret_post", "client_secret_basic"])
async def test_the_client_proves_itself_as_its_service_wants(network: Network, reach: Reach, client_auth: str) -> None:
    """The secret goes into the body or into the header, as declared."""
    client = client2(network, reach, client_auth=client_auth)
    said = visit(client.authorize_url(BACK, "s", VERIFIER))
    assert (await client.exchange(said["code"], BACK, VERIFIER)).token
    assert ("client_secret_post" == client_auth) == (CLIENT_SECRET in network.bodies[-1])


async def test_a_client_without_a_secret_is_public(network: Network, reach: Reach) -> None:
    """Where the operator has no secret, the client only names itself; PKCE is the proof."""
    network.clients["public"] = Client("public", "", (BACK,))
    client = Client2(WAY2, Application("public"), network.url, reach)
    said = visit(client.authorize_url(BACK, "s", VERIFIER))
    assert (await client.exchange(said["code"], BACK, VERIFIER)).refresh_token


async def test_a_wrong_verifier_opens_nothing(network: Network, reach: Reach) -> None:
    """Whoever caught the code cannot use it, and the error repeats neither code nor verifier."""
    client = client2(network, reach)
    said = visit(client.authorize_url(BACK, "s", VERIFIER))
    with pytest.raises(Unauthorized, match="refuses") as caught:
        await client.exchange(said["code"], BACK, "b" * 43)
    assert not any(secret in str(caught.value) for secret in (said["code"], "b" * 43, CLIENT_SECRET))


async def test_refreshing_rotates(network: Network, reach: Reach) -> None:
    """Both tokens are others afterwards, and the refresh token of before is good for nothing."""
    client = client2(network, reach)
    first = await client.exchange(visit(client.authorize_url(BACK, "s", VERIFIER))["code"], BACK, VERIFIER)
    second = await client.refresh(first.refresh_token)
    assert (True, False) == (network.living(second.token), network.living(first.token))
    with pytest.raises(Unauthorized, match="invalid_grant"):
        await client.refresh(first.refresh_token)


async def test_a_client_that_the_service_forgot(network: Network, reach: Reach) -> None:
    """A refused client is told apart from a refused token: the operator must look at the settings."""
    client = Client2(WAY2, Application(CLIENT_ID, "wrong"), network.url, reach)
    with pytest.raises(Unauthorized, match="oauth_clients"):
        await client.refresh("whatever")


async def test_a_device_waits_for_its_person(network: Network, reach: Reach) -> None:
    """Pending, then slower, then a token; the pauses are what the service asks for."""
    client = client2(network, reach)
    device = await client.begin_device()
    assert f"{network.url}/activate?user_code={device.user_code}" == device.verification_url
    with pytest.raises(Pending) as pending:
        await client.poll(device)
    assert 1.0 == pending.value.after
    network.device = "slow"
    with pytest.raises(Pending) as slow:
        await client.poll(device)
    assert 6.0 == slow.value.after
    assert network.living((await client.poll(device)).token)


@pytest.mark.parametrize(("way", "told"), [("denied", "refused"), ("expired", "in time")])
async def test_a_device_is_refused_or_too_slow(network: Network, reach: Reach, way: str, told: str) -> None:
    """Both end the flow, each in words of its own."""
    client = client2(network, reach)
    device = await client.begin_device()
    network.device = way
    with pytest.raises(Unauthorized, match=told) as caught:
        await client.poll(device)
    assert device.device_code not in str(caught.value)
    assert device.device_code not in repr(device)


async def test_a_device_code_ends_by_our_clock_too(network: Network, reach: Reach) -> None:
    """Nobody is asked about a code that must have expired."""
    client = client2(network, reach)
    device = replace(await client.begin_device(), expires=datetime.now(UTC) - timedelta(seconds=1))
    asked = len(network.seen)
    with pytest.raises(Unauthorized, match="in time"):
        await client.poll(device)
    assert asked == len(network.seen)


async def test_a_client_is_made_on_the_fly(network: Network, reach: Reach) -> None:
    """Where a service has an endpoint for that, a client is made for our redirect URI and nothing else."""
    made = await Client2(WAY2, Application(""), network.url, reach).register(BACK, "Locker")
    assert ((BACK,), made.client_secret) == (network.clients[made.client_id].redirect_uris, network.clients[made.client_id].client_secret)
    client = Client2(WAY2, made, network.url, reach)
    assert (await client.exchange(visit(client.authorize_url(BACK, "s", VERIFIER))["code"], BACK, VERIFIER)).token


async def test_three_legs(network: Network, reach: Reach) -> None:
    """OAuth 1.0a: request token, a person, token; then requests are signed with it, their query and their form too."""
    client = Client1(WAY1, Application(KEY, KEY_SECRET), network.url, reach)
    token, secret = await client.begin(BACK, "nonce-1")
    url = client.authorize_url(token)
    assert {"oauth_token": token, "perms": "read"} == dict(parse_qsl(urlsplit(url).query))
    said = visit(url)
    found = await client.finish(said["oauth_token"], secret, said["oauth_verifier"], "nonce-2")
    for number, (method, path, headers, body) in enumerate(
        [
            ("GET", "/signed?q=a b&x=%7E['$]&empty=", {}, b""),
            ("GET", "/signed?z=%C3%A9&z=2", {}, b""),
            ("POST", "/signed", {"Content-Type": "application/x-www-form-urlencoded"}, b"text=one+two&x=%2B"),
        ]
    ):
        signed = sign1(
            Application(KEY, KEY_SECRET),
            found.token,
            found.token_secret,
            method,
            network.url + path,
            headers,
            body,
            f"n{number}",
            datetime.now(UTC),
        )
        reply = await reach.request(method, signed[0], headers=signed[1], body=body or None)
        assert 200 == reply.status, (path, reply.body)
    signed = sign1(
        Application(KEY, "wrong"), found.token, found.token_secret, "GET", f"{network.url}/signed", {}, b"", "n9", datetime.now(UTC)
    )
    assert 401 == (await reach.request("GET", signed[0], headers=signed[1])).status


async def test_a_refused_first_leg_repeats_no_secret(network: Network, reach: Reach) -> None:
    """A wrong consumer secret is told as what it is."""
    client = Client1(WAY1, Application(KEY, "not-the-secret"), network.url, reach)
    with pytest.raises(Unauthorized, match="refuses") as caught:
        await client.begin(BACK, "nonce")
    assert "not-the-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (web.Response(status=503, headers={"Retry-After": "7"}), Retriable, "cannot answer now"),
        (web.json_response({"error": "temporarily_unavailable"}, status=400), Retriable, "cannot answer now"),
        (web.Response(text="<html>moved</html>"), Fatal, "does not answer as OAuth"),
        (web.json_response({"token_type": "bearer"}), Fatal, "no access_token"),
        (web.json_response([1]), Fatal, "does not answer as OAuth"),
        (web.Response(status=401), Unauthorized, "refuses"),
        (web.json_response({"error": "bad\nword <b>"}, status=400), Unauthorized, "an error"),
        (
            web.json_response({"error": "invalid_grant", "error_description": "no refresh-of-tests here"}, status=400),
            Unauthorized,
            "no … here",
        ),
    ],
)
async def test_what_a_token_endpoint_may_say(
    network: Network, reach: Reach, answer: web.Response, error: type[Exception], told: str
) -> None:
    """Each mistake of a service is the error that says whether to try again; what we sent in confidence is never repeated."""
    network.before = lambda path: answer if path == "/token" else None
    with pytest.raises(error, match=told) as caught:
        await client2(network, reach).refresh("refresh-of-tests")
    assert "refresh-of-tests" not in str(caught.value)


async def test_a_form_is_an_answer_too(network: Network, reach: Reach) -> None:
    """Some services answer a form although JSON was asked for."""
    network.before = lambda path: web.Response(text="access_token=t1&scope=&token_type=bearer") if path == "/token" else None
    assert "t1" == (await client2(network, reach).refresh("r")).token


@pytest.mark.parametrize(
    ("issuer", "is_ours"), [("", True), ("/", True), ("/tenant", True), ("http://evil.example", False), ("https://127.0.0.1", False)]
)
async def test_the_issuer_is_the_server_that_was_asked(network: Network, reach: Reach, issuer: str, is_ours: bool) -> None:
    """An answer of another server than the one the person was sent to is not taken."""
    client = client2(network, reach)
    assert is_ours == client.is_issuer(issuer if "//" in issuer else network.url + issuer)


async def test_no_device_flow(network: Network, reach: Reach) -> None:
    """A service without one is told so before anything is asked."""
    with pytest.raises(Invalid, match="browser"):
        await client2(network, reach, device="").begin_device()


@pytest.mark.parametrize(
    ("said", "seconds"), [(3600, 3600), ("60", 60), (0, None), (-1, None), ("soon", None), (None, None), (1e300, None)]
)
def test_when_a_token_expires(said: Any, seconds: float | None) -> None:
    """A lifetime may be a number or a text; nonsense means that nobody knows."""
    found = granted({"access_token": "t", "expires_in": said}, NOW, "there")
    assert (None if seconds is None else NOW + timedelta(seconds=seconds)) == found.expires


def test_nothing_shows_a_secret() -> None:
    """Neither a client nor what it was granted shows its secrets when it is printed."""
    shown = repr(Application("id", "s3cret")) + repr(granted({"access_token": "t0ken", "refresh_token": "r3fresh"}, NOW, "there"))
    assert not any(secret in shown for secret in ("s3cret", "t0ken", "r3fresh"))


@needs_shared
@pytest.mark.shared
def test_the_shared_vectors_are_signed_as_others_sign_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 5849's example: every parameter of query, form and header takes part, whatever it looks like."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # the example has no https
    vector = json.loads((DATA / "vectors-oauth1/rfc5849.json").read_text())
    signing = ClientAuth("9djdj82h48djs9d2", vector["client_secret"], "kkk9d7dh3k39sjv7", vector["token_secret"])
    url = f"{vector['uri']}?{vector['uri_query']}"
    assert vector["signatures"]["HMAC-SHA1"] == signature(signing, vector["method"], url, vector["authorization_header"], vector["body"])


@needs_shared
@pytest.mark.shared
def test_the_shared_addresses_are_read_as_others_read_them() -> None:
    """The address that is signed has a lower-case host and no port that goes without saying."""
    vectors = json.loads((DATA / "vectors-oauth1/base_string_uri.json").read_text())
    for case in vectors["cases"]:
        assert case["want"] == normalize_base_string_uri(case["uri"].replace(" ", "%20"))


def test_tokens_are_not_signed_in_the_clear() -> None:
    """OAuth 1.0a at an address of the network that is not https says what is wrong."""
    with pytest.raises(Invalid, match="https"):
        sign1(Application("k", "s"), "t", "ts", "GET", "http://example.com/x", {}, b"", "n", NOW)
