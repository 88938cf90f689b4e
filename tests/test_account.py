"""Accounts: signing up and in, roles and invitations."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event, get_native_id
from typing import Any, Literal

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters

from locker.account import KINDS, ROLES, Account, run
from locker.error import BrokenSchema, Conflict, Forbidden, Invalid, NotFound, Unauthorized, Unavailable
from locker.password import QUEUE, Passwords
from tests.accounts import PASSWORD, START, Door, cheap, logged, opened, signed_up


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """Accounts in an empty folder."""
    with opened(tmp_path) as made:
        yield made


# -- people -------------------------------------------------------------------------------------------


def test_account_n_owns_u_n(door: Door) -> None:
    """An account's number is that of its record, its owner is u and the number, its role the least, its address in lower case."""
    made = signed_up(door, " Ada@Example.COM ")
    assert (
        Account(1, "ada@example.com", "u1", "default", made.created, made.created, credential=made.credential, key="ada@example.com")
        == made
    )
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


def test_verifying_nothing_takes_as_long() -> None:
    """Without a hash the same work is done as for a wrong password: one verification, of a hash that costs what all others cost."""
    costs = list[Parameters]()

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            costs.append(extract_parameters(str(hash)))
            return super().verify(hash, password)

    passwords = Passwords(Counting(time_cost=1, memory_cost=16, parallelism=1))
    known = run(passwords.hash(PASSWORD))
    for each in (known, None, None):
        assert not run(passwords.verify(each, "wrong password"))
    passwords.close()
    assert [extract_parameters(known)] * 3 == costs


def test_one_hash_at_a_time_and_a_short_queue() -> None:
    """Who comes when too many wait is sent away at once, and there is room again when they are done."""
    passwords, ready = cheap(), Event()
    first = passwords._queued(lambda: ready.wait(60))

    async def flood() -> list[str | BaseException]:
        attempts = [asyncio.ensure_future(passwords.hash("12345678")) for _ in range(QUEUE + 20)]
        asyncio.get_running_loop().call_soon(ready.set)
        return await asyncio.gather(*attempts, return_exceptions=True)

    assert 21 == sum(isinstance(each, Unavailable) for each in run(flood()))
    assert first.result(60)
    assert run(passwords.hash("12345678"))
    passwords.close()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux only")
def test_hashing_stands_back() -> None:
    """The thread that hashes has a lower priority than the one that answers, whose own stays as it was."""
    before, passwords = os.getpriority(os.PRIO_PROCESS, 0), cheap()
    seen = passwords._queued(lambda: os.getpriority(os.PRIO_PROCESS, get_native_id())).result()
    passwords.close()
    assert before > 10 or 10 == seen
    assert before == os.getpriority(os.PRIO_PROCESS, 0)


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
