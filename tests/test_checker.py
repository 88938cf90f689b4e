"""``locker check``: a whole locker is found whole, and each thing that can be wrong with one is named."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from locker.checker import Checker, Finding, check
from locker.error import StorageError
from locker.locker import Locker
from locker.log import Draft
from locker.record import Blob

SAMPLE = Path(__file__).parents[1] / "data/sample"
TRIGGERS = ("records_are_never_deleted", "records_are_never_changed")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A locker with a bit of everything: merged, deleted, edited, hidden, added and split things, a blob, an erased body."""
    folder = tmp_path_factory.mktemp("whole")
    with Locker(folder) as locker:
        for source, name in (("vcard", "contacts.vcf"), ("mbox", "mail.mbox"), ("bookmarks", "bookmarks.html")):
            locker.import_archive(source, SAMPLE / name)
        locker.logbook.append("me", "mbox", [Draft.of("message/mbox", "<blob@x>", {"raw": Blob(b"\xff" * 99), "subject": "a blob"})])
        locker.catch_up()
        locker.logbook.append("me", "vcard", [Draft.of("contact/vcard", locker.record("me", "vcard:3").key, None)])
        locker.composer.edit("me", "contact", "contact:1", {"title": "Captain"}, by="app")
        locker.composer.edit("me", "contact", "contact:5", None, by="app")
        locker.composer.add("me", "contact", {"name": "Made by an app", "emails": ["theo@example.org"]}, by="app")
        locker.push("other", "mine", [{"type": "contact/mine", "key": "1", "body": {"name": "Somebody else"}}])
        for number in (1, 3, 2):
            said = Draft.of("document/flare", "http://x.org/1", {"title": f"{number}"}, revision=number)
            locker.logbook.append("me", "flare", [said])
        locker.catch_up()
    with sqlite3.connect(folder / "log.sqlite") as log:
        log.execute("UPDATE stored_events SET body = NULL, salt = NULL WHERE originator_id = 'me/bookmarks' AND originator_version = 3")
    log.close()
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be sabotaged."""
    return Path(shutil.copytree(whole, tmp_path / "locker"))


def sabotage(path: Path, *statements: str) -> None:
    """Change a store behind the locker's back."""
    connection = sqlite3.connect(path, isolation_level=None)
    for trigger in TRIGGERS:
        connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    for statement in statements:
        assert connection.execute(statement).rowcount, f"{statement} changed nothing"
    connection.close()


def findings(folder: Path) -> list[Finding]:
    """What a check of this folder says."""
    with Locker(folder) as locker:
        return list(check(locker))


def text(found: list[Finding], file: str) -> str:
    """The findings in one file as one text."""
    return "\n".join(f"{each.place} {each.what}" for each in found if each.file == file)


def views(folder: Path) -> Path:
    """The read model's file."""
    (path,) = folder.glob("views-*.sqlite")
    return path


def test_a_whole_locker_has_no_findings(folder: Path) -> None:
    """Nothing is found in a locker that nobody touched; what was looked at is counted, erased bodies apart; no scratch file stays."""
    with Locker(folder) as locker:
        checker = Checker(locker)
        assert [] == list(checker.findings())
        assert locker.logbook.position == checker.counts.records
    assert 1 == checker.counts.erased
    assert 1 == checker.counts.blobs
    assert checker.counts.objects > 20
    assert checker.counts.rows > 500
    assert [] == list(folder.glob(".check-*"))


def test_an_empty_locker_has_no_findings(tmp_path: Path) -> None:
    """A locker without a record, and without a read model, is whole."""
    assert [] == findings(tmp_path)


