"""
Import: to the durable log, and on until everything can be queried.
"""

from __future__ import annotations

from pathlib import Path

from . import people
from .measure import in_turns
from .report import Row, compared


def bench(room: Path, count: int, rounds: int) -> list[Row]:
    """All figures of importing *count* contacts."""
    archive = people.write(room / "contacts.ndjson", people.contacts(count))
    return [*to_log(room, archive, count, rounds), *to_queryable(room, archive, rounds)]


def to_log(room: Path, archive: Path, count: int, rounds: int) -> list[Row]:
    """Appending, against bare rows and the library's own application."""
    logs = in_turns(
        rounds, {log: {"count": count, "log": log, "room": room} for log in ("locker", "executemany", "eventsourcing")}, "append"
    )
    ours, raw, library = logs["locker"], logs["executemany"], logs["eventsourcing"]
    read = in_turns(rounds, {"archive_to_log": {"archive": archive, "room": room}})["archive to log"]
    return [
        compared("append to the log", ours, "executemany of ready rows", raw, aim=0.5),
        compared("append to the log", ours, "eventsourcing Application.save", library),
        Row("  memory", ours.peak, "MiB", "Application.save", library.peak, note=f"executemany {raw.peak:.0f}"),
        compared("import an archive to the log", read, "executemany of ready rows", raw),
        Row("import it again, nothing is new", read.more["again"]),
        Row("  memory", read.peak, "MiB"),
    ]


def to_queryable(room: Path, archive: Path, rounds: int) -> list[Row]:
    """Importing until everything can be queried, against sqlite-utils; and the stages one after the other."""
    arguments = {"archive": archive, "room": room}
    runs = in_turns(rounds, {"archive_to_queryable": arguments, "sqlite_utils": arguments})
    ours, peer = runs["archive to queryable"], runs["sqlite-utils"]
    alone = in_turns((rounds + 1) // 2, {"stages": arguments})
    return [
        compared("import to queryable", ours, "sqlite-utils, same indexes and triggers", peer, aim=1.0),
        Row("  memory", ours.peak, "MiB", "sqlite-utils", peer.peak),
        *(compared(f"  stage {name} alone", run) for name, run in alone.items()),
    ]
