"""
Whether a posted stream is a new one, or goes on with one that was checked a moment ago: decided inside the write lock, exactly.

A small index in memory holds the streams that were checked within the last half hour.  It is fed from the log alone, inside the lock, before
each decision, so it also knows what other processes wrote; what it read of a transaction that failed, it forgets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from locker.locker import Sight
from locker.record import Body

from ._stream_rules import same_link
from ._stream_tail import Tail

WINDOW = timedelta(minutes=30)
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """A stream as a continuation looks at it: who made it, when it was *checked*, and what it is known by."""

    n: int
    user: int
    checked: str
    link: Key
    source: Key


def shown(stamp: str) -> str:
    """A stamp of the log to the millisecond, as this dialect writes times."""
    return f"{stamp[:23]}Z"


@dataclass(slots=True)
class Recent:
    """The streams that a post may continue."""

    _streams: dict[int, Watched] = field(default_factory=dict)
    """In the order in which they were checked."""
    _by_key: dict[Key, dict[int, None]] = field(default_factory=dict)
    _tail: Tail = field(default_factory=Tail)

    def find(self, sight: Sight, posted: Body, user: int | None) -> int | None:
        """The stream that a posted one continues: checked last of those with its link, else of those with its source and platform.

        *user*: only streams of this account (None: of anybody).
        """
        since = shown(_before(sight.now))
        self._catch_up(sight)
        for n in [n for n, watched in self._until(since)]:
            self._forget(n)
        for key in (_link(posted), _source(posted)):
            found = (self._streams[n] for n in self._by_key.get(key, ()))
            mine = [(watched.checked, watched.n) for watched in found if watched.checked >= since and user in (None, watched.user)]
            if mine:
                return max(mine)[1]
        return None

    def _until(self, since: str) -> Iterable[tuple[int, Watched]]:
        for n, watched in self._streams.items():
            if watched.checked >= since:
                return
            yield n, watched

    def _catch_up(self, sight: Sight) -> None:
        """Read what was appended since the last time; from half an hour ago if what was read then is not what stands."""
        fits, records = self._tail.read(sight, lambda: sight.version_at(_before(sight.now)) + 1)
        if not fits:
            self._streams.clear()
            self._by_key.clear()
        for record in records:
            self._take(record.n, record.body)

    def _take(self, n: int, body: Body | None) -> None:
        checked = (body or {}).get("last_checked_at")
        old = self._streams.get(n)
        if body is None or body.get("is_archived") or not isinstance(checked, str):
            self._forget(n)
            return
        if old is not None and old.checked != checked:
            self._forget(n)
        watched = Watched(n, body.get("user_id", -1), checked, _link(body), _source(body))
        if old is not None and (old.link, old.source) != (watched.link, watched.source):
            for key in (old.link, old.source):
                self._by_key.get(key, {}).pop(n, None)
        self._streams[n] = watched
        for key in (watched.link, watched.source):
            self._by_key.setdefault(key, {})[n] = None

    def _forget(self, n: int) -> None:
        if (old := self._streams.pop(n, None)) is not None:
            for key in (old.link, old.source):
                if (known := self._by_key.get(key)) is not None:
                    known.pop(n, None)
                    if not known:
                        del self._by_key[key]


def _link(body: Body) -> Key:
    return ("link", same_link(str(body.get("link", ""))))


def _source(body: Body) -> Key:
    return ("source", str(body.get("source", "")).casefold(), str(body.get("platform", "")))


def _before(now: str) -> str:
    moment = datetime.fromisoformat(now) - WINDOW
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}Z"
