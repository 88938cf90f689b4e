"""What makes two records one thing, type by type, and how many bodies become one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker import collection, plugin
from locker.collection import merge
from locker.record import Body, canonical
from locker.schema import load

COLLECTIONS = plugin.collections()
SCHEMAS = load()

IDENTITIES: list[tuple[str, Body, list[str]]] = [
    (
        "contact",
        {"emails": ["Ann@X.org", " b@x.org "], "handles": ["Twitter:@Ann"]},
        ["email:ann@x.org", "email:b@x.org", "handle:twitter:ann"],
    ),
    ("contact", {"name": "Ann", "phones": ["+1"], "emails": [" "], "handles": ["nobody", ":x", "x:", "x:@"]}, []),
    ("message", {"message_id": "<1@x>"}, ["message-id:<1@x>"]),
    ("message", {"subject": "hi", "message_id": " "}, []),
    ("link", {"url": "HTTP://X.org:80#top"}, ["url:http://x.org/"]),
    ("favorite", {"url": "https://x.org/a?b=1#c"}, ["url:https://x.org/a?b=1"]),
    ("photo", {"url": "https://x.org/#!/a"}, ["url:https://x.org/#!/a"]),
    ("post", {"url": "https://x.org:443/A"}, ["url:https://x.org/A"]),
    ("document", {"url": "ftp://x.org:21/a"}, ["url:ftp://x.org/a"]),
    ("article", {"url": "https://x.org/1", "guid": "tag:1"}, ["url:https://x.org/1", "guid:tag:1"]),
    ("article", {"guid": "https://x.org/1"}, []),
    ("event", {"uid": "1@x"}, ["uid:1@x"]),
    ("event", {"uid": "1@x", "recurrence_id": "2026-01-01"}, ["uid:1@x 2026-01-01"]),
    ("place", {"lat": 52.123456, "lng": 13, "at": "2026-01-01T00:00:00Z"}, ["at:52.12346,13.00000,2026-01-01T00:00:00Z"]),
    ("place", {"lat": 52.1, "lng": 13.1}, []),
    ("place", {"lat": 10**400, "lng": 13.1, "at": "2026-01-01T00:00:00Z"}, []),
    ("link", {"url": "  "}, []),
    ("link", {"title": "no address"}, []),
    ("link", {"url": "http://[broken"}, ["url:http://[broken"]),
    ("link", {"url": "http://ü.org:99999/"}, ["url:http://ü.org:99999/"]),
    ("link", {"url": "mailto:a@x.org"}, ["url:mailto:a@x.org"]),
    ("link", {"url": "https://Me:pass@X.org"}, ["url:https://Me:pass@x.org/"]),
    ("link", {"url": "http://[::1]:80/"}, ["url:http://[::1]/"]),
]


@pytest.mark.parametrize(("type", "body", "identities"), IDENTITIES)
def test_identities(type: str, body: Body, identities: list[str]) -> None:
    """What names a thing, normalised, so that two spellings are one."""
    assert identities == list(COLLECTIONS[type].identities(body))


def test_every_collection_has_a_schema_and_the_other_way_round() -> None:
    """A type is a file in both folders."""
    assert sorted(COLLECTIONS) == sorted(set(SCHEMAS) & set(COLLECTIONS))
    assert {"contact", "message", "link", "photo", "place", "event", "favorite", "post", "article", "document"} <= set(COLLECTIONS)


def values(kind: str) -> st.SearchStrategy[Any]:
    """Values of a schema's field kind, and wrong ones that mending takes out."""
    return {"number": st.integers() | st.floats(), "boolean": st.booleans()}.get(kind, st.text(max_size=8)) | st.lists(
        st.text(max_size=4), max_size=2
    )


@pytest.mark.parametrize("type", sorted(COLLECTIONS))
@given(data=st.data())
def test_identities_never_raise(type: str, data: st.DataObject) -> None:
    """Whatever a body that fits the schema says, its identities are texts with a kind; and asking changes nothing."""
    fields = {field.path[0]: values(field.kind) for field in SCHEMAS[type].fields}
    body, _ = SCHEMAS[type].mend(data.draw(st.fixed_dictionaries({}, optional=fields)))
    before = repr(body)
    found = list(COLLECTIONS[type].identities(body))
    assert all(":" in identity for identity in found)
    assert found == list(COLLECTIONS[type].identities(body))
    assert before == repr(body)


@pytest.mark.parametrize(
    ("bodies", "wanted"),
    [
        ([{"a": 1}, {"a": 2}], {"a": 2}),
        ([{"a": 1}, {"a": None}], {"a": 1}),
        ([{"a": None}, {"a": None}], {"a": None}),
        ([{"a": [1, 2]}, {"a": [2, 3]}], {"a": [1, 2, 3]}),
        ([{"a": [1, 1]}, {"b": 1}], {"a": [1], "b": 1}),
        ([{"a": 1}, {"a": [2]}], {"a": [1, 2]}),
        ([{"a": [1]}, {"a": 2}], {"a": [1, 2]}),
        ([{"a": {"b": 1, "c": [1]}}, {"a": {"b": 2, "c": [2]}}], {"a": {"b": 2, "c": [1, 2]}}),
        ([{"a": [{"x": 1}]}, {"a": [{"x": 1}, {"x": 2}]}], {"a": [{"x": 1}, {"x": 2}]}),
        ([{"a": [1, True]}, {"a": [1.0]}], {"a": [1, True, 1.0]}),
        ([{"a": False}, {"a": None}], {"a": False}),
    ],
)
def test_merging(bodies: list[Body], wanted: Body) -> None:
    """Scalars: the last that is not null; lists: the union in order; objects: field by field."""
    assert canonical(wanted) == canonical(merge(bodies))


BODIES = st.dictionaries(
    st.sampled_from("abc"),
    st.none() | st.integers(0, 3) | st.lists(st.integers(0, 3)) | st.dictionaries(st.sampled_from("xy"), st.integers(0, 3)),
    max_size=3,
)


def test_merging_thousands_is_not_quadratic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry of a list is looked at once, however many bodies bring some."""
    looked: list[Body] = []

    def looking(value: Body) -> str:
        looked.append(value)
        return canonical(value)

    monkeypatch.setattr(collection, "canonical", looking)
    merged = merge([{"emails": ["all@x.org", f"{n}@x.org"]} for n in range(500)])
    assert (501, 1000) == (len(merged["emails"]), len(looked))


@given(st.lists(BODIES, min_size=1, max_size=4))
def test_merging_twice_is_merging_once(bodies: list[Body]) -> None:
    """A body that is said again by the last who spoke changes nothing, and no field is lost; the bodies stay as they are."""
    before = repr(bodies)
    merged = merge(bodies)
    assert merged.keys() == {name for body in bodies for name in body}
    assert canonical(merged) == canonical(merge([merged, merged]))
    assert before == repr(bodies)


@given(st.lists(st.lists(st.integers(0, 5)), min_size=1))
def test_lists_are_united_in_order(lists: list[list[int]]) -> None:
    """Every value once, where it came first."""
    assert list(dict.fromkeys(value for each in lists for value in each)) == merge([{"a": each} for each in lists])["a"]
