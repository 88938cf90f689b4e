"""
Connecting makes connections: with a token that somebody has, or by sending a person to the service and back.

Every way ends alike: the credential is tried with the connector's ``who`` request, which tells whose account it is, and what worked is kept.
"""

from __future__ import annotations

import asyncio
import os
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar
from urllib.parse import parse_qsl

from .application import Applications
from .authorisation import Basic, Login, OAuth1, OAuth2
from .clock import Clock, system_clock
from .connector import Connector, Fetching
from .credential import GIVEN, OWN
from .error import Forbidden, Invalid, NotFound, Retriable
from .flow import Flow, Flows, digest
from .oauth import Application, Asks, Client1, Client2, Device
from .oauth_answer import Granted
from .proposal import Known, Proposal, check_secrets, sorted_options
from .reach import Reach
from .record import check_owner, check_source
from .trial import Held, help_of, learn, signer_of
from .vault import Vault

NAME = "Locker"
"""What services show people of a client that was made on the fly."""
CODE_BYTES = 32
MOST_WAIT = 60.0

Plan = Literal["nothing", "device", "browser", "token", "password"]
C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Begun:
    """Where a person goes now, the state they come back with, and until when."""

    url: str
    state: str
    expires: datetime


class Adds(Protocol[C_co]):
    """What keeps connections; ``Connections`` does."""

    def find(self, owner: str, source: str) -> Known | None: ...

    def add(
        self,
        owner: str,
        source: str,
        *,
        base_url: str = "",
        options: Mapping[str, str],
        secrets: Mapping[str, str],
        account: Mapping[str, str],
        by: str | None = None,
        trusted: bool = False,
    ) -> C_co: ...


