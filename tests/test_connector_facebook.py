"""
Reading Facebook's JSON export: both layouts, mended text, and what is broken in it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.archive import Archive
from locker.connector import Item
from locker.error import Fatal
from locker.importer import Import, Wish
from locker.log import Logbook
from locker.plugin import mount
from tests import exports
from tests.connectors import check_contract, connector, mapped, read, read_checked
from tests.exports import pack, spoilt

mount("connectors")
meta: Any = import_module("locker.connectors._meta")
facebook = connector("facebook-archive")


def unpack(folder: Path, files: dict[str, Any]) -> Path:
    """A folder with these files, in Meta's encoding."""
    return exports.unpack(folder, spoilt(files))


POSTS = [
    {
        "timestamp": 1305050046,
        "attachments": [
            {
                "data": [
                    {
                        "media": {
                            "uri": "posts/media/TimelinePhotos_awR520Z08w/226622_n_1661337463344.jpg",
                            "creation_timestamp": 1305050046,
                            "media_metadata": {"photo_metadata": {"exif_data": [{"taken_timestamp": 1305040000, "original_width": 640}]}},
                            "title": "Timeline Photos",
                            "description": "Han satte sig ved siden af mig, næsten 😀",
                        }
                    },
                    {"external_context": {"name": "Hapkido", "url": "http://www.example.dk/"}},
                    {"place": {"name": "Holbæk", "coordinate": {"latitude": 55.7, "longitude": 11.7}}},
                ]
            }
        ],
        "data": [{"post": "Han satte sig ved siden af mig, næsten 😀"}, {"update_timestamp": 1305050100}],
        "title": "Lukas Larsen added a new photo.",
        "tags": [{"name": "Sabine Jø"}],
    },
    {"timestamp": 1242901624, "data": [{"post": "fedt"}], "title": "Lukas Larsen updated his status."},
]
ALBUM = {
    "name": "Hashable Party",
    "photos": [
        {
            "uri": "photos_and_videos/HashableParty_1/1_n.jpg",
            "creation_timestamp": 1300000000,
            "title": "Hashable Party",
            "description": "dør",
        },
        {"uri": "photos_and_videos/videos/clip.mp4", "creation_timestamp": 1300000001},
    ],
    "cover_photo": {"uri": "photos_and_videos/HashableParty_1/1_n.jpg", "creation_timestamp": 1300000000},
    "last_modified_timestamp": 1300000002,
    "description": "at the bar",
}
FRIENDS = [{"name": "Zoë Møller", "timestamp": 1400000000}, {"name": "Zoë Møller", "timestamp": 1500000000}]
THREAD = {
    "participants": [{"name": "Zoë Møller"}, {"name": "Lukas Larsen"}],
    "messages": [
        {"sender_name": "Zoë Møller", "timestamp_ms": 1600000001123, "content": "Hvornår? 🎉", "type": "Generic"},
        {
            "sender_name": "Lukas Larsen",
            "timestamp_ms": 1600000000000,
            "photos": [{"uri": "messages/inbox/zoe_12/photos/1.jpg", "creation_timestamp": 1600000000}],
            "share": {"link": "https://example.com/x", "share_text": "se her"},
            "reactions": [{"reaction": "❤", "actor": "Zoë Møller"}],
        },
    ],
    "title": "Zoë Møller",
    "is_still_participant": True,
    "thread_path": "inbox/zoe_12",
    "magic_words": [],
}
COMMENT = {
    "timestamp": 1457387286,
    "data": [{"comment": {"timestamp": 1457387286, "comment": "så fint", "author": "Lukas Larsen"}}],
    "title": "Lukas Larsen replied to Tobias Løye's comment.",
}
REACTION = {
    "timestamp": 1555664152,
    "data": [{"reaction": {"reaction": "LOVE", "actor": "Lukas Larsen"}}],
    "title": "Lukas Larsen likes Zoë Møller's photo.",
}
PROFILE = {
    "name": {"full_name": "Lukas Larsen", "first_name": "Lukas", "last_name": "Larsen"},
    "emails": {"emails": ["Lukas@Example.dk"], "previous_emails": []},
    "birthday": {"year": 1990, "month": 5, "day": 7},
    "username": "lukas.larsen",
    "profile_uri": "https://www.facebook.com/lukas.larsen",
}
OLD: dict[str, Any] = {
    "profile_information/profile_information.json": {"profile": PROFILE},
    "friends/friends.json": {"friends": FRIENDS},
    "posts/your_posts_1.json": POSTS,
    "comments/comments.json": {"comments": [COMMENT]},
    "photos_and_videos/album/0.json": ALBUM,
    "likes_and_reactions/posts_and_comments.json": {"reactions": [REACTION]},
    "likes_and_reactions/pages.json": {"page_likes": [{"name": "Café Ægir", "timestamp": 1320000000}]},
    "messages/inbox/zoe_12/message_1.json": THREAD,
    "security_and_login_information/logins.json": {"account_accesses": [{"action": "Login", "timestamp": 1}]},
}
NEW: dict[str, Any] = {
    "personal_information/profile_information/profile_information.json": {"profile_v2": PROFILE},
    "connections/friends/your_friends.json": {"friends_v2": FRIENDS},
    "your_facebook_activity/posts/your_posts__check_ins__photos_and_videos_1.json": POSTS,
    "your_facebook_activity/posts/album/0.json": ALBUM,
    "your_facebook_activity/comments_and_reactions/comments.json": {"comments_v2": [COMMENT]},
    "your_facebook_activity/comments_and_reactions/likes_and_reactions_1.json": [REACTION],
    "your_facebook_activity/pages/pages_you've_liked.json": {"page_likes_v2": [{"name": "Café Ægir", "timestamp": 1320000000}]},
    "your_facebook_activity/messages/inbox/zoe_12/message_1.json": THREAD,
    "your_facebook_activity/messages/support_messages.json": {"support_messages": {}},
    "ads_information/ad_preferences.json": {"fbid": "1", "label_values": []},
}


