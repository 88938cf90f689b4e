"""Canonical JSON, digests, names and ids: what a record is made of."""

from __future__ import annotations

import json
import re
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.error import Invalid
from locker.record import Blob, Record, ServiceType, canonical, check_owner, check_source, loads, parse, plain_digest, salted_digest
from tests.shared import DATA, needs_shared

INTEGERS = st.integers() | st.integers(-(2**80), 2**80) | st.sampled_from([2**53 + 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1])
SCALARS = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4), max_leaves=20
)
BODIES = st.dictionaries(st.text(max_size=4), VALUES, max_size=5)


@given(BODIES)
def test_canonical_text_reads_back_as_the_same_body(body: dict[str, Any]) -> None:
    """Writing and reading loses nothing, integers of any size included; and the text of what was read is the same text."""
    text = canonical(body)
    assert body == loads(text) == parse(text) == json.loads(text)
    assert text == canonical(loads(text)) == canonical(parse(text.encode()))


@given(BODIES)
def test_canonical_text_has_one_form(body: dict[str, Any]) -> None:
    """Keys are sorted by code point at every depth, there are no spaces, and text is not escaped beyond need."""
    wanted = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    floats = [part for part in walk(body) if isinstance(part, float)]
    if not floats and not any(ord(letter) < 32 or letter == "\x7f" for letter in wanted):
        assert wanted == canonical(body)
    assert canonical(body) == canonical(dict(reversed(body.items())))


@given(st.text(), st.text())
def test_equal_bodies_have_equal_texts_and_others_do_not(left: str, right: str) -> None:
    """The text names the body: so does its digest."""
    one, other = canonical({"a": left}), canonical({"a": right})
    assert (left == right) == (one == other) == (plain_digest(one) == plain_digest(other))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
        ({"é": 1, "z": 2, "😀": 3, "\uffff": 4}, '{"z":2,"é":1,"\uffff":4,"😀":3}'),
        ({"a": 1.0, "b": 0.1, "d": -0.0}, '{"a":1.0,"b":0.1,"d":-0.0}'),
        ({"a": 2**64, "b": -(2**70), "c": 2**53 + 1}, '{"a":18446744073709551616,"b":-1180591620717411303424,"c":9007199254740993}'),
        ({"a\0": "\0"}, '{"a\\u0000":"\\u0000"}'),
        ({"a": 2**64, "z": [None, True, "ü", 0.5, {"y": 1, "x": 2}]}, '{"a":18446744073709551616,"z":[null,true,"ü",0.5,{"x":2,"y":1}]}'),
        ({}, "{}"),
    ],
)
def test_canonical_examples(body: dict[str, Any], text: str) -> None:
    """Order of keys, shortest floats, exact integers, NUL; also where a long integer sends the body the slow way."""
    assert text == canonical(body)
    assert body == loads(text)


def test_floats_are_written_one_way_forever() -> None:
    """The texts of floats are part of every digest: a library that wrote them otherwise would make each import an edit."""
    floats = [1e15, 1e16, 1.5e300, 1e21, 1e-4, 1e-5, 1.5e-6, 1e-7, 5e-324, 0.1 + 0.2, 123456789.125]
    wanted = "1000000000000000.0,1e+16,1.5e+300,1e+21,0.0001,0.00001,1.5e-6,1e-7,5e-324,0.30000000000000004,123456789.125"
    assert f'{{"":[{wanted}]}}' == canonical({"": floats})
    assert f'{{"":[{wanted},18446744073709551616]}}' == canonical({"": [*floats, 2**64]})


@pytest.mark.parametrize(
    "body",
    [
        {"a": float("nan")},
        {"a": [float("inf")], "b": None},
        {"a": {"b": -float("inf")}},
        {"a": "\ud800"},
        {"\udfff": 1},
        {1: 1},
        {"a": {2: 1}, "b": 2**70},
        {"a": b"bytes"},
        {"a": {1, 2}},
        {"a": Blob(b"x")},
        {"a": date(2026, 1, 1)},
        {"a": object(), "b": 2**70},
        {"a": float("nan"), "b": 2**70},
        {"a": "\ud800", "b": 2**70},
    ],
    ids=lambda body: re.sub(" at 0x[0-9a-f]+", "", repr(body)),  # xdist wants the same names in every process
)
def test_canonical_refuses_what_json_cannot_say(body: dict[str, Any]) -> None:
    """NaN, infinities, lone surrogates, keys that are no text, bytes, dates and other objects: a clear error and no guess."""
    with pytest.raises(Invalid, match="not a JSON body"):
        canonical(body)


