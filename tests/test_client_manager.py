"""Several backends as one: what the primary has, the secondaries get, whatever fails in between."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from locker.client import BackendManager, Filters, NotBegun, Stream, StreamId
from locker.client.mirror import state_of
from locker.client.outbox import Change, Outbox
from locker.error import Conflict, Forbidden, Invalid, LockerError, NotFound, Retriable, StorageError
from tests.memory_backend import START, Crash, Memory

LINK = "https://a.example/1"
ONE = {"source": "one", "link": LINK}


def sorted_states(backend: Memory) -> list[str]:
    """What a backend holds, but for ids and times."""
    return sorted(map(str, (state_of(row) for row in backend.rows.values())))


class Clock:
    """Moves a millisecond at every look, and further when told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


def manager(primary: Memory, second: Memory, **given: object) -> BackendManager:
    """A manager of two whose clock hardly moves."""
    return BackendManager(primary, {"second": second}, **{"now": Clock(), **given})  # type: ignore[arg-type]


async def test_a_secondary_gets_what_the_primary_has() -> None:
    """Every verb arrives, under the secondary's own id, which the caller never sees."""
    primary, second = Memory(), Memory(first=500)
    async with manager(primary, second) as both:
        made = await both.create_stream({**ONE, "title": "t"})
        assert (1, [500]) == (made.id, list(second.rows))
        await both.update_stream(1, {"status": "live", "title": None})
        await both.pin_stream(1)
        assert ("live", None, True) == (second.rows[500].status, second.rows[500].title, second.rows[500].is_pinned)
        await both.unpin_stream(1)
        assert sorted_states(primary) == sorted_states(second)
        await both.bulk_import([{"source": str(n), "link": LINK} for n in range(3)])
        assert sorted_states(primary) == sorted_states(second)
        await both.delete_stream(1)
        assert 500 not in second.rows
        assert {} == both.missed()
    assert ("close", "close") == (primary.calls[-1], second.calls[-1])


async def test_a_secondary_that_is_down_fails_no_write_and_misses_nothing() -> None:
    """What it missed waits; only the newest state of each stream is sent when it is back."""
    primary, second = Memory(), Memory(first=500)
    async with manager(primary, second) as both:
        second.trouble = "down"
        await both.create_stream(ONE)
        for title in ("a", "b", "c"):
            await both.update_stream(1, {"title": title})
        await both.create_stream({"source": "two", "link": LINK})
        await both.delete_stream(2)
        assert {"second": 2} == both.missed()
        second.trouble, second.calls = "up", []
        assert {} == await both.synchronise()
        assert 1 == second.calls.count("create")
        assert sorted_states(primary) == sorted_states(second)


async def test_a_secondary_that_failed_is_left_alone_for_a_while() -> None:
    """A dead one does not slow every write down; after the pause it is asked again."""
    clock = Clock()
    primary, second = Memory(), Memory()
    async with manager(primary, second, now=clock) as both:
        second.trouble = "down"
        await both.create_stream(ONE)
        asked = len(second.calls)
        await both.update_stream(1, {"title": "a"})
        assert asked == len(second.calls)
        clock.now += timedelta(seconds=31)
        second.trouble = "up"
        await both.update_stream(1, {"title": "b"})
        assert ["b"] == [row.title for row in second.rows.values()]


async def test_without_sync_only_synchronise_sends() -> None:
    """For programs that choose the moment themselves."""
    primary, second = Memory(), Memory()
    async with manager(primary, second, sync=False) as both:
        await both.create_stream(ONE)
        assert {"second": 1} == both.missed()
        assert {} == await both.synchronise()
        assert 1 == len(second.rows)


async def test_what_the_primary_refuses_goes_nowhere() -> None:
    """The error is the caller's, and no secondary hears of it."""
    primary, second = Memory(), Memory()
    async with manager(primary, second) as both:
        with pytest.raises(Invalid):
            await both.create_stream({"source": "refused", "link": LINK})
        with pytest.raises(NotFound):
            await both.update_stream(7, {"title": "x"})
        assert ({}, {}) == (second.rows, await both.synchronise())


