"""
Tokens: what they say, how they end, and that nobody makes their own.
"""

from __future__ import annotations

import json
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from locker.error import Invalid, StorageError, Unauthorized
from locker.token import KEY_FILE, REFUSED, Token, Tokens, check_scope
from tests.accounts import Hands

SECRET = "a secret of enough characters"


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def parts(text: str) -> tuple[dict[str, object], dict[str, object]]:
    """Header and claims of a token, not verified."""
    header, claims, _ = (json.loads(urlsafe_b64decode(part + "==")) if at < 2 else {} for at, part in enumerate(text.split(".")))
    return header, claims


def test_a_token_says_who_and_what_for(tmp_path: Path) -> None:
    """What a token was made for is what it says when verified; it lives for 24 hours."""
    watch = Watch()
    tokens = Tokens(tmp_path, clock=watch)
    text = tokens.make("u7", ["read:contact", "write"])
    token = tokens.verify(text)
    assert ("u7", frozenset({"read:contact", "write"})) == (token.owner, token.scopes)
    assert watch.now.timestamp() + 24 * 3600 == token.expires
    header, claims = parts(text)
    assert {"typ", "alg", "kid"} == header.keys()
    assert {"iss", "aud", "sub", "jti", "iat", "exp", "scope"} == claims.keys()


def test_a_token_expires(tmp_path: Path) -> None:
    """A token is good until its last second, also one that was verified before."""
    watch = Watch()
    tokens = Tokens(tmp_path, clock=watch)
    text = tokens.make("me", lifetime=timedelta(minutes=5))
    watch.now += timedelta(seconds=299)
    assert "me" == tokens.verify(text).owner
    watch.now += timedelta(seconds=1)
    with pytest.raises(Unauthorized):
        tokens.verify(text)


def test_a_revoked_token_is_refused(tmp_path: Path) -> None:
    """Revocation is looked up each time, by the token's own id."""
    revoked: set[str] = set()
    tokens = Tokens(tmp_path, is_revoked=revoked.__contains__)
    text = tokens.make("me")
    revoked.add(tokens.verify(text).id)
    with pytest.raises(Unauthorized):
        tokens.verify(text)


def test_the_key_is_kept_and_private(tmp_path: Path) -> None:
    """Tokens are good after a restart; nobody else can read the key; another locker's tokens are refused."""
    text = Tokens(tmp_path / "a").make("me")
    assert "me" == Tokens(tmp_path / "a").verify(text).owner
    assert 0o600 == stat.S_IMODE((tmp_path / "a" / KEY_FILE).stat().st_mode)
    assert [KEY_FILE] == [path.name for path in (tmp_path / "a").iterdir()]
    with pytest.raises(Unauthorized):
        Tokens(tmp_path / "b").verify(text)


def test_keys_rotate(tmp_path: Path) -> None:
    """A new key signs under another name; what older keys signed stays good, however often they change, until all of it is ended."""
    tokens = Tokens(tmp_path)
    old = tokens.make("me")
    tokens.rotate()
    new = tokens.make("me")
    assert parts(old)[0]["kid"] != parts(new)[0]["kid"]
    fresh = Tokens(tmp_path)
    for _ in range(5):
        fresh.rotate()
    assert ("me", "me") == (fresh.verify(old).owner, fresh.verify(new).owner)
    fresh.rotate(keep=False)
    for text in (old, new):
        with pytest.raises(Unauthorized):
            fresh.verify(text)
    assert "me" == fresh.verify(fresh.make("me")).owner


@pytest.mark.parametrize("keep", [True, False])
def test_another_process_changes_the_keys(tmp_path: Path, keep: bool) -> None:
    """A running server knows the keys that a command made a second ago, and forgets those that it dropped."""
    clock = Hands()
    server = Tokens(tmp_path, clock=clock)
    old = server.make("me")
    assert "me" == server.verify(old).owner
    command = Tokens(tmp_path, clock=clock)
    command.rotate(keep=keep)
    clock.turn(seconds=1)
    assert "me" == server.verify(command.make("me")).owner
    if keep:
        assert "me" == server.verify(old).owner
    else:
        with pytest.raises(Unauthorized):
            server.verify(old)


def test_a_secret_takes_the_place_of_the_file(tmp_path: Path) -> None:
    """With a secret no file is made, and everybody who has it can verify."""
    text = Tokens(tmp_path, secret=SECRET).make("me")
    assert "me" == Tokens(tmp_path / "elsewhere", secret=SECRET).verify(text).owner
    assert not (tmp_path / KEY_FILE).exists()
    with pytest.raises(Invalid, match="16 characters"):
        Tokens(tmp_path, secret="short")
    with pytest.raises(Invalid, match="LOCKER_SECRET"):
        Tokens(tmp_path, secret=SECRET).rotate()


