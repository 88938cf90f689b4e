"""
YouTube, Vimeo, Flickr, Tumblr, Spotify and Last.fm: what their documents become, and what their refusals mean.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.connector import Answer, Item, Walk
from locker.error import Fatal, LimitReached, Retriable, Skippable, Unauthorized
from tests.listing import Asked, FakeSession
from tests.mapping import Sample, drifted, fetching, made, said
from tests.sampled import documents, first, items, judged, keys

NAMES = ("youtube", "vimeo", "flickr", "tumblr", "spotify", "lastfm", "pinboard", "raindrop", "twitter")


@given(st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), drifted(documents(name)))))
def test_drifted_documents_are_mapped(drift: tuple[str, Sample]) -> None:
    """Whatever a service changes in its documents, they become an object that fits its schema, or none."""
    name, sample = drift
    said(fetching(name), *sample)


@given(st.sampled_from(NAMES), st.data())
def test_drifted_entries_are_items_or_problems(name: str, data: st.DataObject) -> None:
    """An entry of any shape becomes an item that can be mapped, a problem that says why, or nothing."""
    connector = fetching(name)
    stream = data.draw(st.sampled_from(connector.streams))
    _, body = data.draw(drifted(documents(name)))
    found = connector.item(stream, body)
    if isinstance(found, Item):
        assert found.key
        said(connector, found.type, found.body or {})


@pytest.mark.parametrize("name", NAMES)
def test_a_mapped_sample_says_something(name: str) -> None:
    """Each sample document is an object that can be told from others."""
    for type, body in documents(name):
        assert {"url", "title", "text", "name"} & set(said(fetching(name), type, body))


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


def test_tumblr() -> None:
    """A post of blocks says its words, links, mentions and pictures; a like when it was given; a blog has an id that stays."""
    assert {
        "url": "https://teapot.tumblr.example/post/1003",
        "text": "Tea 3 with steam",
        "author": "teapot",
        "created": "2020-01-02T10:00:03Z",
        "tag": ["tea"],
        "mentions": ["kettle"],
        "links": ["https://tea.example"],
        "photos": ["https://64.media.example/3.jpg"],
        "kind": "post",
    } == first("tumblr", "posts")
    assert "2020-05-20T18:40:03Z" == first("tumblr", "likes")["created"]
    assert ("t:uuid3", "All of them") == (keys("tumblr", "following")[0], first("tumblr", "following")["bio"])
    assert "follower:cup3" == keys("tumblr", "followers")[0]
    assert not {"note_count", "updated"} & set(items("tumblr", "posts")[0].body or {})


def test_tumblrs_older_posts() -> None:
    """Each kind of post that there was before the blocks says what it says."""
    old = {"post_url": "https://t.example/1", "blog_name": "t", "timestamp": 1577959200}
    quote = said(fetching("tumblr"), "post", {**old, "type": "quote", "text": "To be", "source": "<a href='x'>Will</a>"})
    assert ("To be\n\nWill", "quote") == (quote["text"], quote["kind"])
    chat = said(fetching("tumblr"), "post", {**old, "type": "chat", "dialogue": [{"label": "A:", "phrase": "Tea?"}]})
    assert "A: Tea?" == chat["text"]
    link = said(fetching("tumblr"), "post", {**old, "type": "link", "title": "T", "url": "https://a.example", "description": "<p>D</p>"})
    assert (["https://a.example"], "D", "T") == (link["links"], link["text"], link["title"])


def test_tumblr_without_links_pages_by_time() -> None:
    """Before there were links, likes were paged by when they were given; the walk ends at an empty page."""
    pages = [{"liked_posts": [{"id": 1, "liked_timestamp": 9}, {"id": 2, "liked_timestamp": 5}]}, {"liked_posts": []}]
    session = FakeSession(lambda _: (200, {}, {"response": pages.pop(0)}))
    tumblr = fetching("tumblr")

    async def walked() -> list[str]:
        return [
            item.key async for page in tumblr.fetch(session, tumblr.streams[0], Walk()) for item in page.items if isinstance(item, Item)
        ]

    assert ["1", "2"] == asyncio.run(walked())
    assert [None, "5"] == [asked.params.get("before") for asked in session.asked]


def test_spotify() -> None:
    """What is saved is a favorite under its address, a play an event under its moment, an entry of a playlist a link in its folder."""
    assert {
        "url": "https://open.spotify.com/track/t3",
        "title": "Oar 3",
        "description": "Boats",
        "author": "Lo, Fi",
        "kind": "track",
        "created": "2020-01-03T10:00:00Z",
        "thumbnail": "https://i.scdn.example/64",
    } == first("spotify", "tracks")
    assert ("Lo, Fi – Oar 3", "2020-02-03T10:00:00.123000Z", "listen") == tuple(
        first("spotify", "played")[field] for field in ("title", "start", "kind")
    )
    assert "2020-02-03T10:00:00.123Z spotify:track:t3" == keys("spotify", "played")[0]
    assert ("Lo 3", "artist", ["folk"]) == tuple(first("spotify", "artists")[field] for field in ("title", "kind", "tag"))
    assert ("Ann", "playlist") == tuple(first("spotify", "playlists")[field] for field in ("author", "kind"))
    assert "Radio" == first("spotify", "shows")["author"]
    assert "popularity" not in json.dumps(items("spotify", "tracks")[0].body)


def test_an_entry_of_a_playlist_knows_its_playlist() -> None:
    """The entries do not say it themselves; one whose track is no longer there is left out."""
    spotify = fetching("spotify")
    asked: list[str] = []

    def answer(one: Asked) -> tuple[int, dict[str, str], Any]:
        asked.append(one.path)
        if one.path.endswith("/me/playlists"):
            return 200, {}, {"items": [{"id": "p/1"}], "next": None}
        return 200, {}, {"items": [{"added_at": "2020-01-01T00:00:00Z", "track": {"uri": "spotify:track:1", "name": "A"}}, {"track": None}]}

    async def walked() -> list[Item]:
        stream = next(one for one in spotify.streams if one.name == "playlist-items")
        return [item async for page in spotify.fetch(FakeSession(answer), stream, Walk()) for item in page.items if isinstance(item, Item)]

    (found,) = asyncio.run(walked())
    assert ("p/1:spotify:track:1:2020-01-01T00:00:00Z", {"id": "p/1"}) == (found.key, (found.body or {})["playlist"])
    assert asked[1].endswith("/playlists/p%2F1/tracks")


def test_lastfm() -> None:
    """A play is an event of its second, a loved track a favorite; what is playing right now waits until it has a time."""
    assert {
        "title": "Lo – Oar 3",
        "description": "Boats",
        "start": "2020-01-26T00:53:23Z",
        "url": "https://www.last.fm/music/Lo/_/Oar+3",
        "kind": "listen",
    } == first("lastfm", "scrobbles")
    assert ("Oar 3", "Lo", "https://lastfm.example/3.jpg") == tuple(
        first("lastfm", "loved")[field] for field in ("title", "author", "thumbnail")
    )
    assert "1580000003 Lo Oar 3" == keys("lastfm", "scrobbles")[0]
    lastfm = fetching("lastfm")
    assert lastfm.item(lastfm.streams[0], {"name": "Now", "@attr": {"nowplaying": "true"}}) is None


LFM = """<?xml version="1.0" encoding="UTF-8"?>
<lfm status="ok"><recenttracks user="ann" page="1" totalPages="1"><track><artist mbid="">Lo &amp; Fi</artist><name>Oar</name>
<date uts="1580000003">26 Jan 2020, 00:53</date><image size="small"></image><image size="large">https://l.example</image></track></recenttracks></lfm>"""


