"""
Nothing that was told in confidence is found anywhere: a locker is used in every way that has secrets, then every file and every word of it is searched.

Searched for are tokens of both kinds, client secrets, passwords, secret options, authorization codes, PKCE verifiers and device codes: as they are, in
base64 at each offset, as percent escapes, and in hexadecimal.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
import requests

from tests.connected import ROOT, prepared, visit
from tests.forked import command
from tests.network import CLIENT_ID, Network, Token, serving

PLANTED = {"token": "planted/by+hand=token", "password": "planted pässwörd", "pin": "planted-pin-0815", "refresh": "planted-refresh-token"}


class House:
    """A locker as its operator runs it, in processes of their own, whose every word is kept."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.folder, self.network = folder, network
        self.words = list[str]()
        self.environ = {
            **os.environ, "PYTHONPATH": str(ROOT), "LOCKER_DATA": str(folder / "data"), "LOCKER_KEYS": str(folder / "keys"), "LOCKER_PLUGINS": "true",
            "LOCKER_LOG_LEVEL": "debug", "LOCKER_ALLOW_NETWORKS": "127.0.0.0/8", "LOCKER_OAUTH_CLIENTS": str(folder / "clients.toml"),
            "PYTHONASYNCIODEBUG": "1",
        }  # fmt: skip
        prepared(folder, network)

    def run(self, *arguments: str, input: str = "", code: int | None = 0) -> str:
        """A command; what it says is kept too."""
        done, said, told = command(*arguments, environ=self.environ, folder=self.folder, input=input)
        self.words += [said, told]
        assert done is not None
        assert code is None or code == done, told
        return said

    def ask(self, method: str, url: str, **more: object) -> requests.Response:
        """An HTTP call; its answer is kept."""
        answer = requests.request(method, url, timeout=60, allow_redirects=False, **more)  # type: ignore[arg-type]
        self.words += [answer.text, str({name: value for name, value in answer.headers.items() if name != "Location"})]
        return answer

    def serve(self) -> subprocess.Popen[str]:
        """The server, listening; its words are read when it ends."""
        process = subprocess.Popen(
            [sys.executable, "-m", "locker", "serve", "--port", "0"], env=self.environ, cwd=self.folder, text=True, stdout=subprocess.PIPE,
            stderr=(self.folder / "stderr.txt").open("w"),
        )  # fmt: skip
        assert process.stdout
        self.url = next(match[0] for line in process.stdout if (match := re.search(r"http://\S+", line)))
        return process

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file, and every word."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.name != "clients.toml":
                yield str(path.relative_to(self.folder)), path.read_bytes()
        for number, text in enumerate(self.words):
            yield f"word {number}", text.encode()


