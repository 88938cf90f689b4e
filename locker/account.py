"""
Accounts: who signed up, which programs may call, who may see whose locker, and which tokens were given out or taken back.

All of that is records of owner ``system``, source ``account``, so that an auditor can replay who was allowed what, when, and by whom.  No record holds a
secret: it names its hash in the vault.  The hash is put there first, under a name nobody else has, and the record makes it count; so of two that sign up
with one address at the same moment one wins, and the other leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import TypeVar

from .clock import Clock, system_clock
from .error import Conflict, Invalid, NotFound, Unauthorized
from .grant import Grant
from .identity import (
    CLIENT_MARK,
    COMMONS,
    LOCAL,
    ME,
    NOBODY,
    ROLES,
    SYSTEM,
    Account,
    Identity,
    Role,
    check_role,
)
from .invitation import Invitation, digest_of, new_code
from .log import Draft, Logbook
from .naming import check_client, check_email, check_redirect, check_signup, check_username, fold, owner_of
from .password import Passwords
from .record import Body
from .register import ACCOUNT, ALIAS, CLIENT, GRANT, INVITATION, OWNER, SOURCE, TOKEN, ApplicationToken, Picture, Register
from .token import DAY, KINDS, REFUSED, Token, Tokens, check_scope
from .vault import Vault

__all__ = [
    "DAY",
    "KINDS",
    "LOCAL",
    "ME",
    "NOBODY",
    "ROLES",
    "Account",
    "Accounts",
    "ApplicationToken",
    "Grant",
    "Identity",
    "Invitation",
    "Role",
    "Token",
    "Tokens",
    "check_role",
    "check_scope",
]

T = TypeVar("T")

WRONG = "Invalid email or password"
WRONG_CLIENT = "the client_id or the client_secret is wrong"
TAKEN = "Email has already been taken"
SECRET_BYTES = 32
ATTEMPTS = 5


class Accounts:
    """The accounts of one locker.  What waits for a hash or the disk is a coroutine; what only asks answers from memory, in microseconds."""

    def __init__(
        self,
        logbook: Logbook,
        vault: Vault,
        *,
        passwords: Passwords | None = None,
        clock: Clock = system_clock,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._logbook, self._vault, self._clock, self._randomness = logbook, vault, clock, randomness
        self.passwords = passwords or Passwords()
        self._register = Register(logbook)
        self._identities: dict[str, tuple[int, Identity]] = {}

    # -- asking --------------------------------------------------------------------------------------

    @property
    def picture(self) -> Picture:
        """Everything that holds now.  Not for changing."""
        return self._register.picture

    @property
    def changes(self) -> int:
        """Grows whenever anything changed that may be allowed to somebody."""
        return self._register.changes

    def follow(self) -> None:
        """Read what is new in the log now, so that the first request does not have to."""
        self._register.follow()

    def identify(self, token: Token) -> Identity:
        """Who bears a token that was verified.  Raises Unauthorized if that account is gone or disabled, or the token was taken back."""
        picture, changes = self._register.picture, self._register.changes
        known = self._identities.get(token.id)
        if known is not None and known[0] == changes and known[1].token == token:
            return known[1]
        account = self._acting(picture, token.owner)
        if account is None or account.is_disabled or self.is_revoked(token.id):
            raise Unauthorized(REFUSED)
        identity = Identity(account, token.owner, token, tuple(picture.grants.get(token.owner, {}).values()))
        if len(self._identities) >= 4096:
            self._identities.clear()
        self._identities[token.id] = changes, identity
        return identity

    def is_revoked(self, id: str) -> bool:
        """Whether a token, by its ``jti``, was taken back or its session was ended."""
        return id.partition(".")[0] in self._register.picture.ended

    def user(self, owner: str) -> Body:
        """The user object of whoever a record names as its writer."""
        return (self.picture.accounts.get(owner) or Account(0, owner, owner)).as_user()

    def numbered(self, number: int) -> Account | None:
        """The account of a number, a client's too; 0 is whoever runs this locker."""
        return self.picture.by_number.get(number)

    def find(self, who: str) -> Account:
        """An account by e-mail address, owner (``u7``, ``acme~``), client's name or number.  Raises NotFound."""
        picture = self.picture
        found = picture.by_number.get(int(who)) if who.isascii() and who.isdecimal() and len(who) < 19 else picture.accounts.get(who)
        # A client before a person: nobody may choose to be called like one and be taken for it.
        found = found or picture.by_name.get(f"{who}{CLIENT_MARK}") or picture.by_name.get(fold(who))
        if found is None:
            raise NotFound(f"there is no account {who[:80]!r}; 'locker account list' shows those there are")
        return found

    def people(self) -> list[Account]:
        """Everyone who signed up, in order."""
        return sorted(
            [each for each in list(self.picture.accounts.values()) if each.number and not each.is_client], key=lambda each: each.number
        )

    def clients(self) -> list[Account]:
        """Every API client, in order."""
        return sorted([each for each in list(self.picture.accounts.values()) if each.is_client], key=lambda each: each.number)

    def grants(self, *, owner: str | None = None, to: str | None = None) -> list[Grant]:
        """The grants that hold, of a locker or to somebody if one is named."""
        found = [grant for each in list(self.picture.grants.values()) for grant in list(each.values())]
        wanted = (grant for grant in found if owner in (None, grant.owner) and to in (None, grant.to))
        return sorted(wanted, key=lambda grant: (grant.owner, grant.to))

    def tokens(self, owner: str) -> list[ApplicationToken]:
        """Somebody's application tokens that can be used still, oldest first."""
        now = self._clock().timestamp()
        return [each for each in list(self.picture.tokens.values()) if each.owner == owner and each.expires > now]

    # -- people --------------------------------------------------------------------------------------

    async def sign_up(
        self, email: str, password: str, *, role: Role = "default", code: str | None = None, by: str | None = None
    ) -> Account:
        """A new account; with an invitation's *code* that is used up, and says the role.

        Raises BrokenSchema for what is wrong with address or password, Conflict if the address is taken, Forbidden for a code that is not good.
        """
        name = check_signup(email, password)
        invited = None if code is None else Invitation.of(self.picture.invitations.get(digest_of(code)), name, self._clock())
        if name in self.picture.by_name:
            raise Conflict(TAKEN)
        hashed = await self.passwords.hash(password)
        body = {"role": invited.role if invited else role}
        used = [] if invited is None else [Draft.of(INVITATION, digest_of(code or ""), None, expect=invited.version)]
        await asyncio.to_thread(self._add, ACCOUNT, name, body, hashed, by, used)
        return self.picture.by_name[name]

    async def log_in(self, email: str, password: str) -> Account:
        """The account of an address and a password.  Raises Unauthorized, in the same words and time whatever is wrong."""
        found = self.picture.by_name.get(fold(email))
        return await self._proven(None if found is None or found.is_client else found, password, WRONG)

    def rename(self, who: str, *, email: str | None = None, username: str | None = None, by: str | None = None) -> Account:
        """Give an account another e-mail address or user name; one may sign in with either.

        An address that an account had stays reserved.  Raises BrokenSchema for what is none, Conflict if somebody else has it, Invalid for ``me``.
        """
        account, changes, reserved = self.find(who), dict[str, str | bool](), list[Draft]()
        if account.is_client:
            raise Invalid(f"{account.name} is a client, which keeps the name that it proves itself with")
        if email is not None and (address := check_email(email)) != account.name:
            changes["email"] = address
            self._check_free(address, account, TAKEN)
            if address != account.key and self._reserved(address) != account.owner:
                reserved.append(Draft.of(ACCOUNT, address, {"reserved_for": account.owner}, by=by, expect=0))
        if username is not None and (name := check_username(username)) != account.username:
            changes["username"] = name
            for taken in (fold(name), f"{fold(name)}{CLIENT_MARK}"):
                self._check_free(taken, account, "Username has already been taken")
            if self._reserved(fold(name)) != account.owner:
                reserved.append(Draft.of(ACCOUNT, fold(name), {"reserved_for": account.owner}, by=by, expect=0))
        try:
            return self._change(account, by, *reserved, **changes) if changes else account
        except Conflict as error:
            raise Conflict(TAKEN) from error

    def _check_free(self, name: str, account: Account, message: str) -> None:
        if self.picture.by_name.get(name, account) is not account:
            raise Conflict(message)

    def _reserved(self, key: str) -> str | None:
        """Whose address or name it was."""
        head = self._logbook.head(OWNER, SOURCE, ACCOUNT, key)
        if head is None:
            return None
        (newest,) = self._logbook.records(OWNER, SOURCE, gt=head.newest - 1, lte=head.newest)
        return str(newest.body.get("reserved_for") or f"u{head.first}")

    def set_role(self, who: str, role: Role, by: str | None = None) -> Account:
        """Make somebody ``default``, ``editor`` or ``admin``, from the next request on.  Raises NotFound, or Invalid for ``me``."""
        return self._change(self.find(who), by, role=check_role(role))

    def disable(self, who: str, by: str | None = None, *, disabled: bool = True) -> Account:
        """Let an account act no more, or again; its records stay.  Raises NotFound, or Invalid for ``me``."""
        return self._change(self.find(who), by, disabled=disabled)

    def invite(self, *, role: Role = "default", email: str | None = None, lifetime: timedelta = 7 * DAY, by: str | None = None) -> str:
        """A code that lets one person sign up, with that address if one is named."""
        code = new_code(self._randomness)
        invitation = Invitation(check_role(role), (self._clock() + lifetime).timestamp(), fold(email) if email else None)
        self._append(Draft.of(INVITATION, digest_of(code), invitation.body(), by=by))
        return code

    # -- programs ------------------------------------------------------------------------------------

    async def add_client(self, name: str, by: str | None = None, redirects: Iterable[str] = ()) -> tuple[Account, str]:
        """A new API client and its secret, which nobody can read again; *redirects* are the URIs of its consent flow.

        Raises Invalid for a bad name or URI, Conflict if the name is taken.
        """
        check_client(name)
        uris = [check_redirect(uri) for uri in redirects]
        secret = self._randomness(SECRET_BYTES).hex()
        hashed = await self.passwords.hash(secret)
        await asyncio.to_thread(self._add, CLIENT, name, {"role": "default", **({"redirect_uris": uris} if uris else {})}, hashed, by, [])
        return self.picture.by_name[f"{name}{CLIENT_MARK}"], secret

    async def authenticate(self, client_id: str, client_secret: str) -> Account:
        """The client of an id and a secret.  Raises Unauthorized, like ``log_in``."""
        return await self._proven(self.picture.by_name.get(f"{client_id}{CLIENT_MARK}"), client_secret, WRONG_CLIENT)

    def owner_for(self, client: Account, text: str) -> str:
        """The owner that a client's ``:user`` means; what the client calls it is kept.  Two clients' "bob" are two owners."""
        owner = self.named(client, text)
        if owner not in self.picture.aliases:
            self._append(Draft.of(ALIAS, owner, {"alias": text, "client": client.owner}, by=client.owner))
        return owner

    @staticmethod
    def named(client: Account, text: str) -> str:
        """The owner that a ``:user`` means, known or not; a person's are ``u7~bob``, as a client's are ``acme~bob``."""
        return owner_of(client.owner if client.is_client else f"{client.owner}{CLIENT_MARK}", text)

    def alias(self, owner: str) -> str | None:
        """What a client calls this owner."""
        return self.picture.aliases.get(owner)

    def make_token(
        self, tokens: Tokens, owner: str, name: str, scopes: Iterable[str], lifetime: timedelta, by: str | None = None
    ) -> tuple[str, ApplicationToken]:
        """A token for a program, listed under a name until it is revoked or expires.  Raises what ``Tokens.make`` does."""
        if not 1 <= len(name) <= 200:
            raise Invalid("a token's name has 1 to 200 characters; it tells you later what the token is for")
        text = tokens.make(owner, scopes, lifetime=lifetime)
        token = tokens.verify(text)
        body = {"owner": owner, "name": name, "scopes": sorted(token.scopes), "expires": token.expires}
        self._append(Draft.of(TOKEN, token.id, body, by=by))
        return text, self.picture.tokens[token.id]

    def end(self, token: Token, by: str | None = None) -> None:
        """Take back a token, and with it every other one of its session."""
        known = self.picture.tokens.get(token.session)
        # A renewed token of the session may live a day longer than this one.
        expires = known.expires if known else max(token.expires, int((self._clock() + DAY).timestamp()))
        named = {"name": known.name} if known else {}
        body = {"owner": token.owner, **named, "scopes": sorted(token.scopes), "expires": expires, "revoked": True}
        self._append(Draft.of(TOKEN, token.session, body, by=by))

    def revoke(self, owner: str, id: str, by: str | None = None) -> None:
        """Take back one of somebody's application tokens.  Raises NotFound."""
        known = self.picture.tokens.get(id)
        if known is None or known.owner != owner:
            raise NotFound(f"there is no token {id[:80]!r}")
        self.end(Token(known.id, known.owner, frozenset(known.scopes), known.expires), by)

    # -- grants --------------------------------------------------------------------------------------

    def grant(self, owner: str, who: str, access: Iterable[str], types: Iterable[str] | None = None, by: str | None = None) -> Grant:
        """Let somebody read or write a locker; a grant to the same one before is replaced.  Raises Invalid or NotFound."""
        grant = Grant.checked(owner, self._grantee(who), frozenset(access), None if types is None else frozenset(types))
        self._append(Draft.of(GRANT, grant.key, grant.body(), by=by))
        return self.picture.grants[grant.to][grant.key]

    def ungrant(self, owner: str, who: str, by: str | None = None) -> None:
        """Take a grant back.  Raises NotFound if there is none."""
        key = f"{owner} {(to := self._grantee(who))}"
        if key not in self.picture.grants.get(to, {}):
            raise NotFound(f"the locker of {owner} is not granted to {who[:80]}")
        self._append(Draft.of(GRANT, key, None, by=by))

    def close(self) -> None:
        """End the thread that hashes."""
        self.passwords.close()

    # -- helpers -------------------------------------------------------------------------------------

    @staticmethod
    def _acting(picture: Picture, owner: str) -> Account | None:
        """The account behind an owner: its own, its client's, or for a locker that the operator named the operator's least."""
        client, mark, _ = owner.partition(CLIENT_MARK)
        if found := picture.accounts.get(f"{client}{mark}" if mark else owner):
            return found
        is_reserved = mark or owner in (SYSTEM, COMMONS) or (owner[:1] == "u" and owner[1:].isdecimal())
        return None if is_reserved else Account(0, owner, owner)

    def _grantee(self, who: str) -> str:
        return who if CLIENT_MARK in who and self._acting(self.picture, who) else self.find(who).owner

    async def _proven(self, account: Account | None, secret: str, message: str) -> Account:
        """As much work for nobody, for the disabled and for a wrong secret as for the right one."""
        credential = account.credential if account and not account.is_disabled else ""
        known = await asyncio.to_thread(self._vault.get, credential)
        if not await self.passwords.verify(known, secret) or account is None or known is None:
            raise Unauthorized(message)
        if self.passwords.is_weak(known):
            hashed = await self.passwords.hash(secret)
            await asyncio.to_thread(self._vault.put, credential, hashed)
        return account

    def _add(self, type: str, key: str, body: Body, hashed: str, by: str | None, more: list[Draft]) -> None:
        """Append an account that nobody has yet, its hash in the vault."""
        credential = f"{type.partition('/')[0]}/{self._randomness(16).hex()}"
        self._vault.put(credential, hashed)
        try:
            self._append(Draft.of(type, key, {**body, "credential": credential}, by=by, expect=0), *more)
        except Conflict as error:
            self._vault.forget(credential)
            if type == CLIENT or self._logbook.head(OWNER, SOURCE, ACCOUNT, key) is not None:
                raise Conflict(TAKEN if type == ACCOUNT else f"there is a client called {key} already") from error
            raise Conflict("the invitation was used by somebody else") from error

    def _change(self, account: Account, by: str | None, *more: Draft, **changes: str | bool) -> Account:
        """Append an edit of an account over what it says now, whoever else edits it at the same time."""
        if not account.number:
            raise Invalid(f"{account.owner} is whoever runs this locker: always an admin, never disabled")
        type = CLIENT if account.is_client else ACCOUNT
        for attempt in range(ATTEMPTS):
            head = self._logbook.head(OWNER, SOURCE, type, account.key)
            assert head is not None
            (newest,) = self._logbook.records(OWNER, SOURCE, gt=head.newest - 1, lte=head.newest)
            try:
                self._append(Draft.of(type, account.key, {**newest.body, **changes}, by=by, expect=head.newest), *more)
                break
            except Conflict:
                if attempt == ATTEMPTS - 1 or any(self._logbook.head(OWNER, SOURCE, type, each.key) for each in more):
                    raise
        return self.picture.accounts[account.owner]

    def _append(self, *drafts: Draft) -> None:
        """Append, and know it before returning."""
        try:
            self._logbook.append(OWNER, SOURCE, drafts)
        finally:
            self._register.follow()


def run(coroutine: Awaitable[T]) -> T:
    """Wait for a coroutine, for callers without an event loop."""

    async def wait() -> T:
        return await coroutine

    return asyncio.run(wait())
