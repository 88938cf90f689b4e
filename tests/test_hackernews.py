"""
Hacker News' API: what a user's items become, and how few of them a run asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given

from locker.connector import Body, Item, Page, Problem, Walk
from locker.error import Skippable
from tests.listing import Asked, FakeSession
from tests.mapping import Sample, drifted, fetching, said

HACKERNEWS = fetching("hackernews")
STORY: Body = {
    "id": 30,
    "type": "story",
    "by": "ann",
    "time": 1573424582,
    "title": "Soup",
    "url": "https://soup.example/",
    "score": 3,
    "kids": [31],
}
COMMENT: Body = {"id": 31, "type": "comment", "by": "ann", "time": 1573424600, "parent": 30, "text": "<p>A &quot;pinch&quot;.<p>Or two."}
SAMPLES: list[Sample] = [("post", STORY), ("post", COMMENT), ("post", {**STORY, "type": "pollopt", "poll": 29, "text": "Yes"})]


def service(items: Mapping[int, Any], submitted: Any = None) -> FakeSession:
    """A session whose service has these items, all of them ann's."""

    def answer(asked: Asked) -> tuple[int, Mapping[str, str], Any]:
        if "/user/" in asked.path:
            return 200, {}, {"id": "ann", "submitted": list(items) if submitted is None else submitted} if "ann" in asked.path else None
        number = int(asked.path.rpartition("/")[2].removesuffix(".json"))
        return (200, {}, items[number]) if number in items else (404, {}, {"error": "no"})

    return FakeSession(answer, options={"username": "ann"})


async def pages(session: FakeSession, walk: Walk, most: int = 99) -> list[Page]:
    """The first pages of a walk."""
    found: list[Page] = []
    async for page in HACKERNEWS.fetch(session, HACKERNEWS.streams[0], walk):
        found.append(page)
        if len(found) == most:
            break
    return found


def keys(found: list[Page]) -> list[str]:
    """The keys of what pages hold."""
    return [one.key for page in found for one in page.items if isinstance(one, Item)]


def test_stories_and_comments() -> None:
    """A story links to its page; a comment names what it answers, and its markup is read."""
    assert {
        "url": "https://news.ycombinator.com/item?id=30",
        "title": "Soup",
        "author": "ann",
        "created": "2019-11-10T22:23:02Z",
        "links": ["https://soup.example/"],
        "kind": "story",
    } == said(HACKERNEWS, "post", STORY)
    comment = said(HACKERNEWS, "post", COMMENT)
    assert ('A "pinch".\nOr two.', "https://news.ycombinator.com/item?id=30") == (comment["text"], comment["reply_to"])


async def test_a_walk_goes_on_where_it_was() -> None:
    """Fifty items are three pages; whoever stops after one goes on with the rest, and nothing is asked for twice."""
    session = service({n: {"id": n, "type": "comment"} for n in range(1, 51)})
    first = await pages(session, Walk(), most=1)
    rest = await pages(session, Walk(step=first[0].step))
    assert [str(n) for n in range(50, 0, -1)] == keys(first + rest)
    assert (None, 50) == (rest[-1].step, rest[-1].since)
    assert 2 + 50 == len(session.asked)


async def test_only_what_is_new_is_asked_for() -> None:
    """A run with nothing new is one request; new numbers are one each; a sweep asks for all."""
    session = service({n: {"id": n, "type": "comment"} for n in (1, 2, 3)})
    assert [] == keys(await pages(session, Walk(since=3, whole=False)))
    assert 1 == len(session.asked)
    assert ["3"] == keys(await pages(session, Walk(since=2, whole=False)))
    assert ["3", "2", "1"] == keys(await pages(session, Walk(since=3, whole=True)))


async def test_what_is_gone() -> None:
    """A deleted item is gone; one that is shown to nobody is left out; one that is not there at all is a problem, and the rest goes on."""
    session = service({1: {"id": 1, "deleted": True}, 2: None, 3: STORY}, [1, 2, 3, 4, "5", None])
    found = [one for page in await pages(session, Walk()) for one in page.items]
    assert [Item("post", "3", STORY), Item("post", "1", None)] == [one for one in found if isinstance(one, Item)]
    assert ["/api/v0/item/4.json"] == ["/api" + one.place for one in found if isinstance(one, Problem)]


async def test_a_user_whom_nobody_knows() -> None:
    """Hacker News answers null for a name that nobody has: somebody must mend the name."""
    session = FakeSession(lambda _: (200, {}, None), options={"username": "Ann"})
    with pytest.raises(Skippable, match="capital letters"):
        await pages(session, Walk())


@given(drifted(SAMPLES))
def test_drifted_documents_are_mapped(sample: tuple[str, Any]) -> None:
    """Whatever Hacker News changes in its documents, they become an object that fits its schema, or none."""
    said(HACKERNEWS, *sample)
