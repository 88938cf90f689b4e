"""
The contenders: each is run in a process of its own (``python -m tests.bench.child NAME ARGUMENTS``) and prints what it measured as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from locker.command.importing import LARGE
from locker.locker import Locker
from locker.log import Draft, Logbook
from locker.record import Body

from . import people
from .fetching import fetch, sync
from .measure import Run, told
from .peers import LibraryApplication, RawRows, rows_in, sqlite_utils_insert
from .sending import deliver, deliver_paced, post

PAGE = 500
PEER_PAGE = 1000


class OurLog:
    """``Logbook.append`` as the importer calls it: canonical text, digests, heads and "nothing new" are part of what is measured."""

    def __init__(self, path: Path) -> None:
        self._logbook = Logbook(path)

    def prepare(self, type: str, keys: list[str], bodies: list[Body]) -> list[tuple[str, str, Body]]:
        """Nothing but the arguments."""
        return [(type, key, body) for key, body in zip(keys, bodies, strict=True)]

    def append(self, found: list[tuple[str, str, Body]]) -> None:
        """What is measured."""
        self._logbook.append("me", "bench", [Draft.of(*each) for each in found])

    def close(self) -> None:
        self._logbook.close()


class BatchLog(Protocol):
    """What the three logs have in common: a batch is prepared, then what is measured happens."""

    def prepare(self, type: str, keys: list[str], bodies: list[Body], /) -> Any: ...

    def append(self, batch: Any, /) -> None: ...

    def close(self) -> None: ...


LOGS: dict[str, Callable[[Path], BatchLog]] = {"locker": OurLog, "executemany": RawRows, "eventsourcing": LibraryApplication}


def append(folder: Path, count: int, log: str) -> dict[str, Run]:
    """Append contacts to a log, batch by batch."""
    opened, run = LOGS[log](folder / "log.sqlite"), Run()
    for start in range(0, count, PAGE):
        numbers = range(start, min(start + PAGE, count))
        batch = opened.prepare("contact/bench", [f"{n}" for n in numbers], [people.contact(n) for n in numbers])
        with run.watch(len(batch)):
            opened.append(batch)
    opened.close()
    return {log: run}


def archive_to_log(folder: Path, archive: str) -> dict[str, Run]:
    """Read an NDJSON file into the durable log, compose nothing; then the same file once more, of which nothing is new."""
    first, again = Run(), Run()
    with Locker(folder / "locker") as locker:
        for run in (first, again):
            with run.watch(0):
                run.operations = locker.import_archive("json", archive).items
    first.more = {"again": again.rate}
    return {"archive to log": first}


def archive_to_queryable(folder: Path, archive: str) -> dict[str, Run]:
    """Import as the command line does: composing and indexing go on beside the reading; done when everything can be queried."""
    run = Run()
    with Locker(folder / "locker") as locker:
        locker.start(second_process=Path(archive).stat().st_size > LARGE)
        with run.watch(0):
            run.operations = locker.import_archive("json", archive).items
            locker.catch_up()
        locker.stop()
        run.cpu += sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
        found = locker.reader.listing("me", type="contact")
        assert [run.operations] == [each["count"] for each in found], found
    return {"archive to queryable": run}


def stages(folder: Path, archive: str) -> dict[str, Run]:
    """One stage after the other: append, compose, project."""
    runs = {name: Run() for name in ("append", "compose", "project")}
    with Locker(folder / "locker") as locker:
        locker.prepare()
        with runs["append"].watch(0):
            count = locker.import_archive("json", archive).items
        for name, follower in (("compose", locker.composer), ("project", locker.views)):
            with runs[name].watch(0):
                follower.catch_up()
    for run in runs.values():
        run.operations = count
    return runs


def sqlite_utils(folder: Path, archive: str) -> dict[str, Run]:
    """The peer of ``archive_to_queryable``."""
    run, path = Run(), folder / "peer.sqlite"
    with run.watch(0):
        run.operations = sqlite_utils_insert(path, Path(archive), PEER_PAGE)
    assert run.operations == rows_in(path, "contact")
    return {"sqlite-utils": run}


def fill(folder: Path, data: str, archive: str) -> dict[str, Run]:
    """Make a locker for other benches."""
    run = Run()
    with Locker(data) as locker, run.watch(0):
        run.operations = locker.import_archive("json", archive).items
        locker.catch_up()
    return {"fill": run}


def rebuild(folder: Path, data: str) -> dict[str, Run]:
    """Make the read model of a locker anew."""
    run = Run()
    with Locker(data) as locker, run.watch(0):
        locker.rebuild()
        run.operations = sum(each["count"] for each in locker.reader.listing("me"))
    return {"rebuild": run}


CONTENDERS: dict[str, Callable[..., dict[str, Run]]] = {
    each.__name__: each
    for each in (
        append,
        archive_to_log,
        archive_to_queryable,
        stages,
        sqlite_utils,
        fill,
        rebuild,
        deliver,
        deliver_paced,
        post,
        sync,
        fetch,
    )
}
CONTENDERS["fetch_read"] = fetch


def main() -> None:
    """Run one contender in a folder that goes afterwards."""
    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="locker-bench-", dir=arguments.pop("room", None)) as folder:
        print(told(CONTENDERS[name](Path(folder), **arguments)))


if __name__ == "__main__":
    main()
