"""Accounts: signing up and in, roles, clients, grants and what the log says of it all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.account import KINDS, ROLES, Account, Token, run
from locker.draft import Draft
from locker.error import BrokenSchema, Conflict, Forbidden, Invalid, NotFound, Unauthorized, Unavailable
from locker.naming import owner_of
from locker.password import QUEUE, Passwords
from locker.record import check_owner
from locker.register import Picture, take
from tests.accounts import PASSWORD, START, Door, cheap, opened


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """Accounts in an empty folder."""
    with opened(tmp_path) as made:
        yield made


def signed_up(door: Door, email: str = "ada@example.com", **more: Any) -> Account:
    """A new account with the usual password."""
    return run(door.accounts.sign_up(email, PASSWORD, **more))


def logged(door: Door) -> list[tuple[str, str, str, str | None]]:
    """What the log says, in short."""
    return [(each.type, each.op, each.key, each.by) for each in door.logbook.records("system", "account", limit=1000)]


# -- people -------------------------------------------------------------------------------------------


def test_account_n_owns_u_n(door: Door) -> None:
    """An account's number is that of its record, its owner is u and the number, its role the least, its address in lower case."""
    made = signed_up(door, " Ada@Example.COM ")
    assert Account(1, "ada@example.com", "u1", "default", made.created, made.created, credential=made.credential) == made
    assert {
        "id": 1,
        "email": "ada@example.com",
        "role": "default",
        "created_at": "2026-11-22T08:00:00.000Z",
        "updated_at": "2026-11-22T08:00:00.000Z",
    } == made.as_user()
    assert ["u1", "u2"] == [made.owner, signed_up(door, "bob@example.com").owner]


def test_log_in(door: Door) -> None:
    """The right password opens, in any letter case of the address; any other does not."""
    made = signed_up(door)
    assert made == run(door.accounts.log_in("ADA@example.com", PASSWORD))
    for email, password in [
        ("ada@example.com", PASSWORD + " "),
        ("ada@example.com", ""),
        ("bob@example.com", PASSWORD),
        ("", ""),
        ("u1", PASSWORD),
    ]:
        with pytest.raises(Unauthorized, match=r"^Invalid email or password$"):
            run(door.accounts.log_in(email, password))


def test_a_password_is_the_same_however_it_is_composed(door: Door) -> None:
    """An é is an é, typed as one letter or as two."""
    run(door.accounts.sign_up("ada@example.com", "caf\u00e9 caf\u00e9"))
    assert run(door.accounts.log_in("ada@example.com", "cafe\u0301 cafe\u0301"))


@pytest.mark.parametrize(
    ("email", "password", "message"),
    [
        ("", PASSWORD, "Email can't be blank"),
        ("ada", PASSWORD, "Email is invalid"),
        ("ada@", PASSWORD, "Email is invalid"),
        ("@example.com", PASSWORD, "Email is invalid"),
        ("a b@example.com", PASSWORD, "Email is invalid"),
        ("a@b@example.com", PASSWORD, "Email is invalid"),
        ("a@exa\0mple.com", PASSWORD, "Email is invalid"),
        ("a\ud800@example.com", PASSWORD, "Email is invalid"),
        ("a" * 250 + "@example.com", PASSWORD, "Email is invalid"),
        ("ada@example.com", "", "Password can't be blank"),
        ("ada@example.com", "1234567", "Password is too short (minimum is 8 characters)"),
        ("ada@example.com", "x" * 1025, "Password is too long (maximum is 1024 characters)"),
        ("", "", "Email can't be blank, Password can't be blank"),
    ],
)
def test_what_is_wrong_is_told(door: Door, email: str, password: str, message: str) -> None:
    """Everything that is wrong with a signup is told at once, in words that people know from elsewhere; nothing is kept of it."""
    with pytest.raises(BrokenSchema) as told:
        run(door.accounts.sign_up(email, password))
    assert message == str(told.value)
    assert [] == logged(door)
    assert [] == door.vault.names()


@pytest.mark.parametrize("password", ["12345678", "x" * 1024, "pass\ud800word", "🙂" * 8, "\0" * 8])
def test_odd_passwords_work(door: Door, password: str) -> None:
    """From 8 to 1024 characters any will do, and none opens for another."""
    run(door.accounts.sign_up("ada@example.com", password))
    assert run(door.accounts.log_in("ada@example.com", password))
    with pytest.raises(Unauthorized):
        run(door.accounts.log_in("ada@example.com", password + "x"))


