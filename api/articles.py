"""
The Demokratiappen dialect's articles: saved once for everybody, read by anybody, rated once by whoever saved them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from aiohttp import web

from locker.error import Invalid
from locker.locker import Tag, WrongTags
from locker.query import Search
from locker.record import Body
from locker.term import Any_, Compare, Query

from ._articles import COMMONS, LIMITS, Part, Shown, article_of, params_of, read_any, text_of
from ._envelope import BASE, enveloped, enveloping, route, wrapped
from ._pages import HEADERS, JSON
from ._routes import Parameter, Route
from ._service import POSITION, Call, Service
from ._stream_list import fresh

MOST_RATINGS = 10_000
SHOWN_AT_ONCE = 50
"""So many articles are read and written within the event loop; more take a thread."""
TEXT = {"type": "string"}
TAG = {"type": "object", "required": ["tagid", "name", "type", "ref"], "properties": dict.fromkeys(("tagid", "name", "type", "ref"), TEXT)}
ARTICLE = {
    "type": "object",
    "required": ["articleid", "title", "url", "ref", "tagsInArticle"],
    "properties": {**dict.fromkeys(("articleid", "title", "url", "ref", "extract", "fulltext"), TEXT), "tagsInArticle": {"type": "array", "items": TAG}},
}  # fmt: skip
ARTICLES = {"type": "object", "required": ["articles"], "properties": {"articles": {"type": "array", "items": ARTICLE}}}
NEW = {"type": "object", "required": ["url"], "properties": dict.fromkeys(("url", "title", "theme"), TEXT)}
RATING = {"type": "object", "required": ["tagid", "rating"], "properties": {"tagid": TEXT, "rating": {"enum": ["positive", "negative"]}}}
RATINGS = {"type": "object", "required": ["ratings"], "properties": {"ratings": {"type": "array", "items": RATING}}}
FILTERS = (
    *LIMITS,
    Parameter("query", "ids or names of tags with commas between them; any of them finds an article"),
    Parameter("q", "words that the text has"),
)


def routes(service: Service) -> Iterator[Route]:
    """The calls about articles; reading them needs a token only if the setting ``public_commons`` is off."""
    public = None if service.settings.public_commons else "read"
    alias = {"aliases": (f"{BASE}/articles/",)}
    found, one = {JSON: enveloping(ARTICLES)}, {JSON: enveloping(ARTICLE)}
    added = {JSON: enveloping({"type": "object", "properties": {"article": ARTICLE}})}
    yield route("GET", "/articles", listing, "Articles", public, parameters=FILTERS, answers=found, errors=(400,), **alias)
    yield route(
        "POST", "/articles/add", add, "Save an article", "write",
        body={JSON: NEW}, answers=added, statuses=(200, 201), errors=(400, 413, 503),
    )  # fmt: skip
    yield route("GET", "/articles/{id}", one_article, "An article with its text", public, answers=one, errors=(404,))
    changes = {JSON: enveloping({"type": "object"})}
    yield route("GET", "/articles/{id}/history", history, "How an article's page changed", public, answers=changes, errors=(404,))
    yield route(
        "POST", "/articles/{id}/rate", rate, "Rate the tags of an article you saved: all of it or nothing, once", "write",
        body={JSON: RATINGS}, errors=(400, 403, 404, 413),
    )  # fmt: skip


async def listing(call: Call) -> web.StreamResponse:
    """``GET /articles``: the newest first; with ``query`` those with most of the tags first."""
    params = params_of(call)
    part = Part.of(params)
    await fresh(call)
    shown, reader = Shown.to(call), call.locker.reader
    wanted = wanted_tags(call, params["query"]) if params.get("query", "").strip() else None
    q = params.get("q", "").strip() or None
    if wanted is not None and q is None:
        ids = [str(tag.n) for tag in wanted]
        texts = await call.service.in_thread(reader.carrying, COMMONS, "article", "mentions", ids, limit=part.limit + 1, offset=part.offset)
    else:
        terms = None if wanted is None else Query(Any_(tuple(Compare(("mentions",), "=", str(tag.n)) for tag in wanted)), False)
        search = Search("article", COMMONS, terms, q=q, limit=part.limit + 1, offset=part.offset)
        texts = (await call.service.search(search)).objects

    def show() -> list[Body]:
        return [shown.listed(text, wanted) for text in texts[: part.limit]]

    found = show() if len(texts) <= SHOWN_AT_ONCE else await call.service.in_thread(show)
    return enveloped(part.around(call, "articles", [*found, *texts[part.limit :]], params))


def wanted_tags(call: Call, text: str) -> list[Tag]:
    """The tags of ``query=a,b``: by id, or by name and alias."""
    found: dict[int, Tag] = {}
    for name in (part.strip() for part in text.split(",")):
        tags = call.locker.tags.some([int(name)]) if name.isascii() and name.isdecimal() and len(name) <= 15 else []
        found |= {tag.n: tag for tag in tags or call.locker.tags.called(name)}
    return list(found.values())


async def one_article(call: Call) -> web.StreamResponse:
    """``GET /articles/{id}``: with its whole text."""
    identified(call)
    article = await call.service.in_thread(article_of, call, call.request.match_info["id"])
    return enveloped(Shown.to(call).article(article, None, fulltext=str(article.body.get("text") or "")))


async def history(call: Call) -> web.StreamResponse:
    """``GET /articles/{id}/history``: every record of the article, oldest first."""
    identified(call)
    article = await call.service.in_thread(article_of, call, call.request.match_info["id"])
    records = await call.service.in_thread(call.locker.logbook.history, article.owner, f"article:{article.n}")
    versions = [
        {
            "record": record.id,
            "op": record.op,
            "at": record.timestamp,
            **{name: record.body.get("body", {}).get(name) for name in ("title", "url", "author", "published")},
            "fulltext": record.body.get("body", {}).get("text"),
        }
        for record in records
    ]
    return enveloped({"articleid": call.request.match_info["id"], "history": versions})


def identified(call: Call) -> None:
    """In a call that needs no token, find out whose it is if one was sent: a person's own articles are shown to that person."""
    if not call.owner and ":" in call.request.match_info.get("id", ""):
        caller = call.service.caller(call.request, call.raw)
        caller.check("read", "article", caller.owner)
        call.caller, call.owner = caller, caller.owner


