"""
How a query text becomes a tree, what is refused and where, and that no text does anything else.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.error import QueryError, TooLarge
from locker.term import All, Any_, Between, Compare, Not, Query, Term, Value, parse, show
from tests.term_strategies import queries, read_moment, terms


def equal(key: str, value: Value) -> Compare:
    """``key:value`` with a key of one part."""
    return Compare((key,), "=", value)


A, B, C = equal("a", 1), equal("b", 2), equal("c", 3)

PRODUCTIONS: list[tuple[str, Term]] = [
    # start and conj
    ("[]", All(())),
    ("[a:1]", A),
    ("a:1", A),
    (" \t\r\n[ a : 1 ] ", A),
    ("[a:1,b:2]", All((A, B))),
    ("a:1, b:2, c:3", All((A, B, C))),
    # disj
    ("a:1 OR b:2", Any_((A, B))),
    ("a:1 OR b:2 OR c:3", Any_((A, B, C))),
    ("a:1 AND b:2 AND c:3", All((A, B, C))),
    ("a:1 OR b:2, c:3", All((Any_((A, B)), C))),
    ("a:1, b:2 AND c:3", All((A, All((B, C))))),
    # unit
    ("(a:1)", A),
    ("((a:1, b:2))", All((A, B))),
    ("(a:1, b:2) OR c:3", Any_((All((A, B)), C))),
    ("(a:1 AND b:2) OR c:3", Any_((All((A, B)), C))),
    ("a:1 AND (b:2 OR c:3)", All((A, Any_((B, C))))),
    ("NOT a:1", Not(A)),
    ("NOT NOT a:1", Not(Not(A))),
    ("NOT(a:1 OR b:2)", Not(Any_((A, B)))),
    ("NOT a:1 OR b:2", Any_((Not(A), B))),
    # term
    ("a:5!=", Compare(("a",), "!=", 5)),
    ("a:!=5", Compare(("a",), "!=", 5)),
    ("a!=5", Compare(("a",), "!=", 5)),
    ("a!=-5", Compare(("a",), "!=", -5)),
    ("a:21+", Compare(("a",), ">", 21)),
    ("a:21+.", Compare(("a",), ">=", 21)),
    ("a:21-", Compare(("a",), "<", 21)),
    ("a:21-.", Compare(("a",), "<=", 21)),
    ("a:21 +.", Compare(("a",), ">=", 21)),
    ("a:'x'+", Compare(("a",), ">", "x")),
    ("a:x-", Compare(("a",), "<", "x")),
    ("a:true+", Compare(("a",), ">", True)),
    ("a:2-4", Between(("a",), 2, 4, low_closed=False, high_closed=False)),
    ("a:5-.7", Between(("a",), 5, 7, low_closed=False, high_closed=True)),
    ("a:8.-11", Between(("a",), 8, 11, low_closed=True, high_closed=False)),
    ("a:12.-.17", Between(("a",), 12, 17, low_closed=True, high_closed=True)),
    ("a:2 - 4", Between(("a",), 2, 4, low_closed=False, high_closed=False)),
    ("a:-5--4", Between(("a",), -5, -4, low_closed=False, high_closed=False)),
    ("a:-5.-.-4", Between(("a",), -5, -4, low_closed=True, high_closed=True)),
    ("a:1.5.-2.5", Between(("a",), 1.5, 2.5, low_closed=True, high_closed=False)),
    ("a:'x'-.\"y\"", Between(("a",), "x", "y", low_closed=False, high_closed=True)),
    (
        "a:2011-05-18-2011-05-19T10:00-02:00",
        Between(("a",), read_moment("2011-05-18"), read_moment("2011-05-19T10:00-02:00"), low_closed=False, high_closed=False),
    ),
    # path
    ("a.b.c:1", Compare(("a", "b", "c"), "=", 1)),
    ("a . b:1", Compare(("a", "b"), "=", 1)),
    ("'first name'.\"it's\":1", Compare(("first name", "it's"), "=", 1)),
    ("'':1", equal("", 1)),
    ("_a2:1", equal("_a2", 1)),
    # lit
    ("a:x", equal("a", "x")),
    ("a:true", equal("a", True)),
    ("a:false", equal("a", False)),
    ("a:null", equal("a", None)),
    ("a:truest", equal("a", "truest")),
    ("a:'true'", equal("a", "true")),
    ("a:''", equal("a", "")),
    ('a:"it\'s"', equal("a", "it's")),
    (r"a:'it\'s \"\\\n\u00e9\ud83d\ude00'", equal("a", "it's \"\\\né😀")),
    ("a:'x\ny?&é'", equal("a", "x\ny?&é")),
    ("a:007", equal("a", 7)),
    ("a:-5", equal("a", -5)),
    ("a:2.5", equal("a", 2.5)),
    ("a:25e-1", equal("a", 2.5)),
    ("a:1e3", equal("a", 1000.0)),
    ("a:9223372036854775807", equal("a", 2**63 - 1)),
    ("a:9223372036854775808", equal("a", 2.0**63)),
    ("a:2011-05-18", equal("a", read_moment("2011-05-18"))),
    ("a:2011-05-18T10:00+02:00+.", Compare(("a",), ">=", read_moment("2011-05-18T08:00Z"))),
    ("a:2011-05-18T10:00:00.5-", Compare(("a",), "<", read_moment("2011-05-18T10:00:00.500Z"))),
    # Keywords are words like others where only a key or a value can stand.
    ("OR:1 OR AND:2", Any_((equal("OR", 1), equal("AND", 2)))),
    ("NOT NOT:1", Not(equal("NOT", 1))),
    ("NOT.x:1, AND!=2", All((Compare(("NOT", "x"), "=", 1), Compare(("AND",), "!=", 2)))),
    ("a:OR OR b:NOT", Any_((equal("a", "OR"), equal("b", "NOT")))),
    ("COUNT:1", equal("COUNT", 1)),
    ("a:COUNT", equal("a", "COUNT")),
    ("ORder:1, trueman:2, falsey:3, true:4", All((equal("ORder", 1), equal("trueman", 2), equal("falsey", 3), equal("true", 4)))),
]


@pytest.mark.parametrize(("text", "expected"), PRODUCTIONS)
def test_each_production_gives_its_tree(text: str, expected: Term) -> None:
    """Every rule of the grammar, with and without white space, makes the tree it stands for."""
    assert Query(expected, count=False) == parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("COUNT()", All(())), ("[COUNT()]", All(())), ("COUNT (a:1)", A), ("[ COUNT( a:1 , b:2 ) ]", All((A, B)))],
)
def test_count_is_the_whole_query(text: str, expected: Term) -> None:
    """COUNT(...) around everything asks for the number only."""
    assert Query(expected, count=True) == parse(text)


REFUSALS = [
    ("", 0, "write [] for everything"),
    ("[a:1", 4, "']'"),
    ("a:1]", 3, "the end"),
    ("(a:1", 4, "')'"),
    ("()", 1, "at least one term"),
    ("a:1,", 4, "a comma stands only between terms"),
    ("a:1 AND b:2 OR c:3", 12, "(a:1 AND b:2) OR c:3"),
    ("a:1 OR b:2 AND c:3", 11, "a:1 AND (b:2 OR c:3)"),
    ("a:'x','y'", 6, "a value needs a key"),
    ("[x]", 1, "write key:x"),
    ("5:6", 0, "quotes around a key that starts with a digit"),
    ("a:5OR b:6", 3, "put a space before OR"),
    ("a:5é", 3, "quotes around a text"),
    ("a:2011-05-18T10", 12, "2011-05-18T10:00:00Z"),
    ("a:2011-05-181", 12, "no letter or digit may follow"),
    ("a:1, b:2011-02-30", 7, "in no calendar"),
    ("a:1e400", 2, "too large"),
    ("a:" + "9" * 5000, 2, "too large"),
    ("a:1 or b:2", 4, "write OR in capitals"),
    ("a:1 and b:2", 4, "write AND in capitals"),
    ("not a:1", 0, "write NOT in capitals"),
    ("a:1 OR", 6, "the end of the query"),
    ("a:'x' b:'y'", 6, "a comma, AND or OR between two terms"),
    ("a:(1 OR 2)", 2, "(a:1 OR a:2)"),
    ("a=5", 1, "write a:5"),
    ("a>5", 1, "write a:5+"),
    ("a<5", 1, "write a:5-"),
    ("a:1 & b:2", 4, "AND"),
    ("!a:1", 0, "NOT"),
    ("a:x-y", 4, "a:'x'-'y'"),
    ("a:x-'y'", 4, "of one kind"),
    ("a:5-'y'", 4, "of one kind"),
    ("a:5-2011-05-18", 4, "of one kind"),
    ("a:5.-", 5, "8.-11"),
    ("a:5.-.x", 6, "the other end"),
    ("a:21+.5", 6, "not '5'"),
    ("a:5+-", 4, "one too many"),
    ("a:", 2, "expected a value, not the end"),
    ("a.:5", 2, "the rest of the key"),
    ("a.5:5", 2, "a key that starts with a digit needs quotes"),
    ("a b:5", 2, "expected ':' or '!='"),
    ("a:'x", 2, "never closed"),
    (r"a:'x\y'", 4, "the escapes are"),
    (r"a:'\ud83d'", 2, "surrogate"),
    ("a:'\ud83d'", 3, "surrogate"),
    ("a:é", 2, "put texts in quotes"),
    ("(COUNT(a:1))", 1, "COUNT must be the whole query"),
    ("COUNT(a:1), b:2", 10, "COUNT must be the whole query"),
    ("'COUNT'(a:1)", 7, "expected ':'"),
    ("NOT " * 51 + "a:1", 200, "50 levels"),
    ("(" * 51 + "a:1" + ")" * 51, 50, "50 levels"),
]


@pytest.mark.parametrize(("text", "position", "advice"), REFUSALS)
def test_a_mistake_is_named_where_it_is(text: str, position: int, advice: str) -> None:
    """What does not parse is refused with its exact place and what to write instead."""
    with pytest.raises(QueryError) as refusal:
        parse(text)
    assert position == refusal.value.position
    assert advice in refusal.value.message
    assert text == refusal.value.text


@pytest.mark.parametrize("text", ["a:'" + "x" * 8190 + "'", ",".join(["a:1"] * 501)])
def test_what_is_too_long_is_refused(text: str) -> None:
    """More than 8192 characters or 500 terms are too much, and the message says how many are welcome."""
    with pytest.raises(TooLarge, match="at most"):
        parse(text)


def test_the_limits_themselves_are_welcome() -> None:
    """500 terms, 50 levels and 8192 characters still parse."""
    assert All((A,) * 500) == parse(",".join(["a:1"] * 500)).term
    assert A == parse("(" * 50 + "a:1" + ")" * 50).term
    assert "x" * 8188 == getattr(parse("a:'" + "x" * 8188 + "'").term, "value", None)


def test_terms_of_different_kinds_are_different() -> None:
    """Python finds 1 == True == 1.0; a term does not, so a cache of terms cannot mix them up."""
    made = {parse(f"a:{value}").term for value in ("1", "true", "1.0")} | {parse(f"a:{value}-2").term for value in ("1", "1.0")}
    assert 5 == len(made)


@given(query=queries)
def test_what_is_shown_parses_to_the_same(query: Query) -> None:
    """``parse(show(query)) == query``."""
    assert query == parse(show(query))


@given(term=terms)
def test_a_shown_term_parses_to_the_same(term: Term) -> None:
    """``parse(show(term)).term == term``, without brackets."""
    assert Query(term, count=False) == parse(show(term))


def test_a_group_of_one_is_its_term() -> None:
    """Trees that parse never makes are shown as what they mean, or refused if no text means them."""
    assert "NOT (a:1, b:2)" == show(Not(Any_((All((A, B)),))))
    assert "[]" == show(All(()))
    with pytest.raises(ValueError, match="no text"):
        show(Not(Any_(())))


PIECES = """[ ] ( ) , : . + - +. -. .- .-. != ' " \\ a b.c 'x' "y" 5 -5 2.5 1e5 e 2011-05-18 T10:00 Z +02:00 2011-05-18T10:00Z
OR AND NOT COUNT or true false null é \\u0041 \\ud800 = < > & | ! ? 99999999999999999999""".split()  # noqa: SIM905 (fifty quoted marks read worse)
PIECES += [" ", "\n", "\x00", "\ud800"]


def only_refuses(text: str) -> None:
    """Parse the text; whatever parses must show and parse again, everything else is a polite refusal."""
    refusal = QueryError("none")
    try:
        query = parse(text)
    except TooLarge:
        return
    except QueryError as error:
        refusal = error
    else:
        assert query == parse(show(query))
    assert 0 <= refusal.position <= len(text)
    assert refusal.caret()


@given(text=st.text() | st.text(st.characters()) | st.text(alphabet="ab:.,+-!=()[]'\"\\ 0123456789eTZOR"))
def test_no_text_raises_anything_else(text: str) -> None:
    """Any text parses or is refused with a place inside it."""
    only_refuses(text)


@settings(max_examples=300)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=25))
def test_no_heap_of_tokens_raises_anything_else(pieces: list[str]) -> None:
    """Tokens glued together in any order parse or are refused."""
    only_refuses("".join(pieces))


@settings(max_examples=300)
@given(query=queries, data=st.data())
def test_no_damaged_query_raises_anything_else(query: Query, data: st.DataObject) -> None:
    """A good query with a part cut out and another put in parses or is refused."""
    text = show(query)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 5)))
    only_refuses(text[:start] + data.draw(st.sampled_from(["", *PIECES])) + text[end:])
