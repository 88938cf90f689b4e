"""What a killed process, a second one, a full disk and a file that cannot be written leave behind: an intact log, and a clear error."""

from __future__ import annotations

import random
import signal
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from threading import Event, Thread
from time import monotonic

import pytest

from locker.draft import Draft
from locker.error import StorageError
from locker.locker import Locker
from locker.log import Logbook
from locker.search import Search
from tests import crashing

KILLS = 50
CARDS = 200


def check(logbook: Logbook) -> None:
    """The file is sound, versions are gapless, positions unique and ascending, and every thing has one head and one first record."""
    assert ["ok"] == [row[0] for row in logbook.read("PRAGMA integrity_check")]
    records = logbook.since(limit=1_000_000)
    positions = [record.position for record in records]
    assert sorted(set(positions)) == positions
    for source in logbook.sources("me"):
        mine = [record for record in records if source == record.source]
        assert list(range(1, len(mine) + 1)) == [record.version for record in mine]
        added = [(record.type, record.key) for record in mine if record.op == "add"]
        assert len(set(added)) == len(added)
        assert set(added) == {(head.type, head.key) for head in logbook.heads("me", source, limit=1_000_000, deleted=True)}


def killed_at_random(chance: random.Random, folder: Path, cards: Path) -> tuple[int, bool, bool]:
    """Let an import come a random way and kill it; how many cards it said were durable, whether it had finished, and was killed."""
    process, told = crashing.started(crashing.import_cards, folder, cards)
    until, acknowledged = chance.randrange(CARDS + 20), told.recv()
    while acknowledged is not None and acknowledged < until:
        acknowledged = told.recv()
    process.join(chance.random() * 0.02)
    process.kill()
    last = acknowledged
    with suppress(EOFError):
        while told.poll():  # what it said before it died
            last = told.recv()
    process.join()
    told.close()
    assert process.exitcode in (0, -signal.SIGKILL)
    return CARDS if last is None else last, last is None, process.exitcode != 0


def test_killed_imports(tmp_path: Path) -> None:
    """An import with composer and views is killed 50 times at random: nothing acknowledged is lost or doubled, and the next run completes it."""
    cards = tmp_path / "cards.vcf"
    cards.write_text("".join(f"BEGIN:VCARD\nVERSION:3.0\nUID:{n}\nFN:N{n}\nEMAIL:{n}@x.org\nEND:VCARD\n" for n in range(CARDS)))
    chance, kills, rounds = random.Random(2026), 0, 0
    while kills < KILLS:
        rounds, finished = rounds + 1, False
        folder = tmp_path / str(rounds)
        while kills < KILLS and not finished:
            acknowledged, finished, killed = killed_at_random(chance, folder, cards)
            kills += killed
            with Logbook(folder / "log.sqlite") as logbook:
                check(logbook)
                assert acknowledged <= logbook.count("me", "vcard")
                found = {record.key for record in logbook.records("me", "vcard", limit=CARDS)}
                assert len(found) == logbook.count("me", "vcard")
        with Locker(folder) as locker:
            locker.import_archive("vcard", cards)
            locker.catch_up()
            check(locker.logbook)
            assert CARDS == locker.logbook.count("me", "vcard")
            assert CARDS == locker.reader.search(Search("contact", "me", limit=1, count=True)).total
            stood = locker.logbook.position
            assert CARDS == locker.import_archive("vcard", cards).unchanged
            locker.catch_up()
            assert stood == locker.logbook.position


def test_two_processes_append_at_once(tmp_path: Path) -> None:
    """Both get all their records in: versions have no gaps, positions are unique, and what both said is there once."""
    both = [f"both {n}" for n in range(100)]
    keys = [[f"{name} {n}" for n in range(100)] + both for name in ("left", "right")]
    working = [crashing.started(crashing.append, tmp_path, "mine", each) for each in keys]
    for _, told in working:
        assert "ready" == told.recv()
    for _, told in working:
        told.send("go")
    versions = [told.recv() for _, told in working]
    for process, _ in working:
        process.join()
        assert 0 == process.exitcode
    with Logbook(tmp_path / "log.sqlite") as logbook:
        check(logbook)
        assert 300 == logbook.count("me", "mine")
        keyed = {record.version: record.key for record in logbook.records("me", "mine", limit=1000)}
        for said, got in zip(keys, versions, strict=True):
            assert said == [keyed[version] for version in got]


