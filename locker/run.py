"""
One run of one connection: its streams in turn, then how it fares from now on.

What became of it is told three times: to whoever asked, as a report; in the connection's row (mode, errors, when next); and, if anything was collected
or went wrong, as a record ``run/locker`` of owner ``system``, source ``connection``; each event of it is also a record ``<event>/locker`` of
source ``runs``, to which its owner, or the API client that the owner belongs to, can subscribe.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from .application import Applications
from .batch import version_of
from .budget import Budget
from .clock import Clock, stamp
from .connection import DISABLED, LOG, RATE_LIMITED, UNAUTHORIZED, Connection, Connections
from .connector import Fetching, Stream
from .credential import Credential
from .draft import Draft
from .error import Conflict, Fatal, LimitReached, LockerError, Skippable, StorageError, Unauthorized
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
from .tap import Taps
from .trial import signer_of
from .walking import Streamed, Walking

RUN = "run/locker"
RUNS = "runs"
"""The source of the records that tell an owner, or the API client that it belongs to, of runs: they can be subscribed to."""
Sleep = Callable[[float], Awaitable[None]]


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


@dataclass(frozen=True, slots=True)
class Means:
    """What every run needs: the store, who may be reached, what services know us as, how time passes, and which programs may run."""

    logbook: Logbook
    connections: Connections
    guard: Guard
    applications: Applications
    clock: Clock
    sleep: Sleep
    reaching: Callable[[Guard], Reach]
    taps: Taps
    alias: Callable[[str], str | None] = lambda _: None
    """What an API client calls an owner."""

    @asynccontextmanager
    async def session(self, connection: Connection, connector: Fetching) -> AsyncIterator[HttpSession]:
        """A way to ask a connection's service."""
        kept = Kept(self.connections, connection)
        names_host = connection.trusted and connection.base_url and not connector.runs_programs
        guard = self.guard.trusting(connection.base_url) if names_host else self.guard
        credential = await asyncio.to_thread(kept.load)
        budget = Budget(self.logbook, budget_of(connector, connection, credential), connector.pace, clock=self.clock)
        async with self.reaching(guard) as reach:
            signer = signer_of(
                connector, connection.base_url, credential, self.applications, reach, kept, self.clock,
                turn=lambda: Lease(self.logbook, f"token {connection.log}"), source=connection.source,
            )  # fmt: skip
            try:
                yield HttpSession(
                    reach, guard, connector, connection, signer, kept.secret, budget,
                    program=self.taps.program, clock=self.clock, sleep=self.sleep,
                )  # fmt: skip
            finally:
                await budget.close()


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
    """One run, under a lease that its caller holds."""

    def __init__(self, means: Means, connection: Connection, connector: Fetching, lease: Lease, told: Told) -> None:
        self._means, self._connection, self._connector, self._lease, self._told = means, connection, connector, lease, told
        self._standings = Standings(means.logbook, connection)
        self.report = Collected(connection.owner, connection.source)

    async def run(self, streams: Sequence[Stream], *, whole: bool) -> Collected:
        """Walk the streams, then settle how the connection fares."""
        problem: LockerError | None = None
        async with self._means.session(self._connection, self._connector) as session:
            try:
                await self._identify(session)
                problem = await self._walk(session, streams, whole=whole)
            except (StorageError, Conflict):
                raise
            except LockerError as error:
                problem = error
            except Exception as error:  # its judge, say, over what tells whose account it is
                problem = Fatal(f"{self._connector.name}: {type(error).__name__}: {error}")
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
        self._connection = await asyncio.to_thread(self._means.connections.identify, self._connection, facts)
        session.connection = self._connection

    async def _walk(self, session: HttpSession, streams: Sequence[Stream], *, whole: bool) -> LockerError | None:
        """Every stream in turn; one that fails does not stop the others, unless none of them can go on.  The problem of the run, if any."""
        problem: LockerError | None = None
        for stream in streams:
            walking = Walking(
                self._means.logbook, self._connector, self._connection, stream,
                lease=self._lease, clock=self._means.clock, whole=whole, told=lambda: self._told(self.report),
            )  # fmt: skip
            self.report.streams.append(walking.report)
            session.cost = self._connector.pace.cost if stream.cost is None else stream.cost
            try:
                await walking.run(session)
            except (LimitReached, Unauthorized) as error:
                walking.report.outcome, walking.report.error = "limited" if isinstance(error, LimitReached) else "failed", str(error)
                if isinstance(error, Unauthorized) or not self._connector.pace.apart:
                    return error
                problem = problem or error
            except (StorageError, Conflict):
                raise
            except Exception as error:  # a connector is a stranger's code over a stranger's data
                failure = error if isinstance(error, LockerError) else Fatal(f"{stream.name}: {type(error).__name__}: {error}")
                await asyncio.to_thread(walking.failed, failure)
                problem = problem if isinstance(error, Skippable) else problem or failure
        return problem

    # -- how it fares ------------------------------------------------------------------------------------

    def _settle(self, problem: LockerError | None) -> None:
        """Write how the connection fares, and what others may hear of."""
        now = self._means.clock()
        streams = [stream for stream in self._connector.streams if stream.default]
        standings = self._standings.all()
        is_complete = all(stream.name in standings and standings[stream.name].is_over for stream in streams)
        due = min(((standings[stream.name].due if stream.name in standings else None) or stamp(now) for stream in streams), default=None)
        is_partial = any(stream.outcome in ("done", "unchanged") for stream in self.report.streams)
        found = health(
            self._connection, problem, now, is_complete=is_complete, is_partial=is_partial, due=due or stamp(now + timedelta(days=1))
        )
        self._means.logbook.transact(lambda writing: self._put(writing, found))
        self.report.mode, self.report.code, self.report.error, self.report.due = found.mode, found.code, found.error, found.due

    def _put(self, writing: sqlite3.Connection, found: Health) -> None:
        self._lease.check(writing)
        connection, logbook = self._connection, self._means.logbook
        now, newest = logbook.now(writing), version_of(writing, connection.log)
        row = writing.execute(
            "SELECT mode, told FROM connections WHERE owner = ? AND source = ?", (connection.owner, connection.source)
        ).fetchone()
        if row is None:  # it was removed meanwhile
            return
        if row[0] == DISABLED:  # by hand, meanwhile
            found = replace(found, mode=DISABLED, before=found.before or found.mode, due=None)
        writing.execute(
            "UPDATE connections SET mode = ?, before = ?, errors = ?, code = ?, error = ?, due = ?, ran = ?, told = ?, "
            "succeeded = CASE WHEN ? THEN ? ELSE succeeded END WHERE owner = ? AND source = ?",
            (
                found.mode, found.before, found.errors, found.code, found.error, found.due, now, newest,
                found.is_good, now, connection.owner, connection.source,
            ),
        )  # fmt: skip
        if events := events_of(connection, found, is_new=newest > row[1]):
            body: Body = {
                "owner": connection.owner, "source": connection.source, "events": events, "mode": found.mode, "ended": now,
                **({"first": row[1] + 1, "last": newest} if newest > row[1] else {}),
                **({"code": found.code, "error": found.error} if found.error else {}),
            }  # fmt: skip
            logbook.write(writing, LOG, [Draft.of(RUN, connection.log, body)], now=now)
            said = {**body, "network": self._connector.name, "user": self._means.alias(connection.owner)}
            told = [Draft.of(f"{event}/locker", connection.log, {**said, "event": event}) for event in events]
            logbook.write(writing, f"{hearer(connection.owner)}/{RUNS}", told, now=now)


