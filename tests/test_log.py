"""The logbook by example: what becomes of drafts, what is refused, and the doors of the library that it stands on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from eventsourcing.persistence import IntegrityError, Tracking
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from locker.checker import check
from locker.draft import Draft, split_id
from locker.error import Conflict, Corrupt, Invalid, NotFound, StorageError
from locker.event import RecordAdded, RecordDeleted, RecordEdited, StoredRecord
from locker.locker import Locker
from locker.log import Logbook, Outcome
from locker.record import Blob, Body, plain_digest, salted_digest

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    """A clock that somebody sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """It is noon."""
    return Clock()


@pytest.fixture
def logbook(tmp_path: Path, clock: Clock) -> Iterator[Logbook]:
    """An empty one."""
    with Logbook(tmp_path / "log.sqlite", clock=clock) as logbook:
        yield logbook


def link(key: str, body: Body | None = None, **more: Any) -> Draft:
    """A draft of a link; its body says its key unless it is given."""
    return Draft.of("link/x", key, {"key": key} if body is None else body, **more)


def gone(key: str) -> Draft:
    """A draft that says that a link is gone."""
    return Draft.of("link/x", key, None)


def test_the_life_of_a_thing(logbook: Logbook) -> None:
    """It is added, edited, not changed, deleted, not deleted again, and returns: ids, references and bodies tell it all."""
    n = {"n": 2}
    life = [link("a"), link("a", n), link("a", n), gone("a"), gone("a"), link("a", n), gone("never heard of")]
    ops = [logbook.append("me", "mine", [draft])[0].op for draft in life]
    assert ["add", "edit", None, "delete", None, "edit", None] == ops
    shown = [(record.id, record.op, record.reference, record.body) for record in logbook.history("me", "mine:1")]
    assert [
        ("mine:1", "add", None, {"key": "a"}),
        ("mine:2", "edit", "mine:1", {"n": 2}),
        ("mine:3", "delete", "mine:1", {"n": 2}),
        ("mine:4", "edit", "mine:1", {"n": 2}),
    ] == shown


def test_one_page_may_speak_of_a_thing_often(logbook: Logbook) -> None:
    """Each draft of a page sees what the one before it did."""
    outcomes = logbook.append("me", "mine", [link("a"), link("a"), gone("a"), link("a", {"n": 1}), gone("a")])
    assert [
        Outcome("add", 1, 1, 1),
        Outcome(None, 1, 1, 0),
        Outcome("delete", 2, 1, 2),
        Outcome("edit", 3, 1, 3),
        Outcome("delete", 4, 1, 4),
    ] == outcomes
    assert [{"key": "a"}, {"key": "a"}, {"n": 1}, {"n": 1}] == [record.body for record in logbook.records("me", "mine")]


def revised(number: int, body: Body | None = None) -> Draft:
    """A draft of the link *a* in a revision; its body says which."""
    return link("a", {"n": number} if body is None else body, revision=number, note={"by the way": 1})


@pytest.mark.parametrize("together", [True, False])
def test_revisions(logbook: Logbook, together: bool) -> None:
    """A higher number is an edit, a known one is nothing new, whatever its body; a lower one is late: logged once, and the newest stays."""
    numbers = [5, 5, 7, 5, 6, 6, 7, 2**70, 8]
    drafts = [revised(number) for number in numbers] + [revised(7, {"other": "body"})]
    pages = [drafts] if together else [[draft] for draft in drafts]
    outcomes = [outcome for page in pages for outcome in logbook.append("me", "mine", page)]

    assert ["add", None, "edit", None, "edit", None, None, "edit", "edit", None] == [outcome.op for outcome in outcomes]
    records = logbook.records("me", "mine")
    assert [("5", False), ("7", False), ("6", True), (str(2**70), False), ("8", True)] == [
        ((record.note or {})["revision"], record.is_late) for record in records
    ]
    assert {"revision": "6", "by the way": 1, "late": True} == records[2].note
    head = logbook.head("me", "mine", "link/x", "a")
    assert head is not None
    assert (1, 4, 0) == (head.first, head.newest, head.deleted)


