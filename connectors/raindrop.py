"""
Reads what Raindrop.io gave: its CSV and HTML exports, and the JSON of its API; and fetches raindrops and collections from there.
"""

from __future__ import annotations

from typing import Any, ClassVar

from locker.connector import DAY, Authorisation, Bearer, Body, Fetching, Item, OAuth2, Option, Pace, PageNumber, Problem, Stream, Who

from ._documents import first, flag
from ._loose import known, texts
from ._moment import moment
from ._saved import Saved, attributes_of, page_link
from ._tags import tags

_PAGES: dict[str, Any] = {"items": "items", "key": "_id", "paging": PageNumber(param="page", size_param="perpage", size=50, start=0)}


class Raindrop(Saved, Fetching):
    """A CSV export (``id,title,note,excerpt,url,folder,tags,created,cover,highlights,favorite``), a bookmark page, or saved replies of the REST API.

    A reply may be ``{"items": […]}``, ``{"item": {…}}`` or an array of raindrops.  The key is Raindrop's id, else the address.  What is marked as
    important (``favorite`` in the CSV) is also a favorite; what lies in the trash is no object.
    """

    name = "raindrop"
    title = "Raindrop.io (CSV, HTML, API JSON)"
    passing = frozenset(("count", "lastAction", "expanded"))
    patterns = ("*.csv", "*.html", "*.htm", "*.json")
    columns = ("url", "link")
    expected = "Raindrop's CSV with the columns id,title,url,…, its HTML, or the API's raindrops as JSON (objects with _id and link)"
    lists = ("items", "item")

    base_url = "https://api.raindrop.io"
    auth: ClassVar[tuple[Authorisation, ...]] = (
        OAuth2(
            authorize="https://raindrop.io/oauth/authorize",
            token="https://raindrop.io/oauth/access_token",  # noqa: S106 (an address, no secret)
            pkce=False,
        ),
        Bearer(help="app.raindrop.io/settings/integrations > your app > Create test token"),
    )
    who = Who(path="/rest/v1/user", facts={"id": "user._id", "username": "user.name || user.fullName"})
    asks = (Option(name="collection", help="the number of the only collection to fetch; 0 is all", default="0"),)
    pace = Pace(requests=120, seconds=60)
    streams = (
        Stream(
            name="raindrops", type="link", path="/rest/v1/raindrops/{collection}", params={"sort": "-created"}, order="newest", **_PAGES
        ),
        Stream(
            name="favorites",
            type="favorite",
            path="/rest/v1/raindrops/{collection}",
            params={"sort": "-created", "search": "important:true"},
            **_PAGES,
        ),
        Stream(name="collections", type="link", path="/rest/v1/collections", items="items", key="_id", every=DAY),
        Stream(name="nested-collections", type="link", path="/rest/v1/collections/childrens", items="items", key="_id", every=DAY),
    )
    """Only what was saved newly comes first: what was changed is found by the daily sweep."""

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        if stream.type == "favorite" and isinstance(entry, dict) and not self.is_favorite(entry):
            return None  # a server that does not know this search
        found = super().item(stream, entry)
        if stream.name.endswith("collections") and isinstance(found, Item):
            # A collection and a raindrop may have the same number.
            return Item(found.type, f"collection:{found.key}", found.body)
        return found

    def map(self, type: str, body: Body) -> Body | None:
        return known(**_collection(body)) if _is_collection(body) else super().map(type, body)

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


def _is_collection(value: Body) -> bool:
    """A collection has covers and a count, and neither an address nor a page that it belongs to."""
    return (
        first(value, "_id") is not None
        and "title" in value
        and "link" not in value
        and ("view" in value or ("cover" in value and "access" in value))
    )


def _collection(value: Body) -> Body:
    covers = texts(value.get("cover"))
    return {
        "url": f"https://app.raindrop.io/my/{first(value, '_id')}",
        "title": first(value, "title"),
        "description": first(value, "description"),
        "kind": "collection",
        "created": moment(value.get("created")),
        "updated": moment(value.get("lastUpdate")),
        "thumbnail": covers[0] if covers else None,
    }


def _highlights(value: Any) -> str | None:
    """What the person marked, a paragraph each."""
    if isinstance(value, str):
        return value.strip() or None
    marks = [mark for mark in value if isinstance(mark, dict)] if isinstance(value, list) else []
    return "\n\n".join(text for mark in marks for text in (first(mark, "text"), first(mark, "note")) if text) or None
