"""Reading what servers write of streams, and checking what is sent to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.client import Filters, ImportReport, Page, RowError, Stream, StreamManager
from locker.client.stream import WRITABLE
from locker.error import Fatal, Forbidden, Invalid, NotFound
from tests.memory_backend import Memory

# The object as the guide prints it.
GUIDE = {
    "id": 123,
    "source": "StreamerName",
    "link": "https://streaming-platform.com/stream",
    "status": "live",
    "is_pinned": False,
    "platform": "TikTok",
    "orientation": "portrait",
    "kind": "stream",
    "city": "New York",
    "state": "NY",
    "notes": "Additional notes",
    "title": "Stream Title",
    "posted_by": "username",
    "last_checked_at": "2025-01-05T10:00:00Z",
    "last_live_at": "2025-01-05T09:30:00Z",
    "created_at": "2025-01-01T00:00:00Z",
    "updated_at": "2025-01-05T10:00:00Z",
    "user": {"id": 1, "email": "user@example.com", "role": "default"},
}
TEXTS = st.none() | st.text(max_size=20)
BODIES = st.fixed_dictionaries(
    {"id": st.integers(1, 2**53), "source": st.text(min_size=1), "link": st.just("https://a.example")},
    optional=dict.fromkeys(WRITABLE[3:], TEXTS) | {"status": st.sampled_from(["live", "offline"]), "views": st.integers()},
)


def test_the_guides_object_is_read() -> None:
    """Every field of the guide arrives, times as times."""
    stream = Stream.read(GUIDE)
    assert {name: GUIDE[name] for name in WRITABLE} == stream.writable()
    assert datetime(2025, 1, 5, 9, 30, tzinfo=UTC) == stream.last_live_at
    assert (1, "default", {}) == (stream.user.id if stream.user else None, stream.user.role if stream.user else None, stream.more)


@given(BODIES)
def test_wrapped_and_bare_are_the_same(body: dict[str, Any]) -> None:
    """Both kinds of server mean the same stream; what a server adds is kept."""
    stream = Stream.read(body)
    assert stream == Stream.read({"stream": body})
    assert {"views": body["views"]} == stream.more if "views" in body else {} == stream.more
    assert stream.writable() == Stream.read({"id": 1, **stream.writable()}).writable()


@given(st.datetimes(), st.sampled_from(["seconds", "milliseconds", "microseconds"]))
def test_times_are_read_at_any_precision(moment: datetime, precision: str) -> None:
    """With or without milliseconds, with Z, an offset or no zone: an aware moment, no less exact than it was written."""
    written = moment.isoformat(timespec=precision)
    read = {Stream.read({**GUIDE, "created_at": written + zone}).created_at for zone in ("Z", "+00:00", "")}
    assert {datetime.fromisoformat(written).replace(tzinfo=UTC)} == read


@given(
    st.none()
    | st.integers()
    | st.text(max_size=9)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=6), st.integers())
)
def test_what_is_no_stream_is_fatal(answer: object) -> None:
    """Another server's JSON is told apart, never half read."""
    with pytest.raises(Fatal):
        Stream.read(answer)
    if answer != []:
        with pytest.raises(Fatal):
            Page.read(answer)


def test_a_bulk_answer_may_be_the_guides_list() -> None:
    """The guide promises the created streams, servers answer a report: both are counted."""
    assert ImportReport(1, 3) == ImportReport.read([GUIDE], 3)
    expected = ImportReport(1, 2, (RowError(1, ("Link must be valid",)),))
    assert expected == ImportReport.read({"imported": 1, "total": 2, "errors": [{"index": 1, "errors": ["Link must be valid"]}]}, 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "source and link are required"),
        ({"source": "x", "link": " "}, "link is missing"),
        ({"source": None, "link": "https://a.example"}, "source is missing"),
        ({"source": "x", "link": "ftp://a.example"}, "not an http or https URL"),
        ({"source": "x", "link": "https://[a"}, "not an http or https URL"),
        ({"source": "x" * 256, "link": "https://a.example"}, "1 to 255"),
        ({"source": "x", "link": "https://a.example", "status": "on air"}, "use live, offline, unknown"),
        ({"source": "x", "link": "https://a.example", "platform": "Tok"}, "use TikTok, Facebook"),
        ({"source": "x", "link": "https://a.example", "kind": 7}, "kind is a text"),
        ({"source": "x", "link": "https://a.example", "is_pinned": True}, "pin_stream"),
        ({"source": "x", "link": "https://a.example", "titel": "x"}, "no field 'titel'"),
    ],
)
async def test_a_stream_is_checked_before_it_is_sent(data: dict[str, Any], message: str) -> None:
    """The error says what to mend, and the backend hears nothing of it."""
    backend = Memory()
    with pytest.raises(Invalid, match=message):
        await StreamManager(backend).create_stream(data)
    assert {} == backend.rows


