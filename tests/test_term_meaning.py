"""
Which bodies satisfy a term: the rules of the language one by one, then the laws that hold for all terms and bodies.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.record import Body
from locker.term import All, Any_, Compare, Moment, Not, Path, Term, Value, fold, kind_at, leaves, matches, parse, words
from tests.term_strategies import KINDS, betweens, bodies, moments, paths, terms, texts, values

DAY = "2011-05-18"


@pytest.mark.parametrize(
    ("text", "body", "expected"),
    [
        # Any value at the path, through arrays.
        ("tag:'singly'", {"tag": ["singly", "x"]}, True),
        ("tag:'singly'", {"tag": [["x"], [["singly"]]]}, True),
        ("address.state:'CA'", {"address": [{"state": "NY"}, {"state": "CA"}]}, True),
        ("address.state:'CA'", {"address": {"state": ["NY"]}}, False),
        ("a:5-7", {"a": [4, 8]}, False),
        ("a:5-7", {"a": [4, 6, 8]}, True),
        ("a:5-7", {"a": 5}, False),
        ("a:5.-7", {"a": 5}, True),
        ("a:5-.7", {"a": 7}, True),
        ("a:7-5", {"a": 6}, False),
        # Two terms on one path, two groups of OR: all are meant.
        ("a:5+, a:7-", {"a": 6}, True),
        ("a:5+, a:7-", {"a": 8}, False),
        ("(a:1 OR a:2), (b:1 OR b:2)", {"a": 3, "b": 1}, False),
        # Strings: normal form and case; order by code point of the folded form.
        ("a:'ca'", {"a": "CA"}, True),
        ("a:'straße'", {"a": "STRASSE"}, True),
        ("a:'é'", {"a": "E\u0301"}, True),
        ("a:'b'+", {"a": "C"}, True),
        ("a:'Z'+", {"a": "é"}, True),
        ("a:'\uffff'+", {"a": "\U00010000"}, True),
        ("a:'a'-'c'", {"a": "B"}, True),
        # Numbers: exact integers, doubles; kinds never mix.
        ("a:5", {"a": 5.0}, True),
        ("a:9007199254740993", {"a": 9007199254740992}, False),
        ("a:9007199254740993+", {"a": 9007199254740992.0}, False),
        ("a:9223372036854775808", {"a": 2**63}, True),
        ("a:9223372036854775808", {"a": 2**63 + 1}, True),
        ("a:1", {"a": True}, False),
        ("a:true", {"a": 1}, False),
        ("a:5", {"a": "5"}, False),
        ("a:'5'", {"a": 5}, False),
        ("a:false+", {"a": True}, True),
        ("a:true+", {"a": True}, False),
        # Moments with whatever text is one; a bare date is the whole day on either side.
        (f"a:{DAY}", {"a": "2011-05-18T23:59:59.999999Z"}, True),
        (f"a:{DAY}", {"a": "2011-05-19T00:00:00Z"}, False),
        (f"a:{DAY}+", {"a": "2011-05-18T10:00Z"}, False),
        (f"a:{DAY}+", {"a": "2011-05-19T00:00Z"}, True),
        (f"a:{DAY}-.", {"a": "2011-05-18T10:00Z"}, True),
        (f"a:{DAY}-", {"a": "2011-05-18T00:00Z"}, False),
        (f"a:{DAY}-{DAY}", {"a": DAY}, False),
        (f"a:{DAY}.-.{DAY}", {"a": DAY}, True),
        ("a:2011-05-18T10:00Z", {"a": DAY}, True),
        ("a:2011-05-18T10:00+02:00", {"a": "2011-05-18T08:00:00"}, True),
        (f"a:{DAY}", {"a": "18 May 2011"}, False),
        (f"a:'{DAY}'", {"a": DAY}, True),
        (f"a:'{DAY}'", {"a": "2011-05-18T10:00Z"}, False),
        # null is nothing, null or []; an object is something that equals nothing.
        ("a:null", {}, True),
        ("a:null", {"a": None}, True),
        ("a:null", {"a": []}, True),
        ("a:null", {"a": [[], []]}, True),
        ("a:null", {"a": [1, None]}, True),
        ("a:null", {"a": 0}, False),
        ("a:null", {"a": {}}, False),
        ("a.b:null", {"a": [{"b": 1}, {}]}, False),
        ("a.b:null", {"a": [{}, {}]}, True),
        ("a.b:null", {"a": 5}, True),
        ("a:null+.", {"a": None}, True),
        ("a:null-.", {}, True),
        ("a:null+", {}, False),
        ("a!=null", {"a": 0}, True),
        ("a!=null", {}, False),
        ("a:x OR a:5 OR a:true", {"a": {"b": 1}}, False),
        # The complement holds where the field is missing.
        ("a!=5", {}, True),
        ("a!=5", {"a": [1, 5]}, False),
        ("a!=5", {"a": {}}, True),
        ("NOT a:5+", {}, True),
        ("[]", {}, True),
    ],
)
def test_a_body_satisfies_a_term(text: str, body: Body, expected: bool) -> None:
    """The rules of the language, one example each."""
    assert expected is parse(text).term.matches(body)


@pytest.mark.parametrize(
    ("text", "bio", "expected"),
    [
        ("bio:'node.js'", "I do Node.JS, mostly", True),
        ("bio:'node js'", "node.js", True),
        ("bio:'node.js'", "node then js", False),
        ("bio:'js node'", "node.js", False),
        ("bio:'node.js'", ["I do node", "js too"], False),
        ("bio:'node'", "nodes", False),
        ("bio:'CAFÉ'", "the cafe\u0301!", True),
        ("bio:'...'", "...", False),
        ("bio!='...'", "...", True),
        ("bio!='node'", "no node", False),
        ("bio!='node'", None, True),
        ("bio:'n'-'o'", "node.js", True),
        ("bio:'node'+", "node.js", True),
        ("bio:null", None, True),
        ("bio:5", 5, True),
    ],
)
def test_a_text_contains_its_words(text: str, bio: Any, expected: bool) -> None:
    """On a text field, equality means these words, adjacent, in this order, within one value; other operators compare whole strings."""
    assert expected is matches(parse(text).term, {"bio": bio}, KINDS)


def test_a_key_with_a_dot_is_no_path() -> None:
    """The schema's ``a.bio`` is the bio inside a, not a key that is spelled so."""
    assert "text" == kind_at(("a", "bio"), KINDS)
    assert kind_at(("a.bio",), KINDS) is None


