"""
What was appended to a collection's log since one looked last: how an index in memory keeps up, inside the write lock, with every process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from locker.locker import Seen, Sight


@dataclass(slots=True)
class Tail:
    """Remembers the last record that was read: its version and digest."""

    _last: tuple[int, str] | None = None

    def read(self, sight: Sight, start: Callable[[], int]) -> tuple[bool, Iterator[Seen]]:
        """Whether what was read before still stands, and what to read now: what came after it, or everything from the version *start* on.

        It does not stand if the transaction that it was read in has failed since: then another record has its place.
        """
        records = sight.since(self._last[0]) if self._last else iter(())
        first = next(records, None)
        fits = first is not None and (first.version, first.digest) == self._last
        return fits, self._read(records if fits else sight.since(start()))

    def _read(self, records: Iterator[Seen]) -> Iterator[Seen]:
        for record in records:
            self._last = record.version, record.digest
            yield record
