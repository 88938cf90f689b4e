"""
A real server on this machine's own address for tests: in a thread, at a free port, over a locker that the test brings.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import requests

from locker.account import Tokens
from locker.locker import Locker
from locker.plugin import mount
from locker.settings import Settings

mount("api")
app: Any = import_module("locker.api.app")

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"


@dataclass
class Server:
    """A running server: its *url*, its *locker*, and the *tokens* that it takes."""

    url: str
    locker: Locker
    tokens: Tokens
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **more: Any) -> requests.Response:
        """GET a path (as it stands) without a token."""
        return self.session.get(self.url + path, timeout=20, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> requests.Response:
        """POST JSON, or with *data* and *headers* something else."""
        return self.session.post(self.url + path, timeout=20, json=json, **more)

    def raw(self, request: bytes) -> bytes:
        """What a connection answers to these very bytes, until the server closes it: ask for ``Connection: close``."""
        host, port = self.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(request)
            connection.settimeout(3)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        return answer


@contextmanager
def served(locker: Locker, **settings: Any) -> Iterator[Server]:
    """Serve an open locker; its followers run meanwhile.  Whoever is at this machine needs no token, unless the settings say otherwise."""
    wanted = Settings(data=locker.data, **{"host": "127.0.0.1", "port": 0, "trust_loopback": True, "rate_limit": 0, **settings})
    address: Future[str] = Future()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        try:
            async with app.serving(locker, wanted) as url:
                address.set_result(url)
                await stop.wait()
        except BaseException as error:
            if address.done():
                raise
            address.set_exception(error)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    locker.start()
    thread.start()
    try:
        yield Server(address.result(20), locker, Tokens(locker.data, secret=wanted.secret))
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()
        locker.stop()


def fill(locker: Locker) -> None:
    """The sample archives that the sample calls and the tests ask for."""
    for source, name in (("vcard", "contacts.vcf"), ("mbox", "mail.mbox"), ("bookmarks", "bookmarks.html")):
        locker.import_archive(source, SAMPLE / name)
    for source, name in (("inbox", "imap.ndjson"), ("album", "photos.ndjson")):
        locker.push("me", source, [json.loads(line) for line in (SAMPLE / name).read_text(encoding="utf-8").splitlines()])
    locker.catch_up()
