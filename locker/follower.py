"""
A follower is a named reader that remembers its position: it catches up in batches, then waits to be woken.

Whatever a batch causes is written in one transaction with the new position, so that a crash repeats or skips nothing.
"""

from __future__ import annotations

import os
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from .error import Conflict, LockerError
from .log import Logbook, Position

LEASE_SECONDS = 15.0
POLL_SECONDS = 0.5
FEW = 500
PAUSE_SECONDS = 0.01
"""After few records a follower lets some more gather: each batch is a transaction, and the disk has only so many."""


class Follower(ABC):
    """Reads the logbook in order, and does something with it."""

    name: str

    @property
    @abstractmethod
    def position(self) -> Position:
        """How far it came."""

    @abstractmethod
    def step(self) -> int:
        """Handle the next batch; the number of records handled, 0 if there is nothing new."""

    def catch_up(self) -> int:
        """Handle everything there is; the number of records handled."""
        total = 0
        while handled := self.step():
            total += handled
        return total


class Lease:
    """The right to do a job, for one process at a time, kept in the store.

    A lease of a process of this machine that has ended is free at once; any other is free when it has not been renewed for 15 seconds.
    """

    def __init__(self, logbook: Logbook, name: str, *, clock: Callable[[], float] = time.time) -> None:
        self.name, self._logbook, self._clock = name, logbook, clock
        self._fresh_until = 0.0
        self.holder = f"{os.uname().nodename} {os.getpid()} {_started(os.getpid())} {id(self):x}"

    def take(self) -> bool:
        """Take or renew it; False while somebody else holds it.  Costs nothing while it is fresh."""
        return self._clock() < self._fresh_until or self._logbook.transact(self._take)

    def check(self, connection: sqlite3.Connection) -> None:
        """Renew it inside a transaction of the writer.  Raises Conflict if somebody else took it meanwhile."""
        if not self._take(connection):
            raise Conflict(f"another process does the work of the {self.name} now")

    def release(self) -> None:
        """Give it back."""
        self._fresh_until = 0.0
        self._logbook.transact(lambda c: c.execute("DELETE FROM leases WHERE name = ? AND holder = ?", (self.name, self.holder)))

    def _take(self, connection: sqlite3.Connection) -> bool:
        row = connection.execute("SELECT holder, expires FROM leases WHERE name = ?", (self.name,)).fetchone()
        now = self._clock()
        if row and row[0] != self.holder and row[1] > now and _lives(row[0]):
            self._fresh_until = 0.0
            return False
        expires = row[1] if row and row[0] == self.holder else 0.0
        if expires < now + LEASE_SECONDS * 2 / 3:
            expires = now + LEASE_SECONDS
            connection.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", (self.name, self.holder, expires))
        self._fresh_until = expires - LEASE_SECONDS * 2 / 3
        return True


class Running:
    """A follower in a thread of its own: it works while it holds its lease, and waits otherwise.

    *failed* is called with every new error; the follower tries again a little later.  *error* is the last one, None since the last success.
    """

    def __init__(self, follower: Follower, logbook: Logbook, lease: Lease, failed: Callable[[LockerError], None]) -> None:
        self.follower, self._logbook, self._lease, self._failed = follower, logbook, lease, failed
        self.error: LockerError | None = None
        self._stop = Event()
        self._thread = Thread(target=self._work, name=follower.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand and give the lease back."""
        self._stop.set()
        self._logbook.wake()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                if not self._lease.take():
                    self._stop.wait(POLL_SECONDS)
                    continue
                handled = self.follower.step()
                self.error = None
                if not handled:
                    self._logbook.wait(self.follower.position, POLL_SECONDS)
                elif handled < FEW:
                    self._stop.wait(PAUSE_SECONDS)
            except Conflict:
                self._stop.wait(POLL_SECONDS)
            except Exception as error:
                before, self.error = self.error, error if isinstance(error, LockerError) else _unexpected(error)
                if str(before) != str(self.error):  # a disk that is full stays so: twice a second would fill the rest of it with this
                    self._failed(self.error)
                self._stop.wait(POLL_SECONDS)
        with suppress(LockerError):
            self._lease.release()


def _started(pid: int) -> str:
    """When a process of this machine began, so that a reused number is not taken for it; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _unexpected(error: Exception) -> LockerError:
    made = LockerError(f"{type(error).__name__}: {error}")
    made.__cause__ = error
    return made


def _lives(holder: str) -> bool:
    node, pid, started, _ = holder.split(" ")
    return node != os.uname().nodename or not Path("/proc").is_dir() or _started(int(pid)) == started