def keys(items: list[Item]) -> set[tuple[str, str]]:
    return {(item.type, item.key) for item in items}


@given(text=st.text())
def test_mended_text_is_what_was_meant(text: str) -> None:
    """Any text comes back from Meta's mis-encoding."""
    assert text == meta.mend(spoilt(text))


@given(text=st.text(alphabet=st.characters(min_codepoint=0x100, exclude_categories=["Cs"]), min_size=1), rest=st.text())
def test_text_that_was_never_spoilt_stays(text: str, rest: str) -> None:
    """A text with a character that Latin-1 does not have was not mis-encoded."""
    assert [rest + text] == meta.mend([rest + text])


@given(
    value=st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
    )
)
def test_mending_reaches_every_text(value: Any) -> None:
    """Lists, objects and the names of their members are mended too."""
    assert value == meta.mend(spoilt(value))


@pytest.mark.parametrize("text", ["é", "naïve", "Ãx", "Zoë said Ã©ë"])
def test_latin_text_stays(text: str) -> None:
    """What does not decode as a whole is left as it is."""
    assert text == meta.mend(text)


@given(text=st.text(), name=st.text(min_size=1), folder=st.sampled_from(["posts/media", "your_facebook_activity/posts/media/x"]))
def test_keys_are_stable(text: str, name: str, folder: str) -> None:
    """A key is the same text whether Meta spoilt the words or not, and wherever the layout puts the files."""
    post = {"timestamp": 5, "data": [{"post": text}], "attachments": [{"data": [{"media": {"uri": f"{folder}/1_n.jpg"}}]}]}
    again = {**post, "attachments": [{"data": [{"media": {"uri": "elsewhere/1_n.jpg"}}]}]}
    keys: Any = import_module("locker.connectors._meta_facebook")
    assert keys.post_key(again) == keys.post_key(meta.mend(spoilt(post)))
    assert keys.contact_key({"name": name, "timestamp": 5}) == keys.contact_key(meta.mend(spoilt({"name": name, "timestamp": 5})))


