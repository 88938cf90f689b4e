"""
Reads feeds that were saved to files, and lists of subscriptions; and fetches feeds from their addresses.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from io import BufferedReader
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

from locker.connector import (
    ANYWHERE,
    HOUR,
    Archive,
    Archived,
    Body,
    Fetching,
    Found,
    Item,
    Option,
    Pace,
    Page,
    Problem,
    Session,
    Stream,
    Walk,
)
from locker.error import Fatal

from ._documents import digest, first
from ._feed_entries import Entry, entry_of, json_entries, xml_entries
from ._feed_fetch import feeds
from ._lines import head, shape
from ._markup import plain
from ._moment import moment
from ._subscriptions import Subscription, link, listed, outlines
from ._tags import tags

_OPML = re.compile(r"<opml[\s>]", re.IGNORECASE)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


class Feed(Archived, Fetching):
    """RSS, RDF, Atom, CDF and JSON Feed: an article per entry.  OPML and readers' lists of subscriptions: a link per feed.

    The body is ``{"format", "entry", "feed"}``: feedparser's entry (times as ISO text) or JSON Feed's item, and a few fields of the feed around it; that of a
    subscription ``{"attributes", "folder"?}`` or ``{"feed", "folder"?}``.  The key is the entry's id (with the feed's address before it, unless the id is
    a URI), else its link, else a digest of title and content.

    Fetched feeds give the same.  They are named as an option, or as the base URL; each is asked for only if it changed (ETag, Last-Modified), moves for
    good where it says so (301, 308), and is left alone once it is gone (410).  A page's address does, too, if the page names its feed.
    """

    name = "feed"
    types = ("article", "link")
    title = "Feeds (RSS, Atom, JSON Feed) and subscriptions (OPML)"
    patterns = ("*.rss", "*.atom", "*.rdf", "*.xml", "*.cdf", "*.opml", "*.json")

    hosts: ClassVar[tuple[str, ...]] = (ANYWHERE,)
    asks = (Option(name="urls", help="addresses of feeds, or of pages that name theirs, with blanks between them"),)
    pace = Pace(requests=120, seconds=60)
    # A feed that brought nothing says nothing of those after it; and what a feed no longer shows is not gone.
    streams = (Stream(name="articles", type="article", path="", order="newest", overlap=1 << 30, whole=False, every=HOUR / 2),)

    def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:  # noqa: ARG002 (there is one stream)
        urls = list(dict.fromkeys(session.options.get("urls", "").split())) or [session.base_url]
        if urls == [""]:
            raise Fatal("feed must be told which: locker connect feed --option urls='https://example.org/feed https://…'")
        return feeds(session, urls, walk, _item)

    def read(self, archive: Archive) -> Iterator[Found]:
        names = archive.names() if archive.is_single else archive.names(*self.patterns)
        if not names:
            yield Problem(archive.path.name, "file", "nothing to read here; expected RSS, RDF, Atom, CDF, JSON Feed or OPML files")
        for name in names:
            try:
                for found in _file(archive, name):
                    yield _item(found)
            except Fatal as error:
                yield Problem(name, "file", str(error))

    def map(self, type: str, body: Body) -> Body | None:
        if type == "link":
            fields = link(body)
        elif body.get("format") == "json":
            fields = _json_article(entry_of(body), _feed(body))
        else:
            fields = _article(entry_of(body), _feed(body))
        known = {name: value for name, value in fields.items() if value not in (None, "", [])}
        return known if any(name in known for name in ("url", "title", "text", "description")) else None


def _file(archive: Archive, name: str) -> Iterator[Entry | Subscription | Problem]:
    with archive.open(name) as file:
        start = head(cast("BufferedReader", file))
    match shape(start):
        case "empty" | "text":
            yield Problem(
                name, "file", f"{'the file is empty' if not start.strip() else 'no feed'}; expected RSS, RDF, Atom, CDF, JSON Feed or OPML"
            )
        case "json":
            nothing = True
            for found in json_entries(archive, name):
                nothing = False
                yield found
            if nothing and not start.lstrip().startswith("{"):
                yield from listed(archive, name)
            elif nothing and '"items"' not in start and '"version"' not in start:
                yield Problem(name, "file", "no feed; expected a JSON Feed: an object with version and items")
        case _ if _OPML.search(start):
            yield from outlines(archive, name)
        case _:
            yield from xml_entries(archive, name)


def _item(found: Entry | Subscription | Problem) -> Item | Problem:
    if isinstance(found, Problem):
        return found
    if isinstance(found, Subscription):
        return Item("link", found.key, found.body)
    body = found.body()
    return Item("article", _key(entry_of(body), found.feed), body)


def _feed(body: Body) -> Body:
    feed = body.get("feed")
    return feed if isinstance(feed, dict) else {}


def _key(entry: Body, feed: Body) -> str:
    return _guid(entry, feed) or _link(entry) or "digest:" + digest(_said(entry))


def _guid(entry: Body, feed: Body) -> str | None:
    """The entry's id.  One like ``17`` is unique only within its feed, whose address then goes before it."""
    guid = first(entry, "id")
    if guid is None or _URI.fullmatch(guid):
        return guid
    return " ".join(filter(None, (first(feed, "link", "feed_url", "home_page_url", "id", "title"), guid)))


