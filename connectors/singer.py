"""
Fetches from any service that somebody wrote a Singer tap for: the tap's records are kept with its own state (singer.io's specification).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from locker.connector import HOUR, Body, Fetching, Option, Page, Session, Stream, Walk
from locker.error import Fatal, Invalid, Retriable, Unauthorized
from locker.record import parse

from ._fields import shaped
from ._mapping import Mapping
from ._singer_messages import Messages, selected
from ._singer_tap import TapRun

_CATALOG = 64 << 20
_TITLES = ("title", "name", "subject", "full_name", "summary")
_TEXTS = ("body", "text", "description", "content")
_URLS = ("html_url", "url", "permalink", "link", "web_url")
_CREATED = ("created_at", "created", "createdAt", "date")
_UPDATED = ("updated_at", "modified_at", "updated", "updatedAt")


class Singer(Fetching):
    """Documents, or with a mapping whatever a stream's records are.

    A record is called after its stream and its key properties, ``issues/17``.  *mapping* is a JSON object of streams, each mapped like a file of
    ``locker import json``: ``{"issues": {"type": "post", "fields": {"text": "body", "url": "html_url", "created": "created_at"}}}``.
    """

    name = "singer"
    types = ("document", "contact", "message", "link", "favorite", "photo", "place", "event", "post", "article")
    title = "Singer taps"
    runs_programs = True
    asks = (
        Option(name="tap", help="the tap's name, like tap-github", required=True, of_source=True),
        Option(name="config", help="the tap's configuration, a JSON object", secret=True),
        Option(name="select", help="the streams to fetch, with commas between them (issues, pull_*); all, if nothing is said"),
        Option(name="mapping", help="what the records of each stream are, a JSON object"),
    )
    streams = (Stream(name="records", type="document", path="", whole=False, every=HOUR),)

    async def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:  # noqa: ARG002 (there is one stream)
        tap = session.options["tap"]
        messages = Messages(tap, walk, _mappings(session.options.get("mapping", "")))
        async with TapRun(session.program(tap), _config(session)) as run:
            if (catalog := await _catalog(run)) is not None:
                wanted = tuple(part for one in session.options.get("select", "").split(",") if (part := one.strip()))
                for option in await _catalog_options(run):
                    run.give(option, selected(catalog, wanted))
            if messages.state is not None:
                run.give("--state", messages.state)
            async with aclosing(run.lines()) as lines:  # type: ignore[type-var]
                async for line in lines:
                    for page in messages.take(line):
                        yield page
            for page in messages.end():
                yield page

    def map(self, type: str, body: Body) -> Body | None:
        if isinstance(fields := body.get("fields"), dict):
            return shaped(fields)
        return _guessed(body) if type == "document" else None


async def _catalog(run: TapRun) -> Any:
    """What the tap can give, None for one that has no discovery."""
    parts, size = list[bytes](), 0
    try:
        async for line in run.lines("--discover"):
            parts.append(line)
            size += len(line)
            if size > _CATALOG:
                raise Fatal(f"the tap's catalog has more than {_CATALOG >> 20} MB")
        return json.loads(b"".join(parts))
    except (Retriable, ValueError):
        return None  # if something else is wrong than that, the run itself will say so


async def _catalog_options(run: TapRun) -> tuple[str, ...]:
    """How the tap wants to be told of the catalog: older ones look at ``--properties`` only, newer ones do not know it."""
    try:
        takes_properties = any([b"--properties" in line async for line in run.lines("--help")])
    except Retriable:
        takes_properties = False
    return ("--catalog", "--properties") if takes_properties else ("--catalog",)


def _config(session: Session) -> dict[str, Any]:
    try:
        text = session.secret("config")
    except Unauthorized:
        text = "{}"
    return _object(text, "config")


def _mappings(text: str) -> dict[str, Mapping]:
    """Each stream's mapping.  Raises Fatal, saying what to write instead."""
    found = {}
    for stream, value in _object(text or "{}", "mapping").items():
        try:
            found[stream] = Mapping.of(value)
        except Invalid as error:
            raise Fatal(f"the mapping of the stream {stream}: {error}") from error
    return found


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        value = parse(text)
    except Invalid as error:
        raise Fatal(f"the option {name}: {error}") from error
    if not isinstance(value, dict):
        raise Fatal(f"the option {name} must be a JSON object")
    return value


def _guessed(body: Body) -> Body:
    """What a record says by the names that most services use."""
    record: Body = body.get("document", {})
    fields = {
        "title": _first(record, _TITLES),
        "text": _first(record, _TEXTS),
        "url": _first(record, _URLS),
        "created": _first(record, _CREATED),
        "updated": _first(record, _UPDATED),
        "folder": body.get("stream"),
    }
    return shaped({name: value for name, value in fields.items() if value})


def _first(record: Body, names: tuple[str, ...]) -> str | None:
    return next((value for name in names if isinstance(value := record.get(name), str) and value.strip()), None)
