"""Receivers: what is filled in stays in its place, overrides override, secrets are masked, and what could be smuggled in is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from locker.error import Invalid
from locker.guard import check_url
from locker.receiver import MASK, Receiver, filled

URL = "http://api.example/wishlist/{id}/x-{id}?of={id}&b=1"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_value_never_changes_host_or_structure(value: str) -> None:
    """Whatever a document's id holds, it comes out as that part of the path and that part of the query, and nothing else."""
    assume(value not in ("", ".", ".."))
    split = urlsplit(check_url(filled(URL, {"id": value})).url)
    assert ("http", "api.example", "") == (split.scheme, split.netloc, split.fragment)
    assert ["", "wishlist", value, f"x-{value}"] == [unquote(segment) for segment in split.path.split("/")]
    assert [f"of={value}", "b=1"] == [unquote(part) for part in split.query.split("&")]


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_value_that_would_be_another_path_is_refused(value: str) -> None:
    """No encoding saves a segment of dots."""
    with pytest.raises(Invalid, match="another path"):
        filled("http://api.example/a/{id}", {"id": value})
    assert f"http://api.example/a/x{value}" == filled("http://api.example/a/x{id}", {"id": value})


def test_a_place_that_nothing_fills_is_an_error() -> None:
    """Nothing is sent to a URL with a hole."""
    with pytest.raises(Invalid, match="no"):
        filled("http://api.example/{no}", {"id": "1"})


@pytest.mark.parametrize(
    "url",
    [
        "http://{id}.example/", "http://api.example:{id}/", "{id}://api.example/", "http://user:secret@api.example/", "ftp://api.example/",
        "http://api.example/{id", "http://api.example/id}", "http://api.example/{a{b}}", "http://api.example/#{id}", "api.example/{id}",
        "http://api.example/{other}", "http://api.example/\r\nX: 1", "http://2130706433/", "http://0177.0.0.1/", "http://0x7f.1/", "http://api.example:25/",
    ],
)  # fmt: skip
def test_urls_that_could_lead_elsewhere_are_refused(url: str) -> None:
    """Braces only in path and query, whole and known; hosts written plainly; no user, no fragment, no other protocol."""
    with pytest.raises(Invalid):
        Receiver(url).checked({"id"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A\r\nB", "1"),
        ("X-A", "1\r\nHost: x"),
        ("Host", "x"),
        ("Content-Length", "1"),
        ("Webhook-Id", "1"),
        ("X-A", "\x00"),
        ("", "1"),
        ("X-A", "…"),
    ],
)
def test_headers_that_could_frame_or_forge_are_refused(name: str, value: str) -> None:
    """One line each, none of the connection's own, none of the signature's."""
    with pytest.raises(Invalid):
        Receiver("http://api.example/", headers={name: (value,)}).checked()


def test_overrides_take_the_place_of_what_they_name() -> None:
    """Empty parts are as for any other action; headers are replaced whole."""
    said = {
        "url": "http://api.example/{id}", "method": "post", "headers": {"X-A": ["1"], "Accept": ["a", "b"]},
        "actions": {"delete": {"method": "delete"}, "update": {"url": "http://other.example/", "headers": {"X-B": ["2"]}}},
    }  # fmt: skip
    receiver = Receiver.of(said).checked({"id"})
    assert ("POST", "http://api.example/{id}") == (receiver.call("create").method, receiver.call("create").url)
    assert ("DELETE", {"X-A": ("1",), "Accept": ("a", "b")}) == (receiver.call("delete").method, receiver.call("delete").headers)
    assert ("POST", "http://other.example/", {"X-B": ("2",)}) == (
        receiver.call("update").method,
        receiver.call("update").url,
        receiver.call("update").headers,
    )


def test_secrets_are_parted_from_what_everybody_may_see() -> None:
    """Only headers that cannot be secrets stay; what was parted is by action and name, and the masked form reads back."""
    receiver = Receiver.of(
        {
            "url": "http://a.example",
            "headers": {"Authorization": "Basic x", "Accept": "a"},
            "actions": {"delete": {"headers": {"X-Key": "y"}}},
        }
    )
    masked, secrets = receiver.parted()
    assert {"": {"Authorization": ["Basic x"]}, "delete": {"X-Key": ["y"]}} == secrets
    assert {"Authorization": [MASK], "Accept": ["a"]} == masked.body()["headers"]
    assert masked == Receiver.of(masked.body())
    assert "Basic" not in repr(masked)


@pytest.mark.parametrize(
    "said",
    [
        None,
        {"uri": "x"},
        {"url": 5},
        {"url": "http://a.example", "headers": {"A": 1}},
        {"url": "http://a.example", "actions": {"add": {}}},
        {"actions": []},
    ],
)
def test_what_is_no_receiver_is_refused(said: Any) -> None:
    """The error says what one is made of."""
    with pytest.raises(Invalid):
        Receiver.of(said).checked()


def test_every_action_needs_a_url_and_a_method() -> None:
    """Without a base URL all three actions bring one."""
    parts = {name: {"url": f"http://a.example/{name}"} for name in ("create", "update", "delete")}
    assert "http://a.example/update" == Receiver.of({"actions": parts}).checked().call("update").url
    del parts["update"]
    with pytest.raises(Invalid, match="update"):
        Receiver.of({"actions": parts}).checked()
    with pytest.raises(Invalid, match="TRACE"):
        Receiver("http://a.example", "TRACE").checked()
