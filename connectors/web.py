"""
Reads web pages that somebody saved: their text, title, author and date, out of the markup that is kept as it came.
"""

from __future__ import annotations

import logging
import re
from itertools import islice

from trafilatura import bare_extraction
from trafilatura.settings import Document

from locker.connector import Body, Connector

from ._moment import moment
from ._page import Page, keywords_of

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
logging.getLogger("htmldate").setLevel(logging.CRITICAL)
LONGEST_MARKUP = 4 * 1024 * 1024
"""Characters of a page that are read; pages of more are no articles."""
MOST_TAGS, MANY_TAGS = 30_000, 10_000
"""So many tags of a page are read.  Of a page with many only those that part its text are: others cost the library the square of their number,
and whatever waits to be composed waits for it."""
_PARTS = """
html head title meta link base script style body article main section div p h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table thead tbody tfoot tr td th
blockquote pre br hr nav header footer aside figure figcaption form noscript template svg textarea select option button iframe"""
_OTHER_TAG = re.compile(rf"</?(?!(?:{'|'.join(_PARTS.split())})[\s/>])[a-z][^<>]*>", re.IGNORECASE)


class Web(Connector):
    """A page as it was fetched; extraction happens here, so that a better one needs a replay only.

    The body is ``{"url", "title"?, "page"?}``: what was asked for, and the page, if it could be fetched: ``{"url", "media_type", "charset", "raw"}``
    with the address that answered after redirects and the markup as text.  The key is the normalised URL that was asked for.
    """

    name = "web"
    types = ("article",)
    title = "Web pages"

    def map(self, type: str, body: Body) -> Body | None:  # noqa: ARG002 - there is one type
        url, given, page = body.get("url"), body.get("title"), body.get("page")
        if not isinstance(url, str):
            return None
        fields: Body = {"url": url, "title": given if isinstance(given, str) else None}
        if isinstance(page, dict) and isinstance(raw := page.get("raw"), str):
            address = page.get("url")
            fields |= {name: value for name, value in _read(raw, address if isinstance(address, str) else url).items() if value}
        return {name: value for name, value in fields.items() if value not in (None, "", [])}


def _read(raw: str, url: str) -> Body:
    raw = _bounded(raw)
    page, found = Page.of(raw), _extracted(_OTHER_TAG.sub("", raw) if raw.count("<") > MANY_TAGS else raw, url)
    keywords = page.keywords() or keywords_of([*(found.tags or ()), *(found.categories or ())])
    return {
        "url": page.address(url),
        "title": page.title or found.title,
        "text": found.text,
        "description": found.description,
        "author": found.author,
        "site": found.sitename or found.hostname,
        "language": page.language or found.language,
        "tag": [keyword["name"] for keyword in keywords],
        "keywords": keywords,
        "published": moment(page.published) or moment(found.date),
        "updated": moment(page.updated),
    }


def _bounded(raw: str) -> str:
    """The part of a page that is read, from its beginning."""
    raw = raw[:LONGEST_MARKUP]
    beyond = next(islice(re.finditer("<", raw), MOST_TAGS, None), None)
    return raw if beyond is None else raw[: beyond.start()]


def _extracted(raw: str, url: str) -> Document:
    """What the library finds in a page; nothing at all where it fails."""
    try:
        found = bare_extraction(raw, url=url, with_metadata=True, include_comments=False)
    except Exception:  # a stranger's markup; the library promises nothing, and what it cannot read is no article
        return Document()
    return found if isinstance(found, Document) else Document()
