"""
Deliveries run beside the server, in a thread with an event loop of its own, in one process at a time; and whoever asks finds what became of each.
"""

from __future__ import annotations

import asyncio
import logging
import random as chance
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import accumulate
from threading import Thread

import aiohttp

from .clock import Clock, system_clock
from .courier import TIMEOUT, Courier
from .dispatcher import LATENCY, Dispatcher, Figures
from .error import Conflict, LockerError
from .follower import Lease
from .guard import Guard
from .ledger import POSITION
from .log import Logbook, Position
from .record import Body, Record
from .subscribing import Subscriptions
from .subscription import Subscription
from .tree import Kinds
from .verdict import OWNER, SOURCE, TYPE

NAME = "deliveries"
AGAIN_SECONDS = 1.0
NAMES = 64
"""Host names that are looked up at once."""

logger = logging.getLogger("locker")


class Deliveries:
    """What is sent to subscriptions, and what became of it.  ``start`` sends in the background while no other process does."""

    def __init__(
        self,
        logbook: Logbook,
        subscriptions: Subscriptions,
        kinds: Mapping[str, Kinds],
        *,
        clock: Clock = system_clock,
        random: Callable[[], float] = chance.random,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
        refusal: Callable[[Subscription], str] = lambda _: "",
    ) -> None:
        self._refusal = refusal
        self._logbook, self._subscriptions, self._kinds = logbook, subscriptions, kinds
        self._clock, self._random, self._timeout = clock, random, timeout
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self.figures = Figures()
        self.error: LockerError | None = None
        """What keeps it from sending, None if nothing does."""

    # -- sending -------------------------------------------------------------------------------------

    def start(self, guard: Guard) -> None:
        """Send from now on, to addresses that the guard allows."""
        if self._thread is None:
            self._loop, self._stop = asyncio.new_event_loop(), asyncio.Event()
            self._thread = Thread(target=self._work, args=(guard,), name=NAME, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Let what runs end, if it is quick, write it, and give the lease back."""
        if self._thread is not None and self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            self._loop.close()
            self._thread = self._loop = self._stop = None

    def _work(self, guard: Guard) -> None:
        assert self._loop is not None
        threads = ThreadPoolExecutor(NAMES, NAME)  # names are looked up there: some take long, and others must not wait for them
        self._loop.set_default_executor(threads)
        self._loop.run_until_complete(self.run(guard))
        threads.shutdown(wait=False, cancel_futures=True)

    async def run(self, guard: Guard, stop: asyncio.Event | None = None) -> None:
        """Send until stopped, in the caller's event loop."""
        stop = stop or self._stop
        assert stop is not None
        lease = Lease(self._logbook, NAME)
        async with Courier(guard, self._clock, timeout=self._timeout) as courier:
            while not stop.is_set():
                try:
                    if await asyncio.to_thread(lease.take):
                        await self._dispatcher(courier, lease).run(stop)
                except Conflict:
                    logger.info("another process delivers now")
                except LockerError as error:
                    self._failed(error)
                except Exception as error:
                    logger.exception("deliveries stopped; they begin again at once")
                    self._failed(LockerError(f"{type(error).__name__}: {error}"))
                if not stop.is_set():
                    await _wait(stop, AGAIN_SECONDS)
        await asyncio.to_thread(lease.release)

    def _dispatcher(self, courier: Courier, lease: Lease) -> Dispatcher:
        self.error = None
        return Dispatcher(
            self._logbook, self._subscriptions, courier, self._kinds,
            lease=lease, clock=self._clock, random=self._random, figures=self.figures, refusal=self._refusal,
        )  # fmt: skip

    def _failed(self, error: LockerError) -> None:
        if str(error) != str(self.error):
            logger.error("%s: %s", error.code, error)
        self.error = error

    # -- asking --------------------------------------------------------------------------------------

    def outcomes(self, subscription: str, *, after: str = "", limit: int = 100) -> list[Record]:
        """The newest outcome of each thing that a subscription was told of, in the order of the things, after such a thing."""
        rows = self._logbook.read(
            "SELECT newest FROM heads WHERE log = ? AND type = ? AND key > ? AND key < ? ORDER BY key LIMIT ?",
            [f"{OWNER}/{SOURCE}", TYPE, f"{subscription} {after}", f"{subscription}!", limit],
        )
        return [record for (version,) in rows for record in self._logbook.records(OWNER, SOURCE, gt=version - 1, lte=version)]

    def history(self, subscription: str, thing: str) -> list[Record]:
        """Every attempt to tell a subscription of a thing (``me/contact:17``, or ``test``), oldest first."""
        head = self._logbook.head(OWNER, SOURCE, TYPE, f"{subscription} {thing}")
        return self._logbook.history(OWNER, f"{SOURCE}:{head.first}") if head else []

    def latest(self, *, limit: int = 100, before: int | None = None) -> list[Record]:
        """The newest outcomes of all subscriptions, newest first, before a version of their log."""
        end = self._logbook.count(OWNER, SOURCE) if before is None else before - 1
        return self._logbook.records(OWNER, SOURCE, gt=max(0, end - limit), lte=end, limit=limit)[::-1]

    def dead(self, subscription: Subscription | None = None, *, limit: int = 100) -> list[Body]:
        """Dead letters, of one subscription or of all: ``{"subscription", "position", "thing", "since"}``."""
        where, parameters = ("", []) if subscription is None else ("WHERE subscription = ? ", [subscription.number])
        rows = self._logbook.read(
            f"SELECT subscription, position, thing, since FROM dead_letters {where}ORDER BY subscription, position LIMIT ?",
            [*parameters, limit],
        )
        found = []
        for number, position, thing, since in rows:
            known = self._subscriptions.numbered(number)
            found.append({"subscription": known.id if known else None, "position": position, "thing": thing, "since": since})
        return found

    def progress(self, subscription: Subscription) -> Body:
        """How far a subscription came: ``{"position", "lag", "waiting", "dead", "failing"}``; *lag* counts all records of the log."""
        rows = self._logbook.read("SELECT position, failing FROM lanes WHERE subscription = ?", [subscription.number])
        position, failing = rows[0] if rows else (0, None)
        if rows and position is None:
            position = self._position()
        waiting = self._count("deliveries WHERE waiting IS NOT NULL AND", subscription)
        dead = self._count("dead_letters WHERE", subscription)
        end = self._logbook.position
        return {"position": position, "lag": max(0, end - position), "waiting": waiting, "dead": dead, "failing": failing}

    def queues(self) -> Body:
        """What waits in the store and what was given up, of all subscriptions together: ``{"position", "waiting", "dead"}``."""
        waiting, dead = (
            int(self._logbook.read(f"SELECT count(*) FROM {which}")[0][0])
            for which in ("deliveries WHERE waiting IS NOT NULL", "dead_letters")
        )
        return {"position": self._position(), "waiting": waiting, "dead": dead}

    def latency(self) -> tuple[list[tuple[str, float]], float]:
        """How many attempts of this process took at most so many seconds, and the seconds of all: a Prometheus histogram."""
        sums = accumulate(self.figures.latency)
        return [*zip((*map(str, LATENCY), "+Inf"), map(float, sums), strict=True)], self.figures.seconds

    def told(self) -> Body:
        """The figures of this process's deliveries since its start."""
        return asdict(self.figures)

    def _position(self) -> Position:
        return int(self._logbook.fact(POSITION, "0"))

    def _count(self, where: str, subscription: Subscription) -> int:
        return int(self._logbook.read(f"SELECT count(*) FROM {where} subscription = ?", [subscription.number])[0][0])


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
