"""
``locker import``: archives in, with a bar meanwhile and a table at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from ..connector import Archived
from ..error import ConnectorError, Invalid, NotFound
from ..importer import Report, Wish
from ..locker import Locker, guess
from ..record import Body
from ..settings import Settings
from .frame import OK, REPORT, Example, as_json, opened, place, told
from .progress import Progress
from .table import dump, line, table

AUTO = "auto"
SHOWN_PROBLEMS = 20
LARGE = 8_000_000
"""Bytes from which on projecting is worth a process of its own."""

PATIENCE = 0.5
"""Seconds before a bar appears."""
COUNTS = ("added", "edited", "deleted", "unchanged", "unreadable")


@dataclass(slots=True)
class Run:
    """One archive of this command, and what became of it; *code* is an exit code."""

    source: str
    path: Path
    report: Report
    error: str | None = None
    code: int = OK


@click.command(
    short_help="Read archives.",
    name="import",
    cls=Example,
    examples=(
        "locker import vcard contacts.vcf",
        "locker import mail.mbox calendar.ics",
        "locker import mbox.work ~/mail/work.mbox",
        "locker import json people.ndjson --option mapping=map.json",
        "locker import twitter-archive old.zip --scope account:12 --as-of 2019-03-01",
    ),
)
@click.argument("paths", metavar="[SOURCE] PATH…", nargs=-1, required=True)
@click.option("options", "--option", metavar="NAME=VALUE", multiple=True, help="An option of the connector, such as mapping=map.json.")
@click.option("--scope", metavar="NAME", help="Which account, mailbox or export this is, if the archive does not say.")
@click.option("--complete", is_flag=True, help="It holds everything of its scope: what an older export had and this one lacks was deleted.")
@click.option("--as-of", metavar="DATE", help="When it was exported, if the archive does not say.")
@as_json
@place
def command(
    paths: tuple[str, ...], options: tuple[str, ...], scope: str | None, complete: bool, as_of: str | None, json: bool, settings: Settings
) -> int:
    """Read archives: files, folders, zips or tars that a person downloaded.

    SOURCE is a connector (locker connectors lists them), maybe with an account of its own: mbox.work.  Left out, or "auto", it is guessed by
    each file's name.  Importing the same archive again adds nothing; a newer one adds the differences.
    """
    wish = Wish(scope, complete or None, _moment(as_of) if as_of else None)
    wanted = dict(_pair(option) for option in options)
    with opened(settings, make=True) as locker:
        runs = [Run(source, path, Report()) for source, path in _sources(locker, paths)]
        locker.start(second_process=sum(_bytes(run.path) for run in runs) > LARGE)
        done = list[Run]()
        try:
            for run in runs:
                done.append(run)
                _run(locker, run, settings.owner, wish, wanted)
            with Progress("composing", patience=1.0) as progress:
                locker.catch_up(progress.update)
        finally:
            show(done, json=json)
    return max((run.code for run in runs), default=OK)


def _run(locker: Locker, run: Run, owner: str, wish: Wish, options: dict[str, str]) -> None:
    """Read one archive; one that is broken ends itself only.  Raises Invalid for options that its connector does not know."""
    try:
        job, archive = locker.importing(run.source, run.path, owner=owner, wish=wish, options=dict(options))
        run.report = job.report
        with archive, Progress(f"{run.source} {run.path.name}", patience=PATIENCE) as progress:
            job.run(archive, lambda report: progress.update(archive.done, archive.size, report.items))
        run.code = REPORT if run.report.unreadable else OK
    except ConnectorError as error:
        run.error, run.code = str(error), told(error)


def show(runs: Iterable[Run], *, json: bool) -> None:
    """Print what became of the archives."""
    runs = list(runs)
    if json:
        dump([_as_dict(run) for run in runs])
        return
    rows = [(run.path.name, run.source, *(getattr(run.report, count) for count in COUNTS)) for run in runs]
    if len(rows) > 1:
        rows.append(("together", "", *(sum(getattr(run.report, count) for run in runs) for count in COUNTS)))
    table(("archive", "source", *COUNTS), rows, numbers=COUNTS)
    for run in runs:
        if run.report.unreadable:
            _show_problems(run)


def _show_problems(run: Run) -> None:
    count = run.report.unreadable
    line(f"\n{run.path.name}: {count:,} {'entry' if count == 1 else 'entries'} could not be read; everything else was")
    shown = run.report.problems[:SHOWN_PROBLEMS]
    table(("file", "place", "reason"), [(problem.file, problem.place, problem.reason) for problem in shown], wrap=True)
    if count > len(shown):
        line(f"… and {count - len(shown):,} more; --json lists the first {len(run.report.problems):,}")


def _as_dict(run: Run) -> Body:
    shown: Body = {"source": run.source, "path": str(run.path), **{count: getattr(run.report, count) for count in COUNTS}}
    shown["problems"] = [{"file": problem.file, "place": problem.place, "reason": problem.reason} for problem in run.report.problems]
    return shown | ({"error": run.error} if run.error else {})


def _sources(locker: Locker, words: tuple[str, ...]) -> list[tuple[str, Path]]:
    """Source and path of each archive.  Raises NotFound for a connector or a path that is not there, Invalid if the source cannot be guessed."""
    first, rest = words[0], words[1:]
    if first == AUTO or first.partition(".")[0] in locker.connectors:
        source, paths = first, rest
        if not rest:
            raise Invalid(f"which archive should {first} read? write: locker import {first} PATH")
    else:
        source, paths = AUTO, words
    for path in paths:
        if not Path(path).exists():
            known = f"; SOURCE is one of {', '.join(each.name for each in _readers(locker))}" if source == AUTO else ""
            raise NotFound(f"there is no file or folder {path}{known}")
    return [(_guessed(locker, Path(path)) if source == AUTO else source, Path(path)) for path in paths]


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def _guessed(locker: Locker, path: Path) -> str:
    if len(found := guess(_readers(locker), path)) == 1:
        return found[0]
    if not found:
        raise Invalid(
            f"no connector reads files called like {path}; name one that fits: locker import SOURCE {path} (see locker connectors)"
        )
    raise Invalid(f"{path} may be for {', '.join(found)}; name the one: locker import {found[0]} {path}")


def _pair(option: str) -> tuple[str, str]:
    name, equals, value = option.partition("=")
    if not equals:
        raise Invalid(f"--option takes NAME=VALUE, not {option!r}")
    return name, value


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"--as-of takes a date like 2019-03-01 or 2019-03-01T10:00:00Z, not {text!r}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _readers(locker: Locker) -> list[Archived]:
    """The connectors that read archives."""
    return [connector for connector in locker.connectors.values() if isinstance(connector, Archived)]
