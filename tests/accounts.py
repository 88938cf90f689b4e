"""What the tests of accounts share: a clock that is turned by hand, hashes that cost nothing, and accounts in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from locker.account import Account, Accounts, Tokens, run
from locker.log import Logbook
from locker.password import Passwords
from locker.vault import Vault

PASSWORD = "SecurePassword123!"
START = datetime(2026, 11, 22, 8, tzinfo=UTC)


@dataclass
class Hands:
    """A clock that goes on only when somebody turns its hands."""

    now: datetime = field(default=START)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        """Let time pass: ``turn(minutes=5)``."""
        self.now += timedelta(**by)


def cheap() -> Passwords:
    """Hashes of the least cost."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass
class Door:
    """Accounts with all that belongs to them."""

    accounts: Accounts
    tokens: Tokens
    logbook: Logbook
    vault: Vault
    clock: Hands


@contextmanager
def opened(folder: Path, clock: Hands | None = None) -> Iterator[Door]:
    """The accounts of a folder, open; opening the same folder again is another process as far as they can tell."""
    hands = clock or Hands()
    logbook = Logbook(folder / "data" / "log.sqlite", clock=hands)
    vault = Vault(folder / "data", folder / "keys")
    accounts = Accounts(logbook, vault, passwords=cheap(), clock=hands)
    tokens = Tokens(folder / "data", clock=hands, is_revoked=accounts.is_revoked)
    try:
        yield Door(accounts, tokens, logbook, vault, hands)
    finally:
        accounts.close()
        vault.close()
        logbook.close()


def signed_up(door: Door, email: str = "ada@example.com", **more: Any) -> Account:
    """A new account with the usual password."""
    return run(door.accounts.sign_up(email, PASSWORD, **more))


def logged(door: Door) -> list[tuple[str, str, str, str | None]]:
    """What the log says, in short."""
    return [(each.type, each.op, each.key, each.by) for each in door.logbook.records("system", "account", limit=1000)]
