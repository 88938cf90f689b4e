"""
``locker log`` and ``show``: the records themselves, in their order and with their history.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice

import click

from ..error import Invalid
from ..locker import Locker
from ..log import Position, split_id
from ..log_reader import PAGE
from ..record import Record, loads
from ..schema import written
from ..settings import Settings
from ..term import times
from .frame import Example, as_json, current, opened, place
from .table import dump, line, moment, raw, short, table

WAIT_SECONDS = 0.5


@click.command(
    short_help="Print records in log order.",
    cls=Example,
    examples=(
        "locker log --source vcard",
        "locker log --since 2026-11-01 --json",
        "locker log --since mbox:1042 --limit 20",
        "locker log --follow",
    ),
)
@click.option("--source", metavar="NAME", help="Only of this source; also a collection, such as contact.")
@click.option("--since", metavar="ID|TIME", help="After this record, or at and after this time.")
@click.option("--limit", type=click.IntRange(0), help="At most so many.")
@click.option("--follow", is_flag=True, help="Wait for more, until Ctrl-C; without --since, tells only of what comes from now on.")
@as_json
@place
def log(source: str | None, since: str | None, limit: int | None, follow: bool, json: bool, settings: Settings) -> None:
    """Print records in log order, of all sources or of one; with --json one to a line."""
    with opened(settings) as locker:
        if source is not None and source not in locker.collections:
            locker.check_source(settings.owner, source)
        start = _start(locker, settings.owner, since) if since else locker.logbook.position if follow else 0
        for record in islice(_records(locker, settings.owner, source, start, follow=follow), limit):
            if json:
                raw(record.as_json().decode())
            else:
                line(_told(record))
            if follow:
                sys.stdout.flush()


def _records(locker: Locker, owner: str, source: str | None, position: Position, *, follow: bool) -> Iterator[Record]:
    """Records of an owner after a position; of all sources without the collections, or of one log."""
    only, but = ((source,), ()) if source else ((), tuple(locker.collections))
    while True:
        end = locker.logbook.position
        while records := locker.logbook.since(position, limit=PAGE, lte=end, only=only, but=but):
            position = records[-1].position
            yield from (record for record in records if record.owner == owner)
        if not follow:
            return
        position = max(position, end)
        while not locker.logbook.wait(position, WAIT_SECONDS):
            pass


def _start(locker: Locker, owner: str, since: str) -> Position:
    """The position after which to read.  Raises NotFound for an unknown id, Invalid for what is neither id nor time."""
    try:
        split_id(since)
    except Invalid:
        is_id = False
    else:
        is_id = "T" not in since
    if is_id:
        return locker.record(owner, since).position
    return _position_at(locker, written(times(since)[0]))


def _position_at(locker: Locker, time: str) -> Position:
    """The position of the last record before a time; times never decrease, so a few looks are enough."""

    def is_reached(position: Position) -> bool:
        rows = locker.logbook.read(
            "SELECT json_extract(state, '$.timestamp') >= ? FROM stored_events WHERE position >= ? ORDER BY position LIMIT 1",
            [time, position],
        )
        return bool(rows[0][0])

    return bisect_left(range(1, locker.logbook.position + 1), True, key=is_reached)


def _told(record: Record) -> str:
    """A record on one line."""
    return f"{record.id:<24} {moment(record.timestamp)}  {record.op:<6}  {record.type:<28} {short(record.key)}"


@click.command(
    short_help="Show a record or an object with its history.",
    cls=Example,
    examples=("locker show vcard:1", "locker show contact:1", "locker show contact:1 --json"),
)
@click.argument("id")
@as_json
@place
def show(id: str, json: bool, settings: Settings) -> None:
    """Show a record with its history, or an object with its records and its history."""
    source, _ = split_id(id)
    with current(settings) as locker:
        if source in locker.collections:
            _show_object(locker, settings.owner, id, json=json)
        else:
            _show_record(locker, settings.owner, id, json=json)


def _show_record(locker: Locker, owner: str, id: str, *, json: bool) -> None:
    record = locker.record(owner, id)
    history = locker.logbook.history(owner, record.first)
    objects = [loads(text)["id"] for text in locker.reader.via_up(owner, record.first)]
    if json:
        return dump({"record": record.as_dict(), "history": [each.as_dict() for each in history], "objects": objects})
    line(f"record {record.id}: {record.op} of {record.type} {short(record.key)}, at {moment(record.timestamp)}")
    line(f"became {', '.join(objects) or 'no object'}")
    dump(record.as_dict()["body"])
    return _show_history(history)


def _show_object(locker: Locker, owner: str, id: str, *, json: bool) -> None:
    history = locker.logbook.history(owner, locker.record(owner, id).first)
    last = history[-1]
    merged = last.op == "delete" and last.note and last.note.get("merged_into")
    found = None if last.op == "delete" and not merged else loads(locker.reader.get(owner, id))
    records = [locker.record(owner, each) for each in locker.reader.via_down(owner, found["id"])] if found else []
    if json:
        return dump({"object": found, "records": [each.as_dict() for each in records], "history": [each.as_dict() for each in history]})
    if found is None:
        line(f"object {id} is deleted, since {moment(last.timestamp)}")
    else:
        answers = f" answers for {id}, which was merged into it" if found["id"] != id else ""
        line(f"object {found['id']}{answers}: {found['type']} of {', '.join(found['subtypes'])}, time {moment(found['time'])}")
        dump(found["body"])
        line("\nmade of")
        table(("id", "time", "type", "key"), [(each.id, moment(each.timestamp), each.type, each.key) for each in records])
    return _show_history(history)


def _show_history(history: list[Record]) -> None:
    line("\nhistory")
    rows = [(each.id, moment(each.timestamp), each.op, each.by or "", each.note or "", each.digest[:16]) for each in history]
    table(("id", "time", "op", "by", "note", "digest"), rows)
