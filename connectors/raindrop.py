"""
Reads what Raindrop.io gave: its CSV and HTML exports, and the JSON of its API.
"""

from __future__ import annotations

from typing import Any

from locker.connector import Body

from ._documents import first, flag
from ._moment import moment
from ._saved import Saved, attributes_of, page_link
from ._tags import tags


class Raindrop(Saved):
    """A CSV export (``id,title,note,excerpt,url,folder,tags,created,cover,highlights,favorite``), a bookmark page, or saved replies of the REST API.

    A reply may be ``{"items": […]}``, ``{"item": {…}}`` or an array of raindrops.  The key is Raindrop's id, else the address.  What is marked as
    important (``favorite`` in the CSV) is also a favorite; what lies in the trash is no object.
    """

    name = "raindrop"
    title = "Raindrop.io (CSV, HTML, API JSON)"
    patterns = ("*.csv", "*.html", "*.htm", "*.json")
    columns = ("url", "link")
    expected = "Raindrop's CSV with the columns id,title,url,…, its HTML, or the API's raindrops as JSON (objects with _id and link)"
    lists = ("items", "item")

    def key(self, value: Body) -> str | None:
        if (attributes := attributes_of(value)) is not None:
            return first(attributes, "href")
        # A highlight of the API, too, has an id and a link.
        url = None if "raindropRef" in value else first(value, "link", "url")
        return url and (first(value, "_id", "id") or url)

    def is_favorite(self, value: Body) -> bool:
        marks = attributes_of(value) or value
        return any(flag(marks.get(name)) is True for name in ("important", "favorite", "data-important"))

    def link(self, value: Body) -> Body:
        if value.get("removed") is True:
            return {}
        if (attributes := attributes_of(value)) is not None:
            return page_link(value) | {"thumbnail": first(attributes, "data-cover")}
        note, excerpt = first(value, "note"), first(value, "excerpt")
        return {
            "url": first(value, "link", "url"),
            "title": first(value, "title"),
            "description": "\n\n".join(text for text in (note, excerpt) if text),
            "kind": first(value, "type"),
            "tag": tags(value.get("tags")),
            "folder": first(value, "folder"),
            "created": moment(value.get("created")),
            "updated": moment(value.get("lastUpdate")),
            "thumbnail": first(value, "cover"),
            "text": _highlights(value.get("highlights")),
        }


def _highlights(value: Any) -> str | None:
    """What the person marked, a paragraph each."""
    if isinstance(value, str):
        return value.strip() or None
    marks = [mark for mark in value if isinstance(mark, dict)] if isinstance(value, list) else []
    return "\n\n".join(text for mark in marks for text in (first(mark, "text"), first(mark, "note")) if text) or None
