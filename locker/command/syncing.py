"""
``locker sync`` and ``connections``: ask services for what is new, and see how they fare.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click

from ..clock import stamp
from ..connection import DISABLED, Connection
from ..error import LockerError, NotFound
from ..health import advice
from ..locker import Locker
from ..record import Body
from ..settings import Settings
from ..sync import Collected
from .frame import FAILED, OK, REPORT, Example, as_json, opened, place, told
from .progress import Counting
from .table import dump, line, moment, table

SHOWN_PROBLEMS = 5
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
        every = [each.source for each in locker.connections.list(settings.owner) if each.mode != DISABLED]
        runs, code = list[Collected](), OK
        for source in sources or every:
            try:
                runs.append(_run(locker, settings.owner, source, streams, full=full))
                failed = runs[-1].error is not None or any(stream.outcome == "failed" for stream in runs[-1].streams)
                code = max(code, FAILED if failed else REPORT if runs[-1].unreadable else OK)
            except LockerError as error:
                code = max(code, told(error))
        _show(runs, json=json)
    return code


def _run(locker: Locker, owner: str, source: str, streams: Sequence[str], *, full: bool) -> Collected:
    with Counting(source) as counting:
        return locker.sync(owner, source, streams=streams, whole=full, told=lambda run: counting.update(_far(run)))


def _far(run: Collected) -> str:
    """How far a run is, in few words."""
    stream = run.streams[-1].name if run.streams else ""
    return f"{stream}: {run.items:,} items, {run.records:,} new or changed"


def _show(runs: Sequence[Collected], *, json: bool) -> None:
    if json:
        return dump([_as_dict(run) for run in runs])
    rows = [
        (run.source, stream.name, stream.outcome, *(getattr(stream, count) for count in COUNTS)) for run in runs for stream in run.streams
    ]
    if rows:
        table(("source", "stream", "outcome", *COUNTS), rows, numbers=COUNTS)
    for run in runs:
        for stream in run.streams:
            if stream.error and stream.error != run.error:
                line(f"\n{run.source}, {stream.name}: {stream.error}")
            for problem in stream.problems[:SHOWN_PROBLEMS]:
                line(f"\n{run.source}, {stream.name}: {problem.place}: {problem.reason}")
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


@click.command(
    short_help="List the connections.",
    cls=Example,
    examples=(
        "locker connections",
        "locker connections github",
        "locker connections --backfill github",
        "locker connections --enable github",
    ),
)
@click.argument("source", required=False)
@click.option("--enable", metavar="SOURCE", help="Let a connection that was disabled run again.")
@click.option("--disable", metavar="SOURCE", help="Let a connection rest until it is enabled; what it collected stays.")
@click.option("--backfill", metavar="SOURCE", help="Have everything walked again at the next run; nothing is lost by that.")
@as_json
@place
def connections(source: str | None, enable: str | None, disable: str | None, backfill: str | None, json: bool, settings: Settings) -> None:
    """List the connections to services: how each fares, when it ran and runs next, and what to do about it; of one SOURCE also its streams.

    A moment is in UTC; the budget is how many requests the service still takes.
    """
    with opened(settings) as locker:
        owner = settings.owner
        for named, change in (
            (enable, locker.connections.enable),
            (disable, locker.connections.disable),
            (backfill, locker.connections.backfill),
        ):
            if named:
                change(owner, named)
        found = [locker.connections.get(owner, source)] if source else locker.connections.list(owner)
        shown = [_shown(locker, each) for each in found]
    if json:
        return dump(shown)
    names = ("source", "mode", "last run", "next run", "items", "budget", "what to do")
    table(names, [_row(each) for each in shown], numbers=("items",), wrap=True)
    for each in shown:
        if each["error"]:
            line(f"\n{each['source']}: {each['error']}")
    if source:
        line("")
        _streams(shown[0]["streams"])
    return None


def _row(shown: Body) -> Sequence[Any]:
    budget = shown["budget"]
    left = "" if budget is None else f"{budget['left']:,.0f} of {budget['limit']:,.0f}"
    return (shown["source"], shown["mode"], moment(shown["ran"] or ""), moment(shown["due"] or ""), shown["items"], left, shown["advice"])


def _streams(streams: Sequence[Body]) -> None:
    rows = [
        (
            each["name"],
            moment(each["finished"] or ""),
            moment(each["swept"] or ""),
            moment(each["due"] or ""),
            each["pages"],
            each["error"] or "",
        )
        for each in streams
    ]
    table(("stream", "last walk", "last sweep", "next walk", "pages", "error"), rows, numbers=("pages",), wrap=True)


def _shown(locker: Locker, connection: Connection) -> Body:
    """A connection as listings show it."""
    budget = None
    with suppress(NotFound):  # its connector is gone
        if allowance := locker.syncing.allowance(connection):
            budget = {"left": max(0.0, allowance.left), "limit": allowance.limit, "resets": _stamp(allowance.resets)}
    streams = [
        {
            "name": name, "finished": each.finished, "swept": each.swept, "due": each.due, "pages": each.pages, "errors": each.errors,
            "is_unfinished": each.started is not None, "error": each.error,
        }
        for name, each in locker.syncing.standings(connection).items()
    ]  # fmt: skip
    counts = {"items": locker.connections.items(connection), "records": locker.logbook.count(connection.owner, connection.source)}
    return {**connection.as_dict(), **counts, "budget": budget, "advice": advice(connection), "streams": streams}


def _stamp(seconds: float) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC))
