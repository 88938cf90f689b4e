"""
How a connection fares after a run: its mode, its errors, and when it runs next.

The rules: a run in which nothing worked counts one error and one that works forgets them all; five errors in a row disable the connection; 401 makes it
``unauthorized``, a spent budget ``rate-limited``, and the mode before comes back with the next run that works.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .clock import stamp
from .connection import DISABLED, INITIAL, NORMAL, RATE_LIMITED, UNAUTHORIZED, Connection
from .error import LimitReached, LockerError, Retriable, Unauthorized
from .retry import LONGEST_ASKED

MOST_ERRORS = 5
INITIAL_SECONDS, LIMITED_SECONDS, ERROR_SECONDS = 5.0, 3600.0, 60.0
INTERRUPTIONS = (RATE_LIMITED, UNAUTHORIZED, DISABLED)


@dataclass(frozen=True, slots=True)
class Health:
    """What a run changes of a connection's row.  *is_good*: it worked, though maybe not for every stream."""

    mode: str
    before: str | None
    errors: int
    code: str | None
    error: str | None
    due: str | None
    is_good: bool = False


def health(connection: Connection, problem: LockerError | None, now: datetime, *, is_complete: bool, is_partial: bool, due: str) -> Health:
    """How a connection fares after a run that met a *problem* or none.

    *is_complete*: each of its streams has been walked to its end once; *is_partial*: some of this run's were, whatever the problem was.  *due* is when
    the first of them is due.
    """
    was = connection.before or connection.mode if connection.mode in INTERRUPTIONS else connection.mode
    code, error = (problem.code, str(problem)) if problem else (None, None)
    if isinstance(problem, LimitReached):
        return Health(RATE_LIMITED, was, connection.errors, code, error, _in(now, problem.after or LIMITED_SECONDS))
    if problem is None or (is_partial and not isinstance(problem, Unauthorized)):
        soon = _in(now, INITIAL_SECONDS)
        return Health(NORMAL if is_complete else INITIAL, None, 0, code, error, max(due, soon), is_good=True)
    errors = connection.errors + 1
    if errors >= MOST_ERRORS:
        return Health(DISABLED, was, 0, code, error, None)
    wait = ERROR_SECONDS * 4.0 ** (errors - 1)
    if isinstance(problem, Retriable) and problem.after:
        wait = max(wait, problem.after)
    mode = UNAUTHORIZED if isinstance(problem, Unauthorized) else was
    return Health(mode, was if mode == UNAUTHORIZED else None, errors, code, error, _in(now, wait))


def advice(connection: Connection) -> str:
    """What to do about how a connection fares; empty if there is nothing to do."""
    source, due = connection.source, (connection.due or "")[:19].replace("T", " ")
    match connection.mode:
        case "unauthorized":
            return f"its token is refused: 'locker connect {source}' gets a new one"
        case "rate-limited":
            return f"nothing: it goes on by itself at {due}"
        case "disabled" if connection.error:
            return f"mend what the error says, then 'locker connections --enable {source}'"
        case "disabled":
            return f"'locker connections --enable {source}' lets it run again"
    if connection.errors:
        return f"nothing yet: it is tried again at {due}, and disabled after {MOST_ERRORS - connection.errors} more"
    if connection.error:
        return f"one of its streams fails; 'locker connections {source}' shows which"
    return "" if connection.ran else f"it never ran: 'locker sync {source}', or 'locker serve', which does it by itself"


def _in(now: datetime, seconds: float) -> str:
    return stamp(now + timedelta(seconds=min(seconds, LONGEST_ASKED)))
