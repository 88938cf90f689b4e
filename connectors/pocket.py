"""
Reads what Pocket gave: its HTML and CSV exports, and the JSON of its API.
"""

from __future__ import annotations

from locker.connector import Body

from ._documents import first, flag
from ._loose import objs
from ._moment import moment
from ._saved import Saved, attributes_of, page_link
from ._tags import tags


class Pocket(Saved):
    """``ril_export.html``, ``part_*.csv`` (``title,url,time_added,tags,status``), and ``v3/get`` as an array of items or with its ``list``.

    The zip of 2025 also has ``annotations/part_*.json``: what was highlighted in an article, a link of the same address.
    The key is the API's ``item_id``, else the address.  An item with status 2 is gone; one with ``favorite`` is also a favorite.
    """

    name = "pocket"
    title = "Pocket (HTML, CSV, API JSON)"
    patterns = ("*.html", "*.htm", "*.csv", "*.json")
    columns = ("url",)
    expected = "Pocket's ril_export.html, its CSV with the columns title,url,time_added,tags,status, or the JSON of v3/get"
    lists = ("list", "items")

    def key(self, value: Body) -> str | None:
        if (attributes := attributes_of(value)) is not None:
            return first(attributes, "href")
        if "highlights" in value and "time_added" not in value:
            return f"highlights:{first(value, 'url')}" if first(value, "url") else None
        return first(value, "item_id", "url", "resolved_url", "given_url")

    def is_favorite(self, value: Body) -> bool:
        return flag(value.get("favorite")) is True

    def is_gone(self, value: Body) -> bool:
        return "item_id" in value and str(value.get("status")) == "2"

    def link(self, value: Body) -> Body:
        if attributes_of(value) is not None:
            link = page_link(value)
            archived = "archive" in link["folder"].casefold() if link["folder"] else None
            return link | {"read": archived, "archived": archived, "folder": None}
        if "item_id" not in value:
            return _row(value)
        return {
            "url": first(value, "given_url", "resolved_url"),
            "title": first(value, "resolved_title", "given_title"),
            "description": first(value, "excerpt"),
            "author": _author(value),
            "tag": tags(list(value["tags"]) if isinstance(value.get("tags"), dict) else value.get("tags")),
            "created": moment(value.get("time_added")),
            "updated": moment(value.get("time_updated")),
            "read": str(value["status"]) == "1" if "status" in value else None,
            "archived": str(value["status"]) == "1" if "status" in value else None,
            "thumbnail": first(value, "top_image_url"),
        }


def _row(value: Body) -> Body:
    status = first(value, "status")
    archived = status.casefold() == "archive" if status else None
    return {
        "url": first(value, "url", "resolved_url", "given_url"),
        "title": first(value, "title"),
        "description": first(value, "excerpt"),
        "highlights": [quote for one in objs(value.get("highlights")) if (quote := first(one, "quote"))] or None,
        "tag": tags(value.get("tags")),
        "created": moment(value.get("time_added")),
        "read": archived,
        "archived": archived,
    }


def _author(value: Body) -> str | None:
    authors = value.get("authors")
    names = [first(author, "name") for author in authors.values() if isinstance(author, dict)] if isinstance(authors, dict) else []
    return ", ".join(name for name in names if name) or None
