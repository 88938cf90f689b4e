"""
A part of a date, a month or an offset, is read from the beginning of a text; a layout is a list of such parts.
"""

from __future__ import annotations

import re
from calendar import isleap
from collections.abc import Callable
from dataclasses import dataclass, field

SECOND = 1_000_000_000
"""In nanoseconds."""


@dataclass(slots=True)
class Said:
    """What a text has said so far; a zone's offset is in seconds."""

    fields: dict[str, int] = field(default_factory=dict)

    def nanoseconds(self) -> int:
        """The moment.  Raises ValueError for a day that there is not."""
        said = self.fields
        if "epoch" in said:
            return said["epoch"] * SECOND + said.get("fraction", 0)
        year, month, day = said.get("year", 0 if "short" not in said else _century(said["short"])), said.get("month", 1), said.get("day", 1)
        if "yearday" in said:
            month, day = _of_yearday(year, said["yearday"], said)
        if not 1 <= day <= _length(year, month):
            raise ValueError("there is no such day")
        hour = said.get("hour", 0)
        if "half" in said and hour <= 12:
            hour = hour % 12 + said["half"]
        seconds = (hour * 60 + said.get("minute", 0)) * 60 + said.get("second", 0) - said.get("offset", 0)
        return (_days(year, month, day) * 86400 + seconds) * SECOND + said.get("fraction", 0)


Part = Callable[[str, Said], str]
"""Reads the beginning of a text into what was said, and answers the rest.  Raises ValueError."""


# -- days --------------------------------------------------------------------------------------------


def _length(year: int, month: int) -> int:
    return 29 if month == 2 and isleap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar, also before it began; for years from 0."""
    before = year - 1  # whole years since the year 1, -1 for the year 0
    return before * 365 + before // 4 - before // 100 + before // 400 + sum(_length(year, m) for m in range(1, month)) + day - 719163


def _of_yearday(year: int, yearday: int, said: dict[str, int]) -> tuple[int, int]:
    month, day = 1, yearday
    while month < 12 and day > _length(year, month):
        day -= _length(year, month)
        month += 1
    if not 1 <= day <= _length(year, month) or said.get("month", month) != month or said.get("day", day) != day:
        raise ValueError("there is no such day of the year")
    return month, day


def _century(year: int) -> int:
    return year + (1900 if year >= 69 else 2000)


# -- parts -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands there as it is; blanks stand for any number of blanks."""

    text: str

    def __call__(self, text: str, said: Said) -> str:  # noqa: ARG002 - a part like the others
        pieces = re.split(r"( +)", self.text)
        for piece in pieces:
            if piece.startswith(" "):
                if text and text[0] != " ":
                    raise ValueError(f"a blank is missing before {text[:40]!r}")
                text = text.lstrip(" ")
            elif not text.startswith(piece):
                raise ValueError(f"{piece!r} should stand before {text[:40]!r}" if text else f"{piece!r} is missing at its end")
            else:
                text = text[len(piece) :]
        return text


def end(text: str, said: Said) -> str:  # noqa: ARG001 - a part like the others
    """Nothing is left over."""
    if text:
        raise ValueError(f"{text[:40]!r} is left over")
    return text


def number(name: str, pattern: str, least: int, most: int) -> Part:
    """A number of so many digits, between two bounds."""
    compiled = re.compile(pattern, re.ASCII)

    def part(text: str, said: Said) -> str:
        found = compiled.match(text)
        if not found or not least <= int(found[0]) <= most:
            raise ValueError(f"{name} cannot be {text[:10]!r}")
        said.fields[name] = int(found[0])
        return text[found.end() :]

    return part


def word(name: str, *lists: tuple[str, ...]) -> Part:
    """One of some words, in any letter case, counted from 1 in its list."""
    words = [(index, word.casefold()) for known in lists for index, word in enumerate(known, 1)]

    def part(text: str, said: Said) -> str:
        for index, word in words:
            if text[: len(word)].casefold() == word:
                said.fields[name] = index
                return text[len(word) :]
        raise ValueError(f"{name} cannot be {text[:10]!r}")

    return part


def half(am: str, pm: str, *, any_case: bool = False) -> Part:
    """Which half of the day it is."""

    def part(text: str, said: Said) -> str:
        found = text[:2].upper() if any_case else text[:2]
        if found not in (am, pm):
            raise ValueError(f"{am} or {pm} should stand before {text[:10]!r}")
        said.fields["half"] = 12 if found == pm else 0
        return text[2:]

    return part


def offset(pattern: str, *, z: bool) -> Part:
    """A zone's offset, like +07:00; *z*: ``Z`` is UTC."""
    compiled = re.compile(pattern, re.ASCII)

    def part(text: str, said: Said) -> str:
        if z and text.startswith("Z"):
            said.fields["offset"] = 0
            return text[1:]
        found = compiled.match(text)
        if not found:
            raise ValueError(f"{text[:10]!r} is not an offset from UTC")
        hour, minute, second = (int(part or 0) for part in (*found.groups()[1:], None, None)[:3])
        if hour > 24 or minute > 59 or second > 59:
            raise ValueError(f"{text[:10]!r} is not an offset from UTC")
        said.fields["offset"] = (-1 if found[1] == "-" else 1) * (hour * 3600 + minute * 60 + second)
        return text[found.end() :]

    return part


def zone(text: str, said: Said) -> str:
    """A zone's abbreviation.  Only UTC, GMT and GMT+n say which one they are; the others count as UTC, as in Go; an offset beside it wins."""
    found = re.match(r"GMT[+-]\d{1,2}|[+-]\d\d(?!\d)|[A-Z]{3,5}", text)
    if not found:
        raise ValueError(f"{text[:10]!r} is not a zone's abbreviation")
    digits = found[0].removeprefix("GMT")
    said.fields.setdefault("offset", int(digits) * 3600 if digits[:1] in ("+", "-") else 0)
    return text[found.end() :]


def fraction(pattern: str, *, needed: bool) -> Part:
    """A fraction of a second, to the nanosecond; what is finer is cut off."""
    compiled = re.compile(pattern, re.ASCII)

    def part(text: str, said: Said) -> str:
        found = compiled.match(text)
        if not found:
            if needed:
                raise ValueError(f"a fraction of a second should stand before {text[:10]!r}")
            return text
        said.fields["fraction"] = int(found[1][:9].ljust(9, "0"))
        return text[found.end() :]

    return part


def blanks(most: int, then: Part) -> Part:
    """Up to so many blanks, then something."""

    def part(text: str, said: Said) -> str:
        return then(re.sub(f"^ {{0,{most}}}", "", text), said)

    return part
