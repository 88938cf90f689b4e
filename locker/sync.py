"""
A sync asks one connection's service for what is new: stream after stream, under a lease, so that one process does it at a time.

What became of it is told three times: to whoever asked, as a report; in the connection's row (mode, errors, when next); and, if anything was collected
or went wrong, as a record ``run/locker`` of owner ``system``, source ``connection``, which others may follow.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from .application import Applications
from .batch import version_of
from .clock import Clock, system_clock
from .connection import DISABLED, LOG, Connection, Connections
from .connector import Fetching, Stream
from .credential import Credential
from .draft import Draft
from .error import Conflict, Fatal, LimitReached, LockerError, NotFound, Skippable, StorageError, Unauthorized, Unavailable
from .fetching import named
from .follower import Lease
from .guard import Guard
from .health import Health, health
from .log import Logbook
from .path import search, text
from .reach import Reach
from .record import Body
from .session import HttpSession
from .standing import Standings
from .trial import signer_of
from .walking import Streamed, Walking

RUN = "run/locker"
RENEW_SECONDS = 5.0


@dataclass(slots=True)
class Collected:
    """What a run brought so far, stream by stream.  *mode*, *error* and *due* tell how the connection fares afterwards."""

    owner: str
    source: str
    streams: list[Streamed] = field(default_factory=list)
    requests: int = 0
    mode: str = ""
    code: str | None = None
    error: str | None = None
    due: str | None = None

    @property
    def records(self) -> int:
        """Records that were appended."""
        return sum(stream.records for stream in self.streams)

    @property
    def items(self) -> int:
        """Items that came, new or not."""
        return sum(stream.items for stream in self.streams)

    @property
    def unreadable(self) -> int:
        """Entries that could not be read."""
        return sum(stream.unreadable for stream in self.streams)


Told = Callable[[Collected], None]
Sleep = Callable[[float], Awaitable[None]]


class Syncing:
    """Runs the connections of one locker."""

    def __init__(
        self,
        logbook: Logbook,
        connections: Connections,
        guard: Guard,
        applications: Applications,
        *,
        clock: Clock = system_clock,
        sleep: Sleep = asyncio.sleep,
        reaching: Callable[[Guard], Reach] = Reach,
    ) -> None:
        self._logbook, self._connections, self._guard, self._applications, self._clock = logbook, connections, guard, applications, clock
        self._sleep, self._reaching = sleep, reaching

    async def run(
        self, owner: str, source: str, *, streams: Sequence[str] = (), whole: bool = False, told: Told = lambda _: None
    ) -> Collected:
        """Ask for what is new: of some streams, or of all that run by default; *whole* walks all there is.

        What the service does wrong is in the report, not raised.  Raises NotFound for an unknown connection or stream, Unavailable while it is synced
        already or disabled.
        """
        connection = self._connections.get(owner, source)
        connector = self._connections.connector(source)
        wanted = chosen(connector, streams)
        if connection.mode == DISABLED:
            raise Unavailable(
                f"{source} is disabled: {connection.error or 'by hand'}; 'locker connect {source}' or 'locker connections --enable {source}' wakes it"
            )
        lease = Lease(self._logbook, f"sync {owner}/{source}")
        if not await asyncio.to_thread(lease.take):
            raise Unavailable(f"{source} is being synced by another process; wait for it")
        renewing = asyncio.create_task(_renew(lease))
        try:
            return await Run(self._logbook, self._connections, connection, connector, lease, self._clock, told, self._sleep).run(
                self._guarded(connection), self._applications, self._reaching, wanted, whole=whole
            )
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
            await asyncio.to_thread(lease.release)

    def _guarded(self, connection: Connection) -> Guard:
        """The guard's rule, and what the operator named."""
        return self._guard.trusting(connection.base_url) if connection.trusted and connection.base_url else self._guard


@dataclass(frozen=True, slots=True)
class Kept:
    """The secrets of one connection, where they are kept."""

    connections: Connections
    connection: Connection

    def load(self) -> Credential:
        """As they are now."""
        return self.connections.credential(self.connection)

    def store(self, changed: Mapping[str, str]) -> None:
        """Keep what was renewed."""
        self.connections.keep(self.connection, changed)

    def secret(self, name: str) -> str | None:
        """One of them, if there is such a one."""
        return self.load().get(name) or None


