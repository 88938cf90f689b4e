"""
GitHub, Mastodon, Bluesky, Reddit and Hacker News as they were recorded, synced twice: every recorded page of a stream is asked for, each entry becomes
one record, and the second run appends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.fetching import synced
from tests.mapping import fetching
from tests.replays import calls, interactions, replayed, serving
from tests.shared import needs_shared

PYGITHUB, GITHUB3, OCTOKIT, FIXTURES = "github-pygithub", "github-github3py", "github-octokit-rb", "github-octokit-fixtures"
TOOTED, RTOOT, PRAW = "mastodon-mastodonpy", "mastodon-rtoot", "reddit-praw"
TEMPORARY = "octokit-fixture-org/tmp-scenario-paginate-issues-20220719043836917-izyoe"
RECORDED: list[tuple[str, str, str, Mapping[str, str], str, str]] = [
    # connector, folder, cassette, options, stream, the paths of its calls
    ("github", PYGITHUB, "AuthenticatedUser.testStarring.txt", {}, "stars", "/user/starred"),
    ("github", PYGITHUB, "AuthenticatedUser.testGetStarredGists.txt", {}, "starred-gists", "/gists/starred"),
    ("github", PYGITHUB, "AuthenticatedUser.testFollowing.txt", {}, "followers", "/user/followers"),
    ("github", PYGITHUB, "AuthenticatedUser.testFollowing.txt", {}, "following", "/user/following"),
    ("github", PYGITHUB, "AuthenticatedUser.testGetRepos.txt", {}, "repositories", "/user/repos"),
    ("github", PYGITHUB, "NamedUser.testGetFollowers.txt", {"username": "jacquev6"}, "followers", "/users/*/followers"),
    ("github", PYGITHUB, "NamedUser.testGetRepos.txt", {"username": "jacquev6"}, "repositories", "/users/*/repos"),
    ("github", PYGITHUB, "Event.setUp.txt", {"username": "jacquev6"}, "events", "/users/*/events"),
    ("github", PYGITHUB, "Issue33*", {"repository": "openframeworks/openFrameworks"}, "repository-issues", "/repos/*/issues"),
    ("github", PYGITHUB, "PaginatedList.testIteration.txt", {"repository": "openframeworks/openFrameworks"}, "repository-issues", "/repos/*/issues"),
    ("github", GITHUB3, "User_starred_repositories.json", {"username": "sigmavirus24"}, "stars", "/user*/starred"),
    ("github", GITHUB3, "User_followers.json", {"username": "sigmavirus24"}, "followers", "/users/*/followers"),
    ("github", GITHUB3, "GitHub_followers_of.json", {"username": "sigmavirus24"}, "followers", "/users/*/followers"),
    ("github", GITHUB3, "User_following.json", {"username": "sigmavirus24"}, "following", "/users/*/following"),
    ("github", GITHUB3, "Repository_issues_ascending.json", {"repository": "betamaxpy/betamax"}, "repository-issues", "/repos/*/issues"),
    ("github", OCTOKIT, "*_starred/*", {}, "stars", "/user/starred"),
    ("github", OCTOKIT, "*_followers/*", {"username": "pengwynn"}, "followers", "/users/*/followers"),
    ("github", OCTOKIT, "*_following/*", {"username": "sferik"}, "following", "/users/*/following"),
    ("github", OCTOKIT, "*_user_events/*", {"username": "sferik"}, "events", "/users/*/events"),
    ("github", OCTOKIT, "*_gists/*", {"username": "defunkt"}, "gists", "/users/*/gists"),
    ("github", FIXTURES, "*normalized-fixture.json", {"repository": "octokit-fixture-org/paginate-issues"}, "repository-issues", "/repo*/issues"),
    ("github", FIXTURES, "paginate-issues/raw-fixture.json", {"repository": TEMPORARY}, "repository-issues", "/repo*/issues"),
    ("mastodon", RTOOT, "get_account_statuses*", {"id": "109302436954721982"}, "statuses", "/api/v1/accounts/*/statuses"),
    ("mastodon", RTOOT, "get_account_favourites*", {}, "favourites", "/api/v1/favourites"),
    ("mastodon", RTOOT, "get_account_bookmarks*", {}, "bookmarks", "/api/v1/bookmarks"),
    ("mastodon", RTOOT, "get_account_following*", {"id": "109302436954721982"}, "following", "/api/v1/accounts/*/following"),
    ("mastodon", TOOTED, "*test_account_followers.yaml", {}, "followers", "/api/v1/accounts/*/followers"),
    ("mastodon", TOOTED, "*test_account_following.yaml", {}, "following", "/api/v1/accounts/*/following"),
    ("mastodon", TOOTED, "*test_favourites.yaml", {}, "favourites", "/api/v1/favourites"),
    ("bluesky", "bluesky-bskyr", "f_getlikes.yml", {"actor": "bskyr.bsky.social"}, "likes", "*.getActorLikes"),
    ("bluesky", "bluesky-bskyr", "g_follows.yml", {"actor": "chriskenny.bsky.social"}, "follows", "*.getFollows"),
    ("bluesky", "bluesky-bskyr", "r_listrcd.yml", {"actor": "did:plc:wpe35pganb6d4pg4ekmfy6u5"}, "posts", "*.listRecords"),
    ("reddit", PRAW, "*.test_saved.json", {"username": "me"}, "saved", "/user/*/saved"),
    ("reddit", PRAW, "*.test_upvoted.json", {"username": "me"}, "upvoted", "/user/*/upvoted"),
    ("reddit", PRAW, "*.test_submissions__new.json", {"username": "spez"}, "submitted", "/user/*/submitted"),
    ("reddit", PRAW, "*.test_comments__new.json", {"username": "spez"}, "comments", "/user/*/comments"),
]  # fmt: skip


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(("name", "folder", "cassette", "options", "stream", "path"), RECORDED)
async def test_shared_recordings_are_synced_once(
    tmp_path: Path, name: str, folder: str, cassette: str, options: Mapping[str, str], stream: str, path: str
) -> None:
    """As many records as the recording counts entries, from all of its pages; where it breaks off, what came before stays."""
    recorded = [call for call in calls(folder, cassette, path) if call.method == "GET" and call.status == 200]
    async with replayed(folder, cassette) as base:
        first, second = await synced(tmp_path, fetching(name), base, options=options, streams=[stream])
        unasked = await left(base, path)
    assert sum(call.items or 0 for call in recorded) == first.records
    assert [] == unasked
    assert {"done", "skipped", "unchanged"} >= {first.streams[0].outcome, second.streams[0].outcome}
    assert (0, None) == (second.records, second.error)


async def left(base: str, path: str) -> list[str]:
    """The recorded calls to a path that nobody asked for."""
    async with aiohttp.ClientSession() as client, client.get(f"{base}/_replay/stats") as answer:
        rows: list[dict[str, Any]] = (await answer.json())["never_requested"]
    return [row["url"] for row in rows if row["method"] == "GET" and fnmatchcase(urlsplit(row["url"]).path, path)]


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(
    ("name", "folder", "options", "expected"),
    [
        ("github", PYGITHUB, {}, {"stars": 35, "starred-gists": 2, "followers": 13, "following": 24, "gists": 5, "repositories": 16, "events": 30}),
        ("github", GITHUB3, {}, {"stars": 616, "followers": 25, "following": 24}),
        ("github", OCTOKIT, {}, {"stars": 30, "followers": 1}),
        ("mastodon", RTOOT, {"id": "109302436954721982"}, {"statuses": 20, "favourites": 3, "bookmarks": 3, "following": 3}),
        ("bluesky", "bluesky-bskyr", {"actor": "chriskenny.bsky.social"}, {"posts": 50, "likes": 7, "follows": 48}),
        ("reddit", PRAW, {}, {"saved": 18, "upvoted": 100}),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
async def test_shared_folders_are_synced_whole(
    tmp_path: Path, name: str, folder: str, options: Mapping[str, str], expected: Mapping[str, int]
) -> None:
    """All streams of an account in one run: those that the recordings have are fetched, whatever the others answer."""
    async with replayed(folder) as base:
        first, second = await synced(tmp_path, fetching(name), base, options=options)
    assert dict(expected) == {stream.name: stream.added for stream in first.streams if stream.added}
    assert (None, 0, None) == (first.error, second.records, second.error)


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("cassette", ["*test_fetch_next_previous.yaml", "*test_fetch_next_previous_from_pagination_info.yaml"])
async def test_shared_statuses_are_paged_back(tmp_path: Path, cassette: str) -> None:
    """Mastodon's pages go on at the oldest status seen; the account is the one that the token tells."""
    async with replayed(TOOTED, cassette) as base:
        first, second = await synced(tmp_path, fetching("mastodon"), base, streams=["statuses"])
    assert (10, 2, 0) == (first.records, first.streams[0].pages, second.records)


