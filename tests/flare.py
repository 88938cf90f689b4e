"""
What the tests of the Flare dialect share: a server, people who own resources, and the smallest bodies that are right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from locker.account import KINDS, run
from locker.locker import Locker
from tests.accounts import PASSWORD, cheap
from tests.api_server import Server, served

USERS = "http://api.company.com/users/{id}"
ANN = "http://api.company.com/users/1"
LAYOUT = "2006-01-02T15:04:05Z07:00"
RESOURCE = {"endpoint": USERS, "change": {"field": "updatedAt", "format": LAYOUT}}
"""The README's."""
SUBSCRIPTION: dict[str, Any] = {
    "endpoint": {"url": "http://app.com/{id}", "method": "post"},
    "delivery": {"success": [200], "discard": [500]},
}


@dataclass
class Flare:
    """A server, asked as one owner."""

    server: Server
    owner: str = "me"
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        """A request with JSON, or with *data* as it is."""
        said = {} if body is None else {"data": json.dumps(body)}
        return self.server.session.request(method, self.server.url + path, headers=self.headers, timeout=20, **{**said, **more})

    def resource(self, endpoint: str = USERS, field: str = "updatedAt", format: str | None = LAYOUT) -> str:
        """Track something; the resource's id."""
        change = {"field": field} | ({"format": format} if format else {})
        made = self.ask("POST", "/resources", {"endpoint": endpoint, "change": change})
        assert made.status_code == 201, made.text
        id: str = made.json()["id"]
        return id

    def subscription(self, resource: str, **said: Any) -> Any:
        """Subscribe to it; the subscription."""
        made = self.ask("POST", f"/resources/{resource}/subscriptions", {**SUBSCRIPTION, **said})
        assert made.status_code == 201, made.text
        return made.json()

    def put(self, url: str, body: Any, status: int = 202) -> requests.Response:
        """Put a document; its address goes into the path as it is."""
        answer = self.ask("PUT", f"/documents/{quote(url, safe=':/%')}", body)
        assert answer.status_code == status, answer.text
        return answer

    def get(self, url: str, query: str = "") -> requests.Response:
        """Get a document."""
        return self.ask("GET", f"/documents/{url}{query}")

    def error(self, answer: requests.Response) -> tuple[int, str, str]:
        """Status, title and detail of an error, whose body has nothing else."""
        said = answer.json()
        assert {"error"} == said.keys()
        assert {"title", "detail"} == said["error"].keys()
        return answer.status_code, said["error"]["title"], said["error"]["detail"]

    def records(self, source: str = "flare") -> list[Any]:
        """What the owner's log of a source says."""
        return self.server.locker.logbook.records(self.owner, source, limit=10_000)


@contextmanager
def flaring(folder: Path, **settings: Any) -> Iterator[Flare]:
    """A server over a new locker."""
    with Locker(folder, keys=folder / "keys") as locker, served(locker, **settings) as server:
        yield Flare(server)


def somebody(flare: Flare) -> Flare:
    """The same server, asked with the token of somebody who signed up."""
    accounts = flare.server.locker.accounts
    accounts.passwords = cheap()
    account = run(accounts.sign_up("ann@example.org", PASSWORD))
    return Flare(flare.server, account.owner, {"Authorization": f"Bearer {flare.server.tokens.make(account.owner, KINDS)}"})
