"""A locker, open: archives and pushed items in, objects out, whoever does the work between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from locker.error import Fatal, Invalid, NotFound, StorageError, Unavailable
from locker.follower import Lease
from locker.locker import Locker
from locker.record import loads
from locker.search import Search
from tests import crashing

CARDS = "".join(f"BEGIN:VCARD\nVERSION:3.0\nUID:{n}\nFN:{name}\nEMAIL:{name}@x.org\nEND:VCARD\n" for n, name in enumerate(("Ann", "Bob")))


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """A file with two cards."""
    path = tmp_path / "cards.vcf"
    path.write_text(CARDS)
    return path


@pytest.fixture
def locker(tmp_path: Path) -> Iterator[Locker]:
    """An empty one."""
    with Locker(tmp_path / "data") as locker:
        yield locker


def names(locker: Locker, owner: str = "me") -> list[str]:
    """The names of all contacts."""
    objects = locker.reader.search(Search("contact", owner)).objects
    return sorted(str(loads(made)["body"].get("name")) for made in objects)


def person(key: str, **body: Any) -> dict[str, Any]:
    """A contact to push."""
    return {"type": "contact", "key": key, "body": {"name": key, **body}}


def test_from_an_archive_to_an_answer(locker: Locker, cards: Path) -> None:
    """What was imported is composed and can be queried; again, nothing is new."""
    assert 2 == locker.import_archive("vcard", cards).added
    locker.catch_up()
    assert ["Ann", "Bob"] == names(locker)
    position = locker.logbook.position
    assert 2 == locker.import_archive("vcard", cards).unchanged
    locker.catch_up()
    assert position == locker.logbook.position


def test_accounts_are_sources_of_their_own(locker: Locker, cards: Path) -> None:
    """``vcard.work`` is read by the same connector into another log; what both say of one person is one object."""
    for source in ("vcard", "vcard.work"):
        assert 2 == locker.import_archive(source, cards).added
    locker.catch_up()
    assert (["vcard", "vcard.work"], ["Ann", "Bob"]) == (locker.sources("me"), names(locker))
    assert ["contact/vcard"] == locker.types("me", "vcard.work")


def test_owners_never_meet(locker: Locker, cards: Path) -> None:
    """The same card of two owners is two objects, and each sees only one's own."""
    for owner in ("me", "u1"):
        locker.import_archive("vcard", cards, owner=owner)
    locker.push("u2", "mine", [person("Cleo", emails=["Ann@x.org"])])
    locker.catch_up()
    assert (["Ann", "Bob"], ["Ann", "Bob"], ["Cleo"]) == (names(locker), names(locker, "u1"), names(locker, "u2"))


@pytest.mark.parametrize(
    ("source", "path", "error"),
    [
        ("nothing", "cards.vcf", NotFound),
        ("vcard", "none.vcf", NotFound),
        ("Vcard", "cards.vcf", Invalid),
        ("twitter-archive", "cards.vcf", Fatal),
    ],
)
def test_imports_that_cannot_be(locker: Locker, cards: Path, source: str, path: str, error: type[Exception]) -> None:
    """An unknown connector or path, a wrong name or another kind of archive are refused, and nothing is appended."""
    with pytest.raises(error):
        locker.import_archive(source, cards.with_name(path))
    assert 0 == locker.logbook.position


def test_pushing(locker: Locker) -> None:
    """Items of a source that no connector has: each is added, edited, deleted, unchanged or rejected with a reason."""
    first = locker.push("me", "mine", [person("Ann"), person("Bob"), {"type": "contact/other", "key": "x", "body": {}}], by="7")
    assert (3, 0, 3) == (first.added, first.rejected, first.position)
    wrong: list[object] = [
        5,
        {"type": "contact", "key": "a"},
        {"type": "contact", "body": {}},
        {"type": "Contact", "key": "a", "body": {}},
        {"type": "contact", "key": "a", "body": [1]},
        {"type": "contact", "key": "a", "body": {"emails": 5}},
        {"type": "contact", "key": "", "body": {}},
        {"type": "contact", "key": "a", "body": {"name": "\ud800"}},
    ]
    items = [person("Ann"), person("Bob", bio="new"), {"type": "contact/other", "key": "x", "body": None}, *wrong]
    pushed = locker.push("me", "mine", items)
    assert (0, 1, 1, 1, 8) == (pushed.added, pushed.edited, pushed.deleted, pushed.unchanged, pushed.rejected)
    assert list(range(3, 11)) == [error["index"] for error in pushed.errors]
    assert all(error["error"] for error in pushed.errors)
    locker.catch_up()
    assert ["Ann", "Bob"] == names(locker)
    assert "7" == locker.record("me", "mine:1").by


@pytest.mark.parametrize("source", ["contact", "vcard", "vcard.work", "contact.x", "Mine", ""])
def test_pushing_to_a_source_that_is_taken(locker: Locker, source: str) -> None:
    """Connectors' and collections' names are theirs."""
    with pytest.raises(Invalid):
        locker.push("me", source, [person("Ann")])


