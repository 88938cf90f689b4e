"""
A network that is none: authlib's own authorisation servers, for OAuth 2 (code with PKCE, refreshing, device) and OAuth 1.0a, behind a real HTTP server.

Its one user is Ada.  ``/me`` answers whoever has a good token, ``/signed`` whoever signs well.  Tests reach into it: what was asked is in ``seen``,
tokens can be ended, and ``device`` says what the person at the other screen does.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from aiohttp import web
from authlib.common.security import generate_token
from authlib.oauth1.rfc5849 import AuthorizationServer as Server1
from authlib.oauth1.rfc5849 import OAuth1Request, ResourceProtector, TemporaryCredential
from authlib.oauth1.rfc5849.errors import OAuth1Error
from authlib.oauth2.rfc6749 import AuthorizationServer as Server2
from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant, DeviceCredentialDict

CLIENT_ID, CLIENT_SECRET = "client-of-tests", "planted-client-secret"
KEY, KEY_SECRET = "consumer-of-tests", "planted-consumer-secret"


@dataclass
class Client:
    """A client that the network knows, as authlib wants to ask it."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...] = ()
    rsa_public_key: str = ""

    def get_client_id(self) -> str:
        return self.client_id

    def get_client_secret(self) -> str:
        return self.client_secret

    def get_default_redirect_uri(self) -> str | None:
        return self.redirect_uris[0] if self.redirect_uris else None

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return bool(self.client_secret) and client_secret == self.client_secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method != "none") == bool(self.client_secret) or endpoint == "device_authorization"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return True


@dataclass
class Code:
    """An authorization code that was given out."""

    code: str
    client_id: str
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass
class Token:
    """A token that was given out."""

    access_token: str
    refresh_token: str
    client_id: str
    scope: str
    until: float
    is_spent: bool = False

    def check_client(self, client: Client) -> bool:
        return self.client_id == client.client_id

    def get_scope(self) -> str:
        return self.scope


class Request2(OAuth2Request):  # type: ignore[misc]
    """A request as authlib's OAuth 2 server reads it."""

    def __init__(self, request: web.Request, form: dict[str, str]) -> None:
        super().__init__(request.method, str(request.url), headers=dict(request.headers))
        self.payload, self._form, self._args = BasicOAuth2Payload({**request.query, **form}), form, dict(request.query)

    @property
    def form(self) -> dict[str, str]:
        return self._form

    @property
    def args(self) -> dict[str, str]:
        return self._args


@dataclass
class Network:
    """What the network knows, and what a test may change."""

    url: str = ""
    clients: dict[str, Client] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    devices: dict[str, Any] = field(default_factory=dict)
    device: str = "pending"
    """``pending``, ``slow``, ``denied``, ``expired``, or ``agreed``."""
    temporary: dict[str, dict[str, Any]] = field(default_factory=dict)
    credentials1: dict[str, dict[str, Any]] = field(default_factory=dict)
    nonces: set[str] = field(default_factory=set)
    lifetime: int = 3600
    refreshes: int = 0
    seen: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    user: dict[str, Any] = field(default_factory=lambda: {"id": 7, "login": "ada", "username": "ada"})
    issuer: str = ""
    pages: int = 3
    """Pages of likes, of ten each."""
    ending: set[int] = field(default_factory=set)
    """Pages at which every token ends, once."""
    is_rude: bool = False
    before: Callable[[str], web.Response | None] = lambda _: None
    """Called with the path of each request; may answer in the network's place."""

    def end_tokens(self) -> None:
        """Let every access token end now; refresh tokens stay good."""
        for token in self.tokens:
            token.until = 0

    def revoke(self) -> None:
        """Let everything end."""
        for token in self.tokens:
            token.until, token.is_spent = 0, True

    def living(self, text: str) -> bool:
        """Whether an access token is good."""
        return any(token.access_token == text and token.until > time.time() for token in self.tokens)

    def secrets(self) -> list[str]:
        """Everything secret that it gave out so far, and the secrets of its clients."""
        given = [text for token in self.tokens for text in (token.access_token, token.refresh_token)]
        given1 = [
            each[name] for each in (*self.temporary.values(), *self.credentials1.values()) for name in ("oauth_token", "oauth_token_secret")
        ]
        return [*given, *given1, *self.codes, *self.devices, *(each.client_secret for each in self.clients.values())]


