"""
A budget is how many requests a service still takes from one credential: kept in the store, shared by all its streams, connections and processes.

The first half of a window may be spent at once; what is left then is spent evenly until the window ends, so that there is always some for what is new.
What the service itself says of its limit goes before what the connector declared.  A short wait is waited out; a longer one ends the run, and says when
it goes on.  Of a large budget a run takes some requests at a time, so that not every request is a transaction; what it has not used it gives back.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .clock import Clock
from .connector import Answer, Pace
from .error import LimitReached, Retriable
from .log import Logbook
from .path import search, text
from .retry import LONGEST_ASKED, asked_for

PATIENCE = 10.0
"""Seconds that a run waits for a service at a time; what asks for more ends the run, and the next one is due then."""
PATIENT_TIMES = 5
SHARE, MOST = 100, 50
"""A run takes a hundredth of the budget at a time, at most this many requests."""
LEAST_BLOCK, MOST_BLOCK = 60.0, 3600.0
FUTURE_MILLISECONDS = 1e11
"""An epoch beyond this (the year 5138) is one in milliseconds, whatever was declared."""
BODY = "body:"
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a budget; *resets*, *blocked* and *last* (when the last request went) are seconds since 1970."""

    limit: float
    left: float
    resets: float
    blocked: float = 0.0
    last: float = 0.0

    def at(self, now: float, pace: Pace) -> Allowance:
        """The same at another moment: when a window has ended, another one begins.  What lies further ahead than anything may is of a clock that went back."""
        kept = self if self.blocked <= now + LONGEST_ASKED else replace(self, blocked=0.0)
        kept = kept if kept.last <= now else replace(kept, last=now)
        return kept if now < kept.resets <= now + _longest(pace) else replace(kept, left=kept.limit, resets=now + pace.seconds)

    def wait(self, now: float, cost: float) -> float:
        """Seconds until a request of this cost may go; 0 if it may now."""
        if now < self.blocked:
            return self.blocked - now
        if self.left < cost:
            return max(self.resets - now, 0.001)
        if self.left > self.limit / 2:
            return 0.0
        return max(0.0, self.last + (self.resets - now) / (self.left / cost + 1) - now)


@dataclass(frozen=True, slots=True)
class Heard:
    """What an answer said of the limit; None where it said nothing.  *blocked* are seconds."""

    limit: float | None = None
    left: float | None = None
    resets: float | None = None
    blocked: float = 0.0


class Budgets:
    """The budgets of a locker."""

    def __init__(self, logbook: Logbook) -> None:
        self._logbook = logbook

    def find(self, name: str, pace: Pace, now: float) -> Allowance | None:
        """What is left of a budget, if anything was ever spent of it."""
        rows = self._logbook.read(_SELECT, [name])
        return Allowance(*rows[0]).at(now, pace) if rows else None


_SELECT = 'SELECT "limit", "left", resets, blocked, last FROM budgets WHERE name = ?'


