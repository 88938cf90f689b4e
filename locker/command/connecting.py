"""
``locker connect`` and ``disconnect``: let this locker in at a service, with a token, a code that is typed elsewhere, or a browser.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import replace

import click

from ..connecting import Connecting, way_back
from ..connection import Connection
from ..error import Invalid
from ..fetching import told_by
from ..oauth import Device
from ..proposal import Proposal
from ..settings import Settings
from .frame import Example, as_json, opened, place
from .table import dump, line

SECRETS = ("token", "token_secret", "refresh_token", "username", "password", "client_id", "client_secret")
"""What can be given by hand; each also as LOCKER_CONNECT_<NAME>."""
VARIABLE = "LOCKER_CONNECT_"


@click.command(
    short_help="Connect a service.",
    cls=Example,
    examples=(
        "locker connect github",
        "locker connect github --token-stdin < token.txt",
        "locker connect mastodon --base-url https://social.example --as mastodon.work",
        "locker connect hackernews --option username=pg",
        "locker connect imap --base-url imaps://mail.example.com --username ada --password-stdin",
    ),
)
@click.argument("name")
@click.option("--token", metavar="TOKEN", help="A token that you have; who lists processes sees it: better --token-stdin.")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
@click.option("--token-secret", metavar="SECRET", help="The token's secret (OAuth 1.0a).")
@click.option("--refresh-token", metavar="TOKEN", help="What renews the token.")
@click.option("--username", metavar="NAME", help="Who you are there.")
@click.option("--password", metavar="PASSWORD", help="Your password there; better --password-stdin.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--base-url", metavar="URL", help="Where the service answers: an instance of your own.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="What the connector wants to be told (may be repeated).")
@click.option("--as", "source", metavar="SOURCE", help="What to call it, for a second account: github.work.")
@click.option("--paste", is_flag=True, help="By a browser anywhere: print an address, and take the one that you end up at.")
@as_json
@place
def connect(
    name: str, token_stdin: bool, password_stdin: bool, base_url: str | None, options: tuple[str, ...], source: str | None,
    paste: bool, json: bool, settings: Settings, **given: str | None,
) -> None:  # fmt: skip
    """Connect the service NAME: with a token or a password if you give one, else by a code or an address for your browser.

    What is given by hand can also be in LOCKER_CONNECT_TOKEN, LOCKER_CONNECT_PASSWORD and so on.  It is tried at once, and kept in the vault.
    """
    asked = Proposal(
        source=_source(name, source), owner=settings.owner, by=settings.owner, base_url=base_url or "", options=_pairs(options),
        trusted=base_url is not None,
    )  # fmt: skip
    secrets = _secrets(given, token_stdin=token_stdin, password_stdin=password_stdin)
    with opened(settings, make=True) as locker:
        connector = locker.connecting.connector(asked.network)
        if connector.runs_programs:
            asked = replace(asked, trusted=True)
            told = {**told_by(connector.asks, asked.source), **asked.options}
            for name in (option.name for option in connector.asks if option.of_source):
                locker.taps.program(told.get(name, ""))  # allowed, and there
        made = asyncio.run(_made(locker.connecting, asked, secrets, settings, paste=paste))
    if json:
        return dump(made.as_dict())
    whose = made.account.get("username") or made.account.get("id")
    return line(f"{made.source} is connected{f' as {whose}' if whose else ''}; 'locker sync {made.source}' fetches what is there")


@click.command(short_help="Forget a connection.", cls=Example, examples=("locker disconnect github", "locker disconnect github.work"))
@click.argument("source")
@as_json
@place
def disconnect(source: str, json: bool, settings: Settings) -> None:
    """Forget the connection SOURCE and its secrets; what it brought stays."""
    with opened(settings) as locker:
        locker.connections.remove(settings.owner, source, by=settings.owner)
    return dump({"disconnected": source}) if json else line(f"{source} is not connected any more; what it brought stays")


async def _made(
    connecting: Connecting[Connection], asked: Proposal, secrets: Mapping[str, str], settings: Settings, *, paste: bool
) -> Connection:
    """Connect the way that fits what is given."""
    if secrets:
        return await connecting.by_hand(asked, secrets)
    match connecting.plan(asked):
        case "nothing":
            return await connecting.by_hand(asked, {})
        case "device" if not paste:
            return await connecting.device(asked, _show, asyncio.sleep)
        case "device" | "browser":
            return await _pasted(connecting, asked, settings)
        case "token" | "password" as kind:
            if not sys.stdin.isatty():
                raise Invalid(f"{asked.network} wants to know who asks: {connecting.help(asked.network)}")
            click.echo(f"{asked.network}: {connecting.help(asked.network)}, or enter it here.", err=True)
            names = ("token",) if kind == "token" else ("username", "password")
            said = {name: click.prompt(name.capitalize(), hide_input=name != "username", err=True) for name in names}
            return await connecting.by_hand(asked, said)


async def _pasted(connecting: Connecting[Connection], asked: Proposal, settings: Settings) -> Connection:
    """Send whoever sits here to the service by an address, and read the address that they came back to."""
    begun = await connecting.begin(asked, way_back(asked.network, settings.public_url or f"http://127.0.0.1:{settings.port or 8042}"))
    click.echo(
        f"Open this address, and agree:\n\n  {begun.url}\n\nThen copy the address that you end up at, even if its page fails.", err=True
    )
    text = click.prompt("Address", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    return await connecting.paste(asked.network, begun.state, text)


def _show(device: Device) -> None:
    click.echo(f"Open {device.verification_url} and enter the code {device.user_code}\nWaiting …", err=True)


def _source(name: str, source: str | None) -> str:
    """What to call it: ``--as`` may be whole, or only the account's part; ``singer:tap-github`` is the connector's own way to say ``singer.tap-github``."""
    name = name.replace(":", ".", 1)
    if source is None or source == name:
        return name
    full = source if source.startswith(f"{name.partition('.')[0]}.") else f"{name}.{source}"
    if "." in name:
        raise Invalid(f"say it once: locker connect {name}, or {name.partition('.')[0]} --as {full}")
    return full


def _pairs(options: tuple[str, ...]) -> dict[str, str]:
    pairs = [option.partition("=") for option in options]
    if wrong := next((name for name, mark, _ in pairs if not mark or not name), None):
        raise click.UsageError(f"write --option NAME=VALUE, not {wrong[:40]!r}")
    return {name: value for name, _, value in pairs}


def _secrets(given: Mapping[str, str | None], *, token_stdin: bool, password_stdin: bool) -> dict[str, str]:
    """What was given by hand: options, standard input, environment, in this order."""
    if token_stdin and password_stdin:
        raise click.UsageError("standard input has one secret; the other goes into LOCKER_CONNECT_TOKEN or LOCKER_CONNECT_PASSWORD")
    found = {name: os.environ.get(f"{VARIABLE}{name.upper()}", "") for name in SECRETS}
    found |= {name: value for name, value in given.items() if value}
    for name, is_wanted in (("token", token_stdin), ("password", password_stdin)):
        if is_wanted and not (read := sys.stdin.readline().rstrip("\r\n")):
            raise Invalid(f"standard input has no {name}")
        if is_wanted:
            found[name] = read
    return {name: value for name, value in found.items() if value}
