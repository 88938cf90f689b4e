"""Pinboard and Raindrop from their APIs: the cheap question first, the same keys as their exports, and what is marked twice."""

from __future__ import annotations

import json
from pathlib import Path

from locker.connector import Archived, Item
from tests.connectors import read
from tests.fetching import bodies, opened, unhurried
from tests.mapping import fetching, made
from tests.replays import Reply, answering
from tests.sampled import first, items, keys, samples

UPDATE, ALL = "/v1/posts/update", "/v1/posts/all"


def posts(*numbers: int) -> Reply:
    """Some bookmarks, newest first."""
    return Reply(json.dumps([{"href": f"https://a.example/{n}", "description": f"A {n}", "tags": "x"} for n in numbers]).encode())


def updated(day: int) -> Reply:
    """When something changed last."""
    return Reply(json.dumps({"update_time": f"2026-01-{day:02d}T00:00:00Z"}).encode())


async def test_the_whole_list_only_if_something_changed(tmp_path: Path) -> None:
    """Pinboard allows the whole list once in five minutes: the small question goes first, and mostly suffices."""
    replies = {UPDATE: [updated(1), updated(1), updated(2)], ALL: [posts(2, 1), posts(3, 2, 1)]}
    async with answering(replies) as base:
        with opened(tmp_path, unhurried(fetching("pinboard"))) as locker:
            locker.connections.add("me", "pinboard", base_url=base, secrets={"token": "ann:1"}, trusted=True)
            reports = [await locker.syncing.run("me", "pinboard") for _ in range(3)]
            assert 3 == len(bodies(locker, "pinboard"))
    assert [(2, 2), (0, 1), (1, 2)] == [(report.records, report.requests) for report in reports]


def test_fetched_bookmarks_are_those_of_the_export(tmp_path: Path) -> None:
    """The same entry from the API and from a file has the same key and body."""
    for name, stream, lists in (("pinboard", "bookmarks", None), ("raindrop", "raindrops", "items")):
        entries = list(samples(name).streams[stream].items)
        (tmp_path / f"{name}.json").write_text(json.dumps({lists: entries} if lists else entries))
        connector = fetching(name)
        assert isinstance(connector, Archived)
        imported = [item for item in read(connector, tmp_path / f"{name}.json")[0] if item.type == "link"]
        assert imported == items(name, stream)


def test_what_is_important_is_a_favorite() -> None:
    """It comes with a list of its own; of a server that does not know the search, only what is marked is taken."""
    raindrop = fetching("raindrop")
    favorites = next(stream for stream in raindrop.streams if stream.name == "favorites")
    assert ["3", "2", "1"] == keys("raindrop", "favorites")
    assert raindrop.item(favorites, {"_id": 1, "link": "https://a.example", "important": False}) is None


def test_a_collection_is_a_link() -> None:
    """Its key cannot be taken for a raindrop's, and how many lie in it makes no edit."""
    assert ("https://app.raindrop.io/my/53", "Dev 3", "collection") == tuple(
        first("raindrop", "collections")[field] for field in ("url", "title", "kind")
    )
    (item,) = made(fetching("raindrop"), "collections", [samples("raindrop").streams["collections"].items[0]])
    assert isinstance(item, Item)
    assert ("collection:53", True) == (item.key, "count" in fetching("raindrop").passing)
