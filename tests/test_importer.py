"""Importing again: what a newer, an older, a partial or a broken archive adds, changes and deletes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from locker.archive import Archive
from locker.connector import Archived, Blob, Body, Found, Item, Problem, Scope
from locker.error import Fatal, StorageError
from locker.importer import Import, Report, Wish
from locker.locker import Locker
from locker.log import Logbook
from locker.record import parse
from locker.search import Search
from tests.connectors import check_contract
from tests.shared import DATA, needs_shared

MONDAY, TUESDAY, WEDNESDAY = (datetime(2026, 11, day, tzinfo=UTC) for day in (16, 17, 18))
ACCOUNT, OTHER = "account:1", "account:2"


class Notes(Archived):
    """A connector that yields what it was told to: a fake that keeps the contract."""

    name = "notes"
    types: ClassVar[tuple[str, ...]] = ("document",)
    title = "Notes"

    def __init__(self, *found: Found | Exception) -> None:
        self.found = found

    def read(self, archive: Archive) -> Iterator[Found]:
        for each in self.found:
            if isinstance(each, Exception):
                raise each
            yield each

    def map(self, type: str, body: Body) -> Body | None:
        return {"title": str(body.get("t", ""))}


class Book:
    """A logbook, and imports of fakes into it."""

    def __init__(self, folder: Path) -> None:
        self.logbook = Logbook(folder / "log.sqlite")
        self.path = folder / "notes.txt"
        self.path.write_text("")

    def take(self, *found: Found | Exception, wish: Wish | None = None) -> tuple[int, int, int, int]:
        """Import what a connector found; how many were added, edited, deleted and unchanged."""
        report = self.report(*found, wish=wish)
        return report.added, report.edited, report.deleted, report.unchanged

    def report(self, *found: Found | Exception, wish: Wish | None = None) -> Report:
        """Import what a connector found."""
        with Archive(self.path) as archive:
            return Import(self.logbook, Notes(*found), "me", "notes", wish).run(archive)

    def living(self) -> dict[str, str]:
        """The text of every note that stands."""
        found = {}
        for head in self.logbook.heads("me", "notes", limit=10_000):
            body = self.logbook.records("me", "notes", gt=head.newest - 1, limit=1)[0].body
            found[head.key] = str(body.get("t"))
        return found


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    """An empty one."""
    book = Book(tmp_path)
    yield book
    book.logbook.close()


def scope(as_of: datetime, name: str = ACCOUNT, *, complete: bool = True) -> Scope:
    """An export of everything an account has."""
    return Scope(name, as_of, complete)


def notes(text: str) -> list[Item]:
    """Items for ``"a1 b2"``: one a word, the first letter is the key, the rest the text; ``a-`` says that it is gone."""
    return [Item("document", word[0], None if word[1:] == "-" else {"t": word[1:]}) for word in text.split()]


A = ACCOUNT
B = OTHER
RULES: dict[str, tuple[list[tuple[str, datetime, bool, str]], tuple[int, int, int, int], str]] = {
    "the same twice appends nothing": ([(A, MONDAY, True, "a1 b1"), (A, MONDAY, True, "a1 b1")], (0, 0, 0, 2), "a1 b1"),
    "a newer one appends the differences": ([(A, MONDAY, True, "a1 b1 c1"), (A, TUESDAY, True, "a1 b2 d1")], (1, 1, 1, 1), "a1 b2 d1"),
    "an incomplete one deletes nothing": ([(A, MONDAY, True, "a1 b1"), (A, TUESDAY, False, "a1")], (0, 0, 0, 1), "a1 b1"),
    "another account's deletes nothing": ([(A, MONDAY, True, "a1"), (B, TUESDAY, True, "b1")], (1, 0, 0, 0), "a1 b1"),
    "an older one only adds": ([(A, TUESDAY, True, "a2 b2"), (A, MONDAY, True, "a1 c1")], (1, 0, 0, 1), "a2 b2 c1"),
    "one of the same moment deletes nothing": ([(A, MONDAY, True, "a1 b1"), (A, MONDAY, True, "a1")], (0, 0, 0, 1), "a1 b1"),
    "an older one brings nothing back": (
        [(A, MONDAY, True, "a1"), (A, WEDNESDAY, True, "b1"), (A, TUESDAY, True, "a1")],
        (0, 0, 0, 1),
        "b1",
    ),
    "what returns is an edit": ([(A, MONDAY, True, "a1"), (A, TUESDAY, True, "b1"), (A, WEDNESDAY, True, "a1 b1")], (0, 1, 0, 1), "a1 b1"),
    "two accounts: the loss of one": ([(A, MONDAY, True, "a1"), (B, MONDAY, True, "a1"), (A, TUESDAY, True, "")], (0, 0, 0, 0), "a1"),
    "two accounts: the loss of the other": ([(A, MONDAY, True, "a1"), (B, MONDAY, True, "a1"), (B, TUESDAY, True, "")], (0, 0, 0, 0), "a1"),
    "two accounts: the loss of both": (
        [(A, MONDAY, True, "a1"), (B, TUESDAY, True, "a1"), (B, WEDNESDAY, True, ""), (A, WEDNESDAY, True, "")],
        (0, 0, 1, 0),
        "",
    ),
    "two accounts: the loss of both, the other way": (
        [(A, MONDAY, True, "a1"), (B, TUESDAY, True, "a1"), (A, WEDNESDAY, True, ""), (B, WEDNESDAY, True, "")],
        (0, 0, 1, 0),
        "",
    ),
    "two accounts: an older one still vouches": (
        [(A, TUESDAY, True, "a1"), (B, MONDAY, True, "a1"), (A, WEDNESDAY, True, "")],
        (0, 0, 0, 0),
        "a1",
    ),
    "two accounts: a late export of what was lost vouches no more": (
        [
            (A, MONDAY, True, "a1 z"),
            (B, WEDNESDAY, True, "b1"),
            (A, TUESDAY, True, "a1"),
            (B, TUESDAY, True, "a1"),
            (A, WEDNESDAY, True, "z"),
        ],
        (0, 1, 1, 0),
        "b1 z",
    ),
    "two accounts: the older never undoes the newer": (
        [(A, MONDAY, True, "a1"), (B, WEDNESDAY, True, "a3"), (A, TUESDAY, True, "a2")],
        (0, 0, 0, 1),
        "a3",
    ),
    "what is said to be gone is deleted": ([(A, MONDAY, False, "a1 b1"), (A, TUESDAY, False, "a-")], (0, 0, 1, 0), "b1"),
    "an older one's word that a thing is gone is late": ([(A, TUESDAY, False, "a1"), (A, MONDAY, False, "a-")], (0, 0, 0, 1), "a1"),
    "everything went": ([(A, MONDAY, True, "a1 b1"), (A, TUESDAY, True, "")], (0, 0, 2, 0), ""),
}


@pytest.mark.parametrize("rule", RULES)
def test_rules(book: Book, rule: str) -> None:
    """One rule of importing again: the last of some exports adds, edits, deletes and leaves so many, and this stands afterwards."""
    exports, counts, standing = RULES[rule]
    for name, as_of, complete, text in exports:
        taken = book.take(scope(as_of, name, complete=complete), *notes(text))
    assert counts == taken
    assert {word[0]: word[1:] for word in standing.split()} == book.living()


@pytest.mark.parametrize("rule", RULES)
def test_the_last_export_again(book: Book, rule: str) -> None:
    """Whatever came before, the last export imported once more appends nothing."""
    exports, _, _ = RULES[rule]
    for name, as_of, complete, text in [*exports, exports[-1]]:
        before = book.logbook.position
        book.take(scope(as_of, name, complete=complete), *notes(text))
    assert before == book.logbook.position


def test_the_fake_keeps_the_contract() -> None:
    """What these tests stand on behaves like a connector."""
    check_contract(Notes(), notes("a1 b2"))


def test_deletes_say_that_they_were_inferred(book: Book) -> None:
    """A thing that is missing carries a note and its last body; every record says as of when it is."""
    book.take(scope(MONDAY), *notes("a1"))
    book.take(scope(TUESDAY))
    first, last = book.logbook.records("me", "notes")
    assert {"as_of": "2026-11-16T00:00:00.000000Z"} == first.note
    assert ("delete", {"inferred": True, "as_of": "2026-11-17T00:00:00.000000Z"}, {"t": "1"}) == (last.op, last.note, last.body)


def test_an_unreadable_entry_deletes_nothing(book: Book) -> None:
    """Who could not read everything does not know what is missing; the problem is told with file, place and reason."""
    book.take(scope(MONDAY), *notes("a1 b1"))
    problem = Problem("notes.txt", "line 3", "not a note")
    report = book.report(scope(TUESDAY), problem, *notes("a1"))
    assert (0, 1, [problem]) == (report.deleted, report.unreadable, report.problems)
    assert {"a": "1", "b": "1"} == book.living()


@pytest.mark.parametrize(
    "body",
    [{"t": float("nan")}, {"t": "\ud800"}, {"t": {1, 2}}, {"t": b"bytes"}, {"t": MONDAY}],
    ids=["nan", "surrogate", "set", "bytes", "date"],
)
def test_a_body_that_is_no_json_is_a_problem(book: Book, body: Body) -> None:
    """It is counted with its key, the others go in, and nothing is deleted."""
    book.take(scope(MONDAY), *notes("a1 b1"))
    report = book.report(scope(TUESDAY), Item("document", "a", body), Item("document", "c", {"t": "1"}))
    assert (1, 0, 1) == (report.added, report.deleted, report.unreadable)
    assert "'a'" in report.problems[0].place


def test_a_body_nested_beyond_reason_is_a_problem(book: Book) -> None:
    """Nobody's recursion limit stops an import."""
    body: Body = {}
    for _ in range(100_000):
        body = {"": body}
    report = book.report(Item("document", "a", body), *notes("b1"))
    assert (1, "nested too deeply") == (report.added, report.problems[0].reason[-17:])
    while body:  # taken apart by hand: freeing it at once would recurse
        body = body[""]


