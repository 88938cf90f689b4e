"""
Reads what Instapaper gave: its CSV export, and the HTML of former years.
"""

from __future__ import annotations

from locker.connector import Body

from ._documents import first
from ._moment import moment
from ._saved import Saved, attributes_of, folder_of, page_link
from ._tags import tags

_STATES = frozenset(("unread", "archive", "starred"))


class Instapaper(Saved):
    """``URL,Title,Selection,Folder`` with ``Timestamp`` and ``Tags`` in newer files; or headings with lists of links.

    The key is the address.  The folders Unread, Archive and Starred are states: Archive is a link that was read, Starred also a favorite.
    """

    name = "instapaper"
    title = "Instapaper (CSV, HTML)"
    patterns = ("*.csv", "*.html", "*.htm")
    columns = ("url",)
    expected = "Instapaper's CSV with the columns URL,Title,Selection,Folder, or its HTML"

    def key(self, value: Body) -> str | None:
        return first(attributes_of(value) or value, "URL", "url", "href")

    def is_favorite(self, value: Body) -> bool:
        return _folder(value).casefold() in ("starred", "liked")

    def link(self, value: Body) -> Body:
        folder = _folder(value)
        state = folder.casefold()
        archived = state == "archive" if state in _STATES else None
        shared = {"folder": None if state in _STATES else folder, "read": True if archived else None, "archived": archived}
        if attributes_of(value) is not None:
            return page_link(value) | shared
        return shared | {
            "url": first(value, "URL", "url"),
            "title": first(value, "Title", "title"),
            "description": first(value, "Selection", "selection"),
            "tag": tags(value.get("Tags", value.get("tags"))),
            "created": moment(value.get("Timestamp", value.get("timestamp"))),
        }


def _folder(value: Body) -> str:
    if attributes_of(value) is not None:
        return folder_of(value)
    return first(value, "Folder", "folder") or ""
