"""What the log says of accounts: everything, so that it can be replayed, and no secret."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.account import ROLES, Token, run
from locker.draft import Draft
from locker.error import Unauthorized
from locker.register import Picture, take
from tests.accounts import PASSWORD, Door, logged, opened, signed_up


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """Accounts in an empty folder."""
    with opened(tmp_path) as made:
        yield made


def filled(door: Door) -> None:
    """Everything that can happen to accounts."""
    signed_up(door)
    signed_up(door, "bob@example.com", code=door.accounts.invite(role="editor", by="me"))
    door.accounts.set_role("1", "admin", "me")
    acme, _ = run(door.accounts.add_client("acme", "me"))
    door.accounts.owner_for(acme, "Bob")
    door.accounts.grant("u1", "bob@example.com", ["read"], ["contact"], "u1")
    door.accounts.grant("u1", "acme", ["read"], by="u1")
    door.accounts.ungrant("u1", "acme", "u1")
    _, kept = door.accounts.make_token(door.tokens, "u1", "kept", ["read"], timedelta(days=400), "u1")
    _, gone = door.accounts.make_token(door.tokens, "u1", "gone", ["read"], timedelta(days=400), "u1")
    door.accounts.revoke("u1", gone.id, "u1")
    door.accounts.end(door.tokens.verify(door.tokens.make("u3")), "u3")
    door.accounts.disable("u3", "me")
    assert [kept] == door.accounts.tokens("u1")


def test_the_log_tells_who_did_what(door: Door) -> None:
    """An auditor sees every account, role, grant, client and token: what, when, and by whom."""
    filled(door)
    found = logged(door)
    assert ("account/locker", "add", "ada@example.com", None) == found[0]
    assert ("account/locker", "edit", "ada@example.com", "me") in found
    assert ("client/locker", "add", "acme", "me") in found
    assert ("grant/locker", "add", "u1 u3", "u1") in found
    assert ("grant/locker", "delete", "u1 acme~", "u1") in found
    assert 3 == sum(type == "token/locker" and op in ("add", "edit") and by == "u1" for type, op, _, by in found)
    (grant,) = [each for each in door.logbook.records("system", "account") if each.key == "u1 u3"]
    assert {"owner": "u1", "to": "u3", "access": ["read"], "types": ["contact"]} == grant.body


def test_what_is_rebuilt_from_the_log_is_what_was(tmp_path: Path) -> None:
    """Replaying the records gives the same accounts, grants, tokens and aliases, in one go as well as one by one."""
    with opened(tmp_path) as door:
        filled(door)
        live = door.accounts.picture
        replayed = Picture()
        for record in door.logbook.records("system", "account", limit=1000):
            take(replayed, record)
        assert live == replayed
    with opened(tmp_path) as again:
        assert live == again.accounts.picture


@settings(max_examples=20)
@given(st.data())
def test_any_history_replays(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever accounts go through, who reads the log afterwards knows what those who were there know."""
    with opened(tmp_path_factory.mktemp("accounts")) as door:
        for email in ("a@example.com", "b@example.com"):
            run(door.accounts.sign_up(email, PASSWORD))
        people = st.sampled_from(["1", "2"])
        for _ in range(data.draw(st.integers(0, 8))):
            who, other = data.draw(people), data.draw(people)
            match data.draw(st.sampled_from(["role", "disable", "grant", "ungrant", "token", "end"])):
                case "role":
                    door.accounts.set_role(who, data.draw(st.sampled_from(ROLES)))
                case "disable":
                    door.accounts.disable(who, disabled=data.draw(st.booleans()))
                case "grant" if who != other:
                    door.accounts.grant(f"u{who}", other, data.draw(st.sampled_from([["read"], ["write"], ["read", "write"]])))
                case "ungrant" if door.accounts.grants(owner=f"u{who}"):
                    door.accounts.ungrant(f"u{who}", door.accounts.grants(owner=f"u{who}")[0].to)
                case "token":
                    door.accounts.make_token(door.tokens, f"u{who}", "x", ["read"], timedelta(days=1))
                case "end":
                    door.accounts.end(Token(data.draw(st.text("abc", min_size=1, max_size=2)), f"u{who}", frozenset({"read"}), 2**40))
        replayed = Picture()
        for record in door.logbook.records("system", "account", limit=1000):
            take(replayed, record)
        assert door.accounts.picture == replayed


def test_no_secret_is_in_any_file(tmp_path: Path) -> None:
    """Passwords, client secrets, tokens and codes are in no file of the locker, in no repr and in no record."""
    with opened(tmp_path) as door:
        run(door.accounts.sign_up("ada@example.com", "planted-password"))
        _, secret = run(door.accounts.add_client("acme"))
        code = door.accounts.invite()
        text, _ = door.accounts.make_token(door.tokens, "u1", "x", ["read"], timedelta(days=1))
        door.accounts.end(door.tokens.verify(text))
        run(door.accounts.log_in("ada@example.com", "planted-password"))
        with pytest.raises(Unauthorized) as told:
            run(door.accounts.log_in("ada@example.com", "planted-wrong"))
        hashes = [str(door.vault.get(name)) for name in door.vault.names()]
        shown = repr((door.accounts.picture, told.value, door.accounts, door.tokens, door.vault))
    assert all(each.startswith("$argon2id$") for each in hashes)
    assert 2 == len(hashes)
    everything = shown.encode() + b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for planted in ("planted-password", "planted-wrong", secret, code, text, text.split(".")[2], *hashes, "$argon2"):
        assert planted.encode() not in everything
    assert b"ada@example.com" in everything


def test_an_erased_or_foreign_record_locks_nobody_in(door: Door) -> None:
    """A record whose body is gone or is not ours takes away what it said; the others still hold."""
    signed_up(door)
    signed_up(door, "bob@example.com")
    door.logbook.append("system", "account", [Draft.of("account/locker", "ada@example.com", {"role": "emperor"})])
    door.logbook.append("system", "account", [Draft.of("grant/locker", "u1 u2", {"owner": "me", "to": "u2", "access": ["read"]})])
    door.logbook.append("system", "account", [Draft.of("unheard/locker", "x", {"role": "admin"})])
    door.accounts._register.follow()
    assert door.accounts.find("1").is_disabled
    assert [] == door.accounts.grants()
    assert not door.accounts.find("2").is_disabled


def test_asking_is_cheap(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Knowing who bears a token is answered from memory, since every request does: the log is not read, and the same answer is not made anew."""
    token = door.tokens.verify(door.tokens.make(signed_up(door).owner))
    known = door.accounts.identify(token)
    monkeypatch.setattr(door.logbook, "records", None)
    assert all(door.accounts.identify(token) is known for _ in range(1000))