class Budget:
    """One budget, as a run spends of it."""

    def __init__(self, logbook: Logbook, name: str, pace: Pace, *, clock: Clock) -> None:
        self._logbook, self._name, self._pace, self._clock = logbook, name, pace, clock
        self._held = 0.0
        self._heard = Heard()
        self._spending = asyncio.Lock()
        self._parts: dict[str, Budget] = {}

    def of(self, part: str) -> Budget:
        """The one of another host, where a connector asks many, or of one list, where a service counts them apart."""
        return self._parts.setdefault(part, Budget(self._logbook, f"{self._name} {part}", self._pace, clock=self._clock))

    async def spend(self, cost: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Take what a request costs, after a short wait if need be.  Raises LimitReached if it would be a long one."""
        async with self._spending:
            for _ in range(PATIENT_TIMES):
                if self._held >= cost:
                    break
                if wait := await asyncio.wrap_future(self._logbook.queue(lambda writing: self._take(writing, cost))):
                    if wait > PATIENCE:
                        raise LimitReached(f"the budget of {self._limit()} is spent for now", wait)
                    await sleep(wait)
            self._held = max(0.0, self._held - cost)

    def hear(self, answer: Answer) -> float | None:
        """Take in what an answer says of the limit; the seconds that it asks to wait, if it does."""
        heard = heard_of(answer, self._pace, self._clock())
        self._heard = Heard(
            _either(heard.limit, self._heard.limit), _either(heard.left, self._heard.left), _either(heard.resets, self._heard.resets),
            max(heard.blocked, self._heard.blocked),
        )  # fmt: skip
        if heard.blocked or (heard.left is not None and heard.left <= (heard.limit or self._pace.requests) / 2):
            self._held = 0.0  # from here on each request is weighed
        return heard.blocked or None

    def block(self, seconds: float | None) -> float:
        """The service has had enough: nothing goes for so long, or for a window if it does not say; the seconds."""
        found = min(max(self._pace.seconds, LEAST_BLOCK), MOST_BLOCK) if seconds is None else min(max(seconds, 0.0), LONGEST_ASKED)
        self._heard = replace(self._heard, blocked=max(self._heard.blocked, found))
        self._held = 0.0
        return found

    async def close(self) -> None:
        """Give back what was not used, and let others know what was heard."""
        await asyncio.wrap_future(self._logbook.queue(lambda writing: self._settle(writing, back=self._held)))
        self._held = 0.0
        for part in self._parts.values():
            await part.close()

    def _take(self, writing: sqlite3.Connection, cost: float) -> float:
        """Take at least one request's cost; 0, or the seconds to wait."""
        now = self._clock().timestamp()
        found = self._settle(writing)
        if wait := found.wait(now, cost):
            return wait
        taken = cost
        if found.left > found.limit / 2:
            taken = max(cost, min(found.limit / SHARE, MOST, found.left - found.limit / 2))
        self._put(writing, replace(found, left=found.left - taken, last=now))
        self._held += taken
        return 0.0

    def _settle(self, writing: sqlite3.Connection, back: float = 0.0) -> Allowance:
        """The row as it is with what was heard since."""
        now, pace, heard = self._clock().timestamp(), self._pace, self._heard
        row = writing.execute(_SELECT, (self._name,)).fetchone()
        found = (Allowance(*row) if row else Allowance(pace.requests, pace.requests, now + pace.seconds)).at(now, pace)
        found = replace(
            found,
            limit=found.limit if heard.limit is None else heard.limit,
            left=min(found.left + back, found.limit) if heard.left is None else heard.left,
            resets=found.resets if heard.resets is None else min(heard.resets, now + _longest(pace)),
            blocked=max(found.blocked, now + min(heard.blocked, LONGEST_ASKED) if heard.blocked else 0.0),
        )
        self._heard = Heard()
        self._put(writing, found)
        return found

    def _put(self, writing: sqlite3.Connection, found: Allowance) -> None:
        writing.execute(
            "INSERT OR REPLACE INTO budgets VALUES (?,?,?,?,?,?)",
            (self._name, found.limit, found.left, found.resets, found.blocked, found.last),
        )

    def _limit(self) -> str:
        return f"{self._pace.requests:g} requests in {self._pace.seconds:g} seconds"


def heard_of(answer: Answer, pace: Pace, now: datetime) -> Heard:
    """What an answer says of the limit, in the headers or the places of its body that a pace names."""
    body = _Body(answer)
    limit, left = _number(_said(answer, body, pace.limit)), _number(_said(answer, body, pace.remaining))
    resets = _moment(_said(answer, body, pace.reset), pace.reset_as, now)
    if resets is not None and resets <= now.timestamp():
        limit = left = resets = None  # of a window that is over
    after = asked_for(answer.headers.get("retry-after"), now)
    return Heard(limit, left, resets, max(after or 0.0, _number(_said(answer, body, pace.backoff)) or 0.0))


class _Body:
    """The body of an answer, read when somebody asks for it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def search(self, path: str) -> str | None:
        """What a path finds in it, as text."""
        try:
            return text(search(path, self._answer.json()))
        except Retriable:
            return None


def _said(answer: Answer, body: _Body, place: str) -> str | None:
    if not place:
        return None
    return body.search(place.removeprefix(BODY)) if place.startswith(BODY) else answer.headers.get(place.lower())


def _number(said: str | None) -> float | None:
    found = _NUMBER.search(said or "")
    return max(0.0, float(found[0])) if found else None


def _moment(said: str | None, kind: str, now: datetime) -> float | None:
    """Seconds since 1970 of a window's end, as the pace says they are written."""
    if not said:
        return None
    if kind == "date":
        return _date(said)
    found = _number(said)
    if found is None:
        return None
    if kind == "seconds":
        return now.timestamp() + found
    return found / 1000 if kind == "milliseconds" or found > FUTURE_MILLISECONDS else found


def _date(said: str) -> float | None:
    try:
        moment = datetime.fromisoformat(said.strip())
    except ValueError:
        try:
            moment = parsedate_to_datetime(said)
        except ValueError:
            return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _longest(pace: Pace) -> float:
    """How far ahead a window may end: whoever says more is asked again after that."""
    return max(pace.seconds, LONGEST_ASKED)


def _either(new: float | None, old: float | None) -> float | None:
    return old if new is None else new
