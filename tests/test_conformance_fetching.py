"""
The conformance kit for connectors of a service: a good one passes, and each way to lose, repeat or betray something is found.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from locker import conformance
from locker.connector import (
    ApiKey,
    Authorisation,
    Basic,
    Bearer,
    Body,
    Cursor,
    Fetching,
    Item,
    Link,
    MaxId,
    NextUrl,
    OAuth1,
    OAuth2,
    Offset,
    Once,
    Option,
    Page,
    PageNumber,
    Paging,
    Problem,
    Session,
    Since,
    Stream,
    Walk,
    Who,
)
from locker.exam import Exam, Mark, examine
from locker.sample import Samples

LIKES = [{"id": n, "at": f"2026-01-0{n}T00:00:00Z", "url": f"https://a.example/{n}", "by": {"name": "x"}} for n in range(6, 0, -1)]
SAMPLES = Samples.of({"account": {"id": "7"}, "streams": {"likes": LIKES}})


class Likes(Fetching):
    """A service of one list, as a well-behaved connector declares it."""

    name = "likes"
    types = ("favorite",)
    title = "Likes"
    base_url = "https://api.likes.example"
    auth: ClassVar[tuple[Authorisation, ...]] = (Bearer(),)
    who: ClassVar[Who | None] = Who(path="/me", facts={"id": "user.id"})
    asks: ClassVar[tuple[Option, ...]] = (Option(name="kind", help="which kind", default="all"),)
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(name="likes", type="favorite", path="/{id}/{kind}", items="data.likes", since=Since(param="since", path="at", kind="iso")),
    )

    def map(self, type: str, body: Body) -> Body | None:
        return {"url": body["url"]} if isinstance(body.get("url"), str) else None


def findings(connector: Fetching, samples: Samples = SAMPLES) -> dict[str, Mark]:
    """What the kit says of a connector, by the checks' names."""
    return {found.name: found for found in conformance.run(connector, samples)}


def finding(connector: Fetching, name: str, samples: Samples = SAMPLES) -> Mark:
    """What one check says of a connector."""
    wanted = [check for check in conformance.checks(connector) if name == check.__name__]
    (found,) = examine(Exam(connector, samples), wanted)
    return found


def paged(style: Paging, **more: Any) -> Fetching:
    """The connector, paged in a style."""
    connector = Likes()
    vars(connector)["streams"] = (replace(Likes.streams[0], paging=style, **more),)
    return connector


@pytest.mark.parametrize(
    "style",
    [
        Once(),
        PageNumber(size=100),
        PageNumber(more="more"),
        PageNumber(pages="meta.pages", start=0),
        Offset(total="meta.total"),
        Offset(size=50),
        Cursor(param="after", path="data.after"),
        Link(),
        NextUrl(path="data.next", size_param="n"),
        MaxId(id="id"),
        MaxId(id="id", decrement=False),
    ],
    ids=str,
)
def test_a_good_one(style: Paging) -> None:
    """A connector that is no more than its declaration passes every check, in any style of paging."""
    found = findings(paged(style))
    assert {} == {name: one.says for name, one in found.items() if one.outcome == "failed"}
    assert "6 of 6 favorite mapped" in found["fetches_everything"].says
    assert found["renews_its_token"].outcome == "skipped"


@pytest.mark.parametrize(
    "auth",
    [
        (),
        (ApiKey(param="key"),),
        (Basic(),),
        (OAuth1(request="/r", authorize="/a", access="/x"),),
        (OAuth2(authorize="https://a.example/authorize", token="https://a.example/token"),),
    ],
    ids=lambda auth: type(auth[0]).__name__ if auth else "none",
)
def test_any_authorisation(auth: tuple[Authorisation, ...]) -> None:
    """Whatever the service asks for, the kit can play it."""
    connector = Likes()
    vars(connector)["auth"] = auth
    found = findings(connector)
    assert {} == {name: one.says for name, one in found.items() if one.outcome == "failed"}
    assert ("skipped" if not auth else "passed") == found["stops_when_unauthorized"].outcome
    assert ("passed" if any(isinstance(how, OAuth2) for how in auth) else "skipped") == found["renews_its_token"].outcome


class Turning(Likes):
    """Gives each entry a key of its own each time."""

    turn = 0

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        Turning.turn += 1
        return Item("favorite", str(Turning.turn), entry)


