"""
Flare's README, played with curl against a started server and a real receiver; and the guide, run from top to bottom.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from locker.plugin import mount
from tests.commands import ROOT, ok
from tests.test_command_serve import serving
from tests.test_readme import blocks, needs, shell

from .shared import SHARED, needs_shared

GUIDE = (ROOT / "docs" / "flare.md").read_text(encoding="utf-8")
RESOURCE = """{
	"endpoint": "http://api.company.com/users/{id}",
	"change": {
		"field": "updatedAt",
		"format": "2006-01-02T15:04:05Z07:00"
	}
}"""
SUBSCRIPTION = """{
	"endpoint": {
		"url": "http://api.company.com/wishlist/{id}",
		"method": "post",
		"headers": {
			"Authorization": [
				"Basic YWxhZGRpbjpvcGVuc2VzYW1l"
			]
		},
		"actions": {
			"delete": {
				"method": "delete"
			}
		}
	},
	"delivery": {
		"success": [200],
		"discard": [500]
	},
	"content": {
		"envelope": true,
		"document": true
	},
	"data": {
		"service": "user",
		"id": "{id}"
	}
}"""
DOCUMENT = "http://api.company.com/users/1"


@dataclass
class Receiver:
    """A client's server: what it heard, in order."""

    url: str = ""
    heard: list[tuple[str, str, str | None, Any]] = field(default_factory=list)

    def wait(self, count: int) -> None:
        """Wait for so many requests, with a deadline."""
        deadline = time.monotonic() + 60
        while len(self.heard) < count:
            assert time.monotonic() < deadline, self.heard
            time.sleep(0.01)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that answers 200 to everything."""
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.heard.append((self.command, self.path, self.headers["Authorization"], body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_DELETE = do_POST  # noqa: N815 - the library's name

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Curl:
    """Somebody at a shell, with the same *options* each time."""

    options: list[str]

    def __call__(self, method: str, url: str, body: str | None = None) -> tuple[int, str]:
        """Status and body."""
        data = [] if body is None else ["--data-binary", body]
        command = ["curl", "-s", *self.options, "-X", method, "-w", "\n%{http_code}", url, *data]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        text, _, status = done.stdout.rpartition("\n")
        return int(status), text


@contextmanager
def flaring(data: Path, way: str) -> Iterator[tuple[Curl, str]]:
    """A started server, and how to reach it: from this very machine, or by the README's own host name with one header more."""
    options = ["--allow-networks", "127.0.0.0/8"] + (["--trust-loopback"] if way == "from this machine" else [])
    with serving(data, *options) as (_, url, _):
        if way == "from this machine":
            yield Curl([]), url
        else:
            token = ok("token", data=data).strip()
            place = url.removeprefix("http://")
            yield Curl(["--connect-to", f"flare.com:80:{place}", "-H", f"Authorization: Bearer {token}"]), "http://flare.com"


@needs("curl")
@pytest.mark.parametrize("way", ["from this machine", "with a token"])
def test_the_example_of_the_readme(tmp_path: Path, way: str) -> None:
    """Resource, subscription, PUT, notification, DELETE: only the receiver's host is this machine's.  The same or an older document again notifies nobody."""
    with receiving() as receiver, flaring(tmp_path / "data", way) as (curl, flare):
        status, text = curl("POST", f"{flare}/resources", RESOURCE)
        resource = json.loads(text)
        assert (201, json.loads(RESOURCE)) == (status, {name: resource[name] for name in ("endpoint", "change")})
        many = f"{flare}/resources/{resource['id']}/subscriptions"
        status, text = curl("POST", many, SUBSCRIPTION)
        assert 201 == status, text
        assert 204 == curl("DELETE", f"{many}/{json.loads(text)['id']}")[0]
        status, text = curl("POST", many, SUBSCRIPTION.replace("http://api.company.com", receiver.url))
        subscription = json.loads(text)
        assert (201, "POST", {"service": "user", "id": "{id}"}) == (status, subscription["endpoint"]["method"], subscription["data"])
        play(curl, flare, receiver)
        assert 409 == curl("DELETE", f"{flare}/resources/{resource['id']}")[0]
        assert 204 == curl("DELETE", f"{many}/{subscription['id']}")[0]
        assert 204 == curl("DELETE", f"{flare}/resources/{resource['id']}")[0]

    basic = "Basic YWxhZGRpbjpvcGVuc2VzYW1l"
    assert [(method, "/wishlist/1", basic) for method in ("POST", "POST", "DELETE")] == [heard[:3] for heard in receiver.heard]
    bodies = [heard[3] for heard in receiver.heard]
    assert ["create", "update", "delete"] == [body["action"] for body in bodies]
    assert [{"service": "user", "id": "1"}] * 3 == [body["data"] for body in bodies]
    moments = ["2017-01-02T15:04:05Z", "2017-01-02T15:04:05.5Z", "2017-01-02T15:04:05.5Z"]
    assert [(DOCUMENT, {"updatedAt": moment, "name": "Ann"}) for moment in moments] == [(body["id"], body["document"]) for body in bodies]
    assert {"id", "action", "updatedAt", "data", "document"} == bodies[0].keys()


