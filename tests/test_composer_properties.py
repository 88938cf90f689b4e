"""Composing, on random histories: what stands follows from what is said now, not from how it came to be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from locker.readmodel import ReadModel
from locker.record import Record
from tests.composing import KEYS, SCHEMAS, SOURCES, Said, Store, bodies, expected, histories

BATCHES = st.sampled_from([1, 2, 3, 7, 1000])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store for all examples of this file."""
    store = Store(tmp_path_factory.mktemp("composing"))
    yield store
    store.logbook.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Store]:
    """A store for the examples of one test, which walks through all of it."""
    store = Store(tmp_path)
    yield store
    store.logbook.close()


@settings(max_examples=250)
@given(history=histories(), batch=BATCHES)
def test_brute_force_agrees(store: Store, history: list[Said], batch: int) -> None:
    """After every history the objects are the connected components of what is said now, whatever the composer takes at a time."""
    assert expected(history) == store.objects(store.play(history, batch))


@settings(max_examples=150)
@given(data=st.data(), history=histories(), batch=BATCHES)
def test_order_of_arrival_does_not_matter(store: Store, data: st.DataObject, history: list[Said], batch: int) -> None:
    """Any interleaving that keeps each thing's own order gives the same objects but for their ids."""
    waiting = {(source, key): [said for said in history if said[:2] == (source, key)] for source in SOURCES for key in KEYS}
    shuffled = [waiting[thing].pop(0) for thing in data.draw(st.permutations([said[:2] for said in history]), label="order of arrival")]
    assert store.objects(store.play(history)) == store.objects(store.play(shuffled, batch))


@settings(max_examples=150)
@given(before=histories(), more=histories(6), batch=BATCHES)
def test_deleting_what_was_added_gives_what_was_before(store: Store, before: list[Said], more: list[Said], batch: int) -> None:
    """Things of another source come, tie objects together and go: the same ids say the same as before."""
    owner = store.play(before, batch)
    stood = store.living(owner)
    added = [Said("delta", said.key, said.body) for said in more]
    store.play(added, batch, owner)
    store.play([Said("delta", key, None) for key in KEYS], batch, owner)
    assert stood == store.living(owner)


@settings(max_examples=25)
@given(history=histories(), sizes=st.tuples(st.integers(1, 5), st.integers(1, 40)))
def test_any_batch_fills_the_same_tables(store: Store, history: list[Said], sizes: tuple[int, int]) -> None:
    """The read model holds the same rows in every table, however many records it takes at a time."""
    records = store.records(store.play(history, 1))
    first, second = (tables(records, size) for size in sizes)
    assert first == second


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), batch=BATCHES)
def test_composing_again_appends_nothing(small: Store, history: list[Said], batch: int) -> None:
    """With the same map there is nothing to say that the log does not say already."""
    owner = small.play(history, batch)
    count = small.logbook.position
    small.composing(batch).recompose("contact")
    assert count == small.logbook.position, small.records(owner)


@settings(max_examples=25)
@given(history=histories(), body=bodies())
def test_ids_are_the_numbers_of_first_records(store: Store, history: list[Said], body: dict[str, object]) -> None:
    """An object's id is the version of the record that first composed it, so it finds its record without an index."""
    for record in store.records(store.play([*history, Said("alfa", "1", body)])):
        assert record.key == record.first.rpartition(":")[2]


def tables(records: list[Record], size: int) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of a read model that took *size* records at a time, but for how far it came."""
    with ReadModel(":memory:", SCHEMAS) as model:
        for start in range(0, len(records), size):
            page = records[start : start + size]
            model.apply(page, page[-1].position)
        return rows(model._connection)


def rows(connection: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """The contents of a database; of a full-text index what it finds, not how it lies there."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    indexes = [name.removesuffix("_config") for name in names if name.endswith("_config")]
    found = {}
    for name in names:
        if not any(name.startswith(index) for index in indexes):
            found[name] = sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
    for index in indexes:
        connection.execute(f"CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, '{index}', 'instance')")
        found[index] = sorted(connection.execute("SELECT * FROM temp.words").fetchall(), key=repr)
        connection.execute("DROP TABLE temp.words")
    return found
