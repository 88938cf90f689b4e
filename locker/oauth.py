"""
OAuth, both kinds: what a client asks a service in order to be let in, and what the answers mean.  The one door of authlib.

``Client2`` plays OAuth 2.0 (RFC 6749) with PKCE (RFC 7636), refreshing and the device flow (RFC 8628); ``Client1`` the three legs of OAuth 1.0a
(RFC 5849).  Neither keeps anything: whoever calls keeps the verifier, the state and the tokens (``connecting.py``, ``signer.py``).  All requests go
through a ``Reach``.  What a service says about a mistake is shown with our secrets taken out: some repeat what they were sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from authlib.oauth1.rfc5849 import ClientAuth as Signing
from authlib.oauth1.rfc5849.errors import InsecureTransportError
from authlib.oauth1.rfc5849.parameters import prepare_headers
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from . import __version__
from .authorisation import OAuth1, OAuth2
from .clock import Clock, system_clock
from .credential import Credential
from .error import Fatal, Invalid, Retriable, Unauthorized
from .oauth_answer import Granted, Refused, granted, parsed, plain
from .reach import Reply

FORM = "application/x-www-form-urlencoded"
AGENT = f"Locker/{__version__}"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
POLL_SECONDS = 5.0


class Asks(Protocol):
    """A way out, through the guard; ``Reach`` is one."""

    async def request(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Application:
    """What a service knows this locker as.  A public client has no secret.  *endpoints* are other URLs than the connector declares, by their names."""

    client_id: str
    client_secret: str = field(default="", repr=False)
    endpoints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Device:
    """A device flow that began: a person opens *verification_url* anywhere and types *user_code*, until it *expires*; we ask every *interval* seconds."""

    device_code: str = field(repr=False)
    user_code: str
    verification_url: str
    expires: datetime
    interval: float = POLL_SECONDS


class Pending(Retriable):
    """The person has not answered yet: ask again after so many seconds."""


def endpoint(base_url: str, declared: str, application: Application, name: str) -> str:
    """Where an endpoint is: what the operator says, else what the connector declares, whole or at the base URL."""
    found = application.endpoints.get(name) or declared
    return found if "://" in found else f"{base_url}{found}"


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier.

    >>> challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    """
    made: str = create_s256_code_challenge(verifier)
    return made


