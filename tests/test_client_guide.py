"""The client's guide and its command line, held to account: every example in docs/client.md runs against a real locker."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from locker.client import __all__ as public
from locker.client.__main__ import main
from locker.locker import Locker
from tests.api_server import Server, served

GUIDE = (Path(__file__).parents[1] / "docs" / "client.md").read_text(encoding="utf-8")
EMAIL, PASSWORD = "your-app@example.com", "SecurePassword123!"
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A new locker that anyone may sign up at."""
    with Locker(tmp_path / "locker") as opened:
        tagged = {"from": "a@example.com", "subject": "hello", "tag": ["singly"]}
        ann = {"name": "Ann", "age": 30, "address": [{"state": "CA"}], "bio": "node.js"}
        opened.push("me", "sample", [{"type": "message", "key": "1", "body": tagged}, {"type": "contact", "key": "1", "body": ann}])
        opened.catch_up()
        with served(opened, signup="open") as running:
            yield running


def signed_up(server: Server, email: str = EMAIL) -> str:
    """The token of a new account."""
    return str(server.post("/api/v1/users/signup", json={"email": email, "password": PASSWORD}).json()["token"])


def names(example: str) -> dict[str, Any]:
    """What an example defines."""
    defined: dict[str, Any] = {"__name__": "example"}
    exec(compile(example, "docs/client.md", "exec"), defined)
    return defined


def test_the_first_example(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The stream example as it is printed: only the environment's URL is another."""
    monkeypatch.setenv("STREAMSOURCE_API_URL", server.url)
    names(EXAMPLES[0])
    shown = capsys.readouterr().out
    assert "TikTok" in shown
    assert "1 ['StreamerName']" in shown


def test_the_other_examples(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Retry, several backends, and the tour of queries, records and pushes."""
    monkeypatch.chdir(tmp_path)
    assert 4 == len(EXAMPLES)
    names(EXAMPLES[1])
    asyncio.run(names(EXAMPLES[2])["moving"](server.url, server.url, signed_up(server), signed_up(server, "two@example.com")))
    assert "{} []" in capsys.readouterr().out
    asyncio.run(names(EXAMPLES[3])["tour"](server.url, None))
    shown = capsys.readouterr().out
    for expected in ("['Ann'] 1", "hello", "An example", "1 0 ()", "shelf:1 add {'url': 'https://example.com/1'}"):
        assert expected in shown


def test_what_the_guide_names_exists() -> None:
    """Every class in the guide is public, and every public class of weight is in the guide."""
    imported = {name for line in re.findall(r"from locker\.client import (.*)", GUIDE) for name in line.split(", ")}
    assert imported <= set(public)
    assert {name for name in public if name.endswith(("Manager", "Backend", "Client"))} <= set(re.findall(r"\w+", GUIDE))


class Shell:
    """Runs the command line against a server."""

    def __init__(self, server: Server, *who: str) -> None:
        self.start = ["--url", server.url, *who]

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        done: Result = CliRunner().invoke(main, [*self.start, *arguments], catch_exceptions=False)
        assert code == done.exit_code, done.output
        try:
            return json.loads(done.output)
        except ValueError:
            return done.output.strip()


def test_the_command_line(server: Server, tmp_path: Path) -> None:
    """Login, create, list, change, pin, export, archive; queries and pushes; and errors as one line."""
    signed_up(server)
    token = Shell(server, "--email", EMAIL, "--password", PASSWORD)("login")
    shell = Shell(server, "--token", token)
    made = shell("create", "--source", "x", "--link", "https://www.twitch.tv/x", "--status", "live")
    assert ("Twitch", "live") == (made["platform"], made["status"])
    id = str(made["id"])
    assert "t" == shell("update", id, "--title", "t")["title"]
    assert shell("stream", "pin", id)["is_pinned"]
    assert [made["id"]] == [each["id"] for each in shell("streams", "--pinned", "--sort", "-created")["streams"]]
    assert 1 == len(shell("export")["streams"])
    assert made["id"] == shell("stream", "analytics", id)["stream_id"]
    assert "" == shell("stream", "archive", id)
    assert shell("stream", "show", id, code=1).startswith("Error: ")
    assert "source and link" in shell("create", "--source", "x", code=1)
    (tmp_path / "items").write_text('{"type": "contact", "key": "1", "body": {"name": "Bob"}}\n\n')
    mine = Shell(server)
    assert 1 == mine("push", "shelf", str(tmp_path / "items"))["added"]
    server.locker.catch_up()
    assert "Bob" == mine("get", "contact", "[name:'Bob']")["body"]["name"]
    (tmp_path / "items").write_text("{")
    assert "not JSON" in mine("push", "shelf", str(tmp_path / "items"), code=1)
    assert "not JSON" in shell("import", str(tmp_path / "items"), code=1)