def test_revisions_begin_anew(logbook: Logbook) -> None:
    """After a delete, and after a body without a number, any number is the newest."""
    drafts = [revised(5), gone("a"), revised(5), gone("a"), revised(3), link("a", {"plain": 1}), revised(1)]
    outcomes = logbook.append("me", "mine", drafts)
    assert ["add", "delete", "edit", "delete", "edit", "edit", "edit"] == [outcome.op for outcome in outcomes]
    assert not any(record.is_late for record in logbook.records("me", "mine"))
    assert [None] == [outcome.op for outcome in logbook.append("me", "mine", [revised(1)])]
    assert ["edit"] == [outcome.op for outcome in logbook.append("me", "mine", [revised(0)])]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=10)
def test_revisions_in_any_order(tmp_path_factory: pytest.TempPathFactory, numbers: list[int]) -> None:
    """In whatever order they come: the highest stands, each is in the log once, and a replay agrees."""
    folder = tmp_path_factory.mktemp("revisions")
    with Locker(folder) as locker:
        logbook = locker.logbook
        for number in numbers:
            logbook.append("me", "mine", [revised(number)])
        assert sorted(set(numbers)) == sorted(record.body["n"] for record in logbook.records("me", "mine"))
        head = logbook.head("me", "mine", "link/x", "a")
        assert head is not None
        assert max(numbers) == logbook.records("me", "mine", gt=head.newest - 1, limit=1)[0].body["n"]
        locker.catch_up()
        assert [] == list(check(locker))
        (found,) = locker.logbook.records("me", "link")[-1:]
        assert max(numbers) == found.body["body"]["n"]


def test_a_page_is_appended_whole_or_not_at_all(logbook: Logbook) -> None:
    """One conflict takes back the page."""
    with pytest.raises(Conflict, match="link/x b has changed"):
        logbook.append("me", "mine", [link("a"), link("b", expect=1)])
    assert (0, []) == (logbook.position, logbook.heads("me", "mine"))


@pytest.mark.parametrize(("expect", "fits"), [(0, False), (1, False), (2, True), (3, False)])
def test_expecting_a_version(logbook: Logbook, expect: int, fits: bool) -> None:
    """Only who saw the newest version of a thing may change it; 0 stands for a thing that nobody heard of."""
    logbook.append("me", "mine", [link("new", expect=0), link("new", {"n": 2})])
    if fits:
        assert "edit" == logbook.append("me", "mine", [link("new", {"n": 3}, expect=expect)])[0].op
    else:
        with pytest.raises(Conflict, match="read it again"):
            logbook.append("me", "mine", [link("new", {"n": 3}, expect=expect)])


def test_neighbours_stand_when_one_fails(logbook: Logbook) -> None:
    """Appends that wait together share a transaction; each stands or falls for itself, and gapless versions follow."""
    release = Event()
    blocker = logbook.queue(lambda _: release.wait(60))
    waiting = [logbook.submit("me", "mine", [link(str(n), expect=n % 3)]) for n in range(9)]
    release.set()
    blocker.result()
    outcomes = [future.exception() for future in waiting]
    assert [n % 3 != 0 for n in range(9)] == [isinstance(outcome, Conflict) for outcome in outcomes]
    assert ["0", "3", "6"] == [record.key for record in logbook.records("me", "mine")]
    assert [1, 2, 3] == [record.version for record in logbook.records("me", "mine")]


def test_a_cancelled_append_never_happens(logbook: Logbook) -> None:
    """Who gives up before the turn comes leaves no trace; who waits behind is served."""
    release = Event()
    blocker = logbook.queue(lambda _: release.wait(60))
    first, second = (logbook.submit("me", "mine", [link(key)]) for key in "ab")
    assert first.cancel()
    release.set()
    blocker.result()
    second.result()
    assert ["b"] == [record.key for record in logbook.records("me", "mine")]


def test_logs_are_apart_and_in_one_order(logbook: Logbook) -> None:
    """Every owner's log of every source counts for itself; positions are shared."""
    for owner, source, key in (("me", "a", "1"), ("u1", "a", "1"), ("me", "b", "1"), ("me", "a", "2")):
        logbook.append(owner, source, [link(key)])
    assert [("me", "a:1", 1), ("u1", "a:1", 2), ("me", "b:1", 3), ("me", "a:2", 4)] == [
        (r.owner, r.id, r.position) for r in logbook.since()
    ]
    assert (["a", "b"], ["a"], ["me", "u1"]) == (logbook.sources("me"), logbook.sources("u1"), logbook.owners())
    assert (2, 1, 0) == (logbook.count("me", "a"), logbook.count("me", "b"), logbook.count("me", "c"))