def forms(secret: str) -> set[bytes]:
    """A secret in every disguise that something may write it in."""
    raw = secret.encode()
    found = {
        raw,
        quote(secret, safe="").encode(),
        quote(secret).encode(),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        secret.encode("utf-16-le"),
    }
    found.add(secret.encode("unicode_escape"))
    for encode in (b64encode, urlsafe_b64encode):
        for offset in range(3):
            found.add(encode(b"\0" * offset + raw)[(offset * 8 + 5) // 6 :].rstrip(b"=")[:-1])
    return found


def told(network: Network) -> set[str]:
    """Everything that was told in confidence."""
    verifiers = {value for body in network.bodies for value in parse_qs(body).get("code_verifier", [])}
    verifiers |= {each["oauth_verifier"] for each in network.temporary.values() if "oauth_verifier" in each}
    return {secret for secret in (*network.secrets(), *verifiers, *PLANTED.values()) if len(secret) > 8}


@pytest.fixture
def network() -> Iterator[Network]:
    """A network where tokens were made by hand as well."""
    with serving() as made:
        made.tokens.append(Token(PLANTED["token"], PLANTED["refresh"], CLIENT_ID, "", 2**40))
        yield made


def test_the_search_finds_what_is_there() -> None:
    """The disguises are what they should be: a search that finds nothing must mean that nothing is there."""
    secret = "planted-secret-1234"
    for written in (
        secret, quote(secret), secret.encode().hex(), b64encode(f"user:{secret}".encode()).decode(), b64encode(f"us:{secret}".encode()).decode(),
        b64encode(secret.encode()).decode(), urlsafe_b64encode(f"{{'a': '{secret}'}}".encode()).decode(),
    ):  # fmt: skip
        assert any(form in written.encode() for form in forms(secret)), written


def test_no_secret_is_anywhere(tmp_path: Path, network: Network) -> None:
    """Connected in every way, synced, renewed, refused, rotated: neither files, logs at debug level, answers nor errors have any of it."""
    house = House(tmp_path, network)
    process = house.serve()
    try:
        _use(house, network)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.stdout
        house.words.append(process.stdout.read())
        process.wait(60)
    for arguments in (
        ("connections", "--json"),
        ("connections",),
        ("log", "fake", "--json"),
        ("settings", "--json"),
        ("connectors", "--json"),
    ):
        house.run(*arguments, code=None)
    secrets = told(network)
    assert len(secrets) > 20
    found = [(name, secret) for secret in secrets for form in forms(secret) for name, content in house.files() if form in content]
    assert [] == found


def _use(house: House, network: Network) -> None:
    """Every way that has secrets."""
    token = house.run("token", "--days", "1").strip()
    headers = {"Authorization": f"Bearer {token}"}
    house.words.remove(f"{token}\n")  # the one secret that is asked for
    network.clients[CLIENT_ID].redirect_uris = (f"{house.url}/connect/fake/callback",)
    at = urlencode({"base_url": network.url})
    # By a browser, twice: let in, and with a code that is none.
    for change in ({}, {"code": "planted-code-that-is-forged"}):
        there = house.ask("GET", f"{house.url}/connect/fake?{at}", headers=headers).json()
        said = {name: values[0] for name, values in parse_qs(urlsplit(visit(there["url"])).query).items()}
        house.words.clear()  # the address to go to has the state and the challenge, which are no secrets
        house.ask("GET", f"{house.url}/connect/fake/callback?{urlencode({**said, **change})}", headers=headers)
    # By the old way.
    there = house.ask("GET", f"{house.url}/connect/old?{at}", headers=headers).json()
    house.words.clear()  # a request token is in the address by its nature
    back = visit(there["url"])
    assert 201 == house.ask("GET", f"{house.url}/connect/old/callback?{urlsplit(back).query}", headers=headers).status_code
    # By hand, over HTTP and on the command line, good and bad.
    hands = [
        {
            "connector": "fake",
            "source": "fake.hand",
            "base_url": network.url,
            "token": PLANTED["token"],
            "refresh_token": PLANTED["refresh"],
        },
        {"connector": "key", "base_url": network.url, "token": PLANTED["token"], "options": {"username": "ada", "pin": PLANTED["pin"]}},
        {"connector": "mail", "base_url": network.url, "username": "ada", "password": PLANTED["password"]},
        {"connector": "fake", "source": "fake.bad", "base_url": network.url, "token": f"{PLANTED['token']}-bad"},
        {"connector": "fake", "token": PLANTED["token"], "secret": PLANTED["pin"]},
    ]
    assert [201, 201, 201, 422, 422] == [
        house.ask("POST", f"{house.url}/connections", headers=headers, json=hand).status_code for hand in hands
    ]
    house.run("connect", "fake", "--as", "cli", "--base-url", network.url, "--token-stdin", input=PLANTED["token"])
    house.run("connect", "fake", "--as", "no", "--base-url", network.url, "--token", f"{PLANTED['token']}-bad", code=4)
    network.device = "agreed"
    house.run("connect", "screen", "--base-url", network.url)
    network.device = "denied"
    house.run("connect", "screen", "--base-url", network.url, code=4)
    # Used: renewed in the middle, refused by a service that repeats what it was sent, then by one that took everything back.
    network.ending = {2}
    house.run("sync", "fake", code=None)
    network.is_rude = True
    house.run("sync", code=None)
    network.is_rude = False
    network.revoke()
    house.run("sync", code=None)
    house.ask("GET", f"{house.url}/connections", headers=headers)
    house.ask("GET", f"{house.url}/connectors/connection/getAll?owner=system", headers=headers)
    house.run("vault", "rotate")
    house.run("disconnect", "fake.hand")
