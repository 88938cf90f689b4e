"""
One walk of one stream: page after page from the service into the log, each together with where to go on.

A list that is newest first is left when *overlap* pages in a row brought nothing new.  A walk that saw all there is is a sweep (``sweep.py``), unless an
entry could not be read.  While a page is written, the next one is fetched, wherever it is not for the page to say whether there is a next one.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .batch import version_of
from .clock import Clock, stamp
from .connection import Connection
from .connector import DAY, Fetching, Item, Page, Problem, Session, Stream, Walk
from .draft import Draft, Outcome, Sighting
from .error import Fatal, Invalid, LockerError, Skippable
from .follower import Lease
from .importer import Report
from .log import Logbook
from .record import ServiceType
from .scope import Scopes
from .standing import Standing, Standings
from .sweep import Swept, sweep

Told = Callable[[], None]
MOST_ERRORS = 10
MOST_WAITING = 4
"""Pages that may wait to be written: the writer takes all that wait into one transaction, and the disk has only so many."""


@dataclass(slots=True)
class Streamed(Report):
    """What a run did with one stream so far.  *outcome* is ``done``, ``unchanged`` (304), ``skipped``, ``limited``, ``failed`` or ``stopped`` (in the middle)."""

    name: str = ""
    pages: int = 0
    outcome: str = "stopped"
    error: str = ""

    @property
    def records(self) -> int:
        """Records that were appended."""
        return self.added + self.edited + self.deleted


@dataclass(slots=True)
class Written:
    """What became of a page, where the walk stands after it, and whether it brought nothing new."""

    outcomes: list[Outcome]
    standing: Standing
    is_quiet: bool


class Walking:
    """One walk, from where its stream stands."""

    def __init__(
        self,
        logbook: Logbook,
        connector: Fetching,
        connection: Connection,
        stream: Stream,
        *,
        lease: Lease,
        clock: Clock,
        whole: bool = False,
        told: Told = lambda: None,
    ) -> None:
        self.report = Streamed(name=stream.name)
        self._logbook, self._connector, self._connection, self._stream = logbook, connector, connection, stream
        self._lease, self._clock, self._told = lease, clock, told
        self._standings = Standings(logbook, connection)
        self._scoping = Scopes(logbook, connection.owner, connection.source)
        self._types = set[str]()
        self._asked_whole, self._asks_all, self._is_second = whole, True, False

    async def run(self, session: Session) -> Streamed:
        """Walk to the end.  Raises what the connector raises; what was appended before stays, and the next run goes on there."""
        self._scope = await asyncio.to_thread(self._scoping.number, self._scope_name())
        standing = await asyncio.to_thread(self._begun)
        if await self._walked(session, standing):
            self._asked_whole = self._is_second = True
            await self._walked(session, await asyncio.to_thread(self._begun))
        self.report.outcome = "unchanged" if self.report.outcome == "unchanged" else "done"
        return self.report

    async def _walked(self, session: Session, standing: Standing) -> bool:
        """Walk once; whether to walk again at once, to be sure of what seems to be missing."""
        if not standing.ended:
            try:
                standing = await self._pages(session, standing)
            except (Fatal, Skippable):
                # A place to go on from may have expired while nobody asked; the list itself need not have.
                if standing.step is None or self.report.pages:
                    raise
                standing = await self._pages(session, await asyncio.to_thread(self._anew, standing))
        return await asyncio.to_thread(self._finish, standing)

    def failed(self, error: LockerError) -> None:
        """Remember, of a stream that could not be walked to its end, why; it rests longer with each time."""
        is_skipped = isinstance(error, Skippable)
        self.report.outcome, self.report.error = "skipped" if is_skipped else "failed", str(error)
        standing = self._standings.get(self._stream.name)
        errors = min(standing.errors + 1, MOST_ERRORS)
        rest = DAY if is_skipped else min(DAY, self._stream.every * 2 ** (errors - 1))
        due = _later(self._clock(), rest)
        started = standing.started if standing.pages else None  # a walk that saw no page has not begun
        self._put(
            standing, replace(standing, started=started, errors=0 if is_skipped else errors, code=error.code, error=str(error), due=due)
        )

    def _begun(self) -> Standing:
        """The walk under way, or a new one."""
        standing = self._standings.get(self._stream.name)
        if standing.started is not None and not (self._asked_whole and not standing.whole):
            return standing
        stream, now = self._stream, self._clock()
        is_due = stream.whole and (standing.swept is None or standing.swept <= stamp(now - timedelta(seconds=stream.sweep)))
        self._asks_all = self._asked_whole or standing.finished is None or is_due
        if stream.order == "any" and stream.since is None and type(self._connector).fetch is Fetching.fetch:
            # It is walked to its end in any case; but of a list of one page the service may say that it is unchanged.
            is_whole, self._asks_all = True, self._asks_all or standing.pages > 1
        else:
            is_whole = self._asks_all
        return self._anew(replace(standing, whole=is_whole))

    def _anew(self, standing: Standing) -> Standing:
        """At the beginning of a walk.  Its moments are the log's: one that went back with a clock would make everything look missing."""

        def begin(writing: sqlite3.Connection) -> Standing:
            self._lease.check(writing)
            started, base = self._logbook.now(writing), version_of(writing, self._connection.log)
            begun = replace(standing, step=None, started=started, ended=False, pages=0, unreadable=0, base=base)
            self._standings.put(writing, begun)
            return begun

        return self._logbook.transact(begin)

    def _scope_name(self) -> str:
        """What the stream's items are a picture of: another account's are not missing from this one's list."""
        return f"stream:{self._stream.name}:{self._connection.account.get('id', '')}"

    # -- pages -------------------------------------------------------------------------------------------

    async def _pages(self, session: Session, standing: Standing) -> Standing:
        """Fetch and append.  Some pages may wait to be written together; of a list that may be left early each is judged before the next is asked for."""
        may_leave, quiet = self._stream.order == "newest" and not standing.whole, 0
        waiting: deque[asyncio.Future[Written]] = deque()
        pages = self._connector.fetch(session, self._stream, Walk(standing.step, standing.since, standing.whole and self._asks_all))
        async with _closing(pages):
            try:
                async for page in pages:
                    drafts, problems = self._drafts(page)
                    waiting.append(self._append(standing, page, drafts, len(problems), may_leave and quiet + 1 >= self._stream.overlap))
                    standing = _after(standing, page, len(problems))
                    if may_leave:
                        written = await waiting.popleft()
                        standing, quiet = written.standing, quiet + 1 if written.is_quiet else 0
                    while len(waiting) > MOST_WAITING:
                        await waiting.popleft()
                    if page.unchanged:
                        self.report.outcome = "unchanged"
                    if standing.ended:
                        break
            finally:
                for one in await asyncio.gather(*waiting, return_exceptions=True):
                    if isinstance(one, BaseException):
                        raise one
        # A fetch that ends without a last page has not shown all there is.
        return standing if standing.ended else replace(standing, ended=True, whole=False)

    def _append(self, standing: Standing, page: Page, drafts: Sequence[Draft], problems: int, may_leave: bool) -> asyncio.Future[Written]:
        """Queue a page, and where its walk stands then, in one transaction."""
        fresh = None if standing.whole else (standing.swept or "") if self._stream.whole else ""
        started = standing.started or ""

        def write(writing: sqlite3.Connection) -> Written:
            self._lease.check(writing)
            self._standings.check(writing, standing)  # or a page that could not be written would be skipped by the one after it
            now = self._logbook.now(writing)
            sighting = Sighting(self._scope, max(now, started), started, fresh)
            outcomes = self._logbook.write(writing, self._connection.log, drafts, sighting, now)
            is_quiet = not outcomes or (not any(outcome.op for outcome in outcomes) and _is_known(outcomes, standing.base))
            after = _after(standing, page, problems, leaves=may_leave and is_quiet)
            self._standings.put(writing, after)
            return Written(outcomes, after, is_quiet)

        queued = asyncio.wrap_future(self._logbook.queue(write))
        queued.add_done_callback(self._counted)
        return queued

    def _counted(self, queued: asyncio.Future[Written]) -> None:
        """Count a page as soon as it is written; who awaits it hears what went wrong."""
        if queued.cancelled() or queued.exception() is not None:
            return
        self.report.pages += 1
        self.report.count(queued.result().outcomes)
        self._told()

    def _drafts(self, page: Page) -> tuple[list[Draft], list[Problem]]:
        """The page's items as drafts; what cannot be one is a problem, and the rest goes on."""
        drafts, problems = list[Draft](), list[Problem]()
        for found in page.items:
            if isinstance(found, Problem):
                problems.append(found)
                continue
            try:
                drafts.append(self._draft(found))
            except Invalid as error:
                problems.append(Problem(self._stream.name, f"{found.type} {str(found.key)[:80]!r}", str(error)))
        for problem in problems:
            self.report.note(problem)
        return drafts, problems

    def _draft(self, item: Item) -> Draft:
        type = item.type if "/" in item.type else f"{item.type}/{self._connector.name}"
        if type not in self._types:
            ServiceType.parse(type)
            self._types.add(type)
        primary = type.partition("/")[0]
        lasting = (lambda body: self._connector.lasting(primary, body)) if self._connector.has_passing else None
        return Draft.of(type, item.key, item.body, lasting=lasting)

    # -- the end -------------------------------------------------------------------------------------------

    def _finish(self, standing: Standing) -> bool:
        """Take the walk for a sweep if it is one, then remember that it is over; killed between, the next run does it again."""
        is_sweep = standing.whole and self._stream.whole and not standing.unreadable
        swept = sweep(self._scoping, self._scope, standing, self._stream.sweep) if is_sweep else Swept()
        self.report.deleted += swept.deleted
        over = replace(
            standing, started=None, whole=False, ended=False, step=None, finished=stamp(self._clock()), errors=0, code=None, error=None,
            swept=standing.started if is_sweep else standing.swept, due=_later(self._clock(), self._stream.every),
        )  # fmt: skip
        self._put(standing, over)
        return swept.again and not self._is_second

    def _put(self, before: Standing, standing: Standing) -> None:
        def put(writing: sqlite3.Connection) -> None:
            self._lease.check(writing)
            self._standings.check(writing, before)
            self._standings.put(writing, standing)

        self._logbook.transact(put)


def _after(standing: Standing, page: Page, problems: int, *, leaves: bool = False) -> Standing:
    """Where a walk stands after a page; *leaves*: there is nothing new behind it."""
    after = replace(standing, step=page.step, pages=standing.pages + 1, unreadable=standing.unreadable + problems)
    if page.step is not None and not page.unchanged and not leaves:
        return after
    since = page.since if page.since is not None else standing.since
    return replace(after, step=None, since=since, ended=True, whole=after.whole and not page.unchanged)


def _is_known(outcomes: Sequence[Outcome], base: int) -> bool:
    """Whether a page shows anything that stood so before its walk began; what the walk itself brought proves nothing, though it is shown again."""
    return any(0 < outcome.version <= base for outcome in outcomes)


def _later(now: datetime, seconds: float) -> str:
    return stamp(now + timedelta(seconds=seconds))


@asynccontextmanager
async def _closing(pages: AsyncIterator[Page]) -> AsyncIterator[None]:
    """Let a fetch that is left early finish what it holds open."""
    try:
        yield
    finally:
        if (close := getattr(pages, "aclose", None)) is not None:
            await close()
