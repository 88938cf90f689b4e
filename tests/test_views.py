"""Generations of the read model: made beside the one that answers, and thrown away without loss."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from locker.error import NotFound, StorageError
from locker.query import Reader
from locker.record import loads
from locker.views import Views
from tests.composing import SCHEMAS, Said, Store


class House:
    """A store of contacts, and the views of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, Store(folder)
        self.views = Views(self.store.logbook, folder, SCHEMAS, batch=2)

    def say(self, *names: str) -> None:
        """Each name is a contact of its own."""
        self.store.play([Said("a", name, {"name": name}) for name in names], owner="me")

    def names(self, reader: Reader | None = None) -> list[str]:
        """The names of all contacts, in the order of their ids."""
        reader = reader or self.views.reader()
        found = []
        for n in range(1, self.store.logbook.count("me", "contact") + 1):
            try:
                found.append(str(loads(reader.get("me", f"contact:{n}"))["body"]["name"]))
            except NotFound:
                break
        return found

    def files(self) -> list[str]:
        """The read models on the disk."""
        return sorted(path.name for path in self.folder.glob("views-*.sqlite"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One with two contacts."""
    house = House(tmp_path)
    house.say("Ann", "Bob")
    yield house
    house.views.close()
    house.store.logbook.close()


def test_before_the_first_generation(house: House) -> None:
    """There is nothing to read from, and the error says what to run."""
    assert (0, False) == (house.views.generation, house.views.is_current())
    with pytest.raises(StorageError, match="locker rebuild"):
        house.views.reader()


def test_a_rebuild_makes_a_generation(house: House) -> None:
    """It has everything, is the current one, tells how far it is, and leaves only its own file; nothing is appended."""
    position, told = house.store.logbook.position, list[tuple[int, int]]()
    assert position == house.views.rebuild(lambda done, of: told.append((done, of)))
    assert (1, True, ["Ann", "Bob"]) == (house.views.generation, house.views.is_current(), house.names())
    assert (position, position) == told[-1]
    assert sorted(told) == told
    house.views.rebuild()
    assert (2, ["views-2.sqlite"], ["Ann", "Bob"]) == (house.views.generation, house.files(), house.names())
    assert position == house.store.logbook.position


def test_following(house: House) -> None:
    """After a rebuild it goes on where that ended, batch by batch."""
    house.views.rebuild()
    house.say("Cleo", "Dora", "Eve")
    assert ["Ann", "Bob"] == house.names()
    assert house.store.logbook.position > house.views.position
    house.views.catch_up()
    assert house.store.logbook.position == house.views.position
    assert ["Ann", "Bob", "Cleo", "Dora", "Eve"] == house.names()


def test_a_step_takes_several_batches(house: House) -> None:
    """Four full batches of two share a transaction; the rest is the next step's, and a step without news writes nothing."""
    house.views.rebuild()
    house.say(*(f"P{n}" for n in range(9)))
    steps, file = list[int](), house.folder / "views-1.sqlite-wal"
    while step := house.views.step():
        steps.append(step)
    before = file.read_bytes()
    assert 0 == house.views.step()
    assert (2, before, 11) == (len(steps), file.read_bytes(), len(house.names()))


def test_closing_leaves_no_write_ahead_log(house: House) -> None:
    """The next start finds everything in its place, also if somebody was reading."""
    house.views.rebuild()
    house.say("Cleo")
    house.views.catch_up()
    assert ["Ann", "Bob", "Cleo"] == house.names()
    house.views.close()
    assert ["views-1.sqlite"] == sorted(path.name for path in house.folder.glob("views-*"))


def test_readers_of_a_generation_that_passed_read_on(house: House) -> None:
    """Who holds the old one is not disturbed; who asks anew gets the new one."""
    house.views.rebuild()
    old = house.views.reader()
    assert old is house.views.reader()
    house.say("Cleo")
    house.views.rebuild()
    assert ["Ann", "Bob"] == house.names(old)
    assert ["Ann", "Bob", "Cleo"] == house.names()


def test_readers_never_see_a_half(house: House) -> None:
    """While a generation is made, the old one answers, whole."""
    house.views.rebuild()
    seen = []
    house.views.rebuild(lambda _, __: seen.append(house.names()))
    assert len(seen) > 1
    assert [["Ann", "Bob"]] * len(seen) == seen


def test_a_rebuild_that_fails_leaves_everything(house: House) -> None:
    """The old generation stays the current one, and the half file is gone."""
    house.views.rebuild()

    def failing(done: int, _: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        house.views.rebuild(failing)
    assert (1, ["views-1.sqlite"], ["Ann", "Bob"]) == (house.views.generation, house.files(), house.names())


def test_a_rebuild_that_was_killed_leaves_no_trap(house: House) -> None:
    """A half file of an earlier try is neither used nor in the way, and goes with the next rebuild."""
    house.views.rebuild()
    (house.folder / "views-2.sqlite").write_text("half a file")
    house.views.rebuild()
    assert (3, ["views-3.sqlite"], ["Ann", "Bob"]) == (house.views.generation, house.files(), house.names())


def test_another_process_sees_the_new_generation(house: House) -> None:
    """Which generation is current is a fact in the store, looked at by everybody."""
    house.views.rebuild()
    beside = Views(house.store.logbook, house.folder, SCHEMAS)
    assert ["Ann", "Bob"] == house.names(beside.reader())
    house.say("Cleo")
    house.views.rebuild()
    assert ["Ann", "Bob", "Cleo"] == house.names(beside.reader())
    house.say("Dora")
    beside.catch_up()
    assert ["Ann", "Bob", "Cleo", "Dora"] == house.names()
    beside.close()


def test_other_schemas_need_another_generation(house: House) -> None:
    """A file made for other schemas is not current for this program."""
    house.views.rebuild()
    none = Views(house.store.logbook, house.folder, {})
    assert (True, False) == (house.views.is_current(), none.is_current())
    none.close()


def test_losing_the_views_costs_nothing_else(house: House) -> None:
    """Without the file, the logs make it again."""
    house.views.rebuild()
    house.views.close()
    for path in house.folder.glob("views-*"):
        path.unlink()
    house.views = Views(house.store.logbook, house.folder, SCHEMAS)
    if not house.views.is_current():
        house.views.rebuild()
    house.views.catch_up()
    assert ["Ann", "Bob"] == house.names()


def test_a_follower_comes_to_what_a_rebuild_makes(tmp_path: Path) -> None:
    """Following from the start, in batches of two, and rebuilding at the end answer alike."""
    house = House(tmp_path)
    house.views.rebuild()
    house.say("Ann", "Bob", "Cleo")
    house.store.composer.edit("me", "contact", "contact:2", None, "7")
    house.store.composer.edit("me", "contact", "contact:1", {"name": "Anna"}, "7")
    house.views.catch_up()
    followed = house.names(), house.views.reader().listing("me")
    house.views.rebuild()
    assert followed == (house.names(), house.views.reader().listing("me"))
    house.views.close()
    house.store.logbook.close()
