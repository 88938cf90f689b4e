"""The examples of ``docs/connecting.md`` work as they are printed, against a network that speaks as a Mastodon does; and the page leaves nothing out."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from locker.__main__ import main
from locker.command.connecting import SECRETS, VARIABLE
from locker.settings import Settings
from tests.connected import connected
from tests.network import Token
from tests.test_api_guide import BLOCK, fits

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "connecting.md"
CURL = shutil.which("curl")


@pytest.mark.skipif(CURL is None, reason="there is no curl on this machine")
def test_the_guide_tells_the_truth(tmp_path: Path) -> None:
    """Every command of the guide, in order: it answers what is printed under it, or at least succeeds."""
    blocks = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    assert len(blocks) > 4
    with connected(tmp_path) as place:
        place.network.tokens.append(Token("made-by-hand", "", "", "", 2**40))
        environment = {
            "LOCKER": place.url, "TOKEN": place.server.tokens.make("me", ("read", "write")), "INSTANCE": place.network.url, "HAND": "made-by-hand",
            "PATH": f"{Path(str(CURL)).parent}:/bin:/usr/bin",
        }  # fmt: skip
        for commands, expected in blocks:
            for command in commands.strip().splitlines():
                done = subprocess.run(
                    ["/bin/sh", "-c", command], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True
                )
                found = json.loads(done.stdout)
                assert fits(json.loads(expected), found) if expected else found, f"{command}\n{done.stdout}"
                assert not isinstance(found, dict) or "detail" not in found, f"{command}\n{done.stdout}"


def test_the_guide_leaves_nothing_out() -> None:
    """Every call, option and setting about connecting is on the page."""
    text = GUIDE.read_text(encoding="utf-8")
    for module in ("connect", "connections"):
        for route in import_module(f"locker.api.{module}").routes(None):
            path = route.path.replace("{network}", "mastodon")
            assert path in text or f"`/{path.rpartition('/')[2]}`" in text, route.path
    options = [option.opts[0] for option in main.commands["connect"].params if option.opts[0].startswith("--")]
    assert [] == [option for option in options if option not in text and option not in ("--data", "--owner", "--json")]
    assert all(f"LOCKER_{name.upper()}" in text for name in ("oauth_clients", "public_url", "return_to", "allow_networks"))
    assert all(hasattr(Settings, name) for name in ("oauth_clients", "public_url", "return_to"))
    assert VARIABLE in text
    assert [] == [name for name in SECRETS if not re.search(rf"`{name}`|--{name.replace('_', '-')}", text)]
