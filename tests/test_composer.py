"""Composing by example: ids and their anchors, what apps change, better maps, and what a broken map does not stop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from locker.collection import Collection
from locker.component import Change
from locker.composer import Composer
from locker.connector import Body, Connector
from locker.draft import Draft
from locker.error import Conflict, Invalid, NotFound
from locker.follower import Lease
from locker.log import Logbook
from locker.patch import merge_patch
from locker.record import Record
from tests.composing import COLLECTIONS, SCHEMAS, Said, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    store = Store(tmp_path)
    yield store
    store.logbook.close()


def said(text: str) -> list[Said]:
    """``"a1:xy b1:-"``: thing 1 of source a has the addresses x and y, thing 1 of source b is gone."""
    return [Said(word[0], word[1], None if word[3:] == "-" else {"emails": list(word[3:])}) for word in text.split()]


def shown(store: Store) -> dict[str, str]:
    """The living objects: id -> their things."""
    return {
        f"contact:{n}": " ".join(sorted("".join(thing) for thing in store.things("me", made["via"])))
        for n, made in store.living("me").items()
    }


def last(store: Store, n: int) -> Record:
    """The newest record of an object."""
    return [record for record in store.records("me") if record.key == str(n)][-1]


HISTORIES: dict[str, list[tuple[str, dict[str, str]]]] = {
    "two that share an address are one, under the lower id": [
        ("a1:x b1:y", {"contact:1": "a1", "contact:2": "b1"}),
        ("b1:xy", {"contact:1": "a1 b1"}),
    ],
    "when the tie goes, old ids return": [
        ("a1:x b1:y c1:xy", {"contact:1": "a1 b1 c1"}),
        ("c1:z", {"contact:1": "a1", "contact:2": "b1", "contact:5": "c1"}),
        ("c1:y", {"contact:1": "a1", "contact:2": "b1 c1"}),
    ],
    "an id goes to the next in order when its anchor is deleted": [
        ("c1:xw", {"contact:1": "c1"}),
        ("b1:x a1:xw", {"contact:1": "a1 b1 c1"}),
        ("c1:-", {"contact:1": "a1 b1"}),
        ("b1:y", {"contact:1": "a1", "contact:5": "b1"}),
    ],
    "an id waits where its last member went": [
        ("a1:x", {"contact:1": "a1"}),
        ("a1:-", {}),
        ("b1:x", {"contact:3": "b1"}),
        ("a1:x", {"contact:1": "a1 b1"}),
    ],
    "three at once": [
        ("a1:x b1:y c1:z", {"contact:1": "a1", "contact:2": "b1", "contact:3": "c1"}),
        ("b1:yz", {"contact:1": "a1", "contact:2": "b1 c1"}),
        ("a1:xy", {"contact:1": "a1 b1 c1"}),
        ("b1:q", {"contact:1": "a1", "contact:2": "b1", "contact:3": "c1"}),
    ],
    "without an address everybody stays alone": [("a1: b1:", {"contact:1": "a1", "contact:2": "b1"})],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_ids(store: Store, name: str) -> None:
    """Which ids stand for which things, step by step."""
    for words, standing in HISTORIES[name]:
        for each in said(words):
            store.play([each], owner="me")
        assert standing == shown(store)


def test_merged_ids_name_their_survivor(store: Store) -> None:
    """A merged object is deleted with a note; when its survivor merges too, the note says the new one."""
    store.play(said("a1:x b1:y c1:z"), owner="me")
    store.play(said("c1:yz"), owner="me")
    assert {"merged_into": "contact:2"} == last(store, 3).note
    store.play(said("b1:xyz"), owner="me")
    assert [{"merged_into": "contact:1"}] * 2 == [last(store, n).note for n in (2, 3)]
    store.play(said("a1:-"), owner="me")
    assert {"contact:1": "b1 c1"} == shown(store)


def test_the_time_of_an_object_is_its_first_records(tmp_path: Path) -> None:
    """However many versions come in one batch; where a schema names a field for the time, that one is used instead."""
    clock = iter(datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(minutes=n) for n in range(100))
    times = []
    for batch in (1, 1000):
        with Logbook(tmp_path / f"{batch}.sqlite", clock=lambda clock=clock: next(clock)) as logbook:  # type: ignore[misc]
            composer = Composer(logbook, {}, COLLECTIONS, SCHEMAS, batch=batch)
            for n in range(3):
                logbook.append("me", "a", [Draft.of("contact/a", "1", {"name": str(n)})])
            composer.catch_up()
            first = logbook.records("me", "a")[0].timestamp
            times.append(first == logbook.records("me", "contact")[-1].body["time"])
    assert [True, True] == times


def test_an_app_object_is_written_once(tmp_path: Path) -> None:
    """Adding one appends one record, though the clock goes on meanwhile."""
    clock = iter(datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(seconds=n) for n in range(100))
    with Logbook(tmp_path / "log.sqlite", clock=lambda: next(clock)) as logbook:
        id, position = Composer(logbook, {}, COLLECTIONS, SCHEMAS).add("me", "contact", {"name": "Ann"}, "7")
        (record,) = logbook.records("me", "contact")
        assert (id, position, "7", record.timestamp) == (record.id, record.position, record.by, record.body["time"])


def test_an_edit_outlives_sync_merge_and_split(store: Store) -> None:
    """A patch stays with its object's id, laid over whatever is composed."""
    store.play(said("a1:x b1:y"), owner="me")
    store.composer.edit("me", "contact", "contact:2", {"bio": "mine", "emails": None}, "7")
    assert ({"bio": "mine"}, '{"bio":"mine","emails":null}', "7") == (last(store, 2).body["body"], last(store, 2).patch, last(store, 2).by)
    store.play(said("b1:yz"), owner="me")
    assert {"bio": "mine"} == last(store, 2).body["body"]
    store.play(said("a1:xy"), owner="me")
    assert {"bio": "mine"} == last(store, 1).body["body"]
    store.play(said("a1:x"), owner="me")
    assert [{"emails": ["x"]}, {"bio": "mine"}] == [last(store, n).body["body"] for n in (1, 2)]


