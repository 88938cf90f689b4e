"""
The calls about documents: what comes after ``/documents/`` in the address is a document's own address, byte for byte.
"""

from __future__ import annotations

import re

import orjson
from aiohttp import web

from locker.error import Invalid, NotFound
from locker.locker import Document, Draft
from locker.record import Body, Record, parse
from locker.resource import DOCUMENTS
from locker.wildcard import Address, read_document, unescaped

from ._auth import PARAMETER
from ._body import LONG
from ._errors import trying
from ._flare_rules import checked_page, paging
from ._pages import HEADERS, answer
from ._query_string import last_of_each, parse_query_string
from ._service import POSITION, Call, read_params

KNOWN = frozenset({"revision", "revisions", "limit", "offset", "owner"})
"""What a query string may have when it is ours, and not a part of the document's address; a token too."""
CHANGING = frozenset({"owner"})
_START = re.compile(r"\A(?:https?://[^/?#]*)?/documents/", re.IGNORECASE)
_PLAIN = re.compile(r"https?://", re.IGNORECASE)
LONGEST = 4096
"""Characters of an address: it is the key of its records."""
RECORD = "Locker-Record"
"""Names the record that a write appended; absent if it was nothing new."""


async def read(call: Call) -> web.StreamResponse:
    """``GET /documents/{url}``, with ``?revision=`` or ``?revisions``."""
    document = _found(call, KNOWN, "error during document search")
    said = read_params(call.raw)
    if "revisions" in said:
        return await _revisions(call, document, said)
    with trying("error during document search"):
        wanted = document.resource.change.read(said["revision"]) if said.get("revision") else ()
        record = await call.service.in_thread(call.locker.documents.read, document, wanted)
    return answer(_shown(record))


async def update(call: Call) -> web.StreamResponse:
    """``PUT /documents/{url}``: 202 and nothing more; whoever subscribes hears of it if it is new."""
    document = _found(call, CHANGING, "error during document update")
    raw = await call.request.read()

    def put() -> Draft:
        body = parse(raw) if raw.strip() else None
        if not isinstance(body, dict):
            raise Invalid("a document is a JSON object")
        return document.put(body, call.caller.by)

    with trying("invalid body"):
        draft = put() if len(raw) < LONG else await call.service.in_thread(put)
    return await _written(call, draft)


async def delete(call: Call) -> web.StreamResponse:
    """``DELETE /documents/{url}``: 202; those who had it hear of it."""
    document = _found(call, CHANGING, "error during document update")
    return await _written(call, document.delete(call.caller.by))


def address_of(target: str) -> str:
    """The document that a request's target names, after ``/documents/``.

    It is decoded once if its scheme is (``http%3A%2F%2F…``, ``http:%2F%2F…``), one slash at its end does not count, and a query string is not part of it.
    """
    text = _START.sub("", target, count=1).partition("?")[0]
    return (text if _PLAIN.match(text) else unescaped(text)).removesuffix("/")


def _found(call: Call, known: frozenset[str], title: str) -> Document:
    """The document that a call is about.  Raises an error with a title of its own for each thing that can be wrong."""
    url, address = _read_address(call, known)
    with trying(title):
        try:
            return call.locker.documents.find(call.owner, url, address)
        except NotFound as error:
            raise NotFound(f"document '{url[:500]}' not found") if call.request.method in ("GET", "HEAD") else error from None


def _read_address(call: Call, known: frozenset[str]) -> tuple[str, Address]:
    with trying("invalid id"):
        for name, value in last_of_each(parse_query_string(call.raw)).items():
            if name not in known and not (name == PARAMETER and call.request.method == "GET"):
                raise Invalid(f"should not have query string '{name[:100]}={value[:100]}'")
        url = address_of(call.request.raw_path)
        if len(url) > LONGEST:
            raise Invalid(f"an address has at most {LONGEST} characters, this one has {len(url)}")
        try:
            return url, read_document(url)
        except Invalid as error:
            merged = re.match(r"https?:/[^/]", url, re.IGNORECASE)
            hint = "; something on the way has merged the slashes: write it as http%3A%2F%2F…" if merged else ""
            raise Invalid(f"{error}{hint}") from error


async def _written(call: Call, draft: Draft) -> web.Response:
    (outcome,) = await call.service.appends.append(call.owner, DOCUMENTS, [draft])
    headers = {**HEADERS}
    if outcome.op is not None:
        headers |= {POSITION: str(outcome.position), RECORD: f"{DOCUMENTS}:{outcome.version}"}
    return web.Response(status=202, headers=headers)


def _shown(record: Record) -> bytes:
    """A document as its record has it, its content copied as it lies in the log."""
    said: Body = {"id": record.key, "updatedAt": record.timestamp}
    if record.op == "delete":
        said["deletedAt"] = record.timestamp
    return orjson.dumps(said)[:-1] + b',"content":' + (record.text or "null").encode() + b"}"


async def _revisions(call: Call, document: Document, said: dict[str, str]) -> web.Response:
    limit, offset = pages(said)
    with trying("error during document search"):
        versions, total = await call.service.in_thread(call.locker.documents.versions, document, limit=limit, offset=offset)
    shown = [
        {
            "revision": None if each.revision is None else str(each.revision),
            "updatedAt": each.timestamp,
            "op": each.op,
            "record": each.record,
        }
        | ({"late": True} if each.is_late else {})
        for each in versions
    ]
    return answer({"pagination": {"limit": limit, "offset": offset, "total": total}, "revisions": shown})


def pages(said: dict[str, str]) -> tuple[int, int]:
    """``limit`` and ``offset`` of a call.  Raises an error with its title."""
    with trying("error during pagination parse"):
        limit, offset = paging(said)
    with trying("invalid pagination"):
        return checked_page(limit, offset)
