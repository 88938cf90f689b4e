"""
Reads the exports of read-later services that have no reader of their own: wallabag, Readability, Omnivore.
"""

from __future__ import annotations

from html import unescape

from locker.connector import Body

from ._documents import first, flag
from ._markup import plain
from ._moment import moment
from ._saved import Saved, attributes_of, page_link
from ._tags import tags

_ADDRESS = ("url", "article__url", "given_url", "uri", "link", "href")


class Readlater(Saved):
    """An array of objects with ``url`` (wallabag 1 and 2, Omnivore), or Readability's ``{"bookmarks": [{"article__url", …}]}``; also their HTML and CSV.

    The key is the source's id, else the address.  An entry that is starred (``is_starred``, ``is_fav``, ``is_saved``, ``favorite``) is also a favorite; an article's
    content becomes the link's text.
    """

    name = "readlater"
    title = "Read-later exports (wallabag, Readability, Omnivore)"
    patterns = ("*wallabag*.json", "*readability*.json", "*metadata*.json", "*.csv", "*.html", "*.htm")
    columns = ("url", "uri", "link")
    expected = "a list of saved articles: JSON objects with url or article__url (wallabag, Readability, Omnivore), a CSV with a url, or a page of links"
    lists = ("bookmarks", "items", "articles", "entries")

    def key(self, value: Body) -> str | None:
        if (attributes := attributes_of(value)) is not None:
            return first(attributes, "href")
        url = first(value, *_ADDRESS)
        return url and (first(value, "id") or url)

    def is_favorite(self, value: Body) -> bool:
        return any(flag(value.get(name)) is True for name in ("is_starred", "is_fav", "is_saved", "favorite", "starred"))

    def link(self, value: Body) -> Body:
        if attributes_of(value) is not None:
            return page_link(value)
        read = next((found for name in ("is_archived", "is_read", "archive") if (found := flag(value.get(name))) is not None), None)
        if (state := first(value, "state")) and read is None:
            read = state.casefold() == "archived"
        authors = value.get("published_by")
        return {
            "url": first(value, *_ADDRESS),
            "title": unescape(first(value, "title", "article__title") or ""),
            "description": plain(first(value, "description", "article__excerpt", "excerpt") or ""),
            "author": first(value, "author") or (", ".join(tags(authors)) if isinstance(authors, list) else None),
            "tag": tags(value.get("tags", value.get("labels"))),
            "created": moment(first(value, "created_at", "date_added", "savedAt", "time_added", "added", "created", "time", "date")),
            "updated": moment(first(value, "updated_at", "updatedAt")),
            "read": read,
            "archived": read,
            "thumbnail": first(value, "preview_picture", "thumbnail"),
            "text": plain(first(value, "content") or ""),
        }
