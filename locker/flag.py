"""
A flag says for whom something is switched on: nobody, everybody, some roles, some accounts, or so many of a hundred accounts.

Flags are records of owner ``system``, source ``flag``: who switched what, when, stays in the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any
from zlib import crc32

from .error import BrokenSchema, NotFound
from .identity import ROLES, SYSTEM, Account
from .log import Draft, Logbook
from .record import Body

SOURCE = "flag"
TYPE = "flag/locker"
MAINTENANCE = "maintenance_mode"
FRESH_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Flag:
    """*is_on*: for everybody; else it is on for *roles*, for *accounts* (their numbers), and for *percent* of all accounts, always the same ones."""

    name: str
    description: str
    is_on: bool = False
    roles: tuple[str, ...] = ()
    accounts: tuple[int, ...] = ()
    percent: int = 0

    def is_on_for(self, account: Account | None) -> bool:
        """Whether it is switched on for an account; None is somebody we do not know."""
        if self.is_on or account is None:
            return self.is_on
        chosen = crc32(f"{self.name}:{account.number}".encode()) % 100 < self.percent
        return chosen or account.role in self.roles or account.number in self.accounts

    @property
    def state(self) -> str:
        """``on``, ``off``, or ``some``."""
        return "on" if self.is_on else "some" if self.roles or self.accounts or self.percent else "off"

    def body(self) -> Body:
        """As the log keeps it."""
        return {"name": self.name, "enabled": self.is_on, "roles": [*self.roles], "accounts": [*self.accounts], "percent": self.percent}

    def as_dict(self) -> Body:
        """As listings show it."""
        return {**self.body(), "state": self.state, "description": self.description}

    def set(self, said: Body) -> Flag:
        """The flag as *said*: ``enabled``, ``roles``, ``accounts``, ``percent``; what is not said is off.  Raises BrokenSchema."""
        if unknown := said.keys() - {"name", "enabled", "roles", "accounts", "percent", "state", "description"}:
            raise BrokenSchema(f"a flag has no {min(unknown)[:40]!r}; it has enabled, roles, accounts and percent")
        enabled, roles = said.get("enabled", False), said.get("roles", [])
        accounts, percent = said.get("accounts", []), said.get("percent", 0)
        if not isinstance(enabled, bool):
            raise BrokenSchema("enabled is true or false")
        if not isinstance(roles, list) or not all(role in ROLES for role in roles):
            raise BrokenSchema(f"roles is a list of {', '.join(ROLES)}")
        if not isinstance(accounts, list) or not all(_is_whole(number, 2**53) for number in accounts):
            raise BrokenSchema("accounts is a list of their numbers")
        if not _is_whole(percent, 100):
            raise BrokenSchema("percent is a whole number from 0 to 100")
        return replace(self, is_on=enabled, roles=tuple(sorted(set(roles))), accounts=tuple(sorted(set(accounts))), percent=percent)


DEFAULTS = {
    flag.name: flag
    for flag in (
        Flag("stream_analytics", "figures about a stream, made of its history", is_on=True),
        Flag("stream_bulk_import", "many streams in one request", roles=("editor", "admin")),
        Flag("stream_export", "all streams of a list in one answer", is_on=True),
        Flag(MAINTENANCE, "answer 503 to everything but /health"),
    )
}
"""The flags that there are, as they stand until somebody switches them."""


class Flags:
    """The flags of a locker as they stand, whichever process switched them."""

    def __init__(self, logbook: Logbook, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._logbook, self._lock, self._monotonic = logbook, Lock(), monotonic
        self._version, self._flags, self._until = 0, dict(DEFAULTS), 0.0

    def all(self) -> dict[str, Flag]:
        """Every flag by name.  What another process switched is seen a quarter of a second later."""
        if self._monotonic() < self._until:
            return self._flags
        self._until = self._monotonic() + FRESH_SECONDS
        if (version := self._logbook.count(SYSTEM, SOURCE)) != self._version:
            with self._lock:
                records = self._logbook.records(SYSTEM, SOURCE, gt=self._version, limit=max(1, version - self._version))
                flags = dict(self._flags)
                for record in records:
                    if record.key in flags:
                        flags[record.key] = flags[record.key].set(record.body)
                self._flags, self._version = flags, max([self._version, *(record.version for record in records)])
        return self._flags

    def flag(self, name: str) -> Flag:
        """One flag.  Raises NotFound, naming the known ones."""
        if (found := self.all().get(name)) is None:
            raise NotFound(f"there is no flag {name[:60]!r}; there are {', '.join(DEFAULTS)}")
        return found

    def is_on(self, name: str, account: Account | None = None) -> bool:
        """Whether a flag is on for an account."""
        return self.flag(name).is_on_for(account)

    def set(self, name: str, said: Body, by: str) -> Flag:
        """Switch a flag; see ``Flag.set``.  Raises NotFound or BrokenSchema."""
        flag = self.flag(name).set(said)
        self._logbook.append(SYSTEM, SOURCE, [Draft.of(TYPE, name, flag.body(), by=by)])
        self._until = 0.0
        return flag


def _is_whole(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