@pytest.mark.parametrize("key", ["", "x" * 5000, "\udc80"])
def test_a_key_that_is_none_is_a_problem(book: Book, key: str) -> None:
    """Empty keys, endless ones and lone surrogates are refused, each for itself."""
    report = book.report(Item("document", key, {"t": "1"}), *notes("b1"))
    assert (1, 1) == (report.added, report.unreadable)


@pytest.mark.parametrize("error", [Fatal("the zip ends here"), KeyError("id"), ValueError("bad")])
def test_a_reader_that_breaks_in_the_middle(book: Book, error: Exception) -> None:
    """What was read stays, the rest is one problem, nothing is deleted, and the next run completes it."""
    book.take(scope(MONDAY), *notes("z1"))
    report = book.report(scope(TUESDAY), *notes("a1 b1"), error)
    assert (2, 0, 1) == (report.added, report.deleted, report.unreadable)
    assert str(error) in report.problems[0].reason
    assert (1, 0, 1, 2) == book.take(scope(TUESDAY), *notes("a1 b1 c1"))


def test_what_is_no_archive_of_the_kind(book: Book) -> None:
    """A Fatal before anything was read is raised: somebody chose the wrong file."""
    with pytest.raises(Fatal, match="no notes"):
        book.take(Fatal("there are no notes in it"))