@pytest.mark.shared
@needs_shared
async def test_shared_bookmarks_that_are_taken_back(tmp_path: Path) -> None:
    """The cassette has one bookmark, and none after it was taken back: a walk of all there is deletes it."""
    async with replayed(TOOTED, "*test_bookmarks.yaml") as base:
        reports = await synced(tmp_path, fetching("mastodon"), base, streams=["bookmarks"], whole=True, times=3)
    assert [(1, 0), (0, 1), (0, 0)] == [(report.streams[0].added, report.streams[0].deleted) for report in reports]


@pytest.mark.shared
@needs_shared
async def test_shared_listing_of_two_pages(tmp_path: Path) -> None:
    """The one listing of Reddit's that was recorded over two pages is an inbox; its cursor leads from one to the next."""
    inbox = [one for one in interactions(PRAW, "*test_all__with_limit.json") if "GET" == one.method]
    shown = [replace(one, url=one.url.replace("/message/inbox/", "/user/ann/comments")) for one in inbox]
    async with serving(shown) as base:
        first, second = await synced(tmp_path, fetching("reddit"), base, options={"username": "ann"}, streams=["comments"])
    assert (2, 200, 0) == (first.streams[0].pages, first.records, second.records)


@pytest.mark.shared
@needs_shared
async def test_shared_hacker_news_user(tmp_path: Path) -> None:
    """A user's numbers are asked for; that their items were not recorded is a problem of each, and nothing is taken for deleted."""
    user = json.loads(await _body("hackernews-hackernews", "*/user/tomek.json"))
    async with replayed("hackernews-hackernews") as base:
        (report,) = await synced(tmp_path, fetching("hackernews"), base, options={"username": "tomek"}, times=1)
    assert (len(user["submitted"]), 0) == (report.unreadable, report.records)
    assert 1 + len(user["submitted"]) == report.requests


async def _body(folder: str, cassette: str) -> str:
    async with replayed(folder, cassette) as base, aiohttp.ClientSession() as client:
        async with client.get(f"{base}/_replay/endpoints") as answer:
            (row,) = await answer.json()
        async with client.get(base + urlsplit(row["url"]).path) as answer:
            return await answer.text()
