"""
Twitter's API in both of its versions: what its documents become, and what its refusals mean.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given

from locker.connector import Answer, Body, Item, Walk
from locker.error import LimitReached, LockerError, Skippable, Unauthorized
from tests.connectors import connector, mapped
from tests.listing import FakeSession
from tests.mapping import Sample, drifted, fetching, made, said

TWITTER = fetching("twitter")
ARCHIVE = connector("twitter-archive")
PAGE: Body = {
    "data": [
        {
            "id": "1050118621198921728",
            "text": "Tea & cake with @jo https://t.co/a https://t.co/p",
            "author_id": "7",
            "created_at": "2018-10-10T20:19:24.000Z",
            "lang": "en",
            "entities": {
                "hashtags": [{"tag": "Tea"}],
                "mentions": [{"username": "jo", "id": "8"}],
                "urls": [
                    {"url": "https://t.co/a", "expanded_url": "https://example.org/cake"},
                    {"url": "https://t.co/p", "expanded_url": "https://twitter.com/ann/status/1/photo/1", "media_key": "3_1"},
                ],
            },
            "attachments": {"media_keys": ["3_1", "7_2"]},
            "referenced_tweets": [{"type": "replied_to", "id": "19"}],
            "in_reply_to_user_id": "8",
        },
        {"id": "1050118621198921729", "text": "RT @jo: so lo…", "author_id": "7", "referenced_tweets": [{"type": "retweeted", "id": "19"}]},
    ],
    "includes": {
        "users": [{"id": "7", "username": "ann", "name": "Ann"}, {"id": "8", "username": "jo", "name": "Jo"}],
        "tweets": [{"id": "19", "text": "so long", "author_id": "8"}],
        "media": [{"media_key": "3_1", "type": "photo", "url": "https://pbs.example/1.jpg"}, {"media_key": "7_2", "type": "video"}],
    },
    "meta": {"result_count": 2},
}
OLD: Body = {
    "id": 1050118621198921728,
    "id_str": "1050118621198921728",
    "created_at": "Wed Oct 10 20:19:24 +0000 2018",
    "full_text": "Tea &amp; cake with @jo https://t.co/a https://t.co/p",
    "lang": "en",
    "entities": {
        "hashtags": [{"text": "Tea"}],
        "user_mentions": [{"screen_name": "jo"}],
        "urls": [{"url": "https://t.co/a", "expanded_url": "https://example.org/cake"}],
        "media": [{"media_url_https": "https://pbs.example/1.jpg", "type": "photo"}],
    },
    "in_reply_to_status_id_str": "19",
    "in_reply_to_screen_name": "jo",
    "user": {"id_str": "7", "screen_name": "ann", "followers_count": 3},
    "favorite_count": 12,
}
PERSON: Body = {
    "id": "8",
    "username": "jo",
    "name": "Jo",
    "description": "Bakes",
    "location": "Bern",
    "public_metrics": {"followers_count": 3},
}
EVENT: Body = {
    "id": "55",
    "event_type": "MessageCreate",
    "text": "Hi",
    "sender_id": "7",
    "dm_conversation_id": "7-8",
    "created_at": "2018-10-10T20:19:24.000Z",
}
EXPECTED: Body = {
    "url": "https://twitter.com/ann/status/1050118621198921728",
    "text": "Tea & cake with @jo https://t.co/a https://t.co/p",
    "author": "ann",
    "created": "2018-10-10T20:19:24Z",
    "reply_to": "https://twitter.com/jo/status/19",
    "tag": ["Tea"],
    "mentions": ["jo"],
    "links": ["https://example.org/cake"],
    "photos": ["https://pbs.example/1.jpg"],
    "language": "en",
    "kind": "reply",
}


def items(stream: str, document: Any = PAGE) -> list[Item]:
    """The items of a page of version 2."""
    declared = next(one for one in TWITTER.streams if stream == one.name)
    return made(TWITTER, stream, TWITTER.entries(declared, document))


SAMPLES: list[Sample] = [
    *(("post", item.body or {}) for item in items("tweets")),
    *(("favorite", item.body or {}) for item in items("bookmarks")),
    ("favorite", OLD),
    ("post", OLD),
    ("contact", {"user": PERSON, "relation": "following"}),
    ("contact", {"id_str": "8", "screen_name": "jo", "entities": {"url": {"urls": [{"expanded_url": "https://jo.example"}]}}}),
    ("message", EVENT),
    ("message", {"id": "1", "created_timestamp": "1539202764000", "message_create": {"sender_id": "7", "message_data": {"text": "Hi"}}}),
]  # fmt: skip


def test_a_tweet_says_the_same_in_both_versions() -> None:
    """Author, pictures and what is answered stand beside the list in version 2, and within the tweet in 1.1."""
    assert EXPECTED == said(TWITTER, "post", items("tweets")[0].body or {})
    assert EXPECTED == said(TWITTER, "post", OLD)


def test_a_tweet_is_stored_with_what_is_told_beside_it() -> None:
    """Only its own author, media and tweets; counters do not count, they would make an edit of it every day."""
    first, second = items("tweets")
    assert ["7", "8"] == [user["id"] for user in (first.body or {})["includes"]["users"]]
    assert "media" not in (second.body or {})["includes"]
    old = made(TWITTER, "tweets", [OLD])[0].body or {}
    lasting = TWITTER.lasting("post", old)
    assert {"id_str": "7", "screen_name": "ann"} == lasting["user"]
    assert "favorite_count" not in lasting


def test_a_repost_says_the_whole_text() -> None:
    """A repost is cut off, the tweet beside it is not."""
    assert ("RT @jo: so long", "repost") == tuple(said(TWITTER, "post", items("tweets")[1].body or {})[name] for name in ("text", "kind"))


def test_keys_are_those_of_the_archive() -> None:
    """Who imports the archive and fetches has everything once."""
    assert ["1050118621198921728", "bookmark:1050118621198921728"] == [items(stream)[0].key for stream in ("likes", "bookmarks")]
    assert ["following:8", "follower:8"] == [items(stream, {"data": [PERSON]})[0].key for stream in ("following", "followers")]
    assert ["like", "bookmark"] == [said(TWITTER, "favorite", items(stream)[0].body or {})["kind"] for stream in ("likes", "bookmarks")]


def test_a_tweet_without_a_date_has_the_one_of_its_id() -> None:
    """Apps of the poorest tier are told ids and texts alone."""
    assert "2018-10-10T20:19:24" == said(TWITTER, "favorite", {"id": "1050118621198921728", "text": "x"})["created"][:19]
    archived = Item("favorite", "1", {"like": {"tweetId": "1050118621198921728", "fullText": "x"}})
    assert mapped(ARCHIVE, archived) == said(TWITTER, "favorite", {"id": "1050118621198921728", "text": "x"})


def test_people_and_messages() -> None:
    """A person says why they are there; of two who talk the other one is the receiver."""
    contact = said(TWITTER, "contact", items("following", {"data": [PERSON]})[0].body or {})
    assert ("Jo", ["twitter:jo", "twitter-id:8"], "Bakes", ["following"]) == tuple(
        contact[name] for name in ("name", "handles", "bio", "relations")
    )
    assert {"from": "7", "to": ["8"], "text": "Hi", "thread": "7-8", "sent": "2018-10-10T20:19:24Z"} == said(TWITTER, "message", EVENT)


def test_the_old_version_pages_by_the_oldest_id() -> None:
    """With the option api=1.1 the same stream asks the old endpoint, one less than the last id each time; of bookmarks there are none."""

    async def walked(stream: str) -> tuple[list[str], list[dict[str, str]]]:
        pages = [[OLD], []]
        session = FakeSession(lambda _: (200, {}, pages.pop(0)), options={"api": "1.1"})
        declared = next(one for one in TWITTER.streams if stream == one.name)
        keys = [item.key async for page in TWITTER.fetch(session, declared, Walk()) for item in page.items if isinstance(item, Item)]
        return keys, [asked.params for asked in session.asked]

    keys, asked = asyncio.run(walked("likes"))
    assert ["1050118621198921728"] == keys
    assert [None, "1050118621198921727"] == [params.get("max_id") for params in asked]
    assert ([], []) == asyncio.run(walked("bookmarks"))


def test_a_missing_list_is_no_empty_one() -> None:
    """An empty list says how many there are; an answer without either is a problem, and nobody is taken for unfollowed."""
    declared = next(one for one in TWITTER.streams if one.name == "following")
    assert [] == TWITTER.entries(declared, {"meta": {"result_count": 0}})
    assert TWITTER.entries(declared, {"title": "Oops"}) is None
    assert TWITTER.entries(declared, "Oops") is None


def refusal(status: int, body: Any) -> LockerError | None:
    """What an answer means."""
    return TWITTER.judge(Answer(status, {}, json.dumps(body).encode(), "https://api.twitter.com/x"))


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"errors": [{"code": 89, "message": "Invalid or expired token."}]}, Unauthorized),
        (403, {"errors": [{"code": 99, "message": "Unable to verify your credentials"}]}, Unauthorized),
        (401, {"request": "/1.1/favorites/list.json", "error": "Not authorized."}, Skippable),
        (420, {"error": "Enhance your calm"}, LimitReached),
        (400, {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, LimitReached),
        (200, {"errors": [{"title": "Not Found Error", "detail": "Could not find user with id: [1]."}]}, Skippable),
        (200, {"data": [{"id": "1"}], "errors": [{"title": "Not Found Error"}]}, type(None)),
        (200, [{"id": 1, "error": "a tweet's own word"}], type(None)),
        (401, {"title": "Unauthorized", "status": 401}, type(None)),
        (429, {"title": "Too Many Requests"}, LimitReached),
    ],
)
def test_refusals(status: int, body: Any, expected: type) -> None:
    """A dead token asks for a new one, a protected list is passed over, an error beside data is none."""
    assert expected is type(refusal(status, body))


def test_a_limit_ends_when_twitter_says() -> None:
    """Its header tells the moment, and its date what time it is there."""
    headers = {"x-rate-limit-reset": "1700000100", "date": "Tue, 14 Nov 2023 22:13:20 GMT"}
    error = TWITTER.judge(Answer(429, headers, b"", "https://api.twitter.com/x"))
    assert isinstance(error, LimitReached)
    assert 100.0 == error.after


@given(drifted(SAMPLES))
def test_drifted_documents_are_mapped(sample: tuple[str, Any]) -> None:
    """Whatever Twitter changes in its documents, they become an object that fits its schema, or none."""
    said(TWITTER, *sample)
