"""
What the tests' network knows, and authlib's authorisation servers over it: OAuth 2 (codes with PKCE, refreshing, devices) and OAuth 1.0a.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from authlib.common.security import generate_token
from authlib.oauth1.rfc5849 import AuthorizationServer as Server1
from authlib.oauth1.rfc5849 import ResourceProtector, TemporaryCredential
from authlib.oauth2.rfc6749 import AuthorizationServer as Server2
from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant, DeviceCredentialDict


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


class OAuth2(Server2):  # type: ignore[misc]
    """The authorization server."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def query_client(self, client_id: str) -> Client | None:
        return self.network.clients.get(client_id)

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        made = Token(
            token["access_token"],
            token["refresh_token"],
            request.client.client_id,
            token.get("scope", ""),
            time.time() + token["expires_in"],
        )
        self.network.tokens.append(made)

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
    """Codes, with PKCE."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post", "client_secret_basic", "none")

    def save_authorization_code(self, code: str, request: Any) -> None:
        said = request.payload.data
        self.server.network.codes[code] = Code(
            code, request.client.client_id, said["redirect_uri"], request.scope or "",
            said.get("code_challenge", ""), said.get("code_challenge_method", ""),
        )  # fmt: skip

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        found = self.server.network.codes.get(code)
        return found if found and found.client_id == client.client_id and "spent" not in found.scope.split() else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        authorization_code.scope += " spent"

    def authenticate_user(self, authorization_code: Code) -> Any:
        return self.server.network.user


class Refresh(RefreshTokenGrant):  # type: ignore[misc]
    """Refreshing rotates; a token that is used twice ends everything."""

    INCLUDE_NEW_REFRESH_TOKEN = True
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post", "client_secret_basic", "none")

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        found = next((token for token in self.server.network.tokens if token.refresh_token == refresh_token), None)
        if found and found.is_spent:
            self.server.network.revoke()  # used twice: taken for stolen, and nobody gets in any more
            return None
        return found

    def authenticate_user(self, credential: Token) -> Any:
        return self.server.network.user

    def revoke_old_credential(self, credential: Token) -> None:
        credential.is_spent = True
        credential.until = 0
        self.server.network.refreshes += 1


class DeviceEndpoint(DeviceAuthorizationEndpoint):  # type: ignore[misc]
    """Begins a device flow."""

    INTERVAL = 1

    def get_verification_uri(self) -> str:
        return f"{self.server.network.url}/activate"

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        self.server.network.devices[data["device_code"]] = DeviceCredentialDict(
            client_id=client_id, scope=scope, expires_at=time.time() + 600, user_code=data["user_code"]
        )


class DeviceGrant(DeviceCodeGrant):  # type: ignore[misc]
    """Ends one, as the test says."""

    def query_device_credential(self, device_code: str) -> Any:
        found = self.server.network.devices.get(device_code)
        if found and self.server.network.device == "expired":
            found["expires_at"] = 1
        return found

    def query_user_grant(self, user_code: str) -> Any:
        return {"agreed": (self.server.network.user, True), "denied": (self.server.network.user, False)}.get(self.server.network.device)

    def should_slow_down(self, credential: Any) -> bool:
        network: Network = self.server.network
        is_slow = network.device == "slow"
        network.device = "agreed" if is_slow else network.device
        return is_slow


class _Nonces:
    """What both sides of OAuth 1.0a ask about whoever calls."""

    network: Network

    def get_client_by_id(self, client_id: str) -> Client | None:
        return self.network.clients.get(client_id)

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        is_known = nonce in self.network.nonces
        self.network.nonces.add(nonce)
        return is_known


class OAuth1(_Nonces, Server1):  # type: ignore[misc]
    """The three legs of OAuth 1.0a."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

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
        self.network.temporary[made["oauth_token"]] = made
        return TemporaryCredential(made)

    def get_temporary_credential(self, request: Any) -> Any:
        found = self.network.temporary.get(request.token)
        return TemporaryCredential(found) if found and not found.get("spent") else None

    def delete_temporary_credential(self, request: Any) -> None:
        if request.token in self.network.temporary:
            self.network.temporary[request.token]["spent"] = True

    def create_authorization_verifier(self, request: Any) -> str:
        verifier = generate_token(36)
        self.network.temporary[request.token]["oauth_verifier"] = verifier
        return str(verifier)

    def create_token_credential(self, request: Any) -> Any:
        made = {"oauth_token": generate_token(36), "oauth_token_secret": generate_token(48), "client_id": request.client_id}
        self.network.credentials1[made["oauth_token"]] = made
        return TemporaryCredential(made)


class Protected1(_Nonces, ResourceProtector):  # type: ignore[misc]
    """Checks signatures."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def get_token_credential(self, request: Any) -> Any:
        found = self.network.credentials1.get(request.token)
        return TemporaryCredential(found) if found else None


def servers(network: Network) -> tuple[OAuth2, OAuth1, Protected1]:
    """The servers of a network."""
    made = OAuth2(network)

    def lifetime(_client: Any, _grant: Any) -> int:
        return network.lifetime

    def long(*_args: Any, **_kwargs: Any) -> str:
        return str(generate_token(42))

    made.register_token_generator("default", BearerTokenGenerator(long, long, lifetime))
    made.register_grant(CodeGrant, [CodeChallenge(required=True)])
    made.register_grant(Refresh)
    made.register_grant(DeviceGrant)
    made.register_endpoint(DeviceEndpoint)
    return made, OAuth1(network), Protected1(network)
