"""
Services as they were recorded, synced twice: the first run brings what the recording counts, the second appends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fetching import synced
from tests.mapping import fetching
from tests.replays import replayed
from tests.shared import needs_shared

ME, OTHER = {"id": "1072250532645998596"}, {"id": "783214"}
OLD = {"api": "1.1", "id": "1"}
RECORDED: list[tuple[str, str, str, Mapping[str, str], Mapping[str, int]]] = [
    # connector, folder, file, options, items by stream
    ("twitter", "twitter-tweepy", "test_client_bookmarks.yaml", {}, {"bookmarks": 1}),
    ("twitter", "twitter-tweepy", "test_client_get_liked_tweets.yaml", OTHER, {"likes": 96}),
    ("twitter", "twitter-tweepy", "test_client_get_users_tweets.yaml", OTHER, {"tweets": 2}),
    ("twitter", "twitter-tweepy", "test_client_get_users_following.yaml", OTHER, {"following": 35}),
    ("twitter", "twitter-tweepy", "test_client_get_users_mentions.yaml", OTHER, {"mentions": 10}),
    ("twitter", "twitter-tweepy", "test_client_get_home_timeline.yaml", ME, {"timeline": 98}),
    ("twitter", "twitter-tweepy", "test*", OTHER, {"tweets": 2, "likes": 96, "following": 35, "mentions": 10}),
    ("twitter", "twitter-tweepy", "testgetfavorites.json", OLD, {"likes": 0}),
    ("twitter", "twitter-tweepy", "testgetdirectmessages.json", OLD, {"messages": 0}),
    ("twitter", "twitter-tweepy", "testusertimeline.json", OLD, {"tweets": 4}),
    ("twitter", "twitter-tweepy", "testcursornext.yaml", OLD, {"tweets": 20}),
    ("twitter", "twitter-tweepy", "testhometimeline.json", OLD, {"timeline": 19}),
    ("twitter", "twitter-tweepy", "testgetfriends.yaml", OLD, {"following": 7}),
    ("twitter", "twitter-tweepy", "testgetfollowers.yaml", OLD, {"followers": 2}),
    ("twitter", "twitter-rtweet", "get_favorites2.json", OLD, {"likes": 95}),
    ("twitter", "twitter-rtweet", "get_timeline4.json", OLD, {"tweets": 20}),
    ("twitter", "twitter-rtweet", "mentions.json", OLD, {"mentions": 5}),
    ("twitter", "twitter-rtweet", "direct_messages.json", OLD, {"messages": 1}),
    ("twitter", "twitter-rtweet", "get_favorites3.json", OLD, {"likes": 0}),
]


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(("name", "folder", "file", "options", "expected"), RECORDED, ids=lambda value: str(value)[:60])
async def test_shared_recordings_are_synced_once(
    tmp_path: Path, name: str, folder: str, file: str, options: Mapping[str, str], expected: Mapping[str, int]
) -> None:
    """Each stream brings what was recorded; where a recording breaks off, what came before stays, and nothing comes twice."""
    async with replayed(folder, file) as base:
        first, second = await synced(tmp_path, fetching(name), base, options=options, streams=list(expected))
    assert dict(expected) == {stream.name: stream.added for stream in first.streams}
    assert 0 == second.records
    assert {"done", "skipped", "unchanged"} >= {stream.outcome for stream in (*first.streams, *second.streams)}
    assert second.mode in ("initial", "normal"), second.error
