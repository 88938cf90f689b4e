"""
Live: whoever listens is told of what the log says, from where they stopped, without a gap, and then of each record as it comes.

One thread reads the log for all listeners that have caught up.  Those who want the same are one *channel*, which is asked once.  A listener that is behind reads
pages of its own until it has come to where that thread is.  Nothing is written: a listener's only memory is the position that it was told last.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event, RLock, Thread
from time import monotonic

from .error import LockerError
from .filter import Filter
from .index import Index
from .log import Logbook, Position
from .meaning import passes
from .membership import Membership, before
from .notification import Change
from .record import Record
from .term import Term
from .tree import Kinds

PAGE, OWN_PAGE = 200, 500
MOST, MOST_BYTES = 2000, 4 * 1024 * 1024
"""Records, and bytes, that wait in memory for one listener; one that lets more wait is ended."""
POLL_SECONDS = 0.25
LOOK_SECONDS = 1.0
STALL_SECONDS = 60.0
"""A listener that takes nothing for so long is ended."""

SLOW, REVOKED, SHUTDOWN, GONE = "slow", "revoked", "shutdown", "gone"

logger = logging.getLogger("locker")

Encode = Callable[[Record, Change | None], bytes]
"""How a record is told.  Listeners that are told alike bring the same function, and share what it makes."""


@dataclass(frozen=True, slots=True)
class Item:
    """A record, ready to be told."""

    position: Position
    frame: bytes


@dataclass(slots=True, eq=False)
class Channel:
    """All who want the same, told in the same way."""

    filter: Filter
    encode: Encode
    term: Term | None = None
    listeners: dict[Listener, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.term = self.filter.term


@dataclass(slots=True, eq=False)
class Listener:
    """One who listens.  *position* is up to where it was told all; *check* says why it may not listen any more, empty if it may.

    *reason* is why it was ended: ``slow``, ``revoked``, ``shutdown``, ``gone``.  Only the event loop touches it, but for ``position`` before it has joined.
    """

    channel: Channel
    position: Position
    check: Callable[[], str] = lambda: ""
    ended: Callable[[], None] = lambda: None
    reason: str = ""
    busy_since: float | None = None
    is_joined: bool = False
    waiting: deque[Item] = field(default_factory=deque)
    bytes: int = 0
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, items: Sequence[Item]) -> None:
        """Let items wait, or end if there are too many."""
        if self.reason:
            return
        fresh = items if items[0].position > self.position else [each for each in items if each.position > self.position]
        if not fresh:
            return
        self.waiting.extend(fresh)
        self.bytes += sum(len(each.frame) for each in fresh)
        self.position = fresh[-1].position
        if len(self.waiting) > MOST or self.bytes > MOST_BYTES:
            self.end(SLOW)
        self.woken.set()

    def end(self, reason: str) -> None:
        """Tell it nothing more; the first reason counts."""
        if not self.reason:
            self.reason = reason
            self.waiting.clear()
            self.woken.set()
            self.ended()

    async def next(self, seconds: float) -> list[Item]:
        """What waits; nothing if there is nothing for so long, or it was ended."""
        if not self.waiting and not self.reason:
            self.woken.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self.woken.wait()
            except TimeoutError:
                return []
        found = list(self.waiting)
        self.waiting.clear()
        self.bytes = 0
        return found


class Live:
    """The listeners of one process; *changes* grows whenever somebody may have lost a right."""

    def __init__(self, logbook: Logbook, kinds: Mapping[str, Kinds], changes: Callable[[], int] = lambda: 0) -> None:
        self._logbook, self._membership, self._changes = logbook, Membership(kinds), changes
        self.listeners: dict[Listener, None] = {}
        self.position: Position = 0
        self.told = 0
        """Records told since the start, once for each listener."""
        self._handed: Position = 0
        self._seen = 0
        self._index: Index[Channel] = Index()
        self._channels: dict[tuple[Filter, Encode], Channel] = {}
        self._left: deque[Channel] = deque()
        self._lock = RLock()
        self._wake, self._stop = Event(), Event()
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # -- listening -----------------------------------------------------------------------------------

    def open(
        self, filter: Filter, encode: Encode, position: Position, check: Callable[[], str], ended: Callable[[], None] = lambda: None
    ) -> Listener:
        """A new listener, which has been told all up to a position; read ``advance`` until it has caught up, then ``next``."""
        made = Listener(Channel(filter, encode), position, check, ended)
        self.listeners[made] = None
        return made

    def close(self, listener: Listener) -> None:
        """Let a listener go."""
        self.listeners.pop(listener, None)
        if listener.channel.listeners.pop(listener, True) is None:
            self._left.append(listener.channel)

    def heard(self, listener: Listener) -> Position:
        """Up to where a listener heard everything, once it has joined and nothing waits for it."""
        return max(listener.position, self._handed) if listener.is_joined and not listener.waiting else listener.position

    async def advance(self, listener: Listener, threads: Callable[..., asyncio.Future[tuple[list[Item], bool]]]) -> list[Item]:
        """The next page of what a listener missed; when there is none, it has joined those who are told as it comes."""
        self._start(asyncio.get_running_loop())
        items, listener.is_joined = await threads(self._advance, listener)
        return items

    def _advance(self, listener: Listener) -> tuple[list[Item], bool]:
        channel, start, end = listener.channel, listener.position, self._logbook.position
        records = self._own(channel.filter, start, end) if end > start else []
        covered = (record for record in records if channel.filter.covers(record))
        items = [item for record in covered if (item := self._item(channel, record, {})) is not None]
        listener.position = records[-1].position if len(records) == OWN_PAGE else max(start, end)
        return items, len(records) < OWN_PAGE and self._join(listener)

    def _own(self, filter: Filter, start: Position, end: Position) -> list[Record]:
        """A page of the log for one filter: of the logs that it names, or of its owners'."""
        if filter.sources:
            logs = [f"{owner}/{source}" for owner in filter.owners for source in filter.sources]
            where, parameters = f"originator_id IN ({', '.join('?' * len(logs))})", logs
        else:
            where = " OR ".join("(originator_id > ? AND originator_id < ?)" for _ in filter.owners)
            parameters = [each for owner in filter.owners for each in (f"{owner}/", f"{owner}0")]
        return self._logbook.select(
            f"WHERE position > ? AND position <= ? AND ({where}) ORDER BY position LIMIT ?", [start, end, *parameters, OWN_PAGE]
        )

    def _join(self, listener: Listener) -> bool:
        with self._lock:
            if listener.position < self.position or listener.reason:
                return False
            if not len(self._index):
                self.position = listener.position
            key = (listener.channel.filter, listener.channel.encode)
            listener.channel = self._channels.setdefault(key, listener.channel)
            listener.channel.listeners[listener] = None
            if listener.channel not in self._index:
                self._index.add(listener.channel)
        self._wake.set()
        return True

    def _item(self, channel: Channel, record: Record, frames: dict[tuple[Encode, Change | None], bytes]) -> Item | None:
        """A record as a channel tells it; None if it is not for it."""
        change: Change | None = None
        if not passes(channel.filter, record):
            return None
        if channel.term is not None:
            terms = channel.filter.terms
            is_in = self._membership.is_in(terms, channel.term, record)
            was_in = self._membership.is_in(terms, channel.term, before(self._logbook.read, record))
            if not is_in and not was_in:
                return None
            change = "left" if not is_in else "changed" if was_in else "entered"
        if (frame := frames.get((channel.encode, change))) is None:
            frame = frames[channel.encode, change] = channel.encode(record, change)
        return Item(record.position, frame)

    # -- reading for all -----------------------------------------------------------------------------

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._thread is None:
            self._loop = loop
            self._stop.clear()
            self._thread = Thread(target=self._work, name="live", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        if self._thread is not None:
            self._stop.set()
            self._wake.set()
            self._logbook.wake()
            self._thread.join()
            self._thread = self._loop = None

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                if not len(self._index):
                    self._wake.wait(POLL_SECONDS)
                    self._wake.clear()
                elif not self._step():
                    self._logbook.wait(self.position, POLL_SECONDS)
            except RuntimeError:  # the event loop has ended, and every listener with it
                return
            except LockerError as error:
                logger.error("live: %s: %s", error.code, error)  # noqa: TRY400 - it says what to do
                self._stop.wait(POLL_SECONDS)

    def _step(self) -> bool:
        """Read the next page and hand it out; False if there is none."""
        with self._lock:
            while self._left:
                if not (channel := self._left.popleft()).listeners:
                    self._index.remove(channel)
                    self._channels.pop((channel.filter, channel.encode), None)
            start, end = self.position, self._logbook.position
            if end <= start or not len(self._index):
                return False
            where = "WHERE position > ? AND position <= ? AND originator_id NOT LIKE 'system/%' ORDER BY position LIMIT ?"
            records = self._logbook.select(where, [start, end, PAGE])
            found = self._sorted(records)
            self.position = records[-1].position if len(records) == PAGE else end
        self._hand_over(found, self.position)
        return True

    def _sorted(self, records: Sequence[Record]) -> dict[Channel, list[Item]]:
        found: dict[Channel, list[Item]] = {}
        for record in records:
            frames: dict[tuple[Encode, Change | None], bytes] = {}
            for channel in self._index.find(record):
                if (item := self._item(channel, record, frames)) is not None:
                    found.setdefault(channel, []).append(item)
        return found

    def _hand_over(self, found: dict[Channel, list[Item]], reached: Position) -> None:
        """Give a page to the event loop, and wait until it has it: who takes what comes has room for the next one then."""
        done = Event()

        def hand() -> None:
            self._look(only_changed=True)
            for channel, items in found.items():
                for listener in tuple(channel.listeners):
                    listener.take(items)
                    if listener.reason:  # nobody is told any more; it may have joined while it was let go
                        channel.listeners.pop(listener, None)
                        self._left.append(channel)
                self.told += len(items) * len(channel.listeners)
            self._handed = max(self._handed, reached)
            done.set()

        assert self._loop is not None
        self._loop.call_soon_threadsafe(hand)
        while not done.wait(POLL_SECONDS) and not self._stop.is_set():
            continue

    # -- ending --------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Look every second whether listeners may still listen, and whether they do."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._look(only_changed=False)

    def _look(self, *, only_changed: bool) -> None:
        """End those who may not listen any more, and those who take nothing."""
        changes = self._changes()
        if only_changed and changes == self._seen:
            return
        self._seen, stalled = changes, monotonic() - STALL_SECONDS
        for listener in tuple(self.listeners):
            if reason := listener.check():
                listener.end(reason)
            elif listener.busy_since is not None and listener.busy_since < stalled:
                listener.end(SLOW)

    def end(self) -> None:
        """End all listeners: the server stops."""
        for listener in tuple(self.listeners):
            listener.end(SHUTDOWN)
