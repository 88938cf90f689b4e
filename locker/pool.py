"""
Read-only connections to a read model, lent out one at a time: whoever holds one cannot write.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .compiler import holds, sort_value, values_at
from .error import LockerError, StorageError

_CACHE_KIB = 8 * 1024
_STEPS = 2000
"""How many of SQLite's instructions pass between two looks at the clock: some tens of microseconds."""


class TooSlow(LockerError):
    """The query needs more than its budget; ask again in a thread, without one."""


def effort() -> float:
    """The clock of budgets, in seconds: this thread's processor time, and a tenth of the time that passes.

    Busy neighbours do not make a query slow; a cold disk does.
    """
    return time.thread_time() + time.monotonic() / 10


class Pool:
    """Connections to one file, as many as are in use at once."""

    def __init__(self, path: Path, clock: Callable[[], float] = effort) -> None:
        self.path = path
        self._clock = clock
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    @contextmanager
    def lend(self, budget_ms: float | None = None) -> Iterator[sqlite3.Connection]:
        """A connection inside one read transaction.  With a budget, raises TooSlow when it is used up; StorageError if the file cannot be read."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        if budget_ms is not None:
            end = self._clock() + budget_ms / 1000
            connection.set_progress_handler(lambda: self._clock() > end, _STEPS)
        try:
            connection.execute("BEGIN")
            yield connection
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and str(error) == "interrupted":
                raise TooSlow(f"the query takes more than {budget_ms} ms") from error
            raise StorageError(f"{self.path} cannot be read: {error}") from error
        finally:
            if budget_ms is not None:
                connection.set_progress_handler(None, 0)
            self._take_back(connection)

    def close(self) -> None:
        """Close what is idle now, and the others when they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("COMMIT")
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    def _open(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, cached_statements=256
            )
            connection.execute("PRAGMA query_only = ON")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute("SELECT 1 FROM meta").fetchone()
        except sqlite3.Error as error:
            raise StorageError(f"{self.path} cannot be read: {error}") from error
        connection.create_function("holds", 2, holds, deterministic=True)
        connection.create_function("sort_value", 2, sort_value, deterministic=True)
        connection.create_function("values_at", 2, values_at, deterministic=True)
        return connection