def test_an_address_is_taken_once(door: Door) -> None:
    """The second who signs up with an address is told so, and leaves nothing in the vault."""
    signed_up(door)
    with pytest.raises(Conflict, match="Email has already been taken"):
        signed_up(door, "ADA@example.com")
    assert 1 == len(door.vault.names())


def test_of_many_who_sign_up_at_once_one_wins(tmp_path: Path) -> None:
    """Twelve signups with one address, through two open lockers: one account, whose owner's password works, and no orphan in the vault."""
    with opened(tmp_path) as one, opened(tmp_path) as other:

        async def attempt(door: Door, number: int) -> int | None:
            try:
                await door.accounts.sign_up("ada@example.com", f"password {number}")
            except Conflict:
                return None
            return number

        async def both() -> list[int | None]:
            return await asyncio.gather(*(attempt((one, other)[number % 2], number) for number in range(12)))

        winners = [number for number in run(both()) if number is not None]
        assert 1 == len(winners)
        assert run(other.accounts.log_in("ada@example.com", f"password {winners[0]}"))
        assert 1 == len(one.logbook.records("system", "account"))
        assert 1 == len(one.vault.names())


def test_as_much_work_for_nobody(door: Door) -> None:
    """An unknown address, a wrong password and a disabled account all cost one look into the vault and one verification."""
    signed_up(door)
    signed_up(door, "off@example.com")
    door.accounts.disable("off@example.com")
    passwords, seen = door.accounts.passwords, list[tuple[str, bool]]()
    verify, get = passwords.verify, door.vault.get

    async def counted(known: str | None, password: str) -> bool:
        seen.append(("verify", known is None))
        return await verify(known, password)

    def looked(name: str) -> str | None:
        seen.append(("get", False))
        return get(name)

    passwords.verify = counted  # type: ignore[method-assign]
    door.vault.get = looked  # type: ignore[method-assign]
    for email in ("ada@example.com", "nobody@example.com", "off@example.com"):
        with pytest.raises(Unauthorized, match=r"^Invalid email or password$"):
            run(door.accounts.log_in(email, "wrong password"))
    assert [("get", False), ("verify", False), ("get", False), ("verify", True), ("get", False), ("verify", True)] == seen


def test_verifying_nothing_takes_as_long(door: Door) -> None:
    """With the cost of real life, a missing hash takes about as long as a wrong password."""
    passwords = Passwords()
    known = run(passwords.hash(PASSWORD))

    def least(hash: str | None) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            assert not run(passwords.verify(hash, "wrong password"))
            times.append(time.perf_counter() - start)
        return min(times)

    least(None)  # makes the dummy
    with_one, without = least(known), least(None)
    passwords.close()
    assert 0.3 < with_one / without < 3


def test_one_hash_at_a_time_and_a_short_queue() -> None:
    """Who comes when too many wait is sent away at once, and there is room again when they are done."""
    passwords = cheap()

    async def flood() -> int:
        attempts = [asyncio.ensure_future(passwords.hash("12345678")) for _ in range(QUEUE + 20)]
        return sum(isinstance(each, Unavailable) for each in await asyncio.gather(*attempts, return_exceptions=True))

    assert 20 >= run(flood()) > 0
    assert run(passwords.hash("12345678"))
    passwords.close()


def test_a_weak_hash_becomes_a_strong_one(tmp_path: Path) -> None:
    """Who logs in after the cost went up has a new hash then, under the same name."""
    with opened(tmp_path) as door:
        made = signed_up(door)
        before = door.vault.get(made.credential)
        door.accounts.passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
        run(door.accounts.log_in("ada@example.com", PASSWORD))
        after = door.vault.get(made.credential)
        assert before != after
        assert "m=16,t=2,p=1" in str(after)
        assert run(door.accounts.log_in("ada@example.com", PASSWORD))
        door.accounts.close()


