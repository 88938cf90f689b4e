"""
A layout says how somebody writes moments: as Go does, by an example (``2006-01-02T15:04:05Z07:00``), or with ``strptime`` directives (``%Y-%m-%d``).

Both become one list of steps, each of which reads a piece of a text.  A moment is a whole number of nanoseconds since 1970 UTC, exact, for any year from 0
to 9999.  Rules: Go's ``time.Parse``, where a fraction of a second is accepted behind the seconds even if the layout has none; C's ``strptime``.
"""

from __future__ import annotations

import re
from calendar import isleap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from .error import Invalid

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORT_MONTHS, SHORT_DAYS = tuple(month[:3] for month in MONTHS), tuple(day[:3] for day in DAYS)
SECOND = 1_000_000_000
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
LONGEST = 200


@dataclass(slots=True)
class _Said:
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


Step = Callable[[str, _Said], str]
"""Reads the beginning of a text into what was said, and answers the rest.  Raises ValueError."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout, read: *text* is how somebody wrote it."""

    text: str
    _steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Read a layout; the ``%`` of a directive tells that it is one of ``strptime``.  Raises Invalid for one that names no part of a moment."""
        if len(text) > LONGEST:
            raise Invalid(f"a format has at most {LONGEST} characters")
        return _layout(text)

    def nanoseconds(self, text: str) -> int:
        """The moment that a text says, in nanoseconds since 1970 UTC.  Raises Invalid if it does not follow the layout."""
        said, rest = _Said(), text
        try:
            for step in (*self._steps, _end):
                rest = step(rest, said)
            return said.nanoseconds()
        except ValueError as error:
            raise Invalid(f"{text[:60]!r} is not a moment as {self.text!r} has it: {error}") from error


def rfc3339(text: str) -> int:
    """The moment of a full RFC 3339 date-time, in nanoseconds since 1970 UTC.  Raises Invalid for any other text."""
    if not RFC3339.fullmatch(text):
        raise Invalid(f"{text[:60]!r} is not a date-time like 2026-11-22T08:00:00Z")
    plain = text.upper()
    return _layout("2006-01-02T15:04:05Z07:00").nanoseconds(plain[:10] + "T" + plain[11:])


@lru_cache(maxsize=256)
def _layout(text: str) -> Layout:
    steps = tuple(_strptime(text) if "%" in text else _go(text))
    if not any(not isinstance(step, _Literal) for step in steps):
        raise Invalid(
            f"the format {text!r} names no part of a date; write the moment of Go's example as your dates are written, like "
            "2006-01-02T15:04:05Z07:00, or strptime directives, like %Y-%m-%d"
        )
    return Layout(text, steps)


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


# -- steps -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Literal:
    """Text that stands there as it is; blanks stand for any number of blanks."""

    text: str

    def __call__(self, text: str, said: _Said) -> str:  # noqa: ARG002 - a step like the others
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


def _end(text: str, said: _Said) -> str:  # noqa: ARG001 - a step like the others
    if text:
        raise ValueError(f"{text[:40]!r} is left over")
    return text


def _number(name: str, pattern: str, least: int, most: int) -> Step:
    """A number of so many digits, between two bounds."""
    compiled = re.compile(pattern, re.ASCII)

    def step(text: str, said: _Said) -> str:
        found = compiled.match(text)
        if not found or not least <= int(found[0]) <= most:
            raise ValueError(f"{name} cannot be {text[:10]!r}")
        said.fields[name] = int(found[0])
        return text[found.end() :]

    return step


def _word(name: str, *lists: tuple[str, ...]) -> Step:
    """One of some words, in any letter case, counted from 1 in its list."""
    words = [(index, word.casefold()) for known in lists for index, word in enumerate(known, 1)]

    def step(text: str, said: _Said) -> str:
        for index, word in words:
            if text[: len(word)].casefold() == word:
                said.fields[name] = index
                return text[len(word) :]
        raise ValueError(f"{name} cannot be {text[:10]!r}")

    return step


def _half(am: str, pm: str, *, any_case: bool = False) -> Step:
    def step(text: str, said: _Said) -> str:
        found = text[:2].upper() if any_case else text[:2]
        if found not in (am, pm):
            raise ValueError(f"{am} or {pm} should stand before {text[:10]!r}")
        said.fields["half"] = 12 if found == pm else 0
        return text[2:]

    return step


def _offset(pattern: str, *, z: bool) -> Step:
    """A zone's offset, like +07:00; *z*: ``Z`` is UTC."""
    compiled = re.compile(pattern, re.ASCII)

    def step(text: str, said: _Said) -> str:
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

    return step


def _zone(text: str, said: _Said) -> str:
    """A zone's abbreviation.  Only UTC, GMT and GMT+n say which one they are; the others count as UTC, as in Go; an offset beside it wins."""
    found = re.match(r"GMT[+-]\d{1,2}|[+-]\d\d(?!\d)|[A-Z]{3,5}", text)
    if not found:
        raise ValueError(f"{text[:10]!r} is not a zone's abbreviation")
    digits = found[0].removeprefix("GMT")
    said.fields.setdefault("offset", int(digits) * 3600 if digits[:1] in ("+", "-") else 0)
    return text[found.end() :]


def _fraction(pattern: str, *, needed: bool) -> Step:
    """A fraction of a second, to the nanosecond; what is finer is cut off."""
    compiled = re.compile(pattern, re.ASCII)

    def step(text: str, said: _Said) -> str:
        found = compiled.match(text)
        if not found:
            if needed:
                raise ValueError(f"a fraction of a second should stand before {text[:10]!r}")
            return text
        said.fields["fraction"] = int(found[1][:9].ljust(9, "0"))
        return text[found.end() :]

    return step


