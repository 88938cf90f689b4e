"""
A promise is what a code or a refresh token of the authorisation server stands for; each is good once.

They lie in the vault under their digests, with the moment at which they end in the name.  That one was used is a record, so that of two who use it at the
same moment one is refused, in whatever process.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Protocol

from .clock import Clock
from .log import Draft, Logbook
from .record import Body
from .vault import Vault

OWNER, SOURCE, USED = "system", "oauth", "used/locker"


class Named(Protocol):
    """A client, as far as a promise asks for one."""

    client_id: str


@dataclass(frozen=True, slots=True)
class Promise:
    """What a code or a refresh token stands for: *owner* let *client* do *scope*; with a code also where it was sent and its challenge."""

    digest: str
    client: str
    owner: str
    scope: str
    session: str
    redirect_uri: str = ""
    code_challenge: str = ""

    code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def check_client(self, client: Named) -> bool:
        return client.client_id == self.client

    def as_body(self) -> Body:
        """As the vault keeps it."""
        return {name: getattr(self, name) for name in ("client", "owner", "scope", "session", "redirect_uri", "code_challenge")}


class Promises:
    """The codes and refresh tokens that are still good."""

    def __init__(self, kind: str, logbook: Logbook, vault: Vault, clock: Clock, randomness: Callable[[int], bytes]) -> None:
        self._kind, self._logbook, self._vault, self._clock, self._randomness = kind, logbook, vault, clock, randomness

    def make(self, promise: Promise, lifetime: timedelta) -> str:
        """A new text for a promise; texts that are over are forgotten."""
        text = f"{int((self._clock() + lifetime).timestamp()):x}.{self._randomness(32).hex()}"
        self._sweep()
        self._vault.put(self._name(text), json.dumps(promise.as_body()))
        return text

    def find(self, text: str) -> Promise | None:
        """What a text stands for, if it is good still, or was used already."""
        if not self._is_fresh(text) or (found := self._vault.get(self._name(text))) is None:
            return None
        return Promise(digest=_digest(text), **json.loads(found))

    def use(self, promise: Promise) -> None:
        """Use it up.  Raises Conflict if somebody did already."""
        draft = Draft.of(USED, f"{self._kind} {promise.digest}", {"client": promise.client, "owner": promise.owner}, expect=0)
        self._logbook.append(OWNER, SOURCE, [draft])

    def _name(self, text: str) -> str:
        return f"oauth/{self._kind}/{text.partition('.')[0]}/{_digest(text)}"

    def _is_fresh(self, text: str) -> bool:
        expires = text.partition(".")[0]
        return (
            len(text) < 200
            and all(digit in "0123456789abcdef" for digit in expires)
            and int(expires or "0", 16) > self._clock().timestamp()
        )

    def _sweep(self) -> None:
        prefix, now = f"oauth/{self._kind}/", int(self._clock().timestamp())
        over = [name for name in self._vault.names() if name.startswith(prefix) and int(name.split("/")[2], 16) <= now]
        if over:
            self._vault.forget(*over)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
