"""
Reading Instagram's JSON export: the files of 2018 and 2019, the folders since 2020, and the label_values since 2025.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.connector import Item
from locker.error import Fatal
from tests import exports
from tests.connectors import check_contract, connector, mapped, read, read_checked
from tests.exports import pack, spoilt

instagram = connector("instagram-archive")


def unpack(folder: Path, files: dict[str, Any]) -> Path:
    """A folder with these files, in Meta's encoding."""
    return exports.unpack(folder, spoilt(files))


def fields(item: Item, *names: str) -> list[Any]:
    """Some canonical fields of an item."""
    body = mapped(instagram, item)
    return [body.get(name) for name in names]


POST = {
    "media": [
        {
            "uri": "media/posts/202009/119_n.jpg",
            "creation_timestamp": 1600000000,
            "media_metadata": {"photo_metadata": {"exif_data": [{"latitude": 48.1, "longitude": 11.5}]}},
            "title": "Schön hier 🌊 #isar mit @ada.l",
            "cross_post_source": {"source_app": "FB"},
        }
    ]
}
ALBUM = {
    "media": [
        {"uri": "media/posts/202010/1.jpg", "creation_timestamp": 1601000000, "title": ""},
        {"uri": "media/posts/202010/2.mp4", "creation_timestamp": 1601000001, "title": ""},
    ],
    "title": "zwei",
    "creation_timestamp": 1601000002,
}
STORY = {"uri": "media/stories/202011/9.jpg", "creation_timestamp": 1602000000, "title": "früh"}
FOLLOWER = {
    "title": "",
    "media_list_data": [],
    "string_list_data": [{"href": "https://www.instagram.com/ada.l", "value": "ada.l", "timestamp": 1590000000}],
}
FOLLOWING = {"title": "bob_b", "string_list_data": [{"href": "https://www.instagram.com/_u/bob_b", "timestamp": 1591000000}]}
LIKED = {"title": "ada.l", "string_list_data": [{"href": "https://www.instagram.com/p/CF1/", "value": "👍", "timestamp": 1603000000}]}
SAVED = {"title": "café.x", "string_map_data": {"Saved on": {"href": "https://www.instagram.com/p/CF2/", "timestamp": 1604000000}}}
COMMENT = {
    "media_list_data": [{"uri": ""}],
    "string_map_data": {"Comment": {"value": "Très bon 👌"}, "Media Owner": {"value": "bob_b"}, "Time": {"timestamp": 1605000000}},
}
THREAD = {
    "participants": [{"name": "Ada 🌊"}, {"name": "Zoë"}],
    "messages": [{"sender_name": "Ada 🌊", "timestamp_ms": 1606000000123, "content": "Grüße", "is_geoblocked_for_viewer": False}],
    "title": "Ada 🌊",
    "is_still_participant": True,
    "thread_path": "inbox/ada_17",
}
PROFILE = {
    "profile_user": [
        {
            "title": "User Information",
            "media_map_data": {"Profile Photo": {"uri": "media/other/1.jpg"}},
            "string_map_data": {
                "Email": {"href": "", "value": "Zoe@Example.org", "timestamp": 0},
                "Username": {"value": "zoe"},
                "Name": {"value": "Zoë"},
                "Bio": {"value": "node.js & Käse"},
                "Date of birth": {"value": "1990-01-02"},
            },
        }
    ]
}
OLDER: dict[str, Any] = {
    "account_information/personal_information.json": PROFILE,
    "personal_information/personal_information.json": PROFILE,
    "content/posts_1.json": [POST, ALBUM],
    "content/stories.json": {"ig_stories": [STORY]},
    "followers_and_following/followers.json": {"relationships_followers": [FOLLOWER]},
    "followers_and_following/following.json": {"relationships_following": [FOLLOWING]},
    "likes/liked_posts.json": {"likes_media_likes": [LIKED]},
    "saved/saved_posts.json": {"saved_saved_media": [SAVED]},
    "comments/post_comments.json": {"comments_media_comments": [COMMENT]},
    "messages/inbox/ada_17/message_1.json": THREAD,
    "ads_and_businesses/ads_interests.json": {"inferred_data_ig_interest": []},
}
NEWER: dict[str, Any] = {
    "personal_information/personal_information/personal_information.json": PROFILE,
    "your_instagram_activity/media/posts_1.json": [POST, ALBUM],
    "your_instagram_activity/media/stories.json": {"ig_stories": [STORY]},
    "connections/followers_and_following/followers_1.json": [FOLLOWER],
    "connections/followers_and_following/following.json": {"relationships_following": [FOLLOWING]},
    "your_instagram_activity/likes/liked_posts.json": {"likes_media_likes": [LIKED]},
    "your_instagram_activity/saved/saved_posts.json": {"saved_saved_media": [SAVED]},
    "your_instagram_activity/comments/post_comments_1.json": [COMMENT],
    "your_instagram_activity/messages/inbox/ada_17/message_1.json": THREAD,
}
OF_2019: dict[str, Any] = {
    "profile.json": {"username": "zoe", "name": "Zoë", "email": "Zoe@Example.org", "biography": "Käse", "website": "https://zoe.example/"},
    "media.json": {
        "photos": [{"caption": "Am Fluß #isar", "taken_at": "2018-10-01T09:00:00", "path": "photos/201810/a1.jpg", "location": "München"}],
        "videos": [{"caption": "", "taken_at": "2018-10-02T09:00:00", "path": "videos/201810/b2.mp4"}],
        "profile": [{"caption": "", "taken_at": "2018-01-01T00:00:00", "is_active_profile": True, "path": "profile/p.jpg"}],
    },
    "connections.json": {
        "followers": {"ada.l": "2018-09-01T00:00:00"},
        "following": {"ada.l": "2018-09-02T00:00:00", "bob_b": "2018-09-03T00:00:00"},
        "blocked_users": {"troll": "2018-09-04T00:00:00"},
    },
    "likes.json": {"media_likes": [["2018-10-16T12:00:00+00:00", "ada.l"]], "comment_likes": [["2018-10-17T12:00:00", "bob_b"]]},
    "saved.json": {"saved_media": [["2018-10-18T12:00:00", "bob_b"]]},
    "comments.json": {"media_comments": [["2018-10-19T12:00:00", "🧀 né", "ada.l"]]},
    "messages.json": [
        {
            "participants": ["zoe", "ada.l"],
            "conversation": [
                {"sender": "ada.l", "created_at": "2018-10-20T12:00:00.5+00:00", "text": "Grüße"},
                {"sender": "zoe", "created_at": "2018-10-20T12:01:00", "media": "https://scontent.example/x.jpg?efg=1"},
            ],
        }
    ],
    "settings.json": {"allow_comments_from": "everyone"},
}