@dataclass(frozen=True, slots=True)
class Client2:
    """An OAuth 2.0 client at one service."""

    declared: OAuth2
    application: Application
    base_url: str
    asks: Asks
    clock: Clock = system_clock

    def authorize_url(self, redirect_uri: str, state: str, verifier: str) -> str:
        """Where a person goes to let us in; comes back to exactly *redirect_uri* with this *state*."""
        pkce = {"code_challenge": challenge_of(verifier), "code_challenge_method": "S256"} if self.declared.pkce else {}
        made: str = prepare_grant_uri(
            self._at("authorize", self.declared.authorize),
            client_id=self.application.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=self.declared.separator.join(self.declared.scopes),
            state=state,
            **pkce,
            **self.declared.params,
        )
        return made

    def is_issuer(self, issuer: str) -> bool:
        """Whether an ``iss`` (RFC 9207) is the server that we sent the person to: a mix-up would send our code to another."""
        asked = urlsplit(self._at("authorize", self.declared.authorize))
        try:
            said = urlsplit(issuer)
        except ValueError:
            return False
        return (asked.scheme, asked.netloc.lower()) == (said.scheme, said.netloc.lower())

    async def exchange(self, code: str, redirect_uri: str, verifier: str) -> Granted:
        """The tokens for a code.  Raises Unauthorized if the service takes it for no good."""
        proof = {"code_verifier": verifier} if self.declared.pkce else {}
        return await self._tokens("authorization_code", {"code": code, "redirect_uri": redirect_uri, **proof})

    async def refresh(self, refresh_token: str) -> Granted:
        """Fresh tokens.  The refresh token itself may be another one from now on.  Raises Unauthorized if it is good for nothing any more."""
        return await self._tokens("refresh_token", {"refresh_token": refresh_token})

    def renews(self, credential: Credential) -> bool:
        """Whether a credential has what renews its token."""
        return bool(credential.get("refresh_token"))

    async def renew(self, credential: Credential) -> Granted:
        """Fresh tokens for a credential that ended.  Raises Unauthorized if it is good for nothing any more."""
        return await self.refresh(credential.get("refresh_token"))

    async def begin_device(self) -> Device:
        """Begin a device flow.  Raises Invalid for a service that has none."""
        if not self.declared.device:
            raise Invalid("this service has no device flow; connect by a browser instead")
        url = self._at("device", self.declared.device)
        said = await self._post(url, urlencode(self._scope()), {})
        try:
            seconds = float(said.get("expires_in", 900))
            where = said.get("verification_uri_complete") or said.get("verification_uri") or said["verification_url"]
            expires = self.clock() + timedelta(seconds=seconds)
            code, shown = str(said["device_code"]), str(said["user_code"])
            return Device(code, shown, str(where), expires, max(1.0, float(said.get("interval", POLL_SECONDS))))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise Fatal(f"{plain(url)} begins a device flow without {error}") from error

    async def poll(self, device: Device) -> Granted:
        """The tokens, once the person agreed.  Raises Pending until then, Unauthorized if they refused or were too slow."""
        if self.clock() >= device.expires:
            raise Unauthorized("nobody entered the code in time; begin again")
        try:
            return await self._tokens(DEVICE_GRANT, {"device_code": device.device_code})
        except Refused as error:
            if error.said == "authorization_pending":
                raise Pending("nobody has entered the code yet", device.interval) from None
            if error.said == "slow_down":
                raise Pending("the service asks for patience", device.interval + POLL_SECONDS) from None
            told = {
                "expired_token": "nobody entered the code in time; begin again",
                "access_denied": "somebody entered the code and refused",
            }
            raise Unauthorized(told.get(error.said, str(error))) from None

    async def register(self, redirect_uri: str, name: str) -> Application:
        """Make a client on the fly, where the service has an endpoint for that; *redirect_uri* is the only one it may use."""
        url = self._at("register", self.declared.register)
        asked = {"client_name": name, "redirect_uris": redirect_uri, **self._scope("scopes")}
        said = parsed(await self._send(url, urlencode(asked), {}), url, {})
        if not isinstance(said.get("client_id"), str):
            raise Fatal(f"{plain(url)} registers a client without a client_id")
        return Application(said["client_id"], str(said.get("client_secret") or ""), self.application.endpoints)

    # -- asking --------------------------------------------------------------------------------------

    def _at(self, name: str, declared: str) -> str:
        return endpoint(self.base_url, declared, self.application, name)

    def _scope(self, name: str = "scope") -> dict[str, str]:
        return {name: self.declared.separator.join(self.declared.scopes)} if self.declared.scopes else {}

    async def _tokens(self, grant: str, sent: dict[str, str]) -> Granted:
        url = self._at("token", self.declared.token)
        said = await self._post(url, prepare_token_request(grant, "", **sent), sent)
        return granted(said, self.clock(), plain(url))

    async def _post(self, url: str, body: str, sent: Mapping[str, str]) -> dict[str, Any]:
        """POST a form as this client.  Raises Refused with the error that the service names."""
        method = self.declared.client_auth if self.application.client_secret else "none"
        auth = ClientAuth(self.application.client_id, self.application.client_secret, method)
        _, headers, body = auth.prepare("POST", url, {}, body)
        return parsed(await self._send(url, body, headers), url, {**sent, "client_secret": self.application.client_secret})

    async def _send(self, url: str, body: str, headers: Mapping[str, str]) -> Reply:
        shown = {"Accept": "application/json", "Content-Type": FORM, "User-Agent": AGENT}
        return await self.asks.request("POST", url, headers={**shown, **headers}, body=body.encode())