def test_many_problems_are_counted(book: Book) -> None:
    """The first thousand are kept, all are counted."""
    report = book.report(*(Problem("notes.txt", f"line {n}", "bad") for n in range(1500)))
    assert (1500, 1000) == (report.unreadable, len(report.problems))


def test_repeated_keys(book: Book) -> None:
    """The n-th different body of one key gets ``…#n``; the same body again is the same thing; also when imported again."""
    found: list[Found] = [scope(MONDAY), *notes("a1 a2 a1 a3 a2 b1")]
    assert (4, 0, 0, 2) == book.take(*found)
    assert {"a": "1", "a#2": "2", "a#3": "3", "b": "1"} == book.living()
    assert (0, 0, 0, 6) == book.take(*found)
    assert (0, 1, 1, 2) == book.take(scope(TUESDAY), *notes("a1 a3 b1"))
    assert {"a": "1", "a#2": "3", "b": "1"} == book.living()


def test_a_key_that_looks_numbered(book: Book) -> None:
    """A source's own ``a#2`` and the second ``a`` stay two things, again and again."""
    found: list[Found] = [*notes("a1 a2"), Item("document", "a#2", {"t": "own"})]
    assert (3, 0, 0, 0) == book.take(*found)
    assert (0, 0, 0, 3) == book.take(*found)


