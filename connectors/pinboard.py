"""
Reads what Pinboard gave: its exports as JSON, XML and HTML; and fetches the bookmarks from its API (version 1).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

from locker.connector import HOUR, ApiKey, Archive, Authorisation, Body, Fetching, Item, Pace, Page, Problem, Session, Stream, Walk

from ._documents import Document, first, flag
from ._loose import obj, text
from ._moment import moment
from ._saved import Saved, attributes_of, page_link
from ._tags import tags
from ._xml_events import tags_of

_JSON = {"format": "json"}


class Pinboard(Saved, Fetching):
    """``posts/all`` and the exports: objects, or XML elements, with ``href, description, extended, tags, time, shared, toread``.

    The key is the address, as at Pinboard itself.  A tag of an XML post is called ``tag``, not ``tags``.

    When it fetches it first asks ``posts/update`` whether anything changed at all: Pinboard allows the whole list once in five minutes.
    """

    name = "pinboard"
    types = ("link",)
    title = "Pinboard (JSON, XML, HTML)"
    patterns = ("*.json", "*.xml", "*.html", "*.htm", "pinboard_export*", "*/pinboard_export*")
    expected = "Pinboard's export: a JSON array of objects with href and description, XML <posts>, or a bookmark page"
    lists = ("posts",)

    base_url = "https://api.pinboard.in"
    auth: ClassVar[tuple[Authorisation, ...]] = (
        ApiKey(param="auth_token", help="pinboard.in/settings/password, as in ann:1234567890ABCDEF"),
    )
    # One in three seconds; the whole list not more often than every five minutes.
    pace = Pace(requests=20, seconds=60)
    streams = (Stream(name="bookmarks", type="link", path="/v1/posts/all", params=_JSON, key="href", order="newest", every=HOUR),)

    async def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        answer = await session.get("/v1/posts/update", _JSON, accept=(404,))
        said = obj(answer.json()) if answer.status < 400 else {}
        changed = text(said.get("update_time"))
        if changed and not walk.whole and changed == walk.since:
            yield Page((), since=changed, unchanged=True)
            return
        async for page in super().fetch(session, stream, walk):
            yield Page(page.items, since=changed)

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        key = self.key(obj(entry))
        return Item(stream.type, key, entry) if key else Problem(stream.name, "a bookmark", "has no address (href)")

    def key(self, value: Body) -> str | None:
        return first(attributes_of(value) or value, "href")

    def link(self, value: Body) -> Body:
        if attributes_of(value) is not None:
            return page_link(value, spaces=True)
        unread = flag(value.get("toread"))
        words = value.get("tags", value.get("tag"))
        return {
            "url": first(value, "href"),
            "title": first(value, "description"),
            "description": first(value, "extended"),
            # A comma may be part of a tag here; only white space separates.
            "tag": words.split() if isinstance(words, str) else tags(words),
            "created": moment(value.get("time")),
            "read": None if unread is None else not unread,
        }

    def documents(self, archive: Archive, name: str, start: str) -> Iterator[Document | Problem]:
        if "<posts" not in start:
            yield from super().documents(archive, name, start)
            return
        with archive.open(name) as file:
            for tag in tags_of(file, name):
                if isinstance(tag, Problem):
                    yield tag
                elif tag.opens and tag.name == "post":
                    body: Body = dict(tag.attributes)
                    yield Document(body, body, tag.place)
