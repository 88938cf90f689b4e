"""
Stack Exchange's API: what questions and answers become, what its errors mean, and whose lists are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given

from locker.connector import Answer, Body, Item, Walk
from locker.error import Fatal, LimitReached, LockerError, Retriable, Skippable, Unauthorized
from tests.listing import Asked, FakeSession
from tests.mapping import Sample, drifted, fetching, said

STACK = fetching("stackoverflow")
QUESTION: Body = {
    "question_id": 5,
    "link": "https://stackoverflow.com/questions/5/how-much",
    "title": "How much &quot;salt&quot;?",
    "body": "<p>In <code>soup</code>.</p>",
    "tags": ["soup", "salt"],
    "owner": {
        "user_id": 7,
        "display_name": "Ann &amp; Bob",
        "profile_image": "https://pictures.example/7",
        "link": "https://stackoverflow.com/users/7/ann",
    },
    "creation_date": 1332242920,
    "last_edit_date": 1332244680,
    "last_activity_date": 1332245887,
}
ANSWER: Body = {
    "answer_id": 6,
    "question_id": 5,
    "body": "<p>A pinch.</p>",
    "owner": {"display_name": "Ann", "link": "https://cooking.example.com/users/7/ann"},
    "creation_date": 1332243000,
}
OLD: Body = {
    "question_id": 8,
    "title": "Old",
    "tags": ["html"],
    "owner": {"display_name": "Ann"},
    "creation_date": 1332242920,
    "up_vote_count": 8,
}
SAMPLES: list[Sample] = [("favorite", QUESTION), ("favorite", OLD), ("post", QUESTION), ("post", ANSWER)]


def test_a_bookmarked_question() -> None:
    """Signs that the API writes as in HTML are themselves again."""
    assert {
        "url": "https://stackoverflow.com/questions/5/how-much",
        "title": 'How much "salt"?',
        "description": "In soup.",
        "author": "Ann & Bob",
        "kind": "bookmark",
        "tag": ["soup", "salt"],
        "created": "2012-03-20T11:28:40Z",
        "thumbnail": "https://pictures.example/7",
        "author_url": "https://stackoverflow.com/users/7/ann",
        "avatar": "https://pictures.example/7",
        "updated": "2012-03-20T11:58:00Z",
    } == said(STACK, "favorite", QUESTION)
    assert "https://stackoverflow.com/questions/8" == said(STACK, "favorite", OLD)["url"]


def test_an_answer_knows_its_site() -> None:
    """An answer tells no address; its author's page tells the site."""
    post = said(STACK, "post", ANSWER)
    assert ("https://cooking.example.com/a/6", "https://cooking.example.com/questions/5") == (post["url"], post["reply_to"])
    assert ("answer", "question") == (post["kind"], said(STACK, "post", QUESTION)["kind"])


async def asked(options: Mapping[str, str], stream: str = "favorites") -> list[Asked]:
    """What two pages of a stream ask for."""

    def answer(request: Asked) -> tuple[int, Mapping[str, str], Any]:
        page = int(request.params["page"])
        return 200, {}, {"items": [{"question_id": page, "answer_id": page}], "has_more": page < 2, "quota_remaining": 9}

    session = FakeSession(answer, options=options)
    declared = next(one for one in STACK.streams if stream == one.name)
    items = [one async for page in STACK.fetch(session, declared, Walk()) for one in page.items]
    assert ["1", "2"] == [one.key for one in items if isinstance(one, Item)]
    return session.asked


async def test_whose_lists_are_asked_for() -> None:
    """One's own, or those of another user at any site; the application's key goes along, in a header."""
    own = await asked({})
    assert [("/api/me/favorites", "stackoverflow", "1"), ("/api/me/favorites", "stackoverflow", "2")] == [
        (one.path, one.params["site"], one.params["page"]) for one in own
    ]
    assert "X-API-Key" not in own[0].headers
    other = await asked({"user": "7", "site": "superuser", "key": "k(("}, "answers")
    assert ("/api/users/7/answers", "superuser", "k((") == (other[0].path, other[0].params["site"], other[0].headers["X-API-Key"])


@pytest.mark.parametrize(
    ("name", "message", "meaning", "after"),
    [
        ("throttle_violation", "too many requests from this IP, more requests available in 82216 seconds", LimitReached, 82216.0),
        ("temporarily_unavailable", "later", LimitReached, None),
        ("internal_error", "oops", Retriable, None),
        ("invalid_access_token", "`key` is not valid", Unauthorized, None),
        ("access_token_required", "no", Unauthorized, None),
        ("access_denied", "no", Skippable, None),
        ("bad_parameter", "site", Fatal, None),
    ],
)
def test_errors_are_told_in_the_body(name: str, message: str, meaning: type[LockerError], after: float | None) -> None:
    """Every error has status 400; its name says whether to wait, to connect again, or to go on without."""
    body = json.dumps({"error_id": 502, "error_name": name, "error_message": message}).encode()
    error = STACK.judge(Answer(400, {}, body, "https://api.stackexchange.com/2.3/me/favorites"))
    assert meaning is type(error)
    assert after == getattr(error, "after", None)
    assert STACK.judge(Answer(200, {}, body, "")) is None
    assert STACK.judge(Answer(502, {}, b"<html>", "")) is None


def test_a_name_that_is_not_utf_8() -> None:
    """The rest of an answer is not lost over one name in another encoding; what is no JSON at all is asked for again."""
    broken = '{"items": [{"question_id": 1, "owner": {"display_name": "Özgel"}}]}'.encode("latin-1")
    assert "Özgel" == STACK.document(Answer(200, {}, broken, ""))["items"][0]["owner"]["display_name"]
    with pytest.raises(Retriable):
        STACK.document(Answer(200, {}, b'{"items": [', ""))


@given(drifted(SAMPLES))
def test_drifted_documents_are_mapped(sample: tuple[str, Any]) -> None:
    """Whatever Stack Exchange changes in its documents, they become an object that fits its schema, or none."""
    said(STACK, *sample)
