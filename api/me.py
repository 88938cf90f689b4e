"""
The Demokratiappen dialect's person: what somebody saved, how they rated its tags, and how they are called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import orjson
from aiohttp import web

from locker.error import Forbidden, NotFound
from locker.locker import Article
from locker.query import Search
from locker.record import Body

from ._articles import COMMONS, LIMITS, Part, Shown, article_of, counts_of, params_of, person, read_any, tag_of, text_of, userid_of
from ._envelope import either, enveloped, enveloping, route
from ._errors import HttpError
from ._pages import JSON
from ._routes import Route
from ._service import Call, Service
from ._stream_list import fresh

TEXT = {"type": "string"}
CHANGEABLE = ("email", "username")
ALLOW = "GET, HEAD, OPTIONS, POST"
USER = {
    "type": "object",
    "required": ["userid", "username", "email", "created", "updated", "summary", "tags", "articles"],
    "properties": {
        **dict.fromkeys(("userid", "username", "email", "tags", "articles"), TEXT),
        "summary": {"type": "object", "properties": {"tags": {"type": "integer"}, "articles": {"type": "integer"}}},
    },
}
OBJECT = {"type": "object"}
SAVED = (("time", True),)


def routes(service: Service) -> Iterator[Route]:
    """The calls about the caller; ``GET /users/me`` answers both dialects at one address (``users.py``)."""
    del service
    path, answers = "/users/me", {JSON: enveloping(OBJECT)}
    yield route(
        "POST", path, change, "Change your e-mail address or user name", "write",
        body={JSON: {"type": "object", "properties": dict.fromkeys(CHANGEABLE, TEXT)}}, answers={JSON: enveloping(USER)}, errors=(400, 403, 405, 409, 413, 422), shape=either,
    )  # fmt: skip
    yield route(
        "GET", f"{path}/tags", tags, "The tags you rated, with your counts", "read", parameters=LIMITS, answers=answers, errors=(400,)
    )
    yield route("GET", f"{path}/tags/{{id}}", one_tag, "A tag you rated", "read", answers=answers, errors=(404,))
    yield route("GET", f"{path}/articles", articles, "The articles you saved", "read", parameters=LIMITS, answers=answers, errors=(400,))
    yield route("GET", f"{path}/articles/{{id}}", one_article, "An article you saved", "read", answers=answers, errors=(404,))


async def change(call: Call) -> web.StreamResponse:
    """``POST /users/me``: 405 for anything else than e-mail address and user name."""
    said = await read_any(call)
    if wrong := [name for name in said if name not in CHANGEABLE]:
        detail = f"{', '.join(wrong)[:200]} cannot be changed; {' and '.join(CHANGEABLE)} can"
        raise HttpError(405, detail, {"Allow": ALLOW})
    email, username = text_of(said, "email"), text_of(said, "username")
    accounts, caller = call.locker.accounts, call.caller
    if email is None and username is None:
        return enveloped(await call.service.in_thread(person, call))
    if caller.account.is_client or not caller.account.number:
        raise Forbidden("only people who signed up have an e-mail address and a user name to change")
    if email is not None:  # which stays reserved, as that of somebody who signs up
        call.service.limits.signup(call.service.place(call.request))
    await asyncio.to_thread(lambda: accounts.rename(caller.owner, email=email, username=username, by=caller.by))
    call.caller = call.locker.accounts.identify(caller.token)
    return enveloped(await call.service.in_thread(person, call))


async def tags(call: Call) -> web.StreamResponse:
    """``GET /users/me/tags``: in the order of their ids."""
    params = params_of(call)
    part = Part.of(params)
    await fresh(call)
    counts = await call.service.in_thread(counts_of, call)
    numbers = sorted(int(id) for id in {*counts["negative"], *counts["positive"]} if id.isdecimal())
    found = Shown.to(call).tags(numbers[part.offset : part.offset + part.limit + 1], counts)
    return enveloped({"userid": userid_of(call), **part.around(call, "tags", found, params)})


async def one_tag(call: Call) -> web.StreamResponse:
    """``GET /users/me/tags/{id}``: 404 for one that the caller did not rate."""
    await fresh(call)
    tag = tag_of(call, call.request.match_info["id"])
    counts = await call.service.in_thread(counts_of, call)
    if not any(str(tag.n) in counted for counted in counts.values()):
        raise NotFound(f"you have not rated the tag {tag.n}")
    (said,) = Shown.to(call).tags([tag.n], counts)
    return enveloped({"userid": userid_of(call), "tag": said})


async def articles(call: Call) -> web.StreamResponse:
    """``GET /users/me/articles``: what was saved last comes first."""
    params = params_of(call)
    part = Part.of(params)
    await fresh(call)
    answer = await call.service.search(Search("saved", call.owner, sort=SAVED, limit=part.limit + 1, offset=part.offset))
    found = await call.service.in_thread(_shown, call, answer.objects[: part.limit])
    return enveloped({"userid": userid_of(call), **part.around(call, "articles", [*found, *answer.objects[part.limit :]], params)})


def _shown(call: Call, texts: list[str]) -> list[Body]:
    counts, shown = counts_of(call), Shown.to(call)
    return [_one(call, shown, orjson.loads(text)["body"], counts) for text in texts]


def _one(call: Call, shown: Shown, saved: Body, counts: dict[str, dict[str, int]]) -> Body:
    owner, n = saved.get("owner", COMMONS), int(saved["article"])
    try:
        article = call.locker.reading.article(owner, n)
    except NotFound:  # its body was erased; that it was saved stays
        article = Article(owner, n, {"url": saved.get("url"), "title": saved.get("title")})
    theme = {"theme": saved["theme"]} if saved.get("theme") else {}
    return shown.article(article, counts, title=saved.get("title"), **theme)


async def one_article(call: Call) -> web.StreamResponse:
    """``GET /users/me/articles/{id}``: 404 for one that the caller did not save."""
    await fresh(call)

    def find() -> Body:
        article = article_of(call, call.request.match_info["id"])
        _, saved = call.locker.reading.saved(call.owner, article)
        return _one(call, Shown.to(call), {**saved, "article": str(article.n)}, counts_of(call))

    return enveloped({"userid": userid_of(call), "article": await call.service.in_thread(find)})