def test_owners_with_common_beginnings(logbook: Logbook) -> None:
    """``me`` does not see ``me-too`` or ``me.x`` or ``me~y``."""
    for owner in ("me-too", "me.x", "me", "me~y", "me0"):
        logbook.append(owner, f"of-{owner}".replace("~", "."), [link("1")])
    assert ["of-me"] == logbook.sources("me")
    assert ["me", "me-too", "me.x", "me0", "me~y"] == sorted(logbook.owners())


@pytest.mark.parametrize(("owner", "source"), [("Me", "a"), ("me/x", "a"), ("me", ""), ("me", "a/b"), ("", "a")])
def test_names_that_are_none(logbook: Logbook, owner: str, source: str) -> None:
    """They are refused before anything is queued."""
    with pytest.raises(Invalid):
        logbook.append(owner, source, [link("1")])


def test_times_never_fall(logbook: Logbook, clock: Clock, tmp_path: Path) -> None:
    """A clock that is set back stamps records with the newest time there is, in other handles too."""
    logbook.append("me", "mine", [link("a")])
    clock.now = NOON - timedelta(days=365)
    logbook.append("me", "other", [link("b")])
    with Logbook(tmp_path / "log.sqlite", clock=clock) as beside:
        beside.append("u1", "mine", [link("c")])
    clock.now = NOON + timedelta(seconds=1)
    logbook.append("me", "mine", [link("d")])
    assert ["12:00:00", "12:00:00", "12:00:00", "12:00:01"] == [record.timestamp[11:19] for record in logbook.since()]


