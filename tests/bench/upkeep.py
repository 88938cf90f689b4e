"""
What an operator notices: how fast a rebuild goes, how long readers stand still meanwhile, how soon a server is ready, and what it needs when idle.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from locker.record import Body

from . import load, people, servers
from .measure import ROOT, child
from .queries import large_locker
from .report import Row, compared

WATCH_SECONDS = 3.0
PAUSE_SECONDS = 0.003
IDLE_SECONDS = 1.0
MORE = 5000
"""Contacts that are imported while somebody reads."""


def rebuild(room: Path, count: int, rounds: int) -> list[Row]:
    """A reader asks a server for one object again and again, while another process rebuilds the read model, then imports."""
    data = large_locker(room, count)
    more = people.write(room / "more.ndjson", ({**line, "key": f"more-{line['key']}"} for line in _later(count)))

    def imported() -> None:
        command = [sys.executable, "-m", "locker", "import", "json", str(more), "--data", str(data)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    with servers.running(servers.locker(data)) as (server,):
        calm = watched(server, lambda: time.sleep(min(WATCH_SECONDS, count / 1000)))
        runs = []
        seen = watched(server, lambda: runs.append(child("rebuild", data=data, room=room)["rebuild"]))
        beside = watched(server, imported)
    note = f"{{:.1f}} ms in the middle; {calm.longest:.0f} ms at most when nothing else goes on"
    return [
        compared("rebuild the read model", runs[0]),
        Row("  memory", runs[0].peak, "MiB"),
        Row("  a reader's longest stall meanwhile", seen.longest, "ms", note=note.format(seen.middle)),
        Row("a reader's longest stall during an import", beside.longest, "ms", note=note.format(beside.middle)),
    ]


def watched(server: servers.Server, job: Callable[[], object]) -> load.Seen:
    """What one reader sees while a job is done."""
    watcher = load.start(server.port, 1, 3600.0, [load.get("/getContacts?id=contact:5")], pause=PAUSE_SECONDS, until="stdin")
    job()
    return load.finish(watcher)


def start(room: Path, count: int, rounds: int) -> list[Row]:
    """The time from the start of a process to its ready line: of a new locker, an empty one, and one with records; and idle memory."""
    large, empty = large_locker(room, count), room / "empty"
    began: dict[str, list[float]] = {"new": [], "empty": [], "large": []}
    idle: dict[str, float] = {}
    work: dict[str, list[float]] = {"new": [], "empty": [], "large": []}
    for number in range(max(1, rounds)):
        for name, data in (("new", room / f"new-{number}"), ("empty", empty), ("large", large)):
            with servers.running(servers.locker(data)) as (server,):
                began[name].append(server.began)
                work[name].append(server.processor())
                if number == 0:
                    time.sleep(IDLE_SECONDS)
                    idle[name] = server.memory()
    new, nothing, much = (median(each) for each in began.values())
    best = f"best {{:.2f}} s of {len(began['large'])}"
    return [
        Row("ready, new locker", new, "s", most=1.5, note=best.format(min(began["new"]))),
        Row("ready, empty locker", nothing, "s", most=1.5, note=best.format(min(began["empty"]))),
        Row("ready, with the records of this scale", much, "s", most=1.5, note=best.format(min(began["large"]))),
        Row("  later than empty", min(began["large"]) - min(began["empty"]), "s", most=0.2, note="best against best"),
        Row("  processor time until ready, empty", min(work["empty"]), "s", note="best"),
        Row("  processor time until ready, with records", min(work["large"]), "s", note="best"),
        Row("idle memory, empty locker", idle["empty"], "MiB", most=100),
        Row("idle memory, with the records of this scale", idle["large"], "MiB", most=100),
    ]


def _later(count: int) -> Iterator[Body]:
    """Contacts that are not in the locker yet."""
    return ({"type": "contact", "key": f"{n}", "body": people.contact(n)} for n in range(count, count + min(count, MORE)))
