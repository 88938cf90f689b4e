"""
Twitter's archives: today's layout, those of 2018 and before, and saved answers of the API, read into posts, likes, people and messages.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.archive import Archive
from locker.connector import Item
from locker.error import Fatal
from locker.record import canonical
from tests.connectors import connector, mapped, read, read_checked
from tests.twitter import ACCOUNT, CONVERSATION, TODAY, TWEET, grailbird, manifest, script, today, write

TWITTER = connector("twitter-archive")


def by_key(items: list[Item]) -> dict[tuple[str, str], dict[str, Any]]:
    """What each item says, by type and key."""
    return {(item.type, item.key): mapped(TWITTER, item) for item in items}


def test_every_part_of_an_archive_of_today(tmp_path: Path) -> None:
    """Tweets in parts, notes, likes, people and messages come each with their own id; what was deleted or is an event stays a mere document."""
    items, problems, scopes = read_checked(TWITTER, today(tmp_path))
    assert [] == problems
    said = by_key(items)
    assert {
        "url": "https://twitter.com/ann/status/1050118621198921728",
        "text": "Tea & cake with @jo, see https://t.co/a #Tea https://t.co/p",
        "author": "ann",
        "created": "2018-10-10T20:19:24Z",
        "tag": ["Tea"],
        "mentions": ["jo"],
        "links": ["https://example.org/cake"],
        "photos": ["https://pbs.example/1.jpg", "https://pbs.example/2.jpg"],
        "language": "en",
        "kind": "post",
    } == said["post", "1050118621198921728"]
    assert "repost" == said["post", "20"]["kind"]
    assert {} == said["post", "deleted:21"]
    assert ("long & more", "note", ["https://example.org/q"]) == tuple(
        said["post", "note:77"][field] for field in ("text", "kind", "links")
    )
    assert ("so <good>", "2018-10-10T20:19:24") == (
        said["favorite", "1050118621198921728"]["description"],
        said["favorite", "1050118621198921728"]["created"][:19],
    )
    assert (["follower"], ["following"], ["block"]) == tuple(
        said["contact", key]["relations"] for key in ("follower:12", "following:12", "block:13")
    )
    assert {"emails": ["jo@example.org"], "phones": ["+49731"]} == said["contact", "contact:c1"]
    assert {"twitter:ann", "twitter-id:7"} == set(said["contact", "account:7"]["handles"]) == set(said["contact", "profile:7"]["handles"])
    assert {
        "from": "12",
        "to": ["7"],
        "text": "look > https://example.org/z",
        "thread": "7-12",
        "sent": "2020-02-03T04:05:06.789000Z",
        "attachments": ["abc.jpg"],
    } == said["message", "900"]
    assert {"from": "7", "text": "hi all", "thread": "5005", "sent": "2020-02-04T00:00:00Z"} == said["message", "910"]
    assert {} == said["message", "5005:participantsLeave:2020-02-04T01:00:00.000Z"]
    assert 16 == len(items)
    assert {datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)} == {scope.as_of for scope in scopes}
    assert all(scope.complete for scope in scopes)
    assert "account:7/tweets" in {scope.name for scope in scopes}
    assert len(scopes) == len({scope.name for scope in scopes})


@pytest.mark.parametrize("root", ["data/", "", "twitter-2024-05-06-abc/data/"])
def test_a_zip_is_read_like_its_folder(tmp_path: Path, root: str) -> None:
    """Packed or not, and in whatever folder, an archive gives the same."""
    folder = today(tmp_path / "a", root)
    packed = shutil.make_archive(str(tmp_path / "b"), "zip", folder)
    assert read(TWITTER, folder) == read(TWITTER, packed)
    assert read(TWITTER, folder) == read(TWITTER, shutil.make_archive(str(tmp_path / "c"), "gztar", folder))


def test_a_missing_part_is_not_taken_for_deleted(tmp_path: Path) -> None:
    """A scope is complete only with every file that the manifest lists; others are not touched by that."""
    today(tmp_path)
    (tmp_path / "data/tweets-part1.js").unlink()
    complete = {scope.name: scope.complete for scope in read(TWITTER, tmp_path)[2]}
    assert (False, True) == (complete["account:7/tweets"], complete["account:7/likes"])


def test_a_partial_archive_is_never_complete(tmp_path: Path) -> None:
    """Twitter says when an archive is one of several."""
    today(tmp_path, **{"data/manifest.js": manifest(list(TODAY), partial=True)})
    assert not any(scope.complete for scope in read(TWITTER, tmp_path)[2])


def test_an_archive_of_2018(tmp_path: Path) -> None:
    """``tweet.js`` at the root, its tweets bare, without a manifest: read, but not known to be complete."""
    write(
        tmp_path,
        {
            "tweet.js": script("tweet", [TWEET]),
            "account.js": script("account", [ACCOUNT]),
            "direct-message.js": script("direct-message", [CONVERSATION]),
        },
    )
    items, problems, scopes = read_checked(TWITTER, tmp_path)
    assert [] == problems
    assert "https://twitter.com/ann/status/1050118621198921728" == by_key(items)["post", "1050118621198921728"]["url"]
    assert ("message", "900") in by_key(items)
    assert [("account:7/account", False), ("account:7/tweets", False), ("account:7/direct-messages", False)] == [
        (s.name, s.complete) for s in scopes
    ]


def test_without_an_account_there_is_no_scope(tmp_path: Path) -> None:
    """Tweets alone say nothing of whose archive it is; their address then names no one."""
    items, _, scopes = read_checked(TWITTER, write(tmp_path, {"tweet.js": script("tweet", [{"tweet": TWEET}])}))
    assert ([], ["https://twitter.com/i/web/status/1050118621198921728"]) == (scopes, [mapped(TWITTER, item)["url"] for item in items])


def test_an_archive_before_2019(tmp_path: Path) -> None:
    """Monthly files, dates without weekday; complete when every month of the index is there."""
    items, problems, scopes = read_checked(TWITTER, grailbird(tmp_path))
    assert [] == problems
    assert {
        "url": "https://twitter.com/ann/status/4368692718",
        "text": "@jo RT? <3",
        "author": "ann",
        "created": "2009-09-26T20:36:37Z",
        "reply_to": "https://twitter.com/jo/status/4368692000",
        "mentions": ["jo"],
        "photos": ["https://pbs.example/g.jpg"],
        "kind": "reply",
        "visibility": "protected",
    } == by_key(items)["post", "4368692718"]
    assert [("account:7/tweets", datetime(2021, 5, 3, 0, 19, 5, tzinfo=UTC), True)] == [(s.name, s.as_of, s.complete) for s in scopes]


def test_an_archive_before_2019_with_a_month_missing(tmp_path: Path) -> None:
    """A month that the index names and the folder lacks makes it incomplete."""
    assert [False] == [scope.complete for scope in read(TWITTER, grailbird(tmp_path, ("2009_09", "2009_10")))[2]]


def test_a_repost_says_all_of_the_original() -> None:
    """A repost's own text is cut off; the original that it holds is not."""
    original = {"full_text": "one &amp; two", "user": {"screen_name": "jo"}}
    body = {"id_str": "5", "full_text": "RT @jo: one &amp;…", "retweeted_status": original, "user": {"screen_name": "ann"}}
    assert {"url": "https://twitter.com/ann/status/5", "text": "RT @jo: one & two", "author": "ann", "kind": "repost"} == TWITTER.map(
        "post", body
    )


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("favorites.json", [TWEET], ("favorite", "1050118621198921728")),
        ("x.json", {"statuses": [TWEET], "search_metadata": {}}, ("post", "1050118621198921728")),
        ("x.json", TWEET, ("post", "1050118621198921728")),
        ("x.json", {"users": [{"id": 12, "screen_name": "jo", "following": True}], "next_cursor": 0}, ("contact", "12")),
        ("x.json", [{"id": 3, "sender": {"id": 12}, "recipient": {"id": 7}, "text": "yo"}], ("message", "3")),
        ("x.json", {"events": [{"type": "message_create", "id": "3", "message_create": {"sender_id": "12"}}]}, ("message", "3")),
    ],
)
def test_saved_answers_of_the_api(tmp_path: Path, name: str, content: Any, expected: tuple[str, str]) -> None:
    """Lists of tweets, likes, people and messages, bare or in their envelope."""
    items, problems, _ = read_checked(TWITTER, write(tmp_path, {name: json.dumps(content)}) / name)
    assert ([], [expected]) == (problems, [(item.type, item.key) for item in items])
    assert mapped(TWITTER, items[0])


