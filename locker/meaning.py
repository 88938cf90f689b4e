"""
What a record means to one subscriber: a create, an update, an end, or nothing; and which revision of a thing it must hear of next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .filter import Filter
from .lane import Lane, Letter
from .ledger import Ledger
from .log import Position
from .membership import Membership
from .notification import Change
from .receiver import Action
from .record import Record
from .tree import Kinds

Meaning = tuple[Action, Change | None]


class Meanings:
    """Says what records mean; *kinds* are the indexed fields of each collection, which decide what a term means."""

    def __init__(self, ledger: Ledger, kinds: Mapping[str, Kinds]) -> None:
        self._ledger, self._membership = ledger, Membership(kinds)

    def of(self, lane: Lane, record: Record, has: bool, before: Record | None = None) -> Meaning | None:
        """What a record means to a subscriber that *has* its thing or not; None if it need not hear of it.

        *before* is the revision that the subscriber knows of, if not the one right before.
        """
        told: Action = "update" if has else "create"
        if lane.term is None:
            if record.op == "delete":
                return ("delete", None) if has else None
            return told, None
        was_in = has or self._is_in(lane, before or self._ledger.before(record))
        if self._is_in(lane, record):
            return told, "changed" if was_in else "entered"
        return ("delete", "left") if was_in else None

    def following(self, lane: Lane, letter: Letter, end: Position) -> Record | None:
        """The next revision up to *end* that a letter has to tell, or the newest if only that counts; None if there is none."""
        after = letter.position if letter.after is None else letter.after
        later = self._later(lane, letter.thing, after, end)
        if lane.subscription.delivery.state == "last":
            newest = next(self._later(lane, letter.thing, after, end, newest_first=True), None)
            before = self._ledger.before(next(later)) if newest is not None and not letter.has else None
            return newest if newest is not None and self.of(lane, newest, letter.has, before) else None
        return next((each for each in later if self.of(lane, each, letter.has)), None)

    def newest(self, lane: Lane, letter: Letter, record: Record, end: Position) -> tuple[Record, Record | None]:
        """The revision to tell instead of one that newer ones have overtaken, and the one that the subscriber knows of."""
        newest = next(self._later(lane, letter.thing, record.position, end, newest_first=True), None)
        return (record, None) if newest is None else (newest, self._ledger.before(record))

    def _later(self, lane: Lane, thing: str, after: Position, end: Position, *, newest_first: bool = False) -> Iterator[Record]:
        later = self._ledger.later(thing, after, end, newest_first=newest_first)
        return (each for each in later if passes(lane.subscription.filter, each))

    def _is_in(self, lane: Lane, record: Record | None) -> bool:
        """Whether a revision is in the set that a subscription is about."""
        return lane.term is not None and self._membership.is_in(lane.filter.terms, lane.term, record)


def passes(filter: Filter, record: Record) -> bool:
    """Whether a record at one of a filter's places passes the rest of it."""
    return (filter.is_plain and record.note is None) or filter.passes(record)
