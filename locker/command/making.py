"""
``locker connector``: make a connector of your own, and test any.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from .. import conformance, plugin, skeleton
from ..error import Invalid
from ..exam import Mark
from ..settings import Settings
from .frame import OK, REPORT, Example, Examples, as_json, place
from .table import clean, dump

_SIGNS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("–", "dim")}


@click.group(
    cls=Examples,
    short_help="Write and test connectors.",
    examples=("locker connector new bookshelf", "locker connector test bookshelf.py"),
)
def connector() -> None:
    """Make a connector of your own, and test any; docs/writing-a-connector.md tells how.  --data and --owner are as everywhere."""


@connector.command(
    cls=Example,
    short_help="Hold a connector to what all must do.",
    examples=("locker connector test bookshelf.py", "locker connector test github --json"),
)
@click.argument("target", metavar="PATH|NAME")
@click.option("--samples", type=click.Path(path_type=Path), metavar="FILE", help="Its sample entries.  [default: NAME.json beside it]")
@as_json
@place
def test(target: str, samples: Path | None, json: bool, settings: Settings) -> int:
    """Play a service, or a damaged archive, to a connector, and tell what it does not bear."""
    path = conformance.located(target, settings.data / "plugins" if settings.plugins else None)
    given = conformance.samples_of(path, samples)
    console, findings = Console(highlight=False), []
    for each in plugin.at(path):
        for found in conformance.run(each, given):
            findings.append(found)
            if not json:
                _show(console, found)
    failed = sum(found.outcome == "failed" for found in findings)
    if json:
        rows = [{"check": one.name, "outcome": one.outcome, "says": one.says, "seconds": round(one.seconds, 3)} for one in findings]
        dump(rows)
    else:
        counts = Counter[str](found.outcome for found in findings)
        console.print(", ".join(f"{counts[outcome]} {outcome}" for outcome in _SIGNS if counts[outcome]))
    return REPORT if failed else OK


@connector.command(
    cls=Example,
    short_help="Write a working skeleton with its test.",
    examples=("locker connector new bookshelf", "locker connector new bookshelf --toml --folder data/plugins"),
)
@click.argument("name")
@click.option("--toml", is_flag=True, help="Declare it in TOML instead of Python.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path(), metavar="DIR", help="Where to write it.  [default: here]")
@place
def new(name: str, toml: bool, folder: Path, settings: Settings) -> None:  # noqa: ARG001 (every command takes a locker)
    """Write a connector that works as it stands, its samples and its test: change them into yours."""
    files = skeleton.files(name, toml=toml)
    if there := [file for file in files if (folder / file).exists()]:
        raise Invalid(f"{folder / there[0]} is there already; choose another name or folder")
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / file).write_text(text, "utf-8")
        click.echo(f"wrote {folder / file}")
    click.echo(f"try it: locker connector test {folder / next(iter(files))}")


def _show(console: Console, found: Mark) -> None:
    mark, style = _SIGNS[found.outcome]
    line = Text.assemble((f"{mark} ", style), (found.name.replace("_", " "), "bold" if found.outcome == "failed" else ""))
    console.print(line.append(f": {clean(found.says)}", style="" if found.outcome == "failed" else "dim"), soft_wrap=True)
