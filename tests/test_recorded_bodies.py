"""
Recordings that are bodies alone, served at the addresses that their folders name: synced twice, the second run appends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from locker.connector import Fetching
from tests.fetching import bodies, opened, synced
from tests.mapping import fetching, said
from tests.replays import Reply, answering
from tests.shared import DATA, needs_shared

LIKEASTORE, DOGSHEEP, ATPROTO, INDIGO = (
    DATA / name for name in ("likeastore-replies", "github-dogsheep", "bluesky-atproto-py", "bluesky-indigo")
)
ITEMS = DATA / "hackernews-hackernews/hacker-news.firebaseio.com/v0/item"
Served = Mapping[str, Any]


async def fetched(tmp_path: Path, name: str, served: Served, stream: str, options: Mapping[str, str], records: int) -> Fetching:
    """Two runs of a stream: the first appends so many records, the second none."""
    async with answering(served) as base:
        first, second = await synced(tmp_path, fetching(name), base, options=options, streams=[stream])
    assert (records, "done", None) == (first.records, first.streams[0].outcome, first.error)
    assert (0, None) == (second.records, second.error)
    return fetching(name)


@pytest.mark.shared
@needs_shared
async def test_shared_stars_of_likeastore(tmp_path: Path) -> None:
    """The replies of a first sync, and of a later one with nothing new."""
    served = {"/users/ann/starred": [LIKEASTORE / "github.connector.init.json", LIKEASTORE / "github.connector.normal.nonew.json"]}
    await fetched(tmp_path, "github", served, "stars", {"username": "ann"}, 30)


@pytest.mark.shared
@needs_shared
async def test_shared_next_page_of_likeastore(tmp_path: Path) -> None:
    """The replies of two pages, tied by a Link as GitHub sends it: what is on both is one star."""
    both = [Reply((LIKEASTORE / f"github.connector.{name}.json").read_bytes()) for name in ("init", "normal")]
    linked = Reply(both[0].body, headers={"Link": '</users/ann/starred?page=2>; rel="next", </users/ann/starred?page=2>; rel="last"'})
    served = {"/users/ann/starred": linked, "/users/ann/starred?page=2": both[1]}
    shown = {star["id"] for page in both for star in json.loads(page.body)}
    await fetched(tmp_path, "github", served, "stars", {"username": "ann"}, len(shown))


@pytest.mark.shared
@needs_shared
async def test_shared_favorites_of_likeastore(tmp_path: Path) -> None:
    """Stack Overflow's answers of version 1.1, one of which is no UTF-8, and an empty later one."""
    served = {"/users/7/favorites": [LIKEASTORE / f"stackoverflow.connector.{name}.json" for name in ("init", "normal")]}
    stack = await fetched(tmp_path, "stackoverflow", served, "favorites", {"user": "7"}, 34)
    with opened(tmp_path, stack) as locker:
        favorites = [said(stack, "favorite", body) for body in bodies(locker, "stackoverflow").values()]
    assert all({"url", "title", "tag", "created", "kind"} <= set(favorite) for favorite in favorites)
    assert "Serhat Özgel" in {favorite.get("author") for favorite in favorites}


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(
    ("path", "file", "stream", "records"),
    [
        ("/user/starred", "starred.json", "stars", 1),
        ("/issues", "issues.json", "issues", 2),
        ("/user/repos", "repo.json", "repositories", 1),
    ],
)
async def test_shared_bodies_of_dogsheep(tmp_path: Path, path: str, file: str, stream: str, records: int) -> None:
    """Stars in the form with their time, issues, a repository; the user is who the token is of."""
    github = await fetched(tmp_path, "github", {"/user": DOGSHEEP / "user.json", path: DOGSHEEP / file}, stream, {}, records)
    with opened(tmp_path, github) as locker:
        assert "simonw" == locker.connections.get("me", "github").account["username"]
        objects = [said(github, github_type(stream), body) for body in bodies(locker, "github").values()]
    assert all({"url", "title", "created"} <= set(one) for one in objects)


def github_type(stream: str) -> str:
    """The type of one of GitHub's streams."""
    return next(one.type for one in fetching("github").streams if stream == one.name)


