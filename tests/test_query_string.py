"""
How a query string is read: which plus signs are meant, what every client's way of writing gives, and the original's quoted values.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import httpx
import pytest
import requests
import yarl
from hypothesis import given
from hypothesis import strategies as st

from locker.error import Invalid
from locker.plugin import mount
from locker.term import parse, show, times
from tests.term_strategies import queries

mount("api")
query_string: Any = import_module("locker.api._query_string")


def terms(raw: str) -> str:
    """The value of ``terms`` in a raw query string."""
    value: str = query_string.last_of_each(query_string.parse_query_string(raw))["terms"]
    return value


SAMPLE = "[age:21+., name:'a b', c:\"x+y\", d:1 OR e!=2, t:2011-05-18T10:00+02:00]"

CLIENTS = {
    "a browser's address bar": "terms=[age:21+.,%20name:%27a%20b%27,%20c:%22x+y%22,%20d:1%20OR%20e!=2,%20t:2011-05-18T10:00+02:00]",
    "curl -g, blanks as %20": "terms=[age:21+.,%20name:'a%20b',%20c:\"x+y\",%20d:1%20OR%20e!=2,%20t:2011-05-18T10:00+02:00]",
    "curl -G --data-urlencode": "terms=%5Bage%3A21%2B.%2C%20name%3A%27a%20b%27%2C%20c%3A%22x%2By%22%2C%20d%3A1%20OR%20e%21%3D2%2C%20"
    "t%3A2011-05-18T10%3A00%2B02%3A00%5D",
    "newer curl -G --data-urlencode": "terms=%5Bage%3A21%2B.%2C+name%3A%27a+b%27%2C+c%3A%22x%2By%22%2C+d%3A1+OR+e%21%3D2%2C+"
    "t%3A2011-05-18T10%3A00%2B02%3A00%5D",
    "URLSearchParams": "terms=%5Bage%3A21%2B.%2C+name%3A%27a+b%27%2C+c%3A%22x%2By%22%2C+d%3A1+OR+e%21%3D2%2C+t%3A2011-05-18T10%3A00%2B02%3A00%5D",
    "encodeURIComponent": "terms=%5Bage%3A21%2B.%2C%20name%3A'a%20b'%2C%20c%3A%22x%2By%22%2C%20d%3A1%20OR%20e!%3D2%2C%20"
    "t%3A2011-05-18T10%3A00%2B02%3A00%5D",
    "axios": "terms=[age:21%2B.,+name:'a+b',+c:%22x%2By%22,+d:1+OR+e!%3D2,+t:2011-05-18T10:00%2B02:00]",
    "requests": str(requests.Request("GET", "http://h/", params={"terms": SAMPLE}).prepare().url).partition("?")[2],
    "requests, in the address": str(requests.Request("GET", f"http://h/?terms={SAMPLE}").prepare().url).partition("?")[2],
    "httpx": httpx.URL("http://h/", params={"terms": SAMPLE}).query.decode(),
    "httpx, in the address": httpx.URL(f"http://h/?terms={SAMPLE}").query.decode(),
    "aiohttp": yarl.URL("http://h/").with_query({"terms": SAMPLE}).raw_query_string,
    "urllib": urlencode({"terms": SAMPLE}),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_says_the_same(client: str) -> None:
    """However a client writes blanks, plus signs and brackets, the query arrives as it was meant."""
    assert SAMPLE == terms(CLIENTS[client])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        # Axios and form encoders, no plus sign meant: all are blanks.
        ("terms=[a:'x+y',+b:1]", "[a:'x y', b:1]"),
        ("terms=[a:1+OR+b:2]", "[a:1 OR b:2]"),
        ("terms=[NOT+a:1]", "[NOT a:1]"),
        ("terms=COUNT(+a:1,+b:2)", "COUNT( a:1, b:2)"),
        ("terms=%5Ba%3A%27x+y%27%5D", "[a:'x y']"),
        # Written by hand without blanks: operators and zones are meant.
        ("terms=[a:21+]", "[a:21+]"),
        ("terms=[a:21+.]", "[a:21+.]"),
        ("terms=a:21+", "a:21+"),
        ("terms=a:21+.", "a:21+."),
        ("terms=[(a:21+),b:'x'+,c:x+.,d:\"y\"+]", "[(a:21+),b:'x'+,c:x+.,d:\"y\"+]"),
        ("terms=%5Ba:21+%5D", "[a:21+]"),
        ("terms=[a:21+%2Cb:1]", "[a:21+,b:1]"),
        ("terms=[at:2011-05-18T10:00:00+02:00]", "[at:2011-05-18T10:00:00+02:00]"),
        ("terms=[at:2011-05-18T10:00:00.5+02:00+.]", "[at:2011-05-18T10:00:00.5+02:00+.]"),
        ("terms=[at:2011-05-18+.]", "[at:2011-05-18+.]"),
        # In quotes they are blanks, whatever stands around them.
        ("terms=[a:21+,+b:'x+y']", "[a:21+, b:'x y']"),
        ("terms=[a:'1+']", "[a:'1 ']"),
        ("terms=[a:'1+,2+.']", "[a:'1 ,2 .']"),
        ("terms=[a:'it\\'s+x+']", "[a:'it\\'s x ']"),
        ("terms=[a:%27x+y%27]", "[a:'x y']"),
        ('terms=[a:"it\'s+x",b:1+]', '[a:"it\'s x",b:1+]'),
        ("terms=[a:'2011-05-18T10:00+02:00']", "[a:'2011-05-18T10:00 02:00']"),
        ("terms=[a:'never+closed+,", "[a:'never closed ,"),
        # Elsewhere too.
        ("terms=+[a:1]+", " [a:1] "),
        ("terms=[a:1+,b:2]+", "[a:1+,b:2] "),
        ("terms=[a:2011-05-18T10+02:00]", "[a:2011-05-18T10 02:00]"),
        # With %20: each raw plus is itself, in quotes as well; %2B too.
        ("terms=[a:21+,%20b:'x+y']", "[a:21+, b:'x+y']"),
        ("terms=[a:'x+y%2Bz%20']", "[a:'x+y+z ']"),
        # With %2B and no %20: each raw plus is a blank.
        ("terms=[a:21%2B,+b:'x+y']", "[a:21+, b:'x y']"),
        ("terms=[a:21%2b,+b:1+]", "[a:21+, b:1 ]"),
        ("terms=[a:'%2520+']", "[a:'%20 ']"),
    ],
)
def test_a_plus_sign_or_a_blank(raw: str, expected: str) -> None:
    """The rule in its three steps: %20 settles it, then %2B, then the place of the sign."""
    assert expected == terms(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("time=[2011-05-18T10:00+02:00]", "[2011-05-18T08:00Z]"),
        ("time=[2011-05-18T10:00%2B02:00,+2012]", "[2011-05-18T08:00Z,2012]"),
        ("time=[2011,+2012]", "[2011,2012]"),
        ("time=%5B2011-05-18T10%3A00%3A00%2B02%3A00%5D", "2011-05-18T08:00:00Z"),
    ],
)
def test_a_zone_in_time(raw: str, expected: str) -> None:
    """The time parameter follows the same rule."""
    ((name, value),) = query_string.parse_query_string(raw)
    assert ("time", times(expected)) == (name, times(value))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", []),
        ("q=search+text", [("q", "search text")]),
        ("q=a%20b+c%2Bd", [("q", "a b c+d")]),
        ("q=21+", [("q", "21 ")]),
        ("contact/twitter", [("contact/twitter", "")]),
        ("a=1&&b=&=c&a=2", [("a", "1"), ("b", ""), ("", "c"), ("a", "2")]),
        ("te%72ms=[a:1+]", [("terms", "[a:1+]")]),
        ("terms=[a!=5,b:'x=y%26z']", [("terms", "[a!=5,b:'x=y&z']")]),
        ("terms=[a:'é%C3%A9']", [("terms", "[a:'éé']")]),
    ],
)
def test_other_parameters_are_a_form(raw: str, expected: list[tuple[str, str]]) -> None:
    """Everywhere else a plus sign is a blank, as forms have it; names are decoded before they are looked at."""
    assert expected == query_string.parse_query_string(raw)


@pytest.mark.parametrize("raw", ["q=%", "q=100%", "terms=[a:'%zz']", "%4=1", "q=%2", "q=%ff", "q=%C3", "q=\udcff", "terms=%ed%a0%80"])
def test_what_cannot_be_decoded_is_refused(raw: str) -> None:
    """A broken escape or bytes that are not UTF-8 are a mistake of the sender, and said so."""
    with pytest.raises(Invalid, match=r"%25|UTF-8"):
        query_string.parse_query_string(raw)


@given(query=queries, safe=st.sampled_from(["", "[]:,'()!", "[]:,'()!\""]))
def test_an_encoded_query_arrives_whole(query: Any, safe: str) -> None:
    """Any query, form-encoded or percent-encoded, with or without bare brackets, is read as it was written."""
    text = show(query)
    assert query == parse(terms("terms=" + quote(text, safe=safe)))
    assert query == parse(terms(urlencode({"terms": text}, safe=safe)))


@given(raw=st.text(alphabet="terms=&+%20B5[]'\"\\,.:a é\udcff") | st.text())
def test_no_query_string_raises_anything_else(raw: str) -> None:
    """Whatever the bytes, there are pairs or a polite refusal."""
    pairs: list[tuple[str, str]] = []
    try:
        pairs = query_string.parse_query_string(raw)
    except Invalid as refusal:
        assert "query string" in str(refusal)  # noqa: PT017 (a refusal is one of two good outcomes)
    assert "\udcff" not in "".join(map("".join, pairs))


@given(pairs=st.lists(st.tuples(st.text(min_size=1).filter(lambda name: name not in ("terms", "time")), st.text(min_size=1))))
def test_a_form_is_read_as_the_standard_library_reads_it(pairs: list[tuple[str, str]]) -> None:
    """For every parameter but terms and time this is ordinary form decoding."""
    raw = urlencode(pairs)
    assert pairs == parse_qsl(raw) == query_string.parse_query_string(raw)


def test_of_several_values_the_last_wins() -> None:
    """As in the original."""
    assert {"a": "2", "b": "3"} == query_string.last_of_each([("a", "1"), ("b", "3"), ("a", "2")])


@pytest.mark.parametrize(("value", "expected"), [("'x'", "x"), ('"x"', "x"), ("x", "x"), ("'x", "'x"), ("'", "'"), ("''", ""), ("", "")])
def test_quotes_around_a_value_are_taken_off(value: str, expected: str) -> None:
    """The original wanted ``id='github:17'``; today's clients leave the quotes out."""
    assert expected == query_string.unquoted(value)