class Run:
    """One run of one connection."""

    def __init__(
        self,
        logbook: Logbook,
        connections: Connections,
        connection: Connection,
        connector: Fetching,
        lease: Lease,
        clock: Clock,
        told: Told,
        sleep: Sleep,
    ) -> None:
        self._logbook, self._connections, self._connection, self._connector = logbook, connections, connection, connector
        self._lease, self._clock, self._told, self._sleep = lease, clock, told, sleep
        self.report = Collected(connection.owner, connection.source)

    async def run(
        self, guard: Guard, applications: Applications, reaching: Callable[[Guard], Reach], streams: Sequence[Stream], *, whole: bool
    ) -> Collected:
        """Walk the streams, then settle how the connection fares."""
        problem: LockerError | None = None
        kept = Kept(self._connections, self._connection)
        async with reaching(guard) as reach:
            signer = signer_of(
                self._connector, self._connection.base_url, kept.load(), applications, reach, kept, self._clock,
                turn=lambda: Lease(self._logbook, f"token {self._connection.log}"),
            )  # fmt: skip
            session = HttpSession(
                reach, guard, self._connector, self._connection, signer, kept.secret, clock=self._clock, sleep=self._sleep
            )
            try:
                await self._identify(session)
                problem = await self._walk(session, streams, whole=whole)
            except (StorageError, Conflict):
                raise
            except LockerError as error:
                problem = error
            finally:
                self.report.requests = session.requests
        await asyncio.to_thread(self._settle, problem)
        self._told(self.report)
        return self.report

    async def _identify(self, session: HttpSession) -> None:
        """Learn whose account it is, unless that is known."""
        who = self._connector.who
        if who is None or self._connection.identified:
            return
        facts = named(self._connector.asks, self._connection.options)
        if not facts:
            try:
                answer = (await session.get(who.path, who.params, who.headers)).json()
            except Skippable:
                if self._connection.base_url == self._connector.base_url:
                    raise
                return  # a mirror that knows lists and no accounts; a stream that needs a fact says so
            facts = {name: found for name, path in who.facts.items() if (found := text(search(path, answer))) is not None}
        if not facts.get("id"):
            raise Fatal(f"{who.path} does not tell whose account it is (no text or number at {who.facts.get('id', 'id')})")
        self._connection = await asyncio.to_thread(self._connections.identify, self._connection, facts)
        session.connection = self._connection

    async def _walk(self, session: HttpSession, streams: Sequence[Stream], *, whole: bool) -> LockerError | None:
        """Every stream in turn; one that fails does not stop the others, unless none of them can go on.  The problem of the run, if any."""
        problem: LockerError | None = None
        for stream in streams:
            walking = Walking(
                self._logbook, self._connector, self._connection, stream,
                lease=self._lease, clock=self._clock, whole=whole, told=lambda: self._told(self.report),
            )  # fmt: skip
            self.report.streams.append(walking.report)
            try:
                await walking.run(session)
            except (LimitReached, Unauthorized) as error:
                walking.failed(error, "limited" if isinstance(error, LimitReached) else "failed")
                return error
            except Skippable as error:
                walking.failed(error, "skipped")
            except (StorageError, Conflict):
                raise
            except Exception as error:  # a connector is a stranger's code over a stranger's data
                walking.failed(error, "failed")
                problem = problem or (error if isinstance(error, LockerError) else Fatal(f"{stream.name}: {type(error).__name__}: {error}"))
        return problem

    def _settle(self, problem: LockerError | None) -> None:
        """Write how the connection fares, and what others may hear of."""
        now, connection = self._clock(), self._connection
        standings = Standings(self._logbook, connection).all()
        finished = {name for name, standing in standings.items() if standing.finished}
        finished |= {stream.name for stream in self.report.streams if stream.outcome == "skipped"}  # which this account has not
        is_complete = all(stream.name in finished for stream in self._connector.streams if stream.default)
        found = health(
            connection,
            problem,
            now,
            is_complete=is_complete,
            next=min((s.every for s in self._connector.streams if s.default), default=900),
        )
        self._logbook.transact(lambda writing: self._put(writing, found))
        self.report.mode, self.report.code, self.report.error, self.report.due = found.mode, found.code, found.error, found.due

    def _put(self, writing: sqlite3.Connection, found: Health) -> None:
        self._lease.check(writing)
        connection = self._connection
        stamped = self._logbook.now(writing)
        newest = version_of(writing, connection.log)
        writing.execute(
            "UPDATE connections SET mode = ?, before = ?, errors = ?, code = ?, error = ?, due = ?, ran = ?, told = ?, "
            "succeeded = CASE WHEN ? THEN ? ELSE succeeded END WHERE owner = ? AND source = ?",
            (
                found.mode, found.before, found.errors, found.code, found.error, found.due, stamped, newest,
                found.error is None, stamped, connection.owner, connection.source,
            ),
        )  # fmt: skip
        if events := _events(connection, found, newest):
            body: Body = {
                "owner": connection.owner, "source": connection.source, "events": events, "mode": found.mode, "ended": stamped,
                **({"first": connection.told + 1, "last": newest} if newest > connection.told else {}),
                **({"code": found.code, "error": found.error} if found.error else {}),
            }  # fmt: skip
            self._logbook.write(writing, LOG, [Draft.of(RUN, connection.log, body)], now=stamped)


def _events(connection: Connection, found: Health, newest: int) -> list[str]:
    """What others may want to hear of, by the names of the hooks."""
    events = ["data-collected"] if newest > connection.told else []
    if found.mode == "unauthorized" and connection.mode != "unauthorized":
        events.append("token-expired")
    elif found.error and found.mode not in ("rate-limited", "unauthorized"):
        events.append("error")
    if found.mode == DISABLED:
        events.append("connection-disabled")
    return events


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
