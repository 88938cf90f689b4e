"""The ledger reads a thing's revisions in both directions, few at a time, however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from locker import ledger
from locker.draft import Draft
from locker.ledger import Ledger
from locker.log import Logbook

MANY = 100


@pytest.fixture
def logbook(tmp_path: Path) -> Iterator[Logbook]:
    """A log with one thing of many revisions among others."""
    with Logbook(tmp_path / "log.sqlite") as made:
        for n in range(MANY):
            made.append("me", "mine", [Draft.of("note/mine", "a", {"n": n}), Draft.of("note/mine", f"b{n % 3}", {"n": n})])
        yield made


def numbers(found: Iterator[Any]) -> list[int]:
    """The revisions, as this test writes them."""
    return [record.body["n"] for record in found]


def test_revisions_are_read_in_both_directions(logbook: Logbook) -> None:
    """All of a thing and nothing else, between two positions."""
    reader = Ledger(logbook)
    thing, end = "me/mine:1", reader.end
    assert [*range(MANY)] == numbers(reader.later(thing, 0, end))
    assert [*range(MANY)][::-1] == numbers(reader.later(thing, 0, end, newest_first=True))
    middle = logbook.records("me", "mine", limit=50)[-2].position
    between = [n for n in range(MANY) if 2 * n + 1 > middle]
    assert between == numbers(reader.later(thing, middle, end))
    assert [*range(MANY)][: -len(between)] == numbers(reader.later(thing, 0, middle, newest_first=True))[::-1]
    reader.close()


def test_few_are_read_at_once(logbook: Logbook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants the next one does not read all that wait behind it."""
    reader = Ledger(logbook)
    read: list[int] = []
    rows = reader._rows

    def counted(statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        found = rows(statement, parameters)
        read.append(len(found))
        return found

    monkeypatch.setattr(reader, "_rows", counted)
    for newest_first in (False, True):
        assert 1 == len(list(islice(reader.later("me/mine:1", 2, reader.end, newest_first=newest_first), 1)))
        read.clear()
        assert 3 == len(list(islice(reader.later("me/mine:1", 2, MANY * 2, newest_first=newest_first), 3)))
        assert sum(read) <= 1 + ledger.FEW
    reader.close()
