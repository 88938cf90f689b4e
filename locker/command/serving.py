"""
``locker serve``: the HTTP server.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from typing import Any

import click

from .. import plugin
from ..settings import Settings
from .frame import Example, opened, settled
from .table import line

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

        def ready(*told: object) -> None:
            line(f"Locker is ready at {told[0] if told else f'http://{settings.host}:{settings.port}'} (data in {settings.data})")
            if not locker.logbook.fact(STARTED):
                line("A request needs a token: run 'locker token', and send it as 'Authorization: Bearer …'.")
                line("Or start with --trust-loopback: then requests from this machine need none.")
                locker.logbook.set_fact(STARTED, "1")
            sys.stdout.flush()

        app.run(locker, settings, ready)
