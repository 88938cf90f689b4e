"""
``locker get``, ``list``, ``fields`` and ``via``: questions to the read model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import click

from ..error import Invalid
from ..log import split_id
from ..query import DEFAULT_LIMIT, Answer, Reader, Search
from ..record import Body, loads
from ..schema import named
from ..settings import Settings
from ..term import All, Any_, Between, Compare, Not, Term, items, names, parse, times
from .frame import Example, as_json, current, place
from .table import cell, dump, line, moment, raw, table

COLUMNS = 5
"""Fields of a body in a table."""

LEFT_OUT = ("text", "html", "raw", "updated", "given_name", "family_name")
"""Fields that are too long for a table, or say again what another one says."""


@click.command(
    short_help="Ask for objects of a type.",
    cls=Example,
    examples=(
        "locker get contact \"address.state:'CA', bio:'node.js'\" --limit 30",
        "locker get messages \"[from:'jason@singly.com', tag:singly]\" --subtypes '[IMAP]'",
        "locker get photos --time '[2011-05]' --sort -taken --json",
        "locker get links -q 'append only' --facets tag",
        'locker get contact "COUNT(age:21+.)"',
        "locker get posts --ndjson | wc -l",
    ),
)
@click.argument("type")
@click.argument("terms", default="[]")
@click.option("--id", "id", metavar="ID", help="Only this object, or what a record became.")
@click.option("--time", metavar="TIME", help="Only from this time: [2011], [2011-05-18], [2011-01,2012-06].")
@click.option("--subtypes", metavar="NAMES", help="Only of these sources: [IMAP, twitter-archive].")
@click.option("--limit", type=click.IntRange(0), help=f"At most so many.  [default: {DEFAULT_LIMIT}; with --ndjson: all]")
@click.option("--offset", type=click.IntRange(0), default=0, help="Leave out so many at the start.")
@click.option("--sort", metavar="FIELDS", help="The order: name, or -time for the newest first (the default).")
@click.option("--fields", metavar="FIELDS", help="Only these fields of the body: name,address.state.")
@click.option("-q", "q", metavar="WORDS", help="All of these words anywhere in the text, best match first.")
@click.option("--facets", metavar="FIELDS", help="Count the values of these fields among all that match.")
@click.option("--count", is_flag=True, help="Tell how many there are in all.")
@click.option("--ndjson", is_flag=True, help="Print one JSON object a line, without a limit.")
@as_json
@place
def get(type: str, terms: str, ndjson: bool, json: bool, settings: Settings, **asked: Any) -> None:
    """Ask for objects of a TYPE that satisfy all TERMS (docs/query-language.md)."""
    search = _search(type, terms, settings.owner, **asked)
    with current(settings) as locker:
        reader = locker.reader
        search = replace(search, type=named(reader.schemas, type).type)
        if search.query is not None and search.query.count:
            total = reader.search(search).total
            return dump({"count": total}) if json or ndjson else line(str(total))
        if ndjson:
            for text in islice(reader.stream(search), asked["limit"]):
                raw(text)
            return None
        answer = reader.search(search)
        return _dump_answer(answer) if json else _show_answer(reader, search, answer)


def _search(type: str, terms: str, owner: str, **asked: Any) -> Search:
    """The search that the options mean.  Raises Invalid, or QueryError with the place of the mistake."""
    return Search(
        type=type,
        owner=owner,
        query=parse(terms),
        id=asked["id"],
        time=times(asked["time"]) if asked["time"] else None,
        subtypes=tuple(names(asked["subtypes"])) if asked["subtypes"] else (),
        limit=DEFAULT_LIMIT if asked["limit"] is None else asked["limit"],
        offset=asked["offset"],
        sort=tuple((name.removeprefix("-"), name.startswith("-")) for name in _listed("--sort", asked["sort"])),
        fields=_listed("--fields", asked["fields"]),
        q=asked["q"],
        facets=_listed("--facets", asked["facets"]),
        count=asked["count"],
    )


def _listed(option: str, text: str | None) -> tuple[str, ...]:
    found = tuple(name for name, _ in items(text)) if text else ()
    if not all(name.removeprefix("-") for name in found):
        raise Invalid(f"{option} takes names of fields with commas between them, like name,address.state")
    return found


def _dump_answer(answer: Answer) -> None:
    """A bare array; with a count or facets, an object around it."""
    objects = "[" + ",\n ".join(answer.objects) + "]"
    if answer.total is None and answer.facets is None:
        return raw(objects)
    more = {"total": answer.total, "facets": answer.facets}
    head = "".join(f'"{name}": {_json(value)},\n ' for name, value in more.items() if value is not None)
    return raw("{" + head + f'"objects": {objects}}}')


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


def _show_answer(reader: Reader, search: Search, answer: Answer) -> None:
    objects = [loads(text) for text in answer.objects]
    columns = search.fields or _columns(
        reader, search.type, [each["body"] for each in objects], _asked(search.query.term) if search.query else []
    )
    if objects:
        rows = [(each["id"], moment(each["time"]), *(_at(each["body"], name) for name in columns), each["subtypes"]) for each in objects]
        table(("id", "time", *columns, "from"), rows)
    elif search.limit and not search.offset:
        line(f"no {search.type} satisfies this")
    if answer.total is not None:
        line(f"{answer.total:,} in all")
    elif answer.next is not None:
        line(f"… there are more; --offset {search.offset + len(objects)} shows the next, --limit more at once, --count how many")
    for name, counts in (answer.facets or {}).items():
        line("")
        table((name, "count"), list(counts.items()), numbers=("count",))


def _columns(reader: Reader, type: str, bodies: Sequence[Body], asked: Sequence[str] = ()) -> list[str]:
    """The first fields of the type's schema that somebody has, short ones only, then those that the query asks about."""
    present = {name for body in bodies for name in body}
    time = reader.schemas[type].time
    known = [name for name in reader.schemas[type].document["properties"] if name in present and name not in (*LEFT_OUT, time)]
    return list(dict.fromkeys([*known[: COLUMNS - min(len(asked), 2)], *asked]))


