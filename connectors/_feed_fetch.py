"""
Fetches feeds one after the other: each only if it changed, from where it moved to, and never again once it is gone for good.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from locker.connector import Answer, Body, Item, Page, Problem, Session, Walk
from locker.error import ConnectorError, LimitReached, Retriable

from ._feed_entries import Entry, document_entries, parsed_entries
from ._loose import known, obj, text, texts

Made = Callable[[Entry | Problem], Item | Problem]

AT_ONCE = 20
"""Feeds that are asked before what they brought is appended; or fewer, if they brought much."""
MANY = 200
HOPS = 5
_BLANK = b"\xef\xbb\xbf \t\r\n"
_ROOT = re.compile(rb"<([A-Za-z_][\w:.-]*)")
_ACCEPT = (
    "application/feed+json, application/atom+xml, application/rss+xml, application/rdf+xml, application/json;q=0.9, application/xml;q=0.9, "
    "text/xml;q=0.8, text/html;q=0.2, */*;q=0.1"
)
_MOVED = (301, 302, 303, 307, 308)
_FOREVER = (301, 308)
_FEEDS = ("application/rss+xml", "application/atom+xml", "application/feed+json")


@dataclass(slots=True)
class Found:
    """What one feed brought, and what is kept of it: ``url`` (where it moved to), ``etag``, ``modified``, ``gone``."""

    state: Body
    items: list[Item | Problem] = field(default_factory=list)
    error: ConnectorError | None = None


async def feeds(session: Session, urls: Sequence[str], walk: Walk, made: Made) -> AsyncIterator[Page]:
    """The entries of all feeds.  A feed that fails is a problem, and its neighbours go on; if all fail, the first error is raised.

    A server that has had enough requests is asked once more when it says, for all of its feeds: the walk is left there until then.
    """
    step = obj(walk.step)
    kept, rest = obj(obj(step or walk.since).get("feeds")), texts(step.get("rest")) if step else list(urls)
    later: list[str] = []
    limited: set[str] = set()
    errors: list[ConnectorError] = []
    answered = bool(step)
    while rest:
        items: list[Item | Problem] = []
        for url in rest[:AT_ONCE]:
            if urlsplit(url).netloc in limited:
                rest, later = rest[1:], [*later, url]
                continue
            found = await _look(session, url, {} if walk.whole else obj(kept.get(url)), made)
            rest, kept = rest[1:], {**kept, url: found.state}
            errors += [found.error] if found.error else []
            answered = answered or found.error is None
            if isinstance(found.error, LimitReached) and "late" not in step:
                later.append(url)
                limited.add(urlsplit(url).netloc)
            else:
                items += found.items
            if len(items) >= MANY:
                break
        if not rest and not answered:
            raise errors[0]
        state = {"feeds": {url: kept[url] for url in urls if url in kept}}
        ahead = {"rest": [*rest, *later], **state, **({"late": True} if "late" in step or not rest else {})}
        yield Page(items, ahead if ahead["rest"] else None, state)
    if later:
        raise next(error for error in errors if isinstance(error, LimitReached))


async def _look(session: Session, url: str, state: Body, made: Made) -> Found:
    """What a feed has now.  One that cannot be had where it moved to is looked for at its old place."""
    if state.get("gone") is True:
        return Found(state)
    try:
        answer, moved = await _asked(session, text(state.get("url")) or url, state)
        if answer.status == 200 and (other := _announced(answer)):
            answer, _ = await _asked(session, other, {})
            moved = other
        if answer.status == 200 and _is_cut(answer.body):
            answer, _ = await _asked(session, answer.url, {})
    except ConnectorError as error:
        if "url" in state and not isinstance(error, LimitReached):
            return await _look(session, url, {}, made)
        return Found(state, [Problem(url, "feed", str(error))], error)
    place = {"url": moved} if moved and moved != url else {}
    if answer.status == 410:
        return Found({"gone": True}, [Problem(url, "feed", "it is gone for good (410) and is not asked for any more")])
    if answer.status == 304:
        return Found({**state, **place})
    items = [made(one) for one in _entries(answer, url)]
    # What could not be read whole is asked for again, and not only once it changed.
    is_whole = not any(isinstance(one, Problem) for one in items)
    kept = known(etag=answer.headers.get("etag"), modified=answer.headers.get("last-modified")) if is_whole else {}
    return Found({**kept, **place}, items)


async def _asked(session: Session, url: str, state: Body) -> tuple[Answer, str | None]:
    """The answer after all redirects, and where the feed has moved for good: as far as every redirect until there says so."""
    conditions = known(**{"If-None-Match": text(state.get("etag")), "If-Modified-Since": text(state.get("modified"))})
    moved, is_lasting = text(state.get("url")), True
    for _ in range(HOPS + 1):
        answer = await session.get(url, None, {"Accept": _ACCEPT, **conditions}, accept=(*_MOVED, 304, 410))
        location = answer.headers.get("location")
        if answer.status not in _MOVED or location is None:
            return answer, moved
        url = urljoin(answer.url, location)
        is_lasting = is_lasting and answer.status in _FOREVER
        moved = url if is_lasting else moved
    raise Retriable(f"{url.partition('?')[0]} leads from one place to the next, more than {HOPS} times")


def _entries(answer: Answer, name: str) -> Iterator[Entry | Problem]:
    """The entries of a feed, told by what it is rather than by what it is called: many are sent as text/html."""
    media_type = answer.headers.get("content-type", "")
    if answer.body.lstrip(_BLANK)[:1] != b"{":
        yield from parsed_entries(answer.body, name, media_type)
        return
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        yield Problem(name, "feed", f"not readable as a JSON Feed: {error}")
        return
    yield from document_entries(obj(document), name)


def _is_cut(body: bytes) -> bool:
    """Whether a feed seems to break off, and is worth being asked for once more: nothing closes what it begins with."""
    if body.lstrip(_BLANK)[:1] == b"{":
        return not body.rstrip().endswith(b"}")
    root = _ROOT.search(body[:4096])
    return root is not None and b"</" + root[1] not in body[-4096:]


def _announced(answer: Answer) -> str | None:
    """Where the feed of a web page is (``<link rel="alternate">``), if this is a page and no feed."""
    start = answer.body[:1000].lstrip(_BLANK).lower()
    if not start.startswith((b"<!doctype html", b"<html")):
        return None
    page = _Links()
    page.feed(answer.text()[: 1 << 18])
    return urljoin(answer.url, page.found) if page.found else None


class _Links(HTMLParser):
    """Finds the first feed that a page's head names."""

    found: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        is_feed = "alternate" in said.get("rel", "").lower().split() and said.get("type", "").lower() in _FEEDS
        if tag == "link" and is_feed and self.found is None:
            self.found = said.get("href") or None

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Pass over what html.parser does not know."""
        try:
            return super().parse_marked_section(i, report)
        except AssertionError:
            return self.parse_bogus_comment(i)

    def unknown_decl(self, data: str) -> Any:
        """Pass over it."""
