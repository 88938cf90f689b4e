"""
The keeper composes and projects what was appended, in the background or until everything can be queried.

Each follower works in one process at a time, under its lease; whoever finds nobody at work does it.
"""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from .composer import Composer
from .error import Conflict, LockerError, Unavailable
from .follower import Follower, Lease, Running
from .log import Logbook, Position
from .views import Views

logger = logging.getLogger("locker")

WAIT_SECONDS = 0.02


class Keeper:
    """Keeps collections and read models up with the logs of one locker; *composer* works under the lease of its name."""

    def __init__(
        self, logbook: Logbook, composer: Composer, views: Views, leases: Mapping[str, Lease], data: Path, schemas: Iterable[str]
    ) -> None:
        self._logbook, self._composer, self._views = logbook, composer, views
        self._leases, self._data, self._schemas = leases, data, tuple(schemas)
        self._running: list[Running] = []
        self._projector: subprocess.Popen[bytes] | None = None

    def prepare(self, told: Callable[[Position, Position], None] = lambda *_: None) -> None:
        """Make the read model if there is none that fits this program."""
        if not self._views.is_current():
            with self._held(self._leases[Views.name]):
                if not self._views.is_current():  # or another process made it meanwhile
                    self.rebuild(told)

    def rebuild(self, told: Callable[[Position, Position], None] = lambda *_: None) -> Position:
        """Make a new generation of the read model beside the old one, then let it answer.  Never appends.

        Two at once would take each other's files for old ones: this waits for another process's, and raises Unavailable after a minute.
        """
        lease = Lease(self._logbook, "rebuild")

        def renewing(position: Position, of: Position) -> None:
            if not lease.take():
                raise Unavailable("another process began to rebuild meanwhile; its generation will answer")
            told(position, of)

        with self._held(lease):
            return self._views.rebuild(renewing)

    def start(self, *, second_process: bool = False) -> None:
        """Compose and project in the background from now on, whenever no other process does.

        With *second_process* projecting has a process of its own, for large imports: the interpreter's lock is not shared then.
        """
        self.prepare()
        if self._running:
            return
        rarely_collect_garbage()
        followers: list[Follower] = [self._composer] if second_process else [self._composer, self._views]
        if second_process:
            command = [sys.executable, "-m", "locker.projector", str(self._data.absolute()), ",".join(self._schemas)]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            # In a session of its own: Ctrl-C is for us, and we tell it to end when we do.
            self._projector = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True)
        self._running = [Running(follower, self._logbook, self._leases[follower.name], _failed) for follower in followers]

    def catch_up(self, told: Callable[[Position, Position], None] = lambda *_: None) -> None:
        """Return when everything that was appended so far is composed and can be queried, whoever does the work; *told* hears (done, of)."""
        self.prepare()
        of = self._logbook.position
        for follower in (self._composer, self._views):
            while (done := follower.position) < of:
                told(done, of)
                self._check_running()
                if self._running or not self._leases[follower.name].take():
                    time.sleep(WAIT_SECONDS)
                else:
                    with suppress(Conflict):  # another thread was faster
                        follower.step()
            of = self._logbook.position
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
            self._running.append(Running(self._views, self._logbook, self._leases[Views.name], _failed))

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


def rarely_collect_garbage() -> None:
    """Records and bodies are trees without cycles: looking for cycles among them costs a tenth of an import and finds nothing."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _failed(error: LockerError) -> None:
    logger.error("%s: %s", error.code, error)
