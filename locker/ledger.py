"""
The ledger is what the store knows of deliveries: how far each lane came, what each subscriber has, which letters wait, which are dead.

One thread reads here; everything is written in the transaction of the outcomes that caused it (``Page``), or by whoever holds the lease.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from .database import connect, translated
from .draft import Position
from .error import NotFound
from .follower import Lease
from .lane import Lane, Letter
from .log import Draft, Logbook
from .membership import before
from .record import Record
from .recorder import SELECT, as_record
from .verdict import LOG

POSITION, REQUESTS = "deliveries", "deliveries.requests"
"""Facts: how far the lanes in step came; up to which version the subscriptions' log was heeded."""

SPAN = 20_000
"""So many positions are looked through at once: there may be many outcomes between two records."""
FEW = 20
"""Revisions of one thing that are read at once."""
MOST_RECORDS, MOST_BYTES = 5000, 16 * 1024 * 1024
"""Of records that are kept in memory between being read and being sent."""

SETTLE = (
    "INSERT INTO deliveries VALUES (?,?,?,?,?,?,0,0) ON CONFLICT DO UPDATE SET settled = excluded.settled, has = excluded.has, "
    "epoch = excluded.epoch, waiting = excluded.waiting, attempts = 0, due = 0"
)
KEEP = (
    "INSERT INTO deliveries VALUES (?,?,0,0,?,?,?,?) ON CONFLICT DO UPDATE SET "
    "waiting = excluded.waiting, attempts = excluded.attempts, due = excluded.due"
)
CLEAR = "UPDATE deliveries SET waiting = NULL, attempts = 0, due = 0 WHERE subscription = ? AND thing = ?"
AGAIN = (
    "INSERT INTO deliveries VALUES (?,?,?,?,?,NULL,0,0) ON CONFLICT DO UPDATE SET "
    "has = CASE WHEN settled <= excluded.settled THEN excluded.has ELSE has END, settled = max(settled, excluded.settled)"
)
"""A dead letter arrived after all: the subscriber has what it told, unless something newer was told since."""
LANE = "INSERT OR REPLACE INTO lanes VALUES (?,?,?,?,?,?)"
SELECT_LANE = "SELECT subscription, position, epoch, until, lag, failing FROM lanes"


REVISIONS = (
    "WHERE originator_id = ? AND topic <> 'record-added' AND json_extract(state, '$.reference') = ? AND position > ? AND position <= ? "
    "ORDER BY position "
)
KNOWN = "SELECT subscription, thing, settled, has, epoch FROM json_each(?) CROSS JOIN deliveries ON "
KNOWN_PAIRS = KNOWN + "subscription = json_extract(value, '$[0]') AND thing = json_extract(value, '$[1]')"
KNOWN_LANES = KNOWN + "subscription = value AND thing = ?"


class Known(NamedTuple):
    """What a subscriber knows of a thing: the newest revision that is *settled*, whether it *has* the thing, in which *epoch* of its lane."""

    settled: Position
    has: bool
    epoch: int


class LaneRow(NamedTuple):
    """A row of the lanes."""

    subscription: int
    position: Position | None
    epoch: int
    until: Position | None
    lag: float | None
    failing: float | None


class LetterRow(NamedTuple):
    """A letter that waits."""

    subscription: int
    thing: str
    settled: Position
    has: int
    epoch: int
    waiting: Position
    attempts: int
    due: float


@dataclass(slots=True)
class Page:
    """What is written at once: outcomes, what became of letters, how far lanes came."""

    drafts: list[Draft] = field(default_factory=list)
    statements: list[tuple[str, Sequence[object]]] = field(default_factory=list)
    settled: list[Sequence[object]] = field(default_factory=list)
    kept: list[Sequence[object]] = field(default_factory=list)
    cleared: list[Sequence[object]] = field(default_factory=list)
    lanes: list[Sequence[object]] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)

    def settle(self, letter: Letter, has: bool) -> None:
        """A revision is told or given up; if there may be more, the store knows that somebody has to look."""
        letter.is_kept = letter.after is None
        waiting = letter.position if letter.is_kept and letter.more else None
        self.settled.append((letter.lane.number, letter.thing, letter.position, has, letter.epoch, waiting))

    def keep(self, letter: Letter) -> None:
        """A letter waits."""
        letter.is_kept = True
        self.kept.append((letter.lane.number, letter.name, letter.lane.epoch, letter.position, letter.attempts, letter.due))

    def clear(self, letter: Letter) -> None:
        """A letter has nothing more to tell."""
        self.cleared.append((letter.lane.number, letter.name))

    def write(self, connection: sqlite3.Connection, logbook: Logbook, lease: Lease | None) -> None:
        """Write it, in a transaction of the log's writer.  Raises Conflict if another process has the lease now."""
        if lease:
            lease.check(connection)
        for statement, parameters in self.statements:
            connection.execute(statement, parameters)
        if self.drafts:
            logbook.write(connection, LOG, self.drafts)
        for statement, rows in ((SETTLE, self.settled), (KEEP, self.kept), (CLEAR, self.cleared), (LANE, self.lanes)):
            if rows:
                connection.executemany(statement, rows)
        connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", self.facts)

    def __bool__(self) -> bool:
        return bool(self.drafts or self.statements or self.settled or self.kept or self.cleared or self.lanes or self.facts)


