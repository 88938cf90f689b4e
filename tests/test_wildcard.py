"""Wildcards: what is a right one, which addresses a pattern fits, and which pattern is the most specific."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache, partial
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.error import Conflict, Invalid
from locker.wildcard import Address, Pattern, Patterns, check, extract, fill, names, normalised, read_document

from .shared import DATA, needs_shared

HOST = "http://api.company.com"


@cache
def vectors() -> dict[str, Any]:
    """The tables of the original's tests."""
    found: dict[str, Any] = json.loads((DATA / "vectors-flare-wildcard" / "vectors.json").read_text(encoding="utf-8"))
    return found


def refused(text: str) -> str:
    """Why a text is no pattern."""
    with pytest.raises(Invalid) as caught:
        Pattern.parse(text)
    return str(caught.value)


# -- the original's tables ---------------------------------------------------------------------------


@needs_shared
@pytest.mark.shared
def test_shared_texts_that_are_right() -> None:
    """Every text of the table passes, and comes back without blanks in its braces."""
    for text in vectors()["valid"]:
        assert text.replace("{ ", "{").replace(" }", "}") == check(text)


@needs_shared
@pytest.mark.shared
def test_shared_texts_that_are_wrong() -> None:
    """Every text of the table is refused, as a text and in a pattern."""
    assert 8 == len(vectors()["invalid"])
    for text in vectors()["invalid"]:
        with pytest.raises(Invalid):
            check(text)
        assert refused(HOST + text)


@needs_shared
@pytest.mark.shared
def test_shared_patterns_that_are_wrong() -> None:
    """What a resource's endpoint refuses though it is a right text."""
    assert 6 == len(vectors()["invalid_in_resource_endpoint"])
    for text in vectors()["invalid_in_resource_endpoint"]:
        assert refused(HOST + text)


@needs_shared
@pytest.mark.shared
def test_shared_replacements() -> None:
    """Wildcards are replaced by their values."""
    for text, values, expected in vectors()["replace"]:
        assert expected == fill(text, values)


@needs_shared
@pytest.mark.shared
def test_shared_names() -> None:
    """Names in their order, each once."""
    for text, expected in vectors()["names"]:
        assert expected == names(text)


@needs_shared
@pytest.mark.shared
def test_shared_values() -> None:
    """What the wildcards of a template stand for in a text."""
    for template, text, expected in vectors()["values"]:
        assert expected == extract(template, text)


@needs_shared
@pytest.mark.shared
def test_shared_simple_expansions() -> None:
    """Values that go into a URL are escaped as RFC 6570 has it at level 1."""
    examples = json.loads((DATA / "vectors-uritemplate" / "spec-examples.json").read_text(encoding="utf-8"))["Level 1 Examples"]
    for text, expected in examples["testcases"]:
        assert expected == fill(text, examples["variables"], partial(quote, safe=""))


# -- patterns ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HOST}/users/{{id}}", f"{HOST}/users/{{id}}"),
        (f"  {HOST}/users/{{ id }}/ ", f"{HOST}/users/{{id}}"),
        (f"{HOST}/users/{{id}}//", f"{HOST}/users/{{id}}/"),
        (f"{HOST}/a%20b/%7Bid%7D", f"{HOST}/a b/{{id}}"),
        ("https://[::1]:8080/{*}", "https://[::1]:8080/{*}"),
    ],
)
def test_patterns_are_normalised(text: str, expected: str) -> None:
    """Blanks around it, blanks in braces and one slash at the end go; percent escapes are decoded."""
    assert expected == Pattern.parse(text).text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http:api.company.com/{id}", "should not have opaque"),
        ("http://ann:secret@api.company.com/{id}", "should not have user"),
        ("http:///users/{id}", "missing host"),
        ("http://api.company.com", "missing path"),
        ("http://api.company.com/", "missing path"),
        (f"{HOST}/{{id}}?key=value", "should not have query string 'key=value'"),
        (f"{HOST}/{{id}}?", "should not have query string"),
        (f"{HOST}/{{id}}#top", "should not have fragment 'top'"),
        ("ftp://api.company.com/{id}", "unknown scheme 'ftp'"),
        ("/users/{id}", "not a whole URL"),
        (f"{HOST}/users/1", "missing wildcard"),
        ("http://{tenant}.company.com/users/{id}", "not a host"),
        ("http://api company.com/users/{id}", "not a host"),
        ("http://api.company.com:99x/users/{id}", "not a host"),
        (f"{HOST}/us\x00ers/{{id}}", "may not hold"),
        (f"{HOST}/%ff/{{id}}", "not UTF-8"),
        (f"{HOST}/%zz/{{id}}", "no percent escape"),
        (f"{HOST}/users/{{revision}}", "reserved"),
        (f"{HOST}/users/{{}}", "needs a name"),
        (f"{HOST}/users/{{id}}/{{id}}", "same name"),
        (f"{HOST}/users/x{{id}}", "whole segment"),
    ],
)
def test_patterns_that_are_none(text: str, reason: str) -> None:
    """Each rule of an endpoint says what it misses."""
    assert reason in refused(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http:/api.company.com/users/1", "opaque"),
        ("http://api.company.com/users/1?key=value", "should not have query string 'key=value'"),
        ("http://api.company.com/users/1#top", "fragment"),
        ("http://ann@api.company.com/users/1", "user"),
        ("http://api.company.com", "missing path"),
        ("http:///users/1", "missing host"),
        ("mailto:ann@example.org", "unknown scheme"),
        ("http://api.company.com/a b", "percent escape"),
        ("http://api.company.com/%ff", "not UTF-8"),
        ("", "not a whole URL"),
    ],
)
def test_documents_that_are_none(text: str, reason: str) -> None:
    """A document is a whole http or https URL, and nothing more."""
    with pytest.raises(Invalid, match=reason.replace("?", r"\?")):
        read_document(text)