async def add(call: Call) -> web.StreamResponse:
    """``POST /articles/add``: 201 for an article that the caller had not saved, 200 for one that was saved already."""
    said = await read_any(call)
    url = text_of(said, "url", 8190)
    if url is None:
        raise Invalid("url is required: the address of the article, like https://example.org/article")
    title, theme = text_of(said, "title"), text_of(said, "theme", 500)
    saving = await call.locker.reading.save(await call.service.outside(), call.owner, url, call.caller.by, title=title, theme=theme)
    call.service.written = max(call.service.written, saving.position)
    await fresh(call)
    body = {"article": Shown.to(call).article(saving.article, title=title)}
    return enveloped(body, 201 if saving.is_new else 200, {POSITION: str(saving.position)})


async def rate(call: Call) -> web.StreamResponse:
    """``POST /articles/{id}/rate``: an empty body if all of it was applied."""
    said = await read_any(call)
    ratings = said.get("ratings")
    if not isinstance(ratings, list) or not 0 < len(ratings) <= MOST_RATINGS:
        raise Invalid(f'ratings is a list like [{{"tagid": "7", "rating": "positive"}}], with 1 to {MOST_RATINGS} of them')
    pairs = [(str(each.get("tagid")), str(each.get("rating"))) if isinstance(each, dict) else (str(each)[:100], "") for each in ratings]
    article = await call.service.in_thread(article_of, call, call.request.match_info["id"])
    try:
        decided = await asyncio.to_thread(call.locker.reading.rating, call.owner, article, pairs, call.caller.by)
    except WrongTags as error:
        return wrapped(400, str(error), error.code, failedTagids=list(error.ids))
    call.service.written = max(call.service.written, decided.position)
    return web.Response(status=200, headers={**HEADERS, POSITION: str(decided.position)})
