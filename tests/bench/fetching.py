"""
The contenders of the sync bench: a locker's sync of a long list, and a bare loop of the same requests by the same client library.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, ClassVar

import aiohttp

from locker.connector import Body, Fetching, Pace, PageNumber, Stream
from locker.locker import Locker

from .measure import Run


class Long(Fetching):
    """A connector of ``page_server.py``, whose service sets no limit."""

    name = "long"
    types = ("contact",)
    title = "A long list"
    pace = Pace(requests=10**9)
    streams: ClassVar[tuple[Stream, ...]] = ()

    def map(self, type: str, body: Body) -> Body | None:
        return body


def sync(folder: Path, base: str, size: int, count: int) -> dict[str, Run]:
    """Everything once; then what is asked and how long it takes when nothing is new, and when all of it is walked again."""
    first, again, whole = Run(), Run(), Run()
    connector = Long()
    paging = PageNumber(size=size)
    vars(connector)["streams"] = (Stream(name="items", type="contact", path="/items", paging=paging, order="newest"),)
    with Locker(folder / "locker") as locker:
        locker.connectors["long"] = connector
        locker.connections.add("me", "long", base_url=base, trusted=True)
        with first.watch(count):
            report = locker.sync("me", "long")
        assert (count, None) == (report.records, report.error), report
        with again.watch(1):
            quick = locker.sync("me", "long")
        with whole.watch(count):
            swept = locker.sync("me", "long", whole=True)
        assert (0, 0) == (quick.records, swept.records)
    first.more = {"requests": report.requests, "again": quick.requests, "seconds again": again.seconds, "whole": whole.rate}
    return {"sync": first}


def fetch(folder: Path, base: str, size: int, count: int, read: bool) -> dict[str, Run]:
    """The peer: the same pages, one after the other; *read*: as JSON."""
    run = Run()

    async def every() -> None:
        async with aiohttp.ClientSession() as session:
            for number in range(1, -(-count // size) + 1):
                async with session.get(f"{base}/items", params={"page": number, "per_page": size}) as answer:
                    body: Any = await answer.read()
                    assert not read or json.loads(body)

    with run.watch(count):
        asyncio.run(every())
    return {"fetch and read" if read else "fetch": run}