def test_values_are_decoded() -> None:
    """What a wildcard stands for has no percent escapes; an escaped slash is part of a segment."""
    pattern = Pattern.parse(f"{HOST}/users/{{id}}/{{file}}")
    assert {"id": "ann lee", "file": "a/b"} == pattern.values(Address.parse(f"{HOST}/users/ann%20lee/a%2Fb"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a.org/{id}", "http://a.org/{name}", True),
        ("http://a.org/{id}", "HTTP://A.ORG:80/{name}/", True),
        ("http://a.org/{id}", "https://a.org/{id}", False),
        ("http://a.org/{id}", "http://a.org:8080/{id}", False),
        ("http://a.org/{id}/x", "http://a.org/x/{id}", False),
        ("http://a.org/x/{id}", "http://a.org/X/{id}", False),
    ],
)
def test_shapes(one: str, other: str, same: bool) -> None:
    """Names of wildcards, letter case of the host and the usual port do not count; scheme, port and path do."""
    assert same == (Pattern.parse(one).shape == Pattern.parse(other).shape)
    patterns = Patterns[int]()
    patterns.add(Pattern.parse(one), 1)
    if same:
        with pytest.raises(Conflict):
            patterns.add(Pattern.parse(other), 2)
    else:
        patterns.add(Pattern.parse(other), 2)


# -- matching ----------------------------------------------------------------------------------------

SHOP = (
    "http://shop.org/product/123/stock/{*}",
    "http://shop.org/product/456/{*}/{x}",
    "http://shop.org/product/{*}/stock/{x}",
    "http://shop.org/product/{*}/price/now",
    "http://shop.org/product/{*}",
    "https://shop.org/product/{*}",
)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://shop.org/product/123/stock/1", 0),
        ("http://shop.org/product/456/stock/1", 1),
        ("http://shop.org/product/789/stock/1", 2),
        ("http://shop.org/product/123/price/now", 3),  # 123 leads nowhere: back to the wildcard
        ("http://SHOP.org:80/product/1", 4),
        ("https://shop.org/product/1", 5),
        ("https://shop.org:80/product/1", None),
        ("http://shop.org/product/", None),
        ("http://shop.org/product/1/", None),
        ("http://shop.org/Product/1", None),
        ("http://other.org/product/1", None),
        ("http://shop.org/%70roduct/1", 4),
    ],
)
def test_the_most_specific_pattern(address: str, expected: int | None) -> None:
    """Same scheme, host and number of segments; a literal beats a wildcard from left to right; a way that leads nowhere is left again."""
    patterns = Patterns[int]()
    for index, text in enumerate(SHOP):
        patterns.add(Pattern.parse(text), index)
    assert expected == patterns.match(Address.parse(address))


SEGMENTS = st.lists(st.sampled_from(["a", "b", "{}"]), min_size=1, max_size=4)


@given(st.lists(SEGMENTS, max_size=12), st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4))
def test_the_tree_finds_what_a_search_of_all_would(shapes: list[list[str]], path: list[str]) -> None:
    """Of all patterns that fit, the one whose first difference from another is a literal."""
    patterns, known = Patterns[tuple[str, ...]](), set[tuple[str, ...]]()
    for shape in shapes:
        wild = tuple(segment if segment != "{}" else f"{{w{index}}}" for index, segment in enumerate(shape))
        if any(segment.startswith("{") for segment in wild) and wild not in known:
            known.add(wild)
            patterns.add(Pattern.parse(f"{HOST}/{'/'.join(wild)}"), wild)
    fitting = [
        wild for wild in known if len(wild) == len(path) and all(a == b or a.startswith("{") for a, b in zip(wild, path, strict=True))
    ]
    best = min(fitting, key=lambda wild: [segment.startswith("{") for segment in wild], default=None)
    assert best == patterns.match(Address.parse(f"{HOST}/{'/'.join(path)}"))


VALUE = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/?#%{} "), min_size=1, max_size=6)


@given(st.lists(VALUE, min_size=1, max_size=4))
def test_filling_undoes_reading(values: list[str]) -> None:
    """A pattern filled with what its wildcards stand for in an address is that address."""
    pattern = Pattern.parse(f"{HOST}/x/" + "/".join(f"{{w{index}}}" for index in range(len(values))))
    address = f"{HOST}/x/{'/'.join(values)}"
    found = pattern.values(Address.parse(address))
    assert values == list(found.values())
    assert address == fill(pattern.text, found)
    assert found == extract(pattern.text, address)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else comes out than a pattern or an error that says why; what is normalised stays as it is."""
    for read in (Pattern.parse, read_document, check):
        with suppress(Invalid):
            read(text)
    assert normalised(text) == normalised(normalised(text))