def test_a_thread_by_itself(tmp_path: Path) -> None:
    """One conversation's file is enough, whatever it is called."""
    items, problems, _ = read_checked(facebook, unpack(tmp_path, {"chat.json": THREAD}) / "chat.json")
    assert ([], 2) == (problems, len(items))


def test_both_layouts_have_the_same_things_under_the_same_keys(tmp_path: Path) -> None:
    """An export of 2019 and one of 2024 of one account meet in every record."""
    old, problems, scopes = read_checked(facebook, unpack(tmp_path / "old", OLD))
    new, later, _ = read_checked(facebook, unpack(tmp_path / "new", NEW))
    assert [] == problems == later
    assert keys(old) == keys(new)
    assert len(old) == len(keys(old))
    assert ["account:lukas.larsen"] == [scope.name for scope in scopes]
    assert not scopes[0].complete
    counts = {type: sum(type == item.type for item in old) for type in facebook.types}
    assert {"post": 3, "message": 2, "contact": 3, "photo": 2, "favorite": 2} == counts


def test_importing_again(tmp_path: Path) -> None:
    """The same export twice appends nothing, a newer one of the other layout just what is new in it, and the first one again nothing."""
    posted = {**NEW, "your_facebook_activity/posts/your_posts_2.json": [{"timestamp": 1700000000, "data": [{"post": "nyt"}]}]}
    old, new = unpack(tmp_path / "old", OLD), unpack(tmp_path / "new", posted)
    logbook = Logbook(tmp_path / "log.sqlite")
    changes = []
    for year, folder in ((2019, old), (2019, old), (2024, new), (2019, old)):
        with Archive(folder) as archive:
            report = Import(logbook, facebook, "me", "facebook", Wish(as_of=datetime(year, 1, 1, tzinfo=UTC))).run(archive)
        assert 0 == report.unreadable
        changes.append((report.added, report.edited, report.deleted))
    logbook.close()
    assert [(12, 0, 0), (0, 0, 0), (1, 0, 0), (0, 0, 0)] == changes


@pytest.mark.parametrize("files", [OLD, NEW])
def test_zip_zips_and_folder_are_one(tmp_path: Path, files: dict[str, Any]) -> None:
    """A folder, its zip, and a folder with the two zips it came in give the same items in the same order."""
    folder = unpack(tmp_path / "folder", files)
    names = sorted(files)
    pack(tmp_path / "zips" / "facebook-1.zip", folder, names[::2])
    pack(tmp_path / "zips" / "facebook-2.zip", folder, names[1::2])
    expected = read(facebook, folder)
    assert expected == read(facebook, pack(tmp_path / "all.zip", folder))
    assert expected == read(facebook, tmp_path / "zips")


def test_a_post_with_its_picture(tmp_path: Path) -> None:
    """A post tells its text, links, place and people mended; its picture carries them, too."""
    items, _, _ = read_checked(facebook, unpack(tmp_path, {"posts/your_posts_1.json": POSTS}))
    assert {
        "text": "Han satte sig ved siden af mig, næsten 😀",
        "title": "Lukas Larsen added a new photo.",
        "created": "2011-05-10T17:54:06Z",
        "updated": "2011-05-10T17:55:00Z",
        "mentions": ["Sabine Jø"],
        "links": ["http://www.example.dk/"],
        "photos": ["posts/media/TimelinePhotos_awR520Z08w/226622_n_1661337463344.jpg"],
        "place": "Holbæk",
    } == mapped(facebook, items[0])
    assert {
        "path": "posts/media/TimelinePhotos_awR520Z08w/226622_n_1661337463344.jpg",
        "album": "Timeline Photos",
        "description": "Han satte sig ved siden af mig, næsten 😀",
        "tagged": ["Sabine Jø"],
        "place": "Holbæk",
        "width": 640,
        "taken": "2011-05-10T15:06:40Z",
    } == mapped(facebook, items[1])
    assert spoilt(POSTS[0]) == items[0].body


