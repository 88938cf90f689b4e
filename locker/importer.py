"""
An import reads an archive through its connector and appends what is new of it, page by page.

The rules of importing again: the same archive twice appends nothing; a newer export appends the differences; an older one only adds; what is missing
is deleted only within the same scope, only if the format holds everything, every entry could be read, and the export is newer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from .clock import stamp
from .connector import Archive, Archived, Item, Problem, Scope
from .error import Fatal, Invalid, LockerError
from .log import Draft, Logbook, Outcome, Sighting
from .record import ServiceType
from .scope import Scopes

PAGE = 500
KEPT_PROBLEMS = 1000


@dataclass(slots=True)
class Report:
    """What an import did so far.  *problems* are the first thousand; *unreadable* counts them all."""

    added: int = 0
    edited: int = 0
    deleted: int = 0
    unchanged: int = 0
    unreadable: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def items(self) -> int:
        """Items that were read."""
        return self.added + self.edited + self.unchanged

    def count(self, outcomes: Iterable[Outcome]) -> None:
        """Take in what became of a page."""
        for outcome in outcomes:
            match outcome.op:
                case "add":
                    self.added += 1
                case "edit":
                    self.edited += 1
                case "delete":
                    self.deleted += 1
                case None:
                    self.unchanged += 1

    def note(self, problem: Problem) -> None:
        """Count an unreadable entry."""
        self.unreadable += 1
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append(problem)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person says of an archive: its *scope*, that it is *complete*, when it was made; None: what the archive or its file says."""

    scope: str | None = None
    complete: bool | None = None
    as_of: datetime | None = None


class Import:
    """One run over one archive into one log."""

    def __init__(self, logbook: Logbook, connector: Archived, owner: str, source: str, wish: Wish | None = None) -> None:
        self.report = Report()
        self._logbook, self._connector, self._owner, self._source = logbook, connector, owner, source
        self._wish, self._scoping = wish or Wish(), Scopes(logbook, owner, source)
        self._seen: dict[int, int] = {}  # hash of (type, key) -> hash of the body: 64 bits each, for millions of items
        self._page: list[Draft] = []
        self._told: Callable[[Report], None] = lambda _: None
        self._appending: Future[list[Outcome]] | None = None  # one page is written while the next one is read
        self._sighting = Sighting(0, "")
        self._scopes: dict[str, tuple[Sighting, bool]] = {}
        self._complete = False
        self._name = ""

    def run(self, archive: Archive, told: Callable[[Report], None] = lambda _: None) -> Report:
        """Read it all; *told* hears of every page.  Raises Fatal if the archive is not one of the connector's kind at all.

        What was appended before an error stays; running it again completes it.
        """
        self._told = told
        for found in self._found(archive):
            if isinstance(found, Problem):
                self.report.note(found)
            elif isinstance(found, Scope):
                self._flush()
                self._enter(found, archive)
            else:
                if not self._name:  # the archive names no account: it is its own scope
                    self._enter(Scope(str(archive.path.resolve())), archive)
                self._take(found, archive)
                if len(self._page) >= PAGE:
                    self._flush()
        self._flush()
        self._finish()
        self._drop_missing()
        patterns = self._connector.patterns
        if not (self.report.items or self.report.unreadable or archive.is_single or archive.names(*patterns)):
            reason = f"holds no file that the connector {self._connector.name} reads ({', '.join(patterns)}); name another connector, or the file itself"
            self.report.note(Problem(archive.path.name, "the whole of it", reason))
        told(self.report)
        return self.report

    def _found(self, archive: Archive) -> Iterator[Item | Problem | Scope]:
        """What the connector yields; if it breaks in the middle, that is one more problem."""
        try:
            yield from self._connector.read(archive)
        except Fatal as error:
            if self.report.items == 0 and not self._page and self._appending is None:
                raise
            yield Problem(archive.path.name, "from here on", str(error))
        except LockerError as error:
            yield Problem(archive.path.name, "from here on", str(error))
        except Exception as error:  # a stranger's reader: what was read stays, and somebody can see why the rest is missing
            yield Problem(archive.path.name, "from here on", f"{type(error).__name__}: {error}")

    def _enter(self, scope: Scope, archive: Archive) -> None:
        """The items that follow belong to this scope."""
        self._leave()
        self._name = self._wish.scope or scope.name
        known = self._scopes.get(self._name)
        as_of = stamp(self._wish.as_of or scope.as_of or archive.modified)
        complete = scope.complete if self._wish.complete is None else self._wish.complete
        self._sighting = known[0] if known else Sighting(self._scoping.number(self._name), as_of)
        self._complete = complete and (known is None or known[1])

    def _leave(self) -> None:
        if self._name:
            self._scopes[self._name] = (self._sighting, self._complete)

    def _take(self, item: Item, archive: Archive) -> None:
        type = item.type if "/" in item.type else f"{item.type}/{self._connector.name}"
        try:
            ServiceType.parse(type)
            draft = Draft.of(type, item.key, item.body)
        except Invalid as error:
            self.report.note(Problem(archive.path.name, f"{item.type} {item.key[:80]!r}", str(error)))
            return
        self._page.append(self._numbered(draft))

    def _numbered(self, draft: Draft) -> Draft:
        """The n-th different body of one key within a run is a thing of its own, called ``…#n``."""
        if draft.text is None:
            return draft
        key, n, digest = draft.key, 1, hash(draft.digest)
        while self._seen.setdefault(hash((draft.type, key)), digest) != digest:
            n += 1
            key = f"{draft.key}#{n}"
        return draft if n == 1 else draft._replace(key=key)

    def _flush(self) -> None:
        """Hand the page over to be written, when the one before it is."""
        self._finish()
        if self._page:
            self._appending = self._logbook.submit(self._owner, self._source, self._page, self._sighting)
            self._page = []

    def _finish(self) -> None:
        """Wait until what was handed over is durable, and count it."""
        if self._appending is None:
            return
        outcomes = self._appending.result()
        self._appending = None
        self.report.count(outcomes)
        self._told(self.report)

    def _drop_missing(self) -> None:
        self._leave()
        if self.report.unreadable:
            return
        for sighting, complete in self._scopes.values():
            if complete:
                self.report.deleted += self._scoping.drop_missing(sighting)