def test_a_deleted_object_stays_hidden_until_an_app_edits_it(store: Store) -> None:
    """The source may say what it likes; deleting it twice is NotFound."""
    store.play(said("a1:x"), owner="me")
    store.composer.edit("me", "contact", "contact:1", None, "7")
    store.play(said("a1:xy b1:y"), owner="me")
    assert {} == shown(store)
    with pytest.raises(NotFound, match="deleted already"):
        store.composer.edit("me", "contact", "contact:1", None, "7")
    assert ("contact:1", store.logbook.position + 1) == store.composer.edit("me", "contact", "contact:1", {}, "7")
    assert {"contact:1": "a1 b1"} == shown(store)


@pytest.mark.parametrize(("id", "error"), [("contact:9", NotFound), ("link:1", Invalid), ("contact", Invalid), ("a:1", Invalid)])
def test_editing_what_is_no_object(store: Store, id: str, error: type[Exception]) -> None:
    """Nothing is appended."""
    store.play(said("a1:x"), owner="me")
    position = store.logbook.position
    with pytest.raises(error):
        store.composer.edit("me", "contact", id, {}, "7")
    with pytest.raises(NotFound):
        store.composer.edit("somebody", "contact", "contact:1", {}, "7")
    assert position == store.logbook.position


def test_an_edit_that_breaks_the_schema_is_refused(store: Store) -> None:
    """It says where, and leaves nothing behind: the next edit is as if it had never been."""
    store.play(said("a1:x"), owner="me")
    with pytest.raises(Invalid, match="emails"):
        store.composer.edit("me", "contact", "contact:1", {"emails": 5}, "7")
    with pytest.raises(Invalid, match="emails"):
        store.composer.add("me", "contact", {"emails": 5}, "7")
    store.composer.edit("me", "contact", "contact:1", {"bio": "b"}, "7")
    assert {"emails": ["x"], "bio": "b"} == last(store, 1).body["body"]
    assert 2 == store.logbook.count("me", "contact")


def test_an_erased_object_of_an_app_stops_nobody(store: Store) -> None:
    """Its member stays, empty, and what is tied to it is composed without it."""
    store.composer.add("me", "contact", {"name": "Ann", "emails": ["x"]}, "7")
    store.logbook.transact(lambda connection: connection.execute("UPDATE stored_events SET body = NULL, salt = NULL"))
    store.play(said("a1:x"), owner="me")
    assert {"emails": ["x"]} == last(store, 1).body["body"]


def test_identities_may_hold_anything(store: Store) -> None:
    """NUL, quotes and letters of any script tie records together like others do."""
    for email in ("a\0b@x.org", "'; drop table members; --", "ü🎈@x.org"):
        owner = store.play([Said(source, "1", {"emails": [email]}) for source in "ab"], batch=1)
        assert 1 == len(store.living(owner))
    owner = store.play([Said("a", "1", {"emails": ["a\0b"]}), Said("b", "1", {"emails": ["a"]})], batch=1)
    assert 2 == len(store.living(owner))


class Mapped(Connector):
    """A connector whose map can be exchanged."""

    name = "a"
    types: ClassVar[tuple[str, ...]] = ("contact",)
    title = "A"
    version = 1

    def map(self, type: str, body: Body) -> Body | None:
        match body.get("do"):
            case "raise":
                raise KeyError("no such field")
            case "nothing":
                return None
            case "surrogate":
                return {"name": "\ud800"}
            case "wrong":
                return {"name": "Ann", "emails": 7}
        return {"name": f"{body.get('n')} v{self.version}" if body.get("better") else str(body.get("n"))}


