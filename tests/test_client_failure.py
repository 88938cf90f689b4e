"""What a client makes of a server's refusals, whatever shape they have."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.client.failure import failure, retry_after
from locker.error import BrokenSchema, LockerError, QueryError, Retriable

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


@given(
    st.integers(300, 599),
    st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-reset", "location"]), st.text(max_size=12)),
    st.binary(max_size=60),
)
def test_any_refusal_has_an_error(status: int, headers: dict[str, str], body: bytes) -> None:
    """No header and no body, however odd, hides the refusal behind another failure; there is always a text."""
    error = failure(status, headers, body, NOW)
    assert isinstance(error, LockerError)
    assert str(error)


@given(st.one_of(st.text(max_size=20), st.integers().map(str), st.floats().map(str), st.datetimes().map(str)))
def test_any_retry_after_is_read_or_left(value: str) -> None:
    """Seconds that are never negative, or None."""
    for name in ("retry-after", "x-ratelimit-reset"):
        after = retry_after({name: value}, NOW)
        assert after is None or after >= 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "Record not found"}, "Record not found"),
        ({"type": "about:blank", "title": "Not Found", "detail": "no stream 7"}, "no stream 7"),
        ({"message": "User not found", "error": ""}, "User not found"),
        ({"error": {"message": "nested", "code": 7}}, "nested"),
        ({"errors": ["one", "two"]}, "one, two"),
        ({}, "{}"),
        ([], "[]"),
    ],
)
def test_the_servers_own_words_are_found(body: object, message: str) -> None:
    """In every dialect's place for them; else the text itself."""
    assert message == str(failure(404, {}, json.dumps(body).encode(), NOW))


def test_places_of_mistakes_are_kept() -> None:
    """A query's position and a body's pointer arrive as such."""
    query = failure(400, {}, b'{"detail": "a term is missing", "position": 9, "query": "[age:21+., ]"}', NOW)
    schema = failure(422, {}, b'{"detail": "not a list", "pointer": "/emails"}', NOW)
    assert isinstance(query, QueryError)
    assert isinstance(schema, BrokenSchema)
    assert (9, "[age:21+., ]", "/emails") == (query.position, query.text, schema.pointer)


def test_a_page_of_a_proxy_is_cut_short() -> None:
    """Its text is shown, as far as it helps."""
    error = failure(502, {}, b"<html>" + b"x" * 5000, NOW)
    assert isinstance(error, Retriable)
    assert len(str(error)) < 250
