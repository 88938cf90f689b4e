"""
Figures about a stream, counted in its own history: nothing that the log does not say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from locker.record import Body


@dataclass(frozen=True, slots=True)
class Version:
    """A stream as it stood from *at* on (a stamp of the log)."""

    at: str
    body: Body


def figures(versions: Sequence[Version]) -> Body:
    """Status changes, live sessions and their seconds, edits, and when it was first and last seen.

    A live session goes from the moment it was said to be live to the one where something else was said, or it was archived; one that
    still goes on counts up to the last check, since nobody knows more.
    """
    sessions = list(_sessions(versions))
    statuses = [version.body.get("status") for version in versions]
    newest = versions[-1].body
    return {
        "status_changes": sum(before != after for before, after in pairwise(statuses)),
        "live_sessions": len(sessions),
        "live_seconds": sum(sessions),
        "longest_session_seconds": max(sessions, default=0),
        "is_live": _is_live(newest),
        "edits": len(versions) - 1,
        "first_seen": f"{versions[0].at[:23]}Z",
        "last_seen": newest.get("last_checked_at"),
        "last_updated": f"{versions[-1].at[:23]}Z",
    }


def _sessions(versions: Sequence[Version]) -> Iterable[int]:
    """The whole seconds of each live session."""
    began: str | None = None
    for version in versions:
        if _is_live(version.body):
            began = began or version.at
        elif began is not None:
            yield _seconds(began, version.at)
            began = None
    if began is not None:
        yield _seconds(began, str(versions[-1].body.get("last_checked_at") or began))


def _is_live(body: Body) -> bool:
    return body.get("status") == "live" and not body.get("is_archived")


def _seconds(since: str, until: str) -> int:
    return max(0, int((datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds() + 0.001))