def test_lastfms_two_formats_are_one() -> None:
    """XML becomes what the JSON says, so that the keys are the same whichever a server speaks."""
    lastfm = fetching("lastfm")
    document = lastfm.document(Answer(200, {}, LFM.encode(), "x"))
    (item,) = made(lastfm, "scrobbles", [document["recenttracks"]["track"]])
    assert "1580000003 Lo & Fi Oar" == item.key
    assert {
        "artist": {"mbid": "", "#text": "Lo & Fi"},
        "name": "Oar",
        "date": {"uts": "1580000003", "#text": "26 Jan 2020, 00:53"},
        "image": [{"size": "small", "#text": ""}, {"size": "large", "#text": "https://l.example"}],
    } == item.body
    assert {"user": "ann", "page": "1", "totalPages": "1"} == document["recenttracks"]["@attr"]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, b'{"error":10,"message":"Invalid API key"}', Unauthorized),
        (403, b'<?xml version="1.0"?><lfm status="failed"><error code="10">Invalid API key</error></lfm>', Unauthorized),
        (200, b'{"error":29,"message":"Rate limit exceeded"}', LimitReached),
        (500, b'{"error":8,"message":"Operation failed"}', Retriable),
        (403, b'{"error":17,"message":"Login required"}', Skippable),
        (404, b'{"error":6,"message":"User not found"}', Fatal),
        (404, b'{"error":"not recorded"}', type(None)),
        (200, LFM.encode(), type(None)),
        (200, b'<lfm status="failed"><err', type(None)),
    ],
)
def test_lastfms_errors_stand_in_the_body(status: int, body: bytes, expected: type) -> None:
    """Whatever the status is, the number in the body says what to do."""
    assert expected is type(judged("lastfm", status, body))