class Connecting(Generic[C]):
    """Makes the connections of one locker.  *reach* opens a way out to a base URL, which is *trusted* or not."""

    def __init__(
        self,
        connectors: Mapping[str, Connector],
        connections: Adds[C],
        vault: Vault,
        applications: Applications,
        reach: Callable[[str, bool], Reach],
        *,
        clock: Clock = system_clock,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._connectors, self._connections, self._applications, self._reach = connectors, connections, applications, reach
        self._clock, self._randomness, self.flows = clock, randomness, Flows(vault, clock)

    def connector(self, network: str) -> Fetching:
        """The connector of a network.  Raises NotFound, naming those that fetch."""
        found = self._connectors.get(network)
        if isinstance(found, Fetching):
            return found
        known = ", ".join(sorted(name for name, each in self._connectors.items() if isinstance(each, Fetching)))
        only = f"{network} only reads files: use 'locker import'" if found else f"there is no network {network[:60]!r}"
        raise NotFound(f"{only}; there are {known}")

    # -- with what somebody has ----------------------------------------------------------------------

    async def by_hand(self, asked: Proposal, secrets: Mapping[str, str]) -> C:
        """Connect with secrets that somebody has already: ``token``, ``token_secret``, ``refresh_token``, ``username``, ``password``, secret options.

        Raises Invalid for what is missing or unknown, Unauthorized if the service refuses.
        """
        asked, connector = self._checked(asked)
        plain, secret = sorted_options(connector, asked.options)
        given = {name: value for name, value in {**secrets, **secret}.items() if value}
        check_secrets(connector, given)
        return await self._made(replace(asked, options=plain), connector, given)

    # -- there and back ------------------------------------------------------------------------------

    async def begin(self, asked: Proposal, redirect_uri: str, *, session: str = "", return_to: str = "", proof: str = "") -> Begun:
        """Send a person to the service.  They come back to exactly *redirect_uri*; see ``Flow`` for the rest.

        Raises Invalid for a network without such a way, or without a client of ours.
        """
        asked, connector = self._checked(asked)
        sorted_options(connector, asked.options)
        way, application = self._way(connector, asked.base_url)
        flow = Flow(
            network=asked.network, source=asked.source, owner=asked.owner, by=asked.by, session=session, base_url=asked.base_url,
            options=dict(asked.options), trusted=asked.trusted, redirect_uri=redirect_uri, return_to=return_to, proof=digest(proof) if proof else "",
        )  # fmt: skip
        async with self._reach(asked.base_url, asked.trusted) as reach:
            if isinstance(way, OAuth1):
                client1 = Client1(way, application or _none(), asked.base_url, reach, self._clock)
                state, secret = await client1.begin(redirect_uri, self._code())
                url, flow = client1.authorize_url(state), replace(flow, request_secret=secret)
            else:
                if application is None:
                    application = await Client2(way, _none(), asked.base_url, reach, self._clock).register(redirect_uri, NAME)
                    flow = replace(flow, registered=True, client_id=application.client_id, client_secret=application.client_secret)
                state, verifier = self._code(), self._code()
                url = Client2(way, application, asked.base_url, reach, self._clock).authorize_url(redirect_uri, state, verifier)
                flow = replace(flow, verifier=verifier)
        return Begun(url, state, await asyncio.to_thread(self.flows.open, state, flow))

    async def finish(self, network: str, said: Mapping[str, str], check: Callable[[Flow], None] = lambda _: None) -> tuple[Flow, C]:
        """A person came back, and *said* is the query of the address they came to.  *check* raises if they are not the one who began.

        Raises Invalid for a state that is unknown, used or too old and for an answer of another service, Forbidden if the person refused,
        Unauthorized if the service does.
        """
        state = said.get("state") or said.get("oauth_token") or said.get("denied") or ""
        flow = await asyncio.to_thread(self.flows.peek, state)
        check(flow)
        if flow.network != network:
            raise Invalid(f"this is the way back from {flow.network}, not from {network}")
        flow = await asyncio.to_thread(self.flows.close, state)
        if said.get("error") or said.get("denied"):
            raise refusal(network, said.get("error") or "access_denied")
        asked, connector = self._checked(
            Proposal(source=flow.source, owner=flow.owner, by=flow.by, base_url=flow.base_url, options=flow.options, trusted=flow.trusted)
        )
        way, application = self._way(connector, asked.base_url)
        if flow.registered:
            application = Application(flow.client_id, flow.client_secret, application.endpoints if application else {})
        async with self._reach(asked.base_url, asked.trusted) as reach:
            granted = await self._granted(way, application or _none(), flow, state, said, reach)
        own = {"client_id": flow.client_id, "client_secret": flow.client_secret} if flow.registered else {}
        return flow, await self._let_in(asked, connector, way, granted, own)

    async def paste(self, network: str, state: str, text: str) -> C:
        """The same for whoever copies: the address they came to, or only the code that the service shows."""
        text = text.strip()
        if "://" in text:
            said = dict(parse_qsl(text.partition("?")[2].partition("#")[0]))
            if state not in (said.get("state"), said.get("oauth_token"), said.get("denied")):
                raise Invalid("this address is not the way back from what was begun here; copy it whole, or begin again")
        else:
            said = {"state": state, "code": text, "oauth_verifier": text}
        _, made = await self.finish(network, said)
        return made

    # -- a device without a browser --------------------------------------------------------------------

    def plan(self, asked: Proposal) -> Plan:
        """How to connect with nothing in the hand: *nothing* is needed, a ``device`` or ``browser`` flow, or what to ask for.

        Raises Invalid where only a client of ours would help, and there is none.
        """
        asked, connector = self._checked(asked)
        if not connector.auth:
            return "nothing"
        try:
            way, application = self._way(connector, asked.base_url)
        except Invalid:
            hand = next((each for each in connector.auth if not isinstance(each, OAuth1 | OAuth2)), None)
            if hand is None:
                raise
            return "password" if isinstance(hand, Basic | Login) else "token"
        return "device" if isinstance(way, OAuth2) and way.device and application is not None else "browser"

    def help(self, network: str) -> str:
        """How to connect a network with what one has."""
        return help_of(self.connector(network))

    async def device(self, asked: Proposal, tell: Callable[[Device], None], wait: Callable[[float], Awaitable[None]]) -> C:
        """Let a person type a code elsewhere: *tell* hears where and which, *wait* is called between two questions."""
        asked, connector = self._checked(asked)
        way, application = self._way(connector, asked.base_url)
        if not isinstance(way, OAuth2) or application is None:
            raise Invalid(f"{asked.network} has no device flow; connect by a browser instead")
        async with self._reach(asked.base_url, asked.trusted) as reach:
            client = Client2(way, application, asked.base_url, reach, self._clock)
            device = await client.begin_device()
            tell(device)
            granted: Granted | None = None
            while granted is None:
                await wait(device.interval)
                try:
                    granted = await client.poll(device)
                except Retriable as error:  # not yet, slower, or no answer at all: RFC 8628 wants longer pauses then
                    longer = error.after if error.after is not None else device.interval * 2
                    device = replace(device, interval=min(max(longer, device.interval), MOST_WAIT))
        return await self._let_in(asked, connector, way, granted, {})

    # -- helpers -------------------------------------------------------------------------------------

    async def _granted(
        self, way: OAuth1 | OAuth2, application: Application, flow: Flow, state: str, said: Mapping[str, str], asks: Asks
    ) -> Granted:
        if isinstance(way, OAuth1):
            if not (verifier := said.get("oauth_verifier")):
                raise Invalid("the way back has no oauth_verifier; begin again")
            client1 = Client1(way, application, flow.base_url, asks, self._clock)
            return await client1.finish(state, flow.request_secret, verifier, self._code())
        client2 = Client2(way, application, flow.base_url, asks, self._clock)
        if (issuer := said.get("iss")) and not client2.is_issuer(issuer):
            raise Invalid("this answer comes from another server than the one that was asked; begin again")
        if not (code := said.get("code")):
            raise Invalid("the way back has no code; begin again")
        return await client2.exchange(code, flow.redirect_uri, flow.verifier)

    async def _let_in(self, asked: Proposal, connector: Fetching, way: OAuth1 | OAuth2, granted: Granted, own: Mapping[str, str]) -> C:
        plain, secret = sorted_options(connector, asked.options)
        method = {"method": "oauth1" if isinstance(way, OAuth1) else "oauth2"}
        return await self._made(replace(asked, options=plain), connector, {**secret, **granted.secrets(), **method, **own})

    async def _made(self, asked: Proposal, connector: Fetching, secrets: Mapping[str, str]) -> C:
        """Try the credential, then keep it."""
        held = Held(secrets)
        account: Mapping[str, str] = {}
        if connector.who is not None:
            async with self._reach(asked.base_url, asked.trusted) as reach:
                signer = signer_of(
                    connector, asked.base_url, held.load(), self._applications, reach, held, self._clock, source=asked.source
                )
                account = await learn(connector, asked.base_url, asked.options, signer, reach)
        # What is not given again belongs to the credential before; a refresh token of another one would bring that back.
        kept = {**dict.fromkeys((*GIVEN, *OWN), ""), **held.secrets} if any(name in held.secrets for name in GIVEN) else held.secrets
        return await asyncio.to_thread(
            lambda: self._connections.add(
                asked.owner, asked.source, base_url=asked.base_url, options=asked.options, secrets=kept, account=account, by=asked.by,
                trusted=asked.trusted,
            )
        )  # fmt: skip

    def _checked(self, asked: Proposal) -> tuple[Proposal, Fetching]:
        """What is asked, with what is known of it already and with its base URL whole.  Raises NotFound or Invalid."""
        check_owner(asked.owner)
        connector = self.connector(check_source(asked.source).partition(".")[0])
        return asked.held_against(connector, self._connections.find(asked.owner, asked.source)), connector

    def _way(self, connector: Fetching, base_url: str) -> tuple[OAuth1 | OAuth2, Application | None]:
        """How a person is sent to a service, and as which client; None: one can be made on the fly.  Raises Invalid, saying what to do."""
        ways = [way for way in connector.auth if isinstance(way, OAuth1 | OAuth2)]
        if not ways:
            raise Invalid(f"{connector.name} sends nobody back and forth; connect with what you have: {help_of(connector)}")
        application = self._applications.find(connector.name, base_url, connector.base_url)
        for way in ways:
            if not base_url and "://" not in way.authorize:
                raise Invalid(f"{connector.name} has many instances: name yours as the base URL, like https://social.example")
            if application is None and isinstance(way, OAuth2) and way.register:
                return way, None
            if application is not None and _is_here(way, application, connector.base_url == base_url):
                return way, application
        raise Invalid(f"{self._applications.missing(connector.name, base_url, connector.base_url)}; or {help_of(connector)}")

    def _code(self) -> str:
        """43 random characters: a state, a PKCE verifier or a nonce."""
        return urlsafe_b64encode(self._randomness(CODE_BYTES)).decode().rstrip("=")


def way_back(network: str, public_url: str) -> str:
    """Where a network sends people back to: the redirect URI to register there, to the letter."""
    return f"{public_url}/connect/{network}/callback"


def refusal(network: str, said: str) -> Forbidden:
    """Somebody said no on the way."""
    word = said if said.replace("_", "").isalnum() and len(said) <= 60 else "an error"
    return Forbidden(f"{network} did not let us in ({word}); begin again if that was a mistake")


def _is_here(way: OAuth1 | OAuth2, application: Application, is_own: bool) -> bool:
    """Whether a way leads to the instance that is meant: whole URLs lead to the service's own, unless the operator says where others are."""
    return is_own or "authorize" in application.endpoints or "://" not in way.authorize


def _none() -> Application:
    return Application("")
