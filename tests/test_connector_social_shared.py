"""
The archives and answers of Twitter, GitHub and Slack beside the checkout: each is read or told of, and as much as it holds.
"""

from __future__ import annotations

import base64
import json
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from tests.connectors import connector, mapped, read, read_checked
from tests.shared import DATA, needs_shared

TWITTER, GITHUB, SLACK = connector("twitter-archive"), connector("github-archive"), connector("slack-archive")


@pytest.mark.shared
@needs_shared
def test_shared_grailbird_archive() -> None:
    """A real archive of before 2019: its README counts 343 records, 183 tweets and what describes them."""
    items, problems, scopes = read_checked(TWITTER, DATA / "twitter-archive-lildude")
    texts = [path.read_text().partition("=")[2] for path in sorted((DATA / "twitter-archive-lildude/data/js/tweets").glob("*.js"))]
    expected = [tweet["id_str"] for text in texts for tweet in json.loads(text)]
    assert (183, sorted(expected), []) == (len(items), sorted(item.key for item in items), problems)
    index = json.loads((DATA / "twitter-archive-lildude/data/js/tweet_index.js").read_text().partition("=")[2])
    assert 343 == len(items) + len(index) + len(["user_details", "payload_details"])
    assert [("account:8812362/tweets", False)] == [(scope.name, scope.complete) for scope in scopes]
    assert all({"url", "text", "author", "created", "kind"} <= set(mapped(TWITTER, item)) for item in items)


@pytest.mark.shared
@needs_shared
def test_shared_archive_of_dogsheep() -> None:
    """Files at the root of a zip, beside an answer of the API."""
    items, problems, _ = read_checked(TWITTER, DATA / "twitter-dogsheep-archive")
    assert ({"post": 3, "contact": 5}, []) == (Counter(item.type for item in items), problems)


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("folder", ["twitter-python-twitter", "twitter-ruby"])
def test_shared_answers_of_twitter(folder: str) -> None:
    """Every recorded answer is read or told of, none raises, and lists of tweets give each tweet."""
    files = sorted((DATA / folder).rglob("*.json"))
    assert files
    for path in files:
        items, problems, _ = read_checked(TWITTER, path)
        assert items or problems
        if path.name == "track_streaming.json":
            assert 2 == len(items)  # an answer that is a stream: one tweet a line
            continue
        content = json.loads(path.read_bytes())
        if isinstance(content, list) and content and all("text" in one and "user" in one for one in content):
            assert [str(one["id"]) for one in content] == [item.key for item in items]


@pytest.mark.shared
@needs_shared
def test_shared_archives_zipped_give_the_same(tmp_path: Path) -> None:
    """The archives beside the checkout, packed, give what their folders give."""
    for folder in ("twitter-archive-lildude", "twitter-dogsheep-archive"):
        packed = shutil.make_archive(str(tmp_path / folder), "zip", DATA / folder)
        assert read(TWITTER, DATA / folder) == read(TWITTER, packed)


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(
    ("path", "kind", "count", "problems"),
    [
        ("likeastore-replies/github.connector.init.json", "favorite", 30, 0),
        ("likeastore-replies/github.connector.normal.json", "favorite", 2, 0),
        ("likeastore-replies/github.connector.normal.nonew.json", "favorite", 30, 0),
        ("likeastore-replies/stackoverflow.connector.init.json", "", 0, 2),
        ("github-dogsheep/starred.json", "favorite", 1, 0),
        ("github-dogsheep/repo.json", "link", 1, 0),
        ("github-dogsheep/user.json", "contact", 1, 0),
        ("github-dogsheep/issues.json", "post", 2, 0),
        ("github-stars-timelinize/ghstars.json", "favorite", 1, 0),
        ("github-stars-timelinize/ghstars-empty.json", "", 0, 0),
        ("github-stars-timelinize/ghstars-malformed.json", "", 0, 1),
    ],
)
def test_shared_stars(path: str, kind: str, count: int, problems: int) -> None:
    """Real and malformed lists, counted; those of the first and of the later sync without news give the same."""
    items, found, _ = read_checked(GITHUB, DATA / path)
    assert (count, problems) == (len(items), len(found))
    assert {kind} == {item.type for item in items} or not items
    assert all(mapped(GITHUB, item)["url" if kind != "contact" else "urls"] for item in items)


@pytest.mark.shared
@needs_shared
def test_shared_recordings_of_github(tmp_path: Path) -> None:
    """Answers that were recorded with octokit.rb: stars, people and gists, as many as each answer holds."""
    found = {}
    for path in sorted((DATA / "github-octokit-rb").rglob("*.json")):
        for exchange in json.loads(path.read_bytes())["http_interactions"]:
            body, address = exchange["response"]["body"], exchange["request"]["uri"].rpartition("?")[0] or exchange["request"]["uri"]
            content = json.loads(body["string"] if "string" in body else base64.b64decode(body["base64_string"]))
            name = f"{address.rpartition('/')[2]}.json"
            if name in ("starred.json", "followers.json", "following.json", "gists.json", "user.json"):
                (tmp_path / name).write_text(json.dumps(content))
                items, problems, _ = read_checked(GITHUB, tmp_path / name)
                assert (len(content) if isinstance(content, list) else 1, []) == (len(items), problems)
                found[name] = (items[0].type, len(items))
    assert ("favorite", 30) == found["starred.json"]
    assert ("contact", 30) == found["following.json"]
    assert ("link", 30) == found["gists.json"]


@pytest.mark.shared
@needs_shared
def test_shared_slack_export(tmp_path: Path) -> None:
    """A real export: every message of every day, and every user; unpacked it gives the same."""
    path = DATA / "slack-export/testarchive.zip"
    items, problems, scopes = read_checked(SLACK, path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
        days = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith(".json")]
        expected = sum(len(json.loads(archive.read(name))) for name in days)
        users = len(json.loads(archive.read("users.json")))
    assert (158, 4, []) == (expected, users, problems)
    assert (expected, users) == (
        len([item for item in items if item.type == "message"]),
        len([item for item in items if item.type == "contact"]),
    )
    assert {"team:T0BMHLSRH/users", "team:T0BMHLSRH/messages"} == {scope.name for scope in scopes}
    assert all({"from", "channel", "sent", "text"} <= set(one) for one in (mapped(SLACK, item) for item in items if item.type == "message"))
    assert (items, problems, scopes) == read(SLACK, tmp_path / "unpacked")
