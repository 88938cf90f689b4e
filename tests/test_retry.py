"""The retry schedule: pauses grow, differ a little, end; and a receiver's own wish is obeyed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.error import Invalid
from locker.retry import DELAYS, JITTER, LONGEST_ASKED, Schedule, asked_for

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


@given(st.integers(1, len(DELAYS)), st.floats(0, 1))
def test_pauses_are_those_of_the_schedule_give_or_take_a_tenth(attempts: int, chance: float) -> None:
    """Five seconds, five minutes, half an hour, two, five, ten and ten hours."""
    assert Schedule().delay(attempts, lambda: chance) == pytest.approx(DELAYS[attempts - 1], rel=JITTER + 1e-9)


def test_after_the_last_pause_there_is_none() -> None:
    """Eight attempts, then it is a dead letter; even if the receiver asks for another."""
    assert Schedule().delay(len(DELAYS) + 1, lambda: 0.5) is None
    assert Schedule().delay(len(DELAYS) + 1, lambda: 0.5, 10.0) is None
    assert Schedule(()).delay(1, lambda: 0.5) is None


def test_the_receiver_is_never_called_sooner_than_it_asked() -> None:
    """Retry-After makes a pause longer, up to a day."""
    assert 120.0 == Schedule().delay(1, lambda: 0.0, 120.0)
    assert LONGEST_ASKED == Schedule().delay(1, lambda: 0.0, 1e9)


@pytest.mark.parametrize("asked", [0.0, 1.0, 60.0])
def test_a_receiver_that_asks_for_less_is_given_up_no_sooner(asked: float) -> None:
    """``Retry-After: 1`` from a proxy in front of a receiver that is down must not make dead letters within minutes."""
    assert DELAYS[6] == Schedule().delay(7, lambda: 0.5, asked)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sun, 22 Nov 2026 08:01:30 GMT", 90.0),
        ("Sun, 22 Nov 2026 07:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 400, LONGEST_ASKED),
        ("Fri, 01 Jan 2100 00:00:00 GMT", LONGEST_ASKED),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    """What cannot be read is as if it were not there, and nobody is believed who asks for more than a day."""
    assert seconds == asked_for(header, NOW)


@pytest.mark.parametrize(
    ("said", "delays"),
    [
        ([1, 2.5], (1.0, 2.5)),
        ([], ()),
        ({"quantity": 3, "interval": 10}, (10, 10, 10)),
        ({"quantity": 3, "interval": 10, "mode": "sum"}, (10, 20, 30)),
        ({"quantity": 4, "interval": 10, "mode": "exponential"}, (10, 20, 40, 80)),
        ({"quantity": 4, "interval": 10, "mode": "exponential", "ttl": 70}, (10, 20, 40)),
    ],
)
def test_a_schedule_is_a_list_or_a_rule(said: Any, delays: tuple[float, ...]) -> None:
    """Both forms mean pauses in seconds."""
    assert delays == Schedule.of(said).delays


@pytest.mark.parametrize(
    "said",
    [
        "5", [True], [-1], [1e9], [1] * 101, [float("nan")], {"quantity": 1}, {"quantity": -1, "interval": 1}, {"quantity": 1, "interval": "x"},
        {"quantity": 1, "interval": 1, "mode": "random"}, {"quantity": 1, "interval": 1, "times": 2},
    ],
)  # fmt: skip
def test_any_other_schedule_is_refused(said: Any) -> None:
    """The error says what is taken."""
    with pytest.raises(Invalid, match=r"delivery\.retry"):
        Schedule.of(said)