def _servers(network: Network) -> tuple[Any, Any, Any]:
    class OAuth2(Server2):  # type: ignore[misc]
        def query_client(self, client_id: str) -> Client | None:
            return network.clients.get(client_id)

        def save_token(self, token: dict[str, Any], request: Any) -> None:
            made = Token(
                token["access_token"],
                token["refresh_token"],
                request.client.client_id,
                token.get("scope", ""),
                time.time() + token["expires_in"],
            )
            network.tokens.append(made)

        def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
            pass

        def create_oauth2_request(self, request: Any) -> Any:
            return request

        def handle_response(self, status: int, body: Any, headers: Any) -> web.Response:
            headers = {name: value for name, value in headers if name.lower() != "content-type"}
            return (
                web.json_response(body, status=status, headers=headers)
                if isinstance(body, dict)
                else web.Response(status=status, headers=headers)
            )

    class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post", "client_secret_basic", "none")

        def save_authorization_code(self, code: str, request: Any) -> None:
            said = request.payload.data
            network.codes[code] = Code(
                code, request.client.client_id, said["redirect_uri"], request.scope or "",
                said.get("code_challenge", ""), said.get("code_challenge_method", ""),
            )  # fmt: skip

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            found = network.codes.get(code)
            return found if found and found.client_id == client.client_id and "spent" not in found.scope.split() else None

        def delete_authorization_code(self, authorization_code: Code) -> None:
            authorization_code.scope += " spent"

        def authenticate_user(self, authorization_code: Code) -> Any:
            return network.user

    class Refresh(RefreshTokenGrant):  # type: ignore[misc]
        INCLUDE_NEW_REFRESH_TOKEN = True
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post", "client_secret_basic", "none")

        def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
            found = next((token for token in network.tokens if token.refresh_token == refresh_token), None)
            if found and found.is_spent:
                network.revoke()  # used twice: taken for stolen, and nobody gets in any more
                return None
            return found

        def authenticate_user(self, credential: Token) -> Any:
            return network.user

        def revoke_old_credential(self, credential: Token) -> None:
            credential.is_spent = True
            credential.until = 0
            network.refreshes += 1

    class DeviceEndpoint(DeviceAuthorizationEndpoint):  # type: ignore[misc]
        INTERVAL = 1

        def get_verification_uri(self) -> str:
            return f"{network.url}/activate"

        def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
            network.devices[data["device_code"]] = DeviceCredentialDict(
                client_id=client_id, scope=scope, expires_at=time.time() + 600, user_code=data["user_code"]
            )

    class DeviceGrant(DeviceCodeGrant):  # type: ignore[misc]
        def query_device_credential(self, device_code: str) -> Any:
            found = network.devices.get(device_code)
            if found and network.device == "expired":
                found["expires_at"] = 1
            return found

        def query_user_grant(self, user_code: str) -> Any:
            return {"agreed": (network.user, True), "denied": (network.user, False)}.get(network.device)

        def should_slow_down(self, credential: Any) -> bool:
            is_slow, network.device = network.device == "slow", "agreed" if network.device == "slow" else network.device
            return is_slow

    class OAuth1(Server1):  # type: ignore[misc]
        def get_client_by_id(self, client_id: str) -> Client | None:
            return network.clients.get(client_id)

        def exists_nonce(self, nonce: str, request: Any) -> bool:
            is_known = nonce in network.nonces
            network.nonces.add(nonce)
            return is_known

        def create_oauth1_request(self, request: Any) -> Any:
            return request

        def handle_response(self, status_code: int, payload: Any, headers: Any) -> web.Response:
            text = urlencode([(name, str(value).lower() if value is True else value) for name, value in payload]) if payload else ""
            return web.Response(status=status_code, text=text, headers=dict(headers))

        def create_temporary_credential(self, request: Any) -> Any:
            made = {
                "oauth_token": generate_token(36),
                "oauth_token_secret": generate_token(48),
                "oauth_callback": request.redirect_uri,
                "client_id": request.client_id,
            }
            network.temporary[made["oauth_token"]] = made
            return TemporaryCredential(made)

        def get_temporary_credential(self, request: Any) -> Any:
            found = network.temporary.get(request.token)
            return TemporaryCredential(found) if found and not found.get("spent") else None

        def delete_temporary_credential(self, request: Any) -> None:
            if request.token in network.temporary:
                network.temporary[request.token]["spent"] = True

        def create_authorization_verifier(self, request: Any) -> str:
            verifier = generate_token(36)
            network.temporary[request.token]["oauth_verifier"] = verifier
            return str(verifier)

        def create_token_credential(self, request: Any) -> Any:
            made = {"oauth_token": generate_token(36), "oauth_token_secret": generate_token(48), "client_id": request.client_id}
            network.credentials1[made["oauth_token"]] = made
            return TemporaryCredential(made)

    class Protected1(ResourceProtector):  # type: ignore[misc]
        def get_client_by_id(self, client_id: str) -> Client | None:
            return network.clients.get(client_id)

        def exists_nonce(self, nonce: str, request: Any) -> bool:
            is_known = nonce in network.nonces
            network.nonces.add(nonce)
            return is_known

        def get_token_credential(self, request: Any) -> Any:
            found = network.credentials1.get(request.token)
            return TemporaryCredential(found) if found else None

    server2 = OAuth2()

    def lifetime(_client: Any, _grant: Any) -> int:
        return network.lifetime

    def long(*_args: Any, **_kwargs: Any) -> str:
        return str(generate_token(42))

    server2.register_token_generator("default", BearerTokenGenerator(long, long, lifetime))
    server2.register_grant(CodeGrant, [CodeChallenge(required=True)])
    server2.register_grant(Refresh)
    server2.register_grant(DeviceGrant)
    server2.register_endpoint(DeviceEndpoint)
    return server2, OAuth1(), Protected1()


