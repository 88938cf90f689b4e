"""Limits by count: as many as are allowed pass, the next one does not, and a new window begins when the old one is over."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.error import TooMany
from locker.limit import MOST, Counts, Limits, client_of, place_of
from tests.accounts import START, Hands


def passes(call: Callable[[], None], times: int) -> int:
    """How many of so many calls pass."""
    passed = 0
    for _ in range(times):
        try:
            call()
        except TooMany:
            continue
        passed += 1
    return passed


@pytest.mark.parametrize(
    ("kind", "window"),
    [("requests", 60), ("logins", 1200), ("signups", 3600)],
)
def test_exactly_so_many_pass(kind: str, window: int) -> None:
    """Of each kind exactly the limit passes within its window, and again in the next one."""
    clock = Hands()
    limits = Limits(clock=clock, **{kind: 7})
    call: Callable[[], None] = {
        "requests": lambda: limits.request("u1"),
        "logins": lambda: limits.login("192.0.2.1", "a@example.com"),
        "signups": lambda: limits.signup("192.0.2.1"),
    }[kind]
    assert 7 == passes(call, 20)
    clock.turn(seconds=window - 1)
    assert 0 == passes(call, 3)
    clock.turn(seconds=1)
    assert 7 == passes(call, 20)


def test_zero_is_no_limit() -> None:
    """A limit of 0 counts nothing."""
    limits = Limits(requests=0, logins=0, signups=0)
    assert 300 == passes(lambda: limits.request("u1"), 100) + passes(lambda: limits.login("x", "y"), 100) + passes(
        lambda: limits.signup("x"), 100
    )


def test_everybody_has_a_count_of_their_own() -> None:
    """One who calls too often keeps nobody else out."""
    limits = Limits(requests=2, clock=Hands())
    assert 2 == passes(lambda: limits.request("u1"), 9)
    assert 2 == passes(lambda: limits.request("u2"), 9)


def test_logins_count_by_address_and_by_name() -> None:
    """Guessing one account from many addresses is limited as well as guessing many accounts from one."""
    limits = Limits(logins=3, clock=Hands())
    assert 3 == passes(lambda: limits.login("192.0.2.1", "a@example.com"), 4)
    with pytest.raises(TooMany):
        limits.login("192.0.2.2", "a@example.com")
    with pytest.raises(TooMany):
        limits.login("192.0.2.1", "b@example.com")
    limits.login("192.0.2.2", "b@example.com")


def test_the_error_says_when_to_come_back() -> None:
    """It names the limit, the end of the window, and the seconds until then."""
    clock = Hands()
    limits = Limits(requests=1, clock=clock)
    limits.request("u1")
    clock.turn(seconds=20.5)
    with pytest.raises(TooMany) as told:
        limits.request("u1")
    assert (1, START.timestamp() + 60, 40) == (told.value.limit, told.value.reset, told.value.after)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_two_names_are_two(one: str, other: str) -> None:
    """However long or odd, no two names share a count."""
    limits = Limits(requests=1, clock=Hands())
    limits.request(one)
    if one == other:
        with pytest.raises(TooMany):
            limits.request(other)
    else:
        limits.request(other)


def test_memory_is_bounded() -> None:
    """Whoever sends a new name with each call does not fill the memory; the newest windows are kept."""
    clock = Hands()
    counts = Counts(lambda: clock().timestamp())
    for number in range(MOST + 5):
        counts.incr(str(number), 60)
    assert MOST >= counts.reset() > MOST // 2


def test_ended_windows_go_first() -> None:
    """What is over makes room before anything that still counts."""
    clock = Hands()
    counts = Counts(lambda: clock().timestamp())
    counts.incr("long", 3600)
    for number in range(MOST - 1):
        counts.incr(str(number), 1)
    clock.turn(seconds=2)
    counts.incr("new", 60)
    assert (1, 1, 0) == (counts.get("long"), counts.get("new"), counts.get("5"))


PROXY = (ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.7", ["203.0.113.1"], "198.51.100.7"),  # no proxy of ours: what it says is not believed
        ("10.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("10.0.0.1", ["1.2.3.4", "203.0.113.1"], "203.0.113.1"),  # the first one the caller made up
        ("10.0.0.1", ["203.0.113.1", " 10.9.9.9 "], "203.0.113.1"),  # two proxies
        ("10.0.0.1", ["made up", "10.9.9.9"], "10.9.9.9"),
        ("10.0.0.1", ["made up"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["203.0.113.1"], "203.0.113.1"),
    ],
)
def test_who_is_behind_a_proxy(peer: str, forwarded: list[str], client: str) -> None:
    """X-Forwarded-For is believed as far as it comes from proxies that the settings name, from the last entry back."""
    assert client == client_of(peer, forwarded, PROXY)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_addresses_of_one_place_are_one(address: str, place: str) -> None:
    """Whoever has an IPv6 address has 2^64 of them; they count as one."""
    assert place == place_of(address)
