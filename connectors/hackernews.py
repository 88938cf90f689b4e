"""
Fetches what a person submitted and wrote at Hacker News.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar
from urllib.parse import quote

from locker.connector import DAY, HOUR, Body, Fetching, Item, Option, Pace, Page, Problem, Session, Stream, Walk
from locker.error import Skippable

from ._fetched import object_of
from ._loose import epoch, known, obj, text, unique
from ._markup import plain

SITE = "https://news.ycombinator.com/item?id="
_AT_ONCE = 20


class HackerNews(Fetching):
    """Hacker News' Firebase API: a user is a list of numbers, each of which has to be asked for.

    A run asks for the numbers that are new; a sweep reads everything again, and so sees edits and what was deleted.  The API tells neither
    favorites nor votes.
    """

    name = "hackernews"
    types = ("post",)
    title = "Hacker News"
    passing = frozenset(("score", "descendants"))
    base_url = "https://hacker-news.firebaseio.com"
    asks = (Option(name="username", account=True, help="whose submissions and comments to fetch; capital letters matter", required=True),)
    pace = Pace(requests=1200, seconds=60, limit="", remaining="", reset="", per="host")
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(name="submitted", type="post", path="/v0/user/{username}.json", order="newest", every=HOUR, sweep=7 * DAY),
    )

    async def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        username = session.options.get("username", "")
        user = (await session.get(stream.path.replace("{username}", quote(username, safe="")))).json()
        if not isinstance(user, dict):
            raise Skippable(f"Hacker News has no user {username}; capital letters matter")
        ids = sorted({id for id in _list(user.get("submitted")) if type(id) is int}, reverse=True)
        newest = max(ids, default=None)
        wanted = _wanted(ids, walk)
        for start in range(0, max(len(wanted), 1), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            found = [one for id in some if (one := await _one(session, stream, id)) is not None]
            rest = wanted[start + _AT_ONCE :]
            yield Page(found, {"from": rest[0]} if rest else None, newest)

    def map(self, type: str, body: Body) -> Body | None:  # noqa: ARG002 (there is one type)
        id, parent = text(body.get("id")), text(body.get("parent"), body.get("poll"))
        said = known(
            url=id and f"{SITE}{id}",
            title=_words(body.get("title")),
            text=_words(body.get("text")),
            author=text(body.get("by")),
            created=epoch(body.get("time")),
            reply_to=parent and f"{SITE}{parent}",
            links=unique([text(body.get("url"))]),
            kind=text(body.get("type")),
        )
        return object_of(said, "url")


def _wanted(ids: list[int], walk: Walk) -> list[int]:
    """The numbers to ask for, the newest first: those that an interrupted walk has left, else the new ones, else all."""
    start = obj(walk.step).get("from")
    if isinstance(start, int):
        ids = [id for id in ids if id <= start]
    if not walk.whole and isinstance(walk.since, int):
        return [id for id in ids if id > walk.since]
    return ids


async def _one(session: Session, stream: Stream, id: int) -> Item | Problem | None:
    """An item; None if Hacker News shows it to nobody."""
    path = f"/v0/item/{id}.json"
    answer = await session.get(path, accept=(404,))
    if answer.status == 404:
        return Problem(stream.name, path, "there is no such item")
    said = answer.json()
    if not isinstance(said, dict):
        return None
    return Item(stream.type, str(id), None if said.get("deleted") is True else said)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(markup: Any) -> str | None:
    said = text(markup)
    return plain(said) if said else None
