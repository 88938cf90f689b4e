"""
A signer puts a connection's credential on its requests, and renews it when it expires.

A refresh token that is used twice is taken for stolen by many services, which then let nobody in.  So whoever refreshes holds a lease that all
streams and processes share, reads the vault again under it (somebody may have been faster), and stores the new tokens, all in one transaction,
before anybody uses them.  A process that is killed between the two loses at worst that refresh token: the service refuses it then, and says so.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import unquote_plus, urlencode

from .authorisation import ApiKey, Authorisation, Basic, Bearer, Login, OAuth1, OAuth2
from .clock import Clock
from .credential import Credential
from .error import LockerError, Retriable, Unauthorized
from .oauth import Application, sign1
from .oauth_answer import Granted

EARLY = timedelta(seconds=60)
"""A token that ends so soon is renewed before it is sent."""
WAIT_SECONDS = 30.0
PAUSE_SECONDS = 0.05
RENEW_SECONDS = 3.0


class Turn(Protocol):
    """The right to refresh, for one at a time; a ``Lease`` is one."""

    def take(self) -> bool: ...
    def release(self) -> None: ...


class Kept(Protocol):
    """Where the credential is kept."""

    def load(self) -> Credential: ...
    def store(self, changed: Mapping[str, str]) -> None: ...


class Renews(Protocol):
    """Who renews a credential: an OAuth 2.0 client, or a login."""

    def renews(self, credential: Credential) -> bool: ...
    async def renew(self, credential: Credential) -> Granted: ...


class Signer:
    """Signs the requests of one connection at the URLs of its service.  *client* renews the token, with the application that gave it."""

    def __init__(
        self,
        way: Authorisation | None,
        kept: Kept,
        *,
        clock: Clock,
        client: Renews | None = None,
        application: Application | None = None,
        turn: Callable[[], Turn] | None = None,
        again: str = "connect again",
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._way, self._kept, self._clock, self._client, self._application = way, kept, clock, client, application
        self._turn, self._again, self._nonce = turn, again, nonce
        self._credential: Credential | None = None
        self._renewing = asyncio.Lock()

    async def sign(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> tuple[str, dict[str, str]]:
        """The URL and the headers to send.  Raises Unauthorized if there is no credential, or one that ended and cannot be renewed."""
        credential = await self._current()
        match self._way:
            case None:
                return url, dict(headers)
            case Bearer(header=header, prefix=prefix) | OAuth2(header=header, prefix=prefix):
                return url, {**headers, header: f"{prefix}{self._need(credential, 'token')}"}
            case Login():
                if not credential.get("token") and await self._renewed(credential):
                    credential = await self._current()
                return url, {**headers, "Authorization": f"Bearer {self._need(credential, 'token')}"}
            case ApiKey(param=param):
                start, _, query = url.partition("?")
                kept = [pair for pair in query.split("&") if pair and unquote_plus(pair.partition("=")[0]) != param]
                return f"{start}?{'&'.join([*kept, urlencode({param: self._need(credential, 'token')})])}", dict(headers)
            case Basic():
                pair = f"{self._need(credential, 'username')}:{credential.get('password')}"
                return url, {**headers, "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
            case OAuth1():
                if self._application is None:
                    raise Unauthorized(
                        "requests are signed with a client's secret, and there is no client; look at the setting oauth_clients"
                    )
                token, secret = self._need(credential, "token"), self._need(credential, "token_secret")
                return sign1(self._application, token, secret, method, url, headers, body or b"", self._nonce(), self._clock())

    async def renew(self) -> bool:
        """After a 401: whether the request is worth another try, once, with what there is now.  Raises Unauthorized if renewing was refused."""
        return await self._renewed(self._credential)

    def hide(self, text: str) -> str:
        """A text without the secrets that sign; see ``Credential.hide``."""
        return text if self._credential is None else self._credential.hide(text)

    async def _current(self) -> Credential:
        if self._credential is None:
            self._credential = await asyncio.to_thread(self._kept.load)
        expires = self._credential.expires
        if expires is not None and self._clock() >= expires - EARLY and self._credential.get("refresh_token"):
            await self._renewed_early(self._credential, expires)
        return self._credential

    async def _renewed_early(self, credential: Credential, expires: datetime) -> None:
        try:
            await self._renewed(credential)
        except Retriable:
            if self._clock() >= expires:
                raise  # until then the old one is good

    async def _renewed(self, stale: Credential | None) -> bool:
        """Whether there is another token than a stale one now."""
        async with self._renewing:
            if self._credential is not stale:
                return True  # another stream was faster
            # Whoever stops us now must wait: what the service has given and nobody has stored is lost.
            renewing = asyncio.create_task(self._renewed_in_turn(stale))
            try:
                return await asyncio.shield(renewing)
            except asyncio.CancelledError:
                while not renewing.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait([renewing])
                with suppress(LockerError):
                    renewing.result()
                raise

    async def _renewed_in_turn(self, stale: Credential | None) -> bool:
        turn = await self._taken()
        holding = asyncio.create_task(_held(turn)) if turn else None
        try:
            current = await asyncio.to_thread(self._kept.load)
            if stale is not None and current.get("token") != stale.get("token"):
                self._credential = current  # another process was faster
                return True
            if self._client is None or not self._client.renews(current):
                return False
            granted = await self._refreshed(self._client, current)
            await asyncio.to_thread(self._kept.store, granted.secrets())
            self._credential = Credential({**current.secrets, **granted.secrets()})
            return True
        finally:
            if turn is not None and holding is not None:
                holding.cancel()
                await asyncio.wait([holding])
                await asyncio.to_thread(turn.release)

    async def _refreshed(self, client: Renews, current: Credential) -> Granted:
        try:
            return await client.renew(current)
        except Unauthorized as error:
            raise Unauthorized(f"{error}; {self._again}") from error

    async def _taken(self) -> Turn | None:
        """The lease, once nobody else has it.  Raises Retriable if somebody keeps it."""
        if self._turn is None:
            return None
        turn, deadline = self._turn(), time.monotonic() + WAIT_SECONDS
        while not await asyncio.to_thread(turn.take):
            if time.monotonic() > deadline:
                raise Retriable("another process is renewing this token and does not come to an end", WAIT_SECONDS)
            await asyncio.sleep(PAUSE_SECONDS)
        return turn

    def _need(self, credential: Credential, name: str) -> str:
        if not (found := credential.get(name)):
            raise Unauthorized(f"there is no {name.replace('_', ' ')}; {self._again}")
        return found


async def _held(turn: Turn) -> None:
    """Renew a lease for as long as it is needed: a service may take its time."""
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        await asyncio.to_thread(turn.take)
