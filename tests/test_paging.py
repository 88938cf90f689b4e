"""Paging: each style reads what its services answer, and ends where they end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.paging import URL, Cursor, Link, MaxId, NextUrl, Offset, Once, PageNumber, Paging
from locker.weblink import link, links

FULL = [{"id": "9"}, {"id": "8"}]


@pytest.mark.parametrize(
    ("style", "step", "body", "expected"),
    [
        (Once(), {}, {}, None),
        (PageNumber(size=2), {"page": 1}, {}, {"page": 2}),
        (PageNumber(size=3), {"page": 1}, {}, None),
        (PageNumber(size=3, short=True), {"page": 1}, {}, {"page": 2}),
        (PageNumber(size=3, more="has_more"), {"page": 1}, {"has_more": True}, {"page": 2}),
        (PageNumber(size=2, more="has_more"), {"page": 1}, {"has_more": False}, None),
        (PageNumber(size=2, pages="meta.pages"), {"page": 2}, {"meta": {"pages": "2"}}, None),
        (PageNumber(size=2, pages="meta.pages"), {"page": 2}, {"meta": {"pages": 3}}, {"page": 3}),
        (PageNumber(size=2, pages="meta.pages"), {"page": 2}, {"meta": {"pages": "many"}}, {"page": 3}),
        (PageNumber(size=2, pages="pages", start=0), {"page": 0}, {"pages": 1}, None),
        (Offset(size=2), {"offset": 4}, {}, {"offset": 6}),
        (Offset(size=3), {"offset": 4}, {}, None),
        (Offset(size=9, total="total"), {"offset": 4}, {"total": 7}, {"offset": 6}),
        (Offset(size=2, total="total"), {"offset": 4}, {"total": 6}, None),
        (Cursor(param="after", path="data.after"), {}, {"data": {"after": "t3_x"}}, {"after": "t3_x"}),
        (Cursor(param="after", path="data.after"), {"after": "t3_x"}, {"data": {"after": None}}, None),
        (Cursor(param="cursor", path="next_cursor"), {}, {"next_cursor": 0}, None),
        (Cursor(param="cursor", path="next_cursor"), {}, ["drifted"], None),
        (NextUrl(path="next"), {}, {"next": "https://a.example/?b"}, {URL: "https://a.example/?b"}),
        (NextUrl(path="next"), {}, {"next": {"href": "?"}}, None),
        (MaxId(id="id"), {}, {}, {"max_id": "7"}),
        (MaxId(id="id", decrement=False), {}, {}, {"max_id": "8"}),
        (MaxId(id="id", decrement=False), {"max_id": "8"}, {}, None),
        (MaxId(id="id_str"), {}, {}, None),
        (MaxId(id="id", ties=True), {}, {}, {"max_id": "9"}),
        (MaxId(id="id", ties=True), {"max_id": "9"}, {}, {"max_id": "8"}),
        (MaxId(id="id", ties=True), {"max_id": "8"}, {}, {"max_id": "9"}),
    ],
)
def test_what_comes_next(style: Paging, step: dict[str, Any], body: Any, expected: dict[str, Any] | None) -> None:
    """A page of two items is followed by what its style says, and numbers that are none end nothing too early."""
    assert expected == style.following(step, body, {}, FULL)


def test_the_smallest_id_counts() -> None:
    """Items that a service gives out of order lose nothing: the walk goes back from the smallest of them, however long it is."""
    long = "9" * 30
    assert {"max_id": "3"} == MaxId(id="id").following({}, None, {}, [{"id": "4"}, {"id": long}, {"id": 7}])


@pytest.mark.parametrize(
    "style",
    [PageNumber(), Offset(), Cursor(param="c", path="c"), Link(), NextUrl(path="c"), MaxId()],
    ids=lambda style: type(style).__name__,
)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("cxy"), inner, max_size=3),
        max_leaves=5,
    )
)
def test_no_answer_breaks_a_style(style: Paging, body: Any) -> None:
    """Whatever a service answers, a style gives a step or None."""
    step = {**style.first()}
    assert style.following(step, body, {"link": str(body)}, [body]) is None or style.first() is not None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('<https://a.example/?page=2>; rel="next", <https://a.example/?page=9>; rel="last"', "https://a.example/?page=2"),
        ('<https://a.example/?a=1,2;3>; title="a, \\"b\\"; c"; REL=next', "https://a.example/?a=1,2;3"),
        ("<?page=2>;rel=next", "?page=2"),
        ('</x>; rel="first prev", </y>; rel="Next last"', "/y"),
        ('</x>; rel="prev"; rel="next"', None),
        ('</x>; rel="prev", </y>; rev="next"', None),
        ("no link at all; rel=next", None),
        ("</x", None),
        ("", None),
    ],
)
def test_link_headers(header: str, expected: str | None) -> None:
    """The next page is found wherever RFC 8288 lets it stand, and only there."""
    assert expected == link(header, "next")


@given(st.text(alphabet='<>;,="\\ relnxt/?&', max_size=60))
def test_no_header_breaks_the_reader(header: str) -> None:
    """Any header is read to its end, at once."""
    assert all(isinstance(target, str) for _, target in links(header))
