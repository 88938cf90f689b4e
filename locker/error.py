"""
Everything that can go wrong, by the code its clients see.

* LockerError              internal
  + Invalid                invalid        the sender can mend it
    - QueryError           query          ... and this is where in the query text
    - TooLarge             too_large
    - BrokenSchema         schema         ... and this is where in the body
  + NotFound               not_found
  + Conflict               conflict       somebody else got there first
  + Unauthorized           unauthorized   nobody we know
  + Forbidden              forbidden      somebody we know, who may not
  + TooMany                too_many       too often, too soon
  + Unavailable            unavailable    try again later
    - StorageError         storage        the disk is full, read-only or busy
  + Corrupt                corrupt        the store does not say what it should
  + ConnectorError         connector
    - Fatal                fatal          do not try again
    - Retriable            retriable      try again, after *after* seconds
      . LimitReached       limit_reached  ... since a service has had enough requests for now
    - Skippable            skippable      this one entry is unreadable, go on
"""

from __future__ import annotations


class LockerError(Exception):
    """Superclass of all locker errors.  Never raised directly."""

    code = "internal"


class Invalid(LockerError):
    """The request or the record breaks a rule that its sender can mend."""

    code = "invalid"


class QueryError(Invalid):
    """A query text that does not parse; *position* is the 0-based character of the mistake."""

    code = "query"

    def __init__(self, message: str, text: str = "", position: int = 0) -> None:
        super().__init__(message)
        self.message, self.text, self.position = message, text, position

    def caret(self) -> str:
        """At most 80 characters of the text around the mistake, and a caret under it."""
        start = max(0, self.position - 40)
        part = self.text[start : start + 80].replace("\n", " ").replace("\t", " ")
        return f"{part}\n{' ' * (self.position - start)}^"


class TooLarge(Invalid):
    """More than we take at once."""

    code = "too_large"


class BrokenSchema(Invalid):
    """A body that is not what its type's schema says; *pointer* is the JSON pointer of the place, empty at the top."""

    code = "schema"

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.pointer = pointer


class NotFound(LockerError):
    """There is no such thing, or not for this reader."""

    code = "not_found"


class Conflict(LockerError):
    """Somebody else got there first."""

    code = "conflict"


class Unauthorized(LockerError):
    """Nobody we know is asking."""

    code = "unauthorized"


class Forbidden(LockerError):
    """Somebody we know is asking for what is not theirs."""

    code = "forbidden"


class TooMany(LockerError):
    """Too often: at most *limit* in a window that ends at *reset* (seconds since 1970); try again *after* seconds."""

    code = "too_many"

    def __init__(self, message: str, limit: int, reset: float, after: int) -> None:
        super().__init__(message)
        self.limit, self.reset, self.after = limit, reset, after


class Unavailable(LockerError):
    """Not now; the same request may succeed later."""

    code = "unavailable"


class StorageError(Unavailable):
    """The disk or the database file refuses: full, read-only, locked for too long."""

    code = "storage"


class Corrupt(LockerError):
    """The store does not say what it should: a digest, a version or a head is wrong."""

    code = "corrupt"


class ConnectorError(LockerError):
    """A service or an archive could not be read."""

    code = "connector"


class Fatal(ConnectorError):
    """Trying again will not help; somebody must act."""

    code = "fatal"


class Retriable(ConnectorError):
    """Try again, not before *after* seconds (None: whenever)."""

    code = "retriable"

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class LimitReached(Retriable):
    """A service has had enough requests for now: nothing is wrong, go on after *after* seconds."""

    code = "limit_reached"


class Skippable(ConnectorError):
    """This one entry is unreadable; the rest goes on."""

    code = "skippable"
