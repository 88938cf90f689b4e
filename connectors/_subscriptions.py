"""
Reads lists of subscribed feeds: OPML of any feed reader, and what the APIs of Feedbin and Feedly answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from locker.connector import Archive, Body, Problem

from ._documents import first, json_documents
from ._moment import moment
from ._tags import tags
from ._xml_events import tags_of


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscribed feed (or link of an outline): its *key*, and its *body*."""

    key: str
    body: Body


def outlines(archive: Archive, name: str) -> Iterator[Subscription | Problem]:
    """Every ``<outline>`` that has an address; those around it are its folder."""
    with archive.open(name) as file:
        folders: list[str] = []
        for tag in tags_of(file, name):
            if isinstance(tag, Problem):
                yield tag
            elif tag.name.lower() != "outline":
                continue
            elif not tag.opens:
                folders.pop()
            else:
                attributes: Body = dict(tag.attributes)
                if key := _address(attributes):
                    folder = [folder for folder in folders if folder]
                    yield Subscription(key, {"attributes": attributes, "folder": folder} if folder else {"attributes": attributes})
                folders.append(first(_lower(attributes), "title", "text") or "")


def listed(archive: Archive, name: str) -> Iterator[Subscription | Problem]:
    """The feeds of a JSON array of subscriptions (Feedbin), or of collections of feeds (Feedly)."""
    for document in json_documents(archive, name, ()):
        if isinstance(document, Problem):
            yield document
            continue
        feeds = document.value.get("feeds")
        inner = [feed for feed in feeds if isinstance(feed, dict)] if isinstance(feeds, list) else [document.value]
        label = first(document.value, "label") if isinstance(feeds, list) else None
        for feed in inner:
            if not (key := first(feed, "feed_url", "feedId")):
                yield Problem(name, document.place, "no feed; expected a JSON Feed or a list of subscriptions with feed_url")
                return
            yield Subscription(key, {"feed": feed, "folder": [label]} if label else {"feed": feed})


def link(body: Body) -> Body:
    """The canonical fields of a subscription."""
    found = body.get("feed", body.get("attributes"))
    values = _lower(found) if isinstance(found, dict) else {}
    return {
        "url": _address(values) or (first(values, "feed_url", "feedid") or "").removeprefix("feed/"),
        "title": first(values, "title", "text"),
        "description": first(values, "description"),
        "site": first(values, "htmlurl", "site_url", "website"),
        "folder": "/".join(body.get("folder", [])),
        "tag": tags(values.get("category")),
        "created": moment(values.get("created_at", values.get("created"))),
    }


def _address(attributes: Body) -> str | None:
    return first(_lower(attributes), "xmlurl", "url", "htmlurl")


def _lower(values: Body) -> Body:
    return {name.lower(): value for name, value in values.items()}
