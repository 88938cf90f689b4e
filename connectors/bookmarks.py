"""
Reads the bookmarks that a browser or a bookmark service exported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from locker.connector import Archive, Body, Problem
from locker.error import Invalid
from locker.record import parse

from ._documents import Document, first
from ._moment import moment
from ._saved import Saved, attributes_of, folder_of, page_link
from ._tags import tags

_LARGEST_BACKUP = 1 << 27
_NOTE = "bookmarkProperties/description"


class Bookmarks(Saved):
    """Netscape bookmark pages (Firefox, Chrome, Safari, Internet Explorer, Delicious, Shaarli, linkding, …), and the JSON of Firefox and Chrome.

    The body of a page's bookmark is ``{"attributes", "title", "folder"?, "description"?, "description_html"?}``, attribute names in lower case; that of
    a JSON bookmark is the source's own object in ``{"bookmark", "folder"?}``.  The key is the address, or the guid of a JSON bookmark.
    """

    name = "bookmarks"
    types = ("link",)
    title = "Browser bookmarks (Netscape HTML, Firefox and Chrome JSON)"
    patterns = ("*.html", "*.htm", "*bookmark*.json", "Bookmarks", "*/Bookmarks")
    expected = "a bookmark page (HTML with <DT><A HREF=…>) or a Firefox or Chrome backup (JSON)"

    def key(self, value: Body) -> str | None:
        if isinstance(bookmark := value.get("bookmark"), dict):
            return first(bookmark, "guid", "uri", "url")
        return first(attributes_of(value) or {}, "href", "feedurl")

    def link(self, value: Body) -> Body:
        # Bookmark services, which know private links, also separate tags by blanks; in a browser a blank is part of the tag.
        attributes = attributes_of(value)
        link = page_link(value, spaces="private" in attributes) if attributes else _json_link(value)
        url = link.get("url") or ""
        # Firefox keeps its saved searches (place:) among the bookmarks; they lead nowhere.
        return {} if url.startswith("place:") else link

    def documents(self, archive: Archive, name: str, start: str) -> Iterator[Document | Problem]:
        if not start.lstrip().startswith("{"):
            yield from super().documents(archive, name, start)
        elif archive.size_of(name) > _LARGEST_BACKUP:
            yield Problem(name, "file", "a backup of this size cannot be read; export the bookmarks as HTML")
        else:
            # A folder's name may stand below what is in it, so the tree is read whole.
            try:
                yield from _walk(parse(archive.read(name)), [], "file")
            except Invalid as error:
                yield Problem(name, "file", str(error))


def _walk(root: Any, folder: list[str], place: str) -> Iterator[Document]:
    """The bookmarks below a node of a backup, in order; the backup's own root gives its folders no name."""
    pending: list[tuple[Any, list[str], str]] = [(root, folder, place)]
    while pending:
        node, folder, place = pending.pop()
        if not isinstance(node, dict):
            continue
        inner = node.get("children", node.get("roots"))
        if isinstance(inner, dict):
            inner = list(inner.values())
        if isinstance(inner, list):
            name = first(node, "title", "name")
            below = [*folder, name] if name else folder
            pending += [(child, below, f"{place} {n}") for n, child in reversed(list(enumerate(inner, 1)))]
        elif first(node, "uri", "url"):
            body: Body = {"bookmark": node, "folder": folder} if folder else {"bookmark": node}
            yield Document(body, body, place)
        elif "children" not in node and place == "file":
            yield Document({}, {}, place)


def _json_link(value: Body) -> Body:
    bookmark = value["bookmark"]
    notes = bookmark.get("annos")
    annotations = [note for note in notes if isinstance(note, dict)] if isinstance(notes, list) else []
    return {
        "url": first(bookmark, "uri", "url"),
        "title": first(bookmark, "title", "name"),
        "description": next((first(note, "value") for note in annotations if note.get("name") == _NOTE), None),
        "tag": tags(bookmark.get("tags")),
        "folder": folder_of(value),
        "created": moment(bookmark.get("dateAdded", bookmark.get("date_added"))),
        "updated": moment(bookmark.get("lastModified", bookmark.get("date_modified"))),
    }
