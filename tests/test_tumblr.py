"""
Tumblr: what its documents become, in blocks and in the older kinds, and how its lists are paged.
"""

from __future__ import annotations

import asyncio

from locker.connector import Item, Walk
from tests.listing import FakeSession
from tests.mapping import fetching, said
from tests.sampled import first, items, keys


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
    assert not {"note_count"} & set(fetching("tumblr").lasting("post", items("tumblr", "posts")[0].body or {}))


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
