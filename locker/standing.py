"""
Where the walk of a stream stands: where to go on, what it has seen, and what the last finished one left.

Each page changes it in the transaction that appends the page, so that a walk that is killed anywhere goes on where it was.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

import orjson

from .connection import Connection
from .error import Conflict, Skippable
from .log import Logbook

COLUMNS = (
    "stream",
    "step",
    "since",
    "started",
    "whole",
    "ended",
    "pages",
    "unreadable",
    "base",
    "finished",
    "swept",
    "errors",
    "code",
    "error",
    "due",
)
_NAMES = ", ".join(COLUMNS)
_PUT = f"INSERT OR REPLACE INTO walks (owner, source, {_NAMES}) VALUES (?, ?, {', '.join('?' * len(COLUMNS))})"  # noqa: S608 - ours


@dataclass(frozen=True, slots=True)
class Standing:
    """One stream.  *started* is when the walk under way began (None: none is), *whole* whether it shows all there is, *ended* that its last page is in,
    *base* the newest version of the log when it began.

    *finished* is when the last walk ended, *swept* when the last one began that saw everything; *due* is when it is looked at again.  All are stamps.
    """

    stream: str
    step: Any = None
    since: Any = None
    started: str | None = None
    whole: bool = False
    ended: bool = False
    pages: int = 0
    unreadable: int = 0
    base: int = 0
    finished: str | None = None
    swept: str | None = None
    errors: int = 0
    code: str | None = None
    error: str | None = None
    due: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has been walked to its end once, or cannot be walked for this account."""
        return self.finished is not None or self.code == Skippable.code

    def is_due(self, now: str) -> bool:
        """Whether it is to be looked at: its time has come, or a walk of it is unfinished and has not just failed."""
        return self.due is None or self.due <= now or (self.started is not None and not self.errors)


class Standings:
    """The streams of one connection."""

    def __init__(self, logbook: Logbook, connection: Connection) -> None:
        self._logbook, self._place = logbook, (connection.owner, connection.source)

    def all(self) -> dict[str, Standing]:
        """Every stream that ever ran, by name."""
        rows = self._logbook.read(f"SELECT {_NAMES} FROM walks WHERE owner = ? AND source = ?", self._place)  # noqa: S608 - ours
        return {row[0]: _standing(row) for row in rows}

    def get(self, stream: str) -> Standing:
        """One stream; a new one if it never ran."""
        return self.all().get(stream) or Standing(stream)

    def check(self, writing: sqlite3.Connection, standing: Standing) -> None:
        """Raise Conflict unless the walk stands here, inside a transaction of the writer."""
        row = writing.execute(
            "SELECT started, pages FROM walks WHERE owner = ? AND source = ? AND stream = ?", (*self._place, standing.stream)
        ).fetchone()
        if row != (standing.started, standing.pages):
            raise Conflict(
                f"the walk of {standing.stream} does not stand where it did: somebody asked for everything anew, or removed the connection, or a page "
                "before could not be written; what is written stays, and the next run goes on from there"
            )

    def put(self, writing: sqlite3.Connection, standing: Standing) -> None:
        """Remember, inside a transaction of the writer.  Raises Conflict if the connection is gone: nobody may find an old place to go on from."""
        if writing.execute("SELECT 1 FROM connections WHERE owner = ? AND source = ?", self._place).fetchone() is None:
            raise Conflict(f"{self._place[1]} is not connected any more; what it brought stays")
        values = {name: getattr(standing, name) for name in COLUMNS}
        values |= {name: None if values[name] is None else orjson.dumps(values[name]).decode() for name in ("step", "since")}
        writing.execute(_PUT, (*self._place, *values.values()))


def _standing(row: Any) -> Standing:
    stream, step, since, started, whole, ended, *rest = row
    return Standing(stream, _json(step), _json(since), started, bool(whole), bool(ended), *rest)


def _json(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
