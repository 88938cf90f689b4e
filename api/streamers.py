"""
The people who stream, with their accounts at the platforms: the calls that the StreamSource guide says are missing, in its style.
"""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from locker.error import BrokenSchema
from locker.record import Body
from locker.term import Any_, Compare, Term

from ._routes import Parameter, Route
from ._service import Call, Service
from ._stream_list import Wanted, equals, joined, number, order, paging, visible
from ._stream_routes import BOOLEAN, MOMENT, TEXT, USER, WHOLE, thing_routes, words
from ._stream_rules import PLATFORMS, word
from ._stream_things import Thing, params_of, user_of
from ._stream_things import numbered as number_of
from ._stream_users import check_user
from ._streamer_rules import Names, adding, editing

SORTS = {"name": "name", "created": "time"}
ACCOUNT = {
    "type": "object",
    "required": ["platform", "username"],
    "properties": {"platform": words(PLATFORMS), "username": {"type": "string", "minLength": 1}, "profile_url": TEXT, "is_active": BOOLEAN},
}
SAID = {
    "name": {"type": "string", "minLength": 1, "maxLength": 255},
    "notes": TEXT,
    "posted_by": TEXT,
    "accounts": {"type": "array", "items": ACCOUNT},
}
NEW = {"type": "object", "properties": SAID}
SHOWN = {
    "type": "object",
    "required": ["id", "name", "accounts", "created_at", "updated_at", "user"],
    "properties": {"id": WHOLE, **SAID, "name": TEXT, "created_at": MOMENT, "updated_at": MOMENT, "user": USER},
}
FILTERS = (
    Parameter("search", "only people with all of these words in name or notes"),
    Parameter("platform", "only people with an account there", words(PLATFORMS)),
    Parameter("user_id", "only those that this user added", WHOLE),
    Parameter("sort", "by name (so unless told otherwise) or when they were made", {"enum": ["name", "-name", "created", "-created"]}),
)


def routes(service: Service) -> Iterator[Route]:
    """The calls about streamers."""
    del service
    people = Streamers()
    thing = people.thing
    own = {"list": people.listing, "create": people.create, "update": people.update}
    yield from thing_routes(thing, {**own, "read": thing.read, "archive": thing.archive, "history": thing.history}, SHOWN, NEW, FILTERS)


class Streamers:
    """Answers the calls about streamers of one server."""

    def __init__(self) -> None:
        self.thing = Thing("streamer", "streamers", show)
        self._names = Names()

    async def listing(self, call: Call) -> web.StreamResponse:
        """``GET /streamers``."""
        params = params_of(call)
        terms: list[Term | None] = [*visible(call.caller), searched(params.get("search", ""), "name", "notes")]
        if text := params.get("platform", "").strip():
            if (known := word("platform", text)) is None:
                raise BrokenSchema(f"platform {text[:40]!r} is not one of {', '.join(PLATFORMS)}")
            terms.append(Compare(("accounts", "platform"), "=", known))
        if text := params.get("user_id", "").strip():
            user = number("user_id", text)
            check_user(call, user)
            terms.append(equals("user_id", user))
        sort = order(params, SORTS) or (("name", False),)
        return await self.thing.listing(call, Wanted("streamer", joined(terms), sort, **paging(params)))

    async def create(self, call: Call) -> web.StreamResponse:
        """``POST /streamers``."""
        decision = adding(self._names, await self.thing.said(call), call.caller)
        return self.thing.wrote(call, await self.thing.decide(call, decision), 201)

    async def update(self, call: Call) -> web.StreamResponse:
        """``PUT`` and ``PATCH /streamers/{id}``."""
        decision = editing(self._names, number_of(call), await self.thing.said(call), call.caller)
        return self.thing.wrote(call, await self.thing.decide(call, decision))


def searched(text: str, *fields: str) -> Term | None:
    """A term for words that one of some text fields has; None for no words."""
    return Any_(tuple(Compare((field,), "=", text) for field in fields)) if text.strip() else None


def show(call: Call, n: int, body: Body) -> Body:
    """A streamer as everybody sees it."""
    archived = {"is_archived": True} if body.get("is_archived") else {}
    accounts = [{"profile_url": None, **account} for account in body.get("accounts") or []]
    fields = {field: body.get(field) for field in ("name", "notes", "posted_by")}
    times = {field: body.get(field) for field in ("created_at", "updated_at")}
    return {"id": n, **fields, "accounts": accounts, **times, **archived, "user": user_of(call, body.get("user_id"))}