def test_a_damaged_key_file_is_named(tmp_path: Path) -> None:
    """A file that is no list of keys stops the start, and the error says which file and what to do."""
    for content in (b"", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "oct"}]}'):
        (tmp_path / KEY_FILE).write_bytes(content)
        with pytest.raises(StorageError, match="remove it"):
            Tokens(tmp_path)


def forged(tokens: Tokens, **changes: object) -> str:
    """A token with other claims or another header, signed with a key of one's own or with none."""
    header, claims = parts(tokens.make("me"))
    claims |= {name: value for name, value in changes.items() if name != "alg"}
    if changes.get("alg") == "none":
        plain = [urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header | {"alg": "none"}, claims)]
        return ".".join([*plain, ""])
    return jwt.encode({"alg": "HS256", "kid": header["kid"]}, claims, OctKey.import_key(b"x" * 32), algorithms=["HS256"])


@pytest.mark.parametrize("changes", [{}, {"sub": "other"}, {"exp": 2**40}, {"alg": "none"}, {"scope": "admin"}])
def test_forged_tokens_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    """Whoever does not have the key cannot make a token, unsigned ones included; the refusal never says why."""
    tokens = Tokens(tmp_path)
    with pytest.raises(Unauthorized) as caught:
        tokens.verify(forged(tokens, **changes))
    assert REFUSED == str(caught.value)


@pytest.mark.parametrize("changes", [{"iss": "other"}, {"aud": "other"}, {"sub": "NOT AN OWNER"}, {"scope": None}, {"exp": "soon"}])
def test_a_right_key_is_not_enough(changes: dict[str, object]) -> None:
    """A token under our key that was made for something else is refused too."""
    tokens = Tokens("unused", secret=SECRET)
    header, claims = parts(tokens.make("me"))
    text = jwt.encode(dict(header), claims | changes, tokens._keys[0], algorithms=["HS256"])
    with pytest.raises(Unauthorized):
        tokens.verify(text)


@given(st.text(max_size=60) | st.text(alphabet="abcABC019-_.", max_size=60))
def test_arbitrary_texts_are_refused(text: str) -> None:
    """Whatever is sent as a token, the only error is the one refusal."""
    with pytest.raises(Unauthorized) as caught:
        Tokens("unused", secret=SECRET).verify(text)
    assert REFUSED == str(caught.value)


def test_scopes_are_apart() -> None:
    """Write does not imply read, admin implies neither, and a scope of one type is good for that type only."""

    def token(*scopes: str) -> Token:
        return Token("1", "me", frozenset(scopes), 0)

    assert token("write").may("write")
    assert not token("write", "admin").may("read")
    assert token("read:contact").may("read", "contact")
    assert not token("read:contact").may("read", "message")
    assert not token("read:contact").may("read")
    assert token("read").may("read", "message")


@pytest.mark.parametrize("scope", ["", "all", "write:contact", "read:", "read:a b", "READ"])
def test_unknown_scopes_are_refused(scope: str) -> None:
    """A scope that means nothing is told, with those that there are."""
    with pytest.raises(Invalid, match="read, write, admin"):
        check_scope(scope)


def test_a_token_needs_scope_and_time() -> None:
    """A token that could do nothing is not made."""
    tokens = Tokens("unused", secret=SECRET)
    with pytest.raises(Invalid):
        tokens.make("me", [])
    with pytest.raises(Invalid):
        tokens.make("me", lifetime=timedelta(0))
    with pytest.raises(Invalid):
        tokens.make("Not An Owner")


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    """Even the right key signs with our algorithm only: the token does not choose."""
    tokens = Tokens(".", secret=SECRET)
    header, claims = parts(tokens.make("me"))
    key = tokens._keys[0]
    assert "me" == tokens.verify(jwt.encode({"alg": "HS256", "kid": header["kid"]}, claims, key, algorithms=["HS256"])).owner
    with pytest.raises(Unauthorized):
        tokens.verify(jwt.encode({"alg": algorithm, "kid": header["kid"]}, claims, key, algorithms=[algorithm]))


def test_a_session_goes_on() -> None:
    """A renewed token has an id of its own and the session of the first; without one, each token is a session."""
    tokens = Tokens(".", secret=SECRET)
    first = tokens.verify(tokens.make("me"))
    second = tokens.verify(tokens.make("me", session=first.session))
    third = tokens.verify(tokens.make("me", session=second.session))
    assert first.id == first.session == second.session == third.session
    assert 3 == len({first.id, second.id, third.id})
    assert first.session != tokens.verify(tokens.make("me")).session
