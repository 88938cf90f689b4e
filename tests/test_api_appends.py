"""
Pushes that wait together: each hears of its own outcomes, many share one append, and one that fails does not fail its neighbours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from locker.error import StorageError
from locker.locker import Draft, Locker, Outcome
from tests.api_server import Server, served

appends: Any = import_module("locker.api._appends")


@pytest.fixture
def locker(tmp_path: Path) -> Iterator[Locker]:
    """An empty locker."""
    with Locker(tmp_path) as found:
        yield found


def drafts(*keys: str) -> list[Draft]:
    """A draft for each key."""
    return [Draft.of("note/mine", key, {"key": key}) for key in keys]


async def test_outcomes_go_where_they_belong(locker: Locker) -> None:
    """Of a hundred pushes at once, with repetitions, each hears what became of its own items, in order."""
    together = appends.Appends(locker)
    first = await asyncio.gather(*(together.append("me", "mine", drafts(*(f"{n}-{k}" for k in range(n % 4)))) for n in range(100)))
    assert [n % 4 for n in range(100)] == [len(outcomes) for outcomes in first]
    assert {"add"} == {outcome.op for outcomes in first for outcome in outcomes}
    versions = [outcome.version for outcomes in first for outcome in outcomes]
    assert list(range(1, 151)) == versions
    again = await asyncio.gather(*(together.append("me", "mine", drafts("same")) for _ in range(10)))
    assert ["add"] + [None] * 9 == [outcomes[0].op for outcomes in again]


async def test_many_share_an_append(locker: Locker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What gathers while the writer is busy goes in one append; sources and owners stay apart."""
    submit, sizes = locker.logbook.submit, list[tuple[str, str, int]]()

    def counted(owner: str, source: str, found: Sequence[Draft]) -> Future[list[Outcome]]:
        sizes.append((owner, source, len(found)))
        return submit(owner, source, found)

    monkeypatch.setattr(locker.logbook, "submit", counted)
    together = appends.Appends(locker)
    await asyncio.gather(*(together.append("me", "mine", drafts(str(n))) for n in range(50)), together.append("you", "mine", drafts("x")))
    assert [("me", "mine", 50), ("you", "mine", 1)] == sizes
    assert not together._waiting


async def test_only_the_guilty_one_fails(locker: Locker, monkeypatch: pytest.MonkeyPatch) -> None:
    """If an append fails, its parts are tried alone; those that can be kept are kept."""
    submit = locker.logbook.submit

    def failing(owner: str, source: str, found: Sequence[Draft]) -> Future[list[Outcome]]:
        if any(draft.key == "bad" for draft in found):
            refused: Future[list[Outcome]] = Future()
            refused.set_exception(StorageError("no room for this one"))
            return refused
        return submit(owner, source, found)

    monkeypatch.setattr(locker.logbook, "submit", failing)
    together = appends.Appends(locker)
    outcomes = await asyncio.gather(*(together.append("me", "mine", drafts(key)) for key in ("a", "bad", "b")), return_exceptions=True)
    assert isinstance(outcomes[1], StorageError)
    assert ["a", "b"] == sorted(record.key for record in locker.logbook.records("me", "mine"))
    assert not together._waiting


async def test_who_goes_away_disturbs_nobody(locker: Locker) -> None:
    """A push whose client has gone is appended all the same, and the others hear of theirs."""
    together = appends.Appends(locker)
    tasks = [asyncio.create_task(together.append("me", "mine", drafts(str(n)))) for n in range(5)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert 4 == sum(isinstance(each, list) for each in outcomes)
    assert 5 == locker.logbook.count("me", "mine")


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that the disk refuses is 503 with what to do, and the server goes on."""
    with Locker(tmp_path) as locker, served(locker) as server:
        refused: Future[list[Outcome]] = Future()
        refused.set_exception(StorageError("log.sqlite cannot be written (database or disk is full); free some space"))
        with monkeypatch.context() as patch:
            patch.setattr(locker.logbook, "submit", lambda *_: refused)
            answer = push(server)
        assert (503, "storage") == (answer.status_code, answer.json()["code"])
        assert "free some space" in answer.json()["detail"]
        assert 200 == push(server).status_code


def push(server: Server) -> Any:
    """Push one contact."""
    return server.post("/connectors/mine/push", [{"type": "contact", "key": "a", "body": {"name": "A"}}])
