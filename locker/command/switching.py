"""
``locker flag`` and ``locker maintenance``: what is switched on for whom.
"""

from __future__ import annotations

import click

from ..flag import MAINTENANCE, Flag
from ..identity import ROLES
from ..record import Body
from ..settings import Settings
from .frame import Example, Examples, as_json, opened, place
from .table import dump, line, table

WAYS = ("on", "off")


@click.group(
    cls=Examples,
    short_help="Switch features on and off.",
    examples=("locker flag list", "locker flag set stream_export off"),
)
def flag() -> None:
    """See and switch what is on, and for whom; who switched what, when, stays in the log.  Takes --data and --owner."""


@flag.command("list", short_help="The flags as they stand.", cls=Example, examples=("locker flag list",))
@as_json
@place
def listing(json: bool, settings: Settings) -> None:
    """The flags as they stand."""
    with opened(settings, make=True) as locker:
        flags = list(locker.flags.all().values())
    if json:
        return dump([each.as_dict() for each in flags])
    return table(["flag", "state", "for", "what it is"], [[each.name, each.state, _whom(each), each.description] for each in flags])


@flag.command(
    "set",
    short_help="Switch a flag.",
    cls=Example,
    examples=(
        "locker flag set stream_export off",
        "locker flag set stream_bulk_import --role editor --role admin",
        "locker flag set stream_analytics --percent 10 --account 7",
    ),
)
@click.argument("name")
@click.argument("way", required=False, type=click.Choice(WAYS))
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="On for accounts of this role (may be repeated).")
@click.option("--account", "accounts", multiple=True, type=click.IntRange(0), help="On for this account's number (may be repeated).")
@click.option("--percent", type=click.IntRange(0, 100), help="On for so many of a hundred accounts, always the same ones.")
@as_json
@place
def switch(
    name: str, way: str | None, roles: tuple[str, ...], accounts: tuple[int, ...], percent: int | None, json: bool, settings: Settings
) -> None:
    """Switch a flag: on or off for everybody, or on for some."""
    some = bool(roles or accounts or percent is not None)
    if (way is None) != some:
        raise click.UsageError("say on or off, or for whom: --role, --account, --percent")
    said: Body = {"enabled": way == "on", "roles": [*roles], "accounts": [*accounts], "percent": percent or 0}
    with opened(settings, make=True) as locker:
        made = locker.flags.set(name, said, settings.owner)
    return dump(made.as_dict()) if json else line(f"{made.name} is {_told(made)}")


@click.command(short_help="Answer 503 for a while.", cls=Example, examples=("locker maintenance on", "locker maintenance off"))
@click.argument("way", type=click.Choice(WAYS))
@place
def maintenance(way: str, settings: Settings) -> None:
    """Let a running server answer 503 to everything but /health, until it is switched off again."""
    with opened(settings, make=True) as locker:
        made = locker.flags.set(MAINTENANCE, {"enabled": way == "on"}, settings.owner)
    return line(f"maintenance is {made.state}")


def _told(flag: Flag) -> str:
    return flag.state if flag.state != "some" else f"on for {_whom(flag)}"


def _whom(flag: Flag) -> str:
    if flag.state != "some":
        return "everybody" if flag.is_on else "nobody"
    parts = [*flag.roles, *(f"account {number}" for number in flag.accounts), *([f"{flag.percent} %"] if flag.percent else [])]
    return ", ".join(parts)
