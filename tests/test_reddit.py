"""
Reddit's API: what its things become.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given

from locker.connector import Body
from tests.mapping import Sample, drifted, fetching, made, said

REDDIT = fetching("reddit")
LINK: Body = {
    "kind": "t3",
    "data": {
        "id": "abc",
        "name": "t3_abc",
        "title": "Soup & salt",
        "selftext": "",
        "is_self": False,
        "url": "https://soup.example/",
        "permalink": "/r/cooking/comments/abc/soup/",
        "subreddit": "cooking",
        "author": "ann",
        "created_utc": 1457830000.0,
        "edited": False,
        "saved": True,
        "likes": None,
        "thumbnail": "https://pictures.example/abc.jpg",
        "link_flair_text": "Hot",
        "post_hint": "image",
        "preview": {"images": [{"source": {"url": "https://pictures.example/abc-big.jpg"}}]},
    },
}
SELF: Body = {
    "kind": "t3",
    "data": {
        **LINK["data"],
        "id": "def",
        "name": "t3_def",
        "is_self": True,
        "selftext": "How much?",
        "likes": True,
        "saved": False,
        "thumbnail": "self",
    },
}
COMMENT: Body = {
    "kind": "t1",
    "data": {
        "id": "xyz",
        "name": "t1_xyz",
        "body": "A pinch.",
        "link_title": "Soup & salt",
        "link_id": "t3_abc",
        "parent_id": "t1_uvw",
        "subreddit": "cooking",
        "author": "[deleted]",
        "created_utc": 1457830001.0,
        "edited": 1457830900.0,
        "likes": True,
        "saved": True,
    },
}
SAMPLES: list[Sample] = [(type, body) for type in ("favorite", "post") for body in (LINK, SELF, COMMENT)]


def test_a_saved_link() -> None:
    """A saved submission is a favorite: its own page, and where it leads if it has no text."""
    assert {
        "url": "https://www.reddit.com/r/cooking/comments/abc/soup/",
        "title": "Soup & salt",
        "description": "https://soup.example/",
        "author": "ann",
        "kind": "saved",
        "tag": ["cooking", "Hot"],
        "created": "2016-03-13T00:46:40Z",
        "thumbnail": "https://pictures.example/abc.jpg",
        "author_url": "https://www.reddit.com/user/ann",
    } == said(REDDIT, "favorite", LINK)


def test_an_upvoted_text() -> None:
    """Its text is the description; ``self`` is no address of a picture."""
    favorite = said(REDDIT, "favorite", SELF)
    assert ("upvote", "How much?") == (favorite["kind"], favorite["description"])
    assert "thumbnail" not in favorite


def test_a_comment() -> None:
    """An old comment tells no page, but enough to know it; what it answers, too; who is deleted is nobody."""
    comment = said(REDDIT, "post", COMMENT)
    assert {
        "url": "https://www.reddit.com/r/cooking/comments/abc/_/xyz/",
        "title": "Soup & salt",
        "text": "A pinch.",
        "created": "2016-03-13T00:46:41Z",
        "reply_to": "https://www.reddit.com/r/cooking/comments/abc/_/uvw/",
        "tag": ["cooking"],
        "kind": "comment",
        "updated": "2016-03-13T01:01:40Z",
    } == comment


def test_a_submission() -> None:
    """A submission links to what it shows, and has its picture."""
    post = said(REDDIT, "post", LINK)
    assert ("submission", ["https://soup.example/"]) == (post["kind"], post["links"])
    assert ["https://pictures.example/abc-big.jpg"] == post["photos"]


def test_saved_and_upvoted_are_two_items() -> None:
    """The same thing in both lists has two keys: taking back the one leaves the other."""
    keys = [item.key for stream in ("saved", "upvoted", "submitted", "comments") for item in made(REDDIT, stream, [COMMENT])]
    assert ["saved:t1_xyz", "t1_xyz", "t1_xyz", "t1_xyz"] == keys


@given(drifted(SAMPLES))
def test_drifted_documents_are_mapped(sample: tuple[str, Any]) -> None:
    """Whatever Reddit changes in its documents, they become an object that fits its schema, or none."""
    said(REDDIT, *sample)
