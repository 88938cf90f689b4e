"""
Reads fields of documents that nobody vouches for: whatever stands there, the answer has the shape that was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from math import isfinite, nan
from typing import Any

from locker.connector import Body

from ._moment import iso


def obj(value: Any) -> Body:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objs(value: Any) -> list[Body]:
    """The objects of a list; of anything else none."""
    return [inner for inner in value if isinstance(inner, dict)] if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """The texts of a list that say something; numbers as they are written."""
    return [said for inner in value if (said := text(inner))] if isinstance(value, list) else []


def text(*values: Any) -> str | None:
    """The first of the values that is a text with something in it, or a whole number (an id), as text."""
    for value in values:
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def number(*values: Any) -> int | float | None:
    """The first of the values that is a finite number, or the text of one."""
    for value in values:
        try:
            found = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else nan
        except (ValueError, OverflowError):
            continue
        if isfinite(found):
            return int(found) if found.is_integer() else found
    return None


def unique(values: Iterable[str | None]) -> list[str]:
    """Without repetitions and empty ones, in order."""
    return list(dict.fromkeys(value for value in values if value))


def known(**fields: Any) -> Body:
    """The fields that say something: neither None nor empty."""
    return {name.rstrip("_"): value for name, value in fields.items() if value is not None and value not in ("", [], {})}


def epoch(value: Any, unit: float = 1) -> str | None:
    """The moment that a number (or its text) of seconds since 1970 names, exact to the microsecond; *unit* is 1000 for milliseconds."""
    try:
        return iso(datetime.fromtimestamp(round(float(value) * 1_000_000 / unit) / 1_000_000, UTC))
    except (TypeError, ValueError, OverflowError, OSError):
        return None