def test_both_layouts_have_the_same_things_under_the_same_keys(tmp_path: Path) -> None:
    """An export of 2021 and one of 2024 of one account meet in every record."""
    older, problems, scopes = read_checked(instagram, unpack(tmp_path / "old", OLDER))
    newer, later, _ = read_checked(instagram, unpack(tmp_path / "new", NEWER))
    assert [] == problems == later
    assert {(item.type, item.key) for item in older} == {(item.type, item.key) for item in newer}
    assert {"account:zoe"} == {scope.name for scope in scopes}
    counts = {type: sum(type == item.type for item in newer) for type in instagram.types}
    assert {"post": 4, "message": 1, "contact": 3, "photo": 3, "favorite": 2} == counts


@pytest.mark.parametrize("files", [NEWER, OF_2019])
def test_zip_zips_and_folder_are_one(tmp_path: Path, files: dict[str, Any]) -> None:
    """A folder, its zip, and a folder with the two zips it came in give the same items in the same order."""
    folder = unpack(tmp_path / "folder", files)
    pack(tmp_path / "zips" / "part_1.zip", folder, sorted(files)[::2])
    pack(tmp_path / "zips" / "part_2.zip", folder, sorted(files)[1::2])
    expected = read(instagram, folder)
    assert expected == read(instagram, pack(tmp_path / "all.zip", folder))
    assert expected == read(instagram, tmp_path / "zips")


