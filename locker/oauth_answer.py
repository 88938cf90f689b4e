"""
What OAuth servers answer: tokens, or why not.  What a service says about a mistake is shown without what it was sent in confidence: some repeat it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

from .error import Fatal, Retriable, Unauthorized
from .reach import Reply

_ERROR = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,60}")


@dataclass(frozen=True, slots=True)
class Granted:
    """What a service gave: a token, maybe what renews it, when it expires, and whatever else the answer said (never shown)."""

    token: str = field(repr=False)
    token_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    expires: datetime | None = None

    def secrets(self) -> dict[str, str]:
        """As a connection keeps them in the vault; an empty text lets go of the one before."""
        kept = {"token": self.token, "expires": self.expires.isoformat() if self.expires else ""}
        renewed = {"token_secret": self.token_secret, "refresh_token": self.refresh_token}
        return kept | {name: value for name, value in renewed.items() if value}


class Refused(Unauthorized):
    """The service refused, and named why; *said* is its word for it."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


def granted(said: Mapping[str, Any], now: datetime, where: str) -> Granted:
    """The tokens of an answer.  Raises Fatal if it has none."""
    token, refresh_token = said.get("access_token"), said.get("refresh_token")
    if not isinstance(token, str) or not token:
        raise Fatal(f"{where} answers no access_token")
    try:
        seconds = float(said["expires_in"]) if said.get("expires_in") else 0.0
        expires = now + timedelta(seconds=seconds) if seconds > 0 else None
    except (TypeError, ValueError, OverflowError):
        expires = None
    return Granted(token, refresh_token=refresh_token if isinstance(refresh_token, str) else "", expires=expires)


def parsed(reply: Reply, url: str, secrets: Mapping[str, str]) -> dict[str, Any]:
    """The members of an answer, JSON or a form.  Raises what it means if it is none, or an error."""
    text = reply.body.decode("utf-8", "replace").strip()
    try:
        found = json.loads(text) if text.startswith("{") else dict(parse_qsl(text, strict_parsing=True)) if text else {}
    except (ValueError, RecursionError):
        found = {}
    where = plain(url)
    if isinstance(error := found.get("error"), str) and reply.status < 500:
        word = error if _ERROR.fullmatch(error) else "an error"
        more = f": {_without(str(found['error_description']), secrets)}" if found.get("error_description") else ""
        if word in ("temporarily_unavailable", "server_error"):
            raise Retriable(f"{where} cannot answer now ({word})")
        if word in ("invalid_client", "unauthorized_client"):
            raise Refused(f"{where} does not know our client ({word}{more}); look at the setting oauth_clients", word)
        raise Refused(f"{where} refuses ({word}{more})", word)
    if reply.status == 429 or reply.status >= 500:
        raise Retriable(f"{where} cannot answer now (status {reply.status})", _seconds(reply.headers.get("retry-after", "")))
    if reply.status in (400, 401, 403):
        raise Refused(f"{where} refuses (status {reply.status})", str(reply.status))
    if not 200 <= reply.status < 300 or not found:
        raise Fatal(f"{where} does not answer as OAuth does (status {reply.status}, {len(reply.body)} bytes)")
    return found


def _without(text: str, secrets: Mapping[str, str]) -> str:
    """What a service says, in one line, without what it was sent in confidence."""
    for secret in secrets.values():
        if secret:
            for form in (secret, quote(secret, safe="")):
                text = text.replace(form, "…")
    return " ".join(text.split())[:200]


def plain(url: str) -> str:
    """An address without its query."""
    return url.partition("?")[0]


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() else None