def test_a_broken_map_stops_nobody(store: Store) -> None:
    """A map that raises, or answers no object or no JSON, costs its own record only, and the problem can be seen; wrong fields are left out."""
    composer = Composer(store.logbook, {"a": Mapped()}, COLLECTIONS, SCHEMAS)
    drafts = [Draft.of("contact/a", do, {"do": do}) for do in ("raise", "nothing", "surrogate", "wrong")]
    store.logbook.append("me", "a", [*drafts, Draft.of("contact/a", "good", {"n": 1})])
    composer.catch_up()
    assert [{"name": "Ann"}, {"name": "1"}] == [made["body"] for made in store.living("me").values()]
    assert {"contact": 3} == composer.problems("me")
    store.logbook.append("me", "a", [Draft.of("contact/a", "raise", {"n": 2})])
    composer.catch_up()
    assert {"contact": 2} == composer.problems("me")


def test_recomposing_with_a_better_map(store: Store) -> None:
    """It appends an edit of each object that differs, and nothing else; a second time nothing."""
    connector = Mapped()
    composer = Composer(store.logbook, {"a": connector}, COLLECTIONS, SCHEMAS, batch=2)
    store.logbook.append("me", "a", [Draft.of("contact/a", str(n), {"n": n, "better": n % 2 == 0}) for n in range(6)])
    store.logbook.append("me", "a", [Draft.of("contact/a", "4", None)])
    composer.catch_up()
    connector.version = 2
    before = store.logbook.count("me", "contact")
    composer.recompose("contact")
    assert ["0 v2", "2 v2"] == [record.body["body"]["name"] for record in store.logbook.records("me", "contact", gt=before)]
    composer.recompose("contact")
    assert before + 2 == store.logbook.count("me", "contact")
    with pytest.raises(NotFound, match="contact"):
        composer.recompose("nothing")


def test_a_collection_that_comes_later(store: Store) -> None:
    """Records that were passed by before their collection was there are composed by a recompose, with the time of their first version."""
    without: dict[str, Collection] = {}
    Composer(store.logbook, {}, without, SCHEMAS).catch_up()
    store.logbook.append("me", "a", [Draft.of("contact/a", "1", {"name": "Ann"})])
    store.logbook.append("me", "a", [Draft.of("contact/a", "1", {"name": "Bob"})])
    Composer(store.logbook, {}, without, SCHEMAS).catch_up()
    composer = store.composing(10)
    assert 0 == composer.catch_up()
    assert 1 == composer.recompose("contact")
    assert [{"name": "Bob"}] == [made["body"] for made in store.living("me").values()]


def test_two_composers_never_compose_twice(store: Store) -> None:
    """Whoever lost the lease or came late gets a Conflict, and nothing is written."""
    leases = [Lease(store.logbook, "composer") for _ in range(2)]
    first, second = (Composer(store.logbook, {}, COLLECTIONS, SCHEMAS, lease=lease) for lease in leases)
    assert leases[0].take()
    store.logbook.append("me", "a", [Draft.of("contact/a", "1", {"name": "Ann"})])
    with pytest.raises(Conflict):
        second.step()
    first.catch_up()
    assert 1 == store.logbook.count("me", "contact")


def test_touching_one_object_does_not_walk_the_collection(store: Store) -> None:
    """The work of an edit does not grow with the number of objects: SQLite's own count of steps tells."""

    def steps_of_an_edit(owner: str) -> int:
        counted = [0]

        def count() -> int:
            counted[0] += 1
            return 0

        store.logbook.transact(lambda connection: connection.set_progress_handler(count, 100))
        store.play([Said("a", "1", {"emails": ["1", "more"]})], owner=owner)
        store.logbook.transact(lambda connection: connection.set_progress_handler(None, 0))
        return counted[0]

    few = store.play(Said("a", str(n), {"emails": [str(n)]}) for n in range(10))
    many = store.play(Said("a", str(n), {"emails": [str(n)]}) for n in range(3000))
    assert steps_of_an_edit(many) < 2 * steps_of_an_edit(few)


def test_thousands_who_share_an_address_are_not_mapped_with_each_batch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """While batches follow each other a record is mapped once; after that nothing is kept, for bodies may be erased."""
    mapped: list[str] = []
    change = Composer.change

    def counted(composer: Composer, record: Record) -> Change:
        mapped.append(record.id)
        return change(composer, record)

    monkeypatch.setattr(Composer, "change", counted)
    owner = store.play((Said("a", str(n), {"emails": ["all@x.org"], "name": str(n)}) for n in range(200)), batch=70)
    assert (200, 1) == (len(mapped), len(store.living(owner)))
    composer = store.composing(70)
    for n in (200, 201):
        store.logbook.append(owner, "a", [Draft.of("contact/a", str(n), {"emails": ["all@x.org"]})])
        composer.catch_up()
    assert 200 + 201 + 202 == len(mapped)
    mapped.clear()
    composer.recompose("contact")
    assert len(mapped) <= 2 * 202


@pytest.mark.parametrize(
    ("target", "patch", "wanted"),
    [
        # The examples of RFC 7396, appendix A, that are about objects.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches(target: object, patch: object, wanted: object) -> None:
    """Objects are merged, null removes, anything else replaces."""
    assert wanted == merge_patch(target, patch)
