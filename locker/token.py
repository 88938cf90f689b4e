"""
A token says whose locker its bearer may read or write, signed so that nobody can make their own.

A token is a JWT (RFC 7519) under one of the keys in ``token.key``; the newest key signs, all of them verify, so that keys can be changed without
ending anybody's session.  Accounts, grants and revocation are looked up at each request: ``is_revoked`` is their door.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from .clock import Clock, system_clock
from .error import Invalid, StorageError, Unauthorized
from .record import check_owner

KEY_FILE = "token.key"
KEY_BYTES = 32
ALGORITHM = "HS256"
NAME = "locker"
"""Issuer and audience of our tokens."""

DAY = timedelta(hours=24)
LONGEST = 4096
KINDS = ("read", "write", "admin")
LOOK_SECONDS = 1.0
MOST_KEYS = 64
"""An application token may live for years, and so does the key that signed it."""

ANY = "*"
"""Stands for any type: whoever asks for it looks closer later."""
_OURS = jwt.BaseClaimsRegistry(iss={"essential": True, "value": NAME}, aud={"essential": True, "value": NAME})
REFUSED = "the token is not one of ours, or is expired or revoked; make a new one with 'locker token'"


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says: *owner* whose locker it opens, *scopes* what for, *expires* in seconds since 1970, *id* its own name (``jti``)."""

    id: str
    owner: str
    scopes: frozenset[str]
    expires: int

    @property
    def session(self) -> str:
        """What a login began: a renewed token is of the same session, and ends with it."""
        return self.id.partition(".")[0]

    def may(self, scope: str, type: str | None = None) -> bool:
        """Whether it allows ``read``, ``write`` or ``admin``, at least of one type (``*``: of any).  Write does not imply read."""
        if scope in self.scopes or (type is not None and f"{scope}:{type}" in self.scopes):
            return True
        return type == ANY and any(each.startswith(f"{scope}:") for each in self.scopes)


class Tokens:
    """Makes and verifies tokens.

    The keys are in *folder*, made at the first start, readable by its user only; with a *secret* the key is made of that, and no file is used.
    Raises StorageError if the file cannot be read or made, Invalid for a secret of less than 16 characters.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        secret: str | None = None,
        clock: Clock = system_clock,
        randomness: Callable[[int], bytes] = os.urandom,
        is_revoked: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._path = Path(folder) / KEY_FILE
        self._clock, self._randomness, self._is_revoked = clock, randomness, is_revoked
        if secret is not None and len(secret) < 16:
            raise Invalid("the secret that signs tokens needs at least 16 characters; 'openssl rand -base64 32' makes a good one")
        self._is_stored = secret is None
        self._keys = [_key(sha256(b"locker token key\0" + secret.encode()).digest())] if secret is not None else self._stored()
        self._known: dict[str, Token] = {}
        self._looked, self._changed = self._clock().timestamp(), self._change()

    def make(self, owner: str, scopes: Iterable[str] = KINDS[:2], *, lifetime: timedelta = DAY, session: str = "") -> str:
        """A new token, of a session that goes on if one is named.  Raises Invalid for a scope that is none (``read``, ``write``, ``admin``, ``read:contact``) or a lifetime that is over."""
        wanted = sorted({check_scope(scope) for scope in scopes})
        if not wanted or lifetime <= timedelta(0):
            raise Invalid("a token needs at least one scope and some time to live")
        now, key = int(self._clock().timestamp()), self._keys[0]
        claims: dict[str, Any] = {
            "iss": NAME,
            "aud": NAME,
            "sub": check_owner(owner),
            "jti": f"{session}.{self._randomness(12).hex()}" if session else self._randomness(12).hex(),
            "iat": now,
            "exp": now + max(1, int(lifetime.total_seconds())),
            "scope": " ".join(wanted),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])

    def verify(self, text: str) -> Token:
        """What a token says.  Raises Unauthorized, always with the same words, whatever is wrong with it."""
        now = self._clock().timestamp()
        if abs(now - self._looked) >= LOOK_SECONDS:
            self._look(now)
        token = self._known.get(text) or self._read(text)
        if token.expires <= now or self._is_revoked(token.id):
            raise Unauthorized(REFUSED)
        return token

    def rotate(self, *, keep: bool = True) -> None:
        """Sign with a new key from now on; the keys before verify what they signed until that expires, or unless *keep* nothing any more.

        Raises Invalid if a secret is used.
        """
        if not self._is_stored:
            raise Invalid("the tokens are signed with LOCKER_SECRET; change that instead")
        keys = [_key(self._randomness(KEY_BYTES)), *(self._keys[: MOST_KEYS - 1] if keep else ())]
        fresh = self._path.with_name(f"{KEY_FILE}.{os.getpid()}")
        try:
            _write(fresh, keys)
            fresh.replace(self._path)
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error}") from error
        self._keys = keys
        self._known.clear()

    def _change(self) -> int:
        """What another process changes when it makes a new key."""
        try:
            return self._path.stat().st_mtime_ns if self._is_stored else 0
        except OSError:
            return 0

    def _look(self, now: float) -> None:
        """Read the keys again if another process changed them."""
        self._looked = now
        if (change := self._change()) not in (0, self._changed):
            self._changed = change
            self._keys = self._stored()
            self._known.clear()

    def _read(self, text: str) -> Token:
        """Verify the signature, which takes some microseconds: what was found good is remembered."""
        try:
            # What is too long is cut off: then its signature is wrong.
            claims = jwt.decode(text[:LONGEST], KeySet([*self._keys]), algorithms=[ALGORITHM]).claims
            _OURS.validate(claims)
            token = Token(str(claims["jti"]), check_owner(claims["sub"]), frozenset(claims["scope"].split()), int(claims["exp"]))
        except (JoseError, ValueError, KeyError, TypeError, AttributeError, Invalid):
            # As much work as for a token whose signature is wrong, whatever was wrong with this one.
            hmac.compare_digest(hmac.digest(self._keys[0].raw_value, text[:LONGEST].encode("utf-8", "replace"), "sha256"), bytes(32))
            raise Unauthorized(REFUSED) from None
        if len(self._known) >= 1024:
            self._known.clear()
        self._known[text] = token
        return token

    def _stored(self) -> list[OctKey]:
        try:
            if not self._path.exists():
                self._make_file()
            keys = [OctKey.import_key(each) for each in json.loads(self._path.read_bytes())["keys"]]
            _ = keys[0]
        except OSError as error:
            raise StorageError(f"{self._path} cannot be read or made: {error}") from error
        except (ValueError, LookupError, TypeError, JoseError) as error:
            raise StorageError(f"{self._path} is no file of keys ({error}); remove it to get new keys, all tokens end then") from error
        return keys

    def _make_file(self) -> None:
        """Two processes may start at once: the file appears whole, and the first one's stays."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{KEY_FILE}.{os.getpid()}")
        _write(fresh, [_key(self._randomness(KEY_BYTES))])
        try:
            self._path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()


def check_scope(scope: str) -> str:
    """A scope as it is, or Invalid."""
    kind, colon, type = scope.partition(":")
    if kind not in KINDS or (colon and not (kind == "read" and type.isidentifier())):
        raise Invalid(f"{scope!r} is no scope; there are {', '.join(KINDS)}, and read:contact for one type only")
    return scope


def _key(value: bytes) -> OctKey:
    key = OctKey.import_key(value)
    return OctKey.import_key(value, {"kid": key.thumbprint()[:16]})


def _write(path: Path, keys: Iterable[OctKey]) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"keys": [key.as_dict(private=True) for key in keys]}, file)
        file.flush()
        os.fsync(file.fileno())
