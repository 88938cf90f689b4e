"""
Vimeo and Flickr: what their documents become, and what their refusals mean.
"""

from __future__ import annotations

import pytest

from locker.error import Retriable, Skippable, Unauthorized
from tests.mapping import fetching
from tests.sampled import first, judged


def test_vimeo() -> None:
    """A like says when it was given, a followed person where they are; play counts are never asked for."""
    like = first("vimeo", "likes")
    assert {
        "url": "https://vimeo.com/3",
        "title": "Rain 3",
        "description": "A street",
        "author": "Jo",
        "kind": "video",
        "tag": ["rain"],
        "created": "2020-03-03T10:00:00Z",
        "updated": "2020-02-03T10:00:00Z",
        "thumbnail": "https://i.vimeo.example/v3_100.jpg",
        "author_url": "https://vimeo.com/jo",
    } == like
    assert "2020-04-03T10:00:00Z" == first("vimeo", "watchlater")["created"]
    assert ("A street", "anybody") == tuple(first("vimeo", "videos")[field] for field in ("text", "visibility"))
    assert ["vimeo:jo3", "vimeo-id:3"] == first("vimeo", "following")["handles"]
    assert "album" == first("vimeo", "albums")["kind"]
    assert not any("stats" in stream.params["fields"] for stream in fetching("vimeo").streams)


def test_flickr() -> None:
    """A photo is its largest size, a favorite its page; numbers come as texts as well."""
    assert {
        "url": "https://live.flickr.example/3_b.jpg",
        "title": "Lake 3",
        "description": "Early",
        "author": "Jo",
        "tag": ["lake", "morning"],
        "thumbnail": "https://live.flickr.example/3_q.jpg",
        "width": 1024,
        "height": 768,
        "taken": "2020-01-03T07:00:00",
        "updated": "2020-01-26T00:55:03Z",
    } == first("flickr", "photos")
    assert ("https://www.flickr.com/photos/jo/1003", "2020-05-20T18:40:03Z") == tuple(
        first("flickr", "favorites")[field] for field in ("url", "created")
    )
    assert ("Mo 3", ["mo3"], ["flickr:3@N02"]) == tuple(first("flickr", "contacts")[field] for field in ("name", "nicknames", "handles"))


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"stat":"fail","code":98,"message":"Invalid auth token"}', Unauthorized),
        (200, b'{"stat":"fail","code":105,"message":"Service currently unavailable"}', Retriable),
        (200, b'{"stat":"fail","code":1,"message":"User not found"}', Skippable),
        (400, b"oauth_problem=token_rejected", Unauthorized),
        (401, b"oauth_problem=timestamp_refused&oauth_acceptable_timestamps=1", Retriable),
        (200, b'{"photos":{"photo":[]},"stat":"ok"}', type(None)),
    ],
)
def test_flickr_fails_with_200(status: int, body: bytes, expected: type) -> None:
    """Flickr tells errors within an answer that succeeded, and OAuth's as a form."""
    assert expected is type(judged("flickr", status, body))
