"""
Importing again what Twitter, GitHub and Slack gave: the same appends nothing, a newer archive its differences, an older one undoes nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from locker.archive import Archive
from locker.importer import Import
from locker.log import Logbook
from tests.connectors import connector
from tests.shared import DATA, needs_shared
from tests.twitter import TODAY, TWEET, manifest, script, today

Import_ = Callable[[str, Path | str], tuple[int, int, int, int]]


@pytest.fixture
def take(tmp_path: Path) -> Iterator[Import_]:
    """Import an archive with a connector into one locker: how many records were added, edited, deleted, and how many entries unreadable."""
    logbook = Logbook(tmp_path / "locker/log.sqlite", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def run(name: str, path: Path | str) -> tuple[int, int, int, int]:
        with Archive(path) as archive:
            report = Import(logbook, connector(name), "me", name).run(archive)
        return report.added, report.edited, report.deleted, report.unreadable

    yield run
    logbook.close()


def tweets(folder: Path, made: str, *ids: str, **changes: Any) -> Path:
    """An archive made at that time, with these tweets in two parts."""
    content = [{"tweet": {**TWEET, "id_str": id, **changes}} for id in ids]
    about = manifest(list(TODAY)).replace("2024-05-06", made)
    return today(
        folder,
        **{
            "data/tweets.js": script("tweets", content[:1]),
            "data/tweets-part1.js": script("tweets", content[1:]),
            "data/manifest.js": about,
        },
    )


def test_the_same_twitter_archive_twice(take: Import_, tmp_path: Path) -> None:
    """Unpacked and then as a zip: the second time appends nothing."""
    folder = today(tmp_path / "a")
    assert (16, 0, 0, 0) == take("twitter-archive", folder)
    assert (0, 0, 0, 0) == take("twitter-archive", shutil.make_archive(str(tmp_path / "b"), "zip", folder))


def test_a_newer_twitter_archive(take: Import_, tmp_path: Path) -> None:
    """A tweet that changed is edited, one that is missing is deleted, a new one is added; nothing else moves."""
    take("twitter-archive", tweets(tmp_path / "a", "2024-01-01", "1", "2"))
    newer = tweets(tmp_path / "b", "2024-02-01", "2", "3", favorite_count="5")
    assert (1, 1, 1, 0) == take("twitter-archive", newer)
    assert (0, 0, 0, 0) == take("twitter-archive", newer)


def test_an_older_twitter_archive_only_adds(take: Import_, tmp_path: Path) -> None:
    """What an older archive has more is added; what it says otherwise, or lacks, changes nothing."""
    take("twitter-archive", tweets(tmp_path / "a", "2024-02-01", "2", "3", favorite_count="5"))
    assert (1, 0, 0, 0) == take("twitter-archive", tweets(tmp_path / "b", "2024-01-01", "1", "2"))


def test_a_broken_twitter_archive_deletes_nothing(take: Import_, tmp_path: Path) -> None:
    """An archive that cannot be read to the end tells of it, and nothing that it lacks is taken for deleted."""
    take("twitter-archive", tweets(tmp_path / "a", "2024-01-01", "1", "2"))
    broken = tweets(tmp_path / "b", "2024-02-01", "1", "2")
    (broken / "data/tweets-part1.js").write_text("window.YTD.tweets.part1 = [ {")
    assert (0, 0, 0, 1) == take("twitter-archive", broken)


def test_a_slack_message_that_was_deleted(take: Import_, tmp_path: Path) -> None:
    """A tombstone deletes the message; a day that a newer export lacks deletes nothing."""
    message = {"type": "message", "user": "U1", "text": "oops", "ts": "1577836800.000100"}
    for name, day, content in (
        ("a", "01", message),
        ("b", "01", {**message, "subtype": "tombstone"}),
        ("c", "02", {**message, "ts": "1577923200.000100"}),
    ):
        (tmp_path / name / "general").mkdir(parents=True)
        (tmp_path / name / "users.json").write_text('[{"id": "U1", "team_id": "T1", "name": "ann"}]')
        (tmp_path / name / f"general/2020-01-{day}.json").write_text(json.dumps([content]))
    assert (2, 0, 0, 0) == take("slack-archive", tmp_path / "a")
    assert (1, 0, 0, 0) == take("slack-archive", tmp_path / "c")
    assert (0, 0, 1, 0) == take("slack-archive", tmp_path / "b")
    assert (0, 0, 0, 0) == take("slack-archive", tmp_path / "b")


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(
    ("name", "path", "added"),
    [
        ("twitter-archive", "twitter-archive-lildude", 183),
        ("twitter-archive", "twitter-dogsheep-archive", 8),
        ("github-archive", "github-dogsheep", 5),
        ("slack-archive", "slack-export/testarchive.zip", 162),
    ],
)
def test_shared_archives_twice(take: Import_, name: str, path: str, added: int) -> None:
    """Real archives: all is added the first time, nothing the second."""
    assert (added, 0, 0, 0) == take(name, DATA / path)
    assert (0, 0, 0, 0) == take(name, DATA / path)


@pytest.mark.shared
@needs_shared
def test_shared_stars_of_a_later_sync(take: Import_) -> None:
    """A first list of stars, and a later one without news: nothing is appended."""
    assert (30, 0, 0, 0) == take("github-archive", DATA / "likeastore-replies/github.connector.init.json")
    assert (0, 0, 0, 0) == take("github-archive", DATA / "likeastore-replies/github.connector.normal.nonew.json")
