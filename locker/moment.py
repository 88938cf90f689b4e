"""
Understands the many ways in which services and exports write a moment, and writes all of them as ISO 8601.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEBKIT = datetime(1601, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d*)?")
_COMPACT = re.compile(r"(19|20)\d{6}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_FORMATS = ("%d/%b/%Y:%H:%M:%S %z", "%Y-%m-%d %H:%M:%S %Z", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S %z", "%m/%d/%Y %H:%M:%S", "%Y/%m/%d")


def moment(value: Any) -> str | None:
    """A time as ``2011-05-18T10:00:00Z``, a bare date as itself, or None for what is no time (also for 0, which exporters write for never).

    Numbers count from 1970 in seconds, milliseconds, microseconds or nanoseconds, or from 1601 in microseconds (WebKit): whichever lies between
    1973 and 2286.  Times without a zone count as UTC and keep none.
    """
    try:
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, int | float):
            return _numbered(value)
        text = str(value).strip()
        if _COMPACT.fullmatch(text):
            return date.fromisoformat(text).isoformat()
        if _NUMBER.fullmatch(text):
            return _numbered(int(text) if text.lstrip("+-").isdigit() else float(text))
        if _DATE.fullmatch(text):
            return date.fromisoformat(text).isoformat()
        return _written(text)
    except (ValueError, OverflowError, TypeError):
        return None


def iso(time: datetime) -> str:
    """A time in UTC with a Z; a naive one stays without zone."""
    if time.tzinfo is None:
        return time.isoformat()
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _numbered(value: float) -> str | None:
    size, micro = abs(value), timedelta(microseconds=1)
    if size < 10**8:  # a year, an age, a count
        return None
    if size < 10**11:
        return iso(_EPOCH + timedelta(seconds=value))
    if size < 10**14:
        return iso(_EPOCH + timedelta(milliseconds=value))
    if size < 10**16:
        return iso(_EPOCH + int(value) * micro)
    if size < 10**17:
        return iso(_WEBKIT + int(value) * micro)
    return iso(_EPOCH + int(value) // 1000 * micro)


def _written(text: str) -> str | None:
    if len(text) < 8 or not any(map(str.isdigit, text)):
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime, *_FORMATS):
        try:
            return iso(datetime.strptime(text, read) if isinstance(read, str) else read(text))  # noqa: DTZ007 (a missing zone stays missing)
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
    return None