def play(curl: Curl, flare: str, receiver: Receiver) -> None:
    """A document comes, comes again, changes and goes."""

    def put(moment: str) -> None:
        assert (202, "") == curl("PUT", f"{flare}/documents/{DOCUMENT}", json.dumps({"updatedAt": moment, "name": "Ann"}))

    put("2017-01-02T15:04:05Z")
    receiver.wait(1)
    for again in ("2017-01-02T15:04:05Z", "2017-01-01T00:00:00Z", "2017-01-02T16:04:05+01:00"):
        put(again)
    put("2017-01-02T15:04:05.5Z")
    receiver.wait(2)
    assert (202, "") == curl("DELETE", f"{flare}/documents/{DOCUMENT}")
    receiver.wait(3)


@needs_shared
@pytest.mark.shared
def test_shared_readme_is_what_is_played() -> None:
    """The bodies above are the README's, letter by letter."""
    text = (SHARED / "specs" / "flare-readme.md").read_text(encoding="utf-8")
    assert [RESOURCE, SUBSCRIPTION] == [block.strip() for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


@needs("curl", "timeout")
def test_the_guide_runs_as_printed(tmp_path: Path) -> None:
    """Every command of the guide, in order; nothing fails, and the receiver hears what the guide says."""
    script = "\n".join(blocks(GUIDE))
    for port in ("8042", "9042"):
        with socket.create_server(("127.0.0.1", 0)) as free:
            script = script.replace(port, str(free.getsockname()[1]))
    script = "trap 'kill $RUNNING; wait' EXIT\n" + script.replace(" &\n", ' & RUNNING="$RUNNING $!"\n')
    done = shell(tmp_path, script, LOCKER_DATA=str(tmp_path / "data"), LOCKER_KEYS=str(tmp_path / "keys"))
    assert 0 == done.returncode, done.stdout + done.stderr
    heard = (tmp_path / "heard.txt").read_text(encoding="utf-8").splitlines()
    said = [line.split(" ", 2) for line in heard[:2]]
    assert [["POST", "/wishlist/1"], ["DELETE", "/wishlist/1"]] == [line[:2] for line in said]
    printed = json.loads(re.findall(r"^```json\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)[0])
    for (_, _, body), action in zip(said, ("create", "delete"), strict=True):
        assert {**printed, "action": action, "updatedAt": ""} == {**json.loads(body), "updatedAt": ""}


def test_the_guide_names_every_call() -> None:
    """Each path and method of the dialect is in its table."""
    mount("api")
    routes = import_module("locker.api.flare").routes(None)
    table = GUIDE.partition("## Calls")[2].replace("`, `/", "` `")
    for route in routes:
        path = re.sub(r"/(resume|test)$", lambda found: {"resume": "/pause", "test": "/replay"}[found[1]], route.path)
        assert any(path in line and route.method in line for line in table.splitlines()), f"{route.method} {route.path}"