async def test_a_refusal_that_followed_a_lost_answer_is_settled() -> None:
    """The write may have happened at the primary before it was refused there: what it has now is what the secondary gets."""
    primary, second = Memory(), Memory()

    async def half(id: StreamId, data: Mapping[str, Any]) -> Stream:
        await update(id, data)
        raise Forbidden("not any more") from Retriable("lost")

    async with manager(primary, second) as both:
        await both.create_stream(ONE)
        update, primary.update_stream = primary.update_stream, half  # type: ignore[method-assign]
        with pytest.raises(Forbidden):
            await both.update_stream(1, {"title": "t"})
        assert {} == await both.synchronise()
        assert ["t"] == [row.title for row in second.rows.values()]


async def test_an_archiving_that_was_cut_short_is_carried_out_unless_somebody_thought_better_of_it() -> None:
    """Nobody knows whether it happened: the next synchronise makes it so; but a later write to the stream takes its place."""
    primary, second = Memory(), Memory()
    async with manager(primary, second) as both:
        await both.create_stream(ONE)
        await both.create_stream({"source": "two", "link": LINK})
        primary.trouble = "down"
        for id in (1, 2):
            with pytest.raises(Retriable):
                await both.delete_stream(id)
        primary.trouble = "up"
        await both.update_stream(2, {"title": "kept"})
        assert {} == await both.synchronise()
        assert ([2], [2]) == (list(primary.rows), list(second.rows))


async def test_a_write_that_never_began_leaves_nothing_to_settle() -> None:
    """A primary that could not be reached has done nothing: no later surprise."""
    primary, second = Memory(), Memory()

    async def unreachable(id: StreamId) -> None:
        raise NotBegun("cannot be reached")

    async with manager(primary, second) as both:
        await both.create_stream(ONE)
        primary.delete_stream = unreachable  # type: ignore[method-assign]
        with pytest.raises(NotBegun):
            await both.delete_stream(1)
        del primary.delete_stream
        assert {} == await both.synchronise()
        assert ([1], [1]) == (list(primary.rows), list(second.rows))


@pytest.mark.parametrize("refuses", ["delete_stream", "get_stream", "both"])
async def test_what_cannot_be_settled_holds_up_nothing(refuses: str) -> None:
    """A primary that refuses to tell of one stream does not keep the others waiting, nor the program."""
    primary, second = Memory(), Memory()

    async def refuse(id: StreamId) -> Stream:
        raise Forbidden("not yours")

    async with manager(primary, second) as both:
        await both.create_stream(ONE)
        primary.trouble = "lost"
        with pytest.raises(Retriable):
            await both.update_stream(1, {"title": "t"})
        with pytest.raises(Retriable):
            await both.delete_stream(1)
        with pytest.raises(Retriable):
            await both.create_stream({"source": "two", "link": LINK})
        primary.trouble = "up"
        for name in ("delete_stream", "get_stream") if refuses == "both" else (refuses,):
            setattr(primary, name, refuse)
        await both.synchronise()
        assert "two" in {row.source for row in second.rows.values()}
        assert [] == both._outbox.intents()


async def test_what_a_secondary_refuses_is_set_aside_and_can_be_sent_again() -> None:
    """One bad stream does not hold up the others, and somebody can see it."""
    primary, second = Memory(), Memory()

    async def refuse(data: object) -> Stream:
        raise Invalid("editors only")

    async with manager(primary, second) as both:
        create, second.create_stream = second.create_stream, refuse  # type: ignore[method-assign]
        await both.create_stream(ONE)
        second.create_stream = create  # type: ignore[method-assign]
        await both.create_stream({"source": "two", "link": LINK})
        assert [("second", 1, "editors only")] == [(each.backend, each.id, each.error) for each in both.refused()]
        assert 1 == len(second.rows)
        assert 1 == both.retry_refused()
        assert ({}, []) == (await both.synchronise(), both.refused())
        assert sorted_states(primary) == sorted_states(second)