def _asked(term: Term) -> list[str]:
    """The paths in a term."""
    match term:
        case All(terms) | Any_(terms):
            return [path for each in terms for path in _asked(each)]
        case Not(inner):
            return _asked(inner)
        case Compare(path) | Between(path):
            return [".".join(path)]


def _at(body: Body, path: str) -> str:
    """What a body says at a dotted path."""
    value: Any = body
    for name in path.split("."):
        if isinstance(value, list):
            value = [each[name] for each in value if isinstance(each, dict) and name in each]
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return cell(value)


@click.command(
    short_help="Count what there is.",
    name="list",
    cls=Example,
    examples=("locker list", "locker list --type contact", "locker list --subtype mbox --json"),
)
@click.option("--type", metavar="TYPE", help="The subtypes of one type.")
@click.option("--subtype", metavar="NAME", help="The types of one subtype.")
@as_json
@place
def listing(type: str | None, subtype: str | None, json: bool, settings: Settings) -> None:
    """Count what there is, by type and by where it came from."""
    if type and subtype:
        raise Invalid("--type and --subtype exclude each other; give one of them, or none")
    with current(settings) as locker:
        rows = locker.reader.listing(settings.owner, type=type, subtype=subtype)
    if json:
        return dump(rows)
    if type or subtype:
        return table(("name", "count"), [(row["name"], row["count"]) for row in rows], numbers=("count",))
    shown = [(row["type"], row["count"], ", ".join(f"{each['name']} {each['count']:,}" for each in row["subtypes"])) for row in rows]
    return table(("type", "count", "from"), shown, numbers=("count",))


@click.command(
    short_help="List the fields of a type.", cls=Example, examples=("locker fields contact", "locker fields contact/twitter-archive --json")
)
@click.argument("type", metavar="TYPE[/SUBTYPE]")
@as_json
@place
def fields(type: str, json: bool, settings: Settings) -> None:
    """List the fields that objects of a TYPE have: what they can be asked by, and how many have them."""
    primary, _, subtype = type.partition("/")
    with current(settings) as locker:
        rows = locker.reader.fields(settings.owner, primary, subtype or None)
    if json:
        return dump(rows)
    return table(("field", "kind", "count"), [(row["field"], row["kind"], row["count"]) for row in rows], numbers=("count",))


@click.command(short_help="Walk between records and objects.", cls=Example, examples=("locker via vcard:1", "locker via contact:1 --down"))
@click.argument("id")
@click.option("--down", is_flag=True, help="The records that an object was made of, instead of the objects that came of a record.")
@as_json
@place
def via(id: str, down: bool, json: bool, settings: Settings) -> None:
    """Walk between records and objects: what became of record ID, or with --down where object ID came from."""
    split_id(id)
    with current(settings) as locker:
        if down:
            records = [locker.record(settings.owner, found) for found in locker.reader.via_down(settings.owner, id)]
            if json:
                return dump([record.as_dict() for record in records])
            return table(
                ("id", "time", "type", "key"), [(record.id, moment(record.timestamp), record.type, record.key) for record in records]
            )
        objects = [loads(text) for text in locker.reader.via_up(settings.owner, locker.record(settings.owner, id).first)]
        if json:
            return dump(objects)
        if not objects:
            return line(f"nothing was composed from {id}")
        rows = []
        for each in objects:
            columns = _columns(locker.reader, each["type"], [each["body"]])
            rows.append((each["id"], moment(each["time"]), "; ".join(_at(each["body"], name) for name in columns[:3]), each["via"]))
        return table(("id", "time", "what", "made of"), rows)