class Counting(Likes):
    """Puts something new into each body."""

    turn = 0

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        Counting.turn += 1
        return Item("favorite", str(entry["id"]), {**entry, "turn": Counting.turn})


class Stepless(Likes):
    """Begins anew whatever its walk says."""

    def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        return super().fetch(session, stream, replace(walk, step=None))


class Skipping(Likes):
    """Goes on one page too far after an interruption."""

    async def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        skip = walk.step is not None
        async for page in super().fetch(session, stream, walk):
            if not skip or page.step is None:
                yield page
            skip = False


class Leaking(Likes):
    """Keeps the token in each body."""

    async def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        async for page in super().fetch(session, stream, walk):
            token = session.secret("token")
            yield replace(
                page, items=[Item(one.type, one.key, {**(one.body or {}), "t": token}) for one in page.items if isinstance(one, Item)]
            )


class Crashing(Likes):
    """Takes for granted what the service gave so far."""

    async def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        answer = await session.get("/7/all")
        yield Page([Item("favorite", str(one["id"]), one) for one in answer.json()["data"]["likes"]])


class Raising(Likes):
    """Maps what is there today."""

    def map(self, type: str, body: Body) -> Body | None:
        return {"url": body["url"].strip()}


class Wrong(Likes):
    """Looks for its list where there is none."""

    streams: ClassVar[tuple[Stream, ...]] = (Stream(name="likes", type="favorite", path="/{id}/likes", key="no"),)


@pytest.mark.parametrize(
    ("kind", "check", "says"),
    [
        (Turning, "appends_nothing_twice", "the same entry must have the same key"),
        (Counting, "appends_nothing_twice", "the same entry must have the same key"),
        (Turning, "bears_repeated_pages", "items are missing"),
        (Stepless, "goes_on_after_a_kill", "begins anew each time"),
        (Skipping, "goes_on_after_a_kill", "items are missing"),
        (Leaking, "keeps_secrets", "a secret lies in log.sqlite"),
        (Crashing, "bears_drift", "it ends in"),
        (Raising, "bears_drift", "map of likes for favorite"),
        (Wrong, "fetches_everything", "has no text or number at its key no"),
    ],
)
def test_what_it_finds(kind: type[Likes], check: str, says: str) -> None:
    """Each way to go wrong is found by its check."""
    connector = kind()
    if kind not in (Wrong, Crashing):
        vars(connector)["streams"] = (replace(Likes.streams[0], paging=Cursor(param="c", path="data.next")),)
    found = finding(connector, check)
    assert "failed" == found.outcome, found.says
    assert any(part in found.says for part in says.split("|")), found.says


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        ({}, "no entries of the stream likes"),
        ({"streams": {"likes": LIKES, "other": [{}]}}, "there is no stream other; there are likes"),
        ({"streams": {"likes": LIKES[:2]}}, "give at least three"),
    ],
)
def test_samples_that_are_missing(samples: dict[str, Any], says: str) -> None:
    """Samples that do not do are told, with what to write."""
    found = finding(paged(PageNumber()), "has_samples", Samples.of(samples))
    assert ("failed", True) == (found.outcome, says in found.says)


class Replied(Likes):
    """A protocol of its own: a list of ids, then each thing by itself."""

    streams: ClassVar[tuple[Stream, ...]] = (Stream(name="likes", type="favorite", path="/ids"),)

    async def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        ids = (await session.get("/ids")).json()
        ids = [id for id in ids if isinstance(id, int)] if isinstance(ids, list) else []
        for n in range(walk.step or 0, len(ids)):
            entry = (await session.get(f"/thing/{ids[n]}")).json()
            yield Page([self.item(stream, entry) or Problem("likes", "x", "y")], n + 1 if n + 1 < len(ids) else None)


def test_whole_replies() -> None:
    """A protocol of its own is played with whole replies, by path."""
    things = [{"path": f"/thing/{like['id']}", "json": like} for like in LIKES]
    samples = Samples.of({"account": {"id": "7"}, "replies": [{"path": "/ids", "json": [like["id"] for like in LIKES]}, *things]})
    found = findings(Replied(), samples)
    assert {} == {name: one.says for name, one in found.items() if one.outcome == "failed"}
    assert "skipped" == found["bears_any_order"].outcome
    assert "killed 5 times" in found["goes_on_after_a_kill"].says
