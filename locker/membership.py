"""
Whether a revision of a thing is in the set that a query means, and which revision came before it: what entered, changed in and left a set is decided by these.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .log import Position
from .record import Body, Record
from .recorder import SELECT, as_record
from .term import Term
from .tree import NO_KINDS, Kinds

KEPT = 10_000

Rows = Callable[[str, Sequence[object]], Sequence[Any]]
"""Answers the rows of a reading statement."""

logger = logging.getLogger("locker")


class Membership:
    """Asks bodies; *kinds* are the indexed fields of each collection, which decide what a term means.  Each is asked once for all with the same terms."""

    def __init__(self, kinds: Mapping[str, Kinds]) -> None:
        self._kinds = kinds
        self._matches: dict[tuple[Position, str], bool] = {}

    def is_in(self, terms: str, term: Term, record: Record | None) -> bool:
        """Whether a revision is in the set of a term, whose text is *terms*; what there is not, or not any more, is in none."""
        if record is None or record.op == "delete":
            return False
        key = (record.position, terms)
        if (known := self._matches.get(key)) is None:
            if len(self._matches) > KEPT:
                self._matches.clear()
            kinds = self._kinds.get(record.source)
            body: Body = record.body if kinds is None else record.body.get("body") or {}
            try:
                known = term.matches(body, kinds or NO_KINDS)
            except Exception:  # a body that no term can be asked of is in no set, and must not stop all others
                logger.exception("%s cannot be asked for %s", record.id, terms)
                known = False
            self._matches[key] = known
        return known


def before(rows: Rows, record: Record) -> Record | None:
    """The revision of its thing before a record; late ones are none."""
    if record.reference is None:
        return None
    log, version = f"{record.owner}/{record.source}", int(record.reference.rpartition(":")[2])
    found = rows(
        SELECT + "WHERE originator_id = ? AND topic <> 'record-added' AND json_extract(state, '$.reference') = ? AND position < ? "
        "AND json_extract(state, '$.note.late') IS NULL ORDER BY position DESC LIMIT 1",
        (log, version, record.position),
    ) or rows(SELECT + "WHERE originator_id = ? AND originator_version = ?", (log, version))
    return as_record(found[0]) if found else None