def _app(network: Network) -> web.Application:
    server2, server1, protected = _servers(network)

    async def request2(request: web.Request) -> Any:
        form = {name: str(value) for name, value in (await request.post()).items()}
        return Request2(request, form)

    async def request1(request: web.Request) -> Any:
        text = await request.text()
        return OAuth1Request(request.method, str(request.url), text or None, dict(request.headers))

    async def authorize(request: web.Request) -> web.Response:
        made = await request2(request)
        grant = server2.get_consent_grant(made, network.user)
        answer: web.Response = server2.create_authorization_response(
            made, grant_user=None if "refuse" in request.query else network.user, grant=grant
        )
        if network.issuer:
            answer.headers["Location"] += "&" + urlencode({"iss": network.issuer})
        return answer

    async def token(request: web.Request) -> web.Response:
        answer: web.Response = server2.create_token_response(await request2(request))
        return answer

    async def device(request: web.Request) -> web.Response:
        answer: web.Response = server2.create_endpoint_response("device_authorization", await request2(request))
        return answer

    async def register(request: web.Request) -> web.Response:
        said = await request.post()
        made = Client(generate_token(12), generate_token(24), tuple(str(said["redirect_uris"]).split()))
        network.clients[made.client_id] = made
        return web.json_response({"id": "1", "name": said["client_name"], "client_id": made.client_id, "client_secret": made.client_secret})

    async def me(request: web.Request) -> web.Response:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not network.living(text):
            return web.json_response({"message": "Bad credentials"}, status=401)
        return web.json_response(network.user)

    async def likes(request: web.Request) -> web.Response:
        text = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if network.is_rude:  # some services repeat what they were sent
            return web.json_response({"message": f"{text} is no good, nor {quote(text)}"}, status=400)
        if not network.living(text):
            return web.json_response({"message": f"bad token {text}"}, status=401)
        page = int(request.query.get("page", "1"))
        if page in network.ending:
            network.ending.discard(page)
            network.end_tokens()
            return web.json_response({"message": f"the token {text} has expired"}, status=401)
        return web.json_response([{"id": 10 * page + n} for n in range(10)] if page <= network.pages else [])

    async def initiate(request: web.Request) -> web.Response:
        answer: web.Response = server1.create_temporary_credentials_response(await request1(request))
        return answer

    async def authorize1(request: web.Request) -> web.Response:
        made = await request1(request)
        made.oauth_params["oauth_token"] = request.query["oauth_token"]
        answer: web.Response = server1.create_authorization_response(made, network.user)
        return answer

    async def access(request: web.Request) -> web.Response:
        answer: web.Response = server1.create_token_response(await request1(request))
        return answer

    async def signed(request: web.Request) -> web.Response:
        try:
            protected.validate_request(request.method, str(request.url), await request.text() or None, dict(request.headers))
        except OAuth1Error as error:
            return web.json_response({"message": error.error}, status=401)
        return web.json_response(network.user)

    @web.middleware
    async def watch(request: web.Request, handler: Any) -> web.StreamResponse:
        network.seen.append(f"{request.method} {request.path}")
        network.bodies.append(await request.text())
        answer: web.StreamResponse = network.before(request.path) or await handler(request)
        return answer

    app = web.Application(middlewares=[watch])
    app.router.add_get("/oauth/authorize", authorize)  # as a Mastodon has them
    app.router.add_post("/oauth/token", token)
    app.router.add_post("/api/v1/apps", register)
    app.router.add_get("/api/v1/accounts/verify_credentials", me)
    for path, handler in (("/authorize", authorize), ("/me", me), ("/likes", likes), ("/authorize1", authorize1), ("/signed", signed)):
        app.router.add_get(path, handler)
    for path, handler in (
        ("/token", token),
        ("/device", device),
        ("/register", register),
        ("/initiate", initiate),
        ("/access", access),
        ("/signed", signed),
    ):
        app.router.add_post(path, handler)
    return app


@contextmanager
def serving() -> Iterator[Network]:
    """The network, at a free port of this machine."""
    network = Network()
    network.clients[CLIENT_ID] = Client(CLIENT_ID, CLIENT_SECRET)
    network.clients[KEY] = Client(KEY, KEY_SECRET)
    found: Future[str] = Future()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(_app(network))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found.set_result(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        network.url = found.result(20)
        yield network
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


def host(url: str) -> str:
    """The host and port of a URL."""
    return urlsplit(url).netloc