def test_what_cannot_be_read_does_not_stop_the_rest(tmp_path: Path) -> None:
    """A flawed tweet keeps its text, one without an id and a file that breaks off are told of, the others are there."""
    flawed = '{"tweet": {"id_str": "1", "full_text": "half a \\ud83d face", "created_at": "Wed Oct 10 20:19:24 +0000 2018"}}'
    today(
        tmp_path,
        **{
            "data/tweets.js": f'window.YTD.tweets.part0 = [{flawed}, {{"tweet": {{}}}}, "foo", {json.dumps({"tweet": TWEET})}]',
            "data/like.js": 'window.YTD.like.part0 = [ {"like": {"tweetId": "5"}}, {"like"',
            "data/follower.js": "",
        },
    )
    items, problems, _ = read_checked(TWITTER, tmp_path)
    assert [
        ("data/follower.js", "start"),
        ("data/like.js", "element 2"),
        *(("data/tweets.js", f"element {n}") for n in (1, 2, 3)),
    ] == sorted((problem.file, problem.place) for problem in problems)
    kept = {item.key: item for item in items if item.type == "post"}
    assert {"1", "20", "22", "1050118621198921728", "note:77", "deleted:21"} == set(kept)
    assert "half a \ufffd face" == mapped(TWITTER, kept["1"])["text"]
    assert flawed == (kept["1"].body or {})["raw"]


