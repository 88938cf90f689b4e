"""Signing and renewing: every way to be let in, one refresh at a time whoever asks, and what is left when somebody is killed in between."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from locker.authorisation import ApiKey, Authorisation, Basic, Bearer, OAuth1, OAuth2
from locker.clock import system_clock
from locker.credential import Credential, load, store
from locker.error import Retriable, Unauthorized
from locker.follower import Lease
from locker.guard import Guard
from locker.log import Logbook
from locker.oauth import Application, Client2
from locker.reach import Reach
from locker.signer import Signer
from locker.trial import Held
from locker.vault import Vault
from tests.network import CLIENT_ID, CLIENT_SECRET, Network, Token, serving

ROOT = Path(__file__).resolve().parents[1]
WAY = OAuth2(authorize="/authorize", token="/token")
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


@dataclass
class Kept:
    """The credential of one connection, in a vault."""

    vault: Vault

    def load(self) -> Credential:
        return load(self.vault, "me", "fake")

    def store(self, changed: Any) -> None:
        store(self.vault, "me", "fake", changed)


@pytest.fixture
def network() -> Iterator[Network]:
    """A network that gave out one pair of tokens."""
    with serving() as made:
        made.tokens.append(Token("access-0", "refresh-0", CLIENT_ID, "", 2**40))
        yield made


def guard() -> Guard:
    """This machine only."""
    return Guard((ip_network("127.0.0.0/8"),))


def signer(network: Network, kept: Kept, reach: Reach, logbook: Logbook) -> Signer:
    """A signer as one run of one process has it."""
    application = Application(CLIENT_ID, CLIENT_SECRET)
    client = Client2(WAY, application, network.url, reach)
    return Signer(WAY, kept, clock=system_clock, client=client, turn=lambda: Lease(logbook, "token me/fake"), again="do connect again")


async def bearer(signing: Signer) -> str:
    """The token that a request carries now."""
    return (await signing.sign("GET", "http://127.0.0.1/x", {}))[1]["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """A vault that has the pair."""
    with closing(Vault(tmp_path / "data", tmp_path / "keys")) as vault:
        made = Kept(vault)
        made.store({"token": "access-0", "refresh_token": "refresh-0"})
        yield made


@pytest.fixture
def logbook(tmp_path: Path) -> Iterator[Logbook]:
    """Where the lease is."""
    with Logbook(tmp_path / "data/log.sqlite") as made:
        yield made


@pytest.mark.parametrize(
    ("way", "secrets", "url", "header"),
    [
        (Bearer(), {"token": "t"}, "http://h/x?a=1", ("Authorization", "Bearer t")),
        (Bearer(header="X-Key", prefix=""), {"token": "t"}, "http://h/x?a=1", ("X-Key", "t")),
        (OAuth2(authorize="", token="", prefix="token "), {"token": "t"}, "http://h/x?a=1", ("Authorization", "token t")),
        (ApiKey(param="key"), {"token": "t&="}, "http://h/x?a=1&key=t%26%3D", None),
        (ApiKey(param="a"), {"token": "t"}, "http://h/x?a=t", None),
        (Basic(), {"username": "ada", "password": "löck"}, "http://h/x?a=1", ("Authorization", "Basic YWRhOmzDtmNr")),
        (None, {}, "http://h/x?a=1", None),
    ],
)
async def test_each_way_signs(way: Authorisation | None, secrets: dict[str, str], url: str, header: tuple[str, str] | None) -> None:
    """A header, a parameter or nothing, as the connector declares it."""
    signed, headers = await Signer(way, Held(secrets), clock=lambda: NOW).sign("GET", "http://h/x?a=1", {"Accept": "x"})
    assert (url, {"Accept": "x", **dict([header] if header else [])}) == (signed, headers)


async def test_without_a_credential_it_says_what_to_do() -> None:
    """No token, no secret: the error names what is missing and the way to get it."""
    with pytest.raises(Unauthorized, match="no token; do connect again"):
        await Signer(Bearer(), Held({}), clock=lambda: NOW, again="do connect again").sign("GET", "http://h/", {})
    with pytest.raises(Unauthorized, match="oauth_clients"):
        await Signer(OAuth1(request="", authorize="", access=""), Held({"token": "t"}), clock=lambda: NOW).sign("GET", "https://h/", {})


async def test_a_token_is_renewed_before_it_ends(network: Network, kept: Kept, logbook: Logbook) -> None:
    """A token that ends within a minute is not sent; what came is in the vault, both halves of it."""
    kept.store({"expires": (datetime.now(UTC) + timedelta(seconds=30)).isoformat()})
    async with Reach(guard()) as reach:
        token = await bearer(signer(network, kept, reach, logbook))
    assert (True, token) == (network.living(token), kept.load().get("token"))
    assert "refresh-0" != kept.load().get("refresh_token")
    assert kept.load().expires is not None


async def test_many_streams_refresh_once(network: Network, kept: Kept, logbook: Logbook) -> None:
    """Twenty requests of four runs are refused at once: one refresh, and all of them go on with its token."""
    network.end_tokens()
    async with Reach(guard()) as reach:
        runs = [signer(network, kept, reach, logbook) for _ in range(4)]
        await asyncio.gather(*(bearer(run) for run in runs))
        assert [True] * 20 == await asyncio.gather(*(run.renew() for run in runs for _ in range(5)))
        tokens = {await bearer(run) for run in runs}
    assert (1, 1) == (network.refreshes, len(tokens))
    assert network.living(tokens.pop())


async def test_whoever_is_stopped_while_it_renews_stores_first(network: Network, kept: Kept, logbook: Logbook) -> None:
    """A server that ends in this very moment: what the service gave is in the vault before it does, and the lease is free."""
    asked, go = threading.Event(), threading.Event()

    def hold(path: str) -> web.Response | None:
        if path == "/token":
            asked.set()
            go.wait(30)
        return None

    network.before = hold
    async with Reach(guard()) as reach:
        signing = signer(network, kept, reach, logbook)
        await bearer(signing)
        running = asyncio.create_task(signing.renew())
        assert await asyncio.to_thread(asked.wait, 30)
        running.cancel()
        await asyncio.sleep(0)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert (1, True) == (network.refreshes, network.living(kept.load().get("token")))
    assert Lease(logbook, "token me/fake").take()


async def test_a_token_that_is_good_for_a_moment_is_used(network: Network, kept: Kept, logbook: Logbook) -> None:
    """The service cannot renew it now: until it ends it is sent all the same, and not any more afterwards."""
    network.before = lambda path: web.Response(status=503) if path == "/token" else None
    now = [datetime.now(UTC)]
    kept.store({"expires": (now[0] + timedelta(seconds=30)).isoformat()})
    async with Reach(guard()) as reach:
        signing = signer(network, kept, reach, logbook)
        signing._clock = lambda: now[0]
        assert "access-0" == await bearer(signing)
        now[0] += timedelta(seconds=31)
        with pytest.raises(Retriable):
            await bearer(signing)


async def test_a_token_without_means_is_not_renewed(network: Network, kept: Kept, logbook: Logbook) -> None:
    """No refresh token: a 401 is what it is."""
    kept.store({"refresh_token": ""})
    async with Reach(guard()) as reach:
        signing = signer(network, kept, reach, logbook)
        await bearer(signing)
        assert not await signing.renew()


async def test_a_refused_refresh_says_what_to_do(network: Network, kept: Kept, logbook: Logbook) -> None:
    """The service took it all back: the error says so, keeps the secrets to itself, and changes nothing in the vault."""
    network.revoke()
    async with Reach(guard()) as reach:
        signing = signer(network, kept, reach, logbook)
        await bearer(signing)
        with pytest.raises(Unauthorized, match="do connect again") as caught:
            await signing.renew()
    assert not any(secret in str(caught.value) for secret in ("refresh-0", "access-0", CLIENT_SECRET))
    assert "refresh-0" == kept.load().get("refresh_token")


async def test_whoever_connects_again_is_followed(network: Network, kept: Kept, logbook: Logbook) -> None:
    """A person connected again meanwhile: the run goes on with the new token, without refreshing the old one."""
    async with Reach(guard()) as reach:
        signing = signer(network, kept, reach, logbook)
        await bearer(signing)
        kept.store({"token": "access-new", "refresh_token": "refresh-new"})
        assert await signing.renew()
        assert "access-new" == await bearer(signing)
    assert 0 == network.refreshes


PROCESS = """
import asyncio, sys
from pathlib import Path
from contextlib import closing
from locker.log import Logbook
from locker.reach import Reach
from locker.vault import Vault
from tests.network import Network
from tests.test_signer import Kept, bearer, guard, signer

