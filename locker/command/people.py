"""
``locker account``, ``client``, ``grant`` and ``vault``: who may ask this locker over HTTP, and what they may.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from ..account import DAY, ROLES, Account, Grant, Tokens, check_role, run
from ..error import Invalid
from ..settings import Settings
from .frame import Example, Examples, as_json, opened, place
from .table import dump, line, moment, table

ROLE = click.Choice(ROLES)


def _shown(accounts: Sequence[Account], json: bool) -> None:
    rows = [each.as_dict() for each in accounts]
    if json:
        return dump(rows)
    names = ("id", "email", "role", "owner", "created_at", "disabled")
    for row in rows:  # an id is no amount: it is copied into other commands
        row |= {"id": str(row["id"]), "created_at": moment(str(row["created_at"]))}
    return table(names, [[row[name] for name in names] for row in rows])


def _grants(grants: Sequence[Grant], json: bool) -> None:
    rows = [each.as_dict() for each in grants]
    if json:
        return dump(rows)
    names = ("owner", "to", "access", "types", "by", "since")
    return table(
        names,
        [
            (each.owner, each.to, sorted(each.access), row.get("types", "all"), each.by, moment(each.since))
            for each, row in zip(grants, rows, strict=True)
        ],
    )


# -- people -------------------------------------------------------------------------------------------


@click.group(
    cls=Examples,
    short_help="Say who may sign in.",
    examples=(
        "locker account add ada@example.com --role editor",
        "locker account list --json",
        "locker account role ada@example.com admin",
    ),
)
def account() -> None:
    """Say who may sign in over HTTP, and in which role: default, editor or admin.  All of them take --data and --owner."""


@account.command("add", short_help="Make an account.", cls=Example, examples=("locker account add ada@example.com --role editor",))
@click.argument("email")
@click.option("--role", type=ROLE, default="default", show_default=True, help="What it may do with what is shared.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it.")
@as_json
@place
def add(email: str, role: str, password_stdin: bool, json: bool, settings: Settings) -> None:
    """Make an account for EMAIL; asks for its password, twice."""
    password = (
        sys.stdin.readline().rstrip("\r\n")
        if password_stdin
        else click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    )
    with opened(settings, make=True) as locker:
        made = run(locker.accounts.sign_up(email, password, role=check_role(role), by=settings.owner))
    if json:
        return dump(made.as_dict())
    return line(f"{made.name} is account {made.number} with the role {made.role}; its locker is {made.owner}")


@account.command("list", short_help="List accounts.", cls=Example, examples=("locker account list",))
@as_json
@place
def list_accounts(json: bool, settings: Settings) -> None:
    """List the accounts, oldest first."""
    with opened(settings) as locker:
        return _shown(locker.accounts.people(), json)


@account.command("role", short_help="Give an account another role.", cls=Example, examples=("locker account role ada@example.com admin",))
@click.argument("who")
@click.argument("role", type=ROLE)
@as_json
@place
def set_role(who: str, role: str, json: bool, settings: Settings) -> None:
    """Give WHO (an e-mail address, a number, or an owner like u7) another ROLE, from the next request on."""
    with opened(settings) as locker:
        made = locker.accounts.set_role(who, check_role(role), settings.owner)
    return dump(made.as_dict()) if json else line(f"{made.name} has the role {made.role} now")


@account.command(
    "disable",
    short_help="Keep an account or a client out.",
    cls=Example,
    examples=("locker account disable ada@example.com", "locker account disable 7 --enable"),
)
@click.argument("who")
@click.option("--enable", is_flag=True, help="Let it in again.")
@as_json
@place
def disable(who: str, enable: bool, json: bool, settings: Settings) -> None:
    """Keep WHO out, from the next request on, with every token it has; nothing of its data is touched."""
    with opened(settings) as locker:
        made = locker.accounts.disable(who, settings.owner, disabled=not enable)
    return dump(made.as_dict()) if json else line(f"{made.name} is {'disabled' if made.is_disabled else 'enabled'} now")


@account.command(
    "invite", short_help="Make a code that lets one person sign up.", cls=Example, examples=("locker account invite --days 3",)
)
@click.option("--role", type=ROLE, default="default", show_default=True, help="The role of whoever uses it.")
@click.option("--email", help="Only this address may use it.")
@click.option("--days", type=click.FloatRange(0, 3650, min_open=True), default=7.0, show_default=True, help="How long it is good.")
@as_json
@place
def invite(role: str, email: str | None, days: float, json: bool, settings: Settings) -> None:
    """Print a code that lets one person sign up, where the setting signup is invite."""
    with opened(settings, make=True) as locker:
        code = locker.accounts.invite(role=check_role(role), email=email, lifetime=days * DAY, by=settings.owner)
    return dump({"code": code, "role": role}) if json else line(code)


# -- programs -----------------------------------------------------------------------------------------


@click.group(cls=Examples, short_help="Say which programs may call.", examples=("locker client add likeastore", "locker client list"))
def client() -> None:
    """Say which programs may call for users of their own, with a client_id and a client_secret.  Both take --data and --owner."""


@client.command(
    "add",
    short_help="Make an API client.",
    cls=Example,
    examples=("locker client add likeastore", "locker client add reader --redirect-uri https://reader.example/callback"),
)
@click.argument("name")
@click.option(
    "--redirect-uri", "redirects", multiple=True, metavar="URI", help="Where people may be sent back to with a code; may be repeated."
)
@as_json
@place
def add_client(name: str, redirects: tuple[str, ...], json: bool, settings: Settings) -> None:
    """Make a client called NAME, and print its client_id and client_secret: once, the secret cannot be read again."""
    with opened(settings, make=True) as locker:
        _, secret = run(locker.accounts.add_client(name, settings.owner, redirects))
    if json:
        return dump({"client_id": name, "client_secret": secret})
    return line(f"client_id      {name}\nclient_secret  {secret}")


@client.command("list", short_help="List API clients.", cls=Example, examples=("locker client list --json",))
@as_json
@place
def list_clients(json: bool, settings: Settings) -> None:
    """List the clients, oldest first.  'locker account disable NAME' keeps one out."""
    with opened(settings) as locker:
        return _shown(locker.accounts.clients(), json)


# -- grants -------------------------------------------------------------------------------------------


@click.command(
    short_help="Let somebody into a locker.",
    cls=Example,
    examples=("locker grant ada@example.com --access read --type contact", "locker grant ada@example.com --revoke", "locker grant --json"),
)
@click.argument("who", required=False)
@click.option("--access", default="read", show_default=True, help="What is allowed: read, write, or read,write.")
@click.option("--type", "types", multiple=True, help="Only things of this type; may be given several times.  [default: all]")
@click.option("--revoke", is_flag=True, help="Take the grant back.")
@as_json
@place
def grant(who: str | None, access: str, types: tuple[str, ...], revoke: bool, json: bool, settings: Settings) -> None:
    """Let WHO (an e-mail address, a number, a client) read or write --owner's locker; without WHO, list the grants."""
    with opened(settings) as locker:
        accounts = locker.accounts
        if who is None:
            return _grants(accounts.grants(), json)
        if revoke:
            accounts.ungrant(settings.owner, who, settings.owner)
            return dump({"revoked": True}) if json else line(f"{who} is out of the locker of {settings.owner}")
        made = accounts.grant(settings.owner, who, [each.strip() for each in access.split(",")], types or None, settings.owner)
    return dump(made.as_dict()) if json else _grants([made], json=False)