@pytest.mark.parametrize("error", [Forbidden("no rights"), RuntimeError("a bug")])
async def test_a_secondary_with_another_trouble_keeps_its_queue(error: Exception) -> None:
    """Missing rights are for somebody to mend, and a backend of somebody else's may have bugs: nothing is thrown away for either."""
    primary, second = Memory(), Memory()

    async def fail(data: object) -> Stream:
        raise error

    async with manager(primary, second) as both:
        create, second.create_stream = second.create_stream, fail  # type: ignore[method-assign]
        assert 1 == (await both.create_stream(ONE)).id
        assert {"second": 1} == both.missed()
        second.create_stream = create  # type: ignore[method-assign]
        assert {} == await both.synchronise()


async def test_reads_fall_back_while_the_primary_is_out() -> None:
    """A copy is answered under the primary's ids; streams that only the secondary has are counted, not shown."""
    primary, second = Memory(), Memory(first=500)
    async with manager(primary, second) as both:
        await both.create_stream(ONE)
        await both.create_stream({"source": "two", "link": LINK, "status": "live"})
        await second.create_stream({"source": "own", "link": LINK})
        primary.trouble = "down"
        assert (1, "one") == ((await both.get_stream(1)).id, (await both.get_stream(1)).source)
        page = await both.get_streams()
        assert ([1, 2], "second", 1) == ([row.id for row in page.streams], page.backend, page.left_out)
        assert [2] == [row.id for row in (await both.get_streams(Filters(status="live"))).streams]
        assert 3 == len((await both.export()).streams)
        with pytest.raises(Retriable, match="down"):
            await both.get_stream(7)
        with pytest.raises(Retriable, match="down"):
            await both.get_streams(Filters(user_id=1))
        second.trouble = "down"
        with pytest.raises(Retriable, match="down"):
            await both.get_streams()
        primary.trouble = "up"
        assert ("", 2) == ((await both.get_streams()).backend, (await both.get_streams()).meta.total_count)


async def test_the_secondary_that_is_least_behind_answers() -> None:
    """Of two copies the better one."""
    primary, stale, good = Memory(), Memory(first=500), Memory(first=900)
    async with BackendManager(primary, {"stale": stale, "good": good}, now=Clock()) as three:
        await three.create_stream(ONE)
        stale.trouble = "down"
        await three.update_stream(1, {"title": "new"})
        stale.trouble, primary.trouble = "up", "down"
        assert "new" == (await three.get_stream(1)).title


async def test_a_missing_stream_is_no_outage() -> None:
    """What the primary does not have is not looked for elsewhere."""
    primary, second = Memory(), Memory()
    async with manager(primary, second) as both:
        with pytest.raises(NotFound):
            await both.get_stream(1)
        assert [] == second.calls


async def test_a_stream_archived_before_its_creation_was_confirmed_does_not_stay() -> None:
    """The secondary had made it, though its answer was lost: archiving finds it all the same."""
    primary, second = Memory(), Memory(first=500)
    async with manager(primary, second) as both:
        second.trouble = "lost"
        await both.create_stream(ONE)
        await both.delete_stream(1)
        assert [500] == list(second.rows)
        second.trouble = "up"
        assert ({}, {}) == (await both.synchronise(), second.rows)


async def test_a_secondary_that_lost_a_stream_gets_it_again() -> None:
    """An id that means nothing there any more is replaced."""
    primary, second = Memory(), Memory(first=500)
    async with manager(primary, second) as both:
        await both.create_stream(ONE)
        second.rows.clear()
        await both.update_stream(1, {"title": "x"})
        assert [501] == list(second.rows)


async def test_a_secondary_that_comes_later_is_matched_by_source_and_link() -> None:
    """A stream that both had before they knew of each other is not made twice."""
    primary, second = Memory(), Memory(first=500)
    await primary.create_stream(ONE)
    await second.create_stream(ONE)
    async with manager(primary, second) as both:
        await both.update_stream(1, {"title": "x"})
    assert [(500, "x")] == [(row.id, row.title) for row in second.rows.values()]


