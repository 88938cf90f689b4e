"""
A set of message numbers of a mailbox as a mail server writes them (``1:4,7,9:12``): small in a cursor, however large the mailbox.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain


class Uids:
    """Whole numbers from 1, kept as ranges; adding the next one in order costs nothing."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for number in sorted(set(numbers)):
            self.add(number)

    @classmethod
    def parse(cls, text: str) -> Uids:
        """Read ``1:4,7``, ranges in any order and either way round.  Raises ValueError for anything else."""
        made = cls()
        pairs = sorted(
            sorted((int(first), int(last or first))) for first, _, last in (part.partition(":") for part in text.split(",") if part)
        )
        for first, last in pairs:
            if made._lasts and first <= made._lasts[-1] + 1:
                made._lasts[-1] = max(last, made._lasts[-1])
            else:
                made._firsts.append(first)
                made._lasts.append(last)
        return made

    def add(self, number: int) -> None:
        place = bisect_right(self._firsts, number)
        if place and number <= self._lasts[place - 1]:
            return
        before = place > 0 and self._lasts[place - 1] == number - 1
        after = place < len(self._firsts) and self._firsts[place] == number + 1
        if before and after:
            self._lasts[place - 1] = self._lasts.pop(place)
            self._firsts.pop(place)
        elif before:
            self._lasts[place - 1] = number
        elif after:
            self._firsts[place] = number
        else:
            self._firsts.insert(place, number)
            self._lasts.insert(place, number)

    def discard(self, number: int) -> None:
        place = bisect_right(self._firsts, number) - 1
        if place < 0 or number > self._lasts[place]:
            return
        first, last = self._firsts[place], self._lasts[place]
        parts = [(one, two) for one, two in ((first, number - 1), (number + 1, last)) if one <= two]
        self._firsts[place : place + 1] = [one for one, _ in parts]
        self._lasts[place : place + 1] = [two for _, two in parts]

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._firsts, number) - 1
        return place >= 0 and number <= self._lasts[place]

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(range(first, last + 1) for first, last in zip(self._firsts, self._lasts, strict=True))

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in zip(self._firsts, self._lasts, strict=True))

    def __str__(self) -> str:
        return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in zip(self._firsts, self._lasts, strict=True))
