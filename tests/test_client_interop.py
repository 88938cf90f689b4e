"""The StreamSource client and a real locker: what is written against the guide works there by changing the URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from itertools import count

import pytest

from locker.client import BackendManager, Retry, StreamManager, StreamSourceBackend
from locker.client.stream import WRITABLE
from locker.error import Forbidden, Invalid, NotFound, Retriable, Unauthorized
from locker.locker import Locker
from tests.api_server import Server, served
from tests.fake_streamsource import PASSWORD, FakeStreamSource

NUMBERS = count(1)
AGES = timedelta(days=36500)  # the client has the real clock here


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A locker that anyone may sign up at, and that trusts nobody without a token."""
    with Locker(tmp_path_factory.mktemp("locker")) as opened, served(opened, signup="open", trust_loopback=False) as running:
        yield running


@pytest.fixture
async def backend(server: Server) -> AsyncIterator[StreamSourceBackend]:
    """A backend with an account of its own, made as the guide says."""
    async with StreamSourceBackend(server.url, email=f"app{next(NUMBERS)}@example.com", password=PASSWORD, retry=Retry(0)) as made:
        await made.sign_up()
        yield made


def row(**more: str) -> dict[str, str]:
    """A stream that nobody has made yet."""
    number = next(NUMBERS)
    return {"source": f"Streamer{number}", "link": f"https://www.twitch.tv/streamer{number}", **more}


async def test_the_guide_against_a_locker(backend: StreamSourceBackend) -> None:
    """Sign up, create, list, read, update, pin, unpin, archive: the manager's verbs, one after the other."""
    manager = StreamManager(backend)
    made = await manager.create_stream(row(status="live", city="Zürich"))
    assert ("live", "Twitch", "stream", False, "Zürich") == (made.status, made.platform, made.kind, made.is_pinned, made.city)
    assert made.created_at is not None
    assert made.last_live_at is not None
    assert made.user is not None
    assert made.id == (await manager.get_stream(made.id)).id
    mine = await manager.list_streams(user_id=made.user.id, status="live")
    assert ([made.id], 1) == ([each.id for each in mine.streams], mine.meta.total_count)
    changed = await manager.update_stream(made.id, {"title": "A title", "platform": "youtube", "city": None})
    assert ("A title", "YouTube", None) == (changed.title, changed.platform, changed.city)
    assert (await manager.pin_stream(made.id)).is_pinned
    assert made.id in {each.id async for each in manager.each_stream(is_pinned=True)}
    assert not (await manager.unpin_stream(made.id)).is_pinned
    figures = await manager.analytics(made.id)
    assert made.id == figures["stream_id"]
    assert "stream_export" in await manager.features()
    exported = await manager.export(status="live")
    assert made.link in {each["link"] for each in exported.streams}
    await manager.archive_stream(made.id)
    with pytest.raises(NotFound):
        await manager.get_stream(made.id)


async def test_a_repeated_create_is_the_same_stream(backend: StreamSourceBackend) -> None:
    """That is why creates may be repeated there; many at once make one too."""
    wanted = row()
    made = await asyncio.gather(*(backend.create_stream(wanted) for _ in range(8)))
    assert 1 == len({each.id for each in made})


async def test_refusals_of_a_locker(server: Server, backend: StreamSourceBackend) -> None:
    """The server's own words arrive as the house's errors."""
    with pytest.raises(Invalid):
        await backend.create_stream({"source": "", "link": "ftp://x"})
    with pytest.raises(Forbidden):
        await StreamManager(backend).bulk_import([row()])
    async with StreamSourceBackend(server.url, "not.a.token", retry=Retry(0)) as stranger:
        with pytest.raises(Unauthorized):
            await stranger.get_streams()
    async with StreamSourceBackend(server.url, email="nobody@example.com", password=PASSWORD, retry=Retry(0)) as unknown:
        with pytest.raises(Unauthorized):
            await unknown.get_streams()
    made = await backend.create_stream(row())
    async with StreamSourceBackend(server.url, email=f"other{next(NUMBERS)}@example.com", password=PASSWORD) as other:
        await other.sign_up()
        with pytest.raises(Forbidden):
            await other.update_stream(made.id, {"title": "mine now"})


async def test_moving_from_streamsource_to_a_locker(backend: StreamSourceBackend) -> None:
    """The original as primary and a locker kept in step; while the original is out, the locker answers under its ids."""
    async with FakeStreamSource(wrapped=True, refreshes=False, life=AGES) as original:
        first = StreamSourceBackend(original.url, email="me@example.com", password=PASSWORD, retry=Retry(0))
        async with BackendManager(first, {"locker": backend}) as both:
            one = await both.create_stream({**row(title="one"), "platform": "TikTok"})
            await both.pin_stream(one.id)
            gone = await both.create_stream(row())
            await both.delete_stream(gone.id)
            assert ({}, []) == (both.missed(), both.refused())
            await original.server.close()
            copy = await both.get_stream(one.id)
            assert (one.id, "one", "TikTok", True) == (copy.id, copy.title, copy.platform, copy.is_pinned)
            assert {name: one.writable()[name] for name in ("source", "link", "title")}.items() <= copy.writable().items()
            with pytest.raises(Retriable):
                await both.get_stream(gone.id)


@pytest.mark.parametrize("field", WRITABLE[3:])
async def test_every_field_makes_the_round_trip(backend: StreamSourceBackend, field: str) -> None:
    """What is written is what is read, at the locker as at the fake of the original."""
    value = {"platform": "Facebook", "orientation": "landscape", "kind": "web"}.get(field, "some text")
    async with FakeStreamSource(life=AGES) as fake, StreamSourceBackend(fake.url, email="me@example.com", password=PASSWORD) as other:
        written = row(**{field: value})
        assert {value} == {getattr(await each.create_stream(written), field) for each in (backend, other)}