# -- roles --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_roles_change_at_once(door: Door, role: Any) -> None:
    """A new role holds for tokens that were given out before."""
    made = signed_up(door)
    token = door.tokens.verify(door.tokens.make(made.owner, KINDS))
    door.accounts.identify(token)
    assert role == door.accounts.set_role("ada@example.com", role, "me").role
    identity = door.accounts.identify(token)
    assert role == identity.role
    assert [ROLES.index(role) >= index for index in range(3)] == [identity.is_at_least(each) for each in ROLES]
    for each in ROLES[ROLES.index(role) + 1 :]:
        with pytest.raises(Forbidden, match=f"needs the role {each}; yours is {role}"):
            identity.require(each)


def test_an_admins_narrow_token_is_no_admin(door: Door) -> None:
    """Without the scope admin an admin's token acts as an editor's."""
    made = signed_up(door, role="admin")
    identity = door.accounts.identify(door.tokens.verify(door.tokens.make(made.owner, ("read", "write"))))
    assert not identity.may("admin")
    assert identity.is_at_least("editor")
    assert not identity.is_at_least("admin")
    assert not identity.may("read", owner="system")


def test_a_scope_makes_no_admin(door: Door) -> None:
    """The scope admin of somebody who is none says nothing."""
    identity = door.accounts.identify(door.tokens.verify(door.tokens.make(signed_up(door).owner, KINDS)))
    assert {"read", "write"} == identity.scopes
    assert not identity.may("admin")


def test_a_disabled_account_is_out(door: Door) -> None:
    """Its tokens and its password are good for nothing, until it is enabled again; its name stays taken."""
    made = signed_up(door)
    token = door.tokens.verify(door.tokens.make(made.owner))
    assert door.accounts.disable("1", "me").is_disabled
    with pytest.raises(Unauthorized):
        door.accounts.identify(token)
    with pytest.raises(Unauthorized):
        run(door.accounts.log_in("ada@example.com", PASSWORD))
    with pytest.raises(Conflict):
        signed_up(door)
    door.accounts.disable("1", "me", disabled=False)
    assert "u1" == door.accounts.identify(token).owner


def test_nobody_changes_the_one_who_runs_it(door: Door) -> None:
    """``me`` is an admin, always."""
    with pytest.raises(Invalid, match="always an admin"):
        door.accounts.set_role("me", "default")
    with pytest.raises(Invalid, match="never disabled"):
        door.accounts.disable("0")
    with pytest.raises(Invalid, match="no role"):
        door.accounts.set_role(signed_up(door).owner, "root")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="no account 'nobody'"):
        door.accounts.set_role("nobody", "admin")


def test_changes_at_once_keep_each_other(tmp_path: Path) -> None:
    """A role and a ban that two processes give at the same moment both hold."""
    with opened(tmp_path) as one, opened(tmp_path) as other:
        signed_up(one)
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(one.accounts.set_role, "1", "editor", "me")
            second = pool.submit(other.accounts.disable, "1", "me")
            first.result()
            second.result()
    with opened(tmp_path) as again:
        found = again.accounts.find("1")
        assert ("editor", True) == (found.role, found.is_disabled)


def test_another_process_is_heard(tmp_path: Path) -> None:
    """What the command line does beside a running server holds there a quarter of a second later."""
    with opened(tmp_path) as server, opened(tmp_path) as command:
        signed_up(server)
        moment = [0.0]
        server.accounts._register._moment = lambda: moment[0]
        command.accounts.set_role("1", "admin")
        moment[0] += 0.2
        server.accounts._register._looked = 0.0
        assert "default" == server.accounts.find("1").role
        moment[0] += 0.1
        assert "admin" == server.accounts.find("1").role


# -- invitations --------------------------------------------------------------------------------------


def test_an_invitation_is_good_once(door: Door) -> None:
    """Its code gives the role it says, to one person; the log knows no code."""
    code = door.accounts.invite(role="editor", by="me")
    assert "editor" == signed_up(door, code=code.upper()).role
    with pytest.raises(Forbidden, match="invitation is not good"):
        signed_up(door, "bob@example.com", code=code)
    assert code not in "".join(str(each.as_dict()) for each in door.logbook.records("system", "account"))


@pytest.mark.parametrize("wrong", ["late", "address", "made up"])
def test_a_bad_invitation(door: Door, wrong: str) -> None:
    """One that is over, for somebody else or made up is refused in the same words, and uses nothing up."""
    code = door.accounts.invite(email="Ada@example.com", lifetime=timedelta(days=1))
    if wrong == "late":
        door.clock.turn(days=1)
    email = "bob@example.com" if wrong == "address" else "ada@example.com"
    with pytest.raises(Forbidden, match="invitation is not good"):
        signed_up(door, email, code="x" * 32 if wrong == "made up" else code)
    door.clock.now = START
    assert "ada@example.com" == signed_up(door, code=code).name


