"""Filters: where an index has them, what passes, and which cannot be followed."""

from __future__ import annotations

from typing import Any

import pytest

from locker.error import Invalid
from locker.filter import Filter
from locker.record import Body, Op, Record


def record(key: str = "1", type: str = "contact/twitter", op: Op = "add", note: Body | None = None) -> Record:
    """A record of the source twitter."""
    return Record(1, "me", "twitter:1", "2026-11-22T08:00:00.000000Z", "twitter", type, op, key, "", "{}", note=note)


def test_places_are_every_combination_once() -> None:
    """A type that its primary type covers is left out: no record is found twice."""
    filter = Filter(("me", "me", "u7"), ("a", "b"), ("contact", "contact/twitter", "link/x"))
    assert 2 * 2 * 2 == len(list(filter.places())) == len(set(filter.places()))
    assert [("me", None, None)] == list(Filter(("me",)).places())


@pytest.mark.parametrize(
    ("filter", "passes"),
    [
        (Filter(("me",)), True),
        (Filter(("me",), ops=("edit", "delete")), False),
        (Filter(("me",), key="http://x.example/*/1"), True),
        (Filter(("me",), key="http://x.example/*/2"), False),
        (Filter(("me",), key="http://x.example/a"), False),
        (Filter(("me",), key="http://x?example/*"), False),
        (Filter(("me",), key="*" * 1000 + "1"), True),
    ],
)
def test_operation_and_key(filter: Filter, passes: bool) -> None:
    """A star is any text, every other character is itself."""
    assert passes == filter.passes(record("http://x.example/a/1"))


def test_late_revisions_are_nobodys_news() -> None:
    """An older revision that came late is kept, but not told."""
    assert not Filter(("me",)).passes(record(note={"late": True}))


def test_terms_over_a_collection_follow_its_log() -> None:
    """Objects are what the terms mean; over other types they mean the records' bodies."""
    assert ("contact",) == Filter(("me",), types=("contact",), terms="age:21+.").checked({"contact"}).sources
    assert () == Filter(("me",), types=("note",), terms="age:21+.").checked({"contact"}).sources
    assert () == Filter(("me",), types=("contact",)).checked({"contact"}).sources


@pytest.mark.parametrize(
    "said",
    [
        {"owners": []}, {"owners": ["system"]}, {"owners": ["Me!"]}, {"owners": ["me"], "types": ["A/B/C"]}, {"owners": ["me"], "ops": ["put"]},
        {"owners": ["me"], "terms": "[COUNT(a:1)]"}, {"owners": ["me"], "terms": "a="}, {"owners": ["me"], "sources": ["No!"]}, {"owner": "me"},
        {"owners": ["me"], "key": 5}, {"owners": ["me"] * 101}, "me",
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_refused(said: Any) -> None:
    """Also the locker's own records: a delivery would cause the next one."""
    with pytest.raises(Invalid):
        Filter.of(said).checked()


def test_a_filter_reads_back() -> None:
    """What the log keeps is the filter."""
    filter = Filter(("me", "u7"), ("a",), ("contact",), ("add",), "k*", "age:1")
    assert filter == Filter.of(filter.body())
    assert {"owners": ["me"]} == Filter(("me",)).body()
