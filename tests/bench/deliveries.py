"""
Deliveries to a local receiver, to one subscription and to many, against a bare loop of POSTs of the same bodies; and how long one takes from append to arrival.
"""

from __future__ import annotations

from pathlib import Path

from . import servers
from .measure import in_turns
from .report import Row, compared
from .sending import CONCURRENCY

RATE, SECONDS = 500, 10.0


def bench(room: Path, count: int, rounds: int) -> list[Row]:
    """About as many deliveries as *count*, however many subscriptions they go to."""
    receiver = servers.start("receiver", ["tests.bench.receiver"], "", "ready")
    try:
        many = {1: count, 100: max(1, count // 100), count: 1}
        rows = list[Row]()
        for subscriptions, records in many.items():
            arguments = {"port": receiver.port, "subscriptions": subscriptions, "records": records}
            peer = {"port": receiver.port, "count": count, "concurrency": CONCURRENCY}
            runs = in_turns(rounds, {"deliver": arguments, "post": peer})
            ours, theirs = runs[f"deliver {subscriptions}"], runs[f"post {CONCURRENCY}"]
            figure = f"deliveries, {records:,} records to {subscriptions:,} subscriptions"
            rows.append(compared(figure, ours, f"bare aiohttp POSTs, {CONCURRENCY} at once", theirs, aim=0.5))
            rows.append(Row("memory", ours.peak, "MiB"))
        seconds = SECONDS if count >= 10_000 else 0.5
        paced = in_turns(rounds, {"deliver_paced": {"port": receiver.port, "rate": RATE, "seconds": seconds}})["paced"]
        rows.append(Row(f"from append to arrival at {RATE} a second, median", paced.more["median"], "ms", most=20))
        rows.append(Row(f"from append to arrival at {RATE} a second, p99", paced.more["p99"], "ms", most=100))
    finally:
        receiver.stop()
    return rows