async def test_spellings_are_made_the_servers() -> None:
    """Any letter case is taken, blanks around source and link go, the older service's orientations are translated."""
    given = {
        "source": " x ",
        "link": " https://a.example ",
        "platform": "tiktok",
        "orientation": "Vertical",
        "status": "LIVE",
        "title": None,
    }
    made = await StreamManager(Memory()).create_stream(given)
    assert {
        "source": "x",
        "link": "https://a.example",
        "platform": "TikTok",
        "orientation": "portrait",
        "status": "live",
    } == made.writable()


async def test_a_mapper_speaks_the_programs_own_language() -> None:
    """What a program calls a stream becomes one before it is checked."""
    manager = StreamManager(Memory(), lambda mine: {"source": mine["who"], "link": mine["where"]})
    assert "x" == (await manager.create_stream({"who": "x", "where": "https://a.example"})).source


async def test_the_operations_pass_through() -> None:
    """All of the guide's verbs reach the backend; an update may clear a field."""
    async with StreamManager(Memory()) as manager:
        made = await manager.create_stream({"source": "x", "link": "https://a.example", "title": "t"})
        assert None is (await manager.update_stream(made.id, {"title": None})).title
        for call in (manager.get_stream, manager.pin_stream, manager.unpin_stream):
            assert made.id == (await call(made.id)).id
        assert [made.id] == [stream.id async for stream in manager.each_stream(status="Unknown")]
        assert () == (await manager.list_streams(status="live")).streams
        assert 1 == len((await manager.export()).streams)
        assert {} == await manager.features()
        with pytest.raises(Fatal, match="no analytics"):
            await manager.analytics(made.id)
        await manager.archive_stream(made.id)
        with pytest.raises(NotFound):
            await manager.get_stream(made.id)


async def test_pages_are_brought_into_their_bounds() -> None:
    """As the server would: at least the first page, 1 to 100 on one."""
    asked: list[Filters | None] = []

    class Watched(Memory):
        async def get_streams(self, filters: Filters | None = None) -> Page:
            asked.append(filters)
            return await super().get_streams(filters)

    manager = StreamManager(Watched())
    await manager.list_streams(Filters(page=0), per_page=1000)
    await manager.list_streams(per_page=0)
    assert [Filters(page=1, per_page=100), Filters(per_page=1)] == asked
    with pytest.raises(Invalid, match="use name, -name, created, -created"):
        await manager.list_streams(sort="age")
    with pytest.raises(Invalid, match="'colour' is not a filter"):
        await manager.list_streams(colour="red")


@given(st.lists(st.sampled_from(["good", "refused", ""]), max_size=12))
async def test_bad_rows_of_an_import_keep_their_index(sources: Sequence[str]) -> None:
    """Rows that are not sent and rows that the backend refuses are reported where they were in the caller's list."""
    rows = [{"source": source, "link": f"https://a.example/{n}"} for n, source in enumerate(sources)]
    backend = Memory()
    report = await StreamManager(backend).bulk_import(rows)
    assert [n for n, source in enumerate(sources) if source != "good"] == [error.index for error in report.errors]
    assert (sources.count("good"), len(rows), sources.count("good")) == (report.imported, report.total, len(backend.rows))


async def test_an_import_stops_at_what_is_no_rows_fault() -> None:
    """Missing rights concern the whole import, not one row."""

    class Closed(Memory):
        async def create_stream(self, data: Mapping[str, Any]) -> Stream:
            raise Forbidden("editors only")

    with pytest.raises(Forbidden):
        await StreamManager(Closed()).bulk_import([{"source": "x", "link": "https://a.example"}])