def test_finding_a_time(logbook: Logbook, clock: Clock) -> None:
    """How many records are older than a moment."""
    for n in range(20):
        clock.now = NOON + timedelta(minutes=n // 2)
        logbook.append("me", "mine", [link(str(n))])
    assert [0, 0, 2, 18, 20] == [
        logbook.version_at("me", "mine", f"2026-11-22T{time}:00.000000Z") for time in ("11:00", "12:00", "12:01", "12:09", "13:00")
    ]


def test_pages_of_records_and_heads(logbook: Logbook) -> None:
    """Versions after one, up to one, of one type or kind; heads in order of type and key, the living ones or all."""
    logbook.append("me", "mine", [Draft.of(f"{type}/x", key, {}) for type in ("link", "post") for key in "cab"])
    logbook.append("me", "mine", [gone("a")])
    assert [3, 4] == [record.version for record in logbook.records("me", "mine", gt=2, limit=2)]
    assert [2, 3] == [record.version for record in logbook.records("me", "mine", gt=1, lte=3)]
    assert [4, 5, 6] == [record.version for record in logbook.records("me", "mine", type="post/x")]
    assert [5, 6] == [record.version for record in logbook.records("me", "mine", type="post", offset=1)]
    assert [] == logbook.records("me", "mine", type="pos")
    assert ["b", "c"] == [head.key for head in logbook.heads("me", "mine", type="link/x")]
    assert ["a", "b", "c"] == [head.key for head in logbook.heads("me", "mine", type="link", deleted=True)]
    assert [("post/x", "a"), ("post/x", "b")] == [(h.type, h.key) for h in logbook.heads("me", "mine", after=("link/x", "c"), limit=2)]


@pytest.mark.parametrize("type", [None, "link", "link/x"])
def test_a_page_of_heads_begins_where_the_last_one_ended(logbook: Logbook, monkeypatch: pytest.MonkeyPatch, type: str | None) -> None:
    """SQLite's plan seeks the pair after which the page begins: a long list is not read again for each of its pages."""
    read, plans = logbook.read, list[str]()

    def explained(statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        plans.append(read(f"EXPLAIN QUERY PLAN {statement}", parameters)[0][3])
        return read(statement, parameters)

    monkeypatch.setattr(logbook, "read", explained)
    logbook.heads("me", "mine", after=("link/x", "a"), type=type)
    assert "(log=? AND (type,key)>(?,?)" in plans[0]


def test_following(logbook: Logbook) -> None:
    """A follower's batch is the next records of the sources it wants, and how far that brings it; sources it leaves out move it too."""
    for source in ("a", "a", "b", "a", "b"):
        logbook.append("me", source, [link(str(logbook.position))])
    records, reached = logbook.batch(0, 2, only=("a",))
    assert ([1, 2], 2) == ([record.position for record in records], reached)
    records, reached = logbook.batch(2, 2, only=("a",))
    assert ([4], 5) == ([record.position for record in records], reached)
    records, reached = logbook.batch(2, 10, but=("a",))
    assert ([3, 5], 5) == ([record.position for record in records], reached)
    assert ([], 5) == logbook.batch(5, 10)


def test_waiting_for_news(logbook: Logbook) -> None:
    """Whoever waits is woken by an append of this process, and not kept waiting for what is there already."""
    assert not logbook.wait(0, 0.01)
    logbook.append("me", "mine", [link("a")])
    assert logbook.wait(0, 60)
    assert not logbook.wait(1, 0.01)


def test_digests_name_salted_bodies(logbook: Logbook) -> None:
    """Equal bodies have different digests; a head keeps the plain one."""
    logbook.append("me", "mine", [link("a", {}), link("b", {})])
    digests = [record.digest for record in logbook.records("me", "mine")]
    salts = [row[0] for row in logbook.read("SELECT salt FROM stored_events ORDER BY position")]
    assert 2 == len(set(digests))
    assert {16} == {len(salt) for salt in salts}
    assert [salted_digest(salt, "{}") for salt in salts] == digests
    assert {plain_digest("{}")} == {head.digest for head in logbook.heads("me", "mine")}


def test_an_app_writes_its_name_a_note_and_a_patch(logbook: Logbook) -> None:
    """They come back as they were; the header holds a digest of the patch, so that it can be erased too."""
    logbook.append("me", "mine", [link("a", by="3", note={"why": "ü"}, patch='{"n":1}')])
    logbook.append("me", "mine", [link("a", patch='{"n":1}')])
    first, second = logbook.records("me", "mine")
    assert ("3", {"why": "ü"}, '{"n":1}') == (first.by, first.note, first.patch)
    assert "edit" == second.op, "an edit that changes nothing is still something that was asked"
    state, salt = logbook.read("SELECT state, salt FROM stored_events")[0]
    assert salted_digest(salt, '{"n":1}') in state
    assert '{"n":1}' not in state


STATEMENTS = [
    "DELETE FROM stored_events",
    "DELETE FROM stored_events WHERE position = 1",
    "UPDATE stored_events SET body = '{}'",
    "UPDATE stored_events SET state = '{}'",
    "UPDATE stored_events SET position = 77",
    "UPDATE stored_events SET originator_version = 77",
    "UPDATE stored_events SET originator_id = 'me/other'",
    "UPDATE stored_events SET topic = 'record-deleted'",
    "UPDATE stored_events SET salt = x'00'",
    "UPDATE stored_events SET patch = '{}' WHERE patch IS NOT NULL",
    "UPDATE stored_events SET body = NULL, salt = NULL, topic = 'record-edited'",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_rows_are_never_changed(logbook: Logbook, statement: str) -> None:
    """The file itself refuses to delete a record, or to change anything of one."""
    logbook.append("me", "mine", [link("a", patch='{"n":1}')])
    before = logbook.read("SELECT * FROM stored_events")[0]
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        logbook.transact(lambda connection: connection.execute(statement))
    assert tuple(before) == tuple(logbook.read("SELECT * FROM stored_events")[0])


def test_a_body_may_be_emptied(logbook: Logbook) -> None:
    """Who must erase a body empties body, salt and patch; header, history and what follows stay sound."""
    logbook.append("me", "mine", [link("a", patch='{"n":1}'), link("b")])
    logbook.transact(lambda c: c.execute("UPDATE stored_events SET body = NULL, salt = NULL, patch = NULL WHERE position = 1"))
    record = logbook.records("me", "mine")[0]
    assert (None, {}, None) == (record.text, record.body, record.as_dict()["body"])
    assert "delete" == logbook.append("me", "mine", [gone("a")])[0].op
    assert ("{}", plain_digest("{}")) == (logbook.history("me", "mine:1")[1].text, logbook.heads("me", "mine", deleted=True)[0].digest)


def test_the_view_shows_everything_by_name(logbook: Logbook, tmp_path: Path) -> None:
    """Any SQLite tool reads the log without knowing this program."""
    logbook.append("u1", "vcard.work", [link("ü", {"a": 1}, by="3", note={"x": 1}), gone("ü")])
    with sqlite3.connect(f"file:{tmp_path / 'log.sqlite'}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM records ORDER BY position")]
    connection.close()
    for row, record in zip(rows, logbook.since(), strict=True):
        wanted = {name: value for name, value in record.as_dict().items() if name not in ("body", "note")}
        assert wanted == {name: row[name] for name in wanted}
        assert ("u1", record.position, '{"a":1}') == (row["owner"], row["position"], row["body"])
    assert ("vcard.work:1", '{"x":1}') == (rows[1]["reference"], rows[0]["note"])


def test_blobs_are_stored_once(logbook: Logbook) -> None:
    """Bytes lie beside the log under their digest; bodies refer to them, at any depth."""
    blob = Blob(b"\xff" * 100, "image/png")
    logbook.append("me", "mine", [link(key, {"parts": [{"file": blob}], "again": blob}) for key in "ab"])
    assert 1 == logbook.read("SELECT count(*) FROM blobs")[0][0]
    assert {"blob": blob.digest, "size": 100, "media_type": "image/png"} == logbook.records("me", "mine")[1].body["parts"][0]["file"]
    assert blob == logbook.blob(blob.digest)
    with pytest.raises(NotFound, match="sha256:none"):
        logbook.blob("sha256:none")
    logbook.transact(lambda connection: connection.execute("UPDATE blobs SET content = x'00'"))
    with pytest.raises(Corrupt, match="other bytes"):
        logbook.blob(blob.digest)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=5))
