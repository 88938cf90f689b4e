"""
A log is the append-only sequence of what one source said to one owner; the logbook holds them all, in one order.

What becomes of an item (add, edit, delete or nothing) is decided inside the write lock, since another process may have written a moment ago.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Condition
from typing import Any, Self, TypeVar

from eventsourcing.application import Application, EventSourcedLog
from eventsourcing.persistence import InfrastructureFactory, Mapper, Tracking
from eventsourcing.sqlite import SQLiteCursor
from eventsourcing.utils import Environment

from .batch import Batch
from .clock import Clock, stamp, system_clock
from .database import Writer
from .draft import Draft, Head, Outcome, Position, Sighting, split_id
from .error import StorageError
from .event import RecordEvent, RecordMapper
from .log_reader import LogReader
from .record import SALT_BYTES, check_owner, check_source
from .recorder import LogFactory, LogRecorder

__all__ = ["LOG_FILE", "Draft", "Head", "Log", "Logbook", "Outcome", "Position", "Sighting", "split_id"]

T = TypeVar("T")
LOG_FILE = "log.sqlite"
"""What the logbook's store is called in a locker's folder."""


class Log(EventSourcedLog[RecordEvent]):
    """One owner's records from one source; see the library's class for ``get``, ``get_first`` and ``get_last``."""

    def trigger(self, event: type[RecordEvent], **said: Any) -> RecordEvent:
        """The next event of this log, for ``Application.save``: its version and time are set, *said* are the other fields."""
        return self._trigger_event(event, **said)


class _Events(Application[str]):
    """The library's application over our recorder and mapper."""

    name = "logbook"

    def __init__(self, path: Path, writer: Writer) -> None:
        self._path, self._writer = path, writer
        super().__init__()

    def construct_env(self, name: str, env: Any = None) -> Environment:  # noqa: ARG002 - the process's environment is not read
        return Environment(name, {"SQLITE_DBNAME": str(self._path), "ORIGINATOR_ID_TYPE": "text"})

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        return LogFactory(env, self._writer)

    def construct_mapper(self) -> Mapper[str]:
        return RecordMapper()


class Logbook(LogReader):
    """Every log of a locker, in one file, in one order.  One process-wide writer, many readers, any number of processes."""

    def __init__(
        self,
        path: Path | str,
        *,
        clock: Clock = system_clock,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        path = Path(path)
        self._clock, self._randomness = clock, randomness
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make the folder {path.parent}: {error.strerror or error}; choose another folder") from error
        self._changed = Condition()
        self._listeners: list[Callable[[], None]] = []
        self._writer = Writer(path, self._wake)
        try:
            self.events = _Events(path, self._writer)
        except BaseException:
            self._writer.close()
            raise
        recorder = self.events.recorder
        assert isinstance(recorder, LogRecorder)
        super().__init__(path, recorder)

    # -- appending ---------------------------------------------------------------------------------

    def append(self, owner: str, source: str, drafts: Sequence[Draft], sighting: Sighting | None = None) -> list[Outcome]:
        """Append what is new of the drafts, all or none; durable when it returns.

        Raises Conflict if a draft's ``expect`` is not what stands, StorageError if the disk refuses.
        """
        return self.submit(owner, source, drafts, sighting).result()

    def submit(self, owner: str, source: str, drafts: Sequence[Draft], sighting: Sighting | None = None) -> Future[list[Outcome]]:
        """Queue an append; small ones that wait together share a transaction."""
        log = f"{check_owner(owner)}/{check_source(source)}"
        return self._writer.submit(lambda connection: self.write(connection, log, drafts, sighting))

    def transact(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job in a write transaction: composer, leases and positions, whose effects belong together with records (``write``)."""
        return self.queue(job).result()

    def queue(self, job: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue such a job without waiting for it; small ones that wait together share a transaction."""
        return self._writer.submit(job)

    def write(
        self, connection: sqlite3.Connection, log: str, drafts: Sequence[Draft], sighting: Sighting | None = None, now: str = ""
    ) -> list[Outcome]:
        """Decide and append, inside a transaction of the writer; *now* is what ``now`` said in it, if somebody asked already."""
        batch = Batch(connection, log, now or self.now(connection), self._randomness(SALT_BYTES * len(drafts)), sighting)
        outcomes = [batch.decide(draft) for draft in batch.known(drafts)]
        batch.flush()
        return outcomes

    def track(self, connection: sqlite3.Connection, follower: str, position: Position) -> None:
        """Remember how far a follower came, in the transaction of what it did."""
        self.recorder._insert_tracking(SQLiteCursor(connection.cursor()), Tracking(follower, position))

    def now(self, connection: sqlite3.Connection) -> str:
        """The time of the next records: never before the newest one's, whatever the clock does."""
        row = connection.execute("SELECT json_extract(state, '$.timestamp') FROM stored_events ORDER BY position DESC LIMIT 1").fetchone()
        now = stamp(self._clock())
        return max(now, row[0]) if row else now

    def log(self, owner: str, source: str) -> Log:
        """One log, as the library sees it."""
        return Log(self.events.events, f"{owner}/{source}", RecordEvent)  # type: ignore[arg-type]

    # -- waiting and small facts ---------------------------------------------------------------------

    def wait(self, position: Position, timeout: float) -> bool:
        """Wait until there is something after a position; True if so.  Appends of other processes are noticed within *timeout*."""
        with self._changed:
            if self.position > position:
                return True
            self._changed.wait(timeout)
        return self.position > position

    def wake(self) -> None:
        """Let everybody who waits look again."""
        self._wake()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a function, which must be quick, after every commit of this process; call what is answered to end that."""
        self._listeners = [*self._listeners, listener]

        def end() -> None:
            self._listeners = [each for each in self._listeners if each is not listener]

        return end

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
        for listener in self._listeners:
            listener()

    def set_fact(self, name: str, value: str) -> None:
        """Change such a fact."""
        self.transact(lambda connection: connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value)))

    def close(self) -> None:
        """Finish queued appends and close the file.  The writer goes last: only it can empty the write-ahead log."""
        self.events.close()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