def test_pages_do_not_matter(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeated keys and missing things are found across pages."""
    monkeypatch.setattr("locker.importer.PAGE", 2)
    monkeypatch.setattr("locker.scope.PAGE", 2)
    assert (7, 0, 0, 1) == book.take(scope(MONDAY), *notes("a1 b1 c1 d1 e1 f1 a2 a1"))
    assert (0, 1, 5, 1) == book.take(scope(TUESDAY), *notes("a1 b2"))


def test_blobs_are_stored_once(book: Book) -> None:
    """Bytes go beside the log by their digest; the body keeps the reference, and the same bytes again are the same body."""
    found = [Item("document", key, {"t": "1", "file": Blob(b"\xff\x00", "image/png")}) for key in "ab"]
    assert (2, 0, 0, 0) == book.take(*found)
    assert (0, 0, 0, 2) == book.take(*found)
    reference = book.logbook.records("me", "notes")[0].body["file"]
    assert (2, "image/png") == (reference["size"], reference["media_type"])
    assert b"\xff\x00" == book.logbook.blob(reference["blob"]).content
    assert 1 == book.logbook.read("SELECT count(*) FROM blobs")[0][0]


def test_an_archive_without_account_is_its_own_scope(book: Book) -> None:
    """It is known by its path and never complete: a shorter file deletes nothing."""
    assert (2, 0, 0, 0) == book.take(*notes("a1 b1"))
    assert (0, 0, 0, 1) == book.take(*notes("a1"))
    assert [(str(book.path.resolve()),)] == [tuple(row) for row in book.logbook.read("SELECT name FROM scopes")]


def test_a_person_may_say_what_an_archive_does_not(book: Book) -> None:
    """Scope, completeness and moment can be told; then missing things are deleted."""
    assert (2, 0, 0, 0) == book.take(*notes("a1 b1"), wish=Wish("mine", complete=True, as_of=MONDAY))
    assert (0, 0, 1, 1) == book.take(*notes("a1"), wish=Wish("mine", complete=True, as_of=TUESDAY))


def test_naming_the_scope_leaves_the_format_complete(book: Book) -> None:
    """Who names the scope of a complete format says nothing about completeness; who says that it is not complete is heard."""
    assert (2, 0, 0, 0) == book.take(scope(MONDAY), *notes("a1 b1"), wish=Wish("mine"))
    assert (0, 0, 0, 1) == book.take(scope(TUESDAY), *notes("a1"), wish=Wish("mine", complete=False))
    assert (0, 0, 1, 1) == book.take(scope(WEDNESDAY), *notes("a1"), wish=Wish("mine"))


def test_scopes_within_one_archive(book: Book) -> None:
    """Each part of an archive is complete or not for itself, also when its items come in two runs."""
    first: list[Found] = [
        scope(MONDAY, "a"),
        *notes("a1 b1"),
        scope(MONDAY, "b", complete=False),
        *notes("c1 d1"),
        scope(MONDAY, "a"),
        *notes("e1"),
    ]
    assert (5, 0, 0, 0) == book.take(*first)
    second: list[Found] = [
        scope(TUESDAY, "a"),
        *notes("a1"),
        scope(TUESDAY, "b", complete=False),
        *notes("c1"),
        scope(TUESDAY, "a"),
        *notes("e1"),
    ]
    assert (0, 0, 1, 3) == book.take(*second)
    assert {"a": "1", "c": "1", "d": "1", "e": "1"} == book.living()


def test_a_crash_in_the_middle(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk gives up between two pages, the first stays, nothing is deleted, and the next run completes it."""
    monkeypatch.setattr("locker.importer.PAGE", 2)
    book.take(scope(MONDAY), *notes("z1"))
    submit, pages = book.logbook.submit, iter([True, False])

    def failing(*arguments: object) -> object:
        if not next(pages):
            raise StorageError("the disk is full")
        return submit(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(book.logbook, "submit", failing)
    with pytest.raises(StorageError):
        book.take(scope(TUESDAY), *notes("a1 b1 c1 d1"))
    assert {"a": "1", "b": "1", "z": "1"} == book.living()
    monkeypatch.setattr(book.logbook, "submit", submit)
    assert (2, 0, 1, 2) == book.take(scope(TUESDAY), *notes("a1 b1 c1 d1"))


def test_progress_is_told_page_by_page(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever watches hears of every page once it is durable."""
    monkeypatch.setattr("locker.importer.PAGE", 2)
    told = []
    with Archive(book.path) as archive:
        run = Import(book.logbook, Notes(*notes("a1 b1 c1")), "me", "notes")
        run.run(archive, lambda report: told.append((report.items, book.logbook.count("me", "notes"))))
    assert [(2, 2), (3, 3)] == list(dict.fromkeys(told))


def test_types_of_items(book: Book) -> None:
    """A record's type is the item's and the connector's name, unless the item names both; anything else is a problem."""
    report = book.report(Item("document", "1", {}), Item("link/other", "1", {}), Item("Not a type", "1", {}))
    assert 1 == report.unreadable
    assert ["document/notes", "link/other"] == [record.type for record in book.logbook.records("me", "notes")]


def test_bodies_lie_in_the_log_as_the_source_gave_them(book: Book) -> None:
    """Big integers, unicode and order of lists are kept; keys are sorted."""
    body = parse('{"z": 123456789012345678901234567890, "a": ["ü", 1.5, null, true]}')
    book.take(Item("document", "1", body))
    assert '{"a":["ü",1.5,null,true],"z":123456789012345678901234567890}' == book.logbook.records("me", "notes")[0].text


SAME_PAGES = {"instapaper", "pinboard", "pocket", "raindrop", "readlater"}
"""These read thousands of bookmarks from the same pages as ``bookmarks`` does; once is enough."""


def archives() -> list[Path]:
    """Every folder of recordings, and every zip in them."""
    return [*sorted(path for path in DATA.iterdir() if path.is_dir()), *sorted(DATA.rglob("*.zip"))] if DATA.is_dir() else []


def take_all(locker: Locker) -> dict[str, Report]:
    """Import everything with every connector that reads files, each pair as a source of its own; those that refuse an archive are left out."""
    reports = {}
    for name, connector in locker.connectors.items():
        if isinstance(connector, Archived):
            for number, path in enumerate(archives()):
                if name in SAME_PAGES and path.name == "bookmarks-netscape":
                    continue
                with suppress(Fatal):  # it says clearly that this is none of its archives
                    reports[f"{name}.{number}"] = locker.import_archive(f"{name}.{number}", path)
    return reports


@needs_shared
@pytest.mark.shared
def test_shared_archives_through_a_locker(tmp_path: Path) -> None:
    """Whatever a connector is given, problems are told and not raised; everything becomes queryable; the second time appends nothing."""
    with Locker(tmp_path) as locker:
        reports = take_all(locker)
        assert sum(report.added for report in reports.values()) > 5_000
        for report in reports.values():
            assert all(problem.file and problem.reason for problem in report.problems)
        locker.catch_up()
        position = locker.logbook.position
        again = take_all(locker)
        assert {} == {name: report for name, report in again.items() if report.added + report.edited + report.deleted}
        locker.catch_up()
        locker.composer.recompose("contact")
        assert position == locker.logbook.position
        for type in locker.collections:
            composed = len(locker.logbook.heads("me", type, limit=1_000_000))
            assert composed == locker.reader.search(Search(type, "me", limit=1, count=True)).total


def test_a_folder_without_anything_to_read(tmp_path: Path) -> None:
    """Somebody who named the wrong connector hears of it, instead of being told that nothing was new."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with Locker(tmp_path / "data") as locker:
        report = locker.import_archive("vcard", tmp_path / "photos")
    assert (0, 1) == (report.items, report.unreadable)
    assert "vcard" in report.problems[0].reason
