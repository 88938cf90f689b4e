"""
Spotify: what its documents become, and how the entries of playlists know where they are from.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from locker.connector import Item, Walk
from tests.listing import Asked, FakeSession
from tests.mapping import fetching
from tests.sampled import first, items, keys


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
    track = items("spotify", "tracks")[0].body
    assert track is not None
    assert "popularity" not in json.dumps(fetching("spotify").lasting("favorite", track))


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