def test_an_album(tmp_path: Path) -> None:
    """Pictures of an album know its name and description; a film is no picture."""
    items, _, _ = read_checked(facebook, unpack(tmp_path, {"photos_and_videos/album/0.json": ALBUM}))
    assert ["1_n.jpg"] == [item.key for item in items]
    photo = mapped(facebook, items[0])
    assert ("Hashable Party", "dør", "2011-03-13T07:06:40Z") == (photo["album"], photo["description"], photo["taken"])
    assert "title" not in photo


def test_messages(tmp_path: Path) -> None:
    """A message knows sender, others, thread, words and files; its key has mended names."""
    items, _, _ = read_checked(facebook, unpack(tmp_path, {"messages/inbox/zoe_12/message_1.json": THREAD}))
    assert {
        "from": "Zoë Møller",
        "from_name": "Zoë Møller",
        "to": ["Lukas Larsen"],
        "text": "Hvornår? 🎉",
        "sent": "2020-09-13T12:26:41.123000Z",
        "thread": "inbox/zoe_12",
        "channel": "Zoë Møller",
        "tag": ["inbox"],
    } == mapped(facebook, items[0])
    assert items[0].key.startswith("zoe_12:1600000001123:Zoë Møller:")
    assert ["1.jpg"] == mapped(facebook, items[1])["attachments"]
    assert "https://example.com/x\nse her" == mapped(facebook, items[1])["text"]


def test_an_archived_thread_keeps_its_keys(tmp_path: Path) -> None:
    """Moving a conversation to the archive makes no new messages."""
    moved = {**THREAD, "thread_path": "archived_threads/zoe_12"}
    inbox, _, _ = read(facebook, unpack(tmp_path / "a", {"messages/inbox/zoe_12/message_1.json": THREAD}))
    archived, _, _ = read(facebook, unpack(tmp_path / "b", {"messages/archived_threads/zoe_12/message_1.json": moved}))
    assert keys(inbox) == keys(archived)


def test_encrypted_chats_of_messenger(tmp_path: Path) -> None:
    """Messenger's own download has other names for the same, and sound text."""
    thread = {
        "participants": ["Zoë", "Lukas"],
        "threadName": "Zoë_12",
        "messages": [{"senderName": "Zoë", "text": "né?", "timestamp": 1700000000000, "type": "text", "media": [{"uri": "./media/a.jpg"}]}],
    }
    (tmp_path / "Zoë_12.json").write_text(json.dumps(thread, ensure_ascii=False))
    items, problems, _ = read_checked(facebook, tmp_path)
    assert [] == problems
    message = mapped(facebook, items[0])
    assert ("Zoë", ["Lukas"], "né?", ["a.jpg"], "Zoë_12") == tuple(
        message[name] for name in ("from", "to", "text", "attachments", "thread")
    )


def test_profile_friends_and_address_book(tmp_path: Path) -> None:
    """The owner's own data, friends (two of one name stay two) and the phone's address book are contacts."""
    book = {
        "address_book_v2": {"address_book": [{"name": "Åse", "details": [{"contact_point": "+4512345678"}, {"contact_point": "A@B.dk"}]}]}
    }
    files = {
        "profile_information/profile_information.json": {"profile_v2": PROFILE},
        "friends/friends.json": {"friends_v2": FRIENDS},
        "about_you/your_address_books.json": book,
    }
    items, problems, _ = read_checked(facebook, unpack(tmp_path, files))
    assert [] == problems
    contacts = [mapped(facebook, item) for item in items]
    assert ("Lukas Larsen", ["lukas@example.dk"], ["facebook:lukas.larsen"], "1990-05-07") == tuple(
        contacts[0][name] for name in ("name", "emails", "handles", "birthday")
    )
    assert [{"name": "Åse", "emails": ["a@b.dk"], "phones": ["+4512345678"]}] + [{"name": "Zoë Møller"}] * 2 == contacts[1:]


