"""
Syncing asks services for what is new: one run of a connection at a time, in whichever process, under a lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from .application import Applications
from .budget import Allowance, Budgets
from .clock import Clock, stamp, system_clock
from .connection import DISABLED, Connection, Connections
from .connector import Fetching, Stream
from .error import LockerError, NotFound, Unavailable
from .follower import Lease
from .guard import Guard
from .log import Logbook
from .reach import Reach
from .run import RUN, Collected, Means, Run, Sleep, Told, budget_of
from .standing import Standing, Standings
from .tap import Taps

__all__ = ["RUN", "Collected", "Syncing", "chosen"]

RENEW_SECONDS = 5.0


class Syncing:
    """Runs the connections of one locker."""

    def __init__(
        self,
        logbook: Logbook,
        connections: Connections,
        guard: Guard,
        applications: Applications,
        *,
        taps: Taps | None = None,
        clock: Clock = system_clock,
        sleep: Sleep = asyncio.sleep,
        reaching: Callable[[Guard], Reach] = Reach,
        alias: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._connections = connections
        self._means = Means(logbook, connections, guard, applications, clock, sleep, reaching, taps or Taps(Path(), allowed=False), alias)

    async def run(
        self,
        owner: str,
        source: str,
        *,
        streams: Sequence[str] = (),
        whole: bool = False,
        only_due: bool = False,
        told: Told = lambda _: None,
    ) -> Collected:
        """Ask for what is new: of some streams, or of all that run by default, or of those of them that are due; *whole* walks all there is.

        What the service does wrong is in the report, not raised.  Raises NotFound for an unknown connection or stream, Unavailable while it is synced
        already or disabled.
        """
        connection = self._connections.get(owner, source)
        connector = self._connections.connector(source)
        wanted = chosen(connector, streams)
        if connection.mode == DISABLED:
            raise Unavailable(
                f"{source} is disabled ({connection.error or 'by hand'}); 'locker connections --enable {source}' lets it run again"
            )
        lease = Lease(self._means.logbook, f"sync {owner}/{source}")
        if not await asyncio.to_thread(lease.take):
            raise Unavailable(f"{source} is being synced by another process; wait for it")
        renewing = asyncio.create_task(_renew(lease))
        try:
            connection = await asyncio.to_thread(self._connections.get, owner, source)  # as whoever held the lease before us left it
            if only_due:
                wanted = await asyncio.to_thread(self._due, connection, wanted)
            return await Run(self._means, connection, connector, lease, told).run(wanted, whole=whole)
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
            await asyncio.shield(asyncio.to_thread(lease.release))

    def allowance(self, connection: Connection) -> Allowance | None:
        """What is left of the budget that a connection spends of, if anything was ever spent of it."""
        connector = self._connections.connector(connection.source)
        name = budget_of(connector, connection, self._connections.credential(connection))
        return Budgets(self._means.logbook).find(name, connector.pace, self._means.clock().timestamp())

    def standings(self, connection: Connection) -> dict[str, Standing]:
        """Where the walks of its streams stand, by name."""
        return Standings(self._means.logbook, connection).all()

    async def wait(self, connection: Connection, seconds: float) -> bool:
        """Sleep until a connection's service says that there is something new (True), at most *seconds*.  Raises Skippable where it cannot tell."""
        connector = self._connections.connector(connection.source)
        async with self._means.session(connection, connector) as session:
            return await connector.wait(session, seconds)

    def _due(self, connection: Connection, streams: Sequence[Stream]) -> list[Stream]:
        standings, now = Standings(self._means.logbook, connection).all(), stamp(self._means.clock())
        return [stream for stream in streams if stream.name not in standings or standings[stream.name].is_due(now)]


def chosen(connector: Fetching, names: Sequence[str]) -> list[Stream]:
    """The streams of some names, or those that run by default.  Raises NotFound, naming the known ones."""
    known = {stream.name: stream for stream in connector.streams}
    for name in names:
        if name not in known:
            raise NotFound(f"{connector.name} has no stream {name!r}; it has {', '.join(known) or 'none'}")
    return [known[name] for name in names] if names else [stream for stream in connector.streams if stream.default]


async def _renew(lease: Lease) -> None:
    """Keep the lease while a service takes its time."""
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        with suppress(LockerError):
            await asyncio.to_thread(lease.take)
