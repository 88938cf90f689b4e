"""
The dispatcher sends letters: in order for each thing, many things side by side, and writes what became of them.

A letter's slot is free when the receiver has answered; the next revision of the same thing goes out only when that answer is in the store, so that whoever is
killed here repeats at most what was not yet written, and never goes back in a thing's history.  Answers that come together are written together.
"""

from __future__ import annotations

import asyncio
import logging
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, takewhile

from .attempt import Attempts, Result
from .clock import Clock, stamp
from .courier import Courier
from .error import Conflict, LockerError, StorageError, Unavailable
from .follower import Lease
from .lane import Lane, Letter
from .ledger import AGAIN, POSITION, Ledger, Page
from .log import Logbook
from .meaning import Meanings
from .record import Body
from .retry import LONGEST_ASKED
from .sorter import Sorter
from .subscribing import Subscriptions
from .subscription import Subscription
from .tree import Kinds
from .verdict import Answer, Verdict, draft

logger = logging.getLogger("locker")

SLOTS = 128
"""Attempts at once to receivers that answer quickly."""
SLOW_SLOTS, SICK_SLOTS = 256, 128
"""... to those that take long; and of these, to receivers of which nothing is known but failures."""
SLOW_SECONDS = 1.0
"""An attempt that takes longer gives its slot back, and its receiver gets one letter at a time."""
MOST_UNWRITTEN = 2000
POLL_SECONDS = 0.5
GATHER_SECONDS = 0.01
SAVE_SECONDS = 1.0
LEASE_SECONDS = 4.0
GRACE_SECONDS = 2.0
BACK_SECONDS = 3600.0
"""A clock that goes back further was wrong before: what was to happen at its time must not wait until then."""
LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)


@dataclass(slots=True)
class Figures:
    """What was done since the start: attempts by verdict, seconds that they took, and what there is to do."""

    outcomes: dict[str, int] = field(default_factory=dict)
    latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY) + 1))
    """Attempts by how long they took: up to each of ``LATENCY``, and longer."""
    seconds: float = 0.0
    attempts: int = 0
    running: int = 0
    letters: int = 0
    lanes: int = 0
    behind: int = 0
    position: int = 0


