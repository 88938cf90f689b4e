"""
The Demokratiappen dialect's tags: what articles speak of, with everybody's counts; admins give them types and aliases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from aiohttp import web

from locker.error import Invalid
from locker.locker import Tag
from locker.query import Search
from locker.record import Body
from locker.term import Compare, Query

from ._articles import COMMONS, LIMITS, Part, Shown, article_id, params_of, read, read_any, tag_of, text_of
from ._envelope import enveloped, enveloping, route
from ._pages import JSON
from ._routes import Parameter, Route
from ._service import POSITION, Call, Service
from ._stream_list import fresh

TEXT = {"type": "string"}
COUNTS = {"type": "object", "properties": {name: {"type": "integer"} for name in ("negative", "positive", "seen")}}
TAG = {
    "type": "object",
    "required": ["tagid", "name", "type", "totalCounts", "ref"],
    "properties": {**dict.fromkeys(("tagid", "name", "type", "ref"), TEXT), "totalCounts": COUNTS},
}
TAGS = {"type": "object", "required": ["tags"], "properties": {"tags": {"type": "array", "items": TAG}}}
NAMES = {"type": "array", "items": TEXT}
SAID = {"type": "object", "properties": {"name": TEXT, "type": TEXT, "aliases": NAMES}}


def routes(service: Service) -> Iterator[Route]:
    """The calls about tags; reading them needs a token only if the setting ``public_commons`` is off."""
    public = None if service.settings.public_commons else "read"
    narrowed = (*LIMITS, Parameter("name", "only tags of this name or alias"), Parameter("type", "only tags of this type"))
    yield route(
        "GET",
        "/tags",
        listing,
        "All tags with everybody's counts",
        public,
        parameters=narrowed,
        answers={JSON: enveloping(TAGS)},
        errors=(400,),
    )
    one, errors = {JSON: enveloping(TAG)}, (400, 404, 409, 413)
    yield route(
        "GET", "/tags/{id}", one_tag, "A tag and the articles that carry it", public, parameters=LIMITS, answers=one, errors=(400, 404)
    )
    admin = {"role": "admin", "body": {JSON: SAID}, "answers": one}
    yield route("POST", "/tags", add, "Make a tag, or give it more aliases", "admin", statuses=(200, 201), errors=(400, 413), **admin)
    yield route("PATCH", "/tags/{id}", change, "Change a tag's name, type or aliases", "admin", errors=errors, **admin)


async def listing(call: Call) -> web.StreamResponse:
    """``GET /tags``: the oldest first."""
    params = params_of(call)
    part = Part.of(params)
    await fresh(call)
    name, kind = params.get("name", "").strip(), params.get("type", "").strip().casefold()
    tags = call.locker.tags.called(name) if name else call.locker.tags.all()
    found = [tag for tag in tags if not kind or tag.type == kind][part.offset : part.offset + part.limit + 1]
    shown = await call.service.in_thread(Shown.to(call).totals, found)
    return enveloped(part.around(call, "tags", shown, params))


async def one_tag(call: Call) -> web.StreamResponse:
    """``GET /tags/{id}``: with the articles that carry it, the newest first; in parts if they are many, or if a part is asked for."""
    params = params_of(call)
    part = Part.of(params)
    await fresh(call)
    tag = tag_of(call, call.request.match_info["id"])
    (said,) = await call.service.in_thread(Shown.to(call).totals, [tag])
    found = part.around(call, "inArticles", await _carrying(call, tag, part), params)
    is_part = "next" in found or params.get("limit") or params.get("offset")
    return enveloped({**said, **(found if is_part else {"inArticles": found["inArticles"]})})


async def _carrying(call: Call, tag: Tag, part: Part) -> list[Body]:
    query = Query(Compare(("mentions",), "=", str(tag.n)), False)
    search = Search("article", COMMONS, query, limit=part.limit + 1, offset=part.offset, fields=("url",))
    answer = await call.service.search(search)
    base = Shown.to(call).base
    ids = [article_id(COMMONS, read(text).n) for text in answer.objects]
    return [{"articleid": id, "ref": f"{base}/articles/{id}"} for id in ids]


async def add(call: Call) -> web.StreamResponse:
    """``POST /tags``: 201 for a new one; one of this name and type is there already: 200, and it has these aliases too."""
    said = await read_any(call)
    aliases = said.get("aliases") or []
    if not isinstance(aliases, list):
        raise Invalid("aliases are a list of names")
    adding = call.locker.tags.adding(text_of(said, "name") or "", text_of(said, "type") or "topic", aliases, call.caller.by)
    decided = await asyncio.wrap_future(adding)
    return await _wrote(call, decided.n, decided.position, 201 if decided.is_new else 200)


async def change(call: Call) -> web.StreamResponse:
    """``PATCH /tags/{id}``: only what is said changes; articles keep the tag."""
    said = await read_any(call)
    tag = tag_of(call, call.request.match_info["id"])
    decided = await asyncio.wrap_future(call.locker.tags.changing(tag.n, said, call.caller.by))
    return await _wrote(call, tag.n, decided.position, 200)


async def _wrote(call: Call, n: int, position: int, status: int) -> web.StreamResponse:
    tag = call.locker.tags.get(n)
    (said,) = await call.service.in_thread(Shown.to(call).totals, [tag])
    return enveloped({**said, "aliases": list(tag.aliases)}, status, {POSITION: str(position)})
