"""
What a web page says of itself: language, canonical address, keywords, moments and titles, from its ``head`` and its JSON-LD.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import html
from lxml.etree import LxmlError

from locker.connector import Body

_TITLES = ("dc:title", "dcterm:title", "dcterms.title", "dc.title", "og:title", "twitter:title", "parsely-title", "title")
_PUBLISHED = (
    *("article:published_time", "parsely-pub-date", "datepublished", "dc.date.issued", "dcterms.issued", "dc.date"),
    *("date", "pubdate", "sailthru.date"),
)
_UPDATED = ("article:modified_time", "og:updated_time", "datemodified", "last-modified")
_KEYWORDS = ("keywords", "news_keywords", "parsely-tags", "sailthru.tags")
_TAGS = ("article:tag", "og:article:tag")
_SECTIONS = ("article:section",)
_ARTICLES = frozenset({"Article", "BlogPosting", "NewsArticle", "OpinionNewsArticle", "ReportageNewsArticle", "Report", "ScholarlyArticle", "WebPage"})  # fmt: skip
_KINDS = {
    "Person": "person",
    "Organization": "organization",
    "NewsMediaOrganization": "organization",
    "GovernmentOrganization": "organization",
} | {
    **dict.fromkeys(("Place", "City", "Country", "AdministrativeArea", "State"), "location"),
    "PoliticalParty": "party",
    "Thing": "topic",
    "DefinedTerm": "topic",
    "CategoryCode": "topic",
}
TOPIC = "topic"
LONGEST_KEYWORD, MOST_KEYWORDS = 100, 100


@dataclass(frozen=True, slots=True)
class Page:
    """A page's own words about itself: ``meta`` by lower-case name, its JSON-LD objects, the language and links of its head."""

    meta: dict[str, list[str]]
    data: tuple[Body, ...]
    language: str | None
    canonical: str | None

    @classmethod
    def of(cls, markup: str) -> Page:
        """Read a page; what cannot be read is left out.  Never raises."""
        try:
            # Bytes, since lxml refuses a text with an encoding declaration in it.
            tree = html.document_fromstring(markup.encode("utf-8", "replace"), parser=html.HTMLParser(encoding="utf-8", no_network=True))
        except (LxmlError, ValueError):
            return cls({}, (), None, None)
        meta: dict[str, list[str]] = {}
        for element in tree.iter("meta"):
            names = f"{element.get('property', '')} {element.get('name', '')} {element.get('itemprop', '')}".lower().split()
            for name in names if (content := (element.get("content") or "").strip()) else ():
                meta.setdefault(name, []).append(content)
        links = [element.get("href") for element in tree.iter("link") if "canonical" in (element.get("rel") or "").lower().split()]
        scripts = [element.text or "" for element in tree.iter("script") if "ld+json" in (element.get("type") or "").lower()]
        return cls(meta, tuple(_objects(scripts)), _language(tree.get("lang"), meta), next(filter(None, links), None))

    def first(self, *names: str) -> str | None:
        """The first content of the first of these names that is there."""
        return next((self.meta[name][0] for name in names if name in self.meta), None)

    @property
    def title(self) -> str | None:
        """The title that its author gave it for others to show."""
        return self.first(*_TITLES) or self._said("headline")

    @property
    def published(self) -> str | None:
        """When it was published, as it says so."""
        return self.first(*_PUBLISHED) or self._said("datePublished")

    @property
    def updated(self) -> str | None:
        """When it was last changed, as it says so."""
        return self.first(*_UPDATED) or self._said("dateModified")

    def keywords(self) -> list[Body]:
        """Its own keywords as ``{"name", "type"}``, each once: of JSON-LD's ``about`` and ``mentions`` with what they are, the others topics."""
        return _distinct(self._keywords())

    def address(self, url: str) -> str:
        """Its canonical address if that is on the host that *url* names, else *url* itself."""
        try:
            named = urljoin(url, self.canonical or "")
            theirs, ours = urlsplit(named), urlsplit(url)
            same = theirs.hostname == ours.hostname and theirs.port == ours.port
        except ValueError:
            return url
        return named if self.canonical and same and theirs.scheme in ("http", "https") and not theirs.username else url

    def _said(self, name: str) -> str | None:
        return next((value for each in self._articles() if isinstance(value := each.get(name), str) and value.strip()), None)

    def _articles(self) -> Iterator[Body]:
        yield from (each for each in self.data if _ARTICLES & set(_listed(each.get("@type"))))

    def _keywords(self) -> Iterator[tuple[str, str]]:
        for article in self._articles():
            for thing in (*_listed(article.get("about")), *_listed(article.get("mentions"))):
                if isinstance(thing, dict) and isinstance(name := thing.get("name"), str):
                    kinds = [str(kind) for kind in _listed(thing.get("@type"))]
                    yield name, next((_KINDS.get(kind, kind.lower()) for kind in kinds), TOPIC)
        for name in (*_TAGS, *_SECTIONS):
            yield from ((text, TOPIC) for text in self.meta.get(name, ()))
        lists = [text for name in _KEYWORDS for text in self.meta.get(name, ())]
        for article in self._articles():
            for said in _listed(article.get("keywords")):
                name = said.get("name") if isinstance(said, dict) else said
                lists += [name] if isinstance(name, str) else []
        for text in lists:
            yield from ((part, TOPIC) for part in (text.split(";") if ";" in text and "," not in text else text.split(",")))


def keywords_of(texts: Iterable[str]) -> list[Body]:
    """Topics out of lists with commas."""
    return _distinct((part, TOPIC) for text in texts for part in text.split(","))


def _distinct(named: Iterable[tuple[str, str]]) -> list[Body]:
    found: dict[str, Body] = {}
    for name, kind in named:
        text = " ".join(name.split()).strip(" ,;")
        if 0 < len(text) <= LONGEST_KEYWORD and len(found) < MOST_KEYWORDS:
            found.setdefault(text.casefold(), {"name": text, "type": kind})
    return list(found.values())


def _language(said: str | None, meta: dict[str, list[str]]) -> str | None:
    found = (said or next(iter(meta.get("content-language", meta.get("og:locale", []))), "")).strip().replace("_", "-")
    return found if 2 <= len(found) <= 35 and found.replace("-", "").isalnum() else None


def _objects(scripts: Iterable[str]) -> Iterator[Body]:
    """The objects of JSON-LD scripts, those of a ``@graph`` each for itself."""
    for script in scripts:
        try:
            value = json.loads(script)
        except (ValueError, RecursionError):
            continue
        for each in _listed(value):
            if isinstance(each, dict):
                yield from (inner for inner in (each, *_listed(each.get("@graph"))) if isinstance(inner, dict))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
