"""
Reads the entries of a feed: RSS, RDF, Atom and CDF through feedparser, JSON Feed as it is.

feedparser takes almost everything that was ever published as a feed, and holds one feed in memory.  Nothing is sanitised: an entry's content stays what
its source said, but for text that was encoded as UTF-8 twice, which feedparser mends by itself.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from time import struct_time
from typing import Any

import feedparser

from locker.connector import Archive, Blob, Body, Problem

from ._json_members import elements, mended

LARGEST = 1 << 26
"""Bytes of an XML feed that we are ready to hold in memory."""

_HARMLESS = (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType)
_FEED = ("id", "title", "link", "language", "author")
_JSON_FEED = ("version", "title", "home_page_url", "feed_url", "language", "author", "authors")


@dataclass(frozen=True, slots=True)
class Entry:
    """One *entry* of a feed, the *feed*'s own few fields beside it, and the *format* (``rss20``, ``atom10``, ``json``, …)."""

    format: str
    entry: Body
    feed: Body
    place: str

    def body(self) -> Body:
        return {"format": self.format, "entry": self.entry, "feed": self.feed}


def xml_entries(archive: Archive, name: str) -> Iterator[Entry | Problem]:
    """The entries of an XML feed.  What is wrong with it is one Problem, after the entries that could be had all the same."""
    if archive.size_of(name) > LARGEST:
        yield Problem(name, "file", f"a feed of more than {LARGEST >> 20} MiB cannot be read; split it")
        return
    yield from parsed_entries(archive.read(name), name)


def parsed_entries(data: bytes, name: str, media_type: str = "") -> Iterator[Entry | Problem]:
    """The entries of an XML feed in memory; a charset in its *media_type* goes before what it says of itself (RFC 7303)."""
    try:
        # White space before the XML declaration is the most common mistake, and harmless.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            headers = {"content-type": media_type} if "charset=" in media_type.lower() else {}
            parsed = feedparser.parse(io.BytesIO(data.lstrip()), sanitize_html=False, resolve_relative_uris=False, response_headers=headers)
    except Exception as error:  # it was never meant to raise, but broken feeds find ways
        yield Problem(name, "file", f"not readable as a feed: {error!r}")
        return
    feed = {field: _plain(parsed.feed[field]) for field in _FEED if isinstance(parsed.feed, dict) and parsed.feed.get(field)}
    for number, entry in enumerate(parsed.entries, 1):
        yield Entry(parsed.get("version") or "unknown", _entry(entry), feed, f"entry {number}")
    if parsed.get("bozo") and not (headers and isinstance(parsed.get("bozo_exception"), _HARMLESS)):
        yield _mistake(name, parsed.get("bozo_exception"))
    elif not parsed.entries and not parsed.get("version"):
        yield Problem(name, "file", "no feed; expected RSS, RDF, Atom, CDF, JSON Feed or OPML")


def document_entries(document: Body, name: str) -> Iterator[Entry | Problem]:
    """The entries of a JSON Feed in memory."""
    feed = {member: document[member] for member in _JSON_FEED if member in document}
    items = document.get("items")
    if not feed or not isinstance(items, list):
        yield Problem(name, "file", "no feed; expected a JSON Feed: an object with version and items")
        return
    for number, item in enumerate(items, 1):
        if isinstance(item, dict):
            yield Entry("json", item, feed, f"items {number}")
        else:
            yield Problem(name, f"items {number}", "an item of a JSON Feed must be an object")


def json_entries(archive: Archive, name: str) -> Iterator[Entry | Problem]:
    """The entries of a JSON Feed; nothing at all for other JSON."""
    feed: Body = {}
    lists: Body = {}
    problem: Problem | None = None
    for element in elements(archive, name, _JSON_FEED.__contains__):
        if isinstance(element, Problem):
            problem = element
        elif element.place == element.name:
            feed[element.name] = element.value
        else:
            lists.setdefault(element.name, []).append(element.value)
    for element in elements(archive, name, lambda member: member == "items") if feed else ():
        if isinstance(element, Problem):
            problem = None  # the same mistake, with a better place
            yield element
        elif isinstance(element.value, dict):
            yield Entry("json", element.body, feed | lists, element.place)
        else:
            yield Problem(name, element.place, "an item of a JSON Feed must be an object")
    if problem:
        yield problem


def entry_of(body: Body) -> Body:
    """The entry in a stored body."""
    entry = body.get("entry")
    return mended(entry) if isinstance(entry, dict) else {}


def _entry(entry: Any) -> Body:
    made: Body = _plain(entry)
    content = made.get("content")
    # feedparser copies the content of an entry without summary there.
    if isinstance(content, list) and content and isinstance(content[0], dict) and made.get("summary") == content[0].get("value"):
        made = {name: value for name, value in made.items() if name not in ("summary", "summary_detail")}
    return made


def _plain(value: Any) -> Any:
    """The same as JSON: times as ISO text, bytes as blobs, lone surrogates as U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in dict.items(value)}
    if isinstance(value, struct_time):
        return f"{value.tm_year:04}-{value.tm_mon:02}-{value.tm_mday:02}T{value.tm_hour:02}:{value.tm_min:02}:{value.tm_sec:02}Z"
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return Blob(value)
    return value if value is None or isinstance(value, bool | int) else str(value)


def _mistake(name: str, error: Any) -> Problem:
    line = error.getLineNumber() if hasattr(error, "getLineNumber") else None
    reason = error.getMessage() if hasattr(error, "getMessage") else str(error)
    return Problem(name, f"line {line}" if line else "file", f"not a well-formed feed ({reason}); what could be had was read")
