"""How requests are repeated: properties of the waits, with neither a clock nor a sleep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.client import Retry
from locker.error import Invalid, Retriable


async def failing(retry: Retry, *outcomes: Exception | int) -> tuple[object, list[float]]:
    """What comes out when the attempts end one after the other as told, and how long was slept in between."""
    waits: list[float] = []
    left = list(outcomes)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def call() -> int:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    run = Retry(retry.times, retry.delay, retry.longest, retry.patience, sleep, retry.random).run
    try:
        return await run(call), waits
    except (Retriable, Invalid) as error:
        return error, waits


@given(st.integers(0, 8), st.floats(0.01, 10), st.floats(0, 1, exclude_max=True))
async def test_waits_double_within_their_bounds(times: int, delay: float, dice: float) -> None:
    """The n-th wait lies between half of ``delay · 2ⁿ⁻¹`` and the whole, never beyond the longest; after *times* it is over."""
    retry = Retry(times, delay, longest=20, random=lambda: dice)
    error, waits = await failing(retry, *(Retriable(str(n)) for n in range(times + 1)))
    assert str(times) == str(error)
    assert times == len(waits)
    for n, wait in enumerate(waits):
        whole = min(20, delay * 2**n)
        assert whole / 2 <= wait <= whole


@given(st.floats(0, 300), st.floats(0, 1, exclude_max=True))
async def test_a_server_is_never_asked_before_it_wants_to_be(after: float, dice: float) -> None:
    """Retry-After is a lower bound; clients that heard the same one come back apart."""
    result, waits = await failing(Retry(random=lambda: dice), Retriable("busy", after), 7)
    assert 7 == result
    assert after <= waits[0] <= after + 1


async def test_only_what_may_succeed_is_repeated() -> None:
    """A refusal is final."""
    error, waits = await failing(Retry(), Invalid("no"), 7)
    assert ("no", []) == (str(error), waits)


@pytest.mark.parametrize(("after", "slept"), [(300.0, 1), (300.5, 0)])
async def test_what_takes_longer_than_patience_is_not_waited_for(after: float, slept: int) -> None:
    """The error says how long it would have been."""
    result, waits = await failing(Retry(random=lambda: 0), Retriable("closed", after), 7)
    assert slept == len(waits)
    assert slept or (isinstance(result, Retriable) and after == result.after)
