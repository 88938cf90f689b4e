"""
A real Radicale on loopback: address books and calendars over HTTP, as a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from .free import free_ports

USER, PASSWORD = "jane", "correct-horse"
CONFIG = """
[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {home}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {home}/collections
[rights]
type = owner_only
[logging]
level = warning
"""
_MAKE = """<?xml version="1.0" encoding="utf-8"?>
<d:mkcol xmlns:d="DAV:" xmlns:card="urn:ietf:params:xml:ns:carddav" xmlns:cal="urn:ietf:params:xml:ns:caldav">
<d:set><d:prop><d:resourcetype><d:collection/><{kind}/></d:resourcetype><d:displayname>{name}</d:displayname></d:prop></d:set></d:mkcol>"""


@dataclass(frozen=True)
class Radicale:
    """A running server, and what another program does with it."""

    url: str
    home: Path

    def make(self, path: str, kind: str, name: str) -> None:
        """A new collection: *kind* is ``card:addressbook`` or ``cal:calendar``."""
        self._ask("MKCOL", path, _MAKE.format(kind=kind, name=name).encode())

    def put(self, path: str, text: str) -> None:
        """A new resource, or a new text for one."""
        self._ask("PUT", path, text.encode())

    def delete(self, path: str) -> None:
        """A resource or a whole collection goes."""
        self._ask("DELETE", path)

    def _ask(self, method: str, path: str, body: bytes = b"") -> None:
        kind = {"vcf": "text/vcard", "ics": "text/calendar"}.get(path.rpartition(".")[2], "application/xml")
        headers = {"Content-Type": f"{kind}; charset=utf-8"}
        url = f"{self.url}/{USER}/{quote(path)}"
        answer = httpx.request(method, url, content=body, headers=headers, auth=(USER, PASSWORD), trust_env=False)
        answer.raise_for_status()


@contextmanager
def running(home: Path) -> Iterator[Radicale]:
    """A server until the block ends."""
    [port] = free_ports(1)
    (home / "users").write_text(f"{USER}:{PASSWORD}\n")
    (home / "config").write_text(CONFIG.format(port=port, home=home))
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "radicale", "--config", str(home / "config")], stderr=log, stdout=log)
    try:
        server = Radicale(f"http://127.0.0.1:{port}", home)
        end = time.monotonic() + 30
        while not _answers(server):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Radicale does not start: {(home / 'log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait(20)


def _answers(server: Radicale) -> bool:
    try:
        httpx.get(server.url, trust_env=False)
    except httpx.TransportError:
        return False
    return True
