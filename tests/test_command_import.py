"""``locker import``: what it reads, what it says of it, and what an interrupted one leaves."""

from __future__ import annotations

import os
import pty
import signal
import zipfile
from pathlib import Path

import pytest

from locker.checker import check
from locker.command import importing, progress
from locker.importer import Import
from locker.locker import Locker
from locker.log import Logbook
from locker.record import loads
from tests.commands import SAMPLE, json, locker, ok, process

CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{0}\r\nFN:Person {0}\r\nEMAIL:p{0}@example.org\r\nEND:VCARD\r\n"


def cards(path: Path, *uids: object) -> Path:
    """A file of cards."""
    path.write_text("".join(CARD.format(uid) for uid in uids))
    return path


def mails(path: Path, count: int) -> Path:
    """A mailbox."""
    mail = "From a@x Thu Jan  1 00:00:00 2015\nFrom: A {0} <a{0}@x.org>\nMessage-ID: <{0}@x>\nSubject: mail {0}\n\nText {0}\n\n"
    path.write_text("".join(mail.format(n) for n in range(count)))
    return path


def test_an_import_is_told_in_a_table(tmp_path: Path) -> None:
    """A table says what was added; what was imported can be asked for at once; a second import finds nothing new."""
    said = ok("import", "vcard", SAMPLE / "contacts.vcf", data=tmp_path)
    assert ["archive", "source", "added", "edited", "deleted", "unchanged", "unreadable"] == said.splitlines()[0].split()
    assert ["contacts.vcf", "vcard", "12", "0", "0", "0", "0"] == said.splitlines()[1].split()
    assert {"count": 12} == json("get", "contact", "COUNT()", data=tmp_path)
    (again,) = json("import", "vcard", SAMPLE / "contacts.vcf", data=tmp_path)
    assert (0, 12, []) == (again["added"], again["unchanged"], again["problems"])


def test_the_source_is_guessed(tmp_path: Path) -> None:
    """Left out, or as 'auto', the source is the one connector that reads files of that name; several archives come together."""
    runs = json("import", SAMPLE / "mail.mbox", SAMPLE / "calendar.ics", data=tmp_path)
    assert ["mbox", "icalendar"] == [run["source"] for run in runs]
    (run,) = json("import", "auto", SAMPLE / "twitter", data=tmp_path)
    assert "twitter-archive" == run["source"]
    assert "together" in ok("import", SAMPLE / "mail.mbox", SAMPLE / "contacts.vcf", data=tmp_path)


