"""
``locker serve`` and ``token``: the HTTP server, and who may ask it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import click

from .. import plugin
from ..account import ApplicationToken, Tokens
from ..settings import Settings
from .frame import Example, as_json, opened, place, settled
from .table import dump, line, moment, table

STARTED = "started"
"""The fact that says that somebody was told how to get a token."""


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    """An option for every setting but the secrets, which a list of processes would show."""
    for each in reversed(fields(Settings)):
        if each.metadata["secret"]:
            continue
        name = f"--{each.name.replace('_', '-')}"
        help = f"{each.metadata['help'].capitalize()} (or LOCKER_{each.name.upper()})."
        if isinstance(each.default, bool):
            option = click.option(f"{name}/--no-{name[2:]}", each.name, default=None, help=help)
        else:
            option = click.option(name, each.name, metavar="VALUE", help=help)
        function = option(function)
    return function


@click.command(short_help="Answer over HTTP.", cls=Example, examples=("locker serve", "locker serve --trust-loopback --port 9000"))
@_options
def serve(**overrides: object) -> None:
    """Answer over HTTP until Ctrl-C; prints one line when ready."""
    settings = settled(**overrides)
    plugin.mount("api")
    app = import_module("locker.api.app")
    with opened(settings, make=True) as locker:

        def ready(url: str) -> None:
            line(f"Locker is ready at {url} (data in {settings.data})")
            if not locker.logbook.fact(STARTED):
                but = ", but for requests from this machine" if settings.trust_loopback else ""
                line(f"Who asks needs a token{but}: 'locker token' prints one, to be sent as 'Authorization: Bearer TOKEN'.")
                locker.logbook.set_fact(STARTED, "1")
            sys.stdout.flush()

        app.run(locker, settings, ready)


@click.command(short_help="Make a token for HTTP.", cls=Example, examples=("locker token", "locker token --scope read --days 365"))
@click.option(
    "--scope", "scopes", multiple=True, default=("read,write",), show_default=True,
    help="What it allows: read, write, admin, or read:contact for one type; several with commas, or with an option each.",
)  # fmt: skip
@click.option("--days", type=click.FloatRange(0, 36500, min_open=True), default=1.0, show_default=True, help="How long it is valid.")
@click.option("--name", default="locker token", show_default=True, help="What it is for; shown by --list.")
@click.option("--list", "listed", is_flag=True, help="List the tokens that were made so, instead of making one.")
@click.option("--revoke", metavar="ID", help="Take a token back, instead of making one.")
@as_json
@place
def token(scopes: Sequence[str], days: float, name: str, listed: bool, revoke: str | None, json: bool, settings: Settings) -> None:
    """Print a token that opens --owner's locker over HTTP; send it as "Authorization: Bearer TOKEN".

    Whoever has it may do what it allows until it expires or is revoked.
    """
    with opened(settings, make=True) as locker:
        if listed:
            return _listed(locker.accounts.tokens(settings.owner), json)
        if revoke is not None:
            locker.accounts.revoke(settings.owner, revoke, settings.owner)
            return dump({"revoked": revoke}) if json else line(f"the token {revoke} is good for nothing any more")
        tokens, wanted = Tokens(settings.data, secret=settings.secret), [each.strip() for each in ",".join(scopes).split(",")]
        text, made = locker.accounts.make_token(tokens, settings.owner, name, wanted, timedelta(days=days), settings.owner)
    if not json:
        return line(text)
    return dump({"token": text, "id": made.id, "owner": made.owner, "scopes": list(made.scopes), "expires": made.expires})


def _listed(tokens: list[ApplicationToken], json: bool) -> None:
    if json:
        return dump([each.as_dict() for each in tokens])
    names = ("id", "name", "scopes", "created", "expires")
    return table(
        names,
        [
            (each.id, each.name, each.scopes, moment(each.created), moment(datetime.fromtimestamp(each.expires, UTC).isoformat()))
            for each in tokens
        ],
    )
