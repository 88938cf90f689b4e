"""
What the crash tests run in processes of their own, to be killed there; each tells through a pipe how far it came.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from locker import importer, plugin
from locker.draft import Draft
from locker.error import StorageError
from locker.follower import Lease
from locker.locker import Locker
from locker.log import Logbook
from tests import fetching
from tests.forked import PROCESSES

CARDS_PER_PAGE = 10

plugin.connectors()  # imported once, before processes are forked


def started(job: Callable[..., None], *arguments: Any) -> tuple[ForkServerProcess, Connection]:
    """A process that does a job, and our end of its pipe."""
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=job, args=(*arguments, theirs))
    process.start()
    theirs.close()
    return process, ours


def import_cards(folder: Path, cards: Path, told: Connection) -> None:
    """Import a vCard file in small pages, composing and projecting meanwhile; tells how many cards are durable, then None."""
    importer.PAGE = CARDS_PER_PAGE
    with Locker(folder) as locker:
        locker.start()
        run, archive = locker.importing("vcard", cards)
        with archive:
            told.send(0)
            run.run(archive, lambda report: told.send(report.items))
        locker.catch_up()
        told.send(None)


def sync_stars(folder: Path, told: Connection) -> None:
    """Sync the stars of the test's own service; tells how many items are durable after each page, then None."""
    with fetching.opened(folder, fetching.Stars()) as locker:
        told.send(0)
        locker.sync("me", "stars", told=lambda report: told.send(report.items))
        told.send(None)


def append(folder: Path, source: str, keys: list[str], told: Connection) -> None:
    """Append things one by one, many waiting together; tells the version of each."""
    with Logbook(folder / "log.sqlite") as logbook:
        told.send("ready")
        told.recv()
        waiting = [logbook.submit("me", source, [Draft.of("link/x", key, {"key": key})]) for key in keys]
        told.send([outcomes.result()[0].version for outcomes in waiting])


def fill_disk(folder: Path, limit: int, told: Connection) -> None:
    """Append until the disk is full (no file may pass *limit* bytes), then make room and go on.

    Tells the keys that were acknowledged, what the error said, and the key that went in afterwards.
    """
    with Logbook(folder / "log.sqlite") as logbook:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        acknowledged: list[str] = []
        error = ""
        while not error:
            try:
                key = str(len(acknowledged))
                logbook.append("me", "mine", [Draft.of("link/x", key, {"text": "x" * 2000})])
                acknowledged.append(key)
            except StorageError as full:
                error = str(full)
        read_meanwhile = len(logbook.records("me", "mine", limit=100_000))
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        logbook.append("me", "mine", [Draft.of("link/x", "after", {})])
        told.send((acknowledged, error, read_meanwhile))


def open_as_stranger(folder: Path, told: Connection) -> None:
    """Open and append as somebody who may only read; tells the error."""
    if os.geteuid() == 0:
        os.setuid(65534)
    try:
        with Logbook(folder / "log.sqlite") as logbook:
            logbook.append("me", "mine", [Draft.of("link/x", "1", {})])
    except StorageError as error:
        told.send(str(error))
    else:
        told.send("nothing was refused")


def hold_lease(folder: Path, name: str, told: Connection) -> None:
    """Take a lease and keep it; tells whether it got it."""
    with Logbook(folder / "log.sqlite") as logbook:
        told.send(Lease(logbook, name).take())
        told.recv()
