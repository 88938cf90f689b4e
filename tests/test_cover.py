"""
A schema may name the fields that its lists are filtered by: they are answered by the index of time alone, and the answers stay the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.error import Invalid
from locker.query import Reader, Search
from locker.readmodel import ReadModel
from locker.record import Body
from locker.schema import Schema, make
from locker.search import compile_search
from locker.term import All, Any_, Compare, Not, Query, Term, matches
from tests.strategies import record

DOCUMENT: Body = {
    "type": "object",
    "x-cover": ["hidden", "status", "user"],
    "properties": {
        "hidden": {"type": "boolean", "x-index": "boolean"},
        "status": {"type": "string", "x-index": "keyword"},
        "user": {"type": "number", "x-index": "number"},
        "title": {"type": "string", "x-index": "text"},
    },
}
SCHEMA: Schema = make("thing", DOCUMENT)
BODY = st.fixed_dictionaries(
    {}, optional={"hidden": st.booleans(), "status": st.sampled_from("ab"), "user": st.integers(1, 2), "title": st.sampled_from(["x", "y"])}
)
LEAF = st.one_of(
    st.builds(Compare, st.just(("hidden",)), st.sampled_from(["=", "!="]), st.booleans()),
    st.builds(Compare, st.just(("status",)), st.sampled_from(["=", "!="]), st.sampled_from("ab")),
    st.builds(Compare, st.just(("user",)), st.sampled_from(["=", "!=", ">"]), st.integers(1, 2)),
    st.builds(Compare, st.just(("title",)), st.just("="), st.sampled_from("xy")),
)
TERM: Any = st.one_of(LEAF, LEAF.map(Not), st.lists(LEAF, min_size=1, max_size=2).map(tuple).map(Any_))


@given(st.lists(BODY, max_size=12), st.lists(st.lists(TERM, max_size=3), min_size=1, max_size=5), st.integers(0, 3), st.integers(0, 4))
@settings(max_examples=60)
def test_a_covered_list_is_what_the_terms_mean(bodies: list[Body], asked: list[list[Term]], offset: int, limit: int) -> None:
    """Page and total, by time or by another field, are those of a look at each body."""
    records = [record(n, n, body, time=f"2026-11-22T08:00:{n:02d}.000000Z") for n, body in enumerate(bodies, 1)]
    with TemporaryDirectory() as folder, ReadModel(Path(folder, "views"), {"thing": SCHEMA}) as model:
        model.apply(records, len(records))
        reader = Reader(Path(folder, "views"), {"thing": SCHEMA})
        for terms in asked:
            query = Query(All(tuple(terms)), False)
            expected = [n for n, body in enumerate(bodies, 1) if matches(query.term, body, SCHEMA.kinds)]
            for sort in ((("time", True),), (("time", False),), (("status", False),)):
                answer = reader.search(Search("thing", "me", query, limit=limit, offset=offset, sort=sort, count=True))
                found = [int(json.loads(each)["id"].partition(":")[2]) for each in answer.objects]
                assert len(expected) == answer.total
                if sort[0][0] == "time":
                    assert sorted(expected, reverse=sort[0][1])[offset : offset + limit] == found
        reader.close()


def test_a_covered_list_reads_no_bodies(tmp_path: Path) -> None:
    """Both its total and the choice of its page come from the index alone."""
    with ReadModel(tmp_path / "views", {"thing": SCHEMA}) as model:
        model.apply([record(1, 1, {"status": "a"})], 1)
        query = Query(All((Compare(("hidden",), "!=", True), Compare(("status",), "=", "a"))), False)
        reader = Reader(tmp_path / "views", {"thing": SCHEMA})
        with reader._pool.lend() as connection:
            compiled = compile_search(Search("thing", "me", query), reader._projections["thing"])
            params = {**compiled.params, "owner": 1, "limit": 1, "offset": 0}
            plans = [
                connection.execute(f"EXPLAIN QUERY PLAN {sql}", params).fetchall() for sql in (compiled.total(None), compiled.page(None))
            ]
        reader.close()

    for plan in plans:
        assert any("COVERING INDEX thing by time" in str(step) for step in plan), plan


def test_only_single_fields_of_few_values_can_be_covered() -> None:
    """A text or a list would make the index as long as the bodies."""
    with pytest.raises(Invalid, match="x-cover names 'title'"):
        make("thing", {**DOCUMENT, "x-cover": ["title"]})
