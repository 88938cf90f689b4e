"""
The tutorial, done as it is printed: its files are written, its commands are run, and its package is installed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from locker import plugin
from locker.connector import Fetching
from locker.rehearsal import TOKEN, shows
from locker.sample import Samples
from locker.stand_in import StandIn

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "writing-a-connector.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^(?:<!-- ([\w.-]+) -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS: list[tuple[str, str, str]] = [(name, kind, text) for name, kind, text in BLOCK.findall(GUIDE)]
FILES = {name: text for name, _, text in BLOCKS if name}
WHERE = "http://127.0.0.1:9000"


class Newcomer:
    """Somebody who follows the tutorial in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder / "mine", folder / "site"
        tools = folder / "tools"
        for made in (self.folder, tools):
            made.mkdir()
        install = f'-m pip install -q --no-index --no-build-isolation --no-deps --disable-pip-version-check --target "{self.site}" .'
        for name, rest in (("locker", '-m locker "$@"'), ("pytest", '-m pytest -p no:cacheprovider "$@"'), ("pip", install)):
            (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {rest}\n')
            (tools / name).chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKER_", "PYTEST_"))}
        self.environ = {
            **kept,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
        }

    def write(self, name: str) -> Path:
        """A file of the tutorial."""
        path = self.folder / name
        path.write_text(FILES[name], encoding="utf-8")
        return path

    def run(self, text: str, **environ: str) -> str:
        """What commands print; all of them must succeed."""
        done = subprocess.run(
            ["/bin/sh", "-eu", "-c", text],
            cwd=self.folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert 0 == done.returncode, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    """Somebody new."""
    return Newcomer(tmp_path)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[StandIn]:
    """Bookshelf, as the tutorial's own connector and samples have it."""
    (tmp_path / "service.py").write_text(FILES["bookshelf.py"], encoding="utf-8")
    (connector,) = plugin.at(tmp_path / "service.py")
    assert isinstance(connector, Fetching)
    with StandIn(connector, Samples.of(json.loads(FILES["bookshelf.json"]))) as playing:
        playing.lets_in = lambda call: shows(call, TOKEN)
        yield playing


def commands(*words: str) -> str:
    """The one block of commands in which all of these words are."""
    (found,) = [text for _, kind, text in BLOCKS if kind == "sh" and all(word in text for word in words)]
    return found


def test_every_block_is_named_or_run() -> None:
    """No example is only there to be read."""
    assert {"sh"} == {kind for name, kind, _ in BLOCKS if not name}
    assert {"bookshelf.py", "bookshelf.toml", "stories.py", "notes.py", "pyproject.toml"} <= set(FILES)


def test_the_skeleton_works_as_written(newcomer: Newcomer) -> None:
    """What the first command writes passes the second, and pytest; so it does in TOML."""
    assert "15 passed, 1 skipped" in newcomer.run(commands("connector new"))
    newcomer.run("locker connector new record-shop --toml\nlocker connector test record_shop.toml")
    assert "32 passed, 2 skipped" in newcomer.run("pytest -q")


@pytest.mark.parametrize("name", ["bookshelf.py", "bookshelf.toml", "stories.py", "notes.py"])
def test_each_connector_passes(newcomer: Newcomer, name: str) -> None:
    """Each connector of the tutorial passes the conformance kit with the samples of the tutorial."""
    for file in (name, f"{name.partition('.')[0]}.json", "sample.notes"):
        newcomer.write(file)
    said = json.loads(newcomer.run(f"locker connector test {name} --json"))
    assert "passed" == said[0]["outcome"]
    assert [] == [one for one in said if one["outcome"] == "failed"]
    assert any(f"locker connector test {name}\n" in text for _, kind, text in BLOCKS if kind == "sh")


def test_what_the_service_answers() -> None:
    """The answers that the tutorial shows are those of its own samples."""
    samples = json.loads(FILES["bookshelf.json"])
    assert json.loads(FILES["likes.json"])["likes"][0] == samples["streams"]["likes"][0]
    assert json.loads(FILES["who.json"]) == {"id": int(samples["account"]["id"]), "login": samples["account"]["username"]}


def test_its_own_test_passes(newcomer: Newcomer) -> None:
    """The test that the tutorial shows passes."""
    for name in ("bookshelf.py", "bookshelf.json", "test_bookshelf.py"):
        newcomer.write(name)
    assert "16 passed, 1 skipped" in newcomer.run(commands("pytest"))


def test_the_real_thing(newcomer: Newcomer, service: StandIn) -> None:
    """Connected and synced as printed, the likes are favorites; the second run appends nothing."""
    newcomer.write("bookshelf.py")
    said = newcomer.run(commands("LOCKER_PLUGINS", WHERE).replace(WHERE, service.base_url))
    first, _, rest = said.partition("[\n")
    assert "bookshelf" in first
    (run,), _ = json.JSONDecoder().raw_decode("[\n" + rest)
    assert (0, None) == (sum(stream["added"] for stream in run["streams"]), run.get("error"))
    assert all(title in said for title in ("Emma", "Jane Austen", "Ulysses"))


def test_the_package(newcomer: Newcomer) -> None:
    """Installed beside Locker, the package brings its connector, without any setting."""
    for name in ("bookshelf.py", "pyproject.toml"):
        newcomer.write(name)
    listing = "locker connectors --json"
    assert "bookshelf" not in newcomer.run(listing)
    newcomer.run(commands("pip install"))
    path = f"{newcomer.site}{os.pathsep}{ROOT}"
    assert "bookshelf" in {one["name"] for one in json.loads(newcomer.run(listing, PYTHONPATH=path))}
