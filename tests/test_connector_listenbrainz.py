"""
ListenBrainz: a connector that is a TOML file, against what the service answered.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from locker import plugin
from locker.connector import Answer, Fetching
from locker.error import Unauthorized
from tests.fetching import bodies, opened, synced
from tests.replays import interactions, serving
from tests.shared import needs_shared

LISTENBRAINZ = plugin.connectors()["listenbrainz"]
WHERE = "https://api.listenbrainz.org/1/user/iliekcomputers/listens"


@pytest.mark.shared
@needs_shared
async def test_shared_listens(tmp_path: Path) -> None:
    """Each recorded listen is an event with its time, artist and track; the second run appends nothing."""
    assert isinstance(LISTENBRAINZ, Fetching)
    (page,) = interactions("listenbrainz")
    empty = replace(page, url=f"{WHERE}?max_ts=1587239566&count=1000", body=b'{"payload": {"listens": []}}')
    tied = replace(page, url=f"{WHERE}?max_ts=1587239567&count=1000", body=b'{"payload": {"listens": []}}')
    async with serving([replace(page, url=WHERE), empty, tied]) as base:
        first, second = await synced(
            tmp_path, LISTENBRAINZ, base, secrets={}, options={"username": "iliekcomputers"}, streams=["listens"]
        )  # fmt: skip
    assert (25, 0, None) == (first.records, first.unreadable, first.error)
    assert (0, None) == (second.records, second.error)
    with opened(tmp_path, LISTENBRAINZ) as locker:
        found = [LISTENBRAINZ.map("event", body) for body in bodies(locker, "listenbrainz").values()]
    assert {
        "title": "SOHN – Harbour",
        "description": "Rennen",
        "start": "2020-04-18T21:37:22Z",
        "kind": "listen",
        "url": "https://open.spotify.com/track/3wEYsKTvfWeCTa339clXBh",
    } in found
    assert 25 == len({one["start"] for one in found if one})


@pytest.mark.parametrize(
    ("body", "kind"), [(b'{"code": 200, "valid": false, "message": "Token invalid."}', Unauthorized), (b'{"valid": true}', type(None))]
)
def test_a_wrong_token(body: bytes, kind: type[Any]) -> None:
    """The service tells a wrong token with status 200."""
    assert isinstance(LISTENBRAINZ, Fetching)
    assert kind is type(LISTENBRAINZ.judge(Answer(200, {}, body, "https://api.listenbrainz.org/1/validate-token")))


def test_what_was_loved() -> None:
    """A recording that is known to MusicBrainz has its address there."""
    body = {"created": 1767268800, "recording_mbid": "11-22", "track_metadata": {"track_name": "Song", "artist_name": "The Oars"}}
    expected = {
        "title": "Song",
        "author": "The Oars",
        "kind": "track",
        "created": "2026-01-01T12:00:00Z",
        "url": "https://musicbrainz.org/recording/11-22",
    }
    assert expected == LISTENBRAINZ.map("favorite", body)
