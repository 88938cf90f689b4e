"""
The read model holds what the logs say last of each object, however it got there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.error import Conflict, Corrupt, StorageError
from locker.projection import GAP, Projection
from locker.readmodel import ReadModel
from locker.record import Record
from locker.schema import Schema, load, make
from locker.term import words
from tests.strategies import THING, bodies, histories, record
from tests.term_strategies import texts

SCHEMAS = {"thing": THING}


def contents(path: Path, *, but: Iterable[str] = ()) -> dict[str, list[Any]]:
    """Every row of every table, the full-text index as (word, column, row, place)."""
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%stat%'")]
    found: dict[str, list[Any]] = {}
    for name in tables:
        if name.endswith("_words"):
            connection.execute(f"CREATE VIRTUAL TABLE temp.\"look\" USING fts5vocab('main', '{name}', 'instance')")
            found[name] = sorted(connection.execute('SELECT * FROM temp."look"').fetchall(), key=repr)
            connection.execute('DROP TABLE temp."look"')
        elif "_words_" not in name and name not in but:
            found[name] = sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
    connection.close()
    return found


def applied(path: Path, history: Sequence[Record], step: int = 1000, *, bulk: bool = False) -> dict[str, list[Any]]:
    """The contents of a new read model that took a history in batches."""
    with ReadModel(path, SCHEMAS, bulk=bulk) as model:
        for start in range(0, len(history), step):
            batch = history[start : start + step]
            model.apply(batch, batch[-1].position)
        if bulk:
            model.finish()
    return contents(path)


def test_what_another_process_applied_is_not_applied_again(tmp_path: Path) -> None:
    """Whoever prepared a batch, slept, and finds the position elsewhere leaves everything as it is."""
    path, history = tmp_path / "views", [record(n, n, {"age": n}) for n in (1, 2)]
    with ReadModel(path, SCHEMAS) as model:
        model.apply_all([(history, 2)], since=0)
        stands = contents(path)
        with pytest.raises(Conflict):
            model.apply_all([(history[:1], 1)], since=0)
        assert (2, stands) == (model.position, contents(path))


@given(histories(), st.integers(1, 5))
@settings(max_examples=40)
def test_following_in_any_batches_equals_a_rebuild(history: list[Record], step: int) -> None:
    """However the log is followed, all tables are the same in the end; loading in bulk gives the same too."""
    with TemporaryDirectory() as folder:
        at_once = applied(Path(folder, "1"), history)

        assert at_once == applied(Path(folder, "2"), history, step)
        assert at_once == applied(Path(folder, "3"), history, step, bulk=True)


@given(histories(), bodies(THING))
@settings(max_examples=30)
def test_deleting_what_was_added_gives_what_was_before(history: list[Record], body: dict[str, Any]) -> None:
    """Nothing of a deleted object is left anywhere: no value, no word, no count."""
    last = history[-1].position
    with TemporaryDirectory() as folder:
        path = Path(folder, "views")
        before = applied(path, [*history, record(last + 1, 77, {})])
        with ReadModel(path, SCHEMAS) as model:
            model.apply([record(last + 2, 78, body, via=("vcard:9",))], last + 2)
            model.apply([record(last + 3, 78, body, op="delete")], last + 1)

        assert before == contents(path)


@given(bodies(THING), bodies(THING))
@settings(max_examples=30)
def test_an_edit_leaves_what_an_add_would(old: dict[str, Any], new: dict[str, Any]) -> None:
    """An edited object is held exactly like one that was added so."""
    with TemporaryDirectory() as folder:
        edited = applied(Path(folder, "1"), [record(1, 1, old), record(2, 1, new, op="edit")], 1)

        assert edited == applied(Path(folder, "2"), [record(2, 1, new)])


def test_a_killed_batch_leaves_neither_rows_nor_position(tmp_path: Path) -> None:
    """A record that cannot be taken in takes the whole batch with it, and the next try starts from the same place."""
    with ReadModel(tmp_path / "views", SCHEMAS) as model:
        model.apply([record(1, 1, {"tag": "x"})], 1)
        before = contents(tmp_path / "views")

        with pytest.raises(KeyError):
            model.apply([record(2, 2, {"tag": "y"}, owner="u9"), _without_subtypes(record(3, 3, {}))], 3)

        assert 1 == model.position
        assert before == contents(tmp_path / "views")
        model.apply([record(2, 2, {"tag": "y"}, owner="u9")], 2)
        assert 2 == model.position


def _without_subtypes(whole: Record) -> Record:
    return Record(3, "me", whole.id, whole.timestamp, whole.source, whole.type, "add", whole.key, "", '{"body":{}}')


def test_records_of_connectors_only_move_the_position(tmp_path: Path) -> None:
    """The read model follows the whole log, and keeps what collections composed."""
    with ReadModel(tmp_path / "views", SCHEMAS) as model:
        model.apply([record(1, 1, {"tag": "x"}, type="twitter")], 1)

        assert 1 == model.position
        assert [] == contents(tmp_path / "views")["thing"]


def test_a_file_of_other_schemas_is_not_current(tmp_path: Path) -> None:
    """A read model made for other schemas is refused, so that somebody makes a new one."""
    ReadModel(tmp_path / "views", SCHEMAS).close()
    other = make("thing", {"type": "object", "properties": {"tag": {"type": "string", "x-index": "text"}}})

    with ReadModel(tmp_path / "views", {"thing": other}) as model:
        assert not model.is_current()
        with pytest.raises(Corrupt, match="rebuild"):
            model.apply([], 1)


def test_an_unfinished_bulk_load_is_not_current(tmp_path: Path) -> None:
    """A rebuild that was killed leaves a file that nobody takes for a read model."""
    with ReadModel(tmp_path / "views", SCHEMAS, bulk=True) as model:
        model.apply([record(1, 1, {})], 1)
    with ReadModel(tmp_path / "views", SCHEMAS) as model:
        assert not model.is_current()
    with ReadModel(tmp_path / "again", SCHEMAS, bulk=True) as model:
        model.finish()
        assert model.is_current()


def test_a_file_that_is_no_database_is_a_storage_error(tmp_path: Path) -> None:
    """What SQLite cannot open is told by name."""
    (tmp_path / "views").write_bytes(b"not a database" * 100)

    with pytest.raises(StorageError, match="views"):
        ReadModel(tmp_path / "views", SCHEMAS)


@given(st.lists(texts, max_size=3))
def test_no_word_is_a_gap(found: list[str]) -> None:
    """What stands between two values is a word of no text, so that no phrase can cross it."""
    assert GAP.strip() not in words(" ".join([*found, GAP]))


@pytest.mark.parametrize("schema", load().values(), ids=str)
@given(st.data())
@settings(max_examples=15)
def test_every_schema_can_be_projected(schema: Schema, data: st.DataObject) -> None:
    """What a body has of indexed fields is found in its projection."""
    body = data.draw(bodies(schema))

    projected = Projection(schema).project(body)

    assert set(projected.present) >= {name for name, value in body.items() if value not in (None, [])}
    assert len(Projection(schema).cell_names) == len(projected.cells)
