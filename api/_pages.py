"""
How lists leave: as a page of a JSON array with a link to the next one, or whole, streamed as lines or MessagePack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import quote

import msgpack
import orjson
from aiohttp import web

from locker.record import loads

from ._auth import PARAMETER
from ._service import Call

JSON, NDJSON, MSGPACK = "application/json", "application/x-ndjson", "application/msgpack"
MEDIA_TYPES = {
    JSON: JSON,
    "application/*": JSON,
    "*/*": JSON,
    NDJSON: NDJSON,
    "application/ndjson": NDJSON,
    "application/jsonl": NDJSON,
    MSGPACK: MSGPACK,
    "application/x-msgpack": MSGPACK,
    "application/vnd.msgpack": MSGPACK,
}
MOST = 1000
CHUNK_ITEMS, CHUNK_CHARACTERS = 250, 256 * 1024
HEADERS = {"Server": "locker", "X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"}
NEVER_KEPT = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""What an answer says whose address had a token in it."""

_SAFE = "%&=+,:;/?@!$'()*[]~."
"""What stays as it came in a link; anything else could end the address or the header."""

PLAIN = {**HEADERS, "Content-Type": JSON}


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A value, or ready bytes, as JSON."""
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return web.Response(body=body, status=status, headers={**PLAIN, **headers} if headers else PLAIN)


def array(fragments: Iterable[str], headers: Mapping[str, str] | None = None) -> web.Response:
    """Ready JSON texts as one array; nobody parses them on the way."""
    return answer(f"[{','.join(fragments)}]".encode(), headers=headers)


@lru_cache(maxsize=256)
def media_type(accept: str | None) -> str:
    """What a list leaves as: the first that the caller likes best, JSON if it likes nothing that we have."""
    if accept is None:
        return JSON
    liked: list[tuple[float, str]] = []
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((parameter[2:] for parameter in parameters if parameter.startswith("q=")), "1")
        try:
            liked.append((-float(quality), name))
        except ValueError:
            continue
    liked.sort(key=lambda each: each[0])
    return next((MEDIA_TYPES[name] for quality, name in liked if name in MEDIA_TYPES and quality < 0), JSON)


def next_link(call: Call, after: str | None, *, keep_offset: bool = False) -> dict[str, str]:
    """The ``Link`` header to the page after this one: the same address with a cursor, never with a token."""
    if after is None:
        return {}
    dropped = {"after", PARAMETER} | (set() if keep_offset else {"offset"})
    kept = [part for part in call.raw.split("&") if part and part.partition("=")[0] not in dropped]
    query = quote("&".join([*kept, f"after={after}"]).encode("utf-8", "surrogateescape"), safe=_SAFE)
    return {"Link": f'<{call.request.rel_url.raw_path}?{query}>; rel="next"'}


def offset_and_limit(params: Mapping[str, int], default: int) -> tuple[int, int]:
    """The page that is asked for, at most a thousand."""
    return params.get("offset", 0), min(params.get("limit", default), MOST)


def begun(call: Call, media: str, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
    """An answer that leaves piece by piece; its headers are gone before the door could add any."""
    kept = NEVER_KEPT if PARAMETER in call.raw else {}
    return web.StreamResponse(headers={**HEADERS, **(headers or {}), **kept, "Content-Type": media})


async def stream(call: Call, fragments: Iterator[str], media: str, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
    """Everything there is, piece by piece, in constant memory; reading happens in a thread.

    A mistake in the request is told before the first byte; what goes wrong later breaks the connection off, so that nobody takes a part for the whole.
    """
    response = begun(call, media, headers)
    pack = _lines if media == NDJSON else _packed
    take = call.service.in_thread
    piece = await take(_piece, fragments, pack)
    await response.prepare(call.request)
    if call.request.method != "HEAD":
        while piece:
            await response.write(piece)
            piece = await take(_piece, fragments, pack)
    await response.write_eof()
    return response


def _piece(fragments: Iterator[str], pack: Any) -> bytes:
    """The next few fragments; empty at the end."""
    found, length = list[str](), 0
    for fragment in islice(fragments, CHUNK_ITEMS):
        found.append(fragment)
        length += len(fragment)
        if length >= CHUNK_CHARACTERS:
            break
    packed: bytes = pack(found)
    return packed


def _lines(fragments: list[str]) -> bytes:
    return "".join(f"{fragment}\n" for fragment in fragments).encode()


def _packed(fragments: list[str]) -> bytes:
    return b"".join(packed(loads(fragment)) for fragment in fragments)


def packed(value: Any) -> bytes:
    """A value as MessagePack; integers beyond its 64 bits become text, so that no digit is lost."""
    try:
        made: bytes = msgpack.packb(value)
    except OverflowError:
        made = msgpack.packb(_within(value))
    return made


def _within(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _within(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_within(part) for part in value]
    return str(value) if isinstance(value, int) and not -(2**63) <= value < 2**64 else value
