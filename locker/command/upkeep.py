"""
``locker rebuild``, ``recompose`` and ``check``: what an operator does now and then.
"""

from __future__ import annotations

import click

from ..checker import Checker, Finding
from ..settings import Settings
from .frame import OK, REPORT, Example, as_json, opened, place
from .progress import Progress
from .table import dump, line, table

SHOWN = 1000
"""Findings that are printed; all are counted."""


@click.command(short_help="Make the read model anew.", cls=Example, examples=("locker rebuild",))
@as_json
@place
def rebuild(json: bool, settings: Settings) -> None:
    """Make the read model anew from the logs, beside the old one; readers never see a half, and nothing is appended."""
    with opened(settings) as locker:
        with Progress("rebuilding", patience=0.5) as progress:
            position = locker.rebuild(progress.update)
        with Progress("composing", patience=1.0) as progress:
            locker.catch_up(progress.update)
        generation = locker.views.generation
    if json:
        return dump({"generation": generation, "position": position})
    return line(f"generation {generation} of the read model answers now; it was made of {position:,} records")


@click.command(short_help="Run better maps over the archive.", cls=Example, examples=("locker recompose contact",))
@click.argument("type")
@as_json
@place
def recompose(type: str, json: bool, settings: Settings) -> None:
    """Run the maps of today over the archive of a TYPE, and append what differs."""
    with opened(settings) as locker:
        with Progress("composing", patience=1.0) as progress:
            locker.catch_up(progress.update)
        before = locker.logbook.position
        members = locker.composer.recompose(type)
        appended = locker.logbook.position - before
        with Progress("composing", patience=1.0) as progress:
            locker.catch_up(progress.update)
    if json:
        return dump({"type": type, "members": members, "appended": appended})
    return line(f"{members:,} records of type {type} were mapped again; {appended:,} objects changed")


@click.command(short_help="Verify everything.", cls=Example, examples=("locker check", "locker check --json"))
@as_json
@place
def check(json: bool, settings: Settings) -> int:
    """Verify the whole locker: replay the log, check every digest and blob, compose and project again and compare.

    May run beside a server.  Prints what is wrong, by file and place; docs/auditing.md says how to verify without Locker.
    """
    found, count = list[Finding](), 0
    with opened(settings) as locker, Progress("checking", patience=1.0) as progress:
        checker = Checker(locker, lambda _, done, of: progress.update(done, of))
        for finding in checker.findings():
            count += 1
            if len(found) < SHOWN:
                found.append(finding)
    counts = checker.counts
    if json:
        looked = {name: getattr(counts, name) for name in counts.__slots__}
        dump({"findings": [{"file": each.file, "place": each.place, "what": each.what} for each in found], "count": count, **looked})
        return REPORT if count else OK
    line(
        f"{counts.records:,} records ({counts.erased:,} erased), {counts.heads:,} heads, {counts.blobs:,} blobs, {counts.objects:,} objects "
        f"and {counts.rows:,} rows of the read model were checked"
    )
    if not count:
        line("everything is as it should be")
        return OK
    table(("file", "place", "what is wrong"), [(each.file, each.place, each.what) for each in found], wrap=True)
    line(f"{count:,} findings{f', the first {SHOWN:,} are shown' if count > SHOWN else ''}")
    line("What is wrong in views-….sqlite, 'locker rebuild' mends; log.sqlite must be restored from a copy.")
    return REPORT
