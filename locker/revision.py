"""
A revision is where a body stands in its source's own order, if the source numbers what it says of a thing.
"""

from __future__ import annotations

from typing import NamedTuple

from .record import Body


class Revision(NamedTuple):
    """*number* grows within a *series*; numbers of two series say nothing about each other."""

    series: str
    number: int

    @property
    def note(self) -> Body:
        """As the note of a record says it; the number as text, since it may have more than 64 bits."""
        return {"series": self.series, "revision": str(self.number)}

    @classmethod
    def of(cls, note: Body | None) -> Revision | None:
        """What a note says; None if it says nothing of a revision."""
        try:
            return None if note is None else cls(str(note["series"]), int(note["revision"]))
        except (KeyError, ValueError, TypeError):
            return None
