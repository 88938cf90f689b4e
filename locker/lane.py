"""
A lane is how far one subscription came: what it was read up to, and its letters, one for each thing that it has yet to be told of.

A letter holds positions, never bodies: a receiver that is down costs a few bytes for each thing that waits, and a lane that is full stays behind in the log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from .filter import Filter
from .subscribing import Secrets
from .subscription import Subscription
from .term import Term

State = Literal["ready", "running", "answered", "waiting", "done"]
MOST = 1000
"""Letters of one lane; more are not read for it."""
MOST_CROWDED, CROWDED = 20, 100_000
"""... once there are so many letters in all lanes."""
LEAST_UNWRITTEN = 8
"""Answers of one lane that may wait to be written, or twice its concurrency if that is more: so many are repeated after a kill."""
FAILURES = 3
"""After so many attempts in a row that failed, a receiver is tried with one letter at a time, after growing pauses."""
LONGEST_HOLD = 60.0


@dataclass(slots=True, eq=False)
class Letter:
    """The next revision of one thing, for one subscription.

    *position* is that of the record; *more* says that there may be later revisions, to be looked for behind it, or behind *after* if a replay went
    back.  *is_kept* says that the store knows that it waits.  *again* is set on a dead letter that is sent once more, *request* on a test.
    """

    lane: Lane
    thing: str
    position: int
    has: bool = False
    after: int | None = None
    epoch: int = 0
    attempts: int = 0
    due: float = 0.0
    state: State = "ready"
    more: bool = False
    is_kept: bool = False
    again: bool = False
    request: str = ""
    born: float = 0.0

    @property
    def floor(self) -> int:
        """Up to where the log says nothing new of its thing."""
        return self.position - 1 if self.after is None else self.after

    @property
    def name(self) -> str:
        """What the lane knows it by: a dead letter that is sent again stands beside newer ones of its thing."""
        return f"{self.thing} {self.request or self.position}" if self.again or self.request else self.thing


@dataclass(slots=True, eq=False)
class Lane:
    """One subscription's way through the log.

    *position* is how far the log was read for it, while it is not in step with the others.  *held* is when it may be called again; *lag* the
    seconds between a record and its second telling, up to the position *until*, in a replay at the original pace.
    """

    subscription: Subscription
    position: int
    epoch: int = 0
    in_step: bool = False
    until: int | None = None
    lag: float | None = None
    failing: float | None = None
    is_gone: bool = False
    is_queued: bool = False
    failures: int = 0
    running: int = 0
    unwritten: int = 0
    slow: int = 0
    held: float = 0.0
    wakes: float = 0.0
    next_start: float = 0.0
    secrets: Secrets | None = None
    secrets_until: float = 0.0
    term: Term | None = None
    saved: tuple[object, ...] | None = None
    letters: dict[str, Letter] = field(default_factory=dict)
    ready: deque[Letter] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.set(self.subscription)

    def set(self, subscription: Subscription) -> None:
        """Go on as the subscription says now."""
        self.subscription, self.secrets = subscription, None
        self.term = subscription.filter.term

    @property
    def filter(self) -> Filter:
        return self.subscription.filter

    @property
    def number(self) -> int:
        return self.subscription.number

    @property
    def version(self) -> int:
        return self.subscription.version

    @property
    def is_active(self) -> bool:
        return self.subscription.is_active and not self.is_gone

    @property
    def is_sick(self) -> bool:
        """Whether nothing arrived lately."""
        return self.failures >= FAILURES

    @property
    def capacity(self) -> int:
        """How many may run at once: one, while nothing arrives or an answer takes long."""
        return 1 if self.slow or self.is_sick else self.subscription.delivery.concurrency

    @property
    def has_room(self) -> bool:
        """Whether another attempt may begin: so many run at once, and so many answers may be lost with this process."""
        concurrency = self.subscription.delivery.concurrency
        return self.running < self.capacity and self.running + self.unwritten < max(LEAST_UNWRITTEN, 2 * concurrency)

    def is_full(self, total: int) -> bool:
        """Whether nothing more is read for it, when all lanes together have so many letters."""
        return len(self.letters) >= (MOST if total < CROWDED else MOST_CROWDED)

    def add(self, letter: Letter) -> None:
        """Take a letter in; one that is due is ready."""
        self.letters[letter.name] = letter
        if letter.state == "ready":
            self.ready.append(letter)

    def stop(self, position: int) -> None:
        """Stand still at a position: forget the letters that the store does not know; they are read again later."""
        self._drop(lambda letter: not letter.is_kept)
        self.position, self.in_step = position, False

    def rewind(self, position: int) -> None:
        """Go back: what runs goes on, and looks for what follows behind that position."""
        for letter in self.letters.values():
            if letter.state in ("running", "answered"):
                letter.after, letter.more, letter.is_kept = min(letter.floor, position), True, False
        self._drop(lambda letter: letter.position > position and not letter.again)
        self.epoch += 1
        self.position, self.in_step = position, False

    def _drop(self, wanted: Callable[[Letter], bool]) -> None:
        for letter in list(self.letters.values()):
            if letter.state in ("ready", "waiting") and wanted(letter):
                letter.state = "done"
                del self.letters[letter.name]
        self.ready = deque(letter for letter in self.ready if letter.state == "ready")

    def low(self, reached: int) -> int:
        """The position up to which the store knows everything, if the log was read up to *reached* for it."""
        # Letters that the store does not know stand in the order of the log; those that it knows may stand anywhere.
        first = next((letter.floor for letter in self.letters.values() if not letter.is_kept and not letter.request), reached)
        return min(reached, first)

    def hold(self, now: float) -> None:
        """Call less often while nothing arrives."""
        delays = self.subscription.delivery.retry.delays or (0.0,)
        if self.is_sick:
            pause = min(LONGEST_HOLD, max(delays), delays[0] * 2.0 ** min(self.failures - FAILURES, 20))
            self.held = max(self.held, now + pause)
