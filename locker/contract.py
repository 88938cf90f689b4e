"""
What every connector must keep, checked without asking its service: names, types, paths, and facts that somebody must give.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import fields
from typing import Any

from .authorisation import OAuth1, OAuth2
from .connector import Archived, Connector, Fetching
from .error import Invalid
from .fetching import Stream
from .path import compiled
from .walker import NAME

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_STREAM = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")
_PATHS = ("path", "more", "pages", "total", "id")


def broken(connector: Connector, types: Container[str]) -> list[str]:
    """Every rule that a connector breaks, a sentence each; *types* are the primary types that have a schema."""
    return list(_connector(connector, types))


def _connector(connector: Connector, types: Container[str]) -> Iterator[str]:
    for name in ("name", "title", "types"):
        if not getattr(connector, name, None):
            yield f"{name} is missing"
            return
    if not _NAME.fullmatch(connector.name):
        yield f"name is {connector.name!r}; it may have a to z, 0 to 9 and - within, as in stack-overflow"
    if unknown := [type for type in connector.types if type not in types]:
        yield f"types has {', '.join(unknown)}, which no schema describes"
    if isinstance(connector, Archived) and not connector.patterns and not isinstance(connector, Fetching):
        yield "patterns is empty; it must say which files are read, as in ('*.json',)"
    if isinstance(connector, Fetching):
        yield from _fetching(connector)


def _fetching(connector: Fetching) -> Iterator[str]:
    if connector.base_url and (not re.match(r"https?://[^/?#\s]+", connector.base_url) or connector.base_url.endswith("/")):
        yield f"base_url is {connector.base_url!r}; it must be like https://api.example.org, without a slash at its end"
    if not connector.streams:
        yield "streams is empty; there is nothing to fetch"
    names = [stream.name for stream in connector.streams]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield f"two streams are called {', '.join(twice)}"
    for how in connector.auth:
        yield from (
            f"{type(how).__name__}.{one.name} is {url!r}; it must be a whole URL or a path from /"
            for one in fields(how)
            if isinstance(how, OAuth1 | OAuth2)
            and one.name in ("authorize", "token", "request", "access", "device", "register")
            and (url := getattr(how, one.name))
            and not re.match(r"https?://|/", url)
        )
    if connector.who:
        if "id" not in connector.who.facts:
            yield "who has no fact id; it must name what never changes about an account"
        yield from _paths("who.facts", connector.who.facts)
    known = {*(connector.who.facts if connector.who else ()), *(option.name for option in connector.asks if not option.secret)}
    for stream in connector.streams:
        yield from (f"stream {stream.name}: {sentence}" for sentence in _stream(connector, stream, known))


def _stream(connector: Fetching, stream: Stream, known: Container[str]) -> Iterator[str]:
    if not _STREAM.fullmatch(stream.name):
        yield "its name may have a to z, 0 to 9, - and _ within"
    if stream.type not in connector.types:
        yield f"type {stream.type} is not among the connector's types"
    for place, texts in (("path", {"": stream.path}), ("params", stream.params), ("headers", stream.headers)):
        asked = {match[1] for text in texts.values() if isinstance(text, str) for match in NAME.finditer(text) if match[1]}
        for name in sorted(name for name in asked if name not in known):
            yield f"{place} has {{{name}}}, which is neither a fact of who nor an option in asks"
    if type(connector).fetch is Fetching.fetch and not stream.path.startswith(("/", "http://", "https://")):
        yield f"path is {stream.path!r}; it must start with /"
    yield from _paths("it", {"items": stream.items, "key": stream.key, **({"since.path": stream.since.path} if stream.since else {})})
    yield from _paths("paging", {name: path for name in _PATHS if (path := getattr(stream.paging, name, ""))})
    if getattr(stream.paging, "size", 1) < 1:
        yield "paging.size must be at least 1"
    for name in ("every", "sweep", "overlap"):
        if getattr(stream, name) <= 0:
            yield f"{name} must be greater than 0"


def _paths(place: str, paths: Any) -> Iterator[str]:
    for name, path in paths.items():
        try:
            compiled(path)
        except Invalid as error:
            yield f"{place}: {name}: {error}"
