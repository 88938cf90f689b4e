"""
Small durable appends over HTTP, each one item and answered when it is on the disk, against a handler that does nothing.
"""

from __future__ import annotations

import json
from pathlib import Path

from locker.locker import Locker

from . import load, people, servers
from .measure import Run
from .queries import latency, measured
from .report import Row, compared

CONNECTIONS = 64
SECONDS = 2.0
KEY = "{n}"


def bench(room: Path, count: int, rounds: int) -> list[Row]:
    """Appends to a new locker.  *count* does not matter here but for the time that it takes."""
    data, spec = room / "appends", room / "nothing.json"
    spec.write_text(json.dumps({"statements": []}))
    seconds = SECONDS if count >= 10_000 else 0.2
    with servers.running(servers.locker(data), servers.hand_written(spec)) as (ours, empty):
        rows, done = list[Row](), 0
        for figure, type in (("durable appends, not composed", "note"), ("durable appends of contacts, composed meanwhile", "contact")):
            first = 10**11 if type == "note" else 2 * 10**11
            push = load.post("/connectors/bench/push", body(type))
            nothing = load.post("/nothing", body(type))
            runs: tuple[list[Run], list[Run]] = ([], [])
            for number in range(min(rounds, 3)):
                runs[0].append(measured(ours, [push], CONNECTIONS, seconds, first + number * 2 * 10**9))
                runs[1].append(measured(empty, [nothing], CONNECTIONS, seconds))
            done += sum(run.operations for run in runs[0])
            pushed, peer = Run.middle(runs[0]), Run.middle(runs[1])
            rows.append(compared(figure, pushed, "a handler that does nothing", peer, aim=0.5, note=latency(pushed)))
        rows.append(Row("memory of the server", ours.memory(peak=True), "MiB", "the empty handler", empty.memory(peak=True)))
    with Locker(data) as locker:
        assert locker.logbook.count("me", "bench") >= done, "answered appends are missing from the log"
    return rows


def body(type: str) -> str:
    """One item; its key is another one each time."""
    item = {"type": type, "key": "KEY", "body": people.contact(1) | {"emails": ["KEY@example.com"]}}
    return json.dumps({"items": [item]}).replace("KEY", KEY)