def test_of_many_who_use_an_invitation_one_wins(door: Door) -> None:
    """Two who use one code at the same moment are one account."""
    code = door.accounts.invite()

    async def both() -> list[object]:
        attempts = (door.accounts.sign_up(f"{name}@example.com", PASSWORD, code=code) for name in "abcdef")
        return await asyncio.gather(*attempts, return_exceptions=True)

    assert 1 == sum(isinstance(each, Account) for each in run(both()))
    assert 1 == len(door.accounts.people())
    assert 1 == len(door.vault.names())


# -- clients ------------------------------------------------------------------------------------------


def test_a_client_and_its_secret(door: Door) -> None:
    """A client has an owner of its own, and a secret that opens; a wrong one does not."""
    client, secret = run(door.accounts.add_client("acme", "me"))
    assert ("acme~", "acme", True) == (client.owner, client.name, client.is_client)
    assert client == run(door.accounts.authenticate("acme", secret))
    for id, wrong in [("acme", secret + "0"), ("acme~", secret), ("", secret), ("ACME", secret)]:
        with pytest.raises(Unauthorized, match="client_id or the client_secret is wrong"):
            run(door.accounts.authenticate(id, wrong))
    with pytest.raises(Conflict, match="a client called acme already"):
        run(door.accounts.add_client("acme"))
    with pytest.raises(Unauthorized):
        run(door.accounts.log_in("acme~", secret))


@pytest.mark.parametrize("name", ["", "Acme", "a~b", "me", "system", "commons", "a" * 21, "-a", "a@b", "ä"])
def test_bad_names_of_clients(door: Door, name: str) -> None:
    """A client's name begins the owners of its users, so it is short and plain."""
    with pytest.raises(Invalid, match="not a client's name"):
        run(door.accounts.add_client(name))


def test_two_clients_bobs_never_meet(door: Door) -> None:
    """Each client's bob is an owner of its own, which only that client reaches; its name is kept as it was."""
    acme, _ = run(door.accounts.add_client("acme"))
    other, _ = run(door.accounts.add_client("acme.b"))
    bobs = [door.accounts.owner_for(client, "bob") for client in (acme, other)]
    assert ["acme~bob", "acme.b~bob"] == bobs
    odd = door.accounts.owner_for(acme, "Bob O’Hara <bob@example.com>")
    assert "Bob O’Hara <bob@example.com>" == door.accounts.alias(odd)
    identity = door.accounts.identify(door.tokens.verify(door.tokens.make(acme.owner, ("read", "write"))))
    assert [True, False, True] == [identity.may("write", owner=owner) for owner in (bobs[0], bobs[1], odd)]
    count = len(logged(door))
    assert odd == door.accounts.owner_for(acme, "Bob O’Hara <bob@example.com>")
    assert count == len(logged(door))


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
)
def test_no_two_texts_are_one_owner(one: str, other: str) -> None:
    """Any text is an owner's name that is allowed; two texts are two owners, whatever they look like."""
    owners = [check_owner(owner_of("acme~", text)) for text in (one, other)]
    assert (one == other) == (owners[0] == owners[1])
    assert all(owner.startswith("acme~") for owner in owners)


@given(st.text(alphabet="ab~-B .", min_size=1, max_size=8))
def test_no_text_takes_the_owner_of_another(text: str) -> None:
    """A text that looks like the owner of another text does not become it."""
    made = owner_of("acme~", text).removeprefix("acme~")
    if made != text:
        assert owner_of("acme~", made).removeprefix("acme~") != made


def test_a_clients_user_acts_as_the_client(door: Door) -> None:
    """A token for a client's user opens that user's locker only, and ends when the client is disabled."""
    acme, _ = run(door.accounts.add_client("acme"))
    token = door.tokens.verify(door.tokens.make(door.accounts.owner_for(acme, "bob")))
    identity = door.accounts.identify(token)
    assert ("acme~bob", "acme~") == (identity.owner, identity.by)
    assert not identity.may("read", owner="acme~eve")
    door.accounts.disable("acme")
    with pytest.raises(Unauthorized):
        door.accounts.identify(token)


