"""
How long a service asks to be left alone, where it says so with a status that is not 429.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that ``Retry-After`` asks for, in either of its forms; None if it asks for nothing."""
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked)
    return _between(_date(headers.get("date")), _date(asked))


def until(headers: Mapping[str, str], reset: str) -> float | None:
    """The seconds from an answer's own ``Date`` to the moment (since 1970) in the header *reset*, so that nobody's clock matters."""
    now, end = _date(headers.get("date")), headers.get(reset, "").strip()
    if now is None or not (end.isascii() and end.isdigit()):
        return None
    return max(0.0, float(end) - now.timestamp())


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else max(0.0, (end - start).total_seconds())


def _date(said: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(said or "")
    except (ValueError, TypeError, IndexError):
        return None
    return found if found.tzinfo else None
