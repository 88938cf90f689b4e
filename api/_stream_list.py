"""
How lists of streams, streamers and timestamps are asked for and found: filters become terms, and the read model answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import orjson

from locker.account import Identity
from locker.error import BrokenSchema, Unavailable
from locker.query import Search
from locker.record import Body
from locker.term import All, Compare, Query, Term

from ._routes import Parameter
from ._service import POSITION, REMEMBERED, Call

COMMONS = "commons"
PER_PAGE, MOST_PER_PAGE = 25, 100
LAST_PAGE = 10**12
"""Further than any list goes."""
PATIENCE_SECONDS = 1.0
"""So long a list waits to show what was written here a moment ago, for callers that do not say which position they need."""

TRUE, FALSE = ("true", "1", "yes", "t", "on"), ("false", "0", "no", "f", "off")
PAGING = (
    Parameter("page", "which page, from 1", {"type": "integer", "minimum": 1, "default": 1}),
    Parameter("per_page", "how many on a page, 1 to 100", {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": PER_PAGE}),
)
Sort = tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list asks for: things that satisfy all *terms*; *sort* None: what is pinned first, then the newest."""

    type: str
    terms: tuple[Term, ...]
    sort: Sort | None
    page: int = 1
    per_page: int = PER_PAGE

    def search(self, *terms: Term, sort: Sort | None = None) -> Search:
        """The search for all of it, and for these *terms* too."""
        return Search(self.type, COMMONS, Query(All((*self.terms, *terms)), False), sort=sort or self.sort or ())


PINNED = Compare(("is_pinned",), "=", True)
UNPINNED = Compare(("is_pinned",), "!=", True)
LISTED = Compare(("is_archived",), "!=", True)
NEWEST: Sort = (("time", True),)


def visible(who: Identity) -> tuple[Term, ...]:
    """Everybody sees what is not archived, admins everything."""
    return () if who.is_at_least("admin") else (LISTED,)


def paging(params: Mapping[str, str]) -> dict[str, int]:
    """Page and page size; outside of what there is, the nearest that there is.  Raises BrokenSchema for what is no number."""
    return {
        "page": min(max(number("page", params.get("page") or "1"), 1), LAST_PAGE),
        "per_page": min(max(number("per_page", params.get("per_page") or str(PER_PAGE)), 1), MOST_PER_PAGE),
    }


def number(name: str, text: str) -> int:
    """A whole number of a parameter.  Raises BrokenSchema."""
    plain = text.strip()
    if not (plain.isascii() and plain.removeprefix("-").isdigit()):
        raise BrokenSchema(f"{name} must be a whole number")
    return int(plain[:18])


def boolean(name: str, text: str) -> bool:
    """A yes or no of a parameter.  Raises BrokenSchema."""
    if (folded := text.strip().lower()) not in TRUE + FALSE:
        raise BrokenSchema(f"{name} must be true or false")
    return folded in TRUE


def order(params: Mapping[str, str], fields: Mapping[str, str]) -> Sort | None:
    """The order that ``sort`` asks for: a name of *fields*, with a minus for the other way round.  Raises BrokenSchema."""
    if not (text := params.get("sort", "").strip()):
        return None
    if (field := fields.get(text.removeprefix("-"))) is None:
        raise BrokenSchema(f"sort must be one of {', '.join(f'{name}, -{name}' for name in fields)}")
    return ((field, text.startswith("-")),)


async def fresh(call: Call) -> None:
    """Wait until the caller sees what it wrote: up to the position it names, else up to what was last written through this server."""
    if POSITION in call.request.headers:
        await call.wait()
        return
    service = call.service
    if service.written > service.arrived:
        with suppress(TimeoutError, Unavailable):
            await asyncio.wait_for(service.arrive(service.written), PATIENCE_SECONDS)


async def found(call: Call, wanted: Wanted) -> tuple[list[tuple[int, Body]], int]:
    """One page as (number, body), and how many there are on all pages."""
    skip = (wanted.page - 1) * wanted.per_page
    if wanted.sort is not None:
        return await _part(call, wanted.search(), skip, wanted.per_page)
    # What is pinned is few: the rest can be read in the order of time, and stops when the page is full.
    objects, pinned = await _part(call, wanted.search(PINNED, sort=NEWEST), skip, wanted.per_page)
    rest, others = await _part(call, wanted.search(UNPINNED, sort=NEWEST), max(0, skip - pinned), wanted.per_page - len(objects))
    return objects + rest, pinned + others


async def _part(call: Call, search: Search, offset: int, limit: int) -> tuple[list[tuple[int, Body]], int]:
    """A part of what a search finds, and how much that is: counted once for as long as nothing is written."""
    service, position = call.service, call.locker.reader.position
    before, total = service.totals.get(search, (-1, 0))
    if before == position and offset >= total:  # to find nothing takes longest
        return [], total
    answer = await service.search(replace(search, offset=offset, limit=limit, count=before != position))
    if answer.total is not None:
        if len(service.totals) >= REMEMBERED:
            service.totals.clear()
        service.totals[search] = position, answer.total
    return [numbered(text) for text in answer.objects], total if answer.total is None else answer.total


def numbered(text: str) -> tuple[int, Body]:
    """The number and the body of an object as the read model says it."""
    shown = orjson.loads(text)
    return int(shown["id"].rpartition(":")[2]), shown["body"]


def meta(wanted: Wanted, total: int) -> Body:
    """What a list says about its pages."""
    pages = -(-total // wanted.per_page)
    return {"current_page": wanted.page, "total_pages": pages, "total_count": total, "per_page": wanted.per_page}


def equals(field: str, value: str | int | bool) -> Term:
    """The field has this value."""
    return Compare((field,), "=", value)


def differs(field: str, value: str) -> Term:
    """The field does not have this value, or is not there."""
    return Compare((field,), "!=", value)


def joined(terms: Sequence[Term | None]) -> tuple[Term, ...]:
    """The terms that there are."""
    return tuple(term for term in terms if term is not None)
