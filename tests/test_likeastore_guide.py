"""The guide to the Likeastore dialect runs as printed, against a fake network and a real receiver, and names every call."""

from __future__ import annotations

import json
import re
import socket
import time
from importlib import import_module
from pathlib import Path

from locker.plugin import mount
from tests.commands import ROOT
from tests.test_readme import blocks, needs, shell

GUIDE = (ROOT / "docs" / "likeastore.md").read_text(encoding="utf-8")


@needs("curl")
def test_the_guide_runs_as_printed(tmp_path: Path) -> None:
    """Every command in order: a token, a hook, a connection, favorites, a search; the receiver hears of what was collected."""
    script = "\n".join(blocks(GUIDE))
    for port in ("8042", "9043", "9044"):
        with socket.create_server(("127.0.0.1", 0)) as free:
            script = script.replace(port, str(free.getsockname()[1]))
    waiting = "\nfor n in $(seq 100); do grep -q data-collected hooks.txt && break; sleep 0.2; done\n"
    script = "trap 'kill $RUNNING; wait' EXIT\n" + script.replace(" &\n", ' & RUNNING="$RUNNING $!"\n') + waiting
    done = shell(tmp_path, script, LOCKER_DATA=str(tmp_path / "data"), LOCKER_KEYS=str(tmp_path / "keys"))
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "An <em>analytical</em> <em>engine</em>" in done.stdout
    deadline = time.monotonic() + 10
    while not (told := (tmp_path / "hooks.txt").read_text(encoding="utf-8").splitlines()):
        assert time.monotonic() < deadline, "no hook was called"
        time.sleep(0.05)
    hook = json.loads(told[0])
    assert ("data-collected", "user_id", "github", 3) == (hook["event"], hook["user"], hook["network"], hook["data"]["records"])
    connection = json.loads((tmp_path / "connection.json").read_text(encoding="utf-8"))
    assert "access_token" not in json.dumps(connection)
    assert {"https://avatars.example/ada"} == {item["avatarUrl"] for item in connection["data"]}


def test_the_guide_names_every_call() -> None:
    """Each path and method of the dialect is in its table."""
    mount("api")
    table = GUIDE.partition("## Calls")[2]
    for route in import_module("locker.api.likeastore").routes(None):
        path = re.sub(r"/(connections?)/\{name\}$", r"/\1" if route.method == "POST" else r"/\1/{user}", route.path)
        assert any(f"{route.method} {path}" in line for line in table.splitlines()), f"{route.method} {route.path}"
