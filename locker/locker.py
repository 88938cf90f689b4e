"""
A locker, open: logs, composer, read models and connectors put together.  The only place that knows them all.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from . import plugin
from .account import Accounts
from .clock import Clock, stamp, system_clock
from .composer import Composer
from .connector import Archive, Archived
from .decision import Decided, Seen, Sight, Write
from .draft import Draft, Outcome
from .error import Conflict, Invalid, LockerError, NotFound, Unavailable
from .flag import MAINTENANCE, Flag, Flags
from .follower import Follower, Lease, Running
from .importer import Import, Report, Wish
from .log import LOG_FILE, Logbook, Position, split_id
from .query import Reader
from .record import Body, Record, ServiceType, check_owner, check_source
from .schema import Schema, load, named, written
from .settings import key_folder
from .settling import SUBTYPE
from .vault import Vault
from .views import Views

__all__ = [
    "MAINTENANCE",
    "Decided",
    "Draft",
    "Flag",
    "Flags",
    "Locker",
    "Outcome",
    "Pushed",
    "Seen",
    "Sight",
    "Write",
    "guess",
]

logger = logging.getLogger("locker")

WAIT_SECONDS = 0.02


@dataclass(slots=True)
class Pushed:
    """What became of pushed items: counts, and ``{"index", "error"}`` of each that was rejected."""

    added: int = 0
    edited: int = 0
    deleted: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: list[Body] = field(default_factory=list)
    position: Position = 0

    def count(self, outcomes: Iterable[Outcome]) -> Self:
        """Take in what became of the items that were not rejected."""
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
            self.position = max(self.position, outcome.position)
        return self


class Locker:
    """One folder of data, open.  Made by ``Locker(folder)``; closes with ``close`` or as a context.

    *keys*, *secret* and *old_secret* open the vault (``vault.py``).  Raises StorageError if the folder cannot be written, Invalid for two
    plugins of one name.
    """

    def __init__(
        self,
        data: Path | str,
        *,
        plugins: bool = False,
        clock: Clock = system_clock,
        keys: Path | None = None,
        secret: str | None = None,
        old_secret: str | None = None,
    ) -> None:
        self.data = Path(data)
        self.clock = clock
        self.vault = Vault(data, keys or key_folder(), secret=secret, old_secret=old_secret)
        dropped = self.data / "plugins" if plugins else None
        self.connectors = plugin.connectors(dropped)
        self.collections = plugin.collections(dropped)
        self.schemas: dict[str, Schema] = {type: schema for type, schema in load().items() if type in self.collections}
        self.logbook = Logbook(self.data / LOG_FILE, clock=clock)
        self.accounts = Accounts(self.logbook, self.vault, clock=clock)
        self._leases = {name: Lease(self.logbook, name) for name in (Composer.name, Views.name)}
        self.flags = Flags(self.logbook)
        self.composer = Composer(self.logbook, self.connectors, self.collections, self.schemas, lease=self._leases[Composer.name])
        self.views = Views(self.logbook, self.data, self.schemas)
        self._running: list[Running] = []
        self._projector: subprocess.Popen[bytes] | None = None

    def now(self) -> str:
        """The time, as the log writes it."""
        return stamp(self.clock())

    # -- keeping up --------------------------------------------------------------------------------------

    def prepare(self, told: Callable[[Position, Position], None] = lambda *_: None) -> None:
        """Make the read model if there is none that fits this program."""
        if not self.views.is_current():
            with self._held(self._leases[Views.name]):
                if not self.views.is_current():  # or another process made it meanwhile
                    self.rebuild(told)

    def rebuild(self, told: Callable[[Position, Position], None] = lambda *_: None) -> Position:
        """Make a new generation of the read model beside the old one, then let it answer.  Never appends.

        Two at once would take each other's files for old ones: this waits for another process's, and raises Unavailable after a minute.
        """
        lease = Lease(self.logbook, "rebuild")

        def renewing(position: Position, of: Position) -> None:
            if not lease.take():
                raise Unavailable("another process began to rebuild meanwhile; its generation will answer")
            told(position, of)

        with self._held(lease):
            return self.views.rebuild(renewing)

    def start(self, *, second_process: bool = False) -> None:
        """Compose and project in the background from now on, whenever no other process does.

        With *second_process* projecting has a process of its own, for large imports: the interpreter's lock is not shared then.
        """
        self.prepare()
        if self._running:
            return
        rarely_collect_garbage()
        followers: list[Follower] = [self.composer] if second_process else [self.composer, self.views]
        if second_process:
            command = [sys.executable, "-m", "locker.projector", str(self.data.absolute()), ",".join(self.schemas)]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            # In a session of its own: Ctrl-C is for us, and we tell it to end when we do.
            self._projector = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True)
        self._running = [Running(follower, self.logbook, self._leases[follower.name], _failed) for follower in followers]

    def catch_up(self, told: Callable[[Position, Position], None] = lambda *_: None) -> None:
        """Return when everything that was appended so far is composed and can be queried, whoever does the work; *told* hears (done, of)."""
        self.prepare()
        of = self.logbook.position
        for follower in (self.composer, self.views):
            while (done := follower.position) < of:
                told(done, of)
                self._check_running()
                if self._running or not self._leases[follower.name].take():
                    time.sleep(WAIT_SECONDS)
                else:
                    with suppress(Conflict):  # another thread was faster
                        follower.step()
            of = self.logbook.position
        if not self._running:
            for lease in self._leases.values():
                lease.release()
        told(of, of)

    def _check_running(self) -> None:
        """Raise what stopped a follower of ours; do the work of the second process if that has ended."""
        for running in self._running:
            if running.error:
                raise running.error
        if self._projector and self._projector.poll() is not None:
            self._projector = None
            self._running.append(Running(self.views, self.logbook, self._leases[Views.name], _failed))

    def stop(self) -> None:
        """Finish the batches at hand."""
        for running in self._running:
            running.stop()
        self._running = []
        if self._projector:
            assert self._projector.stdin
            self._projector.stdin.close()
            self._projector.wait()
            self._projector = None

    def close(self) -> None:
        """Stop, and close every file."""
        self.stop()
        self.accounts.close()
        self.vault.close()
        self.views.close()
        self.logbook.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _held(self, lease: Lease) -> Iterator[None]:
        """Hold a lease meanwhile.  Raises Unavailable if another process keeps it for a minute."""
        deadline = time.monotonic() + 60
        while not lease.take():
            if time.monotonic() > deadline:
                raise Unavailable(f"another process does the work of the {lease.name}; try again when it is done")
            time.sleep(WAIT_SECONDS)
        try:
            yield
        finally:
            lease.release()

    # -- writing -----------------------------------------------------------------------------------------

    def importing(
        self, source: str, path: Path | str, *, owner: str = "me", wish: Wish | None = None, options: dict[str, str] | None = None
    ) -> tuple[Import, Archive]:
        """An import that is ready to ``run`` over an archive.  *source* is a connector's name, maybe with an account: ``mbox.work``.

        Raises NotFound for an unknown connector or path, Invalid for options that it does not know.
        """
        check_owner(owner)
        name = check_source(source).partition(".")[0]
        connector = self.connectors.get(name)
        if not isinstance(connector, Archived):
            known = ", ".join(name for name, connector in self.connectors.items() if isinstance(connector, Archived))
            raise NotFound(f"there is no connector {name!r} that reads files; there are {known}")
        return Import(self.logbook, connector.options(options or {}), owner, source, wish), Archive(path)

    def import_archive(self, source: str, path: Path | str, *, owner: str = "me", wish: Wish | None = None) -> Report:
        """Read an archive into a log; see ``importing``."""
        run, archive = self.importing(source, path, owner=owner, wish=wish)
        with archive:
            return run.run(archive)

    def push(self, owner: str, source: str, items: Iterable[object], by: str | None = None) -> Pushed:
        """Append pushed items ``{"type","key","body"}`` to a source that no connector has; bodies are canonical.

        Items that are wrong are rejected, each for itself; the others are appended, all or none.  Raises Invalid for a source that is taken.
        """
        pushed, drafts = self.drafts(source, items, by)
        return pushed.count(self.logbook.append(owner, source, drafts))

    def drafts(self, source: str, items: Iterable[object], by: str | None = None) -> tuple[Pushed, list[Draft]]:
        """Pushed items as drafts, for callers that append them themselves, and what was rejected; ``count`` what became of them."""
        self.check_pushable(source)
        pushed, drafts = Pushed(), list[Draft]()
        for index, item in enumerate(items):
            try:
                drafts.append(self._pushed(source, item, by))
            except Invalid as error:
                pushed.rejected += 1
                pushed.errors.append({"index": index, "error": str(error)})
        return pushed, drafts

    def check_pushable(self, source: str) -> None:
        """Raise Invalid if a source's name is wrong, or belongs to a connector or a collection."""
        name = check_source(source).partition(".")[0]
        if name in self.collections:
            raise Invalid(f"{source!r} is the name of a collection; choose another name for the source")
        if name in self.connectors:
            raise Invalid(f"{source!r} belongs to the connector {name}; choose another name for the source")

    def _pushed(self, source: str, item: object, by: str | None) -> Draft:
        if isinstance(item, Invalid):  # it could not even be read
            raise item
        if not isinstance(item, dict):
            raise Invalid('an item is an object {"type", "key", "body"}')
        type, key, body = item.get("type"), item.get("key"), item.get("body")
        if not isinstance(type, str) or not isinstance(key, str):
            raise Invalid("an item needs a type (like contact/mine) and a key, both text")
        type = type if "/" in type else f"{type}/{source.partition('.')[0]}"
        if "body" not in item or not (body is None or isinstance(body, dict)):
            raise Invalid("an item needs a body: an object, or null if the thing is gone")
        if (kind := ServiceType.parse(type).primary) in self.schemas and body is not None:
            self.schemas[kind].check(body)
        return Draft.of(type, key, body, by=by)

    # -- reading -----------------------------------------------------------------------------------------

    @property
    def reader(self) -> Reader:
        """Whoever answers queries now.  Raises StorageError before the first ``prepare``."""
        return self.views.reader()

    def sources(self, owner: str) -> list[str]:
        """The sources that have records of an owner, collections left out."""
        return [source for source in self.logbook.sources(owner) if source not in self.collections]

    def check_source(self, owner: str, source: str) -> str:
        """A source that has records, or that a connector may give some day.  Raises NotFound, naming the known ones."""
        if source in self.connectors or (source not in self.collections and self.logbook.count(owner, source)):
            return source
        known = sorted({*self.connectors, *self.sources(owner)})
        raise NotFound(f"there is no source {source!r}; there are {', '.join(known)}")

    def record(self, owner: str, id: str) -> Record:
        """One record by its id.  Raises NotFound or Invalid."""
        source, version = split_id(id)
        if not (found := self.logbook.records(owner, source, gt=version - 1, lte=version)):
            raise NotFound(f"{owner} has no record {id}")
        return found[0]

    def type(self, name: str) -> str:
        """The type that a name means, in any letter case, singular or plural (``Contacts``).  Raises NotFound, naming the known ones."""
        return named(self.schemas, name).type

    def object(self, owner: str, id: str) -> Body:
        """An object as its log says it at this moment, whether it can be queried yet or not; a deleted one has no body.  Raises NotFound or Invalid."""
        type, n = split_id(id)
        head = self.logbook.head(owner, type, f"{type}/{SUBTYPE}", str(n)) if type in self.collections else None
        if head is None:
            raise NotFound(f"{owner} has no object {id}")
        (newest,) = self.logbook.records(owner, type, gt=head.newest - 1, lte=head.newest)
        said = newest.body
        shown = {"id": id, "type": type, "subtypes": said["subtypes"], "time": said["time"], "via": said["via"]}
        return {**shown, "body": None, "deleted": True} if head.deleted else {**shown, "body": said["body"]}

    def current(
        self, owner: str, source: str, *, after: tuple[str, str] = ("", ""), limit: int = 100, offset: int = 0, type: str | None = None
    ) -> list[Record]:
        """The newest record of each living thing of a log, in order of (type, key), after such a pair."""
        heads = self.logbook.heads(owner, source, after=after, limit=limit, offset=offset, type=type)
        where = "WHERE originator_id = ? AND originator_version IN (SELECT value FROM json_each(?))"
        newest = self.logbook.select(where, [f"{owner}/{source}", json.dumps([head.newest for head in heads])])
        found = {record.version: record for record in newest}
        return [found[head.newest] for head in heads]

    def version_at(self, owner: str, source: str, microseconds: int) -> int:
        """How many records of a log are older than a moment, in microseconds since 1970 UTC."""
        return self.logbook.version_at(owner, source, written(microseconds))

    def types(self, owner: str, source: str) -> list[str]:
        """The service types that have records in a log."""
        types, last = list[str](), ""
        while row := self.logbook.read(
            "SELECT type FROM heads WHERE log = ? AND type > ? ORDER BY type LIMIT 1", [f"{owner}/{source}", last]
        ):
            last = row[0][0]
            types.append(last)
        return types


def guess(connectors: Sequence[Archived], path: Path) -> list[str]:
    """Names of connectors whose file names fit a path."""
    with Archive(path) as archive:
        return [connector.name for connector in connectors if connector.patterns and archive.names(*connector.patterns)]


def rarely_collect_garbage() -> None:
    """Records and bodies are trees without cycles: looking for cycles among them costs a tenth of an import and finds nothing."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _failed(error: LockerError) -> None:
    logger.error("%s: %s", error.code, error)
