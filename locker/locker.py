"""
A locker, open: logs, composer, read models and connectors put together.  The only place that knows them all.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

from . import plugin
from .account import Accounts, Tokens
from .application import Applications
from .authority import Authority
from .clock import Clock, stamp, system_clock
from .composer import Composer
from .connecting import Connecting
from .connection import Connection, Connections
from .connector import Archive, Archived
from .decision import Decided, Seen, Sight, Write
from .delivery import Deliveries
from .document import Document, Documents
from .draft import Draft, Outcome
from .entitlement import Entitlements
from .error import NotFound
from .flag import MAINTENANCE, Flag, Flags
from .follower import Lease
from .guard import Guard
from .importer import Import, Report, Wish
from .keeper import Keeper
from .live import Live
from .log import LOG_FILE, Logbook, Position, split_id
from .pushing import Pushed, Pushing
from .query import Reader
from .reach import Reach
from .reading import Article, Reading, WrongTags
from .record import Body, Record, check_owner, check_source
from .resource import Resources
from .run import RUNS
from .scheduler import Scheduler
from .schema import Schema, load, named, written
from .settings import key_folder
from .settling import SUBTYPE
from .subscribing import Subscriptions
from .sync import Collected, Syncing
from .tagging import Tag, Tags
from .tap import Taps
from .vault import Vault
from .views import Views
from .watching import Watching

__all__ = [
    "MAINTENANCE",
    "RUNS",
    "Article",
    "Authority",
    "Decided",
    "Document",
    "Draft",
    "Flag",
    "Flags",
    "Locker",
    "Outcome",
    "Pushed",
    "Reach",
    "Seen",
    "Sight",
    "Tag",
    "Tags",
    "Write",
    "WrongTags",
    "guess",
]


class Locker:
    """One folder of data, open.  Made by ``Locker(folder)``; closes with ``close`` or as a context.

    *keys*, *secret* and *old_secret* open the vault (``vault.py``); *guard* says which private addresses may be called,
    *applications* what services know this locker as, *singer* that taps may run.  Raises StorageError if the folder cannot be written, Invalid for two
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
        guard: Guard | None = None,
        applications: Applications | None = None,
        singer: bool = False,
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
        self.flags = Flags(self.logbook)
        self.subscriptions = Subscriptions(self.logbook, self.vault, collections=self.collections, clock=clock)
        kinds = {type: schema.kinds for type, schema in self.schemas.items()}
        self.deliveries = Deliveries(self.logbook, self.subscriptions, kinds, clock=clock, refusal=Entitlements(self.accounts).refusal)
        self.live = Live(self.logbook, kinds, self._rights)
        self.watching = Watching(self.logbook, self.subscriptions, self.deliveries, clock)
        self.guard = guard or Guard()
        self.connections = Connections(self.logbook, self.vault, self.connectors, clock=clock)
        self.applications = applications or Applications()
        self.taps = Taps(self.data, allowed=singer)
        self.syncing = Syncing(
            self.logbook, self.connections, self.guard, self.applications, taps=self.taps, clock=clock, alias=self.accounts.alias
        )
        self.scheduler = Scheduler(self.logbook, self.connections, self.syncing, clock=clock)
        self.connecting: Connecting[Connection] = Connecting(
            self.connectors, self.connections, self.vault, self.applications, self._reach, clock=clock
        )
        self.resources = Resources(self.logbook, self.subscriptions)
        self.documents = Documents(self.logbook, self.resources)
        leases = {name: Lease(self.logbook, name) for name in (Composer.name, Views.name)}
        self.composer = Composer(self.logbook, self.connectors, self.collections, self.schemas, lease=leases[Composer.name])
        self.views = Views(self.logbook, self.data, self.schemas)
        self.keeper = Keeper(self.logbook, self.composer, self.views, leases, self.data, self.schemas)
        self.tags = Tags(self.logbook, self.composer)
        self.reading = Reading(self.logbook, self.composer, self.tags, clock)
        self.pushing = Pushing(self.logbook, self.connectors, self.collections, self.schemas)

    def _rights(self) -> int:
        """Grows whenever somebody may have lost a right."""
        self.accounts.picture  # noqa: B018 - it looks whether anything has changed
        return self.accounts.changes

    def _reach(self, base_url: str, is_trusted: bool) -> Reach:
        return Reach(self.guard.trusting(base_url) if is_trusted and base_url else self.guard)

    def lease(self, name: str) -> Lease:
        """The right to do a job of this locker, for one process at a time."""
        return Lease(self.logbook, name)

    def authority(self, tokens: Tokens) -> Authority:
        """The authorisation server that gives these tokens to programs."""
        return Authority(self.accounts, tokens, self.logbook, self.vault, clock=self.clock)

    def now(self) -> str:
        """The time, as the log writes it."""
        return stamp(self.clock())

    # -- keeping up --------------------------------------------------------------------------------------

    def prepare(self, told: Callable[[Position, Position], None] = lambda *_: None) -> None:
        """Make the read model if there is none that fits this program."""
        self.keeper.prepare(told)

    def rebuild(self, told: Callable[[Position, Position], None] = lambda *_: None) -> Position:
        """Make a new generation of the read model; see ``Keeper.rebuild``."""
        return self.keeper.rebuild(told)

    def start(self, *, second_process: bool = False) -> None:
        """Compose and project in the background from now on; see ``Keeper.start``."""
        self.keeper.start(second_process=second_process)

    def collect(self, concurrency: int) -> None:
        """Ask services for what is new whenever a connection is due, so many at a time, unless another process does, until ``stop``."""
        self.scheduler.concurrency = concurrency
        self.scheduler.start()

    def deliver(self) -> None:
        """Tell subscriptions of what happens from now on, whenever no other process does, until ``stop``."""
        self.deliveries.start(self.guard)

    def catch_up(self, told: Callable[[Position, Position], None] = lambda *_: None) -> None:
        """Return when everything that was appended so far is composed and can be queried; *told* hears (done, of)."""
        self.keeper.catch_up(told)

    def stop(self) -> None:
        """Finish the pages and the batches at hand."""
        self.scheduler.stop()
        self.deliveries.stop()
        self.live.stop()
        self.keeper.stop()

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

    def sync(
        self,
        owner: str,
        source: str,
        *,
        streams: Sequence[str] = (),
        whole: bool = False,
        told: Callable[[Collected], None] = lambda _: None,
    ) -> Collected:
        """Ask a connection's service for what is new; see ``Syncing.run``, which who has an event loop awaits itself."""
        return asyncio.run(self.syncing.run(owner, source, streams=streams, whole=whole, told=told))

    def push(self, owner: str, source: str, items: Iterable[object], by: str | None = None) -> Pushed:
        """Append pushed items; see ``Pushing``."""
        return self.pushing.push(owner, source, items, by)

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
