"""
The authorisation server: gives tokens to programs that act for a person, or for themselves (RFC 6749, PKCE of RFC 7636).

authlib plays the protocol; accounts say who is who.  Codes and refresh tokens lie in the vault under their digests, each good once: that one was
used is a record, so that of two who use it at the same moment one is refused, in whatever process.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientMixin,
    InvalidGrantError,
    InvalidScopeError,
    OAuth2Error,
    OAuth2Request,
    grants,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge

from .account import DAY, Account, Accounts, Token, Tokens, check_scope
from .clock import Clock, system_clock
from .error import Conflict, Invalid, Unauthorized
from .log import Logbook
from .promise import Promise, Promises
from .record import Body
from .vault import Vault

P = ParamSpec("P")
T = TypeVar("T")
THREADS = 4
Answer = tuple[int, Any, list[tuple[str, str]]]
"""Status, body (an object, or a text) and headers, as authlib has them."""

SCOPES = "read write"
CODE_SECONDS, REFRESH_LIFETIME = 300, timedelta(days=30)
SECURE = "https://locker/"
"""authlib wants to see https; whether it is, is the matter of the proxy before us."""

_loop: ContextVar[asyncio.AbstractEventLoop] = ContextVar("loop")


class Program(ClientMixin):  # type: ignore[misc]
    """An API client as authlib knows it; *account* is None for one that there is not, which takes as long to refuse."""

    def __init__(self, client_id: str, account: Account | None, accounts: Accounts) -> None:
        self.client_id, self.account, self._accounts = client_id, account, accounts

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        redirects = self.account.redirects if self.account else ()
        return redirects[0] if len(redirects) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str:
        return checked_scope(scope or SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return self.account is not None and redirect_uri in self.account.redirects

    def check_client_secret(self, client_secret: str) -> bool:
        try:
            _wait(self._accounts.authenticate(self.client_id, client_secret))
        except Unauthorized:
            return False
        return True

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - authlib's signature
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("password", "refresh_token", "client_credentials", "authorization_code")


class Authority:
    """Answers what programs ask of the authorisation server of one locker.  Safe to use from any task."""

    def __init__(
        self,
        accounts: Accounts,
        tokens: Tokens,
        logbook: Logbook,
        vault: Vault,
        *,
        clock: Clock = system_clock,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._server = _Server(accounts, tokens, logbook, vault, clock, randomness)
        # Threads of its own: what they wait for (hashing, the vault) is done by the loop's, which would be none left if all of them waited here.
        self._threads = ThreadPoolExecutor(THREADS, "authority")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, run: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        context = copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: context.run(run, *args, **kwargs))

    async def token(self, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Answer a request to the token endpoint, whatever is wrong with it, as RFC 6749 says."""
        _loop.set(asyncio.get_running_loop())
        answer: Answer = await self._run(self._server.create_token_response, _request("POST", form, headers))
        return answer

    async def consent(self, query: Mapping[str, str]) -> tuple[str, str] | Answer:
        """The client's name and the scope that a person is asked for, or what to answer to a wrong request."""
        try:
            grant = await self._run(self._server.get_consent_grant, _request("GET", query, {}), None)
        except OAuth2Error as error:
            answer: Answer = error()
            return answer
        return grant.client.client_id, checked_scope(grant.request.payload.scope or SCOPES)

    async def grant(self, query: Mapping[str, str], person: Account | None) -> Answer:
        """Send a person back to the client: with a code, or with the news that they would not (None)."""
        request = _request("GET", query, {})

        def respond() -> Answer:
            try:
                grant = self._server.get_authorization_grant(request)
            except OAuth2Error as error:
                wrong: Answer = error()
                return wrong
            answer: Answer = self._server.create_authorization_response(request, grant_user=person, grant=grant)
            return answer

        return await self._run(respond)


class _Server(AuthorizationServer):  # type: ignore[misc]
    """authlib's server over our accounts."""

    def __init__(
        self, accounts: Accounts, tokens: Tokens, logbook: Logbook, vault: Vault, clock: Clock, randomness: Callable[[int], bytes]
    ) -> None:
        super().__init__()
        self.accounts, self.tokens = accounts, tokens
        self.codes = Promises("code", logbook, vault, clock, randomness)
        self.refreshes = Promises("refresh", logbook, vault, clock, randomness)
        self.randomness = randomness
        self.register_token_generator("default", self._generate)
        for grant in (_Password, _Credentials, _Refresh):
            self.register_grant(grant)
        self.register_grant(_Code, [_Challenge(required=True)])

    def query_client(self, client_id: str) -> Program:
        account = next((each for each in self.accounts.clients() if each.name == client_id and not each.is_disabled), None)
        return Program(client_id, account, self.accounts)

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Answer:
        return status, body, headers

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def validate_requested_scope(self, scope: str | None) -> None:
        checked_scope(scope or SCOPES)

    def save_token(self, token: Body, request: OAuth2Request) -> None:
        """Tokens are signed, and kept nowhere."""

    def _generate(
        self,
        grant_type: str,  # noqa: ARG002 - authlib's signature
        client: Program,
        user: Account | Promise | None = None,
        scope: str | None = None,
        expires_in: int | None = None,  # noqa: ARG002
        include_refresh_token: bool = True,
    ) -> Body:
        owner = user.owner if user is not None else client.account.owner if client.account else ""
        session = user.session if isinstance(user, Promise) else self.randomness(12).hex()
        granted = checked_scope(scope or SCOPES)
        made: Body = {
            "access_token": self.tokens.make(owner, granted.split(), session=session),
            "token_type": "Bearer",
            "expires_in": int(DAY.total_seconds()),
            "scope": granted,
        }
        if include_refresh_token and user is not None:
            promise = Promise("", client.client_id, owner, granted, session)
            made["refresh_token"] = self.refreshes.make(promise, REFRESH_LIFETIME)
        return made


