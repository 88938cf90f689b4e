"""
An account is who may act here; an identity is who acts in one request: an account, and what its token and its grants allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeGuard

from .error import Forbidden, Invalid
from .grant import Grant
from .record import Body
from .token import KINDS, Token

Role = Literal["default", "editor", "admin"]
ROLES: tuple[Role, ...] = ("default", "editor", "admin")
"""From the least to the most: each may what those before it may."""

OPERATOR = "me"
SYSTEM = "system"
COMMONS = "commons"
CLIENT_MARK = "~"


@dataclass(frozen=True, slots=True)
class Account:
    """Who may act: a person who signed up (owner ``u<number>``), an API client (``<name>~``), or whoever runs this locker (``me``, number 0).

    *name* is a person's e-mail address or a client's name; *created* and *updated* are stamps of the log; *credential* names the password's
    or secret's hash in the vault; *redirects* are the addresses that people may be sent back to from a client's consent page.
    *username* is what a person chose to be called; *key* is what the log calls the account: the address it signed up with.
    """

    number: int
    name: str
    owner: str
    role: Role = "default"
    created: str = ""
    updated: str = ""
    is_disabled: bool = False
    credential: str = ""
    redirects: tuple[str, ...] = ()
    username: str = ""
    key: str = ""

    @property
    def is_client(self) -> bool:
        return self.owner.endswith(CLIENT_MARK)

    def as_user(self) -> Body:
        """The user object of the StreamSource dialect: ``{"id", "email", "role", "created_at", "updated_at"}``."""
        return {
            "id": self.number,
            "email": self.name,
            "role": self.role,
            "created_at": milliseconds(self.created),
            "updated_at": milliseconds(self.updated),
        }

    def as_dict(self) -> Body:
        """As listings show it."""
        client = {"redirect_uris": list(self.redirects)} if self.is_client else {}
        return {**self.as_user(), "owner": self.owner, "disabled": self.is_disabled, **client}


ME = Account(0, OPERATOR, OPERATOR, "admin")
"""Whoever runs this locker: nobody signs up as this one."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sends a request: *account*, acting for the locker of *owner* (its own, or that of a client's user), with *token*; *grants* are to it."""

    account: Account
    owner: str
    token: Token
    grants: tuple[Grant, ...] = ()

    @property
    def by(self) -> str:
        """What records name as their writer."""
        return self.account.owner

    @property
    def role(self) -> Role:
        return self.account.role

    @property
    def scopes(self) -> frozenset[str]:
        """What it may do: its token's scopes, ``admin`` only for an admin."""
        return self.token.scopes if self.role == "admin" else self.token.scopes - {"admin"}

    def is_at_least(self, role: Role) -> bool:
        """Whether its role is this one or a higher one.  An admin's token without the scope ``admin`` acts as an editor."""
        own = "editor" if self.role == "admin" and "admin" not in self.token.scopes else self.role
        return ROLES.index(own) >= ROLES.index(role)

    def require(self, role: Role) -> None:
        """Raise Forbidden if it has a lesser role."""
        if not self.is_at_least(role):
            raise Forbidden(f"this needs the role {role}; yours is {self.role}")

    def may(self, scope: str, type: str | None = None, owner: str | None = None) -> bool:
        """Whether it may ``read``, ``write`` or ``admin`` in a locker (its own if none is named), at least things of one type."""
        if scope == "admin":
            return self.is_at_least("admin")
        return self.token.may(scope, type) and (owner is None or owner == self.owner or self._reaches(owner, scope, type))

    def check(self, scope: str, type: str | None = None, owner: str | None = None) -> None:
        """Raise Forbidden if it may not."""
        if self.may(scope, type, owner):
            return
        if owner is None or owner == self.owner or not self.token.may(scope, type):
            good = ", ".join(sorted(self.scopes)) or "nothing"
            raise Forbidden(f"this token may not {scope}{f' {type}s' if type else ''}; it is good for {good}")
        raise Forbidden(f"the locker of {owner[:64]!r} is not yours, and nobody granted it to you for this")

    def _reaches(self, owner: str, scope: str, type: str | None) -> bool:
        if owner in (SYSTEM, COMMONS):
            # What happened here is for admins to read; nobody writes it by hand.  The commons have doors of their own.
            return scope == "read" and self.is_at_least("admin")
        if self.account.is_client and self.owner == self.account.owner and owner.startswith(self.owner):
            return True
        return any(grant.owner == owner and grant.allows(scope, type) for grant in self.grants)


LOCAL = Identity(ME, OPERATOR, Token("", OPERATOR, frozenset(KINDS), 2**62))
"""A request from this machine that is trusted without a token."""

NOBODY = Identity(Account(0, "", ""), "", Token("", "", frozenset(), 0))
"""Whoever calls what needs no token."""


def is_role(text: str) -> TypeGuard[Role]:
    """Whether there is a role of this name."""
    return text in ROLES


def check_role(text: str) -> Role:
    """A role as it is, or Invalid."""
    if not is_role(text):
        raise Invalid(f"{text[:40]!r} is no role; there are {', '.join(ROLES)}")
    return text


def milliseconds(stamp: str) -> str | None:
    """A stamp of the log to the millisecond, ``2026-11-22T08:00:00.123Z``."""
    return f"{stamp[:23]}Z" if stamp else None