def test_favorites(tmp_path: Path) -> None:
    """Reactions, liked pages and saved items, in the old shapes and as label_values."""
    labelled = {
        "timestamp": 1710000000,
        "media": [],
        "label_values": [
            {"label": "Reaction", "value": "Haha"},
            {"label": "URL", "value": "https://www.facebook.com/1", "href": "https://www.facebook.com/1"},
            {"title": "Owner", "dict": [{"title": "", "dict": [{"label": "Name", "value": "Zoë"}]}]},
        ],
        "fbid": "777",
    }
    saved = {
        "timestamp": 1,
        "title": "Lukas saved a link.",
        "attachments": [{"data": [{"external_context": {"name": "Pasta", "url": "https://p.it/"}}]}],
    }
    files = {
        "your_facebook_activity/comments_and_reactions/likes_and_reactions.json": [labelled],
        "your_facebook_activity/comments_and_reactions/likes_and_reactions_1.json": [REACTION],
        "your_facebook_activity/pages/pages_you've_liked.json": {
            "page_likes_v2": [{"name": "Æ", "timestamp": 5, "url": "https://fb.com/9"}]
        },
        "your_facebook_activity/saved_items_and_collections/your_saved_items.json": {"saves_v2": [saved]},
    }
    items, problems, _ = read_checked(facebook, unpack(tmp_path, files))
    assert [] == problems
    favorites = [mapped(facebook, item) for item in items]
    assert [("haha", "Zoë"), ("love", REACTION["title"]), ("page", "Æ"), ("saved", "Pasta")] == [(f["kind"], f["title"]) for f in favorites]
    assert ["https://www.facebook.com/1", None, "https://fb.com/9", "https://p.it/"] == [f.get("url") for f in favorites]
    assert "reaction:777" == items[0].key


def test_one_entry_without_its_list(tmp_path: Path) -> None:
    """Where there is only one entry the newest exports write it bare."""
    alone = {"timestamp": 1710000000, "label_values": [{"label": "Reaction", "value": "Like"}], "fbid": "778"}
    items, problems, _ = read_checked(facebook, unpack(tmp_path, {"x/comments_and_reactions/likes_and_reactions.json": alone}))
    assert ([], ["reaction:778"]) == (problems, [item.key for item in items])


def test_what_is_broken_stops_nothing(tmp_path: Path) -> None:
    """Cut files, wrong types and a broken zip are told; all the rest is read."""
    cut = json.dumps(spoilt(POSTS)).encode()[:-30]
    files = {
        **OLD,
        "posts/your_posts_2.json": cut,
        "friends/friends.json": b"not json at all",
        "comments/comments.json": {"comments": [COMMENT, 7, "x"]},
        "messages/inbox/odd_1/message_1.json": {"participants": "nobody", "messages": [None, {"sender_name": 5, "timestamp_ms": "soon"}]},
        "photos_and_videos/album/1.json": {"name": 4, "photos": "none"},
        "facebook-2.zip": b"PK\x03\x04 broken",
    }
    items, problems, _ = read_checked(facebook, unpack(tmp_path, files))
    told = {problem.file for problem in problems}
    assert {
        "posts/your_posts_2.json",
        "friends/friends.json",
        "comments/comments.json",
        "messages/inbox/odd_1/message_1.json",
        "photos_and_videos/album/1.json",
        "facebook-2.zip",
    } == told
    whole, _, _ = read(facebook, unpack(tmp_path / "whole", OLD))
    lost = {item.key for item in whole if item.key.startswith("friend:")}
    assert {item.key for item in whole} - lost <= {item.key for item in items}


