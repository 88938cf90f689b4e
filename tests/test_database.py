"""One file, one writing thread: jobs share transactions, each stands or falls for itself, and errors say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from locker.database import Writer, connect, explain, translated
from locker.error import Conflict, StorageError
from locker.readmodel import ReadModel
from locker.schema import load


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """The writer of a file with one table."""
    writer = Writer(tmp_path / "a.sqlite")
    writer.run(lambda connection: connection.execute("CREATE TABLE t (n INTEGER UNIQUE)"))
    yield writer
    writer.close()


def insert(connection: sqlite3.Connection, n: int) -> int:
    """A job that writes one row."""
    connection.execute("INSERT INTO t VALUES (?)", (n,))
    return n


def rows(writer: Writer) -> list[int]:
    """What another connection sees."""
    connection = connect(writer.path)
    found = [row[0] for row in connection.execute("SELECT n FROM t ORDER BY n")]
    connection.close()
    return found


def test_jobs_that_wait_together_share_a_transaction(writer: Writer) -> None:
    """While one job holds the writer, others gather; then one commit makes all of them durable."""
    commits, release = [0], Event()
    writer._committed = lambda: commits.__setitem__(0, commits[0] + 1)
    blocker = writer.submit(lambda _: release.wait(60))
    waiting = [writer.submit(lambda connection, n=n: insert(connection, n)) for n in range(50)]  # type: ignore[misc]
    release.set()
    assert list(range(50)) == [job.result() for job in waiting]
    assert blocker.result()
    assert commits[0] <= 3
    assert list(range(50)) == rows(writer)


def test_a_failing_job_takes_back_its_own_effects_only(writer: Writer) -> None:
    """What it wrote before it failed is gone, its neighbours' rows stay, and its error comes out as it was raised."""
    release = Event()
    writer.submit(lambda _: release.wait(60))

    def failing(connection: sqlite3.Connection) -> None:
        insert(connection, 100)
        raise Conflict("no")

    jobs: list[Future[Any]] = [
        writer.submit(lambda c: insert(c, 1)),
        writer.submit(failing),
        writer.submit(lambda c: insert(c, 1)),
        writer.submit(lambda c: insert(c, 2)),
    ]
    release.set()
    errors = [type(job.exception()) for job in jobs]
    assert [type(None), Conflict, sqlite3.IntegrityError, type(None)] == errors
    assert [1, 2] == rows(writer)


def test_a_job_that_breaks_the_transaction_leaves_its_neighbours(writer: Writer) -> None:
    """If a whole transaction is lost, its jobs run again one by one: only the guilty one fails, nothing is done twice."""
    release = Event()
    writer.submit(lambda _: release.wait(60))
    before = writer.submit(lambda c: insert(c, 1))
    broken = writer.submit(lambda c: c.execute("ROLLBACK"))
    after = writer.submit(lambda c: insert(c, 2))
    release.set()
    assert (1, 2) == (before.result(), after.result())
    assert isinstance(broken.exception(), sqlite3.Error | StorageError)
    assert [1, 2] == rows(writer)


def test_a_mistake_in_sql_is_told_with_the_file(writer: Writer) -> None:
    """SQLite's errors about the store become StorageError, which chains the cause."""
    with pytest.raises(StorageError, match=r"a\.sqlite.*no such table") as raised:
        writer.run(lambda connection: connection.execute("SELECT * FROM none"))
    assert isinstance(raised.value.__cause__, sqlite3.OperationalError)


def test_a_cancelled_job_is_not_run(writer: Writer) -> None:
    """Who cancels in time leaves no trace."""
    release = Event()
    writer.submit(lambda _: release.wait(60))
    cancelled = writer.submit(lambda connection: insert(connection, 1))
    assert cancelled.cancel()
    release.set()
    writer.run(lambda connection: insert(connection, 2))
    assert [2] == rows(writer)


def test_closing_finishes_what_is_queued(writer: Writer) -> None:
    """Jobs before the close are durable, jobs after it are refused, and every one is answered."""
    release = Event()
    writer.submit(lambda _: release.wait(60))
    queued = [writer.submit(lambda connection, n=n: insert(connection, n)) for n in range(300)]  # type: ignore[misc]
    closing = Thread(target=writer.close)
    closing.start()
    release.set()
    closing.join()
    assert list(range(300)) == [job.result() for job in queued] == rows(writer)
    with pytest.raises(StorageError, match="closed"):
        writer.run(lambda connection: insert(connection, 1000))


