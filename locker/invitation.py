"""
An invitation is a code that lets one person sign up where signing up is not open to all; the log knows its digest only.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from .error import Forbidden
from .identity import Role, check_role
from .record import Body

CODE_BYTES = 20
REFUSED = "this invitation is not good: it was used, it is over, or it is for another address"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who uses it gets *role*; *expires* is in seconds since 1970; *email* is the only address it is for, if any; *version* is its record."""

    role: Role
    expires: float
    email: str | None = None
    version: int = 0

    def body(self) -> Body:
        """As the log keeps it."""
        return {"role": self.role, "expires": int(self.expires), **({} if self.email is None else {"email": self.email})}

    @classmethod
    def of(cls, body: Body | None, email: str, now: datetime) -> Invitation:
        """The invitation that the log knows, for whoever signs up with an address now.  Raises Forbidden, whatever is wrong with it."""
        if body is None or body["expires"] <= now.timestamp() or body.get("email", email) != email:
            raise Forbidden(REFUSED)
        return cls(check_role(body["role"]), body["expires"], body.get("email"), body["version"])


def new_code(randomness: Callable[[int], bytes]) -> str:
    """A code that nobody guesses, of letters and digits that are easily read out."""
    return base64.b32encode(randomness(CODE_BYTES)).decode().lower()


def digest_of(code: str) -> str:
    """What the log calls a code."""
    return sha256(code.strip().lower().encode("utf-8", "replace")).hexdigest()
