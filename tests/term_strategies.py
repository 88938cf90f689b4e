"""
Random terms and random bodies that have a good chance to meet: both draw their keys and values from the same small pools.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from locker.record import Body
from locker.term import All, Any_, Between, Compare, Moment, Not, Path, Query, Term, Value, moment

KINDS = {"bio": "text", "a.bio": "text", "tag": "keyword", "age": "number", "at": "time", "read": "boolean"}
"""How a schema might index some of the keys."""

KEYS = ["a", "b", "age", "at", "bio", "read", "tag", "OR", "COUNT", "null", "first name", "a.bio", "é", "it's", ""]

keys = st.sampled_from(KEYS)
paths: st.SearchStrategy[Path] = st.lists(keys, min_size=1, max_size=3).map(tuple)

integers = st.sampled_from([0, 1, 5, -5, 7, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]) | st.integers(-(2**63), 2**63 - 1)
floats = st.sampled_from([0.0, 1.0, 2.5, -0.5, 1e300, 5e-324, 2.0**53, 2.0**63, -(2.0**63)]) | st.floats(
    allow_nan=False, allow_infinity=False
)
MOMENTS = [
    "2011-05-18",
    "2011-05-18T00:00Z",
    "2011-05-18T10:00:00",
    "2011-05-18T10:00:00.123456789Z",
    "2011-05-19T01:30:00+02:00",
    "2011-05-17",
    "1969-12-31T23:59:60Z",
    "0001-01-01",
    "9999-12-31",
]
TEXTS = [
    "",
    "x",
    "X",
    "node.js",
    "Node JS rocks",
    "I love node js",
    "node, then js",
    "straße",
    "STRASSE",
    "e\u0301",
    "é",
    "É",
    "...",
    "日本語",
    "😀",
    "5",
]
NEVER_MOMENTS = ["2011-02-30", "2011-05", "2011-05-18 10:00", "20110518", "2011-05-18T25:00"]
texts = st.sampled_from(TEXTS + MOMENTS + NEVER_MOMENTS) | st.text(max_size=8)


def read_moment(text: str) -> Moment:
    """The moment a text says, which it must."""
    found = moment(text)
    assert found is not None
    return found


moments = st.sampled_from(MOMENTS).map(read_moment)
numbers = integers | floats
values: st.SearchStrategy[Value] = st.one_of(st.none(), st.booleans(), integers, floats, texts, moments)

compares = st.builds(Compare, path=paths, op=st.sampled_from(["=", "<", "<=", ">", ">=", "!="]), value=values)


def _between(path: Path, bounds: tuple[Value, Value], low_closed: bool, high_closed: bool) -> Term:
    return Between(path, *bounds, low_closed=low_closed, high_closed=high_closed)


betweens = st.builds(
    _between,
    path=paths,
    bounds=st.tuples(numbers, numbers) | st.tuples(texts, texts) | st.tuples(moments, moments),
    low_closed=st.booleans(),
    high_closed=st.booleans(),
)


def _groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.builds(Not, inner) | st.builds(All, several) | st.builds(Any_, several)


terms: st.SearchStrategy[Term] = st.recursive(compares | betweens, _groups, max_leaves=8)
"""Trees as ``parse`` can make them: groups have two terms or more."""

queries = st.builds(Query, term=terms | st.just(All(())), count=st.booleans())

scalars = st.one_of(st.none(), st.booleans(), integers, floats, texts, st.just(2**70), st.just(-(2**70)))
bodies: st.SearchStrategy[Body] = st.dictionaries(
    keys,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6),
    max_size=5,
)