EVENT = "UPDATE stored_events SET {} WHERE originator_id = 'me/{}' AND originator_version = {}"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM stored_events WHERE originator_id = 'me/vcard' AND originator_version = 7", "me/vcard:8 has version 8"),
        (
            "DELETE FROM stored_events WHERE position = (SELECT max(position) FROM stored_events WHERE originator_id = 'me/vcard')",
            "should be: what was between is gone",
        ),
        (EVENT.format("originator_version = 900", "vcard", 7), "me/vcard:900 has version 900"),
        (EVENT.format("state = json_set(state, '$.timestamp', '2001-01-01T00:00:00.000000Z')", "vcard", 7), "me/vcard:7 is of 2001-01-01"),
        (EVENT.format("state = 'nonsense'", "vcard", 7), "me/vcard:7 has a header that is none"),
        (EVENT.format("topic = 'record-invented'", "vcard", 7), "me/vcard:7 has a header that is none"),
        (EVENT.format("body = replace(body, 'a', 'b')", "vcard", 7), "me/vcard:7 has another body than its digest says"),
        (EVENT.format("salt = zeroblob(16)", "vcard", 7), "me/vcard:7 has another body than its digest says"),
        (EVENT.format("salt = NULL", "vcard", 7), "me/vcard:7 has lost its salt"),
        (EVENT.format("state = json_set(state, '$.digest', 'ab')", "vcard", 7), "me/vcard:7 has another body than its digest says"),
        (
            'UPDATE stored_events SET patch = \'{"title":"Admiral"}\' WHERE patch IS NOT NULL',
            "has another patch than its digest says",
        ),
        (
            "UPDATE stored_events SET state = json_set(state, '$.reference', 4) WHERE originator_id = 'me/vcard' AND topic = 'record-deleted'",
            "me/vcard:13 refers to record 4, which is not the first one of contact/vcard",
        ),
        (
            "UPDATE stored_events SET state = json_remove(state, '$.reference') WHERE originator_id = 'me/vcard' AND topic = 'record-deleted'",
            "me/vcard:13 refers to record None",
        ),
        (EVENT.format("state = json_set(state, '$.reference', 1)", "vcard", 7), "me/vcard:7 is an add, yet refers to record 1"),
        (
            EVENT.format("state = json_set(state, '$.key', 'card-mara')", "vcard", 7),
            "me/vcard:7 adds contact/vcard 'card-mara', which an earlier record has added",
        ),
        (
            "UPDATE heads SET newest = 2 WHERE key = 'card-mara'",
            "me/vcard, head of contact/vcard 'card-mara' says something else than a replay: newest",
        ),
        ("UPDATE heads SET first = 2 WHERE key = 'card-mara'", "'card-mara' says something else than a replay: first"),
        ("UPDATE heads SET digest = x'00' WHERE key = 'card-mara'", "'card-mara' says something else than a replay: digest"),
        ("UPDATE heads SET deleted = 1 WHERE key = 'card-mara'", "'card-mara' says something else than a replay: deleted"),
        ("DELETE FROM heads WHERE key = 'card-mara'", "'card-mara' is missing; its newest record is me/vcard:1"),
        ("UPDATE heads SET key = 'nobody' WHERE key = 'card-mara'", "head of contact/vcard 'nobody' stands, though no record speaks of it"),
        ("UPDATE blobs SET content = x'00'", "has other bytes than its name says"),
        ("UPDATE blobs SET size = 7", "is said to have 7 bytes, and has 99"),
        ("DELETE FROM blobs", "me/mbox:23 refers to the blob sha256:"),
        (
            EVENT.format("state = json_set(state, '$.note.late', 1)", "flare", 2),
            "me/flare:2 is called late, though record 1, which stood then",
        ),
        (EVENT.format("state = json_remove(state, '$.note.late')", "flare", 3), "says something else than a replay: newest"),
        (EVENT.format("state = json_set(state, '$.note.revision', '3')", "flare", 3), "me/flare:3 is called late, though record 2"),
        (EVENT.format("state = json_set(state, '$.reference', 2)", "flare", 3), "me/flare:3 refers to record 2, which is not the first"),
        ("UPDATE tracking SET notification_id = 99999", "follower composer stands at position 99999"),
    ],
)
def test_a_changed_log_is_named(folder: Path, statement: str, expected: str) -> None:
    """Whatever is changed in the log's store behind its back, the check says in which file and at which record, head or blob."""
    sabotage(folder / "log.sqlite", statement)
    assert expected in text(findings(folder), "log.sqlite")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM members WHERE member = 'vcard:1'", "me/contact:1 names vcard:1 in via, which the composer holds no member of it"),
        (
            "DELETE FROM members WHERE member = 'vcard:1'",
            "me/contact, member vcard:1 is missing, though the composer has passed its record",
        ),
        (
            "UPDATE members SET object = 2 WHERE member = 'vcard:1'",
            "me/contact, member vcard:1 belongs to me/contact:2, which does not name it in via",
        ),
        (
            "UPDATE members SET object = 999 WHERE member = 'vcard:1'",
            "me/contact, member vcard:1 belongs to me/contact:999, which there is not",
        ),
        ("UPDATE members SET object = NULL WHERE member = 'vcard:1'", "me/contact:1 names vcard:1 in via"),
        ("UPDATE members SET object = 3 WHERE member = 'vcard:3'", "me/contact, member vcard:3 belongs to me/contact:3"),
        ("UPDATE members SET newest = 1 WHERE member = 'vcard:3'", "me/contact, member vcard:3 is of record 1, not 13"),
        (
            "DELETE FROM identities WHERE identity = 'email:mara@fernwood.example' AND member = 'vcard:1'",
            "member vcard:1 the identities' table lacks email:mara@fernwood.example",
        ),
        (
            "INSERT INTO identities SELECT collection, 'email:x@example.org', member FROM identities WHERE member = 'vcard:1' LIMIT 1",
            "member vcard:1 the identities' table has, though the member does not say it, email:x@example.org",
        ),
        (
            "UPDATE members SET object = 2 WHERE member = 'vcard:1'",
            "me/contact, identity email:mara.delgado@example.org is shared by members of different objects",
        ),
        ("DELETE FROM objects WHERE n = 1", "me/contact:1 is anchored nowhere"),
        ("UPDATE objects SET anchor = 'vcard:999' WHERE n = 1", "me/contact:1 is anchored on vcard:999; one of both is not there"),
        ("DELETE FROM edits WHERE op = 'delete'", "belongs to me/contact:5, which is deleted"),
    ],
)
def test_a_changed_composition_is_named(folder: Path, statement: str, expected: str) -> None:
    """The composer's tables must say what the collections' logs say; whatever differs is named with its object or member."""
    sabotage(folder / "log.sqlite", statement)
    assert expected in text(findings(folder), "log.sqlite")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM contact WHERE id = (SELECT min(id) FROM contact)", "contact id {} lacks a row"),
        (
            "INSERT INTO contact (id, owner, time, subtypes, via, body) VALUES (7, 7, '', '[]', '[]', '{{}}')",
            "contact id 7 has a row that a rebuild does not have",
        ),
        ("UPDATE contact SET body = '{{}}' WHERE id = {}", "contact id {} says something else than a rebuild: body"),
        ("UPDATE contact SET _name = 'x', time = '2001' WHERE id = {}", "contact id {} says something else than a rebuild: time, _name"),
        (
            'DELETE FROM "contact.emails" WHERE object = {}',
            "contact.emails owner 1, value 'mara.delgado@example.org', object {} lacks a row",
        ),
        ("DELETE FROM contact_subtypes WHERE object = {}", "contact_subtypes owner 1, subtype 'mbox'"),
        ("DELETE FROM via WHERE object = {}", "via owner 1, record 'mbox:2', type 'contact', object {} lacks a row"),
        (
            "UPDATE counts SET count = count + 1 WHERE type = 'contact' AND subtype = '' AND field = ''",
            "says something else than a rebuild: count",
        ),
        ("INSERT INTO aliases VALUES ('contact', 77, 78)", "aliases type 'contact', id 77 has a row"),
        ("UPDATE owners SET owner = 'x' WHERE number = 1", "owners number 1 says something else than a rebuild: owner"),
        ("INSERT INTO contact_words (rowid, bio) VALUES ({}, 'intruder')", "contact_words the full-text index differs from a rebuild"),
        ("UPDATE meta SET value = '99999' WHERE name = 'position'", "meta stands at position 99999; the log ends at"),
        ("DROP INDEX", "missing from index contact by time"),
    ],
)
def test_a_changed_read_model_is_named(folder: Path, statement: str, expected: str) -> None:
    """The read model must be what a rebuild makes: rows, side tables, counts and each word of the full-text index."""
    path = views(folder)
    with sqlite3.connect(path) as connection:
        first = connection.execute("SELECT min(id) FROM contact").fetchone()[0]
    connection.close()
    if statement.startswith("DROP"):  # an index that lacks an entry: SQLite's own check names it
        _damage_index(path)
    else:
        sabotage(path, statement.format(first))
    assert expected.format(first) in text(findings(folder), path.name)


