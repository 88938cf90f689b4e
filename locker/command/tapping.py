"""
``locker singer``: install Singer taps and connect them.
"""

from __future__ import annotations

from pathlib import Path

import click

from ..error import Invalid
from ..settings import Settings
from .frame import Example, Examples, as_json, opened, place
from .table import dump, line, table


@click.group(
    cls=Examples,
    short_help="Install and connect Singer taps.",
    examples=("LOCKER_SINGER=1 locker singer install tap-github", "LOCKER_SINGER=1 locker singer connect tap-github --config github.json"),
)
def singer() -> None:
    """Fetch from any service that somebody wrote a Singer tap for.

    Taps are programs of others and run with your rights: only if LOCKER_SINGER=1 says so.  --data and --owner are as everywhere.
    """


@singer.command(
    cls=Example,
    short_help="Install a tap.",
    examples=("locker singer install tap-github", "locker singer install tap-notes --from ./tap-notes --no-index"),
)
@click.argument("name")
@click.option(
    "requirement", "--from", default="", metavar="PACKAGE", help="The package, a version of it, a folder or a wheel.  [default: NAME]"
)
@click.option("--no-index", is_flag=True, help="Ask no package index.")
@click.option("--find-links", "links", type=click.Path(path_type=Path), multiple=True, metavar="DIR", help="Look here for packages, too.")
@place
def install(name: str, requirement: str, no_index: bool, links: tuple[Path, ...], settings: Settings) -> None:
    """Install a tap into an environment of its own in the data folder.  NAME is what its program is called: tap-github."""
    options = [*(["--no-index"] if no_index else []), *(f"--find-links={link.absolute()}" for link in links)]
    with opened(settings, make=True) as locker:
        tap = locker.taps.install(name, requirement=requirement, options=options)
    return line(f"installed {tap.name}; 'locker singer connect {tap.name} --config FILE' connects it")


@singer.command("list", cls=Example, short_help="The taps that are installed.", examples=("locker singer list",))
@as_json
@place
def listing(json: bool, settings: Settings) -> None:
    """The taps that are installed."""
    with opened(settings, make=True) as locker:
        taps = locker.taps.list()
    return dump([{"name": tap.name, "program": str(tap.program)} for tap in taps]) if json else table(["tap"], [[tap.name] for tap in taps])


@singer.command(cls=Example, short_help="Remove a tap.", examples=("locker singer remove tap-github",))
@click.argument("name")
@place
def remove(name: str, settings: Settings) -> None:
    """Remove a tap; its connection stays without it, and so does what it fetched."""
    with opened(settings) as locker:
        locker.taps.remove(name)
    return line(f"removed {name}")


@singer.command(
    cls=Example,
    short_help="Connect a tap.",
    examples=(
        "locker singer connect tap-github --config github.json --select issues,pull_requests",
        "locker singer connect tap-github.work --config work.json --mapping map.json",
    ),
)
@click.argument("name")
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="Its configuration, a JSON object; it is kept in the vault."
)
@click.option("--select", default="", metavar="STREAMS", help="The streams to fetch, with commas between them.  [default: all]")
@click.option("--mapping", type=click.Path(path_type=Path), metavar="FILE", help="What each stream's records are, a JSON object.")
@place
def connect(name: str, config: Path | None, select: str, mapping: Path | None, settings: Settings) -> None:
    """Connect a tap: 'locker sync singer.NAME' then fetches.  A second account is NAME.ACCOUNT."""
    options = {"select": select, "mapping": _text(mapping) if mapping else ""}
    source = f"singer.{name}"
    with opened(settings, make=True) as locker:
        locker.taps.program(name.partition(".")[0])
        locker.connections.add(
            settings.owner, source, options={name: text for name, text in options.items() if text},
            secrets={"config": _text(config)} if config else {}, trusted=True,
        )  # fmt: skip
    return line(f"connected {source}; 'locker sync {source}' fetches")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}") from error
