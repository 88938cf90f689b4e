"""
``locker rebuild``, ``recompose`` and ``check``: what an operator does now and then.
"""

from __future__ import annotations

import click

from ..settings import Settings
from .frame import Example, as_json, opened, place
from .progress import Progress
from .table import dump, line


@click.command(short_help="Make the read model anew.", cls=Example, examples=("locker rebuild",))
@as_json
@place
def rebuild(json: bool, settings: Settings) -> None:
    """Make the read model anew from the logs, beside the old one; readers never see a half, and nothing is appended."""
    with opened(settings) as locker:
        with Progress("rebuilding", patience=0.5) as progress:
            position = locker.rebuild(progress.update)
        with Progress("composing", patience=1.0) as progress:
            locker.catch_up(progress.update)
        generation = locker.views.generation
    if json:
        return dump({"generation": generation, "position": position})
    return line(f"generation {generation} of the read model answers now; it was made of {position:,} records")


@click.command(short_help="Run better maps over the archive.", cls=Example, examples=("locker recompose contact",))
@click.argument("type")
@as_json
@place
def recompose(type: str, json: bool, settings: Settings) -> None:
    """Run the maps of today over the archive of a TYPE, and append what differs."""
    with opened(settings) as locker:
        with Progress("composing", patience=1.0) as progress:
            locker.catch_up(progress.update)
        before = locker.logbook.position
        members = locker.composer.recompose(type)
        appended = locker.logbook.position - before
        with Progress("composing", patience=1.0) as progress:
            locker.catch_up(progress.update)
    if json:
        return dump({"type": type, "members": members, "appended": appended})
    return line(f"{members:,} records of type {type} were mapped again; {appended:,} objects changed")
