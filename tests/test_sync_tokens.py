"""Tokens in the life of a connection: they end in the middle of a sync, are renewed, taken back, given anew, and outlive the vault's keys."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from locker.credential import load, prefix_of
from locker.locker import Locker
from locker.proposal import Proposal
from locker.vault import Vault
from tests.connected import opened
from tests.network import CLIENT_ID, Network, Token, serving


@dataclass
class Home:
    """A locker that is connected to the network."""

    locker: Locker
    network: Network

    def connect(self, token: str, refresh: str = "", **more: Any) -> None:
        """Give it a token that the network knows."""
        self.network.tokens.append(Token(token, refresh, CLIENT_ID, "", 2**40))
        secrets = {"token": token, "refresh_token": refresh}
        asked = Proposal(**{"source": "fake", "base_url": self.network.url, **more})
        asyncio.run(self.locker.connecting.by_hand(asked, secrets))

    def secret(self, name: str) -> str:
        """What the vault has."""
        return load(self.locker.vault, "me", "fake").get(name)

    @property
    def records(self) -> int:
        return self.locker.logbook.count("me", "fake")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Connected with a token that can be renewed."""
    with serving() as network, opened(tmp_path, network) as locker:
        made = Home(locker, network)
        made.connect("access-0", "refresh-0")
        yield made


def test_a_token_that_ends_in_the_middle(home: Home) -> None:
    """Page two finds it expired: renewed once, nothing lost, nothing asked for twice but that page."""
    home.network.ending = {2}
    report = home.locker.sync("me", "fake")
    assert (None, 30, 30, 1) == (report.error, report.records, home.records, home.network.refreshes)
    assert (True, "refresh-0") != (home.network.living(home.secret("token")), home.secret("refresh_token"))
    assert 4 + 1 == sum(each == "GET /likes" for each in home.network.seen)
    again = home.locker.sync("me", "fake", whole=True)
    assert (None, 0, 30) == (again.error, again.records, again.items)


def test_a_token_that_ends_on_every_page(home: Home) -> None:
    """However short it lives, each page is renewed for itself."""
    home.network.ending = {1, 2, 3}
    report = home.locker.sync("me", "fake")
    assert (None, 30, 3) == (report.error, report.records, home.network.refreshes)


def test_everything_was_taken_back(home: Home) -> None:
    """Mode unauthorized, and what to do; what was collected stays; connecting again goes on as if nothing had been."""
    home.locker.sync("me", "fake")
    home.network.revoke()
    report = home.locker.sync("me", "fake", whole=True)
    shown = home.locker.connections.get("me", "fake")
    assert ("unauthorized", "unauthorized", 30) == (report.mode, shown.mode, home.records)
    assert "locker connect fake" in str(shown.error)
    assert not any(secret and secret in str(shown) for secret in home.network.secrets())
    home.connect("access-1", "refresh-1")
    assert ("normal", 0) == (home.locker.connections.get("me", "fake").mode, home.locker.connections.get("me", "fake").errors)
    assert (None, "normal", 0) == ((again := home.locker.sync("me", "fake", whole=True)).error, again.mode, again.records)


def test_connecting_again_replaces_the_whole_credential(home: Home) -> None:
    """A token without a means to renew it does not inherit the one of before: that would bring the old account back."""
    home.connect("access-1")
    assert ("access-1", "") == (home.secret("token"), home.secret("refresh_token"))


def test_another_account_begins_from_the_start(home: Home) -> None:
    """Where the old account's walks stood says nothing of the new one's."""
    home.locker.sync("me", "fake")
    asked = len(home.network.seen)
    home.network.user["id"] = 8
    home.connect("access-1")
    shown = home.locker.connections.get("me", "fake")
    assert ("8", False) == (shown.account["id"], "GET /likes" in home.network.seen[asked:])
    assert [] == home.locker.logbook.read("SELECT stream FROM walks WHERE owner = 'me' AND source = 'fake'")


def test_secrets_outlive_the_keys(home: Home, tmp_path: Path) -> None:
    """The vault gets a new key, from beside a running locker: the next run finds its token."""
    other = Vault(tmp_path / "data", tmp_path / "keys")
    assert 2 <= other.rotate()
    other.close()
    assert (None, 30) == ((report := home.locker.sync("me", "fake")).error, report.records)


def test_removed_means_forgotten(home: Home) -> None:
    """No secret of it is left; its records are."""
    home.locker.sync("me", "fake")
    home.locker.connections.remove("me", "fake")
    assert ([], 30) == (home.locker.vault.names(prefix_of("me", "fake")), home.records)


def test_asked_to_hurry(home: Home) -> None:
    """A connection that was looked at a moment ago is looked at again at once, every stream of it."""

    def run() -> int:
        return asyncio.run(home.locker.syncing.run("me", "fake", only_due=True)).requests

    assert (True, 0) == (run() > 0, run())
    home.locker.connections.hasten("me", "fake")
    assert run() > 0


def test_half_a_secret_is_one_too(home: Home) -> None:
    """A long answer that repeats the token where we cut it: what is left of the token is nothing."""
    said = f"{'x' * 140} access-0 {'y' * 5000}"
    home.network.before = lambda path: web.Response(status=400, text=said) if path == "/likes" else None
    home.locker.sync("me", "fake")
    assert "acce" not in str(home.locker.connections.get("me", "fake").error)
