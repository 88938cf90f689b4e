"""What docs/live.md shows is so: its clients hear what happens, and its numbers are those of the code."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from locker import live
from locker.locker import Locker
from locker.settings import Settings

from .api_server import Server, served

GUIDE = (Path(__file__).parents[1] / "docs" / "live.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that wants a token, over a locker with three things."""
    with Locker(tmp_path) as locker, served(locker, trust_loopback=False) as made:
        locker.push("me", "mine", [{"type": "note", "key": str(n), "body": {"n": n}} for n in range(3)])
        yield made


def test_its_client_of_events(server: Server) -> None:
    """It hears everything from the beginning, and goes on from where it stopped."""
    made: dict[str, Any] = {}
    exec(BLOCKS[0], made)
    url, token = f"{server.url}/live?source=mine", server.tokens.make("me")
    heard = list(islice(made["follow"](url, token), 2))
    assert ["0", "1"] == [each["record"]["key"] for each in heard]
    (more,) = islice(made["follow"](url, token, str(heard[-1]["position"])), 1)
    assert "2" == more["record"]["key"]


async def test_its_client_of_a_socket(server: Server) -> None:
    """The same by WebSocket."""
    made: dict[str, Any] = {}
    exec(BLOCKS[1], made)
    heard = []
    async with asyncio.timeout(30):
        async for each in made["listen"](f"{server.url}/live?source=mine", server.tokens.make("me")):
            heard.append(each["record"]["key"])
            if len(heard) == 3:
                break
    assert ["0", "1", "2"] == heard


def test_its_numbers() -> None:
    """Limits are those of the code."""
    defaults = Settings()
    for said in (
        f"{live.MOST:,} records",
        f"{live.MOST_BYTES >> 20} MiB",
        f"`live_heartbeat`, {defaults.live_heartbeat}",
        f"{defaults.live_limit:,}",
    ):
        assert said in GUIDE