class _Basic:
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")


class _Password(_Basic, grants.ResourceOwnerPasswordCredentialsGrant):  # type: ignore[misc]
    def authenticate_user(self, username: str, password: str) -> Account:
        try:
            person: Account = _wait(self.server.accounts.log_in(username, password))
        except Unauthorized as error:
            raise InvalidGrantError(str(error)) from error
        return person


class _Credentials(_Basic, grants.ClientCredentialsGrant):  # type: ignore[misc]
    pass


class _Code(_Basic, grants.AuthorizationCodeGrant):  # type: ignore[misc]
    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        """``generate_authorization_code`` kept it already."""

    def generate_authorization_code(self) -> str:
        request = self.request
        data = request.payload.data
        promise = Promise(
            "", request.client.client_id, request.user.owner, checked_scope(request.payload.scope or SCOPES), self.server.randomness(12).hex(),
            data.get("redirect_uri") or "", data.get("code_challenge") or "",
        )  # fmt: skip
        made: str = self.server.codes.make(promise, timedelta(seconds=CODE_SECONDS))
        return made

    def query_authorization_code(self, code: str, client: Program) -> Promise | None:
        found: Promise | None = self.server.codes.find(code)
        return found if found is not None and found.check_client(client) else None

    def delete_authorization_code(self, authorization_code: Promise) -> None:
        """``authenticate_user`` used it up."""

    def authenticate_user(self, authorization_code: Promise) -> Promise:
        return _used(self.server, self.server.codes, authorization_code)


class _Refresh(_Basic, grants.RefreshTokenGrant):  # type: ignore[misc]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Promise | None:
        found: Promise | None = self.server.refreshes.find(refresh_token)
        return found

    def authenticate_user(self, refresh_token: Promise) -> Promise:
        return _used(self.server, self.server.refreshes, refresh_token)

    def revoke_old_credential(self, refresh_token: Promise) -> None:
        """``authenticate_user`` used it up."""


class _Challenge(CodeChallenge):  # type: ignore[misc]
    """PKCE for every code, by S256 alone: RFC 9700."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        if not grant.request.payload.data.get("code_challenge"):
            raise _wrong_request("Missing 'code_challenge': send one made by S256", redirect_uri)
        super().validate_code_challenge(grant, redirect_uri)


def _used(server: _Server, promises: Promises, promise: Promise) -> Promise:
    """Use a promise up.  One that was used before ends its whole session: somebody has a copy."""
    account = server.accounts.picture.accounts.get(promise.owner)
    if account is None or account.is_disabled or server.accounts.is_revoked(promise.session):
        raise InvalidGrantError("The account behind this is gone, or its session was ended.")
    try:
        promises.use(promise)
    except Conflict as error:
        server.accounts.end(Token(promise.session, promise.owner, frozenset(promise.scope.split()), 0), promise.owner)
        raise InvalidGrantError("This was used already; everything that came of it is revoked.") from error
    return promise


def checked_scope(scope: str) -> str:
    """A scope that a program may have, in one order.  Raises InvalidScopeError."""
    try:
        wanted = sorted({check_scope(each) for each in scope.split()})
    except Invalid as error:
        raise InvalidScopeError("There are read, write, and read:contact for one type only.") from error
    if not wanted or "admin" in wanted:
        raise InvalidScopeError("A program can have read and write, not admin.")
    return " ".join(wanted)


def _wrong_request(text: str, redirect_uri: str) -> OAuth2Error:
    return OAuth2Error(text, error="invalid_request", redirect_uri=redirect_uri)


class _Request(OAuth2Request):  # type: ignore[misc]
    """A request whose parameters were read already."""

    @property
    def args(self) -> Mapping[str, str]:
        return self.payload.data  # type: ignore[no-any-return]

    @property
    def form(self) -> Mapping[str, str]:
        return self.payload.data  # type: ignore[no-any-return]


def _request(method: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> OAuth2Request:
    made = _Request(method, SECURE, headers=dict(headers))
    made.payload = BasicOAuth2Payload(dict(parameters))
    return made


def _wait(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(coroutine, _loop.get()).result()