# -- grants -------------------------------------------------------------------------------------------


def test_grants_open_and_close(door: Door) -> None:
    """A grant allows what it says, of the types it says, from the next request until it is taken back."""
    ada, bob = signed_up(door), signed_up(door, "bob@example.com")
    token = door.tokens.verify(door.tokens.make(bob.owner, KINDS))

    def may() -> list[bool]:
        identity = door.accounts.identify(token)
        return [
            identity.may(scope, type, ada.owner)
            for scope, type in [("read", "contact"), ("read", "message"), ("read", None), ("write", "contact")]
        ]

    assert [False] * 4 == may()
    door.accounts.grant(ada.owner, "bob@example.com", ["read"], ["contact"], ada.owner)
    assert [True, False, False, False] == may()
    door.accounts.grant(ada.owner, "u2", ["read", "write"], by=ada.owner)
    assert [True] * 4 == may()
    assert [("u1", "u2", "u1")] == [(each.owner, each.to, each.by) for each in door.accounts.grants(owner="u1")]
    door.accounts.ungrant(ada.owner, "2")
    assert [False] * 4 == may()
    with pytest.raises(NotFound, match="not granted"):
        door.accounts.ungrant(ada.owner, "2")


def test_a_grant_is_no_more_than_the_token(door: Door) -> None:
    """A read token writes nowhere, whatever was granted."""
    signed_up(door)
    bob = signed_up(door, "bob@example.com")
    door.accounts.grant("u1", "u2", ["read", "write"])
    identity = door.accounts.identify(door.tokens.verify(door.tokens.make(bob.owner, ["read:contact"])))
    assert [True, False, False] == [
        identity.may(scope, type, "u1") for scope, type in [("read", "contact"), ("read", "link"), ("write", "contact")]
    ]


@pytest.mark.parametrize(
    ("owner", "who", "access", "types"),
    [
        ("u1", "u1", ["read"], None),
        ("system", "u1", ["read"], None),
        ("commons", "u1", ["write"], None),
        ("me", "u1", [], None),
        ("me", "u1", ["admin"], None),
        ("me", "u1", ["read"], []),
        ("me", "u1", ["read"], ["con tact"]),
        ("Me", "u1", ["read"], None),
    ],
)
def test_grants_that_are_not(door: Door, owner: str, who: str, access: list[str], types: list[str] | None) -> None:
    """Nobody grants what is everybody's or the system's, nor nothing."""
    signed_up(door)
    with pytest.raises(Invalid):
        door.accounts.grant(owner, who, access, types)
    with pytest.raises(NotFound):
        door.accounts.grant("me", "nobody@example.com", ["read"])


def test_the_system_is_for_admins_to_read(door: Door) -> None:
    """What the system knows only admins read, and nobody writes by hand, not even through a grant that somebody smuggled in."""
    signed_up(door)
    signed_up(door, "admin@example.com", role="admin")
    found = [door.accounts.identify(door.tokens.verify(door.tokens.make(owner, KINDS))) for owner in ("u1", "u2", "me")]
    for owner in ("system", "commons"):
        assert [False, True, True] == [identity.may("read", None, owner) for identity in found]
        assert [False] * 3 == [identity.may("write", None, owner) for identity in found]
    assert [False] * 3 == [identity.may("read", None, "u9") for identity in found]


def test_nobody_has_these_owners(door: Door) -> None:
    """A token in the name of the system, of an account or a client that does not exist is good for nothing."""
    for owner in ("system", "commons", "u99", "ghost~", "ghost~bob"):
        with pytest.raises(Unauthorized):
            door.accounts.identify(door.tokens.verify(door.tokens.make(owner, KINDS)))
    assert "default" == door.accounts.identify(door.tokens.verify(door.tokens.make("work", KINDS))).role


# -- the log ------------------------------------------------------------------------------------------


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


def test_asking_is_cheap(door: Door) -> None:
    """Knowing who bears a token takes microseconds, since every request does."""
    token = door.tokens.verify(door.tokens.make(signed_up(door).owner))
    door.accounts.identify(token)
    start = time.perf_counter()
    for _ in range(1000):
        door.accounts.identify(token)
    assert 0.2 > time.perf_counter() - start
