"""
A set of UIDs behaves like any set of numbers, and says itself in a server's ranges.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.plugin import mount

mount("connectors")
Uids: Any = import_module("locker.connectors._uids").Uids
STEPS = st.lists(st.tuples(st.booleans(), st.integers(1, 30)), max_size=60)


@given(STEPS)
def test_it_is_a_set(steps: list[tuple[bool, int]]) -> None:
    """Whatever is added and discarded, in any order, it holds what a set would hold, and reads back what it writes."""
    made, expected = Uids(), set[int]()
    for is_add, number in steps:
        (made.add if is_add else made.discard)(number)
        (expected.add if is_add else expected.discard)(number)
        assert (number in expected) == (number in made)
    assert sorted(expected) == list(made) == list(Uids.parse(str(made))) == list(Uids(expected))
    assert len(expected) == len(made)
    assert str(made) == str(Uids(expected)), "ranges that touch are one"


@pytest.mark.parametrize(("text", "expected"), [("", ""), ("5", "5"), ("9:7,1,2,8", "1:2,7:9"), ("3,1:4,4", "1:4")])
def test_any_way_to_write_ranges_is_read(text: str, expected: str) -> None:
    """Servers write them in any order, either way round and overlapping."""
    assert expected == str(Uids.parse(text))
