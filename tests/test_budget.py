"""Budgets: what services say of their limits is obeyed, what is left is spent evenly, and everybody spends of the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from locker.budget import Allowance, Budget, Budgets, Heard, heard_of
from locker.connector import Answer, Pace
from locker.error import LimitReached
from locker.log import Logbook
from tests.fetching import FakeService, Hand, Stars, fetching, opened, star

START = Hand().moment
NOW = START.timestamp()


@pytest.fixture
def logbook(tmp_path: Path) -> Iterator[Logbook]:
    """An empty store."""
    with Logbook(tmp_path / "log.sqlite") as made:
        yield made


def patience(clock: Hand) -> Callable[[float], Any]:
    """A sleep that takes no time, but lets the clock go on."""

    async def sleep(seconds: float) -> None:
        clock.forward(seconds=seconds)

    return sleep


async def spend(budget: Budget, clock: Hand, times: int, cost: float = 1.0) -> None:
    """Spend so many times."""
    for _ in range(times):
        await budget.spend(cost, patience(clock))


def answer(headers: Mapping[str, str] | None = None, body: Any = None) -> Answer:
    """An answer with these headers, or this body."""
    return Answer(200, headers or {}, json.dumps(body).encode(), "https://example.org/x")


@pytest.mark.parametrize(
    ("pace", "headers", "body", "expected"),
    [
        (Pace(), {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "7", "x-ratelimit-reset": f"{NOW + 60:.0f}"}, None, (100, 7, 60, 0)),
        (
            Pace(reset_as="milliseconds"),
            {"x-ratelimit-remaining": "7", "x-ratelimit-reset": f"{(NOW + 60) * 1000:.0f}"},
            None,
            (None, 7, 60, 0),
        ),
        (Pace(reset_as="seconds"), {"x-ratelimit-remaining": "7.0", "x-ratelimit-reset": "60"}, None, (None, 7, 60, 0)),
        (Pace(reset_as="date"), {"x-ratelimit-remaining": "7", "x-ratelimit-reset": "2026-11-22T08:01:00Z"}, None, (None, 7, 60, 0)),
        (Pace(reset_as="date"), {"x-ratelimit-reset": "Sun, 22 Nov 2026 08:01:00 GMT"}, None, (None, None, 60, 0)),
        (Pace(limit="RateLimit-Limit"), {"ratelimit-limit": "3000;w=300"}, None, (3000, None, None, 0)),
        (Pace(remaining="body:quota.left", backoff="body:backoff"), {}, {"quota": {"left": 3}, "backoff": 12}, (None, 3, None, 12)),
        (Pace(), {"retry-after": "30"}, None, (None, None, None, 30)),
        (Pace(), {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW - 60:.0f}"}, None, (None, None, None, 0)),
        (Pace(remaining="body:left"), {}, "no object", (None, None, None, 0)),
        (Pace(), {"x-ratelimit-remaining": "many", "x-ratelimit-reset": "soon", "retry-after": "later"}, None, (None, None, None, 0)),
        (Pace(reset_as="date"), {"x-ratelimit-reset": "whenever"}, None, (None, None, None, 0)),
        (Pace(limit="", remaining="", reset=""), {"x-ratelimit-remaining": "0"}, None, (None, None, None, 0)),
        (Pace(), {"x-ratelimit-remaining": "7", "x-ratelimit-reset": f"{(NOW + 60) * 1000:.0f}"}, None, (None, 7, 60, 0)),
    ],
)
def test_what_an_answer_says(
    pace: Pace, headers: dict[str, str], body: Any, expected: tuple[float | None, float | None, float | None, float]
) -> None:
    """Headers and bodies in every way that services write them; what cannot be read, or is of a window that is over, says nothing."""
    limit, left, resets, blocked = expected
    assert Heard(limit, left, None if resets is None else NOW + resets, blocked) == heard_of(answer(headers, body), pace, START)


def test_retry_after_as_a_date() -> None:
    """Retry-After may be a moment."""
    assert (
        90
        == heard_of(
            answer({"retry-after": format_datetime(datetime.fromtimestamp(NOW + 90, START.tzinfo), usegmt=True)}), Pace(), START
        ).blocked
    )


async def test_half_at_once_and_the_rest_evenly(logbook: Logbook) -> None:
    """Thirty of sixty requests a minute go without waiting; after them about one goes every two seconds, and never more than sixty in a minute."""
    clock = Hand()
    budget = Budget(logbook, "x", Pace(requests=60, seconds=60), clock=clock)
    await spend(budget, clock, 30)
    assert (clock.moment - START).total_seconds() < 1
    await spend(budget, clock, 10)
    assert 15 <= (clock.moment - START).total_seconds() <= 25
    await spend(budget, clock, 20)
    assert 50 <= (clock.moment - START).total_seconds() <= 62


async def test_a_long_wait_ends_the_run(logbook: Logbook) -> None:
    """A wait of minutes is not waited out: the error says when it goes on, and then it does."""
    clock = Hand()
    budget = Budget(logbook, "x", Pace(requests=15, seconds=900), clock=clock)
    await spend(budget, clock, 8)
    with pytest.raises(LimitReached) as raised:
        await spend(budget, clock, 1)
    assert raised.value.after is not None
    assert 60 < raised.value.after <= 450
    clock.forward(seconds=raised.value.after)
    await spend(budget, clock, 1)


async def test_the_service_knows_better(logbook: Logbook) -> None:
    """What is left by the service's count is what is left; a block holds for everybody, and ends."""
    clock = Hand()
    one, two = (Budget(logbook, "x", Pace(requests=1000, seconds=60), clock=clock) for _ in range(2))
    await spend(one, clock, 1)
    one.hear(answer({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW + 600:.0f}"}))
    await one.close()
    with pytest.raises(LimitReached) as raised:
        await spend(two, clock, 1)
    assert 599 <= (raised.value.after or 0) <= 600
    clock.forward(seconds=601)
    await spend(two, clock, 1)
    assert 120 == two.block(120)
    await two.close()
    with pytest.raises(LimitReached):
        await spend(one, clock, 1)


async def test_two_processes_share(tmp_path: Path) -> None:
    """Two stores of one file spend of one budget, and what a run has not used it gives back."""
    clock, pace = Hand(), Pace(requests=1000, seconds=3600)
    with Logbook(tmp_path / "log.sqlite") as here, Logbook(tmp_path / "log.sqlite") as there:
        one, two = Budget(here, "x", pace, clock=clock), Budget(there, "x", pace, clock=clock)
        await asyncio.gather(spend(one, clock, 25), spend(two, clock, 25))
        await one.close()
        await two.close()
        left = Budgets(here).find("x", pace, clock.moment.timestamp())
        assert (950, 1000) == (left and left.left, left and left.limit)
        assert Budgets(here).find("y", pace, 0) is None


async def test_costs(logbook: Logbook) -> None:
    """A request may cost more than one, or nothing."""
    clock = Hand()
    budget = Budget(logbook, "x", Pace(requests=10, seconds=3600), clock=clock)
    await spend(budget, clock, 100, cost=0.0)
    await spend(budget, clock, 1, cost=5.0)
    with pytest.raises(LimitReached):
        await spend(budget, clock, 1, cost=5.0)


async def test_a_run_ends_and_goes_on_when_the_service_says(tmp_path: Path) -> None:
    """429 in the middle of a walk: the mode is rate-limited until the moment that the service named, then the one before; nothing is asked in between."""
    service, clock = FakeService({"/starred": [star(n) for n in range(25)]}), Hand()
    service.fail(2, 429, {"Retry-After": "1800"})
    async with service.open() as base:
        with opened(tmp_path, Stars(), clock=clock) as locker:
            locker.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"})
            first = await locker.syncing.run("me", "stars")
            assert ("rate-limited", 10, "limited") == (first.mode, first.records, first.streams[0].outcome)
            assert "2026-11-22T08:30" == (first.due or "")[:16]
            again = await locker.syncing.run("me", "stars")
            assert ("rate-limited", 0, 0) == (again.mode, again.records, again.requests)
            assert "initial" == locker.connections.get("me", "stars").before
            clock.forward(seconds=1801)
            last = await locker.syncing.run("me", "stars")
            assert ("normal", 15, None) == (last.mode, last.records, last.error)
    assert 4 == len(service.asked)


async def test_headers_of_a_service_are_heeded(tmp_path: Path) -> None:
    """A service that says that nothing is left is asked nothing more, before it has to refuse."""
    service, clock = FakeService({"/starred": [star(n) for n in range(25)]}), Hand()
    service.headers = lambda _: {
        "X-RateLimit-Limit": "60",
        "X-RateLimit-Remaining": str(2 - len(service.asked)),
        "X-RateLimit-Reset": f"{NOW + 600:.0f}",
    }
    async with service.open() as base:
        with opened(tmp_path, fetching(*Stars.streams, pace=Pace(requests=60, seconds=60)), clock=clock) as locker:
            locker.syncing = type(locker.syncing)(
                locker.logbook, locker.connections, locker.guard, locker.applications, clock=clock, sleep=patience(clock)
            )
            locker.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"})
            report = await locker.syncing.run("me", "stars")
    assert ("rate-limited", True) == (report.mode, report.requests <= 2)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "9" * 12},
        {"Retry-After": "Fri, 01 Jan 9999 00:00:00 GMT"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 400},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 11},
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_service_that_names_a_moment_beyond_all_measure(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    """Whatever a service says, the run ends well, the connection can be listed, and it goes on after a day at the latest."""
    service, clock = FakeService({"/starred": [star(1)]}), Hand()
    service.fail(1, status, headers)
    async with service.open() as base:
        with opened(tmp_path, Stars(), clock=clock) as locker:
            connection = locker.connections.add("me", "stars", base_url=base, secrets={"token": "secret-token"})
            first = await locker.syncing.run("me", "stars")
            assert (first.due or "9") <= "2026-11-23T08:00:01"
            assert (allowance := locker.syncing.allowance(connection)) is None or allowance.resets <= NOW + 86401
            clock.forward(hours=24, seconds=1)
            assert ("normal", None) == ((last := await locker.syncing.run("me", "stars")).mode, last.error)


def test_a_clock_that_went_back_holds_nothing_up() -> None:
    """What a clock left behind that was years ahead, and was set right, is no reason to wait for years."""
    ahead = NOW + 1e8
    left = Allowance(60.0, 0.0, ahead, blocked=ahead, last=ahead).at(NOW, Pace(requests=60, seconds=60))
    assert (60.0, 0.0) == (left.left, left.wait(NOW, 1.0))
