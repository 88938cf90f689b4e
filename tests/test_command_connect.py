"""``locker connect`` and ``disconnect``: a token that is tried before it is kept, from wherever it comes, and shown nowhere."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result

from locker.__main__ import main
from locker.command.frame import FAILED, MISSING, OK, USAGE
from locker.record import loads
from tests.network import CLIENT_ID, CLIENT_SECRET, Network, Token, host, serving

TOKEN = "planted-access-token"
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def network() -> Iterator[Network]:
    """A network where a token was made by hand."""
    with serving() as made:
        made.tokens.append(Token(TOKEN, "planted-refresh-token", CLIENT_ID, "", 2**40))
        yield made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder whose plugins are the connectors of the tests' network."""
    (tmp_path / "data/plugins").mkdir(parents=True)
    (tmp_path / "data/plugins/networks.py").write_text((ROOT / "tests/networks.py").read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path / "data"


def locker(*arguments: object, data: Path, input: str = "", **environ: str) -> Result:
    """Run a command with the plugins and keys of this folder."""
    given = {"LOCKER_PLUGINS": "true", "LOCKER_KEYS": str(data.parent / "keys"), "LOCKER_DATA": str(data), **environ}
    return CliRunner().invoke(main, [str(each) for each in arguments], input=input, env=given, prog_name="locker")


def bytes_below(folder: Path) -> bytes:
    """Everything that the files of a folder hold."""
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("way", ["option", "stdin", "environment"])
def test_a_token_by_hand(network: Network, data: Path, way: str) -> None:
    """From the command line, standard input or the environment; the account is learned, and neither output nor files show the token."""
    given: tuple[list[str], str, dict[str, str]] = {
        "option": (["--token", TOKEN], "", {}),
        "stdin": (["--token-stdin"], f"{TOKEN}\n", {}),
        "environment": ([], "", {"LOCKER_CONNECT_TOKEN": TOKEN}),
    }[way]
    done = locker("connect", "fake", *given[0], "--base-url", network.url, data=data, input=given[1], **given[2])
    assert (OK, "fake is connected as ada; 'locker sync fake' fetches what is there\n") == (done.exit_code, done.stdout), done.stderr
    listed = loads(locker("connections", "--json", data=data).stdout)
    assert [("fake", network.url, {"id": "7", "username": "ada"})] == [
        (each["source"], each["base_url"], each["account"]) for each in listed
    ]
    assert TOKEN not in done.output + locker("connections", data=data).output
    assert TOKEN.encode() not in bytes_below(data)


def test_a_refused_token(network: Network, data: Path) -> None:
    """Exit code 4, one line that says where a good one is, and nothing is connected."""
    done = locker("connect", "fake", "--token-stdin", "--base-url", network.url, data=data, input="planted-bad\n")
    assert FAILED == done.exit_code
    assert "fake.example/settings" in done.stderr
    assert "planted-bad" not in done.output
    assert [] == loads(locker("connections", "--json", data=data).stdout)


def test_a_second_account_and_away_again(network: Network, data: Path) -> None:
    """``--as`` names it, whole or in part; ``disconnect`` forgets its secrets and only those."""
    for name in ("work", "fake.home"):
        assert OK == locker("connect", "fake", "--as", name, "--token", TOKEN, "--base-url", network.url, data=data).exit_code
    assert ["fake.home", "fake.work"] == [each["source"] for each in loads(locker("connections", "--json", data=data).stdout)]
    assert OK == locker("disconnect", "fake.work", data=data).exit_code
    assert ["fake.home"] == [each["source"] for each in loads(locker("connections", "--json", data=data).stdout)]
    assert MISSING == locker("disconnect", "fake.work", data=data).exit_code


def test_connecting_again_renews(network: Network, data: Path) -> None:
    """A new token in the place of the old; the base URL and the options of before stay, the refresh token of before does not."""
    first = locker(
        "connect",
        "key",
        "--token",
        "k1",
        "--refresh-token",
        "r1",
        "--option",
        "username=ada",
        "--option",
        "pin=77",
        "--base-url",
        network.url,
        data=data,
    )
    assert OK == first.exit_code, first.output
    again = locker("connect", "key", "--token", "k2", data=data)
    assert OK == again.exit_code, again.output
    shown = loads(locker("connections", "--json", data=data).stdout)[0]
    assert ({"username": "ada"}, network.url) == (shown["options"], shown["base_url"])


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("connect", "nothing"), MISSING, "there is no network 'nothing'"),
        (("connect", "vcard"), MISSING, "locker import"),
        (("connect", "open"), USAGE, "--option username="),
        (("connect", "open", "--option", "username"), USAGE, "NAME=VALUE"),
        (("connect", "mail"), USAGE, "--password-stdin (an app password)"),
        (("connect", "mail", "--username", "ada", "--password-stdin"), USAGE, "standard input has no password"),
        (("connect", "fake", "--token-stdin", "--password-stdin"), USAGE, "one secret"),
        (("connect", "fake.work", "--as", "home"), USAGE, "say it once"),
        (("connect", "fake", "--base-url", "http://127.0.0.1:9/", "--token", "t"), USAGE, "port 9"),
        (("connect", "old", "--base-url", "https://old.example"), USAGE, 'old."old.example"'),
    ],
)
def test_what_is_wrong_is_told(data: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    """One line, with what to do."""
    done = locker(*arguments, data=data)
    assert code == done.exit_code, done.output
    assert told in done.stderr


def clients(folder: Path, network: Network) -> Path:
    """The file of an operator who made clients at the network."""
    path, at = folder / "clients.toml", host(network.url)
    names = ("fake", "screen")
    path.write_text("".join(f'[{name}."{at}"]\nclient_id = "{CLIENT_ID}"\nclient_secret = "{CLIENT_SECRET}"\n' for name in names))
    path.chmod(0o600)
    return path


def person(*arguments: str, data: Path, **environ: str) -> subprocess.Popen[str]:
    """A command as a process of its own, with somebody who reads standard error and types."""
    given = {"LOCKER_PLUGINS": "true", "LOCKER_KEYS": str(data.parent / "keys"), "LOCKER_DATA": str(data), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "locker", *arguments], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **given, **environ}, cwd=data.parent,
    )  # fmt: skip


