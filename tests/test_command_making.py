"""``locker connector``: what it says of a connector that fails, and what it refuses to write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from locker.command.frame import MISSING, REPORT, USAGE
from tests.commands import locker, ok


def test_a_failure_is_told(tmp_path: Path) -> None:
    """Each check has a line, the failed one says what to do, and the exit code tells of it."""
    ok("connector", "new", "shelf", "--folder", tmp_path)
    path = tmp_path / "shelf.py"
    path.write_text(path.read_text().replace('items="likes"', 'items="like"'))
    samples = tmp_path / "shelf.json"
    kept = json.loads(samples.read_text())
    kept["streams"]["likes"] = {"items": kept["streams"]["likes"], "answer": {"likes": "$items"}}
    samples.write_text(json.dumps(kept))
    done = locker("connector", "test", path)
    assert REPORT == done.exit_code
    assert "✗ fetches everything: likes has entries that cannot be read" in done.stdout
    assert "✓ keeps the contract" in done.stdout
    assert "failed" in done.stdout.splitlines()[-1]


def test_json(tmp_path: Path) -> None:
    """``--json`` prints a row for each check, of a built-in by its name as well."""
    rows = json.loads(ok("connector", "test", "mbox", "--json"))
    assert "keeps_the_contract" == rows[0]["check"]
    assert {"check", "outcome", "says", "seconds"} == set(rows[0])


def test_other_samples(tmp_path: Path) -> None:
    """Samples may lie elsewhere."""
    (tmp_path / "none.json").write_text("{}")
    said = ok("connector", "test", "mbox", "--samples", tmp_path / "none.json")
    assert "the samples name no files" in said


@pytest.mark.parametrize("toml", [False, True])
def test_nothing_is_overwritten(tmp_path: Path, toml: bool) -> None:
    """A file that is there already stays as it is."""
    for file in ("shelf.json", "shelf.py", "shelf.toml"):
        (tmp_path / file).write_text("mine")
    done = locker("connector", "new", "shelf", "--folder", tmp_path, *(["--toml"] if toml else []))
    assert (USAGE, True) == (done.exit_code, "is there already" in done.stderr)
    assert {"mine"} == {path.read_text() for path in tmp_path.iterdir()}


@pytest.mark.parametrize("name", ["Book", "../x", "a_b", "1x", ""])
def test_names_that_do_not_do(tmp_path: Path, name: str) -> None:
    """A name that no connector may have is refused before anything is written."""
    done = locker("connector", "new", "--folder", tmp_path, "--", name)
    assert (USAGE, True) == (done.exit_code, "cannot be a connector's name" in done.stderr)
    assert [] == list(tmp_path.iterdir())


def test_an_unknown_connector(tmp_path: Path) -> None:
    """A name that nobody has is told, with what to name instead."""
    done = locker("connector", "test", "nobody")
    assert (MISSING, True) == (done.exit_code, "locker connectors" in done.stderr)
