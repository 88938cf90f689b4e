"""
What a server's refusal means to the caller: one table from HTTP status to the house's errors, whatever dialect the server speaks.

The message is the server's own: ``{"error": …}`` of the StreamSource API, the ``detail`` of a problem document, ``{"message": …}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ..error import (
    BrokenSchema,
    Conflict,
    Fatal,
    Forbidden,
    Invalid,
    LockerError,
    NotFound,
    QueryError,
    Retriable,
    TooLarge,
    Unauthorized,
)
from ..record import Body, parse

_BY_STATUS: dict[int, type[LockerError]] = {
    **dict.fromkeys((400, 405, 406, 412, 415, 417, 422, 431), Invalid),
    **dict.fromkeys((413, 414), TooLarge),
    **dict.fromkeys((404, 410), NotFound),
    401: Unauthorized,
    403: Forbidden,
    409: Conflict,
}
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_NOT_BEGUN = frozenset({425, 429, 503})


class NotBegun(Retriable):
    """Try again later; the server surely has not begun with the request.

    A backend of your own raises it where it knows that; any other Retriable is taken to mean that nobody knows.
    """


def failure(status: int, headers: Mapping[str, str], text: bytes, now: datetime) -> LockerError:
    """The error for an answer that is not a success; *headers* have lower-case names."""
    body = _read(text)
    message = _message(body) or text[:200].decode("utf-8", "replace").strip() or "no explanation"
    if status in _AGAIN:
        return (NotBegun if status in _NOT_BEGUN else Retriable)(f"{status}: {message}", retry_after(headers, now))
    if status == 400 and isinstance(body.get("position"), int):
        return QueryError(message, str(body.get("query", "")), body["position"])
    if status == 422 and isinstance(body.get("pointer"), str):
        return BrokenSchema(message, body["pointer"])
    if status in _BY_STATUS:
        return _BY_STATUS[status](message)
    if 300 <= status < 400:
        return Fatal(f"the server has moved to {headers.get('location', 'another place')}; a token is not sent after it: use that URL")
    return Fatal(f"{status}: {message}")


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that the server wants to be left alone: Retry-After as seconds or a date, else X-RateLimit-Reset; None if it does not say."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    moment = _date(value) or _epoch(headers.get("x-ratelimit-reset", "").strip())
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def _date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _epoch(value: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _read(text: bytes) -> Body:
    try:
        body = parse(text)
    except Invalid:
        return {}
    return body if isinstance(body, dict) else {}


def _message(body: Body) -> str:
    value: Any = next((body[name] for name in ("detail", "error", "message", "errors", "title") if body.get(name)), "")
    if isinstance(value, dict):
        value = value.get("message", value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
