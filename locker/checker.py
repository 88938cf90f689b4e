"""
Checks a whole locker, beside whoever uses it: the log by replaying it, what was made from it by making it again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from .agreement import Composition, Rebuilt
from .database import connect
from .error import LockerError, StorageError
from .locker import Locker
from .log import LOG_FILE
from .replay import Counts, Finding, Replay
from .tables import fingerprint

__all__ = ["Checker", "Counts", "Finding", "check"]

RETRIES = 5


def check(locker: Locker) -> Iterator[Finding]:
    """Everything that is wrong with a locker."""
    yield from Checker(locker).findings()


@dataclass(slots=True)
class Checker:
    """One check; *counts* fill while ``findings`` is read, *told* hears (what, done, of)."""

    locker: Locker
    told: Callable[[str, int, int], None] = lambda *_: None
    counts: Counts = field(default_factory=Counts)

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong, as it is found.  Writes nothing but scratch files in the locker's folder."""
        log = self.locker.data / LOG_FILE
        with self._scratch() as folder:
            views, path = self._views()
            connection = connect(log)
            try:
                position = -1
                if views is not None and path is not None:
                    yield from _guarded(path, _integrity(path, views))
                    position = _begin(views, folder)
                connection.execute("BEGIN")
                yield from _guarded(log, _integrity(log, connection))
                yield from _guarded(log, self._log(log, connection, Path(folder)))
                if views is not None and path is not None:
                    yield from _guarded(path, self._read_model(path, connection, views, Path(folder), position))
            finally:
                connection.close()
                if views is not None:
                    views.close()

    def _scratch(self) -> TemporaryDirectory[str]:
        """Beside the log, where there is room for as much again.  Raises StorageError."""
        try:
            return TemporaryDirectory(prefix=".check-", dir=self.locker.data)
        except OSError as error:
            raise StorageError(
                f"a check writes scratch files in {self.locker.data}, and cannot ({error.strerror}); check a copy of that folder"
            ) from error

    def _log(self, log: Path, connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
        scratch = connect(folder / "things.sqlite", write=True, synchronous="OFF")
        try:
            replay = Replay(log, connection, scratch, self.counts, lambda done, of: self.told("replaying", done, of))
            yield from replay.findings()
        finally:
            scratch.close()
        yield from Composition(log, connection, self.counts).findings()
        end = connection.execute("SELECT coalesce(max(position), 0) FROM stored_events").fetchone()[0]
        for name, position in connection.execute(
            "SELECT application_name, notification_id FROM tracking WHERE notification_id > ?", (end,)
        ):
            yield Finding(log.name, f"follower {name}", f"stands at position {position}; the log ends at {end}")

    def _views(self) -> tuple[sqlite3.Connection | None, Path | None]:
        """The read model that answers now, open; it may be replaced at any moment."""
        for attempt in range(RETRIES):
            generation = self.locker.views.generation
            path = self.locker.data / f"views-{generation}.sqlite"
            if generation == 0:
                break
            try:
                return connect(path), path
            except LockerError:
                if attempt == RETRIES - 1:
                    raise
        return None, None

    def _read_model(
        self, path: Path, connection: sqlite3.Connection, views: sqlite3.Connection, folder: Path, position: int
    ) -> Iterator[Finding]:
        end = connection.execute("SELECT coalesce(max(position), 0) FROM stored_events").fetchone()[0]
        if position > end:
            yield Finding(path.name, "meta", f"stands at position {position}; the log ends at {end}")
        row = views.execute("SELECT value FROM main.meta WHERE name = 'fingerprint'").fetchone()
        if row is None or row[0] != fingerprint(self.locker.schemas):
            yield Finding(path.name, "meta", "was made for other schemas or by another version; 'locker rebuild' makes it anew")
            return
        rebuilt = Rebuilt(path, connection, views, self.locker.schemas, self.counts, lambda done, of: self.told("rebuilding", done, of))
        rebuilt.build(folder / "views.sqlite", position)
        yield from rebuilt.findings()


def _begin(views: sqlite3.Connection, folder: str) -> int:
    """Attach the scratch file, which is filled later, and take a snapshot; the position that it is at."""
    views.execute("PRAGMA query_only = 0")  # the file is open for reading only; this lets it have temporary tables
    views.execute("ATTACH ? AS scratch", (str(Path(folder) / "views.sqlite"),))
    views.execute("BEGIN")
    row = views.execute("SELECT value FROM main.meta WHERE name = 'position'").fetchone()
    return int(row[0]) if row else 0


def _integrity(path: Path, connection: sqlite3.Connection) -> Iterator[Finding]:
    for (text,) in connection.execute("PRAGMA main.integrity_check(100)"):
        if text != "ok":
            yield Finding(path.name, "SQLite", text)


def _guarded(path: Path, findings: Iterator[Finding]) -> Iterator[Finding]:
    """What SQLite cannot read is one more finding."""
    try:
        yield from findings
    except (sqlite3.Error, LockerError) as error:
        yield Finding(path.name, "SQLite", f"cannot be read on: {error}")
