"""
What streams, streamers and timestamps have in common: each is an object of the commons, addressed by its number.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from locker.error import NotFound
from locker.locker import Decided
from locker.record import Body, Record

from ._body import read_json
from ._pages import HEADERS, answer
from ._query_string import last_of_each, parse_query_string
from ._service import POSITION, Call
from ._stream_list import COMMONS, Wanted, boolean, found, fresh, meta
from ._stream_users import user
from ._stream_writes import MISSING, Decision, archiving, check_account, check_visible, unwrapped

Show = Callable[[Call, int, Body], Body]


@dataclass(frozen=True, slots=True)
class Thing:
    """One kind of thing: its *type* (``stream``), and how an object is *show*n to a caller."""

    type: str
    plural: str
    show: Show

    # -- reading --------------------------------------------------------------------------------------

    async def listing(self, call: Call, wanted: Wanted) -> web.StreamResponse:
        """A page of a list, with ``meta``."""
        await fresh(call)
        objects, total = await found(call, wanted)
        return answer({self.plural: [self.show(call, n, body) for n, body in objects], "meta": meta(wanted, total)})

    async def read(self, call: Call) -> web.StreamResponse:
        """One thing."""
        n, body = self.standing(call)
        return self.one(call, n, body)

    async def history(self, call: Call) -> web.StreamResponse:
        """Every record of one thing, oldest first: what changed, who changed it, and how it stood then."""
        n, _ = self.standing(call)
        records = await self.records(call, n)
        return answer({f"{self.type}_id": n, "count": len(records), "history": [self._told(call, n, record) for record in records]})

    async def records(self, call: Call, n: int) -> list[Record]:
        """The records of one thing."""
        return await call.service.in_thread(call.locker.logbook.history, COMMONS, f"{self.type}:{n}")

    def _told(self, call: Call, n: int, record: Record) -> Body:
        body = record.body.get("body", {})
        patch = record.as_dict().get("patch")
        return {
            "record": record.id,
            "op": record.op,
            "at": f"{record.timestamp[:23]}Z",
            "by": record.by,
            "changes": body if patch is None else patch,
            self.type: self.show(call, n, body),
        }

    def standing(self, call: Call) -> tuple[int, Body]:
        """The thing that an address names, as its log says it at this moment.  Raises NotFound, also for what is archived, but for admins."""
        n = numbered(call)
        try:
            body: Body | None = call.locker.object(COMMONS, f"{self.type}:{n}")["body"]
        except NotFound:
            body = None
        if body is None:
            raise NotFound(MISSING)
        check_visible(body, call.caller)
        return n, body

    # -- writing --------------------------------------------------------------------------------------

    async def said(self, call: Call) -> Body:
        """What a request says of a thing, bare or wrapped."""
        return unwrapped(await read_json(call), self.type)

    async def decide(self, call: Call, decision: Decision) -> Decided:
        """Let it be decided and written; durable when it returns.  Raises Forbidden for whoever has no account."""
        check_account(call.caller)
        decided = await asyncio.wrap_future(call.locker.composer.deciding(COMMONS, self.type, decision, call.caller.by))
        call.service.written = max(call.service.written, decided.position)
        return decided

    async def archive(self, call: Call) -> web.StreamResponse:
        """Take it out of the lists."""
        decided = await self.decide(call, archiving(numbered(call), call.caller))
        return web.Response(status=204, headers={**HEADERS, POSITION: str(decided.position)})

    def wrote(self, call: Call, decided: Decided, status: int = 200) -> web.Response:
        """The thing as it stands after a write."""
        headers = {POSITION: str(decided.position)}
        if status == 201:
            headers["Location"] = f"/api/v1/{self.plural}/{decided.n}"
        return self.one(call, decided.n, decided.body, status, headers)

    def one(self, call: Call, n: int, body: Body, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
        """One thing, bare, or wrapped for ``?envelope=1``."""
        shown: Any = self.show(call, n, body)
        return answer({self.type: shown} if is_wrapped(call) else shown, status, headers)


def params_of(call: Call) -> dict[str, str]:
    """The parameters of the address; ones that a call does not have are left alone, as they always were here."""
    return last_of_each(parse_query_string(call.raw))


def is_wrapped(call: Call) -> bool:
    """Whether single objects are wanted as ``{"stream": {…}}``."""
    if "envelope" not in call.raw:
        return False
    return boolean("envelope", params_of(call).get("envelope") or "0")


def numbered(call: Call) -> int:
    """The number in the address.  Raises NotFound for what is none."""
    text = call.request.match_info.get("id", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise NotFound(MISSING)
    return int(text)


def user_of(call: Call, number: object) -> Body:
    """The user of a thing; one whose account is gone keeps the number."""
    return user(call, number) or {"id": number, "email": None, "role": None}
