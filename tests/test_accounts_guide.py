"""
The examples of ``docs/accounts.md`` work as they are printed, and the page names every call, command and setting about accounts.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from locker.__main__ import main
from locker.account import KINDS
from locker.locker import Locker
from tests.api_server import served
from tests.test_api_guide import BLOCK, fits

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "accounts.md"
CURL = shutil.which("curl")


@pytest.mark.skipif(CURL is None, reason="there is no curl on this machine")
def test_the_guide_tells_the_truth(tmp_path: Path) -> None:
    """Every command of the guide, in order: it answers what is printed under it, or at least succeeds."""
    blocks = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    assert len(blocks) > 6
    with Locker(tmp_path) as locker, served(locker, trust_loopback=False) as server:
        environment = {"LOCKER": server.url, "TOKEN": server.tokens.make("me", KINDS), "PATH": str(Path(str(CURL)).parent)}
        for commands, expected in blocks:
            for command in commands.strip().splitlines():
                done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, timeout=20)
                found = json.loads(done.stdout)
                assert fits(json.loads(expected), found) if expected else found, f"{command}\n{done.stdout}"
                assert not isinstance(found, dict) or not found.keys() & {"error", "detail"}, f"{command}\n{done.stdout}"


def test_the_guide_leaves_nothing_out() -> None:
    """Every call under /api/v1/users, every command and every setting about accounts is on the page."""
    text = GUIDE.read_text(encoding="utf-8")
    routes = import_module("locker.api.users").routes(None)
    assert [] == [route.path for route in routes if re.sub(r"/\{\w+\}$", "", route.path) not in text]
    for name in ("account", "client", "vault"):
        assert [] == [f"locker {name} {each}" for each in main.commands[name].commands if f"locker {name} {each}" not in text]  # type: ignore[attr-defined]
    for word in (
        "locker grant",
        "locker token --list",
        "rate_limit",
        "login_limit",
        "signup_limit",
        "trusted_proxies",
        "LOCKER_OLD_SECRET",
    ):
        assert word in text
