"""``locker serve`` and ``token``: a real server, started and ended by hand."""

from __future__ import annotations

import json as plain
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from locker.checker import check
from locker.locker import Locker
from tests.commands import SAMPLE, filled, json, locker, ok, process


@contextmanager
def serving(data: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A running server, its address, and the line that it printed."""
    running = process("serve", "--port", "0", *arguments, data=data)
    try:
        assert running.stdout
        line = running.stdout.readline()
        assert line.startswith("Locker is ready at http://127.0.0.1:"), running.communicate()
        yield running, line.split()[4], line
    finally:
        running.kill()
        running.communicate()


def ask(url: str, token: str | None = None) -> tuple[int, Any]:
    """Status and JSON of a GET."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, plain.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None


def test_one_line_when_ready(tmp_path: Path) -> None:
    """The server prints where it listens; the first start also says how to get a token, and a later one does not."""
    data = tmp_path / "locker"
    for first in (True, False):
        with serving(data) as (running, url, line):
            assert f"(data in {data})" in line
            assert 401 == ask(f"{url}/getContacts?terms=[]")[0]
            running.send_signal(signal.SIGINT)
            assert running.stdout
            assert running.stderr
            rest, errors = running.stdout.read(), running.stderr.read()
            assert (0, "") == (running.wait(timeout=20), errors)
            assert first == ("'locker token' prints one" in rest)


def test_a_token_opens_it(tmp_path: Path) -> None:
    """What 'locker token' prints is accepted while the server runs, for its owner and for what it allows."""
    data = filled(tmp_path / "locker")
    with serving(data) as (_, url, _):
        status, found = ask(f"{url}/getContacts?terms=[]&limit=50", ok("token", data=data).strip())
        assert (200, 15) == (status, len(found))
        status, found = ask(f"{url}/getContacts?terms=[]", ok("token", "--owner", "you", data=data).strip())
        assert (200, []) == (status, found)
        assert 403 == ask(f"{url}/getContacts?terms=[]", ok("token", "--scope", "write", data=data).strip())[0]


def test_an_import_beside_the_server_is_seen(tmp_path: Path) -> None:
    """The server runs on while commands import, rebuild and check beside it, and answers from what they did."""
    data = filled(tmp_path / "locker")
    with serving(data, "--trust-loopback") as (running, url, _):
        assert [] == ask(f"{url}/getEvents?terms=[]")[1]
        ok("import", SAMPLE / "calendar.ics", data=data)
        assert 4 == len(ask(f"{url}/getEvents?terms=[]")[1])
        ok("rebuild", data=data)
        ok("check", data=data)
        assert 4 == len(ask(f"{url}/getEvents?terms=[]")[1])
        running.send_signal(signal.SIGTERM)
        assert "" == running.communicate(timeout=20)[1]
        assert 0 == running.returncode


def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    """After kill -9 everything that was pushed is there, and the locker is whole."""
    data = filled(tmp_path / "locker")
    with serving(data, "--trust-loopback") as (running, url, _):
        body = plain.dumps({"items": [{"type": "contact", "key": "1", "body": {"name": "Pushed"}}]}).encode()
        request = urllib.request.Request(f"{url}/connectors/mine/push", data=body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert 1 == plain.load(answer)["added"]
        running.kill()
        running.communicate()
    assert ["Pushed"] == [each["body"]["name"] for each in json("get", "contact", "name:Pushed", data=data)]
    with Locker(data) as opened:
        assert [] == list(check(opened))


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    """A port that somebody else has ends the start with one line and exit code 4."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = locker("serve", "--port", taken.getsockname()[1], data=tmp_path)
    assert 4 == done.exit_code
    assert "cannot listen at 127.0.0.1 port" in done.stderr
    assert 1 == done.stderr.count("\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--host", "0.0.0.0"], "set LOCKER_SECRET"),
        (["serve", "--port", "eighty"], "'eighty' does not do; it takes a whole number from 0 to 65535"),
        (["token", "--scope", "everything"], "'everything' is no scope; there are read, write, admin"),
        (["token", "--days", "0"], "--days"),
    ],
)
def test_wrong_starts(tmp_path: Path, arguments: list[str], said: str) -> None:
    """What is wrong with an option is told in one line, with exit code 2."""
    done = locker(*arguments, data=tmp_path)
    assert (2, True) == (done.exit_code, said in done.stderr), done.output
    assert 1 == done.stderr.count("\n")


def test_a_token_says_what_it_is(tmp_path: Path) -> None:
    """--json tells whose locker a token opens, what for and until when."""
    day = 24 * 60 * 60
    one, ten = (json("token", "--scope", "read", "--scope", " read:contact", "--days", days, data=tmp_path) for days in (1, 10))
    assert ("me", ["read", "read:contact"]) == (one["owner"], one["scopes"])
    assert 9 * day == pytest.approx(ten["expires"] - one["expires"], abs=60)


def test_every_setting_is_an_option() -> None:
    """Whatever can be set can be set on the command line, but for the secret, which a list of processes would show."""
    said = locker("serve", "--help").stdout
    for name in (
        "--host",
        "--port",
        "--trust-loopback",
        "--public-commons",
        "--rate-limit",
        "--max-body",
        "--log-level",
        "--allow-networks",
    ):
        assert name in said
    assert "--secret" not in said
