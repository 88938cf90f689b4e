"""
The generations of the read model: one that answers, and while it is rebuilt, one that is being made beside it.

Which generation is the current one is a fact in the logbook's store.  Readers look at it at each request; a file whose generation has passed is
removed, and those that still have it open read on undisturbed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from threading import Lock, RLock

from .database import connect, translated
from .error import LockerError, StorageError
from .follower import Follower
from .log import Logbook, Position
from .query import Reader
from .readmodel import ReadModel
from .record import Record
from .schema import Schema

BATCH = 1000
BATCHES = 4
"""So many full batches share a transaction: pages of an index that several of them change are written once."""
FACT = "views"


class Views(Follower):
    """Keeps the current generation of the read model in step with the collections' logs, and finds it for readers."""

    name = "views"

    def __init__(self, logbook: Logbook, folder: Path, schemas: Mapping[str, Schema], *, batch: int = BATCH) -> None:
        self._logbook, self._folder, self._schemas, self._batch = logbook, folder, schemas, batch
        self._lock, self._work = Lock(), RLock()
        self._model: tuple[int, ReadModel] | None = None
        self._reader: tuple[int, Reader] | None = None
        self._watch = connect(logbook.path)
        self._version, self._generation = -1, 0

    # -- the follower ----------------------------------------------------------------------------------

    @property
    def position(self) -> Position:
        with self._work:  # nobody may look into a batch that is half applied, nor close the file meanwhile
            return self._writable().position

    def step(self) -> int:
        """Apply the next batches of the collections' records."""
        with self._work:
            model = self._writable()
            position = model.position
            return self._apply(model, position) - position

    def _apply(self, model: ReadModel, position: Position) -> Position:
        """Apply what comes next; the position reached.  Nothing is written if there is nothing new."""
        batches = self._batches(position)
        first = next(batches, None)
        return model.apply_all(chain([first], batches), position) if first else position

    def _batches(self, position: Position) -> Iterator[tuple[Sequence[Record], Position]]:
        """What comes next: a batch, or some more if it was full, one by one so that few are in memory."""
        for _ in range(BATCHES):
            records, reached = self._logbook.batch(position, self._batch, only=tuple(self._schemas))
            if reached != position:
                yield records, reached
            if len(records) < self._batch:
                return
            position = reached

    def is_current(self) -> bool:
        """Whether the current generation fits this program; if not, rebuild it before anybody reads."""
        generation = self.generation
        if generation == 0:
            return False
        try:
            with ReadModel(self._path(generation), self._schemas) as model:
                return model.is_current()
        except LockerError:
            return False

    def rebuild(self, told: Callable[[Position, Position], None] = lambda *_: None) -> Position:
        """Make a new generation from the logs, then let it answer; *told* hears (position, of).  Readers never see a half.  Never appends."""
        generation = self.generation
        new = max([generation, *self._found()]) + 1
        path = self._path(new)
        try:
            with ReadModel(path, self._schemas, bulk=True) as model:
                while True:
                    position, of = model.position, self._logbook.position
                    told(position, of)
                    if self._apply(model, position) == position:
                        break
                model.finish()
                told(position, of)
        except BaseException:
            self._remove(new)
            raise
        self._logbook.set_fact(FACT, str(new))
        for old in self._found():
            if old < new:
                self._remove(old)
        return position

    # -- readers ---------------------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """The current generation; 0 before the first one was made."""
        with self._lock, translated(self._logbook.path):
            version = self._watch.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                row = self._watch.execute("SELECT value FROM facts WHERE name = ?", (FACT,)).fetchone()
                self._version, self._generation = version, int(row[0]) if row else 0
            return self._generation

    def reader(self) -> Reader:
        """A reader of the current generation.  Raises StorageError if there is none yet."""
        generation = self.generation
        if self._reader is None or self._reader[0] != generation:
            if generation == 0:
                raise StorageError("the read model was never made; run 'locker rebuild'")
            # The old one closes when its last request is done: nobody else holds it.
            try:
                self._reader = (generation, Reader(self._path(generation), self._schemas))
            except StorageError:
                if self.generation == generation:
                    raise
                return self.reader()  # a rebuild removed that generation a moment ago
        return self._reader[1]

    def close(self) -> None:
        """Close what is open."""
        with self._work, self._lock:
            # The writer last: only it may move the write-ahead log's pages to their places, which the next start would wait for.
            if self._reader:
                self._reader[1].close()
            if self._model:
                self._model[1].close()
            self._watch.close()

    # -- files -----------------------------------------------------------------------------------------

    def _writable(self) -> ReadModel:
        generation = self.generation
        if self._model is None or self._model[0] != generation:
            if self._model:
                self._model[1].close()
            self._model = (generation, ReadModel(self._path(generation), self._schemas))
        return self._model[1]

    def _path(self, generation: int) -> Path:
        return self._folder / f"views-{generation}.sqlite"

    def _found(self) -> list[int]:
        names = [path.stem.partition("-")[2] for path in self._folder.glob("views-*.sqlite")]
        return sorted(int(name) for name in names if name.isdecimal())

    def _remove(self, generation: int) -> None:
        path = self._path(generation)
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                path.with_name(path.name + suffix).unlink()