@pytest.mark.parametrize(("value", "expected"), [("10", 10), ("'10'", 10), ('"007"', 7), ("0", 0), ("000", 0), (" 5 ", 5)])
def test_a_whole_number(value: str, expected: int) -> None:
    """Quoted or not."""
    assert expected == query_string.whole_number("limit", value)


def test_a_huge_number_stays_in_bounds() -> None:
    """What no limit allows anyway still fits 64 bits, however many digits somebody sends."""
    assert 10**17 <= query_string.whole_number("limit", "9" * 10_000) < 2**63


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "'", "1e3", "٣", "5²"])
def test_no_whole_number(value: str) -> None:
    """The refusal names the parameter."""
    with pytest.raises(Invalid, match="offset must be a whole number"):
        query_string.whole_number("offset", value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("name", [("name", False)]),
        ("-time", [("time", True)]),
        ("address.state,-time", [("address.state", False), ("time", True)]),
        ('{"name":-1}', [("name", True)]),
        ('\'{"name":-1, "time":1}\'', [("name", True), ("time", False)]),
    ],
)
def test_a_sort_order(value: str, expected: list[tuple[str, bool]]) -> None:
    """Fields, a minus sign for descending; or the original's MongoDB document."""
    assert expected == query_string.sort_order(value)


@pytest.mark.parametrize(
    "value", ["", "-", "[]", "{}", '{"name":2}', '{"name":true}', '{"name":-1', '{"a":1,"a":1}', '{"a":[1]}', "a b", "a,"]
)
def test_no_sort_order(value: str) -> None:
    """What names no field or no direction is refused."""
    with pytest.raises(Invalid):
        query_string.sort_order(value)


@pytest.mark.parametrize("value", ["a,b.c", "['a','b.c']", '["a", "b.c"]', "[a,b.c]"])
def test_field_names(value: str) -> None:
    """Plain, or as the original wanted them."""
    assert ["a", "b.c"] == query_string.field_names(value)


@pytest.mark.parametrize("value", ["", "[]", "a,,b", "['']", "[a"])
def test_no_field_names(value: str) -> None:
    """A list without a name in it is refused."""
    with pytest.raises(Invalid):
        query_string.field_names(value)