def _damage_index(path: Path) -> None:
    """Let an index speak of another column than it was made of."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema = 1")
    connection.execute("UPDATE sqlite_schema SET sql = replace(sql, '(owner, time)', '(owner, body)') WHERE name = 'contact by time'")
    connection.close()


def test_damaged_pages_are_named(folder: Path) -> None:
    """A file that SQLite cannot read on is a finding, and the other file is checked all the same."""
    connection = sqlite3.connect(folder / "log.sqlite", isolation_level=None)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'blobs'").fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    with (folder / "log.sqlite").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\x99" * size)
    found = findings(folder)
    assert {"log.sqlite"} == {each.file for each in found}
    assert "SQLite" in {each.place for each in found}


def test_a_read_model_of_another_version_is_named(folder: Path) -> None:
    """A read model that was made for other schemas is not compared; the finding says what to do."""
    sabotage(views(folder), "UPDATE meta SET value = 'another' WHERE name = 'fingerprint'")
    (found,) = findings(folder)
    assert (views(folder).name, "meta") == (found.file, found.place)
    assert "locker rebuild" in found.what


def test_checking_beside_writers(folder: Path) -> None:
    """While others append, compose, project and rebuild, a check sees one moment of it all, and finds nothing."""
    done, written = Event(), Event()

    def work(locker: Locker) -> None:
        for n in range(10_000):
            locker.push("me", "mine", [{"type": "contact", "key": str(n), "body": {"name": f"Person {n}", "emails": [f"{n % 7}@x.org"]}}])
            written.set()
            if n % 50 == 49:
                locker.rebuild()
            if done.is_set():
                return

    with Locker(folder) as working, Locker(folder) as checking:
        working.start()
        thread = Thread(target=work, args=(working,))
        thread.start()
        try:
            written.wait(10)
            found = [list(check(checking)) for _ in range(3)]
        finally:
            done.set()
            thread.join()
    assert [[], [], []] == found


def test_a_folder_without_room_for_scratch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in which nothing can be written cannot be checked there; the error says what to do."""

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("locker.checker.TemporaryDirectory", refuse)
    with Locker(folder) as locker, pytest.raises(StorageError, match="check a copy"):
        list(check(locker))


def test_it_reads_page_by_page(folder: Path) -> None:
    """Findings come while the log is still being read: nothing is gathered first."""
    sabotage(folder / "log.sqlite", "UPDATE stored_events SET salt = zeroblob(16) WHERE salt IS NOT NULL")
    with Locker(folder) as locker:
        checker = Checker(locker)
        stream: Iterator[Finding] = checker.findings()
        assert "another body" in next(stream).what
        assert 0 == checker.counts.records
        assert 1 < sum(1 for _ in stream)
