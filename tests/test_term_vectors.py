"""
What the original parser accepted means the same here: its own parse results, compared on random bodies with a tiny MongoDB.
"""

from __future__ import annotations

import json
import operator
import re
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.error import QueryError
from locker.plugin import mount
from locker.record import Body
from locker.term import All, leaves, names, parse
from tests.shared import DATA, needs_shared

mount("api")
query_string: Any = import_module("locker.api._query_string")

FILE = DATA / "terms" / "original-parser.json"
VECTORS: list[dict[str, Any]] = json.loads(FILE.read_text()) if FILE.is_file() else []
ACCEPTED = [vector for vector in VECTORS if "mongo" in vector]
REFUSED = [vector["query"] for vector in VECTORS if "mongo" not in vector]

OTHERWISE = {
    "[(a:1 OR a:2), (b:1 OR b:2)]": "both groups are meant; the original kept only the last",
    "[a:1 AND b:2 OR c:3]": "refused: mixed without parentheses",
    "[a:'x','y']": "refused: a lone literal (the original made a query of its letters)",
}
"""The accepted queries that mean something else here, and why."""

NOW_WELCOME = {
    "/getMessages?subtypes=[IMAP]&terms=[to:'rand.fitzpatrick@gmail.com', (from:'jason@singly.com' OR from:'jasoncavnar@gmail.com'), tag:'singly']",
    "/getPhotos?terms=[a:!=5]",
    "/getPhotos?terms=[a:-5]",
    "/getPhotos?terms=[a:2.5]",
    "/getPhotos?terms=[a:'it\\'s']",
    "/getPhotos?terms=[]",
    "/getPhotos?terms=[COUNT(name:'Thomas' , age:25+.)]",
    "/getPhotos?terms=[address2:'x']",
    "/getPhotos?terms=[ORder:'x']",
    "/getPhotos?terms=[trueman:1]",
    "/getPhotos?terms=[falsey:1]",
    "/getPhotos?terms=[a:'x?y']",
    '/getX?terms=[a:""]',
    "/getX?terms=[true:1]",
}
"""What the original's lexer could not read, though its design page had it or nothing speaks against it."""

STILL_REFUSED = {"/getPhotos?terms=[a:'x' b:'y']": 7, "/getPhotos?terms=[a:(1 OR 2)]": 3}
"""Terms that neither reads, with the place of the mistake."""

COMPARE = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}


def parameters(request: str) -> dict[str, str]:
    """The parameters of a request line."""
    found: dict[str, str] = query_string.last_of_each(query_string.parse_query_string(request.partition("?")[2]))
    return found


def mongo(query: dict[str, Any], body: Body) -> bool:
    """What MongoDB answers, for the operators that the original used (a range on an array taken as one value inside)."""
    return all(condition(key, wanted, body) for key, wanted in query.items())


def condition(key: str, wanted: Any, body: Body) -> bool:
    """One key of a MongoDB query."""
    if key == "$or":
        return any(mongo(part, body) for part in wanted)
    if key == "$and":
        return all(mongo(part, body) for part in wanted)
    values = list(leaves(body, tuple(key.split("."))))
    if not isinstance(wanted, dict):
        return any(same_kind(value, wanted) and value == wanted for value in values)
    if "$ne" in wanted:
        return not condition(key, wanted["$ne"], body)
    return any(all(same_kind(value, bound) and COMPARE[name](value, bound) for name, bound in wanted.items()) for value in values)


def same_kind(value: Any, wanted: Any) -> bool:
    """MongoDB compares within a kind only."""
    kinds = [bool if isinstance(v, bool) else float if isinstance(v, int | float) else type(v) for v in (value, wanted)]
    return kinds[0] is kinds[1]


def bodies_for(query: dict[str, Any]) -> st.SearchStrategy[Body]:
    """Bodies with the query's own keys, and values on and around its own values."""
    text = json.dumps(query)
    keys = sorted(set(re.findall(r'"([\w.]+)":', text)))
    near = [int(n) + step for n in re.findall(r"\b\d+\b", text) for step in (-1, 0, 1)]
    values = st.sampled_from([*near, *re.findall(r': "([^"]*)"', text), "b", "A", "ab", 1.5, True, False, None, {}])
    many = values | st.lists(values, max_size=3)
    return st.fixed_dictionaries({}, optional=dict.fromkeys(keys, many)).map(nested)


