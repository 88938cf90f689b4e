"""
Who asks: a token that is renewed before it expires, or an e-mail address and a password that fetch one.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ..error import Fatal, Invalid, NotFound, Retriable, Unauthorized
from ..record import Body, parse

Ask = Callable[[str, Body, str | None], Awaitable[Any]]
"""POST a body to a path, with a token or without: the parsed answer.  Raises what ``failure`` makes of a refusal."""

LOGIN, REFRESH, SIGNUP = "/api/v1/users/login", "/api/v1/users/refresh", "/api/v1/users/signup"
_log = logging.getLogger("locker.client")


def _now() -> datetime:
    return datetime.now(UTC)


class Credentials:
    """Keeps one token fresh for any number of requests at once.

    With *token* alone the token is refreshed while it is still good, *early* before its end (or halfway, if it lives shorter); with
    *email* and *password* a new one is fetched when there is none, when refreshing is refused, and when the server no longer knows the old
    one.  A token without a readable expiry is used until it is refused.  Without any of them requests are sent without a token.
    """

    def __init__(
        self,
        token: str | None = None,
        email: str | None = None,
        password: str | None = None,
        *,
        early: timedelta = timedelta(minutes=5),
        now: Callable[[], datetime] = _now,
    ) -> None:
        if (email is None) != (password is None):
            raise Invalid("give the e-mail address and the password together, or a token")
        self._email, self._password, self._early, self._now = email, password, early, now
        self._lock = asyncio.Lock()
        self._refreshable = True
        self._keep(token)

    def __repr__(self) -> str:
        return f"Credentials(email={self._email!r}, token={'…' if self._token else None})"

    async def token(self, ask: Ask) -> str | None:
        """A token that is good now.  Raises Unauthorized if there is none left to get."""
        if self._due():
            async with self._lock:
                if self._due():
                    await self._renew(ask)
        return self._token

    async def refused(self, token: str | None, ask: Ask) -> bool:
        """The server answered 401 to *token*: True if there is another one now, and trying again makes sense."""
        async with self._lock:
            if self._token == token:
                if self._email is None:
                    return False
                await self._log_in(ask)
        return True

    async def sign_up(self, ask: Ask) -> None:
        """Make the account of this e-mail address and password, and keep its first token."""
        async with self._lock:
            self._take(await ask(SIGNUP, {"email": self._email, "password": self._password}, None))

    def _keep(self, token: str | None) -> None:
        self._token = token
        self._expires = _expiry(token) if token else None
        if self._expires:
            self._renew_at = self._expires - min(self._early, max(self._expires - self._now(), timedelta(0)) / 2)

    def _due(self) -> bool:
        if self._token is None:
            return self._email is not None
        return self._expires is not None and self._now() >= (self._renew_at if self._refreshable else self._expires)

    def _over(self) -> bool:
        return self._token is None or (self._expires is not None and self._now() >= self._expires)

    async def _renew(self, ask: Ask) -> None:
        if not self._over() and self._refreshable:
            try:
                return self._take(await ask(REFRESH, {}, self._token))
            except Retriable as error:
                _log.warning("the token could not be refreshed yet: %s", error)
                return None
            except (Unauthorized, NotFound, Invalid) as error:
                # StreamSource itself has no refresh: its tokens are used to their end.
                self._refreshable = not isinstance(error, NotFound)
                _log.info("the token cannot be refreshed: %s", error)
        if self._email is not None:
            return await self._log_in(ask)
        if self._over():
            raise Unauthorized(f"the token expired at {self._expires:%Y-%m-%d %H:%M:%S} UTC; log in again")
        return None

    async def _log_in(self, ask: Ask) -> None:
        self._take(await ask(LOGIN, {"email": self._email, "password": self._password}, None))

    def _take(self, answer: Any) -> None:
        token = answer.get("token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            raise Fatal("the server's answer to the login holds no token; is the URL that of a StreamSource API or a Locker?")
        self._keep(token)


def _expiry(token: str) -> datetime | None:
    """When a JWT says it ends, unverified: this is our own token, and the server has the last word."""
    try:
        claims = parse(base64.urlsafe_b64decode(token.split(".")[1] + "==="))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError, binascii.Error, Invalid):
        return None
