"""Telling of documents: what a notification says of a record, whatever the subscription wants."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.document import Told, moment
from locker.filter import Filter
from locker.notification import Content, Notification, Receiver, Subscription
from locker.record import Record, canonical
from locker.resource import Change

URL = "http://api.company.com/users/ann%20lee"
BODY = {"updatedAt": 17, "name": "Ann ü", "big": 2**80}
STAMP = "2026-11-22T08:00:00.123456Z"


def notification(
    options: dict[str, Any], *, op: Any = "add", text: str | None = canonical(BODY), key: str = URL, **more: Any
) -> Notification:
    """A notification of a document to a subscription with these options."""
    made = {"resource": "r", "pattern": "http://api.company.com/users/{id}", "envelope": True, "document": True, **options}
    subscription = Subscription("s", 1, "me", Filter(("me",)), Receiver("http://app.com"), content=Content("document", made))
    record = Record(7, "me", "flare:3", STAMP, "flare", "document/r", op, key, "", text)
    return Notification("msg_1_7", subscription, record, more.pop("action", "create"), **more)


def said(options: dict[str, Any], **more: Any) -> Any:
    """What it says."""
    return json.loads(Told().body(notification(options, **more)))


ENVELOPE = {"id": URL, "action": "create", "updatedAt": "2026-11-22 08:00:00.123456 +0000 UTC"}


def test_the_envelope() -> None:
    """Address, action, time, and the document exactly as it was put."""
    assert {**ENVELOPE, "document": BODY} == said({})


def test_without_the_document() -> None:
    """``content.document`` false leaves it out of the envelope."""
    assert ENVELOPE == said({"document": False})


@pytest.mark.parametrize("document", [True, False])
def test_without_the_envelope(document: bool) -> None:
    """The body is the document alone; ``content.document`` has no effect then."""
    assert canonical(BODY).encode() == Told().body(notification({"envelope": False, "document": document}))


def test_a_delete_has_the_last_document() -> None:
    """The action says that it is gone; the content is the last that was known, null if somebody erased it."""
    assert {**ENVELOPE, "action": "delete", "document": BODY} == said({}, op="delete", action="delete")
    assert said({}, text=None)["document"] is None


def test_data_is_filled_in() -> None:
    """Texts only, with what the wildcards stand for, not escaped; lists stay as they are, and so does {revision}."""
    data = {"service": "user", "id": "{id}", "both": "{ id }-{id}", "revision": "{revision}", "n": 1, "f": 0.5, "b": True, "list": ["{id}"]}
    expected = {**data, "id": "ann lee", "both": "ann lee-ann lee"}
    told = Told()
    first, second = (json.loads(told.body(notification({"data": data}, key=key)))["data"] for key in (URL, URL.replace("ann", "bob")))
    assert expected == first
    assert "bob lee" == second["id"]


def test_a_change_and_a_test_are_marked() -> None:
    """What a document did to the set of the subscription's terms; a test, which is of no document, has the names of the wildcards as their values."""
    assert "entered" == said({}, change="entered")["change"]
    test = said({"data": {"id": "{id}"}}, is_test=True, key="af05", text='{"test":true}')
    assert (True, {"id": "id"}, {"test": True}) == (test["test"], test["data"], test["document"])


@given(st.dictionaries(st.text(max_size=4), st.text() | st.integers() | st.booleans() | st.lists(st.text()), max_size=4))
def test_any_data_is_said(data: dict[str, Any]) -> None:
    """What has no wildcards arrives as it was given, whatever it is."""
    plain = {key: value.replace("{", "(") if isinstance(value, str) else value for key, value in data.items()}
    assert plain == said({"data": plain}).get("data", {})


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-11-22T08:00:00.000000Z", "2026-11-22 08:00:00 +0000 UTC"),
        ("2026-11-22T08:00:10.100000Z", "2026-11-22 08:00:10.1 +0000 UTC"),
        ("2026-11-22T08:00:00.000001Z", "2026-11-22 08:00:00.000001 +0000 UTC"),
    ],
)
def test_moments_as_go_prints_them(stamp: str, expected: str) -> None:
    """No zeros at the end of a fraction, and no fraction of nothing."""
    assert expected == moment(stamp)


@given(a=st.integers(-(2**63) + 1, 2**63 - 1), b=st.integers(-(2**63) + 1, 2**63 - 1))
def test_revisions_compare_as_numbers_do(a: int, b: int) -> None:
    """Within 64 bits exactly; the text of a revision reads back as itself."""
    change = Change("n", "2006-01-02")
    first, second = change.revision({"n": a}), change.revision({"n": b})
    assert (a < b) == (first < second)
    assert first in change.read(str(first))