def test_readers_go_on_while_a_writer_holds_its_lock(tmp_path: Path) -> None:
    """While a write transaction stays open, readers see what was there before; afterwards, what it wrote."""
    with Logbook(tmp_path / "log.sqlite") as logbook, Logbook(tmp_path / "log.sqlite") as other:
        logbook.append("me", "mine", [Draft.of("link/x", "1", {})])
        wrote, read = Event(), Event()

        def write(connection: sqlite3.Connection) -> None:
            logbook.write(connection, "me/mine", [Draft.of("link/x", "2", {})])
            wrote.set()
            assert read.wait(60)

        waiting = logbook.queue(write)
        assert wrote.wait(60)
        assert [1, 1] == [len(reader.records("me", "mine")) for reader in (logbook, other)]
        assert logbook.position == 1
        read.set()
        waiting.result()
        assert [2, 2] == [len(reader.records("me", "mine")) for reader in (logbook, other)]


def test_readers_go_on_during_a_long_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every read during an import is answered, with a prefix of the log that only grows; the longest wait is told, not judged."""
    with Logbook(tmp_path / "log.sqlite") as logbook, Logbook(tmp_path / "log.sqlite") as reader:
        pages = [[Draft.of("link/x", f"{page} {n}", {"n": n}) for n in range(500)] for page in range(20)]
        thread = Thread(target=lambda: [logbook.append("me", "mine", page) for page in pages])
        thread.start()
        counts, longest = [0], 0.0
        while counts[-1] < 10_000:
            start = monotonic()
            counts.append(reader.count("me", "mine"))
            assert len(reader.records("me", "mine", gt=max(0, counts[-1] - 100))) >= min(100, counts[-1])
            longest = max(longest, monotonic() - start)
        thread.join()
    assert sorted(counts) == counts
    assert {0} == {count % 500 for count in counts}, "a page was seen in half"
    with capsys.disabled():
        print(f"\n  {len(counts)} reads during an import; the longest took {longest * 1000:.0f} ms")


def test_full_disk(tmp_path: Path) -> None:
    """The error says to free some space; what was acknowledged is there, reading goes on, and with more room so does writing."""
    process, told = crashing.started(crashing.fill_disk, tmp_path, 300_000)
    acknowledged, error, read_meanwhile = told.recv()
    process.join()
    assert 0 == process.exitcode
    assert "free some space" in error
    assert len(acknowledged) == read_meanwhile
    with Logbook(tmp_path / "log.sqlite") as logbook:
        check(logbook)
        assert [*acknowledged, "after"] == [record.key for record in logbook.records("me", "mine", limit=10_000)]


def test_folder_of_somebody_else() -> None:
    """Who may only read the file is told to make it writable, and the log stays as it is."""
    folder = Path(tempfile.mkdtemp())
    try:
        with Logbook(folder / "log.sqlite") as logbook:
            logbook.append("me", "mine", [Draft.of("link/x", "before", {})])
        (folder / "log.sqlite").chmod(0o444)
        folder.chmod(0o555)
        process, told = crashing.started(crashing.open_as_stranger, folder)
        error = told.recv()
        process.join()
        folder.chmod(0o755)
        (folder / "log.sqlite").chmod(0o644)
        assert "make the file and its folder writable" in error
        with Logbook(folder / "log.sqlite") as logbook:
            check(logbook)
            assert ["before"] == [record.key for record in logbook.records("me", "mine")]
    finally:
        rmtree(folder)


@pytest.mark.parametrize("path", ["file/log.sqlite", "folder", "text.sqlite"])
def test_path_that_is_no_store(tmp_path: Path, path: str) -> None:
    """A folder that is a file, a file that is a folder, and a file of something else are refused by name."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.sqlite").write_text("no database, but long enough to look like one" * 100)
    with pytest.raises(StorageError, match=path.partition("/")[0]):
        Logbook(tmp_path / path)
    assert "no database" == (tmp_path / "text.sqlite").read_text()[:11]
