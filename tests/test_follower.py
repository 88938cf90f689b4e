"""Followers and leases: one at a time, a dead one's work is taken up at once, errors do not stop it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Event

import pytest

from locker.draft import Draft
from locker.error import Conflict, LockerError, StorageError
from locker.follower import LEASE_SECONDS, Follower, Lease, Running
from locker.log import Logbook, Position
from tests import crashing


@pytest.fixture
def logbook(tmp_path: Path) -> Iterator[Logbook]:
    """An empty one."""
    with Logbook(tmp_path / "log.sqlite") as logbook:
        yield logbook


class Counting(Follower):
    """Counts records into its position, and fails when it is told to."""

    name = "counting"

    def __init__(self, logbook: Logbook) -> None:
        self.logbook = logbook
        self.reached: Queue[Position] = Queue()
        self.failing: Exception | None = None
        self.failed = Event()

    @property
    def position(self) -> Position:
        return self.logbook.tracked(self.name)

    def step(self) -> int:
        if self.failing:
            self.failed.set()
            raise self.failing
        position = self.position
        _, reached = self.logbook.batch(position, 2)
        if reached != position:
            self.logbook.transact(lambda connection: self.logbook.track(connection, self.name, reached))
            self.reached.put(reached)
        return reached - position


def append(logbook: Logbook, count: int) -> None:
    """Some more records."""
    start = logbook.position
    logbook.append("me", "mine", [Draft.of("link/x", str(n), {}) for n in range(start, start + count)])


class Clock:
    """Seconds that somebody sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_catching_up(logbook: Logbook) -> None:
    """In batches, until there is nothing new; then there is nothing to do."""
    append(logbook, 5)
    follower = Counting(logbook)
    assert (5, 0, 5) == (follower.catch_up(), follower.catch_up(), follower.position)
    assert [2, 4, 5] == [follower.reached.get() for _ in range(3)]


def test_one_holder_at_a_time(logbook: Logbook) -> None:
    """Who has the lease may take it again; another gets it when it is given back, and checking without it is a Conflict."""
    first, second = Lease(logbook, "work"), Lease(logbook, "work")
    assert (True, True, False) == (first.take(), first.take(), second.take())
    with pytest.raises(Conflict, match="another process does the work of the work"):
        logbook.transact(second.check)
    first.release()
    assert (True, False) == (second.take(), first.take())
    with pytest.raises(Conflict):
        logbook.transact(first.check)


def test_leases_of_other_jobs_do_not_meet(logbook: Logbook) -> None:
    """Each name is a lease of its own."""
    assert Lease(logbook, "composer").take()
    assert Lease(logbook, "views").take()


def test_giving_back_what_somebody_else_has(logbook: Logbook) -> None:
    """It changes nothing."""
    first, second = Lease(logbook, "work"), Lease(logbook, "work")
    assert first.take()
    second.release()
    assert not second.take()


def test_a_lease_that_is_not_renewed_runs_out(logbook: Logbook) -> None:
    """After its seconds another may take it; who renews in time keeps it."""
    clock = Clock()
    first, second = Lease(logbook, "work", clock=clock), Lease(logbook, "work", clock=clock)
    assert first.take()
    clock.now += LEASE_SECONDS - 1
    assert (False, True) == (second.take(), first.take())
    clock.now += LEASE_SECONDS - 1
    assert not second.take()
    clock.now += 2
    assert (True, False) == (second.take(), first.take())


def test_a_dead_process_holds_nothing(logbook: Logbook, tmp_path: Path) -> None:
    """The lease of a process that was killed is free at once; while it lives, it is not."""
    process, told = crashing.started(crashing.hold_lease, tmp_path, "work")
    assert told.recv()
    lease = Lease(logbook, "work")
    assert not lease.take()
    process.kill()
    process.join()
    assert lease.take()


def test_a_process_number_that_is_used_again(logbook: Logbook) -> None:
    """Another process with the same number, started at another time, is not the holder."""
    lease = Lease(logbook, "work")
    node, pid, started_at, thing = lease.holder.split(" ")
    for holder, is_free in (
        (f"{node} {pid} {started_at} other", False),
        (f"{node} {pid} 1 {thing}", True),
        (f"elsewhere {pid} 1 {thing}", False),
    ):
        logbook.transact(lambda c, holder=holder: c.execute("INSERT OR REPLACE INTO leases VALUES ('work', ?, 1e12)", (holder,)))  # type: ignore[misc]
        assert is_free == lease.take()
        lease.release()


def test_a_fresh_lease_costs_nothing(logbook: Logbook) -> None:
    """Who took it a moment ago asks nobody; once it is no longer fresh, the store is asked again."""
    now = [1000.0]
    lease = Lease(logbook, "work", clock=lambda: now[0])
    assert lease.take()
    logbook.transact(lambda c: c.execute("DELETE FROM leases"))
    assert lease.take()
    assert [] == logbook.read("SELECT * FROM leases")
    now[0] += LEASE_SECONDS / 2
    assert lease.take()
    assert 1 == len(logbook.read("SELECT * FROM leases"))


def test_two_threads_never_work_at_once(logbook: Logbook) -> None:
    """Of two that run, one works; when it stops, the other goes on where it was, and nothing is handled twice."""
    first, second = Counting(logbook), Counting(logbook)
    errors: list[LockerError] = []
    running = Running(first, logbook, Lease(logbook, "work"), errors.append)
    append(logbook, 2)
    assert 2 == first.reached.get(timeout=60)
    other = Running(second, logbook, Lease(logbook, "work"), errors.append)
    append(logbook, 2)
    assert 4 == first.reached.get(timeout=60)
    running.stop()
    append(logbook, 2)
    assert 6 == second.reached.get(timeout=60)
    other.stop()
    assert (True, True, []) == (first.reached.empty(), second.reached.empty(), errors)


@pytest.mark.parametrize("error", [StorageError("full"), KeyError("a mistake")])
def test_errors_do_not_stop_it(logbook: Logbook, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Each is told, also one that nobody foresaw, and the follower tries again and goes on."""
    monkeypatch.setattr("locker.follower.POLL_SECONDS", 0.01)
    follower, errors = Counting(logbook), list[LockerError]()
    follower.failing = error
    running = Running(follower, logbook, Lease(logbook, "work"), errors.append)
    assert follower.failed.wait(60)
    follower.failing = None
    append(logbook, 2)
    assert 2 == follower.reached.get(timeout=60)
    running.stop()
    assert errors
    assert all(error in (told, told.__cause__) for told in errors)
    assert running.error is None


def test_an_error_that_stays_is_told_once(logbook: Logbook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is tried again and again, and told once; what comes after it is told again."""
    monkeypatch.setattr("locker.follower.POLL_SECONDS", 0.001)
    waiting = [StorageError("full")] * 3 + [StorageError("read-only")] * 2
    follower, told, done = Counting(logbook), list[str](), Event()

    def step() -> int:
        if waiting:
            raise waiting.pop(0)
        done.set()
        return 0

    monkeypatch.setattr(follower, "step", step)
    running = Running(follower, logbook, Lease(logbook, "work"), lambda error: told.append(str(error)))
    assert done.wait(60)
    running.stop()
    assert ["full", "read-only"] == told


def test_stopping_gives_the_lease_back(logbook: Logbook) -> None:
    """The next one need not wait."""
    follower = Counting(logbook)
    append(logbook, 1)
    running = Running(follower, logbook, Lease(logbook, "work"), lambda _: None)
    follower.reached.get(timeout=60)
    running.stop()
    assert Lease(logbook, "work").take()