async def main():
    folder = Path(sys.argv[1])
    with closing(Vault(folder / "data", folder / "keys")) as vault, Logbook(folder / "data/log.sqlite") as logbook:
        async with Reach(guard()) as reach:
            signing = signer(Network(url=sys.argv[2]), Kept(vault), reach, logbook)
            before = await bearer(signing)
            print("ready", flush=True)
            sys.stdin.readline()
            await signing.renew()
            print(await bearer(signing), flush=True)

asyncio.run(main())
"""


def process(folder: Path, network: Network) -> subprocess.Popen[str]:
    """Another process that renews when it is told to."""
    found = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(folder), network.url], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert found.stdout
    assert "ready\n" == found.stdout.readline()
    return found


def test_many_processes_refresh_once(tmp_path: Path, network: Network, kept: Kept, logbook: Logbook) -> None:
    """Processes that are refused at the same moment: a refresh token that was used twice would have ended everything."""
    network.end_tokens()
    running = [process(tmp_path, network) for _ in range(3)]
    for each in running:
        assert each.stdin
        each.stdin.write("\n")
        each.stdin.flush()
    tokens = {each.communicate(timeout=60)[0].strip() for each in running}
    assert (1, {kept.load().get("token")}) == (network.refreshes, tokens)
    assert network.living(tokens.pop())


def test_killed_between_refreshing_and_storing(tmp_path: Path, network: Network, kept: Kept, logbook: Logbook) -> None:
    """The service gave new tokens and nobody stored them: the next one is not kept waiting, is refused, and connecting again mends it."""
    asked, go = threading.Event(), threading.Event()

    def hold(path: str) -> web.Response | None:
        if path == "/token" and not asked.is_set():
            asked.set()
            network.tokens[0].is_spent = True  # as if it had answered, and the answer had been lost on the way
            go.wait(30)
        return None

    network.before = hold
    running = process(tmp_path, network)
    assert running.stdin
    running.stdin.write("\n")
    running.stdin.flush()
    assert asked.wait(30)
    running.send_signal(signal.SIGKILL)
    running.wait(30)
    go.set()
    assert "refresh-0" == kept.load().get("refresh_token")

    async def again() -> None:
        async with Reach(guard()) as reach:
            signing = signer(network, kept, reach, logbook)
            await bearer(signing)
            with pytest.raises(Unauthorized, match="do connect again"):
                await signing.renew()
            network.tokens.append(Token("access-9", "refresh-9", CLIENT_ID, "", 2**40))
            kept.store({"token": "access-9", "refresh_token": "refresh-9"})
            assert await signing.renew()
            reply = await reach.request("GET", f"{network.url}/me", headers={"Authorization": f"Bearer {await bearer(signing)}"})
            assert 200 == reply.status

    asyncio.run(again())


@pytest.mark.parametrize(
    ("auth", "secrets", "way"),
    [
        ((Bearer(), WAY), {"token": "t"}, Bearer),
        ((WAY, Bearer()), {"token": "t"}, OAuth2),
        ((Bearer(), WAY), {"token": "t", "refresh_token": "r"}, OAuth2),
        ((ApiKey(param="k"), WAY), {"token": "t", "method": "oauth2"}, OAuth2),
        ((WAY, OAuth1(request="", authorize="", access="")), {"token": "t", "token_secret": "s"}, OAuth1),
        ((Bearer(), Basic()), {"username": "u", "password": "p"}, Basic),
        ((Basic(),), {"token": "t"}, type(None)),
        ((), {}, type(None)),
    ],
)
def test_which_way_a_credential_is_for(auth: tuple[Authorisation, ...], secrets: dict[str, str], way: type) -> None:
    """What there is decides, and what the flow that brought it wrote down."""
    assert way is type(Credential(secrets).way(auth))


def test_a_credential_shows_nothing() -> None:
    """Printed, it tells the names of what it has."""
    assert "Credential(token)" == repr(Credential({"token": "planted"}))
