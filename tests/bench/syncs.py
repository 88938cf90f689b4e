"""
Syncing from a service: to the durable log, against the same pages merely fetched; and how many requests it takes.
"""

from __future__ import annotations

from pathlib import Path

from . import servers
from .measure import in_turns
from .report import Row, compared

SIZE = 100


def bench(room: Path, count: int, rounds: int) -> list[Row]:
    """All figures of syncing a list of *count* items in pages of a hundred."""
    with servers.running(servers.start("pages", ["tests.bench.page_server", f"{count},{SIZE}"], "", "ready")) as (server,):
        arguments = {"base": f"http://127.0.0.1:{server.port}", "size": SIZE, "count": count, "room": room}
        ours = in_turns(rounds, {"sync": arguments})["sync"]
        peers = in_turns(rounds, {"fetch": {**arguments, "read": False}}, "fetch") | in_turns(
            rounds, {"fetch": {**arguments, "read": True}}, "fetch"
        )
    # A list that ends with a full page tells so with one that is empty.
    fewest = -(-count // SIZE) + (count % SIZE == 0)
    return [
        compared("sync to the log", ours, "aiohttp fetches the pages", peers["fetch"], aim=0.5),
        compared("sync to the log", ours, "aiohttp fetches and reads the pages", peers["fetch and read"]),
        Row("  memory", ours.peak, "MiB"),
        Row("walk it again whole, nothing is new", ours.more["whole"]),
        Row("  requests of the first sync", ours.more["requests"], "", "the fewest possible", fewest, most=fewest),
        Row("  requests when nothing is new", ours.more["again"], "", "the fewest possible", 1, most=1),
        Row("  time when nothing is new", ours.more["seconds again"] * 1000, "ms"),
    ]
