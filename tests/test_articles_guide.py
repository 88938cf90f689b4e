"""The commands of ``docs/articles.md`` work as they are printed, in order, and its SQL counts what the API does."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from ipaddress import ip_network
from pathlib import Path

import pytest

from locker.guard import Guard
from locker.locker import Locker

from .api_server import served
from .pages import page
from .test_api_articles import paper
from .test_api_guide import BLOCK, fits

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "articles.md"
CURL = shutil.which("curl")


@pytest.mark.skipif(CURL is None, reason="there is no curl on this machine")
def test_the_guide_tells_the_truth(tmp_path: Path) -> None:
    """Every call answers what is printed under it, or at least succeeds."""
    text = GUIDE.read_text(encoding="utf-8")
    guard = Guard((ip_network("127.0.0.0/8"),))
    with (
        Locker(tmp_path / "data", keys=tmp_path / "keys", guard=guard) as locker,
        paper() as site,
        served(locker, trust_loopback=False) as server,
    ):

        async def fill() -> str:
            await locker.accounts.sign_up("ada@example.org", "correct-horse-1")
            return (await locker.accounts.add_client("reader"))[1]

        secret = asyncio.run(fill())
        site.pages["/bridge"] = page("Bridge stays", head='<meta name="keywords" content="Bridge">')
        environment = {"LOCKER": server.url, "SITE": site.url, "SECRET": secret, "PATH": f"{Path(str(CURL)).parent}:/bin:/usr/bin"}
        for commands, expected in BLOCK.findall(text):
            for command in commands.strip().splitlines():
                done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, timeout=20)
                found = json.loads(done.stdout or "null")
                assert found is not None, f"{command}\n{done.stderr}"
                assert fits(json.loads(expected), found) if expected else found.get("status_code", 200) == 200, f"{command}\n{done.stdout}"
                if "refresh_token" in found:
                    environment["TOKEN"] = found["access_token"]
        (sql,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
        with closing(sqlite3.connect(locker.data / "log.sqlite")) as connection:
            assert [("1", 1)] == connection.execute(sql).fetchall()
