"""
A listener hears of news between two runs: it waits at the services that can say when something is new, and wakes their connections.

Whatever it misses (a service that is silent, a wait that breaks off) the next run finds by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container
from datetime import datetime, timedelta

from .clock import Clock, system_clock
from .connection import NORMAL, Connection, Connections
from .connector import Fetching
from .error import LockerError, NotFound, Skippable
from .sync import Syncing

WAIT_SECONDS = 25 * 60.0
REST_SECONDS = 5 * 60.0
"""How long a service is left alone where waiting failed."""

MOST = 50
"""Connections that are waited for at a time; each holds one open to its service."""

logger = logging.getLogger("locker")


class Listener:
    """Waits for the connections of one locker."""

    def __init__(self, connections: Connections, syncing: Syncing, *, clock: Clock = system_clock) -> None:
        self._connections, self._syncing, self._clock = connections, syncing, clock
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, datetime | None] = {}

    async def begin(self, running: Container[str]) -> None:
        """Wait for every connection that is well, whose service can tell, and that is not *running* (logs); for those that went, no more."""
        found = await asyncio.to_thread(self._connections.list)
        for log in self._waiting.keys() - {connection.log for connection in found if connection.mode == NORMAL}:
            self._waiting[log].cancel()
        for connection in found:
            if len(self._waiting) < MOST and connection.log not in running and self._is_worth_it(connection):
                task = asyncio.create_task(self._wait(connection), name=f"wait {connection.log}")
                self._waiting[connection.log] = task
                task.add_done_callback(lambda _, log=connection.log: self._waiting.pop(log, None))  # type: ignore[misc]

    async def end(self) -> None:
        """Wait for nothing any more."""
        tasks = list(self._waiting.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_worth_it(self, connection: Connection) -> bool:
        if connection.mode != NORMAL or connection.log in self._waiting:
            return False
        until = self._resting.get(connection.log, self._clock())
        return until is not None and until <= self._clock() and self._can_tell(connection)

    def _can_tell(self, connection: Connection) -> bool:
        try:
            return type(self._connections.connector(connection.source)).wait is not Fetching.wait
        except NotFound:
            return False

    async def _wait(self, connection: Connection) -> None:
        try:
            if await self._syncing.wait(connection, WAIT_SECONDS):
                await asyncio.to_thread(self._connections.wake, connection)
        except Skippable:
            self._resting[connection.log] = None  # it cannot tell; until the next start only the clock starts its runs
        except LockerError as error:
            logger.info("%s cannot be waited for: %s", connection.log, error)
            self._resting[connection.log] = self._clock() + timedelta(seconds=REST_SECONDS)
