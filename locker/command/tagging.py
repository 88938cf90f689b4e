"""
``locker tag``: the dictionary of what articles speak of.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ..error import Invalid
from ..record import Body, parse
from ..retagging import retag
from ..settings import Settings
from ..tagging import TOPIC, Tag
from .frame import Example, Examples, as_json, current, opened, place
from .progress import Progress
from .table import dump, line, table

ALIAS = click.option("--alias", "aliases", multiple=True, help="Another name that finds it (may be repeated).")


@click.group(
    cls=Examples,
    short_help="Say what articles may speak of.",
    examples=("locker tag list --type party", "locker tag add Centerpartiet --type party --alias Centern", "locker tag again"),
)
def tag() -> None:
    """See and change the tags that are found in articles, for everybody.  Takes --data and --owner."""


@tag.command(
    "list", short_help="The tags.", cls=Example, examples=("locker tag list --type party", "locker tag list --name centern --json")
)
@click.option("--type", "kind", help="Only tags of this type.")
@click.option("--name", help="Only tags of this name or alias.")
@as_json
@place
def listing(kind: str | None, name: str | None, json: bool, settings: Settings) -> None:
    """The tags, oldest first, each with how many articles carry it and how often it was rated."""
    with current(settings) as locker:
        known = locker.tags.all() if name is None else locker.tags.called(name)
        tags = [each for each in known if kind is None or each.type == kind.casefold()]
        ids = [str(each.n) for each in tags]
        seen = locker.reader.totals("article", "mentions", ids)
        positive, negative = (locker.reader.totals("saved", way, ids) for way in ("positive", "negative"))
    if json:
        return dump(
            [
                _shown(each) | {"seen": seen[id], "positive": positive[id], "negative": negative[id]}
                for each, id in zip(tags, ids, strict=True)
            ]
        )
    rows = [
        (str(each.n), each.name, each.type, ", ".join(each.aliases), seen[id], positive[id], negative[id])
        for each, id in zip(tags, ids, strict=True)
    ]
    return table(("id", "name", "type", "aliases", "seen", "positive", "negative"), rows)


@tag.command(
    "add", short_help="Make a tag.", cls=Example, examples=("locker tag add Centerpartiet --type party --alias Centern --alias C",)
)
@click.argument("name")
@click.option(
    "--type", "kind", default=TOPIC, show_default=True, help="person, organization, location, topic, party, or a word of your own."
)
@ALIAS
@as_json
@place
def add(name: str, kind: str, aliases: tuple[str, ...], json: bool, settings: Settings) -> None:
    """Make a tag called NAME; one of this name and type that is there already gets the aliases too."""
    with opened(settings, make=True) as locker:
        made = locker.tags.get(locker.tags.adding(name, kind, aliases, settings.owner).result().n)
    return _told(made, json)


@tag.command(
    "set",
    short_help="Change a tag.",
    cls=Example,
    examples=("locker tag set 7 --type party", "locker tag set 7 --alias Centern --alias C", "locker tag set 7 --no-alias"),
)
@click.argument("n", metavar="ID", type=click.IntRange(1))
@click.option("--name", help="Its new name.")
@click.option("--type", "kind", help="Its new type.")
@ALIAS
@click.option("--no-alias", is_flag=True, help="It has no other names.")
@as_json
@place
def change(n: int, name: str | None, kind: str | None, aliases: tuple[str, ...], no_alias: bool, json: bool, settings: Settings) -> None:
    """Change the tag ID: only what is said changes; its aliases are those that are said.  Articles keep it until 'locker tag again'."""
    if no_alias and aliases:
        raise click.UsageError("say --alias or --no-alias, not both")
    said: Body = {"name": name, "type": kind, "aliases": [*aliases] if aliases or no_alias else None}
    said = {field: value for field, value in said.items() if value is not None}
    if not said:
        raise click.UsageError("say what changes: --name, --type, --alias or --no-alias")
    with opened(settings) as locker:
        locker.tags.changing(n, said, settings.owner).result()
        made = locker.tags.get(n)
    return _told(made, json)


@tag.command(
    "import", short_help="Make many tags.", cls=Example, examples=("locker tag import parties.json", "locker tag import members.csv")
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
@place
def bring(file: Path, json: bool, settings: Settings) -> None:
    """Make the tags of FILE: a JSON array of {"name", "type", "aliases"}, or CSV with these columns and | between aliases.

    Nothing is made if one of them is wrong; importing again changes nothing.
    """
    said = list(_read(file))
    with opened(settings, make=True) as locker:
        before = len(locker.tags.all())
        positions = locker.tags.bring(said, settings.owner)
        made = {"tags": positions, "added": len(locker.tags.all()) - before}
    return (
        dump(made)
        if json
        else line(f"{made['tags']:,} tags in {file.name}, {made['added']:,} of them new; 'locker tag again' finds them in old articles")
    )


@tag.command("again", short_help="Look for tags in all articles.", cls=Example, examples=("locker tag again",))
@as_json
@place
def again(json: bool, settings: Settings) -> None:
    """Tag all articles anew, after tags or their aliases changed.  Interrupted, the next run goes on."""
    with current(settings) as locker, Progress("tagging", patience=1.0) as progress:
        done = retag(locker.logbook, locker.composer, locker.tags, locker.reading, lambda count: progress.update(count, count))
    if json:
        return dump({"articles": done.seen, "changed": done.changed})
    return line(f"{done.changed:,} of {done.seen:,} articles have other tags now")


def _read(file: Path) -> Iterator[tuple[str, str, list[str]]]:
    raw = file.read_bytes()
    if file.suffix.lower() == ".csv":
        rows: list[Any] = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    else:
        rows = parse(raw)
    if not isinstance(rows, list):
        raise Invalid(f'{file.name} must be a JSON array like [{{"name": "Centerpartiet", "type": "party", "aliases": ["Centern"]}}]')
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not isinstance(name := row.get("name"), str):
            raise Invalid(f'{file.name}, entry {number}: a tag is {{"name", "type", "aliases"}}, and the name is missing')
        aliases = row.get("aliases") or []
        yield (
            name,
            str(row.get("type") or TOPIC),
            [each for each in aliases.split("|") if each.strip()] if isinstance(aliases, str) else aliases,
        )


def _shown(tag: Tag) -> Body:
    return {"id": str(tag.n), "name": tag.name, "type": tag.type, "aliases": [*tag.aliases]}


def _told(tag: Tag, json: bool) -> None:
    if json:
        return dump(_shown(tag))
    return line(f"tag {tag.n} is {tag.name} ({tag.type}){': ' + ', '.join(tag.aliases) if tag.aliases else ''}")
