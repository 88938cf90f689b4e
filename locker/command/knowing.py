"""
``locker connectors``, ``collections`` and ``settings``: what this locker knows, and how it is set.
"""

from __future__ import annotations

import click

from .. import plugin
from ..connector import Archived, Fetching
from ..schema import load
from ..settings import Settings
from .frame import Example, as_json, place
from .table import dump, table


@click.command(
    short_help="List what can be imported or connected.", cls=Example, examples=("locker connectors", "locker connectors --json")
)
@as_json
@place
def connectors(json: bool, settings: Settings) -> None:
    """List what can be imported or connected: each connector, the types it gives, the files it reads, and the streams it asks a service for."""
    found = plugin.connectors(settings.data / "plugins" if settings.plugins else None)
    rows = [
        {
            "name": name,
            "title": each.title,
            "types": list(each.types),
            "patterns": list(each.patterns) if isinstance(each, Archived) else [],
            "streams": [stream.name for stream in each.streams] if isinstance(each, Fetching) else [],
        }
        for name, each in sorted(found.items())
    ]
    if json:
        return dump(rows)
    columns = ("name", "title", "types", "patterns", "streams")
    return table(("name", "reads", "types", "files", "streams"), [[row[name] for name in columns] for row in rows], wrap=True)


@click.command(short_help="List the types of objects.", cls=Example, examples=("locker collections", "locker collections --json"))
@as_json
@place
def collections(json: bool, settings: Settings) -> None:
    """List the types of objects that are composed, and the fields of each that queries can use."""
    known = plugin.collections(settings.data / "plugins" if settings.plugins else None)
    schemas = {type: schema for type, schema in load().items() if type in known}
    rows = [{"type": type, "plural": schema.plural, "fields": dict(schema.kinds)} for type, schema in schemas.items()]
    if json:
        return dump(rows)
    return table(
        ("type", "plural", "fields"), [(row["type"], row["plural"], list(schemas[str(row["type"])].kinds)) for row in rows], wrap=True
    )


@click.command(
    name="settings",
    cls=Example,
    examples=("locker settings", "LOCKER_PORT=9000 locker settings --json"),
    short_help="List what can be set.",
)
@as_json
@place
def listed_settings(json: bool, settings: Settings) -> None:
    """List what can be set: its value now, its default, and its environment variable.  Secrets are not shown."""
    rows = list(settings.rows())
    if json:
        return dump([{"name": r.name, "variable": r.variable, "value": r.value, "default": r.default, "help": r.help} for r in rows])
    return table(
        ("name", "value", "default", "variable", "help"), [(r.name, r.value, r.default, r.variable, r.help) for r in rows], wrap=True
    )
