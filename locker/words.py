"""
What the texts, times and places in a body mean to a query: how strings fold, where words end, which moment a date is.

The full-text index is fed with ``words`` joined by blanks and the read model's columns with ``fold``, ``moment`` and ``leaves``, so that SQL
and Python cannot differ.  (Rules: decisions §3, shown to app developers in ``docs/query-language.md``.)
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from .error import QueryError

Path = tuple[str, ...]
"""The keys from the body down to a value: ``("address", "state")``."""

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
SECOND = 1_000_000
DAY = 86_400 * SECOND

MOMENT = (
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(?:Z|([+-])([0-9]{2}):([0-9]{2}))?)?"
)
"""A full ISO date or date-time, as a regular expression: date, time, seconds, fraction and zone are its groups."""

_MOMENT = re.compile(MOMENT)
_LONGEST_MOMENT = len("2011-05-18T10:00:00.123456789+00:00")
_EPOCH = date(1970, 1, 1).toordinal()
_ASCII_WORD = re.compile("[0-9a-z]+")
_ITEM = re.compile(r"""\s*('[^']*'|"[^"]*"|[^\s,\[\]'"]+)\s*(,|\Z)""")
_MONTH = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?")
_INTEGER = re.compile(r"-?[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of time in microseconds since 1970 UTC, *end* exclusive: a whole day, or a date-time (``end == start + 1``)."""

    start: int
    end: int
    text: str = field(compare=False)


Scalar = str | int | float | bool | None
Value = Scalar | Moment
"""What a term compares with."""


def fold(text: str) -> str:
    """The form in which strings are equal and ordered: NFC, case folded, NFC again.  Folding twice changes nothing."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


class _Splitter(dict[int, int | None]):
    """For ``str.translate``: a blank for each character that parts words, None for each that is not seen, found out once per character."""

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        category = unicodedata.category(character)
        kept: int | None = 0x20
        if (category == "Cf" and code != 0x200B) or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
            kept = None  # soft hyphens, joiners, marks of direction, selectors of a glyph; a zero width space is a space
        elif character.isalnum() or category in ("Mn", "Mc"):
            kept = code
        if len(self) < 0x10000:
            self[code] = kept
        return kept


_SPLITTER = _Splitter()


def words(text: str) -> list[str]:
    """The words of a text, folded: runs of letters, digits and the marks that follow them.

    ASCII punctuation, ``_`` included, is never part of a word; splitting the words joined by blanks gives the same words again.
    """
    folded = fold(text)
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    # What is not seen may have stood between a letter and its accent.
    runs = unicodedata.normalize("NFC", folded.translate(_SPLITTER)).split()
    return [word for run in runs if (word := run if run[0].isalnum() else _without_leading_marks(run))]


def _without_leading_marks(run: str) -> str:
    start = next((n for n, character in enumerate(run) if character.isalnum()), len(run))
    return run[start:]


def moment(text: str) -> Moment | None:
    """The moment that a full ISO date (the whole day) or date-time (UTC if it names no zone) says; None for any other text."""
    # Long texts must not fill the cache.
    return _moment(text) if len(text) <= _LONGEST_MOMENT and text[4:5] == "-" else None


@lru_cache(maxsize=4096)
def _moment(text: str) -> Moment | None:
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, zone_hour, zone_minute = found.groups()
    try:
        start = (date(int(year), int(month), int(day)).toordinal() - _EPOCH) * DAY
    except ValueError:
        return None
    if hour is None:
        return Moment(start, start + DAY, text)
    # A leap second (:60) is the first second of the next minute, as POSIX has it.
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60 or int(zone_hour or 0) > 23 or int(zone_minute or 0) > 59:
        return None
    start += ((int(hour) * 60 + int(minute)) * 60 + int(second or 0)) * SECOND + int((fraction or "0").ljust(6, "0")[:6])
    if sign:
        offset = (int(zone_hour) * 60 + int(zone_minute)) * 60 * SECOND
        start += offset if sign == "-" else -offset
    return Moment(start, start + 1, text)


def leaves(body: Any, path: Path) -> Iterator[Any]:
    """The values at a path: scalars, None for each null, and objects as they are; nothing where the path is missing or ``[]``.

    Arrays on the way and at the end, nested ones too, are gone through in order.
    """
    # A stack instead of recursion: a stranger's body may be nested as deep as JSON allows.
    stack: list[tuple[Any, int]] = [(body, 0)]
    while stack:
        value, depth = stack.pop()
        if isinstance(value, list | tuple):
            stack.extend((element, depth) for element in reversed(value))
        elif depth == len(path):
            yield value
        elif isinstance(value, Mapping) and path[depth] in value:
            stack.append((value[path[depth]], depth + 1))


def number(value: float) -> int | float:
    """A number as it is compared: integers exactly within 64 bits, beyond as doubles."""
    if isinstance(value, float) or INTEGER_MIN <= value <= INTEGER_MAX:
        return value
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def items(text: str) -> list[tuple[str, int]]:
    """The parts of a list like ``[IMAP, 'twitter']``, bare or in quotes, with their places; the brackets may be left out.

    Raises QueryError.
    """
    end = len(text.rstrip())
    at = len(text) - len(text.lstrip())
    if text[at : at + 1] == "[":
        if text[end - 1] != "]" or end - at < 2:
            raise QueryError("expected a ']' at the end", text, end)
        at, end = at + 1, end - 1
    found: list[tuple[str, int]] = []
    comma = ""
    while text[at:end].strip() or comma:
        item = _ITEM.match(text, at, end)
        if item is None:
            raise QueryError("expected a name or a time, and commas between them", text, at)
        word = item[1]
        found.append((word[1:-1] if word[0] in "'\"" else word, item.start(1)))
        at, comma = item.end(), item[2]
    return found


def names(text: str) -> list[str]:
    """The names of the ``subtypes=`` parameter, in lower case: ``[IMAP, 'twitter']`` is ``["imap", "twitter"]``.  Raises QueryError."""
    return [name.lower() for name, _ in items(text)]


def times(text: str) -> tuple[int, int]:
    """The stretch of the ``time=`` parameter in microseconds since 1970 UTC, its end exclusive.

    ``[2011]``, ``[2011-05]`` and ``[2011-05-18]`` are that whole period, ``[a,b]`` goes from the start of a to the end of b, a full date-time
    is itself, an integer is that millisecond since 1970.  Raises QueryError.
    """
    found = [_period(text, word, at) for word, at in items(text)]
    if len(found) not in (1, 2):
        raise QueryError("expected one time, or two for a range, like [2011-05] or [2011,2012]", text, 0)
    start, end = found[0][0], found[-1][1]
    if end <= start:
        raise QueryError("the range ends before it starts; write the earlier time first", text, items(text)[1][1])
    return start, end


def _period(text: str, word: str, at: int) -> tuple[int, int]:
    if calendar := _MONTH.fullmatch(word):
        year, month = int(calendar[1]), int(calendar[2] or 0)
        if year > 0 and month <= 12 and calendar[2] != "00":
            first = date(year, month or 1, 1).toordinal()
            last = date(year, month or 12, monthrange(year, month or 12)[1]).toordinal()
            return (first - _EPOCH) * DAY, (last + 1 - _EPOCH) * DAY
    elif _INTEGER.fullmatch(word):
        start = int(word) * 1000
        return start, start + 1000
    elif found := moment(word):
        return found.start, found.end
    raise QueryError(f"{word!r} is no time; write 2011, 2011-05, 2011-05-18, 2011-05-18T10:00:00Z or milliseconds since 1970", text, at)
