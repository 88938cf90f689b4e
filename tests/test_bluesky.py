"""
Bluesky's records and views: what they become.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given

from locker.connector import Answer, Body, Item, Problem
from locker.error import Unauthorized
from tests.fetching import FakeService, opened, synced
from tests.mapping import Sample, drifted, fetching, made, said

BLUESKY = fetching("bluesky")
ANN, BOB = "did:plc:ann", "did:plc:bob"
URI = f"at://{ANN}/app.bsky.feed.post/3k1"
RECORD: Body = {
    "$type": "app.bsky.feed.post",
    "text": "Soup with #salt for @bob: soup.example",
    "createdAt": "2024-01-02T03:04:05.678Z",
    "langs": ["en"],
    "tags": ["food"],
    "facets": [
        {"features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "salt"}]},
        {"features": [{"$type": "app.bsky.richtext.facet#mention", "did": BOB}]},
        {"features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://soup.example/"}]},
    ],
    "embed": {
        "$type": "app.bsky.embed.recordWithMedia",
        "record": {"record": {"uri": f"at://{BOB}/app.bsky.feed.post/3k0", "cid": "b"}},
        "media": {"images": [{"alt": "", "image": {"$type": "blob", "ref": {"$link": "bafypic"}, "mimeType": "image/jpeg"}}]},
    },
    "reply": {"parent": {"uri": f"at://{BOB}/app.bsky.feed.post/3jz"}},
}
LISTED: Body = {"uri": URI, "cid": "b", "value": RECORD}
PROFILE: Body = {"did": ANN, "handle": "ann.example", "displayName": "Ann", "avatar": "https://cdn.example/ann", "description": "Cook"}
VIEW: Body = {
    "uri": URI,
    "author": PROFILE,
    "record": RECORD,
    "embed": {"media": {"images": [{"thumb": "https://cdn.example/s", "fullsize": "https://cdn.example/l"}]}},
    "indexedAt": "2024-01-02T03:04:06.000Z",
}
LIKE: Body = {
    "uri": f"at://{BOB}/app.bsky.feed.like/3k9",
    "value": {"$type": "app.bsky.feed.like", "subject": {"uri": URI}, "createdAt": "2024-02-02T03:04:05Z"},
}
REPOST: Body = {"post": VIEW, "reason": {"$type": "app.bsky.feed.defs#reasonRepost", "indexedAt": "2024-03-01T00:00:00Z"}}
PAGE = f"https://bsky.app/profile/{ANN}/post/3k1"
SAMPLES: list[Sample] = [
    ("post", LISTED),
    ("post", {"post": VIEW}),
    ("post", REPOST),
    ("post", {"uri": URI, "value": {"text": "x", "embed": {"external": {"uri": "https://soup.example/"}}}}),
    ("favorite", LIKE),
    ("favorite", {"post": VIEW}),
    ("contact", {"user": PROFILE, "relation": "follows"}),
]


def test_a_record_is_a_post() -> None:
    """A record alone knows no handles; its pictures are where Bluesky's server of pictures has them."""
    assert {
        "url": PAGE,
        "text": RECORD["text"],
        "author": ANN,
        "created": "2024-01-02T03:04:05.678000Z",
        "reply_to": f"https://bsky.app/profile/{BOB}/post/3jz",
        "tag": ["salt", "food"],
        "mentions": [BOB],
        "links": ["https://soup.example/", f"https://bsky.app/profile/{BOB}/post/3k0"],
        "photos": [f"https://cdn.bsky.app/img/feed_fullsize/plain/{ANN}/bafypic@jpeg"],
        "language": "en",
        "kind": "reply",
    } == said(BLUESKY, "post", LISTED)


def test_a_view_of_the_same_post() -> None:
    """A feed tells the handle and the pictures' addresses; the page is the same, so both are one object."""
    post = said(BLUESKY, "post", {"post": VIEW})
    assert (PAGE, "ann.example", ["https://cdn.example/l"]) == (post["url"], post["author"], post["photos"])
    assert "repost" == said(BLUESKY, "post", REPOST)["kind"]


def test_a_like_is_known_twice() -> None:
    """The record tells when, the view what: they have one address."""
    when, what = said(BLUESKY, "favorite", LIKE), said(BLUESKY, "favorite", {"post": VIEW})
    assert {"url": PAGE, "kind": "like", "created": "2024-02-02T03:04:05Z", "updated": "2024-02-02T03:04:05Z"} == when
    assert (PAGE, RECORD["text"], "https://cdn.example/l") == (what["url"], what["description"], what["thumbnail"])


def test_people() -> None:
    """A profile has its handle, which may change, and its DID, which does not; a handle that is not valid is none."""
    assert {
        "name": "Ann",
        "handles": ["bluesky:ann.example", f"bluesky-did:{ANN}"],
        "urls": [f"https://bsky.app/profile/{ANN}"],
        "photos": ["https://cdn.example/ann"],
        "bio": "Cook",
        "relations": ["follows"],
    } == said(BLUESKY, "contact", {"user": PROFILE, "relation": "follows"})
    gone = said(BLUESKY, "contact", {"user": {"did": BOB, "handle": "handle.invalid"}, "relation": "follows"})
    assert [f"bluesky-did:{BOB}"] == gone["handles"]


