"""
A login: a user name and a password, exchanged for a token that ends soon and is renewed without them.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .authorisation import Login
from .credential import Credential
from .error import Fatal, LimitReached, Retriable, Unauthorized
from .oauth import AGENT, Asks
from .oauth_answer import Granted
from .path import search, text


@dataclass(frozen=True, slots=True)
class LoginClient:
    """Logs in at one service."""

    declared: Login
    base_url: str
    asks: Asks

    def renews(self, credential: Credential) -> bool:
        """Whether a credential has what a token is made of."""
        return bool(credential.get("refresh_token") or (credential.get("username") and credential.get("password")))

    async def renew(self, credential: Credential) -> Granted:
        """A fresh token: by the renewing one, if that is still good, else by the password.  Raises Unauthorized if neither is."""
        if credential.get("refresh_token"):
            try:
                return await self._post(self.declared.refresh, bearer=credential.get("refresh_token"))
            except Unauthorized:
                if not credential.get("password"):
                    raise
        pair = {self.declared.username: credential.get("username"), self.declared.password: credential.get("password")}
        return await self._post(self.declared.create, pair)

    async def _post(self, declared: str, said: dict[str, str] | None = None, bearer: str = "") -> Granted:
        url = declared if "://" in declared else f"{self.base_url}{declared}"
        headers = {"Accept": "application/json", "User-Agent": AGENT}
        headers |= {"Authorization": f"Bearer {bearer}"} if bearer else {"Content-Type": "application/json"}
        body = None if said is None else json.dumps(said).encode()
        reply = await self.asks.request("POST", url, headers=headers, body=body)
        # What a service says of a mistake is not shown: it may repeat what it was sent.
        if reply.status == 429:
            after = reply.headers.get("retry-after", "")
            raise LimitReached(f"{url} has had enough logins for now", float(after) if after.isdigit() else None)
        if reply.status >= 500:
            raise Retriable(f"{url} answers {reply.status}; try again later")
        if reply.status in (400, 401, 403):
            raise Unauthorized(f"{url} does not let us in ({reply.status}): the user name or the password is wrong, or no longer good")
        if reply.status != 200:
            raise Fatal(f"{url} answers {reply.status}; look at the base URL")
        return self._granted(_read(reply.body), url)

    def _granted(self, said: Any, url: str) -> Granted:
        token, renewing = (text(search(path, said)) for path in (self.declared.token, self.declared.refresh_token))
        if not token:
            raise Fatal(f"{url} answers no token at {self.declared.token}")
        return Granted(token, refresh_token=renewing or "", expires=_ends(token))


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _ends(token: str) -> datetime | None:
    """When a JWT ends, by its own word; None for what is none."""
    try:
        said = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (IndexError, ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError):
        return None
