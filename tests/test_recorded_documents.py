"""
Every document that services were recorded to give in a list that a connector fetches: each becomes an item, and an object.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import pytest

from locker.walker import entries
from tests.mapping import fetching, made, said
from tests.replays import interactions
from tests.shared import needs_shared

GITHUB = ("github-pygithub", "github-github3py", "github-octokit-rb", "github-octokit-fixtures", "github-hub4j-wiremock")
MASTODON = ("mastodon-mastodonpy", "mastodon-rtoot")
RECORDED: list[tuple[str, str, tuple[str, ...], str, int]] = [
    # connector, stream, folders, path, how many entries at least
    ("github", "stars", GITHUB, "/us*/starred", 681),
    ("github", "stars", GITHUB, "/user/subscriptions", 31),
    ("github", "starred-gists", GITHUB, "/gists/starred", 2),
    ("github", "followers", GITHUB, "/us*/followers", 100),
    ("github", "followers", GITHUB, "/repos/*/stargazers", 60),
    ("github", "following", GITHUB, "/us*/following", 70),
    ("github", "gists", GITHUB, "/gists", 8),
    ("github", "gists", GITHUB, "/users/*/gists", 30),
    ("github", "gists", GITHUB, "/gists/public", 30),
    ("github", "repositories", GITHUB, "/us*/repos", 27),
    ("github", "issues", GITHUB, "/repos/*/issues", 400),
    ("github", "issues", GITHUB, "/repositories/*/issues", 20),
    ("github", "issues", GITHUB, "/repos/*/comments", 6),
    ("github", "events", GITHUB, "/users/*/events*", 90),
    ("github", "events", GITHUB, "/events", 50),
    ("github", "events", GITHUB, "/repos/*/github3.py/events", 100),
    ("mastodon", "statuses", MASTODON, "/api/v1/accounts/*/statuses", 50),
    ("mastodon", "statuses", MASTODON, "/api/v1/timelines/*", 100),
    ("mastodon", "favourites", MASTODON, "/api/v1/favourites", 3),
    ("mastodon", "bookmarks", MASTODON, "/api/v1/bookmarks", 5),
    ("mastodon", "following", MASTODON, "/api/v1/accounts/*/following", 3),
    ("mastodon", "following", MASTODON, "/api/v1/accounts/search", 3),
    ("mastodon", "followers", MASTODON, "/api/v1/accounts/*/followers", 0),
    ("mastodon", "followers", MASTODON, "/api/v1/statuses/*/*ed_by", 6),
    ("bluesky", "posts", ("bluesky-bskyr",), "/xrpc/com.atproto.repo.listRecords", 50),
    ("bluesky", "likes", ("bluesky-bskyr",), "/xrpc/app.bsky.feed.getActorLikes", 7),
    ("bluesky", "feed", ("bluesky-bskyr",), "/xrpc/app.bsky.feed.getTimeline", 49),
    ("bluesky", "follows", ("bluesky-bskyr",), "/xrpc/app.bsky.graph.getFollows", 48),
    ("reddit", "saved", ("reddit-praw",), "/user/*/saved", 18),
    ("reddit", "upvoted", ("reddit-praw",), "/user/*/upvoted", 100),
    ("reddit", "upvoted", ("reddit-praw",), "/user/*/downvoted", 69),
    ("reddit", "upvoted", ("reddit-praw",), "/user/*/hidden", 60),
    ("reddit", "submitted", ("reddit-praw",), "/user/*/submitted", 100),
    ("reddit", "submitted", ("reddit-praw",), "/r/*/new", 100),
    ("reddit", "submitted", ("reddit-praw",), "/api/info/", 25),
    ("reddit", "comments", ("reddit-praw",), "/user/*/comments", 100),
]


def bodies(folder: str, path: str) -> list[Any]:
    """The recorded answers to a path."""
    found = [one for one in interactions(folder) if one.method == "GET" and one.status == 200 and fnmatchcase(urlsplit(one.url).path, path)]
    return [json.loads(one.body) for one in found]


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(("name", "stream", "folders", "path", "least"), RECORDED)
def test_shared_documents_become_objects(name: str, stream: str, folders: tuple[str, ...], path: str, least: int) -> None:
    """Each entry has a key and says something that fits its schema."""
    connector = fetching(name)
    declared = next(one for one in connector.streams if stream == one.name)
    count = 0
    for body in (body for folder in folders for body in bodies(folder, path)):
        for item in made(connector, stream, entries(declared, body)):
            is_rest = item.body is None or len(item.body) < 3  # recordings from which all but the id was taken
            assert is_rest or said(connector, item.type, item.body or {}), item
            count += 1
    assert least <= count
