"""
A Locker's queries, records and pushes, for programs.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from ..error import Fatal, Retriable
from ..record import Body, canonical, check_source
from .answer import Entry, Object, PushReport
from .credentials import Credentials
from .retry import Retry
from .transport import Reply, Transport

__all__ = ["Entry", "LockerClient", "Object", "PushReport"]

POSITION = "Locker-Position"
BATCH = 1000
"""Items of a push that are sent at once, unless they are long: then about as many as fit into ``BATCH_BYTES``."""

BATCH_BYTES = 4 * 1024 * 1024

_LONG = 4000
"""Characters of a query beyond which it is sent as a body: servers and proxies limit the line they read."""


class LockerClient:
    """One Locker.  ``async with LockerClient(url, token) as locker``; *owner* reads another one's locker, which was granted to us.

    Whoever writes through this client reads what they wrote: it remembers the position of its last write and sends it along, and the
    server answers once it is there.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        email: str | None = None,
        password: str | None = None,
        owner: str | None = None,
        retry: Retry | None = None,
        timeout: float = 30.0,
        transport: Transport | None = None,
    ) -> None:
        self._transport = transport or Transport(url, Credentials(token, email, password), retry=retry, timeout=timeout)
        self._retry = retry or Retry()
        self._owner = {} if owner is None else {"owner": owner}
        self.position: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def get(self, type: str, terms: str | None = None, **wanted: Any) -> list[Object]:
        """One page of objects that hold for *terms*, like ``client.get("contact", "[address.state:'CA']", limit=30)``.

        *wanted*: ``id``, ``time``, ``subtypes``, ``q``, ``limit``, ``offset``, ``sort``, ``fields``.  Lists are joined by commas; None is left out.  Raises
        QueryError with the place of the mistake, NotFound for a type that the server does not know.
        """
        answer = await self._ask(type, terms, wanted)
        return [Object.read(each) for each in answer] if isinstance(answer, list) else [Object.read(answer)]

    async def count(self, type: str, terms: str = "[]", **wanted: Any) -> int:
        """How many objects hold for *terms*."""
        inner = terms.strip().removeprefix("[").removesuffix("]").strip()
        answer = await self._ask(type, f"[COUNT({inner})]", wanted)
        if not isinstance(answer, dict) or "count" not in answer:
            raise Fatal("the server's answer is not a count; is the URL that of a Locker?")
        return int(answer["count"])

    async def facets(self, type: str, terms: str | None, paths: Sequence[str], **wanted: Any) -> Body:
        """How often each value of some fields occurs: ``{"address.state": …}`` as the server counts them."""
        answer = await self._ask(type, terms, {**wanted, "facets": paths})
        found: Body = answer["facets"] if isinstance(answer, dict) else {}
        return found

    async def each(self, type: str, terms: str = "[]", *, limit: int | None = None, **wanted: Any) -> AsyncGenerator[Object, None]:
        """All objects that hold for *terms* (or the first *limit*), however many, as they come.  Raises Retriable if the answer breaks off."""
        params = self._with_owner({"terms": terms, "limit": limit, **wanted})
        given = 0
        async with aclosing(self._transport.items(_call("get", type), params, self._head())) as answers:
            async for answer in answers:
                if limit is not None and given >= limit:
                    return
                given += 1
                yield Object.read(answer)

    async def add(self, type: str, body: Body) -> Object:
        """Add an object; answers it as it is now.  Raises BrokenSchema with the place of the mistake."""
        return await self._write("add", type, None, body)

    async def edit(self, type: str, id: str, patch: Body) -> Object:
        """Change an object by a JSON Merge Patch: None removes a field."""
        return await self._write("edit", type, id, patch)

    async def delete(self, type: str, id: str) -> Object:
        """Hide an object; its records stay in the log."""
        return await self._write("delete", type, id, None)

    async def types(self, type: str | None = None, subtype: str | None = None) -> list[Body]:
        """``/list``: the types there are with their counts, or the subtypes of one, or the types of a subtype."""
        return await self._list("/list", {"type": type, "subtype": subtype})

    async def fields(self, type: str) -> list[Body]:
        """``/fields``: what objects of a type (``contact``, ``contact/twitter``) have, of which kind, how often."""
        return await self._list("/fields", {"type": type})

    async def via(self, id: str, *, down: bool = False) -> list[Body]:
        """The objects composed of a record or an object; with *down* the records that made it."""
        return await self._list("/via", {"id": id, "direction": "down" if down else None})

    async def connectors(self) -> list[Body]:
        """The connectors this locker knows, with types, state and counts."""
        return await self._list("/connectors", {})

    async def connector_types(self, source: str) -> list[str]:
        """The types that have records of this source: ``["favorite/github", …]``."""
        return [str(each) for each in await self._list(_source(source, "getTypes"), {})]

    async def record(self, source: str, id: str) -> tuple[Entry, list[Entry]]:
        """A record, and those that refer to it.  Raises NotFound."""
        answer = (await self._get(_source(source, "getID"), {"id": id})).body
        if not isinstance(answer, dict) or "record" not in answer:
            raise Fatal("the server's answer is not a record; is the URL that of a Locker?")
        return Entry.read(answer["record"]), [Entry.read(each) for each in answer.get("references", [])]

    def records(self, source: str, *, type: str | None = None) -> AsyncGenerator[Entry, None]:
        """Every record of a source in log order, as it comes; a broken connection is resumed after the last one."""
        return self._resumed(source, "getAll", {"type": type})

    def since(self, source: str, id: str | None = None, time: str | None = None, *, type: str | None = None) -> AsyncGenerator[Entry, None]:
        """The records after that id, or at or after that time; resumed like ``records``."""
        return self._resumed(source, "getSince", {"id": id, "time": time, "type": type})

    async def current(self, source: str, *, type: str | None = None) -> AsyncGenerator[Entry, None]:
        """One record for each living thing: its newest body, the id of its first record, ``version``.  Raises Retriable if it is broken off."""
        params = self._with_owner({"type": type})
        async with aclosing(self._transport.items(_source(source, "getCurrent"), params, self._head())) as answers:
            async for answer in answers:
                yield Entry.read(answer)

    async def push(self, source: str, items: Iterable[Body] | AsyncIterable[Body], *, batch: int = BATCH) -> PushReport:
        """Send items ``{"type", "key", "body"}`` (a None body means gone) in batches; each batch is repeated if need be, which adds nothing twice."""
        report, sent = PushReport(), 0
        async for rows in _batches(items, batch):
            reply = await self._transport.request(
                "POST", _source(source, "push"), params=self._owner, body={"items": rows}, headers=self._head()
            )
            self._remember(reply)
            report, sent = report.plus(reply.body, sent), sent + len(rows)
        return report

    async def _ask(self, type: str, terms: str | None, wanted: Mapping[str, Any]) -> Any:
        params = self._with_owner({"terms": terms, **wanted})
        path = _call("get", type)
        if sum(len(name) + len(quote(value, safe="")) + 2 for name, value in params.items()) < _LONG:
            return (await self._get(path, params, ready=True)).body
        return (await self._transport.request("POST", path, body=dict(params), headers=self._head())).body

    async def _write(self, verb: str, type: str, id: str | None, body: Body | None) -> Object:
        # An edit or a delete twice is one; adding again might make a second object.
        params = self._with_owner({"id": id})
        reply = await self._transport.request(
            "POST", _call(verb, type), params=params, body=body, headers=self._head(), repeat=verb != "add"
        )
        self._remember(reply)
        return Object.read(reply.body)

    async def _get(self, path: str, params: Mapping[str, Any], *, ready: bool = False) -> Reply:
        return await self._transport.request("GET", path, params=params if ready else self._with_owner(params), headers=self._head())

    async def _list(self, path: str, params: Mapping[str, Any]) -> list[Any]:
        answer = (await self._get(path, params)).body
        if not isinstance(answer, list):
            raise Fatal(f"the server's answer to {path} is not a list; is the URL that of a Locker?")
        return answer

    async def _resumed(self, source: str, call: str, wanted: Mapping[str, Any]) -> AsyncGenerator[Entry, None]:
        """Goes on after the last record that came, as long as something comes between two failures, and a few times if nothing does."""
        failures = 0
        params = self._with_owner(wanted)
        while True:
            try:
                async with aclosing(self._transport.items(_source(source, call), params, self._head())) as answers:
                    async for answer in answers:
                        entry = Entry.read(answer)
                        failures = 0
                        call, params = "getSince", {name: value for name, value in params.items() if name != "time"} | {"id": entry.id}
                        yield entry
            except Retriable:
                failures += 1
                if failures > self._retry.times:
                    raise
            else:
                return

    def _with_owner(self, params: Mapping[str, Any]) -> dict[str, str]:
        return {**_params(params), **self._owner}

    def _head(self) -> dict[str, str]:
        return {} if self.position is None else {POSITION: str(self.position)}

    def _remember(self, reply: Reply) -> None:
        value = reply.headers.get(POSITION.lower(), "")
        if value.isascii() and value.isdigit():
            self.position = max(self.position or 0, int(value))


def _call(verb: str, type: str) -> str:
    """``/getContact``."""
    return f"/{verb}{quote(type[:1].upper() + type[1:], safe='')}"


def _source(source: str, call: str) -> str:
    return f"/connectors/{check_source(source)}/{call}"


def _params(wanted: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in wanted.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)


async def _batches(items: Iterable[Body] | AsyncIterable[Body], size: int) -> AsyncGenerator[list[Body], None]:
    rows: list[Body] = []
    length = 0
    async for item in _asynchronous(items):
        rows.append(item)
        length += len(canonical(item))
        if len(rows) == size or length >= BATCH_BYTES:
            yield rows
            rows, length = [], 0
    if rows:
        yield rows


async def _asynchronous(items: Iterable[Body] | AsyncIterable[Body]) -> AsyncGenerator[Body, None]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