def test_instagrams_part_of_a_common_download_is_left_alone(tmp_path: Path) -> None:
    """Meta packs both exports into one download if asked for both; each reader takes its own."""
    both = {f"meta-2025/facebook-lukas-2025/{name}": content for name, content in NEW.items()}
    both["meta-2025/instagram-zoe-2025/your_instagram_activity/messages/inbox/ada_17/message_1.json"] = THREAD
    both["meta-2025/instagram-zoe-2025/your_instagram_activity/media/posts_1.json"] = []
    folder = unpack(tmp_path / "both", both)
    alone, _, _ = read(facebook, unpack(tmp_path / "alone", NEW))
    assert keys(alone) == keys(read(facebook, folder)[0])
    theirs, _, _ = read(connector("instagram-archive"), folder)
    assert {"ada_17", "zoe_12"} >= {item.key.partition(":")[0] for item in theirs}
    assert 2 == len(theirs)


def test_posts_of_others_on_the_timeline(tmp_path: Path) -> None:
    """What friends wrote on the owner's timeline lies two levels deep."""
    wall = {
        "wall_posts_sent_to_you": {
            "activity_log_data": [{"timestamp": 5, "data": [{"post": "tillykke né"}], "title": "Zoë wrote on your timeline."}]
        }
    }
    items, problems, _ = read_checked(facebook, unpack(tmp_path, {"posts/other_people's_posts_to_your_timeline.json": wall}))
    assert ([], "tillykke né") == (problems, mapped(facebook, items[0])["text"])


def test_the_html_export_is_refused_kindly(tmp_path: Path) -> None:
    """A download in HTML says what to ask for instead."""
    items, problems, _ = read(facebook, unpack(tmp_path, {"posts/your_posts_1.html": b"<html>"}))
    assert [] == items
    assert "JSON" in problems[0].reason


@settings(max_examples=40)
@given(files=exports.damaged(OLD) | exports.damaged(NEW))
def test_any_value_may_be_anything(tmp_path_factory: pytest.TempPathFactory, files: dict[str, Any]) -> None:
    """Whatever stands in place of a value, the export is read to its end and every item keeps the contract."""
    items, _, _ = read(facebook, unpack(tmp_path_factory.mktemp("damaged"), files))
    assert items
    check_contract(facebook, items)


def test_something_else_is_refused(tmp_path: Path) -> None:
    """What is no such export at all is an error."""
    with pytest.raises(Fatal, match="no Facebook export"):
        read(facebook, unpack(tmp_path, {"holiday/readme.json": {"a": 1}}))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "timestamp",
                    "data",
                    "attachments",
                    "media",
                    "uri",
                    "post",
                    "comment",
                    "reaction",
                    "name",
                    "title",
                    "tags",
                    "place",
                    "external_context",
                    "note",
                    "label_values",
                    "dict",
                    "label",
                    "value",
                    "event",
                    "details",
                    "fbid",
                    "photo",
                    "album",
                    "thread",
                    "message",
                    "participants",
                    "sender_name",
                    "photos",
                    "share",
                    "content",
                    "text",
                    "url",
                    "birthday",
                    "emails",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(body=st.dictionaries(st.sampled_from(["timestamp", "data", "attachments", "name", "photo", "message", "thread", "tags"]), JUNK))
def test_map_takes_anything(body: dict[str, Any]) -> None:
    """However strange an entry is, mapping does not raise, nor does keying it."""
    for type in facebook.types:
        facebook.map(type, body)
    helpers: Any = import_module("locker.connectors._meta_facebook")
    assert all(isinstance(key(body), str) for key in (helpers.post_key, helpers.favorite_key, helpers.contact_key))
    list(helpers.pictures(body, set()))