@pytest.mark.parametrize("body", [b"<lfm", b"<!DOCTYPE lfm [<!ENTITY a 'b'>]><lfm>&a;</lfm>", b"<a>" * 100, b"\xff<"])
def test_what_is_neither_json_nor_xml_is_asked_for_again(body: bytes) -> None:
    """A cut-off answer is no list that ends."""
    with pytest.raises(Retriable):
        fetching("lastfm").document(Answer(200, {}, body, "x"))


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        (
            "youtube",
            {"channel": "UC7"},
            {
                "subscriptions": ("/youtube/v3/subscriptions", "channelId"),
                "activities": ("/youtube/v3/activities", "channelId"),
                "likes": None,
            },
        ),
        ("vimeo", {"user": "staff"}, {"likes": ("/users/staff/likes", ""), "videos": ("/users/staff/videos", ""), "watchlater": None}),
        ("spotify", {"user": "wizzler"}, {"playlists": ("/v1/users/wizzler/playlists", ""), "tracks": None}),
        ("twitter", {"id": "7", "api": "1.1"}, {"likes": ("/1.1/favorites/list.json", "user_id"), "bookmarks": None}),
        ("twitter", {"id": "7"}, {"likes": ("/2/users/7/liked_tweets", "")}),
    ],
)
def test_public_lists_of_somebody_else(name: str, options: dict[str, str], expected: dict[str, tuple[str, str] | None]) -> None:
    """An option names whose lists are meant; what only its owner can see is nothing new, and nothing is taken for missing."""
    connector = fetching(name)
    empty: dict[str, Any] = {"items": [], "data": [], "paging": {}, "meta": {}}

    async def walked(stream: str) -> tuple[list[Asked], bool]:
        session = FakeSession(lambda asked: (200, {}, [] if asked.path.endswith(".json") else empty), options=options, account={"id": "1"})
        session.base_url = connector.base_url
        declared = next(one for one in connector.streams if stream == one.name)
        pages = [page async for page in connector.fetch(session, declared, Walk())]
        return session.asked, pages[-1].unchanged

    for stream, wanted in expected.items():
        asked, is_unchanged = asyncio.run(walked(stream))
        if wanted is None:
            assert ([], True) == (asked, is_unchanged)
        else:
            assert wanted[0] == asked[0].path
            assert "mine" not in asked[0].params
            assert not wanted[1] or asked[0].params[wanted[1]] in options.values()
