"""
What services were recorded to answer instead of a list: refusals, limits and breakdowns, and how a connection fares after each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from locker.sync import Collected, Syncing
from tests.fetching import Hand, opened
from tests.mapping import fetching
from tests.replays import interactions, serving
from tests.shared import needs_shared

PYGITHUB, HUB4J, CORE, PRAW, TOOTED = "github-pygithub", "github-hub4j-wiremock", "reddit-prawcore", "reddit-praw", "mastodon-mastodonpy"
STARRED, SAVED, FAVOURED = (
    "https://api.github.com/user/starred",
    "https://oauth.reddit.com/user/ann/saved",
    "http://localhost:3000/api/v1/favourites",
)


async def asked(folder: Path, name: str, stream: str, answers: Sequence[Any], times: int = 1) -> tuple[list[Collected], list[float]]:
    """Runs against answers that were recorded elsewhere, given in turn at the stream's address; and the waits of the runs."""
    waits: list[float] = []
    clock = Hand(datetime.now(UTC))

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.forward(seconds=seconds)

    async def run(syncing: Syncing) -> Collected:
        clock.forward(minutes=2)
        return await syncing.run("me", name, streams=[stream])

    options = {"username": "ann"} if name == "reddit" else {}
    async with serving(answers) as base:
        with opened(folder, fetching(name)) as locker:
            syncing = Syncing(locker.logbook, locker.connections, locker.guard, locker.applications, clock=clock, sleep=sleep)
            locker.connections.add("me", name, base_url=base, secrets={"token": "t"}, options=options, account={"id": "7"}, trusted=True)
            return [await run(syncing) for _ in range(times)], waits


def moved(folder: str, cassette: str, url: str, statuses: Sequence[int]) -> list[Any]:
    """The recorded answers with some statuses, as if they had been given at another address."""
    found = [replace(one, url=url, method="GET", request_body=b"") for one in interactions(folder, cassette) if one.status in statuses]
    assert found
    return found


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(
    ("name", "stream", "url", "folder", "cassette", "status", "outcome", "mode", "code"),
    [
        ("github", "stars", STARRED, PYGITHUB, "SpecificExceptions.testBadCredentials.txt", 401, "failed", "unauthorized", "unauthorized"),
        ("github", "stars", STARRED, PYGITHUB, "SpecificExceptions.testUnknownObject.txt", 404, "skipped", "initial", None),
        ("github", "stars", STARRED, PYGITHUB, "*testRateLimitExceeded.txt", 403, "limited", "rate-limited", "limit_reached"),
        ("github", "stars", STARRED, PYGITHUB, "*testAuthenticatedRateLimitExceeded.txt", 403, "limited", "rate-limited", "limit_reached"),
        ("github", "stars", STARRED, HUB4J, "AbuseLimitHandlerTest/wiremock/testHandler_Fail/mappings/2*", 403, "limited", "rate-limited", "limit_reached"),
        ("github", "stars", STARRED, HUB4J, "AbuseLimitHandlerTest/wiremock/testHandler_WaitStuck/mappings/2*", 403, "limited", "rate-limited", "limit_reached"),
        ("github", "stars", STARRED, HUB4J, "RateLimitHandlerTest/wiremock/testHandler_Fail/mappings/2*", 403, "limited", "rate-limited", "limit_reached"),
        ("github", "stars", STARRED, HUB4J, "GHGistTest/wiremock/lifecycleTest/mappings/8*", 404, "skipped", "initial", None),
        ("github", "stars", STARRED, PYGITHUB, "Retry.testReturnsRepoAfter3Retries.txt", 502, "failed", "initial", "retriable"),
        ("github", "stars", STARRED, PYGITHUB, "Retry.testShouldNotRetryWhenStatusNotOnList.txt", 400, "failed", "initial", "fatal"),
        ("github", "stars", STARRED, PYGITHUB, "PaginatedList.testNoFirstPage.txt", 204, "done", "initial", None),
        ("mastodon", "favourites", FAVOURED, TOOTED, "*test_unauthed_home_tl_throws.yaml", 401, "failed", "unauthorized", "unauthorized"),
        ("mastodon", "favourites", FAVOURED, TOOTED, "*test_status_missing.yaml", 404, "skipped", "initial", None),
        ("reddit", "saved", SAVED, PRAW, "*test_saved__other_user.json", 403, "skipped", "initial", None),
        ("reddit", "saved", SAVED, PRAW, "*test_saved__in_read_only_mode.json", 403, "skipped", "initial", None),
        ("reddit", "saved", SAVED, CORE, "*forbidden.json", 403, "skipped", "initial", None),
        ("reddit", "saved", SAVED, CORE, "*not_found.json", 404, "skipped", "initial", None),
        ("reddit", "saved", SAVED, CORE, "*with_invalid_access_token.json", 401, "failed", "unauthorized", "unauthorized"),
        ("reddit", "saved", SAVED, CORE, "*with_retry_headers.json", 429, "limited", "rate-limited", "limit_reached"),
        ("reddit", "saved", SAVED, CORE, "*bad_gateway.json", 502, "failed", "initial", "retriable"),
        ("reddit", "saved", SAVED, CORE, "*service_unavailable.json", 503, "failed", "initial", "retriable"),
    ],
)  # fmt: skip
async def test_shared_refusals(
    tmp_path: Path, name: str, stream: str, url: str, folder: str, cassette: str, status: int, outcome: str, mode: str, code: str | None
) -> None:
    """Each is what the service meant: connect again, wait, leave this list out, try again, or mend something."""
    (report,), waits = await asked(tmp_path, name, stream, moved(folder, cassette, url, [status]))
    assert (outcome, mode, code, 0) == (report.streams[0].outcome, report.mode, report.code, report.records)
    assert all(wait <= 11 for wait in waits)


