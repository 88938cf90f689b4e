"""Envelopes: from a path, an answer in which it finds what it should."""

from __future__ import annotations

from typing import Any

import pytest

from locker.envelope import filled, merged, placed
from locker.error import Invalid
from locker.path import search

LIST = [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    "path",
    [
        "@",
        "items",
        "data.items",
        "data.children[].data",
        "data.children[*].data",
        "data || `[]`",
        "items || questions",
        "a[0].items",
        "lists[2]",
        "feeds | items",
        "data.values(@)",
        "[0]",
        "to_array(items)",
    ],
)
def test_a_list_is_placed(path: str) -> None:
    """In the derived answer the path finds the list."""
    assert search(path, placed(path, LIST)) == LIST


@pytest.mark.parametrize(
    ("path", "value"), [("user.id", "7"), ("blogs[?primary].uuid | [0]", "b"), ("id || name", "x"), ("(no[?a > `1`].x | [0]) || name", "x")]
)
def test_a_fact_is_placed(path: str, value: str) -> None:
    """In the derived answer the path finds the text."""
    assert search(path, placed(path, value)) == value


@pytest.mark.parametrize("path", ["length(items)", "join('-', [a, b])", "sort_by(items, &id)", "'constant'"])
def test_what_cannot_be_derived(path: str) -> None:
    """A path that cannot be turned round asks for an answer in the samples."""
    with pytest.raises(Invalid, match="give one in the samples"):
        placed(path, LIST)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}),
        ({"a": [{"b": 1}]}, {"a": [{"c": 2}, 3]}, {"a": [{"b": 1, "c": 2}, 3]}),
        ([1, 2], [None], [1, 2]),
        ({"a": 1}, {"a": 2}, {"a": 2}),
    ],
)
def test_merging(first: Any, second: Any, expected: Any) -> None:
    """Two derived answers are one: what both have is put together."""
    assert expected == merged(first, second)


def test_filling() -> None:
    """Names in an author's answer are replaced wherever they stand alone."""
    template = {"page": {"list": "$items", "next": ["$next", "a $next"]}, "n": 1}
    assert {"page": {"list": LIST, "next": ["c", "a $next"]}, "n": 1} == filled(template, {"$items": LIST, "$next": "c"})
