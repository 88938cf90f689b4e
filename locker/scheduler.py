"""
The scheduler lets connections run when they are due, a few at a time, for as long as a server is up.

One process does it at a time, under a lease.  What it knows is in the store: after a restart it goes on with what is due.  After a long downtime, when
everything is due at once, all but the first few are spread over some minutes; and each run is due a little later than it had to be, by chance, so that
connections that were made together do not ask together for ever.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Thread

from .clock import Clock, stamp, system_clock
from .connection import DISABLED, INITIAL, Connection, Connections
from .error import LockerError, StorageError, Unavailable
from .follower import Lease
from .listener import Listener
from .log import Logbook
from .run import Collected
from .sync import Syncing

NAME = "scheduler"
POLL_SECONDS = 0.5
CONCURRENCY = 4
JITTER, MOST_JITTER = 0.1, 60.0
"""A run is up to this part of its interval late, and at most so many seconds."""
OVERDUE_SECONDS, SPREAD_SECONDS = 60.0, 2.0
"""What is overdue by this much was not run in time; of several such, each gets so many seconds of its own."""
BUSY_SECONDS, FAILED_SECONDS = 5.0, 60.0

logger = logging.getLogger("locker")


class Scheduler:
    """Runs the due connections of one locker; *ended* hears of every run."""

    def __init__(
        self,
        logbook: Logbook,
        connections: Connections,
        syncing: Syncing,
        *,
        clock: Clock = system_clock,
        chance: Callable[[], float] = random.random,
        concurrency: int = CONCURRENCY,
        ended: Callable[[Collected], None] = lambda _: None,
    ) -> None:
        self._logbook, self._connections, self._syncing = logbook, connections, syncing
        self._clock, self._chance, self.concurrency, self._ended = clock, chance, concurrency, ended
        self._running: dict[str, asyncio.Task[None]] = {}
        self._listener = Listener(connections, syncing, clock=clock)
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    # -- its thread ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Run what is due from now on, in a thread with an event loop of its own."""
        if self._thread is None:
            self._loop, self._stopping = asyncio.new_event_loop(), asyncio.Event()
            self._thread = Thread(target=self._work, args=(self._loop,), name=NAME, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End every run after the page that is being written, and wait for that; the next start goes on there."""
        if self._thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._loop.close()
            self._thread = self._loop = None

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self.run(self._stopping))
        loop.run_until_complete(loop.shutdown_default_executor())

    async def run(self, stopping: asyncio.Event) -> None:
        """Run what is due until somebody says to stop."""
        lease, is_first = Lease(self._logbook, NAME), True
        try:
            while not stopping.is_set():
                try:
                    if await asyncio.to_thread(lease.take):
                        if is_first:
                            await asyncio.to_thread(self.spread)
                        is_first = False
                        await self.begin()
                        await self._listener.begin(self._running)
                    else:
                        is_first = True
                except LockerError as error:
                    logger.warning("the scheduler: %s", error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), POLL_SECONDS)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), self._listener.end(), return_exceptions=True)
            with suppress(LockerError):
                await asyncio.to_thread(lease.release)

    # -- what is due -----------------------------------------------------------------------------------------

    async def begin(self) -> list[asyncio.Task[None]]:
        """Begin the runs that are due, as many as there is room for."""
        room, begun = self.concurrency - len(self._running), list[asyncio.Task[None]]()
        for connection in (await asyncio.to_thread(self.due))[: max(room, 0)] if room > 0 else ():
            task = asyncio.create_task(self._run(connection), name=f"sync {connection.log}")
            self._running[connection.log] = task
            task.add_done_callback(lambda _, log=connection.log: self._running.pop(log, None))  # type: ignore[misc]
            begun.append(task)
        return begun

    def due(self) -> list[Connection]:
        """The connections whose time has come and that do not run here, those that waited longest first."""
        now = stamp(self._clock())
        found = [
            each for each in self._connections.list() if each.mode != DISABLED and (each.due or "") <= now and each.log not in self._running
        ]
        return sorted(found, key=lambda each: each.due or "")

    def spread(self) -> None:
        """Let what should have run long ago run one after the other in the next minutes, the first few at once."""
        now = self._clock()
        overdue = [each for each in self.due() if each.due and each.due < stamp(now - timedelta(seconds=OVERDUE_SECONDS))]
        for number, connection in enumerate(overdue[self.concurrency :], 1):
            self._connections.postpone(connection, stamp(now + timedelta(seconds=SPREAD_SECONDS * (number - 1 + self._chance()))))

    async def _run(self, connection: Connection) -> None:
        """One run.  Whatever stands in its way, the next try is a while later."""
        after = FAILED_SECONDS
        try:
            report = await self._syncing.run(connection.owner, connection.source, only_due=True)
            self._ended(report)
            return await asyncio.to_thread(self._jitter, report)
        except StorageError as error:
            logger.warning("%s: %s", connection.log, error)
        except Unavailable:  # another process syncs it, or it was disabled
            after = BUSY_SECONDS
        except LockerError as error:
            logger.warning("%s: %s", connection.log, error)
        except Exception:  # a mistake of ours is no reason to try again at once, and again, and again
            logger.exception("%s: a mistake in Locker itself", connection.log)
        with suppress(LockerError):
            await asyncio.to_thread(self._connections.postpone, connection, stamp(self._clock() + timedelta(seconds=after)))
        return None

    def _jitter(self, report: Collected) -> None:
        connection = self._connections.find(report.owner, report.source)
        if connection is None or connection.due is None or connection.mode == INITIAL:
            return
        due = datetime.fromisoformat(connection.due)
        interval = max(0.0, (due - self._clock()).total_seconds())
        later = min(interval * JITTER, MOST_JITTER) * self._chance()
        self._connections.postpone(connection, stamp(due + timedelta(seconds=later)))
