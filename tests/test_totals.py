"""Values that are counted over all owners, and one owner's own counts of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.error import Invalid
from locker.query import Reader
from locker.readmodel import ReadModel
from locker.record import Op, Record, canonical
from locker.schema import make
from locker.words import fold
from tests.strategies import THING, histories

SCHEMAS = {"thing": THING}


@given(histories(), st.integers(1, 5))
@settings(max_examples=40)
def test_totals_are_what_counting_every_living_object_gives(history: list[Record], step: int) -> None:
    """Each object counts once for each different value, whoever owns it; what is deleted or changed counts no more."""
    living: dict[tuple[str, str], set[str]] = {}
    for record in history:
        living[record.owner, record.key] = set() if record.op == "delete" else set(map(fold, record.body["body"].get("tags", [])))
    expected = Counter(value for values in living.values() for value in values)
    mine = Counter(value for (owner, _), values in living.items() if owner == "me" for value in values)
    with TemporaryDirectory() as folder:
        with ReadModel(path := Path(folder, "views"), SCHEMAS) as model:
            for start in range(0, len(history), step):
                model.apply(batch := history[start : start + step], batch[-1].position)
        reader = Reader(path, SCHEMAS)
        try:
            asked = {*expected, "nobody has this"}

            assert {value: expected[value] for value in asked} == reader.totals("thing", "tags", asked)
            assert dict(mine) == reader.tally("me", "thing", "tags")
            assert {} == reader.tally("nobody", "thing", "tags")
        finally:
            reader.close()


def test_totals_of_the_commons_know_nothing_of_anybodys_own(tmp_path: Path) -> None:
    """A total that a schema keeps to the commons does not tell what people have for themselves."""
    field = {"type": "array", "items": {"type": "string", "x-index": "keyword", "x-total": "commons"}}
    schemas = {"thing": make("thing", {"type": "object", "properties": {"tags": field}})}

    def record(owner: str, position: int, op: Op = "add") -> Record:
        text = canonical({"subtypes": [], "via": [], "body": {"tags": ["a"]}})
        return Record(position, owner, f"thing:{position}", "2026-11-22T08:00:00.000000Z", "thing", "thing/locker", op, "1", "", text)

    with ReadModel(path := tmp_path / "views", schemas) as model:
        model.apply([record("u1", 1)], 1)
        model.apply([record("commons", 2), record("u2", 3)], 3)
        model.apply([record("u1", 4, "delete")], 4)
    reader = Reader(path, schemas)
    try:
        assert {"a": 1} == reader.totals("thing", "tags", ["a"])
    finally:
        reader.close()


def test_only_lists_of_keywords_have_totals() -> None:
    """A schema that wants a total of anything else is refused when it is read."""
    with pytest.raises(Invalid, match="x-total is for lists of keywords"):
        make("thing", {"type": "object", "properties": {"bio": {"type": "string", "x-index": "text", "x-total": "all"}}})