OPS = st.lists(
    st.tuples(st.just("primary") | st.just("second"), st.sampled_from(["up", "down", "lost", "crash", "crash after"]))
    | st.tuples(st.sampled_from(["create", "import"]), st.just(""))
    | st.tuples(st.sampled_from(["update", "pin", "unpin", "archive"]), st.integers(1, 4))
    | st.tuples(st.sampled_from(["synchronise", "restart"]), st.just("")),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(OPS)
async def test_outages_lost_answers_and_crashes_lose_nothing_and_double_nothing(ops: list[tuple[str, object]]) -> None:
    """Whatever fails, and wherever the program ends: once all are up again, the secondary has exactly what the primary has."""
    primary, second = Memory(), Memory(first=500)
    with TemporaryDirectory() as folder:
        queue = Path(folder) / "queue"
        both = manager(primary, second, queue=queue)
        for number, (op, detail) in enumerate(ops):
            if op in ("primary", "second"):
                {"primary": primary, "second": second}[op].trouble = str(detail)
                continue
            try:
                await _do(both, op, detail, number)
            except LockerError:
                event("failed")
            except Crash:
                event("crashed")
                both._outbox.close()
                both = manager(primary, second, queue=queue)
        primary.trouble = second.trouble = "up"
        assert {} == await both.synchronise()
        assert [] == both.refused()
        assert sorted_states(primary) == sorted_states(second)
        page = await both.get_streams(Filters(per_page=100))
        primary.trouble = "down"
        copies = await both.get_streams(Filters(per_page=100))
        assert {(row.id, row.source) for row in page.streams} == {(row.id, row.source) for row in copies.streams}
        await both.close()


async def _do(both: BackendManager, op: str, detail: object, number: int) -> None:
    if op == "create":
        await both.create_stream({"source": f"s{number}", "link": LINK})
    elif op == "import":
        await both.bulk_import([{"source": f"s{number}-{n}", "link": LINK} for n in range(2)])
    elif op == "update":
        await both.update_stream(int(str(detail)), {"title": f"t{number}"})
    elif op == "synchronise":
        await both.synchronise()
    elif op == "restart":
        raise Crash
    else:
        await {"pin": both.pin_stream, "unpin": both.unpin_stream, "archive": both.delete_stream}[op](int(str(detail)))


def test_a_queue_belongs_to_one_program(tmp_path: Path) -> None:
    """A second one is told; when the first has ended the file is free."""
    first = Outbox(tmp_path / "queue")
    with pytest.raises(Conflict, match="another program"):
        Outbox(tmp_path / "queue")
    first.close()
    Outbox(tmp_path / "queue").close()


def test_a_queue_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    """A folder that is not there, and a file that is something else."""
    (tmp_path / "letter").write_text("Dear queue, " * 100)
    for path in (tmp_path / "no" / "queue", tmp_path / "letter"):
        with pytest.raises(StorageError, match="cannot be opened"):
            Outbox(path)


def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    """An intent that cannot be written down is an error before the primary is asked."""
    outbox = Outbox(tmp_path / "queue")
    outbox._db.execute("PRAGMA max_page_count = 10")
    with pytest.raises(StorageError, match="cannot be written"):
        outbox.intend("import", None, [{"source": "x" * 100_000}])
    assert [] == outbox.intents()
    outbox.close()


def test_a_newer_change_outlives_the_sending_of_an_older_one(tmp_path: Path) -> None:
    """What is queued while its forerunner is under way is not struck out with it."""
    outbox = Outbox(tmp_path / "queue")
    outbox.fulfil(outbox.intend("update", 1), [Change(1, "put", {"title": "old"})], ["second"])
    old = outbox.next("second")
    assert old is not None
    outbox.fulfil(outbox.intend("update", 1), [Change(1, "put", {"title": "new"})], ["second"])
    outbox.sent(old, 500)
    newer = outbox.next("second")
    assert newer is not None
    assert ({"title": "new"}, 500) == (newer.change.state, outbox.twin("second", 1))
    outbox.close()
    assert sqlite3.connect(tmp_path / "queue").execute("PRAGMA integrity_check").fetchone() == ("ok",)
