"""Drift: an answer changes in the way that is asked for, the same way each time, and stays an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from locker.drift import drifting, each_changed, fewer, more, other
from locker.stand_in import Call, Reply

CALL = Call(1, "GET", "/list", {}, {}, name="likes")
ENTRIES = [{"id": n, "title": f"t{n}", "by": {"name": "x"}} for n in range(20)]
XML = b"<list>" + b"".join(b"<entry><id>%d</id><title>t</title></entry>" % n for n in range(20)) + b"</list>"


def drifted(drift: Callable[..., Any], body: bytes, seed: int = 1) -> bytes:
    """The body that a drifted service answers."""
    return drifting(drift, seed)(CALL, Reply(200, {}, body)).body


@pytest.mark.parametrize("drift", [more, fewer, other])
@pytest.mark.parametrize("body", [json.dumps({"items": ENTRIES}).encode(), XML], ids=["json", "xml"])
def test_the_same_change_each_time(drift: Callable[..., Any], body: bytes) -> None:
    """Every kind of drift changes both kinds of answer, and a seed always in the same way."""
    assert body != drifted(drift, body)
    assert drifted(drift, body) == drifted(drift, body)
    assert drifted(drift, body) != drifted(drift, body, seed=2) or drift is more


def test_what_does_not_drift() -> None:
    """Who it is, errors, and what is neither JSON nor XML stay as they are."""
    body = json.dumps({"items": ENTRIES}).encode()
    assert body == drifting(other, 1)(Call(1, "GET", "/me", {}, {}, name="who"), Reply(200, {}, body)).body
    assert body == drifting(other, 1)(CALL, Reply(500, {}, body)).body
    assert b"plain: 1" == drifted(other, b"plain: 1")


def test_each_member_in_turn() -> None:
    """Each member is gone once, and of another type once; so are those within it."""
    found = list(each_changed({"a": 1, "b": {"c": 2}, "d": [{"e": 3}]}))
    for expected in (
        {"b": {"c": 2}, "d": [{"e": 3}]},
        {"a": None, "b": {"c": 2}, "d": [{"e": 3}]},
        {"a": 1, "b": {}, "d": [{"e": 3}]},
        {"a": 1, "b": {"c": 2}, "d": [{}]},
    ):
        assert expected in found
