"""
The examples of ``docs/api.md`` work as they are printed, and answer what is printed under them.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from locker.locker import Locker
from tests.api_server import fill, served

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
BLOCK = re.compile(r"```sh\n(.*?)```(?:\s*```json\n(.*?)```)?", re.DOTALL)
CURL = shutil.which("curl")


def fits(expected: Any, found: Any) -> bool:
    """Whether an answer is what the guide prints, where … stands for anything."""
    if expected == "…":
        return True
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(fits(value, found[name]) for name, value in expected.items())
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(fits, expected, found))
    return bool(expected == found)


@pytest.mark.skipif(CURL is None, reason="there is no curl on this machine")
def test_the_guide_tells_the_truth(tmp_path: Path) -> None:
    """Every command of the guide, in order; those with an answer under them answer that, the others succeed."""
    blocks = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    assert len(blocks) > 10
    with Locker(tmp_path) as locker:
        fill(locker)
        with served(locker, trust_loopback=False) as server:
            environment = {"LOCKER": server.url, "TOKEN": server.tokens.make("me"), "PATH": str(Path(str(CURL)).parent)}
            for commands, expected in blocks:
                for command in commands.strip().splitlines():
                    done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, timeout=20)
                    assert (0, "") == (done.returncode, done.stderr), command
                    found = [json.loads(line) for line in done.stdout.splitlines()]
                    if expected:
                        assert fits(json.loads(expected), found[0]), f"{command}\n{done.stdout}"
                    else:
                        assert found, command
                        assert not isinstance(found[0], dict) or "status" not in found[0], f"{command}\n{done.stdout}"


def test_the_guide_knows_every_call() -> None:
    """No call of the data access API is left out of the guide."""
    text = GUIDE.read_text(encoding="utf-8")
    for call in (
        "/list",
        "/fields",
        "/via",
        "/derived",
        "/get{Type}",
        "/add{Type}",
        "/edit{Type}",
        "/delete{Type}",
        "/connectors",
        "/health",
        "/openapi.json",
    ):
        assert call in text
    for call in ("getTypes", "getAll", "getID", "getSince", "getCurrent", "push"):
        assert call in text