def test_a_flawed_conversation_keeps_its_text_once(tmp_path: Path) -> None:
    """The messages of a conversation with a flaw are read, and its source text is kept beside them, not with each."""
    broken = json.dumps(CONVERSATION).replace("look", "\\ud83d")
    write(tmp_path, {"direct-messages.js": f"window.YTD.direct_messages.part0 = [{broken}]"})
    items, problems, _ = read_checked(TWITTER, tmp_path)
    assert (1, [("conversation:7-12", True), ("900", False)]) == (len(problems), [(item.key, "raw" in (item.body or {})) for item in items])


@given(seconds=st.integers(1_142_899_200, 4_000_000_000))
def test_every_way_to_write_a_moment(seconds: int) -> None:
    """A tweet's date means the same in each layout, and nothing is lost."""
    moment = datetime.fromtimestamp(seconds, UTC)
    for layout in ("%a %b %d %H:%M:%S +0000 %Y", "%Y-%m-%d %H:%M:%S +0000", "%Y-%m-%dT%H:%M:%S.000Z"):
        said = TWITTER.map("post", {"id_str": "1", "created_at": moment.strftime(layout)})
        assert moment.strftime("%Y-%m-%dT%H:%M:%SZ") == (said or {})["created"]


@given(words=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_text_is_unescaped_once(words: str) -> None:
    """What Twitter escapes comes back as it was written."""
    assert words == (TWITTER.map("post", {"id_str": "1", "full_text": escape(words, quote=False)}) or {})["text"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    body=st.dictionaries(
        st.sampled_from(
            [
                "tweet",
                "like",
                "noteTweet",
                "follower",
                "account",
                "profile",
                "contact",
                "user",
                "entities",
                "messageCreate",
                "created_at",
                "id_str",
                "full_text",
            ]
        ),
        anything
        | st.fixed_dictionaries(
            {}, optional={"core": anything, "urls": anything, "entities": anything, "createdAt": anything, "text": anything, "id": anything}
        ),
        max_size=5,
    ),
    type=st.sampled_from(TWITTER.types),
)
def test_map_never_raises(body: dict[str, Any], type: str) -> None:
    """Whatever a document holds, mapping it gives JSON or nothing."""
    canonical(TWITTER.map(type, body) or {})


def test_the_sample_archive() -> None:
    """The archive that the tour imports is read without a problem."""
    items, problems, _ = read_checked(TWITTER, Path(__file__).parents[1] / "data/sample/twitter")
    assert ([], {"post", "favorite", "contact", "message"}) == (problems, {item.type for item in items})


def test_reading_streams(tmp_path: Path) -> None:
    """The first tweets are there long before a long file is read to its end."""
    tweets = [{"tweet": {**TWEET, "id_str": str(number), "padding": "x" * 1000}} for number in range(3000)]
    write(tmp_path, {"tweets.js": script("tweets", tweets)})
    with Archive(tmp_path) as archive:
        assert isinstance(next(iter(TWITTER.read(archive))), Item)
        assert archive.done < archive.size / 10


def test_something_else_is_refused(tmp_path: Path) -> None:
    """A folder and a file that are no such thing are a clear error."""
    (tmp_path / "mail.mbox").write_text("From me")
    for path in (tmp_path, tmp_path / "mail.mbox"):
        with pytest.raises(Fatal, match="no Twitter archive"):
            read(TWITTER, path)
