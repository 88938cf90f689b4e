"""A server whose locker may be let in at the tests' network: what tests of connecting over HTTP share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from locker.account import run
from locker.application import Applications
from locker.guard import Guard
from locker.locker import Locker
from tests.accounts import PASSWORD, cheap
from tests.api_server import Server, served
from tests.network import CLIENT_ID, CLIENT_SECRET, KEY, KEY_SECRET, Network, host, serving

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Place:
    """A network, and a server that knows it; *folder* is where the server's data and keys are."""

    network: Network
    server: Server
    folder: Path

    @property
    def url(self) -> str:
        return self.server.url

    def token(self, owner: str, *scopes: str) -> dict[str, str]:
        """The header of a fresh token."""
        return {"Authorization": f"Bearer {self.server.tokens.make(owner, scopes or ('read', 'write'))}"}

    def ask(self, method: str, path: str, owner: str = "u1", **more: Any) -> requests.Response:
        """A call of one's own."""
        return requests.request(method, self.url + path, timeout=20, allow_redirects=False, **{"headers": self.token(owner), **more})

    def back(self, name: str = "fake") -> str:
        """The way back that must be registered."""
        return f"{self.url}/connect/{name}/callback"


def prepared(folder: Path, network: Network) -> Applications:
    """Plugins and a file of clients in a folder."""
    (folder / "data/plugins").mkdir(parents=True, exist_ok=True)
    (folder / "data/plugins/networks.py").write_text((ROOT / "tests/networks.py").read_text(encoding="utf-8"), encoding="utf-8")
    at, path = host(network.url), folder / "clients.toml"
    path.write_text(
        "".join(f'[{name}."{at}"]\nclient_id = "{CLIENT_ID}"\nclient_secret = "{CLIENT_SECRET}"\n' for name in ("fake", "screen"))
        + f'[old."{at}"]\nclient_id = "{KEY}"\nclient_secret = "{KEY_SECRET}"\n'
    )
    path.chmod(0o600)
    return Applications(path)


@contextmanager
def opened(folder: Path, network: Network) -> Iterator[Locker]:
    """The locker of a folder, which may reach this machine."""
    guard, applications = Guard((ip_network("127.0.0.0/8"),)), prepared(folder, network)
    with Locker(folder / "data", plugins=True, keys=folder / "keys", guard=guard, applications=applications) as locker:
        yield locker


@contextmanager
def connected(folder: Path, **settings: Any) -> Iterator[Place]:
    """A server with the accounts u1 and u2 and the client acme, and a network whose operator knows its callback."""
    wanted = {"trust_loopback": False, "login_limit": 0, "signup_limit": 0, **settings}
    with serving() as network, opened(folder, network) as locker, served(locker, **wanted) as server:
        locker.accounts.passwords = cheap()
        for number in (1, 2):
            run(locker.accounts.sign_up(f"{number}@example.com", PASSWORD))
        run(locker.accounts.add_client("acme"))
        place = Place(network, server, folder)
        network.clients[CLIENT_ID].redirect_uris = (place.back(),)
        yield place


def visit(url: str, **more: Any) -> str:
    """A person follows a link and agrees; the address they are sent to."""
    answer = requests.get(url, allow_redirects=False, timeout=20, **more)
    assert 302 == answer.status_code, answer.text
    return answer.headers["Location"]


def query(url: str) -> dict[str, str]:
    """The query of an address."""
    return dict(parse_qsl(urlsplit(url).query))