def seen(process: subprocess.Popen[str], pattern: str) -> str:
    """The first line of standard error that fits."""
    assert process.stderr
    found = next((match[1] for line in process.stderr if (match := re.search(pattern, line))), None)
    assert found is not None
    return found


def test_by_an_address_that_is_copied(network: Network, data: Path, tmp_path: Path) -> None:
    """Without a browser here: the address is printed, and the one that the person ends up at is read; the code is shown nowhere."""
    network.clients[CLIENT_ID].redirect_uris = ("https://locker.example/connect/fake/callback",)
    settings = {"LOCKER_OAUTH_CLIENTS": str(clients(tmp_path, network)), "LOCKER_PUBLIC_URL": "https://locker.example"}
    running = person("connect", "fake", "--paste", "--base-url", network.url, data=data, **settings)
    answer = requests.get(seen(running, r"(http://\S+)"), allow_redirects=False, timeout=20)
    out, more = running.communicate(answer.headers["Location"] + "\n", timeout=60)
    assert OK == running.returncode, more
    assert out.startswith("fake is connected as ada")
    assert not any(secret and secret in out + more for secret in network.secrets())


def test_by_a_code_that_is_typed_elsewhere(network: Network, data: Path, tmp_path: Path) -> None:
    """The code is shown, and the command goes on when somebody typed it."""
    running = person("connect", "screen", "--base-url", network.url, data=data, LOCKER_OAUTH_CLIENTS=str(clients(tmp_path, network)))
    assert re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", seen(running, r"the code (\S+)"))
    network.device = "agreed"
    out, more = running.communicate(timeout=60)
    assert (OK, True) == (running.returncode, out.startswith("screen is connected as ada")), more


def test_a_token_is_asked_for(network: Network, data: Path) -> None:
    """At a terminal, without a client there: where to get a token is told, and what is typed is not shown."""
    terminal, theirs = pty.openpty()
    given = {"LOCKER_PLUGINS": "true", "LOCKER_KEYS": str(data.parent / "keys"), "LOCKER_DATA": str(data), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "locker", "connect", "fake", "--base-url", network.url]
    running = subprocess.Popen(
        command, env={**os.environ, **given}, cwd=data.parent, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown, is_typed = b"", False
    while piece := _read(terminal):
        shown += piece
        if not is_typed and b"Token: " in shown:
            os.write(terminal, f"{TOKEN}\n".encode())
            is_typed = True
    os.close(terminal)
    assert 0 == running.wait(60), shown
    assert b"fake.example/settings" in shown
    assert b"fake is connected as ada" in shown
    assert TOKEN.encode() not in shown


def _read(terminal: int) -> bytes:
    """What comes next; nothing at the end, which Linux tells as an error."""
    try:
        return os.read(terminal, 1000)
    except OSError:
        return b""
