"""The bench: that its runner works at all, at a tiny scale.  What it measures never makes a test fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def bench(*arguments: str) -> str:
    """What the runner prints."""
    command = [sys.executable, "-m", "tests.bench", "--scale", "200", "--rounds", "1", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_imports_are_measured_against_peers(tmp_path: Path) -> None:
    """Every figure of an import is a positive number, and those with a peer have a ratio."""
    table = bench("--only", "import", "--json", str(tmp_path / "figures.json"))
    rows = json.loads((tmp_path / "figures.json").read_text())["import"]
    assert all(row["ours"] > 0 for row in rows), table
    assert {"executemany of ready rows", "eventsourcing Application.save", "sqlite-utils, same indexes and triggers"} <= {
        r["peer"] for r in rows
    }
    assert all(row["ratio"] > 0 for row in rows if row["peer"])
    assert "import to queryable" in table


def test_servers_are_measured_against_peers(tmp_path: Path) -> None:
    """Queries, appends, starts and rebuilds give positive figures too; the queries' answers were compared with the peers' before."""
    table = bench(
        "--only", "queries", "--only", "appends", "--only", "start", "--only", "rebuild", "--json", str(tmp_path / "figures.json")
    )
    rows = json.loads((tmp_path / "figures.json").read_text())
    assert ["queries", "appends", "start", "rebuild"] == list(rows)
    assert {"the same SQL in aiohttp by hand", "a handler that does nothing"} <= {each["peer"] for found in rows.values() for each in found}
    assert all(row["ours"] > 0 for found in rows.values() for row in found if "later" not in row["figure"]), table


def test_streams_are_measured_against_handlers_by_hand(tmp_path: Path) -> None:
    """Lists, creates and logins give positive figures, after both servers answered every list alike; no answered create was missing."""
    table = bench("--only", "streams", "--json", str(tmp_path / "figures.json"))
    rows = {each["figure"].strip(): each for each in json.loads((tmp_path / "figures.json").read_text())["streams"]}
    assert {"list streams with filters", "create streams", "sign in", "slow reads while logins flood, by those without"} <= rows.keys()
    assert all(row["ours"] > 0 for row in rows.values()), table
    assert all(row["ratio"] > 0 for row in rows.values() if row["peer"])


def test_live_streams_are_measured(tmp_path: Path) -> None:
    """Listeners hear everything, and their memory is told."""
    table = bench("--only", "live", "--json", str(tmp_path / "figures.json"))
    rows = json.loads((tmp_path / "figures.json").read_text())["live"]
    assert 5 == len(rows)
    assert "memory of the server with" in table
    assert all(row["ours"] > 0 for row in rows)


def test_deliveries_are_measured_against_bare_posts(tmp_path: Path) -> None:
    """To one subscription, to some and to many; and the time from append to arrival."""
    table = bench("--only", "deliveries", "--json", str(tmp_path / "figures.json"))
    rows = json.loads((tmp_path / "figures.json").read_text())["deliveries"]
    assert 8 == len(rows), table
    assert all(row["ours"] > 0 for row in rows), table
    assert 3 == sum(row["ratio"] is not None for row in rows)


def test_syncs_are_measured_against_bare_fetches(tmp_path: Path) -> None:
    """A sync has a rate and a ratio, and takes no request more than it must."""
    table = bench("--only", "sync", "--json", str(tmp_path / "figures.json"))
    rows = {each["figure"].strip(): each for each in json.loads((tmp_path / "figures.json").read_text())["sync"]}
    assert all(row["ours"] > 0 for row in rows.values()), table
    assert (3, 1) == (rows["requests of the first sync"]["ours"], rows["requests when nothing is new"]["ours"])


def test_articles_are_measured_against_a_handler_by_hand(tmp_path: Path) -> None:
    """Lists, tags and searches have a ratio, after both servers answered alike; adding is split into what it is made of."""
    table = bench("--only", "articles", "--json", str(tmp_path / "figures.json"))
    rows = {each["figure"].strip(): each for each in json.loads((tmp_path / "figures.json").read_text())["articles"]}
    assert {"list articles", "articles by tags", "search articles", "add articles"} <= rows.keys()
    assert all(row["ours"] > 0 for row in rows.values()), table
    assert 3 == sum(row["ratio"] is not None for row in rows.values())
