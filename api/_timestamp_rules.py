"""
What a note on a moment may say, and in which streams it can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard

from locker.account import Identity
from locker.locker import Sight, Write
from locker.record import Body

from ._stream_continuation import shown
from ._stream_rules import Wrong
from ._stream_writes import standing

LEAST_TITLE, MOST_TITLE, MOST_DESCRIPTION = 3, 200, 2000


def adding(said: Body, exists: Callable[[int], bool], who: Identity) -> Callable[[Sight], Write]:
    """Add a timestamp.  Raises Wrong at once for what is wrong with it; *exists*: whether there is such a stream."""
    given = checked(said, exists, is_new=True)

    def add(sight: Sight) -> Write:
        now = shown(sight.now)
        made = {"streams": [], **given, "is_archived": False, "user_id": who.account.number}
        return Write({**made, "created_at": now, "updated_at": now})

    return add


def editing(n: int, said: Body, exists: Callable[[int], bool], who: Identity) -> Callable[[Sight], Write]:
    """Change what a request says of a timestamp; its streams are given whole."""
    given = checked(said, exists, is_new=False)

    def edit(sight: Sight) -> Write:
        old = standing(sight, n, who)
        patch = {key: value for key, value in given.items() if old.get(key) != value}
        return Write(patch | {"updated_at": shown(sight.now)} if patch else {}, n)

    return edit


def checked(said: Mapping[str, Any], exists: Callable[[int], bool], *, is_new: bool) -> Body:
    """What a request says of a timestamp, spelled our way.  Raises Wrong with everything that is wrong."""
    wrong: list[str] = []
    found: Body = {}
    if "title" in said or is_new:
        title = said.get("title")
        if not isinstance(title, str) or not LEAST_TITLE <= len(title.strip()) <= MOST_TITLE:
            wrong.append(f"Title must have {LEAST_TITLE} to {MOST_TITLE} characters")
        else:
            found["title"] = title.strip()
    if "description" in said:
        text = found["description"] = said["description"]
        if text is not None and (not isinstance(text, str) or len(text) > MOST_DESCRIPTION):
            wrong.append(f"Description is too long (maximum is {MOST_DESCRIPTION} characters)")
    if "event_timestamp" in said or is_new:
        if (at := instant(said.get("event_timestamp"))) is None:
            wrong.append("Event timestamp must be a date and time, like 2026-11-22T08:00:00Z")
        found["event_timestamp"] = at
    if said.get("streams") is not None:
        found["streams"] = _streams(said["streams"], exists, wrong)
    if wrong:
        raise Wrong(*wrong)
    return {key: value for key, value in found.items() if value is not None} if is_new else found


def instant(value: object) -> str | None:
    """An ISO date-time (UTC if it names no zone) as this dialect writes it; None for anything else.

    >>> instant("2026-11-22T08:00:00+01:00")
    '2026-11-22T07:00:00.000Z'
    """
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        if moment is None:
            return None
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return aware.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def clock(seconds: object) -> str:
    """How far into a stream, as people write it.

    >>> clock(3665), clock(125), clock(0), clock(None)
    ('1:01:05', '2:05', '0:00', 'Unknown')
    """
    if not isinstance(seconds, int):
        return "Unknown"
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def _streams(said: object, exists: Callable[[int], bool], wrong: list[str]) -> list[Body]:
    if not isinstance(said, list):
        wrong.append("Streams must be an array")
        return []
    found: dict[int, Body] = {}
    for place, one in enumerate(said, 1):
        n, seconds = (one.get("stream_id"), one.get("stream_timestamp_seconds")) if isinstance(one, dict) else (one, None)
        if not _is_whole(n) or not exists(n):
            wrong.append(f"Stream {place}: there is no such stream")
        elif seconds is not None and not _is_whole(seconds):
            wrong.append(f"Stream {place}: Stream timestamp seconds must be greater than or equal to 0")
        elif n in found:
            wrong.append(f"Stream {place}: Stream has already been taken")
        else:
            found[n] = {"stream_id": n} | ({} if seconds is None else {"stream_timestamp_seconds": seconds})
    return list(found.values())


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
