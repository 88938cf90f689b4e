"""
A small command line over the client, as an example of its use: ``python -m locker.client streams --status live``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import IO, Any

import click

from ..error import LockerError
from . import LockerClient, StreamManager, StreamSourceBackend
from .stream import WRITABLE

Use = Callable[[StreamManager], Awaitable[Any]]


@click.group(help="Streams, queries and pushes at a Locker; streams at a StreamSource too.  Answers are JSON.")
@click.option("--url", envvar="STREAMSOURCE_API_URL", default="http://127.0.0.1:8042", show_default=True, help="the server")
@click.option("--token", envvar="STREAMSOURCE_TOKEN", help="a token")
@click.option("--email", help="an e-mail address, instead of a token")
@click.option("--password", envvar="STREAMSOURCE_PASSWORD", help="its password; asked for if it is not given")
@click.pass_context
def main(context: click.Context, url: str, token: str | None, email: str | None, password: str | None) -> None:
    """Keep who asks whom."""
    if email and not password:
        password = click.prompt("Password", hide_input=True, err=True)
    context.obj = {"url": url, "token": token, "email": email, "password": password if email else None}


@main.command()
@click.pass_obj
def login(who: dict[str, Any]) -> None:
    """Print a token for --email and --password."""

    async def use() -> Any:
        async with StreamSourceBackend(**who) as backend:
            return await backend.log_in()

    _run(use)


@main.command()
@click.option("--status")
@click.option("--not-status")
@click.option("--user-id", type=int)
@click.option("--pinned/--not-pinned", "is_pinned", default=None)
@click.option("--sort")
@click.option("--page", type=int)
@click.option("--per-page", type=int)
@click.pass_obj
def streams(who: dict[str, Any], /, **wanted: Any) -> None:
    """List streams."""
    _manage(who, lambda manager: manager.list_streams(**wanted))


def _fields(command: Callable[..., None]) -> Callable[..., None]:
    for name in reversed(WRITABLE):
        command = click.option(f"--{name.replace('_', '-')}")(command)
    return command


@main.command()
@_fields
@click.pass_obj
def create(who: dict[str, Any], /, **fields: str | None) -> None:
    """Create a stream, or continue a recent one."""
    _manage(who, lambda manager: manager.create_stream(fields))


@main.command()
@click.argument("id", type=int)
@_fields
@click.pass_obj
def update(who: dict[str, Any], /, id: int, **fields: str | None) -> None:
    """Change the fields that are given."""
    given = {name: value for name, value in fields.items() if value is not None}
    _manage(who, lambda manager: manager.update_stream(id, given))


@main.command()
@click.argument("verb", type=click.Choice(["show", "pin", "unpin", "archive", "analytics"]))
@click.argument("id", type=int)
@click.pass_obj
def stream(who: dict[str, Any], verb: str, id: int) -> None:
    """Show, pin, unpin or archive one stream, or print its figures."""
    verbs: dict[str, Callable[[StreamManager], Awaitable[Any]]] = {
        "show": lambda manager: manager.get_stream(id),
        "pin": lambda manager: manager.pin_stream(id),
        "unpin": lambda manager: manager.unpin_stream(id),
        "archive": lambda manager: manager.delete_stream(id),
        "analytics": lambda manager: manager.analytics(id),
    }
    _manage(who, verbs[verb])


@main.command("import")
@click.argument("file", type=click.File())
@click.pass_obj
def import_(who: dict[str, Any], file: IO[str]) -> None:
    """Import streams from a JSON array."""
    _manage(who, lambda manager: manager.bulk_import(json.load(file)))


@main.command()
@click.option("--status")
@click.option("--not-status")
@click.pass_obj
def export(who: dict[str, Any], /, **wanted: Any) -> None:
    """Print all streams as rows that import takes."""
    _manage(who, lambda manager: manager.export(**wanted))


@main.command()
@click.argument("type")
@click.argument("terms", default="[]")
@click.pass_obj
def get(who: dict[str, Any], type: str, terms: str) -> None:
    """Print every object of TYPE that holds for TERMS, one line each."""

    async def use() -> Any:
        async with LockerClient(**who) as locker:
            async for found in locker.each(type, terms):
                click.echo(json.dumps(found, default=_plain, ensure_ascii=False))

    _run(use)


@main.command()
@click.argument("source")
@click.argument("file", type=click.File())
@click.pass_obj
def push(who: dict[str, Any], source: str, file: IO[str]) -> None:
    """Push the items in FILE, one JSON object a line, as SOURCE."""

    async def use() -> Any:
        async with LockerClient(**who) as locker:
            return await locker.push(source, (json.loads(line) for line in file if line.strip()))

    _run(use)


def _manage(who: dict[str, Any], use: Use) -> None:
    async def managed() -> Any:
        async with StreamManager(StreamSourceBackend(**who)) as manager:
            return await use(manager)

    _run(managed)


def _run(use: Callable[[], Awaitable[Any]]) -> None:
    async def run() -> Any:
        return await use()

    try:
        answer = asyncio.run(run())
    except LockerError as error:
        raise click.ClickException(str(error)) from error
    except ValueError as error:
        raise click.ClickException(f"that file is not JSON: {error}") from error
    if answer is not None:
        click.echo(answer if isinstance(answer, str) else json.dumps(answer, default=_plain, indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else asdict(value)


if __name__ == "__main__":
    main(prog_name="python -m locker.client")
