"""
What services change, and whose lists are meant: all connectors of services with a person's media and links.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.connector import Item, Walk
from tests.listing import Asked, FakeSession
from tests.mapping import Sample, drifted, fetching, said
from tests.sampled import documents

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