def _link(entry: Body) -> str | None:
    """The page of an entry; feedparser may take an enclosure for it if that comes last."""
    links = entry.get("links")
    pages = (
        [first(one, "href") for one in links if isinstance(one, dict) and one.get("rel") == "alternate"] if isinstance(links, list) else []
    )
    link = first(entry, "link", "url", "external_url")
    return link if link in pages else next(filter(None, pages), link)


def _said(entry: Body) -> str:
    return "\n".join(
        (
            first(entry, "title") or "",
            *_contents(entry),
            *(first(entry, name) or "" for name in ("summary", "content_html", "content_text")),
        )
    )


def _contents(entry: Body) -> list[str]:
    content = entry.get("content")
    return [_text(part) for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _text(part: Body) -> str:
    """The words of a text construct, by its media type."""
    value = part.get("value")
    if not isinstance(value, str):
        return ""
    return value.strip() if part.get("type") == "text/plain" else plain(value)


def _article(entry: Body, feed: Body) -> Body:
    detail, heading = entry.get("summary_detail"), entry.get("title_detail")
    summary = _text(detail) if isinstance(detail, dict) else plain(first(entry, "summary") or "")
    text = "\n\n".join(filter(None, _contents(entry)))
    content = entry.get("content")
    parts = [part for part in (*(content if isinstance(content, list) else ()), detail) if isinstance(part, dict)]
    return {
        "url": _link(entry),
        "title": _text(heading) if isinstance(heading, dict) else first(entry, "title"),
        "text": text or summary,
        "description": summary if text and summary != text else None,
        "author": first(entry, "author") or first(feed, "author"),
        "site": first(feed, "title") or _host(first(feed, "link")),
        "language": next((found for part in parts if (found := first(part, "language"))), None) or first(feed, "language"),
        "tag": tags(entry.get("tags")),
        "guid": _guid(entry, feed),
        "published": moment(entry.get("published_parsed")) or moment(entry.get("published")) or moment(entry.get("updated_parsed")),
        "updated": moment(entry.get("updated_parsed")) or moment(entry.get("updated")),
    }


def _json_article(entry: Body, feed: Body) -> Body:
    summary = first(entry, "summary")
    text = plain(first(entry, "content_html") or "") or first(entry, "content_text")
    return {
        "url": _link(entry),
        "title": first(entry, "title"),
        "text": text or summary,
        "description": summary if text and summary != text else None,
        "author": _names(entry) or _names(feed),
        "site": first(feed, "title") or _host(first(feed, "home_page_url")),
        "language": first(entry, "language") or first(feed, "language"),
        "tag": tags(entry.get("tags")),
        "guid": _guid(entry, feed),
        "published": moment(entry.get("date_published")),
        "updated": moment(entry.get("date_modified")),
    }


def _names(value: Body) -> str | None:
    authors: Any = value.get("authors") or [value.get("author")]
    names = [first(author, "name") for author in authors if isinstance(author, dict)] if isinstance(authors, list) else []
    return ", ".join(name for name in names if name) or None


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url or "").hostname
    except ValueError:
        return None
