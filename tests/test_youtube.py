"""
YouTube: what its documents become, how its lists of lists are walked, and what its refusals mean.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from locker.connector import Item, Walk
from locker.error import LimitReached, Skippable, Unauthorized
from tests.listing import Asked, FakeSession
from tests.mapping import fetching
from tests.sampled import first, items, judged, keys


def test_youtube() -> None:
    """Likes and subscriptions say what Google's takeout says, under its keys; a video in a playlist lies in that folder."""
    assert {
        "url": "https://www.youtube.com/watch?v=vid00000003",
        "title": "Soup 3",
        "description": "Slowly",
        "author": "Kitchen",
        "kind": "video",
        "created": "2020-01-03T10:00:00Z",
        "thumbnail": "https://i.ytimg.example/3/default.jpg",
    } == first("youtube", "likes")
    assert ["video:vid00000003", "channel:UC3"] == [keys("youtube", stream)[0] for stream in ("likes", "subscriptions")]
    assert ("https://www.youtube.com/playlist?list=PL3", "playlist") == tuple(
        first("youtube", "playlists")[field] for field in ("url", "kind")
    )
    assert ("https://www.youtube.com/watch?v=brd00000003", "Bakery", "PL1") == tuple(
        first("youtube", "playlist-items")[field] for field in ("url", "author", "folder")
    )
    assert ("Liked 3", "like", "https://www.youtube.com/watch?v=vid00000003") == tuple(
        first("youtube", "activities")[field] for field in ("title", "kind", "url")
    )
    assert "etag" not in (items("youtube", "likes")[0].body or {})


def youtube_error(reason: str) -> bytes:
    return json.dumps({"error": {"code": 403, "message": "No", "errors": [{"reason": reason}]}}).encode()


@pytest.mark.parametrize(
    ("date", "after"),
    [
        ("Tue, 14 Nov 2023 07:00:00 GMT", 3600.0),
        ("Tue, 14 Nov 2023 08:00:00 GMT", 86400.0),
        ("Tue, 14 Nov 2023 22:30:00 GMT", 34200.0),
        ("soon", 3600.0),
    ],
)
def test_youtubes_quota_comes_back_at_midnight_in_california(date: str, after: float) -> None:
    """No header tells when; the answer's own date does."""
    error = judged("youtube", 403, youtube_error("quotaExceeded"), date=date)
    assert isinstance(error, LimitReached)
    assert after == error.after


def test_other_refusals_of_youtube() -> None:
    """A bad key asks for another, haste for a minute's patience, a hidden list is what its status says."""
    assert isinstance(judged("youtube", 400, youtube_error("keyInvalid")), Unauthorized)
    assert isinstance(judged("youtube", 403, youtube_error("userRateLimitExceeded")), LimitReached)
    assert judged("youtube", 403, youtube_error("subscriptionForbidden")) is None
    assert judged("youtube", 200, b'{"items": [{"snippet": {"title": "\\"error\\""}}]}') is None
    assert judged("youtube", 500, b"not json") is None


def listed(asked: Asked) -> tuple[int, dict[str, str], Any]:
    """Two playlists; the first has two pages, the second is gone meanwhile."""
    if asked.path.endswith("/playlists"):
        return 200, {}, {"items": [{"id": "A"}, {"id": "B"}]}
    if asked.params.get("playlistId") != "A":
        raise Skippable("404")
    page = 2 if "pageToken" in asked.params else 1
    return 200, {}, {"items": [{"id": f"A{page}"}], **({"nextPageToken": "2"} if page == 1 else {})}


@pytest.mark.parametrize("taken", [1, 2, 3])
def test_lists_of_lists_go_on_where_they_were_left(taken: int) -> None:
    """A step holds the lists that are left, and the page within the first: nothing is asked twice, and what is gone is passed over."""
    youtube = fetching("youtube")
    stream = next(one for one in youtube.streams if one.name == "playlist-items")

    async def walked(step: Any, most: int) -> tuple[list[str], Any]:
        found: list[str] = []
        left = None
        async for page in youtube.fetch(FakeSession(listed), stream, Walk(step)):
            found += [item.key for item in page.items if isinstance(item, Item)]
            left, most = json.loads(json.dumps(page.step)), most - 1
            if not most:
                break
        return found, left

    before, step = asyncio.run(walked(None, taken))
    after, end = asyncio.run(walked(step, 10)) if step else ([], None)
    assert (["A1", "A2"], None) == ([*before, *after], end)
