"""
News between two runs: who can tell wakes its connection at once, who cannot is left to the clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from locker.connector import HOUR, Body, Fetching, Item, Page, Session, Stream, Walk
from locker.error import Fatal, Skippable

from .fetching import bodies, opened, until


class Bell(Fetching):
    """A service that rings when there is something new."""

    name = "bell"
    types = ("post",)
    title = "Bell"
    base_url = "https://bell.example"
    streams = (Stream(name="posts", type="post", path="/posts", whole=False, every=HOUR),)

    def __init__(self) -> None:
        self.posts = ["one"]
        self.rings: asyncio.Event | None = None
        self.waits, self.ended, self.fails = 0, 0, False

    async def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        yield Page([Item("post", post, {"text": post}) for post in self.posts], since=len(self.posts))

    async def wait(self, session: Session, seconds: float) -> bool:
        self.waits += 1
        if self.fails:
            raise Fatal("the bell is broken")
        self.rings = asyncio.Event()
        try:
            await self.rings.wait()
        finally:
            self.ended += 1
        return True

    def map(self, type: str, body: Body) -> Body | None:
        return body


class Mute(Bell):
    """A service that turns out not to ring."""

    name = "mute"

    async def wait(self, session: Session, seconds: float) -> bool:
        self.waits += 1
        raise Skippable("no bell here")


async def test_news_are_fetched_at_once(tmp_path: Path) -> None:
    """The next run would be an hour later; the bell brings it on, and the waiting begins again and ends with the scheduler."""
    bell = Bell()
    with opened(tmp_path, bell) as locker:
        locker.connections.add("me", "bell")
        stopping = asyncio.Event()
        running = asyncio.create_task(locker.scheduler.run(stopping))
        await until(lambda: bell.rings is not None)
        assert {"one"} == set(bodies(locker, "bell"))
        bell.posts.append("two")
        assert bell.rings is not None
        bell.rings.set()
        await until(lambda: {"one", "two"} == set(bodies(locker, "bell")))
        await until(lambda: bell.waits == 2)
        stopping.set()
        await running
    assert bell.waits == bell.ended


async def test_a_connection_that_was_removed_is_waited_for_no_more(tmp_path: Path) -> None:
    """Its secrets are forgotten, so what they opened is closed."""
    bell = Bell()
    with opened(tmp_path, bell) as locker:
        locker.connections.add("me", "bell")
        stopping = asyncio.Event()
        running = asyncio.create_task(locker.scheduler.run(stopping))
        await until(lambda: bell.rings is not None)
        locker.connections.remove("me", "bell")
        await until(lambda: bell.ended == 1)
        stopping.set()
        await running


async def test_who_cannot_tell_is_asked_once(tmp_path: Path) -> None:
    """Neither one without a bell nor one whose bell is broken is asked again and again; both are synced all the same."""
    mute, broken = Mute(), Bell()
    broken.fails = True
    with opened(tmp_path, mute, broken) as locker:
        for name in ("mute", "bell"):
            locker.connections.add("me", name)
        stopping = asyncio.Event()
        running = asyncio.create_task(locker.scheduler.run(stopping))
        await until(lambda: mute.waits > 0 and broken.waits > 0)
        for _ in range(3):
            await locker.scheduler._listener.begin(())
        await asyncio.sleep(0)
        stopping.set()
        await running
        assert (1, 1) == (mute.waits, broken.waits)
        assert {"one"} == set(bodies(locker, "mute")) == set(bodies(locker, "bell"))
