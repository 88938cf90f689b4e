"""
Reads what Pinboard gave: its exports as JSON, XML and HTML, and the JSON of its API.
"""

from __future__ import annotations

from collections.abc import Iterator

from locker.connector import Archive, Body, Problem

from ._documents import Document, first, flag
from ._moment import moment
from ._saved import Saved, attributes_of, page_link
from ._tags import tags
from ._xml_events import tags_of


class Pinboard(Saved):
    """``posts/all`` and the exports: objects, or XML elements, with ``href, description, extended, tags, time, shared, toread``.

    The key is the address, as at Pinboard itself.  A tag of an XML post is called ``tag``, not ``tags``.
    """

    name = "pinboard"
    types = ("link",)
    title = "Pinboard (JSON, XML, HTML)"
    patterns = ("*.json", "*.xml", "*.html", "*.htm", "pinboard_export*", "*/pinboard_export*")
    expected = "Pinboard's export: a JSON array of objects with href and description, XML <posts>, or a bookmark page"
    lists = ("posts",)

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
