"""
What the readers of saved links share: finding the files of an export, telling their format, and yielding a link (and a favorite) per entry.

A reader says how to recognise an entry and how to map it; the same document may come from a table, a JSON file, a page of links or an XML list.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from io import BufferedReader
from typing import ClassVar, cast

from locker.connector import Archive, Archived, Body, Found, Item, Problem
from locker.error import Fatal

from ._documents import Document, first, flag, json_documents, table_documents
from ._json_members import mended
from ._lines import head, shape
from ._link_page import Entry, entries
from ._moment import moment
from ._table import rows
from ._tags import tags

_EMPTY_PAGE = re.compile(r"netscape-bookmark|<posts", re.IGNORECASE)
_FAVORITE_FIELDS = ("url", "title", "description", "author", "kind", "tag", "created", "thumbnail", "updated")


class Saved(Archived):
    """A reader of saved links.  Subclasses say what an entry is; see *key*, *link* and *is_favorite*."""

    types: ClassVar[tuple[str, ...]] = ("link", "favorite")

    expected: ClassVar[str]
    """The files it knows, for the message about one that it does not know."""

    lists: ClassVar[tuple[str, ...]] = ()
    """Members of a top-level JSON object that hold the entries."""

    columns: ClassVar[tuple[str, ...]] = ()
    """Names one of which must stand in the first row of a table, in lower case; none if it has no tables."""

    def read(self, archive: Archive) -> Iterator[Found]:
        names = archive.names() if archive.is_single else archive.names(*self.patterns)
        if not names:
            yield Problem(archive.path.name, "file", f"nothing to read here; expected {self.expected}")
        for name in names:
            try:
                yield from self._file(archive, name)
            except Fatal as error:
                yield Problem(name, "file", str(error))

    def map(self, type: str, body: Body) -> Body | None:
        value = mended(body)
        link = None if self.key(value) is None else self.link(value)
        if not link or not link.get("url"):
            return None
        known = {name: found for name, found in link.items() if found is not None and found != "" and found != []}
        return known if type == "link" else {name: known[name] for name in _FAVORITE_FIELDS if name in known}

    @abstractmethod
    def key(self, value: Body) -> str | None:
        """What the source calls this entry, or None if it is no entry of this source."""

    @abstractmethod
    def link(self, value: Body) -> Body:
        """The canonical fields of a link; unknown ones may be None or empty."""

    def is_favorite(self, value: Body) -> bool:  # noqa: ARG002 (a default for those that know no favorites)
        """Whether the person marked this entry as a favorite."""
        return False

    def is_gone(self, value: Body) -> bool:  # noqa: ARG002 (a default for those that do not tell)
        """Whether the source says that the entry was deleted."""
        return False

    def documents(self, archive: Archive, name: str, start: str) -> Iterator[Document | Problem]:
        """The entries of one file, told by its *start*; a reader with formats of its own overrides this."""
        match shape(start):
            case "json":
                yield from json_documents(archive, name, self.lists)
            case "markup":
                with archive.open(name) as file:
                    yield from page_documents(entries(file, name))
            case "text" if not any(column in start.partition("\n")[0].lower() for column in self.columns):
                yield Problem(name, "file", f"not such an export; expected {self.expected}")
            case "text":
                with archive.open(name) as file:
                    yield from table_documents(rows(file, name))
            case "empty":
                yield Problem(name, "file", "the file is empty")

    def _file(self, archive: Archive, name: str) -> Iterator[Found]:
        with archive.open(name) as file:
            start = head(cast("BufferedReader", file))
        known = anything = False
        for found in self.documents(archive, name, start):
            anything = True
            if isinstance(found, Problem):
                yield found
                continue
            if key := self.key(found.value):
                known = True
                yield from self._items(key, found)
                continue
            yield Problem(name, found.place, f"not an entry; expected {self.expected}")
            if not known:  # a file of another kind is one problem, not thousands
                break
        if not anything and shape(start) == "markup" and not _EMPTY_PAGE.search(start):
            yield Problem(name, "file", f"no links in it; expected {self.expected}")

    def _items(self, key: str, found: Document) -> Iterator[Item]:
        gone = self.is_gone(found.value)
        yield Item("link", key, None if gone else found.body)
        if gone:
            yield Item("favorite", key, None)
        elif self.is_favorite(found.value):
            yield Item("favorite", key, found.body)


def page_documents(found: Iterable[Entry | Problem]) -> Iterator[Document | Problem]:
    """The entries of a page of links."""
    for entry in found:
        if isinstance(entry, Problem):
            yield entry
        else:
            body = entry.body()
            yield Document(body, body, entry.place)


def attributes_of(value: Body) -> Body | None:
    """The attributes of an entry of a page of links, or None for an entry from elsewhere."""
    attributes = value.get("attributes")
    return attributes if isinstance(attributes, dict) else None


def folder_of(value: Body) -> str:
    """The folder path of an entry, with slashes."""
    folder = value.get("folder")
    return "/".join(name for name in folder if isinstance(name, str)) if isinstance(folder, list) else ""


def page_link(value: Body, *, spaces: bool = False) -> Body:
    """The canonical fields of an entry of a page of links.  With *spaces* they, too, separate tags."""
    attributes = attributes_of(value) or {}
    unread = flag(attributes.get("toread"))
    return {
        "url": first(attributes, "href", "feedurl"),
        "title": first(value, "title"),
        "description": first(value, "description") or first(attributes, "description"),
        "tag": tags(attributes.get("tags"), spaces=spaces),
        "folder": folder_of(value),
        "created": moment(attributes.get("add_date") or attributes.get("time_added")),
        "updated": moment(attributes.get("last_modified")),
        "read": None if unread is None else not unread,
    }
