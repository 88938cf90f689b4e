"""
The people in the StreamSource dialect: an account's number, and what everybody may see of it.
"""

from __future__ import annotations

from locker.error import NotFound
from locker.record import Body

from ._service import Call
from ._stream_writes import MISSING


def user(call: Call, number: object) -> Body | None:
    """The user object of an account: ``{"id", "email", "role", "created_at", "updated_at"}``; None if there is no such account."""
    found = call.locker.accounts.numbered(number) if isinstance(number, int) else None
    return found.as_user() if found else None


def check_user(call: Call, number: int) -> None:
    """Raise NotFound for a number that no account has."""
    if user(call, number) is None:
        raise NotFound(MISSING)