# -- keys ---------------------------------------------------------------------------------------------


@click.group(cls=Examples, short_help="Change the keys.", examples=("locker vault rotate", "locker vault rotate --tokens"))
def vault() -> None:
    """Change the keys that seal secrets and sign tokens.  Takes --data and --owner."""


@vault.command(
    "rotate",
    short_help="Seal with a new key.",
    cls=Example,
    examples=("locker vault rotate", "locker vault rotate --tokens --end-sessions"),
)
@click.option("--tokens", is_flag=True, help="Also sign tokens with a new key; those given out stay good.")
@click.option("--end-sessions", is_flag=True, help="With --tokens: those given out are good for nothing any more.")
@as_json
@place
def rotate(tokens: bool, end_sessions: bool, json: bool, settings: Settings) -> None:
    """Seal every secret with a new key and drop the old one.

    To change LOCKER_SECRET: set it to the new one, LOCKER_OLD_SECRET to the one before, and run this.
    """
    if end_sessions and not tokens:
        raise Invalid("--end-sessions goes with --tokens")
    with opened(settings) as locker:
        count = locker.vault.rotate()
    if tokens:
        Tokens(settings.data, secret=settings.secret).rotate(keep=not end_sessions)
    return dump({"secrets": count, "tokens": tokens}) if json else line(f"{count:,} secrets are sealed with a new key")