def test_every_job_of_many_threads_is_answered(writer: Writer) -> None:
    """However threads race with the close, no job is left waiting: each is done, or refused as closed."""
    done: list[int] = []
    refused: list[int] = []
    busy = Event()

    def work(start: int) -> None:
        for n in range(start, start + 100):
            try:
                done.append(writer.run(lambda connection, n=n: insert(connection, n)))  # type: ignore[misc]
                if len(done) >= 20:
                    busy.set()
            except StorageError:
                refused.append(n)

    threads = [Thread(target=work, args=(start,)) for start in (0, 1000, 2000, 3000)]
    for thread in threads:
        thread.start()
    assert busy.wait(60)
    writer.close()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert 400 == len(done) + len(refused)
    assert sorted(done) == rows(writer)


def test_a_locked_file_fails_everybody_at_once(writer: Writer, tmp_path: Path) -> None:
    """If another process keeps the lock, all that wait hear it together, and what to do; later jobs go on."""
    writer.run(lambda connection: connection.execute("PRAGMA busy_timeout = 1").fetchall())
    other = connect(tmp_path / "a.sqlite", write=True)
    other.execute("BEGIN IMMEDIATE")
    jobs = [writer.submit(lambda connection, n=n: insert(connection, n)) for n in range(5)]  # type: ignore[misc]
    assert all("end that process" in str(job.exception()) for job in jobs)
    other.execute("COMMIT")
    other.close()
    writer.run(lambda connection: insert(connection, 9))
    assert [9] == rows(writer)


def test_readers_cannot_write(writer: Writer) -> None:
    """A reading connection refuses to write, and does not make a file that is not there."""
    reader = connect(writer.path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO t VALUES (1)")
    reader.close()
    missing = Path(writer.path).with_name("b.sqlite")
    with pytest.raises(StorageError):
        connect(missing)
    assert not missing.exists()


def test_what_is_answered_is_on_the_disk(writer: Writer) -> None:
    """Write-ahead log, and a sync at every commit."""
    assert "wal" == writer.run(lambda connection: connection.execute("PRAGMA journal_mode").fetchone()[0])
    assert 2 == writer.run(lambda connection: connection.execute("PRAGMA synchronous").fetchone()[0])


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("database is locked", "end that process"),
        ("database or disk is full", "free some space"),
        ("disk I/O error", "free some space"),
        ("attempt to write a readonly database", "writable for this user"),
        ("unable to open database file", "writable for this user"),
        ("database disk image is malformed", "locker check"),
        ("file is not a database", "locker check"),
        ("something else", "something else"),
    ],
)
def test_errors_say_what_to_do(text: str, advice: str) -> None:
    """Each names the file, what SQLite said, and a way out."""
    said = explain("x.sqlite", sqlite3.OperationalError(text))
    assert said.startswith("x.sqlite")
    assert advice in said


@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("disk I/O error"), OperationalError("disk I/O error"), sqlite3.DatabaseError("malformed")]
)
def test_errors_are_translated_once(error: Exception) -> None:
    """SQLite's and the eventsourcing library's errors about the store become ours."""
    with pytest.raises(StorageError) as raised, translated("x.sqlite"):
        raise error
    assert error is raised.value.__cause__


@pytest.mark.parametrize("error", [sqlite3.IntegrityError("UNIQUE"), sqlite3.ProgrammingError("closed"), ValueError("x"), Conflict("x")])
def test_mistakes_of_ours_are_not_the_disks(error: Exception) -> None:
    """What is not the store's fault comes out as it was raised."""
    with pytest.raises(type(error)), translated("x.sqlite"):
        raise error


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    """What somebody keeps here is nobody else's to read; the files that SQLite puts beside take the same rights."""
    writer = Writer(tmp_path / "log.sqlite")
    writer.run(lambda connection: connection.execute("CREATE TABLE t (x)"))
    ReadModel(tmp_path / "views-1.sqlite", load()).close()
    assert {0o600} == {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    writer.close()
