"""
A flow is one person on the way to a service and back: what was begun, by whom, and the secrets that must not leave us meanwhile.

It is kept in the vault under a digest of its state, so that it survives a restart and nobody can read a state that was given out; it serves once and
for ten minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from .clock import Clock
from .error import Invalid
from .vault import Vault

LIFETIME = timedelta(minutes=10)
MOST = 20
"""Flows that one owner may have open; the oldest are forgotten first."""
GONE = "this way back was used before, or it is older than ten minutes: begin again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """*network* and *source* are what will be connected for *owner*, asked by *by* in *session* (the token's).

    *proof* is the digest of what the browser that began must show, *verifier* that of PKCE, *request_secret* that of an OAuth 1.0a request token.
    *redirect_uri* is where the service must send people back to, *return_to* where we send them then.
    """

    network: str
    source: str
    owner: str
    by: str
    session: str = ""
    base_url: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    trusted: bool = False
    redirect_uri: str = ""
    return_to: str = ""
    proof: str = ""
    verifier: str = field(default="", repr=False)
    request_secret: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    registered: bool = False

    def is_proven(self, proof: str) -> bool:
        """Whether a browser shows what the one got that began."""
        return bool(self.proof) and hmac.compare_digest(self.proof, digest(proof))

    @staticmethod
    def name_of(state: str) -> str:
        """A name for a state that tells nothing of it."""
        return digest(state)[:16]


class Flows:
    """The flows of one locker that are open."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault, self._clock = vault, clock

    def open(self, state: str, flow: Flow) -> datetime:
        """Keep a flow under its state; the moment until which it is good."""
        expires = self._clock() + LIFETIME
        self._clear(flow.owner)
        self._vault.put(f"flow/{flow.owner}/{int(expires.timestamp()):012}/{digest(state)}", json.dumps(asdict(flow)))
        return expires

    def close(self, state: str) -> Flow:
        """The flow of a state, which is good for nothing from now on.  Raises Invalid if there is none, or not any more."""
        wanted = digest(state)
        for name in self._vault.names("flow/"):
            _, _, expires, found = name.split("/")
            if found == wanted:
                text = self._vault.take(name)
                if text is not None and int(expires) > self._clock().timestamp():
                    return Flow(**json.loads(text))
        raise Invalid(GONE)

    def peek(self, state: str) -> Flow:
        """The same without ending it.  Raises Invalid if there is none."""
        for name in self._vault.names("flow/"):
            _, _, expires, found = name.split("/")
            if found == digest(state) and int(expires) > self._clock().timestamp() and (text := self._vault.get(name)) is not None:
                return Flow(**json.loads(text))
        raise Invalid(GONE)

    def _clear(self, owner: str) -> None:
        """Forget what ended, and the oldest if somebody has too many."""
        now = self._clock().timestamp()
        ended = [name for name in self._vault.names("flow/") if int(name.split("/")[2]) <= now]
        own = [name for name in self._vault.names(f"flow/{owner}/") if name not in ended]
        if gone := [*ended, *own[: max(0, len(own) - MOST + 1)]]:
            self._vault.forget(*gone)


def digest(text: str) -> str:
    """What a secret that is only compared is kept as."""
    return hashlib.sha256(text.encode()).hexdigest()