def test_posts_and_pictures(tmp_path: Path) -> None:
    """A caption gives tags and mentions; a post's pictures are photos with place and time, its film is not."""
    items, _, _ = read_checked(instagram, unpack(tmp_path, {"content/posts_1.json": [POST, ALBUM]}))
    post, photo, album, first = items
    assert ["Schön hier 🌊 #isar mit @ada.l", "2020-09-13T12:26:40Z", ["isar"], ["ada.l"]] == fields(
        post, "text", "created", "tag", "mentions"
    )
    assert ["media/posts/202009/119_n.jpg", "2020-09-13T12:26:40Z", 48.1] == fields(photo, "path", "taken", "lat")
    assert ["zwei", ["media/posts/202010/1.jpg", "media/posts/202010/2.mp4"]] == fields(album, "text", "photos")
    assert ["119_n.jpg", "1.jpg"] == [photo.key, first.key]


def test_people(tmp_path: Path) -> None:
    """Followers and followed have handles; the owner also address and birthday."""
    items, _, _ = read_checked(instagram, unpack(tmp_path, NEWER))
    people = [item for item in items if item.type == "contact"]
    assert [["instagram:zoe"], ["instagram:ada.l"], ["instagram:bob_b"]] == [fields(one, "handles")[0] for one in people]
    assert ["Zoë", ["zoe@example.org"], "node.js & Käse", "1990-01-02"] == fields(people[0], "name", "emails", "bio", "birthday")


def test_favorites_and_comments(tmp_path: Path) -> None:
    """Likes and saved posts are favorites, what one wrote below others' posts are posts."""
    items, _, _ = read_checked(instagram, unpack(tmp_path, NEWER))
    favorites = [fields(item, "url", "author", "kind", "created") for item in items if item.type == "favorite"]
    assert [
        ["https://www.instagram.com/p/CF1/", "ada.l", "like", "2020-10-18T05:46:40Z"],
        ["https://www.instagram.com/p/CF2/", "café.x", "saved", "2020-10-29T19:33:20Z"],
    ] == favorites
    comment = next(item for item in items if item.key.startswith("comment:"))
    assert ["Très bon 👌", "bob_b", "comment", "2020-11-10T09:20:00Z"] == fields(comment, "text", "reply_author", "kind", "created")


def test_messages(tmp_path: Path) -> None:
    """Conversations are those of Facebook."""
    items, _, _ = read_checked(instagram, unpack(tmp_path, {"messages/inbox/ada_17/message_1.json": THREAD}))
    assert ["Ada 🌊", ["Zoë"], "Grüße", "inbox/ada_17"] == fields(items[0], "from", "to", "text", "thread")


def test_the_layout_of_2025(tmp_path: Path) -> None:
    """label_values name a liked post's address, words and owner."""
    liked = {
        "timestamp": 1750000000,
        "media": [],
        "label_values": [
            {"label": "Caption", "value": "Käse"},
            {"label": "URL", "value": "https://www.instagram.com/p/D1/", "href": "https://www.instagram.com/p/D1/"},
            {
                "title": "Owner",
                "dict": [{"title": "", "dict": [{"label": "Name", "value": "Bob"}, {"label": "Username", "value": "bob_b"}]}],
            },
        ],
        "fbid": "1790",
    }
    items, problems, _ = read_checked(instagram, unpack(tmp_path, {"your_instagram_activity/likes/liked_posts.json": [liked]}))
    assert [] == problems
    assert ["https://www.instagram.com/p/D1/", "Käse", "bob_b", "2025-06-15T15:06:40Z"] == fields(
        items[0], "url", "title", "author", "created"
    )