def test_a_second_account_is_a_source_of_its_own(tmp_path: Path) -> None:
    """mbox.work is a log of its own, of the same type."""
    ok("import", "mbox.work", SAMPLE / "mail.mbox", data=tmp_path)
    (listed,) = json("list", "--type", "message", data=tmp_path)
    assert "mbox" == listed["name"]
    assert ok("log", "--source", "mbox.work", "--limit", 1, data=tmp_path).startswith("mbox.work:1 ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nosuch.vcf"], 3, "there is no file or folder nosuch.vcf; SOURCE is one of bookmarks, eml"),
        (["vcard", "nosuch.vcf"], 3, "there is no file or folder nosuch.vcf"),
        (["vcard"], 2, "write: locker import vcard PATH"),
        ([], 2, "Missing argument '[SOURCE] PATH…'; see locker import --help"),
        (["{sample}/bookmarks.html"], 2, "may be for bookmarks, "),
        (["{sample}/README.md"], 2, "no connector reads files called like"),
        (["vcard", "{sample}/contacts.vcf", "--option", "colour=red"], 2, "vcard takes no options, got colour"),
        (["vcard", "{sample}/contacts.vcf", "--option", "colour"], 2, "--option takes NAME=VALUE, not 'colour'"),
        (["vcard", "{sample}/contacts.vcf", "--as-of", "yesterday"], 2, "--as-of takes a date like 2019-03-01"),
        (["vcard", "{sample}/contacts.vcf", "--owner", "Me!"], 2, "an owner's name"),
    ],
)
def test_what_cannot_be_imported_is_told_in_one_line(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    """A wrong call ends with one line that says what to do, and nothing is appended."""
    done = locker("import", *(each.format(sample=SAMPLE) for each in arguments), data=tmp_path)
    assert code == done.exit_code
    assert said in done.stderr
    assert 1 == done.stderr.count("\n")
    with Logbook(tmp_path / "log.sqlite") as logbook:
        assert 0 == logbook.position


def test_unreadable_entries_are_listed(tmp_path: Path) -> None:
    """What cannot be read is counted and listed with file, place and reason; what it says is kept all the same; the exit code is 1."""
    path = tmp_path / "people.ndjson"
    path.write_text('{"id": 1, "name": "Ada"}\n{"id": 2, "name": \n{"id": 3, "name": "Bob"}\n')
    mapping = tmp_path / "map.json"
    mapping.write_text('{"type": "contact", "key": "id", "fields": {"name": "name"}}')
    call = ["import", "json", path, "--option", f"mapping={mapping}"]
    done = locker(*call, data=tmp_path / "locker")
    assert 1 == done.exit_code
    assert "people.ndjson: 1 entry could not be read; everything else was" in done.stdout
    assert "line 2" in done.stdout
    (run,) = loads(locker(*call, "--json", data=tmp_path / "locker").stdout)
    assert [("people.ndjson", "line 2")] == [(problem["file"], problem["place"]) for problem in run["problems"]]
    assert (3, 1) == (run["unchanged"], run["unreadable"])


def test_a_broken_archive_does_not_stop_the_others(tmp_path: Path) -> None:
    """One archive that is none of its kind is told of, and the next one is read; the exit code says that something failed."""
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(broken, "w") as file:
        file.writestr("hello.txt", "nothing of Twitter's")
    done = locker("import", "twitter-archive", broken, SAMPLE / "twitter", data=tmp_path / "locker")
    assert 4 == done.exit_code
    assert done.stderr.startswith("locker: ")
    assert ["twitter", "twitter-archive", "17"] == done.stdout.splitlines()[2].split()[:3]


def test_a_person_may_say_what_an_archive_is(tmp_path: Path) -> None:
    """With --scope, --complete and --as-of a newer list deletes what it lacks, and an older one undoes nothing."""
    more = ["--scope", "mine", "--complete", "--as-of"]
    both, one = cards(tmp_path / "both.vcf", 1, 2), cards(tmp_path / "one.vcf", 1)
    data = tmp_path / "locker"
    ok("import", both, *more, "2020-01-01", data=data)
    (run,) = json("import", one, *more, "2021-01-01T10:00:00Z", data=data)
    assert (1, 1) == (run["unchanged"], run["deleted"])
    (run,) = json("import", both, *more, "2019-01-01", data=data)
    assert (0, 0, 0) == (run["added"], run["edited"], run["deleted"])
    assert "2019-01-01" not in ok("show", "vcard:1", data=data)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let progress be told at every page."""
    monkeypatch.setattr(importing, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "EVERY", 0.0)


@pytest.mark.usefixtures("impatient")
def test_progress_is_plain_lines_without_a_terminal(tmp_path: Path) -> None:
    """Where nobody watches, progress is a line now and then: records, rate, how much of the archive, time left."""
    done = locker("import", mails(tmp_path / "big.mbox", 1200), data=tmp_path / "locker")
    assert 0 == done.exit_code
    lines = [line for line in done.stderr.splitlines() if line.startswith("mbox big.mbox: ")]
    assert len(lines) >= 3
    assert all(" records, " in line and "/s, " in line and " left" in line for line in lines)
    assert "2,400 records" in lines[-1]
    assert "100 %" in lines[-1]


def test_progress_is_a_bar_on_a_terminal(tmp_path: Path) -> None:
    """On a terminal one line is drawn anew: name, bar, records, rate, time left; the table follows."""
    mine, theirs = pty.openpty()
    code = "from locker.command import importing; importing.PATIENCE = 0; from locker.__main__ import main; main()"
    running = process(
        "import", mails(tmp_path / "big.mbox", 1500), data=tmp_path / "locker", python=("-c", code), stderr=theirs, TERM="xterm"
    )
    with running:
        os.close(theirs)
        drawn = bytearray()
        while True:
            try:
                drawn += os.read(mine, 65536) or b""
            except OSError:  # the other side has closed
                break
        assert running.stdout
        assert "big.mbox" in running.stdout.read()
    os.close(mine)
    assert 0 == running.returncode
    text = drawn.decode()
    assert "mbox big.mbox" in text
    assert "━" in text
    assert " records" in text
    assert "/s" in text
    assert " left" in text


def test_ctrl_c_tells_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted, it prints what became of the archives so far, says that this is kept, and ends with 130."""

    def interrupted(self: Import, *_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Import, "run", interrupted)
    done = locker("import", SAMPLE / "mail.mbox", data=tmp_path)
    assert 130 == done.exit_code
    assert "mail.mbox" in done.stdout
    assert "interrupted; what was finished is kept, run it again to go on" in done.stderr


def test_an_interrupted_import_is_completed_by_the_next(tmp_path: Path) -> None:
    """SIGINT in the middle of a real import leaves a whole locker; the same import again adds exactly the rest."""
    archive, data = mails(tmp_path / "big.mbox", 3000), tmp_path / "locker"
    with Logbook(data / "log.sqlite") as logbook:
        running = process("import", archive, data=data)
        while logbook.position < 500:
            assert running.poll() is None, running.communicate()
            logbook.wait(logbook.position, 0.02)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=20)
        assert (130, "locker: interrupted; what was finished is kept, run it again to go on\n") == (running.returncode, errors)
        before = logbook.count("me", "mbox")
    assert 500 <= before < 6000
    (run,) = json("import", archive, data=data)
    assert (6000 - before, before) == (run["added"], run["unchanged"])
    with Locker(data) as opened:
        assert [] == list(check(opened))
        assert 3000 == opened.reader.listing("me", type="message")[0]["count"]