def nested(flat: dict[str, Any]) -> Body:
    """``{"a.b": 1}`` as ``{"a": {"b": 1}}``."""
    made: Body = {}
    for path, value in flat.items():
        *outer, last = path.split(".")
        place = made
        for key in outer:
            place = place.setdefault(key, {})
        place[last] = value
    return made


@pytest.mark.shared
@needs_shared
def test_shared_vectors_are_all_there() -> None:
    """Each vector is either accepted or refused by the original, and each list of exceptions names vectors that exist."""
    assert 58 == len(VECTORS)
    assert set(OTHERWISE) <= {parameters(vector["query"]).get("terms") for vector in ACCEPTED}
    assert NOW_WELCOME | set(STILL_REFUSED) <= set(REFUSED)
    assert {query for query in REFUSED if "terms=" in query} - NOW_WELCOME - set(STILL_REFUSED) == {
        "/getPhotos?time=[1300000000+]&terms=[a:1]"  # its terms are in order; its time is not
    }


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("vector", ACCEPTED, ids=lambda vector: vector["query"])
def test_shared_vector_means_what_it_meant(vector: dict[str, Any]) -> None:
    """What the original parsed selects the same bodies here, but for the listed exceptions."""
    text = parameters(vector["query"]).get("terms", "[]")
    if text in OTHERWISE:
        return
    query = parse(text)
    assert not query.count
    if text == "[]":
        assert All(()) == query.term

    @settings(max_examples=60, deadline=None, database=None)
    @given(body=bodies_for(vector["mongo"]["query"]))
    def agree(body: Body) -> None:
        assert mongo(vector["mongo"]["query"], body) is query.term.matches(body)

    agree()


@pytest.mark.shared
@needs_shared
def test_shared_exceptions_do_what_the_list_says() -> None:
    """Both OR groups hold; mixes and lone literals are refused at their place."""
    both = parse("[(a:1 OR a:2), (b:1 OR b:2)]").term
    assert not both.matches({"a": 3, "b": 1})
    assert both.matches({"a": 2, "b": 1})
    for text, position in (("[a:1 AND b:2 OR c:3]", 13), ("[a:'x','y']", 7)):
        with pytest.raises(QueryError) as refusal:
            parse(text)
        assert position == refusal.value.position


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("request_line", sorted(NOW_WELCOME))
def test_shared_refusals_that_are_welcome_now(request_line: str) -> None:
    """The original's lexical accidents parse, the design page's own first sample among them."""
    assert parse(parameters(request_line)["terms"])


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(("request_line", "position"), STILL_REFUSED.items())
def test_shared_refusals_that_stay(request_line: str, position: int) -> None:
    """What made no sense then makes none now, and the message knows where."""
    with pytest.raises(QueryError) as refusal:
        parse(parameters(request_line)["terms"])
    assert position == refusal.value.position


@pytest.mark.shared
@needs_shared
def test_shared_vectors_other_parameters() -> None:
    """limit, offset, fields, sort, id and subtypes of the vectors are read as the original read them."""
    for vector in ACCEPTED:
        given_, expected = parameters(vector["query"]), vector["mongo"]
        for name, key in (("limit", "limit"), ("offset", "skip")):
            if name in given_:
                assert expected[key] == query_string.whole_number(name, given_[name])
        if "fields" in given_:
            assert list(expected["fields"]) == query_string.field_names(given_["fields"])
        if "sort" in given_:
            assert [(field, way == -1) for field, way in expected["sort"].items()] == query_string.sort_order(given_["sort"])
    assert "abc" == query_string.unquoted(parameters("/getPhotos?id='abc'")["id"])
    assert ["imap"] == names(parameters(min(NOW_WELCOME, key=lambda line: "subtypes" not in line))["subtypes"])
