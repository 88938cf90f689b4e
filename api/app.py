"""
The HTTP interface, put together: every dialect in this folder, behind one door.

``make_app`` is the application; ``run`` is the server that ``locker serve`` starts.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from pkgutil import iter_modules

from aiohttp import web

from locker.account import Tokens
from locker.error import Invalid, LockerError, Unavailable
from locker.limit import Limits
from locker.locker import Locker
from locker.settings import Settings

from ._auth import is_loopback
from ._door import Door, Elsewhere, doors, families
from ._openapi import document
from ._routes import Route
from ._server import MAX_FIELD, MAX_LINE, Runner
from ._service import Service

logger = logging.getLogger("locker")

KEEP_ALIVE_SECONDS = 75.0
AGAIN_SECONDS = 30.0
"""How often the server looks for pages that are due to be fetched again."""


def make_app(locker: Locker, settings: Settings) -> web.Application:
    """The application over an open locker.  Start its followers (``Locker.start``) to see writes in queries.

    Raises StorageError if the folder's token key cannot be read.
    """
    tokens = Tokens(locker.data, secret=settings.secret, clock=locker.clock, is_revoked=locker.accounts.is_revoked)
    limits = Limits(requests=settings.rate_limit, logins=settings.login_limit, signups=settings.signup_limit, clock=locker.clock)
    locker.accounts.follow()
    service = Service(locker, settings, tokens, limits)
    app = web.Application(
        client_max_size=settings.max_body, handler_args={"max_line_size": MAX_LINE, "max_field_size": MAX_FIELD, "access_log": None}
    )
    routes = list(_routes(service))
    routes += document(service, routes)
    found = doors(service, routes)
    elsewhere = Elsewhere(service, found)
    for path, door in families(found, elsewhere).items():
        app.router.add_route("*", f"{path[:-1]}:[\\s\\S]*}}" if isinstance(door, Door) and door.is_open else path, door.answer)
    app.router.add_route("*", "/{tail:[\\s\\S]*}", elsewhere.answer)

    app.cleanup_ctx.append(lambda _: _working(service))
    app.on_shutdown.append(partial(_quiet, service))
    return app


async def _quiet(service: Service, _: web.Application) -> None:
    """Before connections are closed, whoever listens is told where to go on."""
    service.locker.live.end()


async def _working(service: Service) -> AsyncIterator[None]:
    """While the server runs, pages that did not answer are tried again; then its threads end."""
    tasks = [asyncio.create_task(_try_again(service)), asyncio.create_task(service.locker.live.watch())]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(service.locker.live.stop)
    await service.close()


async def _try_again(service: Service) -> None:
    lease = service.locker.lease("pages")
    while True:
        await asyncio.sleep(AGAIN_SECONDS)
        try:
            if await asyncio.to_thread(lease.take):
                await service.locker.reading.try_again(await service.outside())
        except LockerError as error:
            logger.warning("pages: %s", error)


def _routes(service: Service) -> Iterator[Route]:
    """The calls of every dialect: a dialect is a file of this folder that has ``routes``."""
    package = sys.modules[__package__ or ""]
    for _, name, _ in iter_modules(package.__path__):
        if not name.startswith("_") and (made := getattr(import_module(f"{package.__name__}.{name}"), "routes", None)):
            yield from made(service)


@asynccontextmanager
async def serving(locker: Locker, settings: Settings) -> AsyncIterator[str]:
    """Listen, and yield the address, like ``http://127.0.0.1:8042``.

    Raises Invalid for an address that others can reach without a secret in the settings, Unavailable if it is taken.
    """
    check_address(settings)
    runner = Runner(make_app(locker, settings), keepalive_timeout=KEEP_ALIVE_SECONDS, shutdown_timeout=2.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise Unavailable(f"cannot listen at {settings.host} port {settings.port}: {error.strerror}; choose another port") from error
        host, port = runner.addresses[0][:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def run(locker: Locker, settings: Settings, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; *ready* hears the address once it is listening.  Raises what ``serving`` does."""
    check_address(settings)
    locker.start()
    locker.deliver()
    if settings.collect:
        locker.collect(settings.collect_concurrency)
    try:
        asyncio.run(_serve(locker, settings, ready))
    finally:
        locker.stop()


async def _serve(locker: Locker, settings: Settings, ready: Callable[[str], None]) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    async with serving(locker, settings) as url:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        ready(url)
        await stop.wait()


def check_address(settings: Settings) -> None:
    """Raise Invalid if others could reach the server while its tokens are signed with a key that only lies in a file."""
    try:
        addresses = {str(found[4][0]) for found in socket.getaddrinfo(settings.host, None)}
    except OSError as error:
        raise Invalid(f"{settings.host!r} is no address of this machine: {error.strerror}") from error
    if settings.secret is None and not all(map(is_loopback, addresses)):
        raise Invalid(
            f"{settings.host} can be reached from elsewhere: set LOCKER_SECRET to at least 16 random characters first, or listen at 127.0.0.1"
        )