def test_any_text_is_a_key(logbook: Logbook, keys: list[str]) -> None:
    """Whatever a source calls its things, NUL included, each is found again and never added twice."""
    logbook.append("me", "mine", [link(key) for key in keys])
    assert {None} == {outcome.op for outcome in logbook.append("me", "mine", [link(key) for key in keys])}
    for key in keys:
        head = logbook.head("me", "mine", "link/x", key)
        assert head is not None
        assert key == logbook.records("me", "mine", gt=head.first - 1, limit=1)[0].key


@pytest.mark.parametrize("id", ["", "mine", "mine:", ":x", "mine:-1", "mine:1.5", "mine:٣", "mine:" + "9" * 19, "mine: 1"])
def test_ids_that_are_none(logbook: Logbook, id: str) -> None:
    """They are refused with an example of one."""
    with pytest.raises(Invalid, match="github:1042"):
        split_id(id)


@pytest.mark.parametrize("id", ["mine:0", "mine:2", "other:1", "mine:999999999999999999"])
def test_records_that_are_none(logbook: Logbook, id: str) -> None:
    """An id without a record is told as such."""
    logbook.append("me", "mine", [link("a")])
    with pytest.raises(NotFound, match=id):
        logbook.history("me", id)


def test_facts(logbook: Logbook) -> None:
    """Small facts are kept beside the log, and may change."""
    assert "none" == logbook.fact("generation", "none")
    logbook.set_fact("generation", "1")
    logbook.set_fact("generation", "2")
    assert "2" == logbook.fact("generation")


# -- the library's own door --------------------------------------------------------------------------


def event(version: int, key: str, digest: str = "d") -> RecordAdded:
    """An event as somebody would make who knows the library only."""
    return RecordAdded("me/door", version, NOON, "link/x", key, digest, body="{}", salt=b"salt" * 4)


def test_saving_through_the_library(logbook: Logbook) -> None:
    """``Application.save`` appends: versions, positions and heads are as if the logbook had done it, and it goes on from there."""
    saved = logbook.events.save(event(1, "a"), event(2, "b"))
    assert [1, 2] == [recording.notification.id for recording in saved]
    assert ["a", "b"] == [head.key for head in logbook.heads("me", "door")]
    assert None is logbook.append("me", "door", [Draft.of("link/x", "a", {})])[0].op
    assert Outcome("edit", 3, 1, 3) == logbook.append("me", "door", [Draft.of("link/x", "a", {"n": 1})])[0]