class Dispatcher:
    """Follows the log for all subscriptions of one locker, inside an event loop of its own.  Make a new one for each run."""

    def __init__(
        self,
        logbook: Logbook,
        subscriptions: Subscriptions,
        courier: Courier,
        kinds: Mapping[str, Kinds],
        *,
        lease: Lease | None,
        clock: Clock,
        random: Callable[[], float],
        figures: Figures,
        refusal: Callable[[Subscription], str] = lambda _: "",
    ) -> None:
        self._logbook, self._subscriptions, self._lease = logbook, subscriptions, lease
        self._clock, self.figures = clock, figures
        self._ledger = Ledger(logbook)
        meanings = Meanings(self._ledger, kinds)
        self._attempts = Attempts(self._ledger, meanings, subscriptions, courier, clock, random, refusal)
        self.sorter = Sorter(logbook, self._ledger, subscriptions, meanings)
        self._queue: deque[Lane] = deque()
        self._sick: deque[Lane] = deque()
        self._timers: list[tuple[float, int, Lane, Letter | None]] = []
        self._numbers = count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._results: list[Result] = []
        self._running = self._slow = 0
        self._since: dict[Letter, float] = {}
        self._saved = (0.0, 0)
        self._leased = 0.0
        self._wake, self._answered = asyncio.Event(), asyncio.Event()
        self._is_stopping = False
        self._thread = ThreadPoolExecutor(1)

    @property
    def now(self) -> float:
        return self._clock().timestamp()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until told to stop.  Raises Conflict if another process took over, StorageError if the store cannot be read."""
        loop = asyncio.get_running_loop()

        def woken() -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._wake.set)

        unlisten = self._logbook.listen(woken)
        stopping, workers = asyncio.create_task(stop.wait()), list[asyncio.Task[None]]()
        try:
            self.sorter.load(self.now)
            workers = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
            done, _ = await asyncio.wait([*workers, stopping], return_when=asyncio.FIRST_COMPLETED)
            if stopping in done:
                await self._finish(workers)
            for each in done:
                each.result()
        finally:
            unlisten()
            left = [stopping, *workers, *self._tasks]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            self._ledger.close()
            self._thread.shutdown(wait=False)

    async def _finish(self, workers: list[asyncio.Task[None]]) -> None:
        """Let what runs end, if it is quick, and write it."""
        self._is_stopping = True
        workers[0].cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE_SECONDS)
        self._answered.set()
        await workers[1]

    # -- reading -------------------------------------------------------------------------------------

    async def _read(self) -> None:
        seen, latest = -1, 0.0
        while True:
            self._wake.clear()
            now, end = self.now, self._ledger.end
            if now < latest - BACK_SECONDS:
                raise Unavailable(f"the clock went back by {latest - now:.0f} seconds; deliveries begin anew with what the store says")
            latest = max(latest, now)
            has_read = end != seen and self.sorter.heed(now)
            seen = seen if has_read else end
            has_read = self.sorter.read(now) or has_read
            has_read = self.sorter.catch_up(now) or has_read
            self._stir(now)
            if has_read:
                await asyncio.sleep(0)
            else:
                await self._rest()

    async def _rest(self) -> None:
        """Wait for an append, a timer, or half a second."""
        now = self.now
        if self._saved[0] + SAVE_SECONDS < now and (self.sorter.position != self._saved[1] or self.sorter.dirty or self.sorter.page):
            self._answered.set()
        if self._lease and self._leased + LEASE_SECONDS < now:
            self._leased = now
            if not self._lease.take():
                raise Conflict("another process delivers now")
        pause = min(POLL_SECONDS, max(0.0, self._timers[0][0] - now)) if self._timers else POLL_SECONDS
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            return

    def _stir(self, now: float) -> None:
        """Take up what the sorter left, and what is due."""
        for letter in self.sorter.moved:
            self._at(letter.due, letter.lane, letter)
        self.sorter.moved.clear()
        for when, lane in self.sorter.alarms:
            self._at(when, lane)
        self.sorter.alarms.clear()
        for lane in self.sorter.stirred:
            self._enqueue(lane)
        self.sorter.stirred.clear()
        while self._timers and self._timers[0][0] <= now:
            _, _, lane, due = heappop(self._timers)
            if due is not None and due.state == "waiting" and due.due <= now:
                due.state = "ready"
                lane.ready.append(due)
            self._enqueue(lane)
        self._look_for_slow()
        self._pump(now)

    # -- sending -------------------------------------------------------------------------------------

    def _at(self, when: float, lane: Lane, letter: Letter | None = None) -> None:
        """Look at a lane again, or at one letter of it, at a time."""
        if not self._timers or when < self._timers[0][0]:
            self._wake.set()
        heappush(self._timers, (when, next(self._numbers), lane, letter))

    def _enqueue(self, lane: Lane) -> None:
        if lane.ready and not lane.is_queued and lane.is_active and lane.has_room:
            lane.is_queued = True
            (self._sick if lane.is_sick else self._queue).append(lane)

    def _pump(self, now: float) -> None:
        """Start as many attempts as there are slots, one for each lane in turn; the sick cannot take the slots of the others."""
        while self._queue and self._running < SLOTS and len(self._results) < MOST_UNWRITTEN:
            self._next(self._queue.popleft(), now)
        while self._sick and self._slow < SICK_SLOTS and len(self._results) < MOST_UNWRITTEN:
            self._next(self._sick.popleft(), now)

    def _next(self, lane: Lane, now: float) -> None:
        """Start the next attempt of a lane whose turn it is, if it is time."""
        lane.is_queued = False
        if not lane.ready or not lane.is_active or not lane.has_room or self._is_stopping:
            return
        if (start := max(lane.held, lane.next_start)) > now:
            self._at(start, lane)
            return
        letter = lane.ready.popleft()
        if letter.state == "ready":
            if rate := lane.subscription.delivery.rate:
                lane.next_start = max(lane.next_start, now - 1 / rate) + 1 / rate
            self._start(lane, letter)
        self._enqueue(lane)

    def _start(self, lane: Lane, letter: Letter) -> None:
        letter.state, letter.epoch = "running", lane.epoch
        lane.running += 1
        if lane.is_sick:
            lane.slow += 1
            self._slow += 1
        else:
            self._running += 1
            self._since[letter] = time.monotonic()
        task = asyncio.create_task(self._attempt(lane, letter))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, lane: Lane, letter: Letter) -> None:
        try:
            result = await self._attempts.make(lane, letter, self.sorter.reached(lane))
            self._heed(lane, result)
        except Exception as error:  # the store cannot be read, or we are wrong: the letter must not be lost for it
            logger.exception("a delivery of %s to %s failed", letter.thing, lane.subscription.id)
            answer = Answer(error=f"{type(error).__name__}: {error}")
            said: Body = {"position": letter.position, "attempt": letter.attempts}
            result = Result(letter, Verdict("failed", answer, self.now + SAVE_SECONDS), letter.has, said)
        finally:
            lane.running -= 1
            if self._since.pop(letter, None) is None:
                self._slow -= 1
                lane.slow -= 1
            else:
                self._running -= 1
        letter.state = "answered"
        lane.unwritten += 1
        self._results.append(result)
        self._answered.set()
        self._enqueue(lane)
        self._pump(self.now)

    def _look_for_slow(self) -> None:
        """Let others have the slots of attempts that take long; the oldest are looked at first."""
        limit = time.monotonic() - SLOW_SECONDS
        late = [letter for letter, _ in takewhile(lambda each: each[1] < limit, self._since.items())]
        for letter in late[: max(0, SLOW_SLOTS - self._slow)]:
            del self._since[letter]
            letter.lane.slow += 1
            self._slow += 1
            self._running -= 1

    def _heed(self, lane: Lane, result: Result) -> None:
        """What a verdict says of its receiver."""
        figures, verdict, now = self.figures, result.verdict, self.now
        if verdict is None:
            return
        figures.attempts += 1
        figures.seconds += verdict.answer.seconds
        figures.latency[bisect_left(LATENCY, verdict.answer.seconds)] += 1
        figures.outcomes[verdict.kind] = figures.outcomes.get(verdict.kind, 0) + 1
        if result.letter.request or verdict.answer.is_final:
            return
        if (lane.failing is None) != verdict.is_success:
            lane.failing = None if verdict.is_success else now
            self.sorter.dirty.add(lane)
        if verdict.is_success:
            lane.failures = 0
            return
        lane.failures += 1
        if verdict.answer.asked is not None and verdict.due is not None:
            lane.held = max(lane.held, now + min(verdict.answer.asked, LONGEST_ASKED))  # who asks to be left alone means every letter
        lane.hold(now)

    # -- writing -------------------------------------------------------------------------------------

    async def _write(self) -> None:
        """Write answers as they come, those that came together at once; a store that refuses is asked again."""
        is_last = False
        while not is_last or self._results or self.sorter.page:
            is_last = self._is_stopping
            if not is_last:
                await self._answered.wait()
                self._answered.clear()
            results, self._results = self._results, []
            await self._store(self._page(results))
            await self._settle(results)
            self._stir(self.now)
            if not self._is_stopping:
                await asyncio.sleep(GATHER_SECONDS)

    async def _store(self, page: Page) -> None:
        """Write a page, however often the store refuses it."""
        while page:
            try:
                await asyncio.wrap_future(self._logbook.queue(lambda connection: page.write(connection, self._logbook, self._lease)))
            except StorageError as error:
                if self._is_stopping:
                    raise
                logger.error("%s: %s", error.code, error)  # noqa: TRY400 - it says what to do
                await asyncio.sleep(POLL_SECONDS)
            else:
                return

    def _page(self, results: list[Result]) -> Page:
        """What is to be written now."""
        now, sorter = self.now, self.sorter
        page, sorter.page = sorter.page, Page()
        for result in results:
            self._enter(page, result)
        position = sorter.low(now)
        for lane in sorter.dirty:
            low = None if lane.in_step else lane.low(lane.position)
            row = (lane.number, low, lane.epoch, lane.until, lane.lag, lane.failing)
            if row != lane.saved and not lane.is_gone:
                lane.saved = row
                page.lanes.append(row)
        sorter.dirty.clear()
        if position != self._saved[1] and (page or self._is_stopping or now > self._saved[0] + SAVE_SECONDS):
            page.facts.append((POSITION, str(position)))
            self._saved = (now, position)
        return page

    def _enter(self, page: Page, result: Result) -> None:
        letter, verdict = result.letter, result.verdict
        lane = letter.lane
        if verdict is not None:
            page.drafts.append(draft(lane.subscription.id, "test" if letter.request else letter.thing, verdict, result.said))
        if lane.is_gone or letter.request:
            return
        self.sorter.dirty.add(lane)
        if verdict is not None and not verdict.is_settled:
            letter.due = verdict.due or 0.0
            page.keep(letter)
        elif letter.again:
            page.statements.append(("DELETE FROM deliveries WHERE subscription = ? AND thing = ?", (lane.number, letter.name)))
            if verdict is not None and verdict.is_success:
                page.statements.append((AGAIN, (lane.number, letter.thing, letter.position, result.has, lane.epoch)))
        elif verdict is not None or letter.is_kept:
            page.settle(letter, result.has)
        if verdict is not None and verdict.kind == "dead":
            since = stamp(self._clock())
            page.statements.append(
                ("INSERT OR REPLACE INTO dead_letters VALUES (?,?,?,?)", (lane.number, letter.position, letter.thing, since))
            )

    async def _settle(self, results: list[Result]) -> None:
        """Go on with what was written."""
        for result in results:
            letter, verdict = result.letter, result.verdict
            letter.lane.unwritten -= 1
            self.sorter.stirred.append(letter.lane)
            if letter.lane.is_gone or letter.state == "done":
                continue
            letter.has = result.has
            if verdict is not None and verdict.disable:
                with suppress(LockerError):  # it was removed meanwhile, or the disk is full: the next attempt says it again
                    await self._disable(letter.lane.subscription.id, verdict.disable)
            if verdict is not None and not verdict.is_settled:
                letter.state = "waiting"
                self._at(letter.due, letter.lane, letter)
            elif letter.more and not letter.again and not letter.request:
                self.sorter.follow(letter)
            else:
                self.sorter.release(letter)
        figures, sorter = self.figures, self.sorter
        figures.running, figures.letters, figures.position = len(self._tasks), sorter.total, sorter.position
        figures.lanes, figures.behind = len(sorter.lanes), len(sorter.behind)

    async def _disable(self, subscription: str, reason: str) -> None:
        """Switch a subscription off; in a thread of its own, since those of the loop may all wait for the names of slow hosts."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._subscriptions.set, subscription, "disabled", reason)
