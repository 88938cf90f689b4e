"""
The register knows, at each moment, who has an account and what they may: a picture in memory of what the log says about accounts.

It follows the log by itself.  What this process appends it sees at once, what another one appends within a quarter of a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from .error import Invalid
from .grant import Grant, grant_of
from .identity import CLIENT_MARK, ME, Account, check_role
from .log import Logbook
from .naming import fold
from .record import Body, Record

OWNER, SOURCE = "system", "account"
ACCOUNT, CLIENT, GRANT, TOKEN, ALIAS, INVITATION = (
    f"{kind}/locker" for kind in ("account", "client", "grant", "token", "alias", "invitation")
)
LOOK_SECONDS = 0.25
PAGE = 1000


@dataclass(frozen=True, slots=True)
class ApplicationToken:
    """A token that somebody made for a program: *id* is its ``jti``, *expires* seconds since 1970.  The log knows these, not the tokens of logins."""

    id: str
    owner: str
    name: str
    scopes: tuple[str, ...]
    expires: int
    created: str
    is_revoked: bool = False

    def as_dict(self) -> Body:
        """As listings show it; the token itself is nowhere."""
        return {"id": self.id, "name": self.name, "scopes": list(self.scopes), "created_at": self.created, "expires_at": self.expires}


@dataclass(slots=True)
class Picture:
    """What the log said so far."""

    accounts: dict[str, Account] = field(default_factory=lambda: {ME.owner: ME})
    """By owner; clients too."""
    by_number: dict[int, Account] = field(default_factory=lambda: {ME.number: ME})
    by_name: dict[str, Account] = field(default_factory=dict)
    """People by e-mail address, clients by name and mark (``acme~``)."""
    grants: dict[str, dict[str, Grant]] = field(default_factory=dict)
    """By who may, then by key."""
    tokens: dict[str, ApplicationToken] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    """Sessions that were ended, and when their last token would have expired."""
    aliases: dict[str, str] = field(default_factory=dict)
    """What a client calls the owner of its user."""
    invitations: dict[str, Body] = field(default_factory=dict)
    """By digest of the code: ``{"role", "expires", "email"?, "version"}``."""


class Register:
    """Answers from memory; *moment* is a clock that only runs forward, in seconds."""

    def __init__(self, logbook: Logbook, *, moment: Callable[[], float] = time.monotonic) -> None:
        self._logbook, self._moment = logbook, moment
        self._lock = RLock()
        self._picture = Picture()
        self._version = 0
        self._looked = float("-inf")
        self.changes = 0
        """Grows whenever anything changed: what was derived from an older picture is stale then."""

    @property
    def picture(self) -> Picture:
        """What holds now.  Not for changing."""
        if self._moment() - self._looked > LOOK_SECONDS:
            self.follow()
        return self._picture

    def follow(self) -> None:
        """Read what is new in the log."""
        with self._lock:
            self._looked = self._moment()
            while records := self._logbook.records(OWNER, SOURCE, gt=self._version, limit=PAGE):
                for record in records:
                    take(self._picture, record)
                self._version = records[-1].version
                self.changes += 1


def take(picture: Picture, record: Record) -> None:
    """Let the picture say what a record says.  A body that was erased, or is not ours, ends what it was about."""
    handle = _HANDLERS.get(record.type)
    if handle is not None:
        try:
            handle(picture, record, None if record.op == "delete" or record.text is None else record.body)
        except (KeyError, TypeError, ValueError, AttributeError, Invalid):
            handle(picture, record, None)


def _account(picture: Picture, record: Record, body: Body | None) -> None:
    if body is not None and "reserved_for" in body:  # an address that an account changed to: nobody else signs up with it
        return
    is_client = record.type == CLIENT
    number = int(record.first.rpartition(":")[2])
    before = picture.by_number.get(number)
    owner = f"{record.key}{CLIENT_MARK}" if is_client else f"u{number}"
    email = str(body.get("email") or record.key) if body else record.key
    username = str(body.get("username") or "") if body else ""
    made = Account(
        number,
        email,
        owner,
        check_role(body["role"]) if body else "default",
        before.created if before else record.timestamp,
        record.timestamp,
        bool(body.get("disabled")) if body else True,
        str(body["credential"]) if body else "",
        tuple(map(str, body.get("redirect_uris", ()))) if body else (),
        username,
        record.key,
    )
    for name in () if before is None or is_client else (before.name, fold(before.username)):
        if picture.by_name.get(name) is before:
            del picture.by_name[name]
    if username:
        picture.by_name.setdefault(fold(username), made)
    picture.accounts[owner] = picture.by_name[owner if is_client else email] = picture.by_number[number] = made


def _grant(picture: Picture, record: Record, body: Body | None) -> None:
    owner, _, to = record.key.partition(" ")
    known = picture.grants.setdefault(to, {})
    known.pop(record.key, None)
    if body is not None:
        made = grant_of(body, record.by, record.timestamp)
        if (made.owner, made.to) == (owner, to):
            known[record.key] = made


def _token(picture: Picture, record: Record, body: Body | None) -> None:
    """A token that was made for a program, or a session that was ended."""
    known = picture.tokens.pop(record.key, None)
    if body is None:
        picture.ended[record.key] = known.expires if known else 2**62
        return
    expires, is_revoked = int(body["expires"]), bool(body.get("revoked"))
    if is_revoked:
        picture.ended[record.key] = expires
    else:
        scopes: list[Any] = body["scopes"]
        created = known.created if known else record.timestamp
        picture.tokens[record.key] = ApplicationToken(record.key, body["owner"], body["name"], tuple(scopes), expires, created)


def _alias(picture: Picture, record: Record, body: Body | None) -> None:
    if body is None:
        picture.aliases.pop(record.key, None)
    else:
        picture.aliases[record.key] = str(body["alias"])


def _invitation(picture: Picture, record: Record, body: Body | None) -> None:
    picture.invitations.pop(record.key, None)
    if body is not None:
        picture.invitations[record.key] = {**body, "version": record.version}


_HANDLERS: dict[str, Callable[[Picture, Record, Body | None], None]] = {
    ACCOUNT: _account,
    CLIENT: _account,
    GRANT: _grant,
    TOKEN: _token,
    ALIAS: _alias,
    INVITATION: _invitation,
}
