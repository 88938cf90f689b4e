"""
A layout says how somebody writes moments: as Go does, by an example (``2006-01-02T15:04:05Z07:00``), or with ``strptime`` directives (``%Y-%m-%d``).

Both become one list of parts, each of which reads a piece of a text.  A moment is a whole number of nanoseconds since 1970 UTC, exact, for any year from 0
to 9999.  Rules: Go's ``time.Parse``, where a fraction of a second is accepted behind the seconds even if the layout has none; C's ``strptime``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from .datepart import Literal, Part, Said, blanks, end, fraction, half, number, offset, word, zone
from .error import Invalid

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORT_MONTHS, SHORT_DAYS = tuple(month[:3] for month in MONTHS), tuple(day[:3] for day in DAYS)
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout, read: *text* is how somebody wrote it."""

    text: str
    _parts: tuple[Part, ...]

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Read a layout; the ``%`` of a directive tells that it is one of ``strptime``.  Raises Invalid for one that names no part of a moment."""
        if len(text) > LONGEST:
            raise Invalid(f"a format has at most {LONGEST} characters")
        return _layout(text)

    def nanoseconds(self, text: str) -> int:
        """The moment that a text says, in nanoseconds since 1970 UTC.  Raises Invalid if it does not follow the layout."""
        said, rest = Said(), text
        try:
            for part in (*self._parts, end):
                rest = part(rest, said)
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
    parts = tuple(_strptime(text) if "%" in text else _go(text))
    if all(isinstance(part, Literal) for part in parts):
        raise Invalid(
            f"the format {text!r} names no part of a date; write the moment of Go's example as your dates are written, like "
            "2006-01-02T15:04:05Z07:00, or strptime directives, like %Y-%m-%d"
        )
    return Layout(text, parts)


# -- Go's layouts ------------------------------------------------------------------------------------

_FREE_SECONDS = fraction(r"[.,](\d+)", needed=False)
_GO: dict[str, Part] = {
    "January": word("month", MONTHS),
    "Jan": word("month", SHORT_MONTHS),
    "Monday": word("weekday", DAYS),
    "Mon": word("weekday", SHORT_DAYS),
    "MST": zone,
    "01": number("month", r"\d\d", 1, 12),
    "1": number("month", r"\d\d?", 1, 12),
    "002": number("yearday", r"\d{3}", 1, 366),
    "__2": blanks(2, number("yearday", r"\d{1,3}", 1, 366)),
    "02": number("day", r"\d\d", 1, 31),
    "_2": blanks(1, number("day", r"\d\d?", 1, 31)),
    "2": number("day", r"\d\d?", 1, 31),
    "15": number("hour", r"\d\d?", 0, 23),
    "03": number("hour", r"\d\d", 0, 12),
    "3": number("hour", r"\d\d?", 0, 12),
    "04": number("minute", r"\d\d", 0, 59),
    "4": number("minute", r"\d\d?", 0, 59),
    "05": number("second", r"\d\d", 0, 59),
    "5": number("second", r"\d\d?", 0, 59),
    "2006": number("year", r"\d{4}", 0, 9999),
    "06": number("short", r"\d\d", 0, 99),
    "PM": half("AM", "PM"),
    "pm": half("am", "pm"),
    **{
        f"{sign}{digits}": offset(pattern, z=sign == "Z")
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


def _go(layout: str) -> Iterator[Part]:
    """The parts of a Go layout."""
    chunks = list(_CHUNK.finditer(layout))
    at = 0
    for index, found in enumerate(chunks):
        if found.start() > at:
            yield Literal(layout[at : found.start()])
        at, chunk = found.end(), found[0]
        if chunk[0] in ".,":
            nines, digits = chunk[1] == "9", len(chunk) - 1
            yield fraction(r"[.,](\d+)" if nines else rf"[.,](\d{{{digits}}})", needed=not nines)
            continue
        yield _GO[chunk]
        follower = chunks[index + 1][0] if index + 1 < len(chunks) else ""
        if chunk in ("05", "5") and follower[:1] not in (".", ","):
            yield _FREE_SECONDS
    if at < len(layout):
        yield Literal(layout[at:])


# -- strptime ----------------------------------------------------------------------------------------

_DIRECTIVES: dict[str, Part] = {
    "Y": _GO["2006"],
    "y": _GO["06"],
    "m": number("month", r"\d\d?", 1, 12),
    "B": word("month", MONTHS, SHORT_MONTHS),
    "A": word("weekday", DAYS, SHORT_DAYS),
    "d": blanks(1, number("day", r"\d\d?", 1, 31)),
    "j": number("yearday", r"\d{1,3}", 1, 366),
    "H": number("hour", r"\d\d?", 0, 23),
    "I": number("hour", r"\d\d?", 1, 12),
    "M": number("minute", r"\d\d?", 0, 59),
    "S": number("second", r"\d\d?", 0, 59),
    "f": fraction(r"(\d{1,9})", needed=True),
    "p": half("AM", "PM", any_case=True),
    "z": offset(r"([+-])(\d\d):?(\d\d)(?::?(\d\d))?", z=True),
    "Z": zone,
    "s": number("epoch", r"-?\d{1,18}", -(10**18), 10**18),
    "%": Literal("%"),
    "n": Literal(" "),
    "t": Literal(" "),
}
_SAME = {"b": "B", "h": "B", "a": "A", "e": "d", "k": "H", "l": "I"}
_WHOLE = {"T": "%H:%M:%S", "F": "%Y-%m-%d", "D": "%m/%d/%y", "R": "%H:%M"}


def _strptime(format: str) -> Iterator[Part]:
    """The parts of a strptime format."""
    for found in re.finditer(r"%(.?)|[^%]+", format, re.DOTALL):
        name = found[1]
        if name is None:
            yield Literal(found[0])
        elif name in _WHOLE:
            yield from _strptime(_WHOLE[name])
        elif (part := _DIRECTIVES.get(_SAME.get(name, name))) is not None:
            yield part
        else:
            known = ", ".join(f"%{each}" for each in (*_DIRECTIVES, *_SAME, *_WHOLE))
            raise Invalid(f"the format {format!r} has the directive '%{name}', which is not known; there are {known}")