@given(path=paths, value=values, body=bodies)
def test_unequal_is_the_complement_of_equal(path: Path, value: Value, body: Body) -> None:
    """``a!=x`` holds exactly where ``a:x`` does not, text fields and missing ones included."""
    assert matches(Compare(path, "!=", value), body, KINDS) is not matches(Compare(path, "=", value), body, KINDS)


@given(one=terms, other=terms, body=bodies)
def test_groups_follow_logic(one: Term, other: Term, body: Body) -> None:
    """Comma, OR and NOT are the logician's; De Morgan's law holds."""
    first, second = matches(one, body, KINDS), matches(other, body, KINDS)
    assert (first and second) is matches(All((one, other)), body, KINDS)
    assert (first or second) is matches(Any_((one, other)), body, KINDS)
    assert matches(Not(All((one, other))), body, KINDS) is matches(Any_((Not(one), Not(other))), body, KINDS)


@given(leaf=texts | st.none() | st.booleans() | st.integers(), value=values)
def test_at_least_is_more_or_equal(leaf: Any, value: Value) -> None:
    """For one value and no text field: ``+.`` is ``+`` or ``:``, ``-.`` is ``-`` or ``:``, and no two of the three hold together."""
    body = {"a": leaf}
    less, same, more = (Compare(("a",), op, value).matches(body) for op in ("<", "=", ">"))
    assert 1 >= less + same + more
    assert (more or same) is Compare(("a",), ">=", value).matches(body)
    assert (less or same) is Compare(("a",), "<=", value).matches(body)


@given(one=moments, other=moments)
def test_moments_are_before_after_or_the_same(one: Moment, other: Moment) -> None:
    """Exactly one of the three holds for any two moments, days included."""
    body = {"a": one.text}
    assert 1 == sum(Compare(("a",), op, other).matches(body) for op in ("<", "=", ">"))


@given(term=betweens, body=bodies)
def test_a_range_needs_one_value_inside(term: Any, body: Body) -> None:
    """A range is its two comparisons on one and the same value."""
    low = Compare(("x",), ">=" if term.low_closed else ">", term.low)
    high = Compare(("x",), "<=" if term.high_closed else "<", term.high)
    inside = [leaf for leaf in leaves(body, term.path) if All((low, high)).matches({"x": leaf})]
    assert bool(inside) is term.matches(body)


@given(texts=st.lists(texts, min_size=2, max_size=2))
def test_order_of_strings_is_that_of_their_bytes(texts: list[str]) -> None:
    """Code points of the folded forms order like their UTF-8, which is how SQLite compares."""
    one, other = texts
    assert (fold(one).encode() < fold(other).encode()) is Compare(("a",), "<", other).matches({"a": one})


@given(before=texts, inside=texts, after=texts)
def test_a_text_contains_each_of_its_parts(before: str, inside: str, after: str) -> None:
    """Whatever lies between blanks in a text is found in it, if it has a word at all."""
    term = Compare(("bio",), "=", inside)
    assert bool(words(inside)) is matches(term, {"bio": f"{before} {inside} {after}"}, KINDS)
