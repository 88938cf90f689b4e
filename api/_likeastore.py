"""
What the calls of the Likeastore dialect share: who a user is, what is missing, how an item looks, and where a text answers a search.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import orjson
from aiohttp import web

from locker.error import Forbidden, Invalid, NotFound
from locker.record import Body, parse
from locker.term import words

from ._body import FORM, content_type, looks_like_json
from ._errors import HttpError
from ._query_string import last_of_each, parse_query_string
from ._service import Call

PAGE_SIZE, MOST = 32, 256
TEXT = {"type": "string"}
ITEM_FIELDS = (
    *("itemId", "user", "network", "type", "kind", "created", "collected", "title", "description", "source"),
    *("authorName", "authorUrl", "avatarUrl", "thumbnail"),
)
ITEM = {"type": "object", "properties": {name: {"type": ["string", "null"]} for name in ITEM_FIELDS}}
PAGE = {"type": "object", "required": ["data", "nextPage"], "properties": {"data": {"type": "array", "items": ITEM}, "nextPage": {"type": "boolean"}}}  # fmt: skip
_WORD = re.compile(r"\w+")


async def said(call: Call) -> Body:
    """The parameters of a body, as JSON or as a form, whatever its type says.  Raises Invalid."""
    raw = await call.request.read()
    if content_type(call.request) == FORM and not looks_like_json(raw):
        return dict(last_of_each(parse_query_string(raw.decode("utf-8", "replace"))))
    found = parse(raw) if raw.strip() else {}
    if not isinstance(found, dict):
        raise Invalid("the body must be a JSON object")
    return found


def need(body: Mapping[str, Any], *names: str) -> list[str]:
    """Texts that a body must have.  Raises HttpError 412, naming those that are missing."""
    if missing := [name for name in names if body.get(name) in (None, "")]:
        raise HttpError(412, f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    return [text(body, name) for name in names]


def text(body: Mapping[str, Any], name: str) -> str:
    """A text of a body, empty if it is not there; numbers are texts too.  Raises HttpError 412 for anything else."""
    value = body.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise HttpError(412, f"{name} must be a text")
    return str(value)


def prefix_of(call: Call) -> str:
    """What the owners of the caller's users begin with."""
    account = call.caller.account
    return account.owner if account.is_client else f"{account.owner}~"


def is_everyone(call: Call) -> bool:
    """Whether the caller's token is good for all of its users, not for one alone."""
    return call.caller.owner == call.caller.account.owner


def may_name(call: Call, owner: str) -> bool:
    """Whether an owner is the caller's own, or one of its users."""
    return owner == call.caller.owner or (is_everyone(call) and owner.startswith(prefix_of(call)))


def known_user(call: Call, user: str) -> str:
    """The owner that a user is.  Raises NotFound for one that the caller never named."""
    account = call.caller.account
    if not account.is_client and user in ("me", account.owner):
        return call.caller.owner
    try:
        owner = call.locker.accounts.named(account, user)
    except Invalid as error:
        raise NotFound(f"there is no user {user[:60]!r}") from error
    if call.locker.accounts.alias(owner) is None or not may_name(call, owner):
        raise NotFound(f"there is no user {user[:60]!r}; a connection makes one")
    return owner


async def new_user(call: Call, user: str) -> str:
    """The owner that a user is from now on."""
    account = call.caller.account
    if not account.is_client and user in ("me", account.owner):
        return call.caller.owner
    if not may_name(call, call.locker.accounts.named(account, user)):
        raise Forbidden("this token is good for one user alone, who is another one")
    return await asyncio.to_thread(call.locker.accounts.owner_for, account, user)


def user_of(call: Call, owner: str) -> str:
    """What the caller calls an owner."""
    return call.locker.accounts.alias(owner) or owner


def paging(params: Mapping[str, str]) -> tuple[int, int]:
    """Page, from 1, and its size.  Raises HttpError 412 for what cannot be."""
    page, size = (_number(params, name, default) for name, default in (("page", 1), ("pageSize", PAGE_SIZE)))
    if size > MOST:
        raise HttpError(412, f"page size > {MOST} is not allowed")
    if page < 1 or size < 1:
        raise HttpError(412, "page and pageSize are whole numbers from 1")
    return min(page, 2**40), size


def _number(params: Mapping[str, str], name: str, default: int) -> int:
    value = params.get(name, "").strip()
    if not value:
        return default
    if not (value.isascii() and value.isdecimal() and len(value) <= 15):
        raise HttpError(412, f"{name} is a whole number from 1")
    return int(value)


def items(call: Call, owner: str, texts: Iterable[str]) -> list[Body]:
    """Favorites as items; the key and the moment of collecting are the record's that each was first made of."""
    user = user_of(call, owner)
    return [item(call, owner, user, orjson.loads(each)) for each in texts]


def item(call: Call, owner: str, user: str, favorite: Body) -> Body:
    """One favorite as an item."""
    body, via = favorite["body"], favorite["via"]
    record = call.locker.record(owner, via[0])
    network = record.source.partition(".")[0]
    return {
        "itemId": record.key if record.source != "favorite" else favorite["id"],
        "user": user,
        "network": network,
        "type": network,
        "kind": body.get("kind") or "favorite",
        "created": favorite["time"],
        "collected": record.timestamp,
        "title": body.get("title"),
        "description": body.get("description"),
        "source": body.get("url"),
        "authorName": body.get("author"),
        "authorUrl": body.get("author_url"),
        "avatarUrl": body.get("avatar"),
        "thumbnail": body.get("thumbnail"),
    }


def highlighted(value: Any, wanted: frozenset[str]) -> str | None:
    """A text as HTML, the words that a search asked for in ``<em>``; all else in it is escaped."""
    if not isinstance(value, str):
        return None
    made, end = [], 0
    for found in _WORD.finditer(value):
        if wanted.intersection(words(found[0])):
            made += [escape(value[end : found.start()]), "<em>", escape(found[0]), "</em>"]
            end = found.end()
    return "".join([*made, escape(value[end:])])


def message(status: int, detail: str, code: str, headers: Mapping[str, str] | None = None, **members: Any) -> web.Response:
    """``{"message", "error"}``: the errors of this dialect; *members* that name things are kept."""
    shown = {"message": detail, "error": code, **{name: value for name, value in members.items() if name in ("networks", "maintenance")}}
    all_headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return web.Response(status=status, body=orjson.dumps(shown, default=str), headers=all_headers)
