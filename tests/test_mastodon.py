"""
Mastodon's API: what its statuses and accounts become.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given

from locker.connector import Body
from tests.mapping import Sample, drifted, fetching, made, said

MASTODON = fetching("mastodon")
ANN: Body = {
    "id": "7",
    "username": "ann",
    "acct": "ann",
    "display_name": "Ann Lee",
    "note": "<p>Cook &amp; <b>baker</b></p>",
    "url": "https://here.example/@ann",
    "avatar": "https://here.example/7.png",
    "fields": [
        {"name": "Site", "value": '<a href="https://ann.example">https://ann.example</a>'},
        {"name": "Likes", "value": "bread"},
    ],
}
BOB: Body = {"id": "8", "username": "bob", "acct": "bob@there.example", "display_name": "", "url": "https://there.example/@bob"}
STATUS: Body = {
    "id": "100",
    "created_at": "2024-01-02T03:04:05.000Z",
    "edited_at": None,
    "in_reply_to_id": None,
    "spoiler_text": "Food",
    "visibility": "public",
    "language": "en",
    "uri": "https://here.example/users/ann/statuses/100",
    "url": "https://here.example/@ann/100",
    "content": '<p>Soup!<br>With <a href="https://here.example/tags/salt">#<span>salt</span></a></p><p>Eat.</p>',
    "favourited": False,
    "bookmarked": False,
    "reblog": None,
    "account": ANN,
    "media_attachments": [
        {"type": "image", "url": "https://here.example/1.png", "preview_url": "https://here.example/1s.png"},
        {"type": "video", "url": "https://here.example/2.mp4"},
    ],
    "mentions": [{"id": "8", "username": "bob", "acct": "bob@there.example", "url": "https://there.example/@bob"}],
    "tags": [{"name": "salt", "url": "https://here.example/tags/salt"}],
    "card": {"url": "https://soup.example/", "title": "Soup"},
}
REPLY: Body = {**STATUS, "id": "101", "in_reply_to_id": "100", "edited_at": "2024-01-03T03:04:05.000Z", "account": BOB}
BOOST: Body = {
    **STATUS,
    "id": "102",
    "account": BOB,
    "content": "",
    "url": None,
    "uri": "https://there.example/102/activity",
    "reblog": STATUS,
}
SAMPLES: list[Sample] = [
    ("post", STATUS),
    ("post", REPLY),
    ("post", BOOST),
    ("favorite", {**STATUS, "favourited": True}),
    ("favorite", {**REPLY, "bookmarked": True}),
    ("contact", {"user": ANN, "relation": "following"}),
    ("contact", {"user": {**BOB, "moved": ANN}, "relation": "followers"}),
]  # fmt: skip


def test_a_status_is_a_post() -> None:
    """The words of the markup, one line per block; the account with its host, also on the server that was asked."""
    assert {
        "url": "https://here.example/@ann/100",
        "title": "Food",
        "text": "Soup!\nWith #salt\nEat.",
        "author": "ann@here.example",
        "created": "2024-01-02T03:04:05Z",
        "tag": ["salt"],
        "mentions": ["bob@there.example"],
        "links": ["https://soup.example/"],
        "photos": ["https://here.example/1.png"],
        "language": "en",
        "kind": "post",
        "visibility": "public",
    } == said(MASTODON, "post", STATUS)


def test_replies_and_boosts() -> None:
    """A reply names what it answers; a boost says what it boosts and links to it, under its own address."""
    reply, boost = said(MASTODON, "post", REPLY), said(MASTODON, "post", BOOST)
    assert ("reply", "100", "2024-01-03T03:04:05Z") == (reply["kind"], reply["reply_to"], reply["updated"])
    assert ("repost", "bob@there.example", "Soup!\nWith #salt\nEat.") == (boost["kind"], boost["author"], boost["text"])
    assert "https://there.example/102/activity" == boost["url"]
    assert "https://here.example/@ann/100" in boost["links"]


def test_favourites_and_bookmarks() -> None:
    """A status that is in both lists is two items, but one object: its address is the same."""
    both = {**STATUS, "favourited": True, "bookmarked": True}
    items = [*made(MASTODON, "favourites", [both]), *made(MASTODON, "bookmarks", [both])]
    assert [("favorite", "100"), ("favorite", "bookmark:100")] == [(item.type, item.key) for item in items]
    assert {"https://here.example/@ann/100"} == {said(MASTODON, "favorite", item.body or {})["url"] for item in items}
    kinds = [said(MASTODON, "favorite", body)["kind"] for _, body in SAMPLES[3:5]]
    assert ["like", "bookmark"] == kinds
    assert "https://here.example/1s.png" == said(MASTODON, "favorite", both)["thumbnail"]


def test_people() -> None:
    """An account is a contact with its handle, its pages and why it is there; who has no display name is called by the other one."""
    assert {
        "name": "Ann Lee",
        "handles": ["mastodon:ann@here.example"],
        "urls": ["https://here.example/@ann", "https://ann.example"],
        "photos": ["https://here.example/7.png"],
        "bio": "Cook & baker",
        "relations": ["following"],
    } == said(MASTODON, "contact", SAMPLES[5][1])
    moved = said(MASTODON, "contact", SAMPLES[6][1])
    assert ("bob", ["mastodon:bob@there.example", "mastodon:ann@here.example"]) == (moved["name"], moved["handles"])
    assert ["following:7"] == [item.key for item in made(MASTODON, "following", [ANN])]


@given(drifted(SAMPLES))
def test_drifted_documents_are_mapped(sample: tuple[str, Any]) -> None:
    """Whatever a server changes in its documents, they become an object that fits its schema, or none."""
    said(MASTODON, *sample)