def test_working_in_the_background(locker: Locker, cards: Path) -> None:
    """Once started, it composes and projects by itself; stopping and starting again goes on."""
    locker.start()
    locker.import_archive("vcard", cards)
    locker.catch_up()
    assert ["Ann", "Bob"] == names(locker)
    locker.stop()
    locker.push("me", "mine", [person("Cleo")])
    locker.start()
    locker.start()
    locker.catch_up()
    assert ["Ann", "Bob", "Cleo"] == names(locker)


def test_two_lockers_over_one_folder(locker: Locker, cards: Path) -> None:
    """What one appends, the other composes; whoever waits, waits for whoever works."""
    with Locker(locker.data) as other:
        other.start()
        locker.import_archive("vcard", cards)
        locker.catch_up()
        assert ["Ann", "Bob"] == names(locker) == names(other)
        other.stop()
        other.push("me", "mine", [person("Cleo")])
        locker.catch_up()
        assert ["Ann", "Bob", "Cleo"] == names(other)
    assert 3 == locker.logbook.count("me", "contact")


class Forgetful(Lease):
    """A lease whose holder always slept too long to be sure of it."""

    def take(self) -> bool:
        self._fresh_until = 0.0
        return super().take()


def test_a_rebuild_that_was_overtaken_gives_way(locker: Locker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever slept so long that another process rebuilds leaves the generation that answers, and no file."""
    locker.push("me", "mine", [person("Ann")])
    locker.catch_up()
    monkeypatch.setattr("locker.keeper.Lease", Forgetful)
    other = Lease(locker.logbook, "rebuild")

    def told(position: int, of: int) -> None:
        locker.logbook.transact(lambda connection: connection.execute("DELETE FROM leases WHERE name = 'rebuild'"))
        assert other.take()

    with pytest.raises(Unavailable, match="another process"):
        locker.rebuild(told)
    assert (1, ["views-1.sqlite"], ["Ann"]) == (
        locker.views.generation,
        [path.name for path in locker.data.glob("views-*.sqlite")],
        names(locker),
    )


def test_threads_that_catch_up_at_once(locker: Locker) -> None:
    """Nothing is composed twice, nobody fails, and all see everything."""
    locker.push("me", "mine", [person(str(n)) for n in range(3000)])
    failures = list[BaseException]()

    def work() -> None:
        try:
            locker.catch_up()
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [] == failures
    assert 3000 == locker.reader.search(Search("contact", "me", limit=1, count=True)).total
    assert 3000 == locker.logbook.count("me", "contact")


def test_taking_over_from_a_dead_process(tmp_path: Path, cards: Path) -> None:
    """A process that composed in the background is killed: the next one does not wait for its lease, and completes the work."""
    process, told = crashing.started(crashing.import_cards, tmp_path / "data", cards)
    assert 0 == told.recv()
    process.kill()
    process.join()
    with Locker(tmp_path / "data") as locker:
        locker.import_archive("vcard", cards)
        locker.catch_up()
        assert ["Ann", "Bob"] == names(locker)
        assert 2 == locker.logbook.count("me", "contact")


def test_via_works_both_ways(locker: Locker, cards: Path) -> None:
    """An object names its records, and a record finds its object."""
    locker.import_archive("vcard", cards)
    locker.push("me", "mine", [person("Ann", emails=["ANN@x.org"])])
    locker.catch_up()
    made = loads(locker.reader.get("me", "vcard:1"))
    assert (["mine:1", "vcard:1"], ["mine", "vcard"]) == (made["via"], made["subtypes"])
    assert made == loads(locker.reader.get("me", "mine:1")) == loads(locker.reader.get("me", made["id"]))
    assert {"vcard", "mine"} == {locker.record("me", id).source for id in made["via"]}


def test_sources_that_are_none(locker: Locker) -> None:
    """The error names the known ones; collections are no sources."""
    locker.push("me", "mine", [person("Ann")])
    assert ("mine", "vcard") == (locker.check_source("me", "mine"), locker.check_source("me", "vcard"))
    for source in ("contact", "yours"):
        with pytest.raises(NotFound, match="mine"):
            locker.check_source("me", source)


@pytest.mark.parametrize("id", ["mine:2", "yours:1", "mine:0"])
def test_records_that_are_none(locker: Locker, id: str) -> None:
    """Another owner's record is none either."""
    locker.push("me", "mine", [person("Ann")])
    locker.push("u1", "yours", [person("Ann")])
    with pytest.raises(NotFound):
        locker.record("me", id)


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """The error names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        Locker(tmp_path / "file" / "data")


def test_plugins_are_run_only_on_request(tmp_path: Path) -> None:
    """Files dropped into the folder are connectors if the setting says so."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    code = "from locker.connector import Archived\n\nclass Mine(Archived):\n    name = 'mine'\n    types = ('link',)\n    title = 'Mine'\n"
    (folder / "mine.py").write_text(
        code + "    def read(self, archive):\n        yield from ()\n    def map(self, type, body):\n        return body\n"
    )
    for plugins in (False, True):
        with Locker(tmp_path, plugins=plugins) as locker:
            assert plugins == ("mine" in locker.connectors)