@dataclass(frozen=True, slots=True)
class Client1:
    """An OAuth 1.0a client at one service."""

    declared: OAuth1
    application: Application
    base_url: str
    asks: Asks
    clock: Clock = system_clock

    async def begin(self, callback: str, nonce: str) -> tuple[str, str]:
        """First leg: a request token and its secret, for a callback that must be exactly this."""
        url = self._at("request", self.declared.request)
        said = await self._post(url, Signing(self.application.client_id, self.application.client_secret, redirect_uri=callback), nonce)
        if said.get("oauth_callback_confirmed") != "true":
            raise Fatal(f"{plain(url)} does not confirm the callback; it may be OAuth 1.0, which is not safe")
        return said["oauth_token"], said["oauth_token_secret"]

    def authorize_url(self, request_token: str) -> str:
        """Second leg: where a person goes to let us in."""
        url = self._at("authorize", self.declared.authorize)
        return f"{url}{'&' if '?' in url else '?'}{urlencode({'oauth_token': request_token, **self.declared.params})}"

    async def finish(self, request_token: str, request_secret: str, verifier: str, nonce: str) -> Granted:
        """Third leg: the token that lasts."""
        signing = Signing(self.application.client_id, self.application.client_secret, request_token, request_secret, verifier=verifier)
        said = await self._post(self._at("access", self.declared.access), signing, nonce)
        return Granted(said["oauth_token"], said["oauth_token_secret"])

    def _at(self, name: str, declared: str) -> str:
        return endpoint(self.base_url, declared, self.application, name)

    async def _post(self, url: str, signing: Signing, nonce: str) -> dict[str, str]:
        url, signed = _signed(signing, "POST", url, {}, b"", nonce, self.clock())
        reply = await self.asks.request("POST", url, headers={**signed, "User-Agent": AGENT})
        secrets = {"secret": self.application.client_secret, "token": signing.token_secret or "", "verifier": signing.verifier or ""}
        said = parsed(reply, url, secrets)
        if not all(isinstance(said.get(name), str) and said[name] for name in ("oauth_token", "oauth_token_secret")):
            raise Fatal(f"{plain(url)} answers no token")
        return said


def sign1(
    application: Application, token: str, token_secret: str, method: str, url: str, headers: Mapping[str, str], body: bytes, nonce: str, now: datetime
) -> tuple[str, dict[str, str]]:  # fmt: skip
    """A request signed with HMAC-SHA1: its URL, whose query is written as it was signed, and its headers.  A form in the body is signed too."""
    return _signed(Signing(application.client_id, application.client_secret, token, token_secret), method, url, headers, body, nonce, now)


def _signed(
    signing: Signing, method: str, url: str, headers: Mapping[str, str], body: bytes, nonce: str, now: datetime
) -> tuple[str, dict[str, str]]:
    start, mark, query = url.partition("?")
    # What is signed is the query decoded: only what is written as the RFC writes it reads the same to everybody.
    url = start + mark + urlencode(parse_qsl(query, keep_blank_values=True), quote_via=quote, safe="-._~")
    form = body.decode("ascii") if any(name.lower() == "content-type" and value.startswith(FORM) for name, value in headers.items()) else ""
    parameters = signing.get_oauth_params(nonce, str(int(now.timestamp())))
    authorization = prepare_headers(parameters, {})["Authorization"]
    parameters.append(("oauth_signature", signature(signing, method, url, authorization, form)))
    return url, {**headers, "Authorization": prepare_headers(parameters, {})["Authorization"]}


def signature(signing: Signing, method: str, url: str, authorization: str, form: str) -> str:
    """The HMAC-SHA1 of a request, over its query, the form in its body, and what its header says.  Raises Invalid where it would be sent in the clear."""
    headers = {"Authorization": authorization} | ({"Content-Type": FORM} if form else {})
    try:
        made: str = signing.get_oauth_signature(method, url, headers, form)
    except InsecureTransportError as error:
        raise Invalid(f"{plain(url)} is not https, where OAuth 1.0a tokens are not safe") from error
    return made