def test_deep_nesting_is_refused_politely() -> None:
    """Neither writing nor reading ever ends in a recursion error."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Invalid):
        canonical({"a": deep})
    while deep:  # taken apart by hand: freeing it at once would recurse
        deep = deep[0]
    with pytest.raises(Invalid, match="nested too deeply"):
        parse("[" * 100_000 + "]" * 100_000)


def test_moderate_nesting_is_kept() -> None:
    """A few hundred levels are no problem: deeper than orjson writes by itself."""
    body: dict[str, Any] = {"a": 1}
    for _ in range(280):
        body = {"a": body}
    assert body == loads(canonical(body))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "duplicate key 'a'"),
        ('[{"x": {"b": 1, "c": 2, "b": 3}}]', "duplicate key 'b'"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ('["\\ud800"]', "UTF-8"),
        ('["\\uDFFF x"]', "UTF-8"),
        ('["\ud800"]', "UTF-8"),
        (b'["\xff"]', "UTF-8"),
        ('{"a": }', "line 1 column 7"),
        ("", "line 1 column 1"),
        ("1" * 5000, "JSON"),
    ],
)
def test_parse_refuses_and_says_where(text: str | bytes, reason: str) -> None:
    """What strangers write is read strictly; the error names the place or the mistake."""
    with pytest.raises(Invalid, match=reason):
        parse(text)


def test_parse_takes_a_byte_order_mark_and_pairs() -> None:
    """A BOM is no content, and two halves of a surrogate pair are one character."""
    assert {"a": "😀"} == parse(b'\xef\xbb\xbf{"a": "\\ud83d\\uDE00"}')


@given(st.binary(max_size=16), BODIES)
def test_salted_digest(salt: bytes, body: dict[str, Any]) -> None:
    """SHA-256 of the salt, then the canonical body, in hex: anybody can check it with other tools."""
    text = canonical(body)
    assert sha256(salt + text.encode()).hexdigest() == salted_digest(salt, text)


@pytest.mark.parametrize(
    "text", ["contact", "contact/", "/x", "Contact/x", "contact/X y", "contact/x/y", "contact/../x", "a" * 65 + "/x", ""]
)
def test_service_types_that_are_none(text: str) -> None:
    """A type is two plain lower-case words."""
    with pytest.raises(Invalid, match="type/subtype"):
        ServiceType.parse(text)


def test_service_type() -> None:
    """It reads and writes as type/subtype."""
    type = ServiceType.parse("contact/twitter.work")
    assert ("contact", "twitter.work", "contact/twitter.work") == (type.primary, type.subtype, str(type))


@pytest.mark.parametrize("text", ["", "Me", "a/b", "a b", "-a", ".a", "a" * 65, "ä", "a\n", "a:b"])
def test_names_that_are_none(text: str) -> None:
    """Owners and sources cannot hold what would break ids, logs' names or paths."""
    for check in (check_owner, check_source):
        with pytest.raises(Invalid, match="use a to z"):
            check(text)


def test_names() -> None:
    """Owners may have a tilde (an API client's user), sources may not."""
    assert "client~bob" == check_owner("client~bob")
    assert "github.work" == check_source("github.work")
    with pytest.raises(Invalid):
        check_source("a~b")


def test_record_as_json() -> None:
    """The bytes that the API sends are the dict that it documents, optional parts only where there is something to say."""
    text = '{"a":"ü"}'
    plain = Record(1, "me", "github:1", "2026", "github", "favorite/github", "add", "k", "d", text)
    edited = Record(
        2, "me", "github:2", "2026", "github", "favorite/github", "edit", "k\0", "d", text, "github:1", "3", {"as_of": "x"}, '{"a":null}'
    )
    erased = Record(3, "me", "github:3", "2026", "github", "favorite/github", "delete", "k", "d", None, "github:1")
    for record in (plain, edited, erased):
        assert record.as_dict() == loads(record.as_json())
    assert {"id", "timestamp", "source", "type", "op", "key", "digest", "body"} == plain.as_dict().keys()
    assert {"a": None} == edited.as_dict()["patch"]
    assert (None, {}) == (erased.as_dict()["body"], erased.body)
    assert ("github:1", 2, "github:1", 1) == (edited.first, edited.version, plain.first, plain.version)


def walk(value: Any) -> list[Any]:
    """A value and all that is in it."""
    if isinstance(value, dict):
        return [value, *(part for inner in value.values() for part in walk(inner))]
    return [value, *(part for inner in value for part in walk(inner))] if isinstance(value, list) else [value]


VECTORS = sorted((DATA / "vectors-jsontestsuite").rglob("*.json")) if DATA.is_dir() else []


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.name)
def test_shared_vectors_of_the_json_test_suite(path: Path) -> None:
    """y_ is read, n_ is refused, i_ may be either; what is read and can be written has a text that stays the same."""
    # These repeat a key, which RFC 8259 leaves open and we refuse: which of the two was meant, nobody knows.
    repeats = path.name in {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
    try:
        value = parse(path.read_bytes())
    except Invalid:
        assert path.name[:2] in ("n_", "i_") or repeats or path.parent.name == "test_transform"
        return
    assert path.name[:2] != "n_"
    try:
        text = canonical({"": value})
    except Invalid:
        assert path.name.startswith(("i_", "number_"))  # a number beyond all doubles
        return
    assert text == canonical(parse(text)) == canonical(loads(text))