def test_triggering_events_on_a_log(logbook: Logbook) -> None:
    """The library's log makes the next version of an event, and finds first, last and any slice."""
    log = logbook.log("me", "door")
    first = log.trigger(RecordAdded, type="link/x", key="a", digest="d", body="{}", salt=b"s")
    logbook.events.save(first)
    second = log.trigger(RecordEdited, type="link/x", key="a", digest="e", reference=1, body='{"n":1}', salt=b"t")
    logbook.events.save(second)
    logbook.append("me", "door", [Draft.of("link/x", "a", None)])
    found = list(log.get())
    assert [first, second] == found[:2]
    assert [RecordAdded, RecordEdited, RecordDeleted] == [type(each) for each in found]
    assert (1, 3) == (getattr(log.get_first(), "originator_version", 0), getattr(log.get_last(), "originator_version", 0))
    assert [2] == [each.originator_version for each in log.get(gt=1, lte=2)]


def test_a_version_that_is_taken(logbook: Logbook) -> None:
    """The library's own error comes out, and nothing of the batch stays."""
    logbook.append("me", "door", [Draft.of("link/x", "a", {})])
    with pytest.raises(IntegrityError):
        logbook.events.save(event(2, "b"), event(1, "c"))
    assert 1 == logbook.count("me", "door")


def test_selecting_events(logbook: Logbook) -> None:
    """One dialect of arguments: gt, lte, desc, limit."""
    logbook.append("me", "door", [link(str(n)) for n in range(5)])

    def versions(**how: Any) -> list[int]:
        return [stored.originator_version for stored in logbook.recorder.select_events("me/door", **how)]

    assert [1, 2, 3, 4, 5] == versions()
    assert [3, 4, 5] == versions(gt=2)
    assert [1, 2] == versions(lte=2)
    assert [5, 4] == versions(desc=True, limit=2)
    assert [3, 2] == versions(gt=1, lte=3, desc=True)
    assert [] == versions(gt=5)
    assert [] == [stored.originator_version for stored in logbook.recorder.select_events("me/none")]


def test_selecting_notifications(logbook: Logbook) -> None:
    """From a position, inclusive or not, up to another, of some topics, so many; and the library's sections of them."""
    logbook.append("me", "door", [link("a"), link("b"), gone("a"), link("a")])
    select = logbook.recorder.select_notifications

    def ids(*place: Any, **how: Any) -> list[int]:
        return [int(notification.id) for notification in select(*place, **how)]

    assert [1, 2, 3, 4] == ids(None, 10)
    assert [2, 3] == ids(2, 2)
    assert [3, 4] == ids(2, 2, inclusive_of_start=False)
    assert [2, 3] == ids(2, 10, 3)
    assert [3, 4] == ids(1, 10, topics=["record-deleted", "record-edited"])
    assert [] == ids(5, 10)
    section = logbook.events.notification_log["1,10"]
    assert ["record-added", "record-added", "record-deleted", "record-edited"] == [item.topic for item in section.items]
    assert 4 == logbook.recorder.max_notification_id()


def test_tracking(logbook: Logbook) -> None:
    """The library's tracking keeps a follower's position in the transaction of its effect, and refuses to go back."""
    stored = logbook.events.mapper.to_stored_event(event(1, "a"))
    assert isinstance(stored, StoredRecord)
    logbook.recorder.insert_events([stored], tracking=Tracking("upstream", 21))
    assert (21, 0) == (logbook.tracked("upstream"), logbook.tracked("nobody"))
    stored = logbook.events.mapper.to_stored_event(event(2, "b"))
    with pytest.raises(IntegrityError):
        logbook.recorder.insert_events([stored], tracking=Tracking("upstream", 21))
    assert 1 == logbook.count("me", "door")


def test_an_event_survives_the_mapper(logbook: Logbook) -> None:
    """Header, body, salt and patch come back as they were, also for what is rarely there."""
    events: list[Any] = [
        event(1, "ü\0"),
        RecordEdited(
            "me/door", 2, NOON, "link/x", "a", "d", reference=1, by="3", note={"n": [1]}, patch_digest="p", body=None, salt=None, patch=None
        ),
    ]
    for each in events:
        assert each == logbook.events.mapper.to_domain_event(logbook.events.mapper.to_stored_event(each))


def test_reading_a_closed_logbook(tmp_path: Path) -> None:
    """Appends to a closed logbook are refused, and closing twice is no mistake."""
    logbook = Logbook(tmp_path / "log.sqlite")
    logbook.close()
    logbook.close()
    waiting: Future[list[Outcome]] = logbook.submit("me", "mine", [link("a")])
    with pytest.raises(StorageError, match="closed"):
        waiting.result()
