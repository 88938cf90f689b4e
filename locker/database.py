"""
One SQLite file: a single thread that writes, in transactions that small jobs share, and any number of readers.

Write-ahead logging lets readers and the writer go on side by side.  ``synchronous=FULL`` means that what was answered is on the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Generic, TypeVar

from eventsourcing import persistence

from .error import LockerError, StorageError

T = TypeVar("T")

BUSY_SECONDS = 60.0
JOBS_PER_COMMIT = 256


def connect(path: Path | str, *, write: bool = False, synchronous: str = "FULL", cache_mib: int = 8) -> sqlite3.Connection:
    """Open a file, in autocommit mode, usable from any one thread at a time.  Raises StorageError if it cannot be opened."""
    if write:
        keep_private(path)
    try:
        connection = sqlite3.connect(
            f"{Path(path).absolute().as_uri()}?mode={'rwc' if write else 'ro'}",
            uri=True,
            check_same_thread=False,
            isolation_level=None,
            timeout=BUSY_SECONDS,
            cached_statements=512,
        )
        with translated(path):
            if write:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA synchronous = {synchronous}")
            else:
                connection.execute("PRAGMA query_only = 1")
            connection.execute(f"PRAGMA cache_size = {-1024 * cache_mib}")
    except sqlite3.Error as error:
        raise StorageError(f"cannot open {path}: {error}") from error
    return connection


def keep_private(path: Path | str) -> None:
    """Make a file that is not there yet readable by its owner alone; SQLite gives the files beside it the same rights."""
    with suppress(OSError):  # a folder that cannot be written is told of when SQLite opens the file
        Path(path).touch(mode=0o600, exist_ok=False)


class translated:  # noqa: N801 - used like a function, as ``with translated(path):``
    """Turns SQLite's errors into ours, once, at the door."""

    def __init__(self, path: Path | str) -> None:
        self.path = path

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if is_of_storage(error):
            raise StorageError(explain(self.path, error)) from error


def is_of_storage(error: BaseException | None) -> bool:
    """Whether the disk or the file is at fault, and not what was asked; the library's own classes of error wrap SQLite's."""
    mistakes = sqlite3.ProgrammingError | sqlite3.IntegrityError | persistence.ProgrammingError | persistence.IntegrityError
    return isinstance(error, sqlite3.DatabaseError | persistence.PersistenceError) and not isinstance(error, mistakes)


def explain(path: Path | str, error: BaseException | None) -> str:
    """What went wrong with the file, and what to do about it."""
    text = str(error)
    if "locked" in text:
        return f"{path} has been locked by another process for {BUSY_SECONDS:.0f} seconds; end that process or try again"
    if "full" in text or "disk I/O" in text or "too big" in text:
        return f"{path} cannot be written ({text}); free some space on its disk; nothing was half written"
    if "readonly" in text or "read-only" in text or "unable to open" in text:
        return f"{path} cannot be written ({text}); make the file and its folder writable for this user"
    if "malformed" in text or "not a database" in text:
        return f"{path} is damaged ({text}); run 'locker check' and restore it from a copy"
    return f"{path}: {text}"


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    run: Callable[[sqlite3.Connection], T]
    answer: Future[T]


class Writer:
    """The one thread of this process that writes a file.

    Jobs are functions of the write connection.  Those that wait together share one transaction, each in a savepoint of its own: one that
    fails takes back its own effects only.  A job's answer is set after the commit, so what was answered is durable.  If the whole transaction
    fails, its jobs are run again one by one: a job has no effects but those on its connection.
    """

    def __init__(self, path: Path | str, committed: Callable[[], None] = lambda: None) -> None:
        self.path = path
        self._committed = committed
        self._connection = connect(path, write=True, cache_mib=64)
        # One long transaction must not let the write-ahead log grow without end, nor stop every few pages.
        self._connection.execute("PRAGMA wal_autocheckpoint = 4000")
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name=f"writer of {Path(path).name}", daemon=True)
        self._thread.start()
        self._closed, self._door = False, Lock()

    def submit(self, run: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue a job.  The future raises what the job raised, or StorageError."""
        answer: Future[T] = Future()
        with self._door:  # no job may slip in behind the last one: nobody would ever answer it
            if not self._closed:
                self._jobs.put(_Job(run, answer))
                return answer
        answer.set_exception(StorageError(f"{self.path} is closed"))
        return answer

    def run(self, run: Callable[[sqlite3.Connection], T]) -> T:
        """Queue a job and wait until it is durable."""
        return self.submit(run).result()

    def close(self) -> None:
        """Finish what is queued, then close the file."""
        with self._door:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        self._connection.close()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs = [job]
            while len(jobs) < JOBS_PER_COMMIT and not self._jobs.empty():
                if (job := self._jobs.get()) is None:
                    self._jobs.put(None)
                    break
                jobs.append(job)
            if wanted := [job for job in jobs if job.answer.set_running_or_notify_cancel()]:
                self._transact(wanted)

    def _transact(self, jobs: list[_Job[Any]]) -> None:
        """Run the jobs in one transaction; set every answer, whatever happens."""
        try:
            with translated(self.path):
                self._connection.execute("BEGIN IMMEDIATE")
        except BaseException as error:  # nobody can write now: all of them hear it at once, not each after a wait of its own
            for job in jobs:
                job.answer.set_exception(error)
            return
        try:
            with translated(self.path):
                outcomes = [(job, *self._attempt(job)) for job in jobs]
                self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            if len(jobs) == 1:
                jobs[0].answer.set_exception(error)
            else:  # nothing was kept: each gets a transaction of its own, so that only the guilty one fails
                for job in jobs:
                    self._transact([job])
            return
        for job, result, failure in outcomes:
            if failure is None:
                job.answer.set_result(result)
            else:
                job.answer.set_exception(failure)
        self._committed()

    def _attempt(self, job: _Job[Any]) -> tuple[Any, BaseException | None]:
        self._connection.execute("SAVEPOINT job")
        try:
            result = job.run(self._connection)
        except Exception as error:
            if not self._connection.in_transaction or is_of_storage(error):
                raise  # the disk is full or worse: SQLite gave up the whole transaction
            self._connection.execute("ROLLBACK TO job")
            self._connection.execute("RELEASE job")
            if not isinstance(error, LockerError):
                error.add_note("while writing; nothing of this job was kept")
            return None, error
        self._connection.execute("RELEASE job")
        return result, None