def test_what_is_in_two_lists_has_two_keys() -> None:
    """A post is listed, seen in the feed, reposted and liked: four items, none of which hides another."""
    keys = [
        (item.type, item.key)
        for stream, entry in (
            ("posts", LISTED),
            ("feed", {"post": VIEW}),
            ("feed", REPOST),
            ("likes", {"post": VIEW}),
            ("follows", PROFILE),
        )
        for item in made(BLUESKY, stream, [entry])
    ]
    assert [
        ("post", URI), ("post", f"feed:{URI}"), ("post", f"repost:{URI}"), ("favorite", URI), ("contact", f"follows:{ANN}"),
    ] == keys  # fmt: skip


def test_a_record_of_another_collection_is_none_of_a_stream() -> None:
    """A server that answers with other records than it was asked for is not believed."""
    stream = next(one for one in BLUESKY.streams if "like-records" == one.name)
    assert isinstance(BLUESKY.item(stream, LISTED), Problem)
    assert isinstance(BLUESKY.item(stream, LIKE), Item)


@pytest.mark.parametrize("name", ["ExpiredToken", "InvalidToken"])
def test_an_ended_token_is_told_as_400(name: str) -> None:
    """Other mistakes of 400 are what they are."""
    assert isinstance(BLUESKY.judge(Answer(400, {}, f'{{"error": "{name}"}}'.encode(), "")), Unauthorized)
    assert BLUESKY.judge(Answer(400, {}, b'{"error": "InvalidRequest"}', "")) is None
    assert BLUESKY.judge(Answer(400, {}, b"<html>", "")) is None


class Server:
    """A server of the protocol, whose access tokens are good for three requests and whose renewing tokens for one."""

    def __init__(self) -> None:
        self.given, self.left, self.calls = 0, 0, list[str]()

    async def __call__(self, request: web.Request) -> web.Response:
        call, bearer = request.path.removeprefix("/xrpc/"), request.headers.get("Authorization")
        self.calls.append(call)
        if call == "com.atproto.server.createSession":
            is_ann = {"identifier": "ann.example", "password": "abcd-efgh"} == await request.json()
            return self._session() if is_ann else web.json_response({"error": "AuthenticationRequired"}, status=401)
        if call == "com.atproto.server.refreshSession":
            return self._session() if bearer == f"Bearer renew-{self.given}" else web.json_response({"error": "ExpiredToken"}, status=400)
        self.left -= 1
        if bearer != f"Bearer access-{self.given}" or self.left < 0:
            return web.json_response({"error": "ExpiredToken", "message": "Token has expired"}, status=400)
        lists = {
            "com.atproto.server.getSession": {"did": ANN, "handle": "ann.example"},
            "com.atproto.repo.listRecords": {"records": [LISTED if "post" in request.query.get("collection", "") else LIKE]},
            "app.bsky.feed.getAuthorFeed": {"feed": [{"post": VIEW}, REPOST]},
            "app.bsky.feed.getActorLikes": {"feed": [{"post": VIEW}]},
            "app.bsky.graph.getFollows": {"follows": [PROFILE]},
        }
        return web.json_response(lists.get(call, {"followers": []}))

    def _session(self) -> web.Response:
        self.given, self.left = self.given + 1, 3
        return web.json_response({"accessJwt": f"access-{self.given}", "refreshJwt": f"renew-{self.given}", "did": ANN})


async def test_an_app_password_is_all_it_takes(tmp_path: Path) -> None:
    """The password is sent once; sessions that end in the middle of a run are renewed; likes and their records become one object."""
    server = Server()
    secrets = {"username": "ann.example", "password": "abcd-efgh"}
    async with FakeService(cues=[server]).open() as base:
        first, second = await synced(tmp_path, BLUESKY, base, secrets=secrets)
    assert {"posts": 1, "feed": 2, "likes": 1, "like-records": 1, "follows": 1, "followers": 0} == {
        stream.name: stream.added for stream in first.streams
    }
    assert ("normal", None, 0, None) == (first.mode, first.error, second.records, second.error)
    assert 1 == server.calls.count("com.atproto.server.createSession")
    assert 2 < server.calls.count("com.atproto.server.refreshSession")
    with opened(tmp_path, BLUESKY) as locker:
        locker.prepare()
        locker.catch_up()
        like = locker.object("me", "favorite:1")
    expected = {"url": PAGE, "description": RECORD["text"], "author": "ann.example", "created": "2024-02-02T03:04:05Z"}
    assert expected == {name: like["body"][name] for name in expected}
    assert 2 == len(like["via"])


@given(drifted(SAMPLES))
def test_drifted_documents_are_mapped(sample: tuple[str, Any]) -> None:
    """Whatever Bluesky changes in its documents, they become an object that fits its schema, or none."""
    said(BLUESKY, *sample)