def events_of(before: Connection, after: Health, *, is_new: bool) -> list[str]:
    """What others may want to hear of, by the names of the hooks."""
    events = ["data-collected"] if is_new else []
    if after.mode == UNAUTHORIZED and before.mode != UNAUTHORIZED:
        events.append("token-expired")
    elif (
        after.error
        and after.mode not in (RATE_LIMITED, UNAUTHORIZED)
        and (after.errors or after.mode == DISABLED or after.error != before.error)
    ):
        events.append("error")
    if after.mode == DISABLED and before.mode != DISABLED:
        events.append("connection-disabled")
    return events


def hearer(owner: str) -> str:
    """Whose log tells of an owner's runs: the API client's for all of its users (``acme~bob``), anybody else's their own."""
    client, mark, _ = owner.partition("~")
    return f"{client}{mark}"


def budget_of(connector: Fetching, connection: Connection, credential: Credential) -> str:
    """What the budget is called that a connection spends of, as the connector's pace says: its token's, its client's or its host's."""
    per = connector.pace.per
    if per == "client" and (client := credential.get("client_id")):
        return f"{connector.name} client {client}"
    if per == "token" and credential.secrets:
        return f"{connector.name} token {connection.owner}/{connection.source}"
    host = connection.base_url.partition("://")[2].partition("/")[0]
    return f"{connector.name} {'client' if per == 'client' else 'host'} {host}"
