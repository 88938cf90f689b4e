"""
Keeps the read model in step in a process of its own, so that a large import uses a second core: ``python -m locker.projector FOLDER``.

It works while its standard input is open, and ends when whoever started it closes that or dies.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .error import LockerError
from .follower import Lease, Running
from .log import LOG_FILE, Logbook
from .schema import load
from .views import Views


def main(folder: str, types: str) -> int:
    """Follow the collections' logs of a folder until standard input ends; *types* are the collections, with commas.  The exit code."""
    schemas = {type: schema for type, schema in load().items() if type in types.split(",")}
    with Logbook(Path(folder) / LOG_FILE) as logbook:
        views = Views(logbook, Path(folder), schemas)
        running = Running(views, logbook, Lease(logbook, Views.name), _failed)
        sys.stdin.buffer.read()
        running.stop()
        views.close()
    return 0


def _failed(error: LockerError) -> None:
    sys.stderr.write(f"{error.code}: {error}\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
