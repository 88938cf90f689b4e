"""
Decisions inside the write lock: exact between threads and processes, and what they edit is what every patch before made.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.error import BrokenSchema, Conflict, NotFound
from locker.locker import Locker, Sight, Write
from locker.patch import merge_patch
from locker.record import Body

STREAM = {"source": "x", "link": "https://x.org", "status": "live"}
VALUES = st.one_of(st.none(), st.text(max_size=3), st.dictionaries(st.sampled_from("ab"), st.one_of(st.none(), st.integers()), max_size=2))
PATCHES = (
    st.dictionaries(st.sampled_from(["title", "notes", "more"]), VALUES, min_size=1, max_size=3)
    .map(lambda patch: {name: value for name, value in patch.items() if name == "more" or not isinstance(value, dict)})
    .filter(bool)
)


def writing(patch: Body) -> Callable[[Sight], Write]:
    """Lay a patch over the first stream."""
    return lambda _: Write(patch, 1)


def once(sight: Sight) -> Write:
    """Add a stream unless there is one."""
    if next(sight.since(1), None) is not None:
        return Write(None, 1)
    return Write(STREAM)


def _add_once(folder: str, told: Any) -> None:
    with Locker(folder) as locker:
        decided = [locker.composer.deciding("commons", "stream", once, "me") for _ in range(20)]
        told.put([(each.result().n, each.result().is_new) for each in decided])


def test_two_processes_that_add_unless_it_is_there_add_one(tmp_path: Path) -> None:
    """Forty decisions of two processes: one adds, the others see what was added."""
    Locker(tmp_path).close()
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    workers = [context.Process(target=_add_once, args=(str(tmp_path), told)) for _ in range(2)]
    for worker in workers:
        worker.start()
    found = told.get(timeout=60) + told.get(timeout=60)
    for worker in workers:
        worker.join(60)

    assert [(1, False)] * 39 + [(1, True)] == sorted(found)


def test_what_a_decision_raises_is_raised_and_nothing_is_written(tmp_path: Path) -> None:
    """Its caller hears it; the neighbours in its transaction do not."""

    def refuse(_: Sight) -> Write:
        raise Conflict("no")

    with Locker(tmp_path) as locker:
        futures = [
            locker.composer.deciding("commons", "stream", each, "me") for each in (lambda _: Write(STREAM), refuse, lambda _: Write(STREAM))
        ]
        with pytest.raises(Conflict, match="no"):
            futures[1].result()
        assert [1, 2] == [futures[0].result().n, futures[2].result().n]
        with pytest.raises(BrokenSchema):
            locker.composer.deciding("commons", "stream", lambda _: Write({"source": 3}), "me").result()
        with pytest.raises(BrokenSchema):
            locker.composer.deciding("commons", "stream", lambda _: Write({"source": 3}, 1), "me").result()
        with pytest.raises(NotFound):
            locker.composer.deciding("commons", "stream", lambda _: Write({"source": "y"}, 3), "me").result()
        assert 2 == locker.logbook.position


@given(st.lists(st.tuples(st.booleans(), PATCHES), max_size=6))
@settings(max_examples=15)
def test_an_edit_is_what_all_patches_before_made_of_it(edits: list[tuple[bool, Body]]) -> None:
    """Laid one over the other by decisions or by the composer's own edit, in any mix: the same body, in the log and in the read model."""
    with TemporaryDirectory() as folder, Locker(folder) as locker:
        locker.composer.deciding("commons", "stream", lambda _: Write(STREAM), "me").result()
        expected: Body = STREAM
        for decided, patch in edits:
            if decided:
                locker.composer.deciding("commons", "stream", writing(patch), "me").result()
            else:
                locker.composer.edit("commons", "stream", "stream:1", patch, "me")
            expected = merge_patch(expected, patch)
        assert expected == locker.object("commons", "stream:1")["body"]
        locker.catch_up()
        patches = [record.as_dict()["patch"] for record in locker.logbook.history("commons", "stream:1")[1:]]
        assert [patch for _, patch in edits] == patches
        assert f'"source":"{expected["source"]}"' in locker.reader.get("commons", "stream:1")
