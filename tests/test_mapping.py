"""Fields by paths: what a document has is found, brought into the shape of the schema, and nothing in it can break that."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.error import Invalid
from locker.mapping import Paths, find, shaped
from locker.path import number, search, text
from locker.schema import load

SCHEMAS = load()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "name", "id"]), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"url": "a.href"}, {"url": "https://a.example"}),
        ({"url": ["a.no", "a.href"]}, {"url": "https://a.example"}),
        ({"title": "n"}, {"title": "7"}),
        ({"created": "at"}, {"created": "2020-01-01T00:00:00Z"}),
        ({"created": "a.href"}, {}),
        ({"tag": "tags"}, {"tag": ["x", "y"]}),
        ({"tag": ["one", "tags"]}, {"tag": ["x", "y"]}),
        ({"tag": "one"}, {"tag": ["x"]}),
        ({"read": "yes"}, {"read": True}),
        ({"title": "a"}, {}),
        ({"title": "none"}, {}),
        ({"title": "join('-', [one, none])"}, {}),
    ],
)
def test_a_link(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """Texts, times, lists and flags come out as the schema wants them; what cannot be so is left out."""
    document = {"a": {"href": "https://a.example"}, "n": 7, "at": 1577836800, "tags": ["x", "y"], "one": "x", "yes": "1", "none": None}
    made = shaped(Paths.of(fields)(document), SCHEMAS["link"])
    assert expected == made
    assert SCHEMAS["link"].is_valid(made)


def test_numbers_and_objects() -> None:
    """Numbers may be written as text, and an object may stand where a list of them is wanted."""
    document = {"age": "21", "lat": "1.5", "home": {"st": "CA", "no": None}}
    assert {"age": 21, "address": [{"state": "CA"}]} == shaped(
        Paths.of({"age": "age", "address": {"state": "home.st", "city": "home.no"}})(document), SCHEMAS["contact"]
    )
    assert {"lat": 1.5} == shaped({"lat": "1.5", "lng": "east", "accuracy": float("inf")}, SCHEMAS["place"])


@given(document=JSON, type=st.sampled_from(sorted(SCHEMAS)), data=st.data())
def test_whatever_stands_there_fits(document: Any, type: str, data: st.DataObject) -> None:
    """Whatever a service answers, the fields that come out fit their schema."""
    names = sorted(SCHEMAS[type].document["properties"])
    spec = data.draw(
        st.dictionaries(st.sampled_from(names), st.sampled_from(["a", "a.b", "name", "id", "a[]", "a[0].id", "@", "values(@)"]), min_size=1)
    )
    assert SCHEMAS[type].is_valid(shaped(Paths.of(spec)(document if isinstance(document, dict) else {"a": document}), SCHEMAS[type]))


@pytest.mark.parametrize("wrong", [{}, {"a": ""}, {"a": []}, {"a": 7}, {"a": "b..c"}, {"a": {"b": ["c", "d["]}}, "a", None])
def test_mistakes_are_told(wrong: Any) -> None:
    """A mapping that is none says where, before anything is mapped."""
    with pytest.raises(Invalid, match="fields"):
        Paths.of(wrong)


def test_columns() -> None:
    """A table's column may be called anything, where that is asked for."""
    assert {"emails": "a@b.c"} == Paths.of({"emails": "E-mail 1"}, columns=True)({"E-mail 1": "a@b.c"})
    assert find("E-mail 1", {}) is None


@given(JSON)
def test_looking_never_fails(document: Any) -> None:
    """Looking something up finds it or nothing; a key is a text or nothing, and text that can be written."""
    for path in ("a.b", "a[].name", "length(a)", "join('', [a, b])", "sort_by(a, &id)", "a.b | [0]", "[a, b]"):
        found = text(search(path, document))
        assert found is None or found != ""
        assert number(path, document) is None or isinstance(number(path, document), int)
