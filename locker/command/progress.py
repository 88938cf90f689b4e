"""
How far something got: a bar on a terminal, a plain line now and then elsewhere.  Always on standard error.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import rich.progress
from rich.console import Console
from rich.text import Text

from .table import clean

EVERY = 2.0
"""Seconds between two plain lines."""


class Progress:
    """Tells of one job, after *patience* seconds; a context.

    ``update(done, of, count)``: *done* and *of* in one unit (bytes, positions); *count* is the number of records, *done* itself if not given.
    """

    def __init__(self, title: str, *, patience: float = 0.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._title, self._monotonic = clean(title), monotonic
        self._start = monotonic()
        self._next = self._start + patience
        self._console = Console(file=sys.stderr, highlight=False)
        self._bar: rich.progress.Progress | None = None

    def update(self, done: int, of: int, count: int | None = None) -> None:
        """Tell how far it is, unless it was told a moment ago."""
        now = self._monotonic()
        if self._bar is None and now < self._next:
            return
        records = done if count is None else count
        rate = records / max(now - self._start, 1e-3)
        done, of = min(done, max(of, 1)), max(of, 1)
        if self._console.is_terminal:
            self._show(done, of, f"{records:,} records  {rate:,.0f}/s")
        else:
            self._next = now + EVERY
            left = (now - self._start) * (of - done) / done if done else None
            remaining = "" if left is None else f", {_duration(left)} left"
            sys.stderr.write(f"{self._title}: {records:,} records, {rate:,.0f}/s, {100 * done // of} %{remaining}\n")
            sys.stderr.flush()

    def _show(self, done: int, of: int, numbers: str) -> None:
        if self._bar is None:
            self._bar = rich.progress.Progress(
                rich.progress.TextColumn("{task.description}", markup=False),
                rich.progress.BarColumn(),
                rich.progress.TaskProgressColumn(),
                rich.progress.TextColumn("{task.fields[numbers]}", markup=False),
                _Left(),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._bar.add_task(self._title, total=of, numbers=numbers)
        self._bar.update(self._bar.task_ids[0], completed=done, total=of, numbers=numbers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()


class Counting:
    """Tells of a job whose end nobody knows, after *patience* seconds; a context.  ``update(text)`` says how far it is."""

    def __init__(self, title: str, *, patience: float = 0.5, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._title, self._monotonic = clean(title), monotonic
        self._next = monotonic() + patience
        self._console = Console(file=sys.stderr, highlight=False)
        self._shown: rich.progress.Progress | None = None

    def update(self, text: str) -> None:
        """Tell how far it is, unless it was told a moment ago."""
        if self._shown is None and self._monotonic() < self._next:
            return
        if not self._console.is_terminal:
            self._next = self._monotonic() + EVERY
            sys.stderr.write(f"{self._title}: {clean(text)}\n")
            sys.stderr.flush()
            return
        if self._shown is None:
            columns = (rich.progress.SpinnerColumn(), rich.progress.TextColumn("{task.description}", markup=False))
            self._shown = rich.progress.Progress(*columns, rich.progress.TimeElapsedColumn(), console=self._console, transient=True)
            self._shown.start()
            self._shown.add_task("", total=None)
        self._shown.update(self._shown.task_ids[0], description=f"{self._title}  {clean(text)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._shown:
            self._shown.stop()


class _Left(rich.progress.TimeRemainingColumn):
    """The time that is left, in words."""

    def render(self, task: rich.progress.Task) -> Text:
        return super().render(task).append(" left")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
