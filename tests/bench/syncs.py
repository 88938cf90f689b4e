"""
Syncing from a service: to the durable log, against the same pages merely fetched; and how many requests it takes.
"""

from __future__ import annotations

from pathlib import Path

from . import servers
from .measure import Run, in_turns
from .report import Row, compared

SIZE = 100
DISTANCE = 20
"""Milliseconds that a page takes from a service that is near."""


def bench(room: Path, count: int, rounds: int) -> list[Row]:
    """All figures of syncing a list of *count* items in pages of a hundred."""
    found = {milliseconds: against(room, count, rounds, milliseconds) for milliseconds in (0, DISTANCE)}
    ours = found[0]["sync"]
    # A list that ends with a full page tells so with one that is empty.
    fewest = -(-count // SIZE) + (count % SIZE == 0)
    return [
        compared(
            f"sync, each page after {DISTANCE} ms", found[DISTANCE]["sync"], "aiohttp fetches the pages", found[DISTANCE]["fetch"], aim=0.5
        ),
        compared("sync, pages at once", ours, "aiohttp fetches the pages", found[0]["fetch"], aim=0.5),
        compared("sync, pages at once", ours, "aiohttp fetches and reads them", found[0]["fetch and read"]),
        Row("  memory", ours.peak, "MiB"),
        Row("walk it again whole, nothing is new", ours.more["whole"]),
        Row("  requests of the first sync", ours.more["requests"], "", "the fewest possible", fewest, most=fewest),
        Row("  requests when nothing is new", ours.more["again"], "", "the fewest possible", 1, most=1),
        Row("  time when nothing is new", ours.more["seconds again"] * 1000, "ms"),
    ]


def against(room: Path, count: int, rounds: int, milliseconds: int) -> dict[str, Run]:
    """A sync and its peers, in turns, from a server that takes so long for each page."""
    made = servers.start("pages", ["tests.bench.page_server", f"{count},{SIZE},{milliseconds}"], "", "ready")
    with servers.running(made) as (server,):
        arguments = {"base": f"http://127.0.0.1:{server.port}", "size": SIZE, "count": count, "room": room}
        return in_turns(rounds, {"sync": arguments, "fetch": {**arguments, "read": False}, "fetch_read": {**arguments, "read": True}})
