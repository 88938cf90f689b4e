"""
``locker sync`` and ``connections``: ask services for what is new, and see how they fare.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..connection import Connection
from ..error import LockerError
from ..locker import Locker
from ..record import Body
from ..settings import Settings
from ..sync import Collected
from .frame import FAILED, OK, REPORT, Example, as_json, opened, place, told
from .progress import Progress
from .table import dump, line, moment, table

COUNTS = ("added", "edited", "deleted", "unchanged", "unreadable")


@click.command(
    short_help="Ask services for what is new.",
    cls=Example,
    examples=("locker sync", "locker sync github", "locker sync github --stream stars", "locker sync github --full"),
)
@click.argument("sources", metavar="[SOURCE]…", nargs=-1)
@click.option("streams", "--stream", metavar="NAME", multiple=True, help="Only this stream of the source; may be repeated.")
@click.option("--full", is_flag=True, help="Walk all there is, not only what is new.")
@as_json
@place
def sync(sources: tuple[str, ...], streams: tuple[str, ...], full: bool, json: bool, settings: Settings) -> int:
    """Ask services for what is new: those of all connections, or of some SOURCEs.

    'locker connect' makes a connection.  What was collected before an interruption stays, and the next run goes on there.
    """
    with opened(settings) as locker:
        wanted = sources or tuple(connection.source for connection in locker.connections.list(settings.owner))
        runs, code = list[Collected](), OK
        for source in wanted:
            try:
                runs.append(_run(locker, settings.owner, source, streams, full=full))
                code = max(code, FAILED if runs[-1].error else REPORT if runs[-1].unreadable else OK)
            except LockerError as error:
                code = max(code, told(error))
        _show(runs, json=json)
    return code


def _run(locker: Locker, owner: str, source: str, streams: Sequence[str], *, full: bool) -> Collected:
    with Progress(source, patience=0.5) as progress:
        return locker.sync(owner, source, streams=streams, whole=full, told=lambda run: progress.update(0, 0, run.items))


def _show(runs: Sequence[Collected], *, json: bool) -> None:
    if json:
        return dump([_as_dict(run) for run in runs])
    rows = [
        (run.source, stream.name, stream.outcome, *(getattr(stream, count) for count in COUNTS)) for run in runs for stream in run.streams
    ]
    if rows:
        table(("source", "stream", "outcome", *COUNTS), rows, numbers=COUNTS)
    for run in runs:
        if run.error:
            line(f"\n{run.source}: {run.error}" + (f"; goes on at {moment(run.due)}" if run.due else ""))
    return None


def _as_dict(run: Collected) -> Body:
    streams = [
        {
            "name": stream.name, "outcome": stream.outcome, "pages": stream.pages, **{count: getattr(stream, count) for count in COUNTS},
            **({"error": stream.error} if stream.error else {}),
            "problems": [{"place": problem.place, "reason": problem.reason} for problem in stream.problems],
        }
        for stream in run.streams
    ]  # fmt: skip
    shown: Body = {"source": run.source, "mode": run.mode, "requests": run.requests, "streams": streams, "due": run.due}
    return shown | ({"code": run.code, "error": run.error} if run.error else {})


@click.command(short_help="List the connections.", cls=Example, examples=("locker connections", "locker connections --json"))
@as_json
@place
def connections(json: bool, settings: Settings) -> None:
    """List the connections to services: how each fares, when it ran, when it runs next."""
    with opened(settings) as locker:
        found = locker.connections.list(settings.owner)
        counts = {each.source: locker.logbook.count(each.owner, each.source) for each in found}
    if json:
        return dump([_shown(each, counts[each.source]) for each in found])
    rows = [
        (each.source, each.mode, moment(each.ran or ""), moment(each.due or ""), counts[each.source], each.error or "") for each in found
    ]
    return table(("source", "mode", "last run", "next run", "records", "error"), rows, numbers=("records",), wrap=True)


def _shown(connection: Connection, records: int) -> Body:
    return {**connection.as_dict(), "records": records}
