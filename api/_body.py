"""
How bodies come in: JSON, forms, lines of JSON or MessagePack, within the limits of the settings.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import msgpack
from aiohttp import web

from locker.error import BrokenSchema, Invalid, TooLarge
from locker.record import Body, parse

from ._errors import HttpError
from ._pages import JSON, MSGPACK, NDJSON
from ._query_string import last_of_each, parse_query_string
from ._service import Call

FORM = "application/x-www-form-urlencoded"
LINES = frozenset({NDJSON, "application/ndjson", "application/jsonl", "application/json-lines"})
PACKED = frozenset({MSGPACK, "application/x-msgpack", "application/vnd.msgpack"})
PAGE = 500
NIL = b"\xc0"
"""Alone it is a value of its own; after half an item it is swallowed, which tells that the item is not whole."""
LONG = 64 * 1024
"""Longer bodies are read in a thread."""


def content_type(request: web.Request) -> str:
    """What a body says it is; JSON if it says nothing."""
    return request.content_type.lower() if "Content-Type" in request.headers else JSON


def is_json(type: str) -> bool:
    """Whether a media type is JSON (``application/json``, ``application/merge-patch+json``)."""
    return type in (JSON, "text/json") or (type.startswith("application/") and type.endswith("+json"))


def looks_like_json(raw: bytes) -> bool:
    """Whether a body that says it is a form is JSON all the same: ``curl -d`` calls everything a form, and no form of ours begins like that."""
    return raw.lstrip()[:1] in (b"{", b"[")


async def read_json(call: Call, known: str = JSON) -> Any:
    """The value of a JSON body.  Raises Invalid for broken JSON, HttpError 415 for another media type (*known* are the welcome ones), 413 for a long one."""
    type = content_type(call.request)
    if not is_json(type) and type != FORM:
        raise HttpError(415, f"send the body as {known}, not as {type[:100]}", {"Accept": known})
    raw = await call.request.read()
    if type == FORM and not looks_like_json(raw):
        raise HttpError(415, f"send the body as {known}, not as {type[:100]}", {"Accept": known})
    return parse(raw) if len(raw) < LONG else await call.service.in_thread(parse, raw)


async def read_object(call: Call) -> Body:
    """A body that is a JSON object.  Raises BrokenSchema for another value."""
    found = await read_json(call)
    if not isinstance(found, dict):
        raise BrokenSchema("the body must be a JSON object")
    return found


async def read_parameters(call: Call) -> Body:
    """Parameters in the body of a POST, as a form or as JSON; an empty body has none."""
    type, raw = content_type(call.request), b""
    if type == FORM and not looks_like_json(raw := await call.request.read()):
        try:
            return dict(last_of_each(parse_query_string(raw.decode("ascii", "surrogateescape"))))
        except UnicodeDecodeError as error:
            raise Invalid("the form is not UTF-8") from error
    if not is_json(type) and type != FORM:
        raise HttpError(415, f"send the parameters as {JSON} or {FORM}, not as {type[:100]}", {"Accept": f"{JSON}, {FORM}"})
    raw = await call.request.read()
    found = parse(raw) if raw.strip() else {}
    if not isinstance(found, dict):
        raise Invalid('parameters in JSON are an object, like {"terms": "[]"}')
    return found


async def item_pages(call: Call) -> AsyncGenerator[list[Any], None]:
    """The pushed items, page by page, so that a long push needs little memory; a line that is no JSON comes as the error it is."""
    type = content_type(call.request)
    if type in LINES:
        async for page in _line_pages(call):
            yield page
    elif type in PACKED:
        async for page in _packed_pages(call):
            yield page
    else:
        yield _items(await read_json(call, f"{JSON}, {NDJSON}, {MSGPACK}"))


def _items(value: Any) -> list[Any]:
    """``[…]`` or ``{"items": […]}``; one item alone is welcome too."""
    if isinstance(value, dict) and "items" in value:
        value = value["items"]
    elif isinstance(value, dict) and "key" in value:
        value = [value]
    if not isinstance(value, list):
        raise Invalid('push takes {"items": [{"type", "key", "body"}]}, or an array of items')
    return value


async def _line_pages(call: Call) -> AsyncGenerator[list[Any], None]:
    most, page = call.service.settings.max_body, list[Any]()
    rest, length = list[bytes](), 0  # the pieces of a line that has not ended yet
    async for chunk in call.request.content.iter_chunked(LONG):
        rest.append(chunk)
        length += len(chunk)
        if b"\n" in chunk:
            *lines, last = b"".join(rest).split(b"\n")
            rest, length = [last], len(last)
            page += [_line(line) for line in lines if line.strip()]
        if length > most:
            raise TooLarge(f"a line has at most {most} bytes")
        if len(page) >= PAGE:
            yield page
            page = []
    if (line := b"".join(rest)).strip():
        page.append(_line(line))
    yield page


def _line(line: bytes) -> Any:
    try:
        return parse(line)
    except Invalid as error:
        return error


async def _packed_pages(call: Call) -> AsyncGenerator[list[Any], None]:
    """A sequence of items, or one array or ``{"items": […]}`` of them."""
    unpacker, page = msgpack.Unpacker(max_buffer_size=call.service.settings.max_body), list[Any]()
    try:
        async for chunk in call.request.content.iter_chunked(LONG):
            unpacker.feed(chunk)
            for found in unpacker:
                page += _items(found) if isinstance(found, list) or (isinstance(found, dict) and "items" in found) else [found]
            if len(page) >= PAGE:
                yield page
                page = []
        unpacker.feed(NIL)
        is_whole = list(unpacker) == [None]
    except msgpack.BufferFull as error:
        raise TooLarge(f"an item has at most {call.service.settings.max_body} bytes") from error
    except (ValueError, msgpack.UnpackException) as error:
        raise Invalid(f"not valid MessagePack: {error}") from error
    if not is_whole:
        raise Invalid("the MessagePack ends in the middle of an item")
    yield page
