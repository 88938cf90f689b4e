"""
The dispatcher sends letters: in order for each thing, many things side by side, and writes what became of them.

A letter's slot is free when the receiver has answered; the next revision of the same thing goes out only when that answer is in the store, so that whoever is
killed here repeats at most what was not yet written, and never goes back in a thing's history.  Answers that come together are written together.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import count, takewhile

from .clock import Clock, stamp
from .courier import AGENT, Courier
from .error import Conflict, Invalid, LockerError, StorageError
from .filter import SYSTEM
from .follower import Lease
from .lane import Lane, Letter
from .ledger import AGAIN, POSITION, Ledger, Page
from .log import Logbook
from .notification import DIALECTS, Change, Notification
from .receiver import Action, filled
from .record import Body, Record
from .signature import headers as signed
from .sorter import Sorter
from .subscribing import Subscriptions
from .tree import Kinds
from .verdict import Answer, Verdict, address, draft, judge

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
SECRETS_SECONDS = 60.0
GRACE_SECONDS = 2.0


@dataclass(slots=True)
class Figures:
    """What was done since the start: attempts by verdict, seconds that they took, and what there is to do."""

    outcomes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    attempts: int = 0
    running: int = 0
    letters: int = 0
    lanes: int = 0
    behind: int = 0
    position: int = 0


@dataclass(slots=True)
class _Result:
    """An answer that is not written yet; *verdict* None means that there was nothing to tell."""

    letter: Letter
    verdict: Verdict | None
    has: bool
    said: Body


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
    ) -> None:
        self._logbook, self._subscriptions, self._courier, self._lease = logbook, subscriptions, courier, lease
        self._clock, self._random, self.figures = clock, random, figures
        self._ledger = Ledger(logbook)
        self.sorter = Sorter(logbook, self._ledger, subscriptions, kinds)
        self._queue: deque[Lane] = deque()
        self._sick: deque[Lane] = deque()
        self._timers: list[tuple[float, int, Lane, Letter | None]] = []
        self._numbers = count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._results: list[_Result] = []
        self._running = self._slow = 0
        self._since: dict[Letter, float] = {}
        self._saved = (0.0, 0)
        self._leased = 0.0
        self._wake, self._answered = asyncio.Event(), asyncio.Event()
        self._is_stopping = False

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
        seen = -1
        while True:
            self._wake.clear()
            now, end = self.now, self._ledger.end
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
        if lane.ready and not lane.is_queued and lane.is_active and lane.running < lane.capacity:
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
        if not lane.ready or not lane.is_active or lane.running >= lane.capacity or self._is_stopping:
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
            result = await self._deliver(lane, letter)
        except Exception as error:  # the store cannot be read, or we are wrong: the letter must not be lost for it
            logger.exception("a delivery of %s to %s failed", letter.thing, lane.subscription.id)
            answer = Answer(error=f"{type(error).__name__}: {error}")
            said: Body = {"position": letter.position, "attempt": letter.attempts}
            result = _Result(letter, Verdict("failed", answer, self.now + SAVE_SECONDS), letter.has, said)
        finally:
            lane.running -= 1
            if self._since.pop(letter, None) is None:
                self._slow -= 1
                lane.slow -= 1
            else:
                self._running -= 1
        letter.state = "answered"
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

    async def _deliver(self, lane: Lane, letter: Letter) -> _Result:
        """Tell one receiver of one revision, once, and judge what it answers."""
        subscription, now = lane.subscription, self.now
        record = _sample(letter, subscription.id, stamp(self._clock())) if letter.request else self.sorter.record(letter)
        if record is None or record.owner == SYSTEM:
            return _Result(letter, None, letter.has, {})
        before: Record | None = None
        if letter.more and subscription.delivery.state == "last" and not letter.again:
            record, before = self.sorter.newest(letter, record)
        meaning = self._meaning(lane, letter, record, before)
        if meaning is None:
            return _Result(letter, None, letter.has, {})
        letter.attempts += 1
        message = f"msg_{subscription.number}_{letter.request or record.position}" + (f"_{lane.epoch}" if lane.epoch else "")
        notification = Notification(message, subscription, record, *meaning, is_test=bool(letter.request))
        said: Body = {
            "record": f"{record.owner}/{record.id}",
            "position": record.position,
            "action": meaning[0],
            "attempt": letter.attempts,
        }
        answer = await self._carry(lane, notification, said)
        verdict = judge(subscription.delivery, answer, letter.attempts, self.now, self._random, lane.failing, once=bool(letter.request))
        said |= {"message": message, "at": stamp(self._clock())}
        if letter.request:
            said["request"] = letter.request
        if meaning[1]:
            said["change"] = meaning[1]
        if verdict.due is not None and not verdict.disable:
            said["again"] = stamp(_moment(verdict.due))
        self._heed(lane, letter, verdict, now)
        has = meaning[0] != "delete" if verdict.is_success else letter.has
        return _Result(letter, verdict, has, said)

    def _meaning(self, lane: Lane, letter: Letter, record: Record, before: Record | None) -> tuple[Action, Change | None] | None:
        """What a record means to this subscriber now; of a dead letter that is sent again, what it meant then."""
        if letter.request:
            return "create", None
        if not letter.again:
            return self.sorter.meaning(lane, record, letter.has, before)
        known = self._ledger.known({letter.thing: [lane]}).get((lane.number, letter.thing))
        if lane.subscription.delivery.state == "last" and known is not None and known.settled > record.position:
            return None
        letter.has = known is not None and known.has
        return self.sorter.meaning(lane, record, letter.has) or ("delete" if record.op == "delete" else "update", None)

    async def _carry(self, lane: Lane, notification: Notification, said: Body) -> Answer:
        """Render, address, sign and send.  What cannot be made is an answer, too."""
        try:
            dialect = DIALECTS[notification.subscription.content.dialect]
            body = dialect.body(notification)
            if lane.secrets is None or lane.secrets_until < self.now:
                lane.secrets, lane.secrets_until = self._subscriptions.secrets(notification.subscription), self.now + SECRETS_SECONDS
            call, headers = lane.secrets.call(notification.subscription, notification.action)
            url = filled(call.url, dialect.values(notification)) if "{" in call.url else call.url
            said |= {"method": call.method, "url": address(url)}
            if call.method == "GET":
                body = b""
            named = {name.lower() for name, _ in headers}
            if body and "content-type" not in named:
                headers.append(("Content-Type", dialect.media_type))
            if "user-agent" not in named:
                headers.append(("User-Agent", AGENT))
            headers += signed(lane.secrets.keys, notification.id, int(self.now), body).items()
        except KeyError:
            return Answer(error=f"there is no dialect {notification.subscription.content.dialect!r} in this program")
        except Invalid as error:
            return Answer(error=str(error), is_final=True)
        except LockerError as error:
            return Answer(error=str(error))
        except Exception as error:  # a stranger's dialect: whatever it raises, the others go on, and somebody can see it
            return Answer(error=f"{type(error).__name__}: {error}"[:500], is_final=True)
        return await self._courier.send(call.method, url, headers, body)

    def _heed(self, lane: Lane, letter: Letter, verdict: Verdict, now: float) -> None:
        """What an verdict says of its receiver."""
        figures = self.figures
        figures.attempts += 1
        figures.seconds += verdict.answer.seconds
        figures.outcomes[verdict.kind] = figures.outcomes.get(verdict.kind, 0) + 1
        if letter.request:
            return
        if verdict.is_success:
            lane.failures = 0
            if lane.failing is not None:
                lane.failing = None
                self.sorter.dirty.add(lane)
            return
        lane.failures += 1
        if lane.failing is None:
            lane.failing = now
            self.sorter.dirty.add(lane)
        if verdict.answer.asked is not None and verdict.due is not None:
            lane.held = max(lane.held, verdict.due)  # who asks to be left alone means every letter
        lane.hold(self.now)

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

    def _page(self, results: list[_Result]) -> Page:
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

    def _enter(self, page: Page, result: _Result) -> None:
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

    async def _settle(self, results: list[_Result]) -> None:
        """Go on with what was written."""
        for result in results:
            letter, verdict = result.letter, result.verdict
            if letter.lane.is_gone or letter.state == "done":
                continue
            letter.has = result.has
            if verdict is not None and verdict.disable:
                await asyncio.to_thread(self._subscriptions.set, letter.lane.subscription.id, "disabled", verdict.disable)
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


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _sample(letter: Letter, subscription: str, now: str) -> Record:
    """What a test tells of."""
    owner = letter.thing.partition("/")[0]
    text = '{"subscription":"' + subscription + '","test":true}'
    return Record(0, owner, "test:0", now, "test", "test/locker", "add", letter.request, "", text)