class Ledger:
    """Reads the log and the tables of deliveries, for one thread."""

    def __init__(self, logbook: Logbook) -> None:
        self._logbook = logbook
        self._connection = connect(logbook.path)
        self._records: dict[Position, Record] = {}
        self._bytes = 0

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # -- the log -------------------------------------------------------------------------------------

    @property
    def end(self) -> Position:
        """The newest position."""
        return int(self._rows("SELECT coalesce(max(position), 0) FROM stored_events")[0][0])

    def page(self, position: Position, end: Position, limit: int) -> tuple[list[Record], Position]:
        """The next records that are no outcomes, up to *end* or a little less, and the position reached with them."""
        end = min(end, position + SPAN)
        rows = self._rows(
            SELECT + f"WHERE position > ? AND position <= ? AND originator_id <> '{LOG}' ORDER BY position LIMIT ?", (position, end, limit)
        )
        records = list(map(as_record, rows))
        for record in records:
            self._remember(record)
        return records, records[-1].position if len(records) == limit else end

    def _remember(self, record: Record) -> None:
        """Keep a record that will soon be sent, and let the oldest go."""
        if record.position not in self._records:
            self._records[record.position] = record
            self._bytes += len(record.text or "")
        while len(self._records) > MOST_RECORDS or self._bytes > MOST_BYTES:
            oldest = self._records.pop(next(iter(self._records)))
            self._bytes -= len(oldest.text or "")

    def record(self, position: Position) -> Record:
        """The record at a position.  Raises StorageError, or NotFound if there is none."""
        if (found := self._records.get(position)) is not None:
            return found
        if not (rows := self._rows(SELECT + "WHERE position = ?", (position,))):
            raise NotFound(f"there is no record at position {position}")
        return as_record(rows[0])

    def later(self, thing: str, after: Position, end: Position, *, newest_first: bool = False) -> Iterator[Record]:
        """The records of a thing after a position, up to *end*; read in small pages, since there may be very many."""
        log, version = parted(thing)
        if not newest_first:
            yield from self._first(log, version, after, end)
        low, high, few, order = after, end, 1, "DESC" if newest_first else "ASC"
        while rows := self._rows(f"{SELECT}{REVISIONS}{order} LIMIT ?", (log, version, low, high, few)):
            for record in map(as_record, rows):
                yield record
                low, high = (low, record.position - 1) if newest_first else (record.position, high)
            few = FEW
        if newest_first:
            yield from self._first(log, version, after, end)

    def _first(self, log: str, version: int, after: Position, end: Position) -> Iterator[Record]:
        where = "WHERE originator_id = ? AND originator_version = ? AND position > ? AND position <= ?"
        return map(as_record, self._rows(SELECT + where, (log, version, after, end)))

    def before(self, record: Record) -> Record | None:
        """The revision of its thing that stood before this one: a late one never did."""
        return before(self._rows, record)

    # -- the tables ----------------------------------------------------------------------------------

    def fact(self, name: str) -> int:
        """A number that is kept, 0 at first."""
        rows = self._rows("SELECT value FROM facts WHERE name = ?", (name,))
        return int(rows[0][0]) if rows else 0

    def known(self, wanted: Mapping[str, Sequence[Lane]]) -> dict[tuple[int, str], Known]:
        """What subscribers know of things, by number and thing; *wanted* are the lanes that ask for each thing."""
        singles = [(lanes[0].number, thing) for thing, lanes in wanted.items() if len(lanes) == 1]
        rows = self._rows(KNOWN_PAIRS, (orjson.dumps(singles).decode(),)) if singles else []
        for thing, lanes in wanted.items():
            if len(lanes) > 1:
                rows += self._rows(KNOWN_LANES, (orjson.dumps([lane.number for lane in lanes]).decode(), thing))
        return {(number, thing): Known(settled, bool(has), epoch) for number, thing, settled, has, epoch in rows}

    def lanes(self) -> dict[int, LaneRow]:
        """Every lane."""
        return {row[0]: LaneRow(*row) for row in self._rows(SELECT_LANE)}

    def lane(self, number: int) -> LaneRow | None:
        """One lane."""
        rows = self._rows(SELECT_LANE + " WHERE subscription = ?", (number,))
        return LaneRow(*rows[0]) if rows else None

    def letters(self, number: int | None = None) -> list[LetterRow]:
        """The letters that wait, of one lane or of all."""
        where = "WHERE waiting IS NOT NULL" + ("" if number is None else " AND subscription = ?")
        rows = self._rows(
            f"SELECT subscription, thing, settled, has, epoch, waiting, attempts, due FROM deliveries {where} ORDER BY subscription, waiting",
            () if number is None else (number,),
        )
        return [LetterRow(*row) for row in rows]

    def dead(self, number: int, position: Position | None, limit: int) -> list[tuple[Position, str]]:
        """Dead letters of a subscription: that of a position, or the oldest ones."""
        where = "" if position is None else " AND position = ?"
        return self._rows(
            f"SELECT position, thing FROM dead_letters WHERE subscription = ?{where} ORDER BY position LIMIT ?",
            (number, *(() if position is None else (position,)), limit),
        )

    def _rows(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        with translated(self._logbook.path):
            return self._connection.execute(statement, parameters).fetchall()


def parted(thing: str) -> tuple[str, int]:
    """``me/contact:17`` as the log ``me/contact`` and the version 17."""
    log, _, version = thing.rpartition(":")
    return log, int(version)
