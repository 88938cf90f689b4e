"""
The manual of streams tells the truth: its commands run as printed, and its tables name what there is.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import forked
from tests.streamsource import Server, serving

ROOT = Path(__file__).parents[1]
MANUAL = (ROOT / "docs" / "streams.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", MANUAL, re.DOTALL)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A running server with people."""
    async with serving(tmp_path) as found:
        yield found


async def test_the_curl_commands_run_as_they_are_printed(server: Server) -> None:
    """One after the other in one shell, at this server's address: each answers JSON without an error."""

    script = "\n".join(block for block in BLOCKS if "curl" in block).replace("http://127.0.0.1:8042", server.url)
    shell = await asyncio.create_subprocess_exec(
        "bash", "-euc", script.replace("\ncurl", "\necho; curl"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, complaints = await asyncio.wait_for(shell.communicate(), 60)

    assert 0 == shell.returncode, complaints
    told = out.decode()
    assert '"error"' not in told
    assert '"email":"your-app@example.com"' in told
    assert '"platform":"TikTok"' in told
    assert '"is_pinned":true' in told
    assert '"op":"add"' in told


def test_the_commands_for_flags_run_as_they_are_printed(tmp_path: Path) -> None:
    """Each ends well."""
    commands = [line for block in BLOCKS for line in block.splitlines() if line.startswith(("locker flag", "locker maintenance"))]
    assert 4 == len(commands)
    for command in commands:
        code, _, told = forked.command(*command.split()[1:], environ={**os.environ, "LOCKER_DATA": str(tmp_path)}, folder=tmp_path)
        assert 0 == code, told


async def test_the_manual_names_every_call_filter_and_field(server: Server) -> None:
    """What OpenAPI says of streams, the manual says too."""
    paths = (await server.nobody.ask("GET", "/openapi.json")).json["paths"]
    for path in paths:
        if path.startswith("/api/v1/streams"):
            assert f"{path.removeprefix('/api/v1')}`" in MANUAL, path
    for parameter in paths["/api/v1/streams"]["get"]["parameters"]:
        assert f"`{parameter['name']}`" in MANUAL
    for field in await server.ann.stream():
        assert f"`{field}`" in MANUAL
    for flag in (await server.ann.ask("GET", "/api/v1/features")).json["features"]:
        assert f"`{flag}`" in MANUAL