@pytest.mark.shared
@needs_shared
async def test_shared_breakdown_that_ends(tmp_path: Path) -> None:
    """Three times a bad gateway, then the list: the run waits longer each time, and goes on."""
    broken = moved(PYGITHUB, "Retry.testReturnsRepoAfter3Retries.txt", STARRED, [502])
    list_ = moved(PYGITHUB, "AuthenticatedUser.testStarring.txt", STARRED, [200])[2:]
    (report,), waits = await asked(tmp_path, "github", "stars", [*broken, replace(list_[0], headers=())])
    assert (30, "done", 3) == (report.records, report.streams[0].outcome, len(waits))
    assert sorted(waits) == waits


@pytest.mark.shared
@needs_shared
async def test_shared_limit_that_passes(tmp_path: Path) -> None:
    """GitHub's 403 of thirty seconds ends the run; the next one brings everything, and the mode is the one before."""
    refused = moved(HUB4J, "AbuseLimitHandlerTest/wiremock/testHandler_Fail/mappings/2*", STARRED, [403])
    list_ = moved(PYGITHUB, "AuthenticatedUser.testStarring.txt", STARRED, [200])[2:]
    (first, second), waits = await asked(tmp_path, "github", "stars", [*refused, replace(list_[0], headers=())], times=2)
    assert ("rate-limited", 0, []) == (first.mode, first.records, waits)
    assert ("initial", 30) == (second.mode, second.records)


@pytest.mark.shared
@needs_shared
async def test_shared_answer_that_breaks_off(tmp_path: Path) -> None:
    """A listing that is cut off in the middle is told of, and nothing of it is taken for the whole; the next run asks for it again."""
    (report,), _ = await asked(tmp_path, "reddit", "saved", moved(CORE, "*bad_json.json", SAVED, [200])[1:])
    assert ("failed", 0) == (report.streams[0].outcome, report.records)
    assert "no JSON" in (report.error or "")


@pytest.mark.shared
@needs_shared
async def test_shared_list_that_did_not_change(tmp_path: Path) -> None:
    """GitHub's 304 to the state of a list that was given before: one request, and nothing is taken for missing."""
    list_ = moved(PYGITHUB, "AuthenticatedUser.testStarring.txt", STARRED, [200])[2:]
    same = moved(PYGITHUB, "ConditionalRequestUpdate.testDidNotUpdate.txt", STARRED, [304])
    tagged = replace(list_[0], headers=(("ETag", '"ed4e0b1aa7b6ab2a4a2c0ee3e5f9ba9d"'),))
    (first, second), _ = await asked(tmp_path, "github", "stars", [tagged, *same], times=2)
    assert (30, "done") == (first.records, first.streams[0].outcome)
    assert (0, "unchanged", 1) == (second.records, second.streams[0].outcome, second.requests)