@pytest.mark.shared
@needs_shared
async def test_shared_statuses_of_perkeep(tmp_path: Path) -> None:
    """A page of statuses of an old Mastodon."""
    served = {"/api/v1/accounts/1/statuses": DATA / "mastodon-perkeep/user_statuses.json"}
    mastodon = await fetched(tmp_path, "mastodon", served, "statuses", {"id": "1"}, 2)
    with opened(tmp_path, mastodon) as locker:
        texts = {said(mastodon, "post", body)["text"] for body in bodies(locker, "mastodon").values()}
    assert "MULTIPLE\nLINES\nOF\nTEXT" in texts


@pytest.mark.shared
@needs_shared
def test_shared_statuses_of_a_public_stream() -> None:
    """Every status of a capture of mastodon.social's stream, one a line, is a post with an author whose host is known."""
    lines = (DATA / "mastodon-rtoot/testdata/mastodonsocial.json").read_text().split("\n")
    posts = [said(fetching("mastodon"), "post", json.loads(line)) for line in lines if line.strip()]
    assert posts
    assert all({"url", "author", "created", "kind"} <= set(post) and "@" in post["author"] for post in posts)


@pytest.mark.shared
@needs_shared
async def test_shared_follows_of_bluesky(tmp_path: Path) -> None:
    """A session tells who one is; whom one follows."""
    follows = ATPROTO / "get_follows.json"
    served = {"/xrpc/com.atproto.server.getSession": ATPROTO / "did_doc.json", "/xrpc/app.bsky.graph.getFollows": follows}
    await fetched(tmp_path, "bluesky", served, "follows", {}, len(json.loads(follows.read_bytes())["follows"]))


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(("file", "stream", "records"), [("like_record.json", "like-records", 1), ("feed_record.json", "like-records", 0)])
async def test_shared_records_of_bluesky(tmp_path: Path, file: str, stream: str, records: int) -> None:
    """The record of a like is one; that of a feed's generator is none."""
    listed = Reply(b'{"records": [%s]}' % (ATPROTO / file).read_bytes())
    served = {"/xrpc/com.atproto.repo.listRecords": listed}
    await fetched(tmp_path, "bluesky", served, stream, {"actor": "did:plc:kvwvcn5iqfooopmyzvb4qzba"}, records)


@pytest.mark.shared
@needs_shared
def test_shared_addresses_of_the_protocol() -> None:
    """Whatever stands where an address or a time should, a post is an object that fits its schema; each valid time is told."""
    bluesky, folder = fetching("bluesky"), INDIGO / "atproto/syntax/testdata"
    for path in sorted(folder.glob("*.txt")):
        lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
        for line in lines:
            posted = said(bluesky, "post", {"uri": line, "value": {"text": "x", "createdAt": line}})
            said(bluesky, "favorite", {"uri": "at://a/b/c", "value": {"subject": {"uri": line}, "createdAt": line}})
            said(bluesky, "contact", {"user": {"did": line, "handle": line}, "relation": "follows"})
            # No calendar of Python's has a year 0.
            assert "datetime_syntax_valid" != path.stem or line.startswith("0000") or "created" in posted, line
    assert (
        "https://bsky.app/profile/did:plc:a/post/3k1"
        == said(bluesky, "post", {"uri": "at://did:plc:a/app.bsky.feed.post/3k1", "value": {"text": "x"}})["url"]
    )


@pytest.mark.shared
@needs_shared
async def test_shared_items_of_hacker_news(tmp_path: Path) -> None:
    """The recorded items as if they were one user's: stories and comments are kept, what is deleted or shown to nobody is not."""
    recorded = {path.stem: path for path in sorted(ITEMS.glob("*.json"))}
    user = Reply(json.dumps({"id": "ann", "submitted": [int(id) for id in recorded]}).encode())
    served = {"/v0/user/ann.json": user, **{f"/v0/item/{id}.json": path for id, path in recorded.items()}}
    living = [id for id, path in recorded.items() if (said := json.loads(path.read_bytes())) and not said.get("deleted")]
    await fetched(tmp_path, "hackernews", served, "submitted", {"username": "ann"}, len(living))