def _blanks(most: int, then: Step) -> Step:
    """Up to so many blanks, then something."""

    def step(text: str, said: _Said) -> str:
        return then(re.sub(f"^ {{0,{most}}}", "", text), said)

    return step


# -- Go's layouts ------------------------------------------------------------------------------------

_FREE_SECONDS = _fraction(r"[.,](\d+)", needed=False)
_GO: dict[str, Step] = {
    "January": _word("month", MONTHS),
    "Jan": _word("month", SHORT_MONTHS),
    "Monday": _word("weekday", DAYS),
    "Mon": _word("weekday", SHORT_DAYS),
    "MST": _zone,
    "01": _number("month", r"\d\d", 1, 12),
    "1": _number("month", r"\d\d?", 1, 12),
    "002": _number("yearday", r"\d{3}", 1, 366),
    "__2": _blanks(2, _number("yearday", r"\d{1,3}", 1, 366)),
    "02": _number("day", r"\d\d", 1, 31),
    "_2": _blanks(1, _number("day", r"\d\d?", 1, 31)),
    "2": _number("day", r"\d\d?", 1, 31),
    "15": _number("hour", r"\d\d?", 0, 23),
    "03": _number("hour", r"\d\d", 0, 12),
    "3": _number("hour", r"\d\d?", 0, 12),
    "04": _number("minute", r"\d\d", 0, 59),
    "4": _number("minute", r"\d\d?", 0, 59),
    "05": _number("second", r"\d\d", 0, 59),
    "5": _number("second", r"\d\d?", 0, 59),
    "2006": _number("year", r"\d{4}", 0, 9999),
    "06": _number("short", r"\d\d", 0, 99),
    "PM": _half("AM", "PM"),
    "pm": _half("am", "pm"),
    **{
        f"{sign}{digits}": _offset(pattern, z=sign == "Z")
        for sign in "-Z"
        for digits, pattern in {
            "07:00:00": r"([+-])(\d\d):(\d\d):(\d\d)",
            "070000": r"([+-])(\d\d)(\d\d)(\d\d)",
            "07:00": r"([+-])(\d\d):(\d\d)",
            "0700": r"([+-])(\d\d)(\d\d)",
            "07": r"([+-])(\d\d)",
        }.items()
    },
}
# An abbreviated name is none if letters go on behind it ("Monk"); a fraction is one if no other digit follows.
_CHUNK = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|__2|_2(?!006)|2|3|4|5|PM|pm"
    r"|[-Z]07(?:0000|:00:00|00|:00)?|[.,](?:0+|9+)(?![0-9])"
)


def _go(layout: str) -> Iterator[Step]:
    """The steps of a Go layout."""
    chunks = list(_CHUNK.finditer(layout))
    end = 0
    for index, found in enumerate(chunks):
        if found.start() > end:
            yield _Literal(layout[end : found.start()])
        end, chunk = found.end(), found[0]
        if chunk[0] in ".,":
            nines, digits = chunk[1] == "9", len(chunk) - 1
            yield _fraction(r"[.,](\d+)" if nines else rf"[.,](\d{{{digits}}})", needed=not nines)
            continue
        yield _GO[chunk]
        follower = chunks[index + 1][0] if index + 1 < len(chunks) else ""
        if chunk in ("05", "5") and follower[:1] not in (".", ","):
            yield _FREE_SECONDS
    if end < len(layout):
        yield _Literal(layout[end:])


# -- strptime ----------------------------------------------------------------------------------------

_DIRECTIVES: dict[str, Step] = {
    "Y": _GO["2006"],
    "y": _GO["06"],
    "m": _number("month", r"\d\d?", 1, 12),
    "B": _word("month", MONTHS, SHORT_MONTHS),
    "A": _word("weekday", DAYS, SHORT_DAYS),
    "d": _blanks(1, _number("day", r"\d\d?", 1, 31)),
    "j": _number("yearday", r"\d{1,3}", 1, 366),
    "H": _number("hour", r"\d\d?", 0, 23),
    "I": _number("hour", r"\d\d?", 1, 12),
    "M": _number("minute", r"\d\d?", 0, 59),
    "S": _number("second", r"\d\d?", 0, 59),
    "f": _fraction(r"(\d{1,9})", needed=True),
    "p": _half("AM", "PM", any_case=True),
    "z": _offset(r"([+-])(\d\d):?(\d\d)(?::?(\d\d))?", z=True),
    "Z": _zone,
    "s": _number("epoch", r"-?\d{1,18}", -(10**18), 10**18),
    "%": _Literal("%"),
    "n": _Literal(" "),
    "t": _Literal(" "),
}
_SAME = {"b": "B", "h": "B", "a": "A", "e": "d", "k": "H", "l": "I"}
_WHOLE = {"T": "%H:%M:%S", "F": "%Y-%m-%d", "D": "%m/%d/%y", "R": "%H:%M"}


def _strptime(format: str) -> Iterator[Step]:
    """The steps of a strptime format."""
    for found in re.finditer(r"%(.?)|[^%]+", format, re.DOTALL):
        name = found[1]
        if name is None:
            yield _Literal(found[0])
        elif name in _WHOLE:
            yield from _strptime(_WHOLE[name])
        elif (step := _DIRECTIVES.get(_SAME.get(name, name))) is not None:
            yield step
        else:
            known = ", ".join(f"%{each}" for each in (*_DIRECTIVES, *_SAME, *_WHOLE))
            raise Invalid(f"the format {format!r} has the directive '%{name}', which is not known; there are {known}")
