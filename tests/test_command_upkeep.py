"""``locker rebuild``, ``recompose``, ``check``, ``connectors``, ``collections``, ``settings``: upkeep on the command line."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from locker.record import loads
from tests.commands import filled, json, locker, ok, process


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A locker, to be copied."""
    return filled(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    """A locker of this test's own."""
    return Path(shutil.copytree(whole, tmp_path / "locker"))


def test_rebuild_makes_the_same_again(data: Path) -> None:
    """A rebuild is a new generation that answers as the old one did; the old file goes, and nothing is appended."""
    before, log = ok("get", "contact", "--json", data=data), ok("log", data=data)
    (old,) = data.glob("views-*.sqlite")
    assert "generation 2 of the read model answers now" in ok("rebuild", data=data)
    (new,) = data.glob("views-*.sqlite")
    assert old != new
    assert (before, log) == (ok("get", "contact", "--json", data=data), ok("log", data=data))
    assert 3 == json("rebuild", data=data)["generation"]


def test_rebuild_mends_a_lost_read_model(data: Path) -> None:
    """The read model may be lost: a rebuild from the log brings everything back."""
    for path in data.glob("views-*"):
        path.unlink()
    ok("rebuild", data=data)
    assert 12 == json("get", "message", "COUNT()", data=data)["count"]
    assert 0 == json("check", data=data)["count"]


def test_two_rebuilds_at_once(data: Path) -> None:
    """Rebuilds of several processes take turns: the generation that answers at the end is whole, and no other file stays."""
    before = ok("get", "contact", "--json", data=data)
    running = [process("rebuild", "--json", data=data) for _ in range(2)]
    generations = {loads(each.communicate(timeout=60)[0])["generation"] for each in running}
    assert {2, 3} == generations
    assert 1 == len(list(data.glob("views-*.sqlite")))
    assert before == ok("get", "contact", "--json", data=data)
    assert 0 == json("check", data=data)["count"]


def test_recompose_appends_what_differs(data: Path) -> None:
    """With the same maps nothing differs, so nothing is appended; an unknown type is told with the known ones."""
    said = json("recompose", "contact", data=data)
    assert ("contact", 22, 0) == (said["type"], said["members"], said["appended"])
    assert "22 records of type contact were mapped again; 0 objects changed\n" == ok("recompose", "contact", data=data)
    done = locker("recompose", "unicorn", data=data)
    assert (3, True) == (done.exit_code, "there is no collection 'unicorn'; there are article" in done.stderr)


def test_check_says_what_was_checked(data: Path) -> None:
    """Where nothing is wrong the counts are told, and the exit code is 0."""
    said = ok("check", data=data)
    assert "everything is as it should be" in said
    assert "(0 erased)" in said
    shown = json("check", data=data)
    assert (0, []) == (shown["count"], shown["findings"])
    assert shown["records"] > 49


def test_check_names_what_is_wrong(data: Path) -> None:
    """What is wrong is listed by file and place, with what to do, and the exit code is 1."""
    connection = sqlite3.connect(data / "log.sqlite", isolation_level=None)
    connection.execute("DROP TRIGGER records_are_never_changed")
    connection.execute("UPDATE stored_events SET salt = zeroblob(16) WHERE originator_id = 'me/vcard'")
    connection.close()
    done = locker("check", data=data)
    assert 1 == done.exit_code
    assert "me/vcard:7   has another body than its digest says" in done.stdout
    assert "12 findings" in done.stdout
    assert "restored from a copy" in done.stdout
    done = locker("check", "--json", data=data)
    assert (1, 12) == (done.exit_code, loads(done.stdout)["count"])


def test_check_of_what_is_no_database(data: Path) -> None:
    """A store that SQLite cannot open at all ends the check with one line."""
    for path in data.glob("log.sqlite-*"):
        path.unlink()
    (data / "log.sqlite").write_bytes(b"something else, and long enough to be taken for a file of SQLite's" * 20)
    done = locker("check", data=data)
    assert 4 == done.exit_code
    assert "log.sqlite" in done.stderr
    assert 1 == done.stderr.count("\n")


def test_connectors(tmp_path: Path) -> None:
    """Every connector with what it reads; no locker is needed or made."""
    shown = {each["name"]: each for each in json("connectors", data=tmp_path / "none")}
    assert {"mbox", "vcard", "json", "twitter-archive"} <= shown.keys()
    assert (["contact"], True) == (shown["vcard"]["types"], "*.vcf" in shown["vcard"]["patterns"])
    assert (["listens", "loved"], []) == (shown["listenbrainz"]["streams"], shown["vcard"]["streams"])
    assert "vcard" in ok("connectors", data=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_dropped_connector_is_listed(tmp_path: Path) -> None:
    """A file in <data>/plugins is a connector once the operator says so, and not before."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    code = "from locker.connector import Archived\nclass Mine(Archived):\n name='mine'\n types=('link',)\n title='Mine'\n"
    (folder / "mine.py").write_text(code + " def read(self, archive): return iter(())\n def map(self, type, body): return body\n")
    assert "mine" not in {each["name"] for each in json("connectors", data=tmp_path)}
    assert "mine" in {each["name"] for each in loads(ok("connectors", "--json", data=tmp_path, LOCKER_PLUGINS="true"))}


def test_collections(tmp_path: Path) -> None:
    """Every type with its plural and the fields that queries can use."""
    shown = {each["type"]: each for each in json("collections", data=tmp_path)}
    assert ("contacts", "keyword") == (shown["contact"]["plural"], shown["contact"]["fields"]["emails"])
    assert "address.state" in ok("collections", data=tmp_path)


def test_settings(tmp_path: Path) -> None:
    """Every setting with its value, where it can be set, and what it is for; a secret's value is not shown."""
    text = ok("settings", "--json", data=tmp_path, LOCKER_PORT="9000", LOCKER_SECRET="a-very-secret-text")
    shown = {each["name"]: each for each in loads(text)}
    assert ("9000", "8042", "LOCKER_PORT") == tuple(shown["port"][name] for name in ("value", "default", "variable"))
    assert str(tmp_path) == shown["data"]["value"]
    assert ("set", False) == (shown["secret"]["value"], "a-very-secret-text" in text)
    assert "LOCKER_RATE_LIMIT" in ok("settings", data=tmp_path)
