"""
The command line: ``locker import``, ``get``, ``serve`` and the others.
"""

from __future__ import annotations

import click

from . import __version__
from .command import (
    asking,
    connecting,
    history,
    importing,
    knowing,
    making,
    people,
    serving,
    switching,
    syncing,
    tagging,
    tapping,
    upkeep,
    watching,
)
from .command.frame import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="locker")
def main() -> None:
    """Keep what you did elsewhere: import archives into append-only logs, compose them into contacts, messages, links …, and ask.

    A locker is a folder: --data or LOCKER_DATA names it.  'locker COMMAND --help' shows examples.
    """


for command in (
    serving.serve,
    serving.token,
    importing.command,
    connecting.connect,
    connecting.disconnect,
    syncing.sync,
    syncing.connections,
    tapping.singer,
    watching.subscriptions,
    watching.deliveries,
    watching.redeliver,
    asking.get,
    asking.listing,
    asking.fields,
    asking.via,
    history.log,
    history.show,
    upkeep.rebuild,
    upkeep.recompose,
    upkeep.check,
    people.account,
    people.client,
    people.grant,
    people.vault,
    switching.flag,
    switching.maintenance,
    tagging.tag,
    knowing.connectors,
    making.connector,
    knowing.collections,
    knowing.listed_settings,
):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="locker")