def test_the_layout_of_2019(tmp_path: Path) -> None:
    """The few files of 2019, with their lists of lists."""
    items, problems, scopes = read_checked(instagram, unpack(tmp_path, OF_2019))
    assert ([], ["account:zoe"]) == (problems, [scope.name for scope in scopes])
    counts = {type: sum(type == item.type for item in items) for type in instagram.types}
    assert {"post": 3, "message": 2, "contact": 4, "photo": 1, "favorite": 3} == counts
    by_key = {item.key.partition(":")[0] + ":" + item.type: item for item in items}
    assert ["zoe@example.org"] == fields(by_key["profile:contact"], "emails")[0]
    assert ["2018-10-16T12:00:00Z", "like", "ada.l"] == fields(by_key["media_likes:favorite"], "created", "kind", "author")
    assert ["🧀 né", "ada.l"] == fields(by_key["comment:post"], "text", "reply_author")
    first, second = (item for item in items if item.type == "message")
    assert ["ada.l", ["zoe"], "Grüße", "ada.l,zoe"] == fields(first, "from", "to", "text", "thread")
    assert ["zoe", ["x.jpg"], "2018-10-20T12:01:00"] == fields(second, "from", "attachments", "sent")
    photo = next(item for item in items if item.type == "photo")
    assert ["Am Fluß #isar", "München", "2018-10-01T09:00:00"] == fields(photo, "description", "place", "taken")


def test_what_is_broken_stops_nothing(tmp_path: Path) -> None:
    """Cut files and wrong types are told; all the rest is read."""
    files = {
        **NEWER,
        "your_instagram_activity/media/posts_2.json": json.dumps([POST, ALBUM]).encode()[:-10],
        "connections/followers_and_following/followers_1.json": [FOLLOWER, "ada", None],
        "your_instagram_activity/likes/liked_posts.json": b"\xff\xfe nothing",
        "your_instagram_activity/messages/inbox/x_1/message_1.json": [1, 2],
        "likes.json": {"media_likes": ["2019", {}, []]},
    }
    items, problems, _ = read_checked(instagram, unpack(tmp_path, files))
    assert {
        "your_instagram_activity/media/posts_2.json",
        "connections/followers_and_following/followers_1.json",
        "your_instagram_activity/likes/liked_posts.json",
        "your_instagram_activity/messages/inbox/x_1/message_1.json",
        "likes.json",
    } == {problem.file for problem in problems}
    counts = {type: sum(type == item.type for item in items) for type in instagram.types}
    assert (3, 1, 1) == (counts["contact"], counts["message"], counts["favorite"])


@settings(max_examples=40)
@given(files=exports.damaged(NEWER) | exports.damaged(OF_2019))
def test_any_value_may_be_anything(tmp_path_factory: pytest.TempPathFactory, files: dict[str, Any]) -> None:
    """Whatever stands in place of a value, the export is read to its end and every item keeps the contract."""
    items, _, _ = read(instagram, unpack(tmp_path_factory.mktemp("damaged"), files))
    assert items
    check_contract(instagram, items)


def test_something_else_is_refused(tmp_path: Path) -> None:
    """What is no such export at all is an error."""
    with pytest.raises(Fatal, match="no Instagram export"):
        read(instagram, unpack(tmp_path, {"holiday/readme.json": {"a": 1}}))


def test_the_html_export_is_refused_kindly(tmp_path: Path) -> None:
    """A download in HTML says what to ask for instead."""
    items, problems, _ = read(instagram, unpack(tmp_path, {"content/posts_1.html": b"<html>"}))
    assert [] == items
    assert "JSON" in problems[0].reason


NAMES = [
    "media",
    "uri",
    "title",
    "string_list_data",
    "string_map_data",
    "label_values",
    "href",
    "value",
    "timestamp",
    "Username",
    "conversation",
]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, "Comment", "photos", "media_likes"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(
    body=st.dictionaries(st.sampled_from([*NAMES, "photos", "media_likes", "followers", "photo", "thread", "message"]), JUNK, max_size=4)
)
def test_map_takes_anything(body: dict[str, Any]) -> None:
    """However strange an entry is, mapping does not raise."""
    for type in instagram.types:
        instagram.map(type, body)
