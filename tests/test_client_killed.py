"""A program that is killed in the middle of keeping two servers in step: its next start loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from locker.client import BackendManager, StreamSourceBackend
from tests.fake_streamsource import FIELDS, FakeStreamSource, Trouble

# The program: it makes, changes, imports and archives streams, and would say so at the end.
PROGRAM = """
import asyncio, sys
from locker.client import BackendManager, StreamSourceBackend

async def main(queue, primary, second, token, other):
    backends = StreamSourceBackend(primary, token), StreamSourceBackend(second, other)
    async with BackendManager(backends[0], {"second": backends[1]}, queue=queue) as both:
        made = await both.create_stream({"source": "one", "link": "https://a.example/1"})
        await both.update_stream(made.id, {"title": "changed"})
        await both.pin_stream(made.id)
        await both.bulk_import([{"source": f"row {n}", "link": "https://a.example/2"} for n in range(3)])
        gone = await both.create_stream({"source": "gone", "link": "https://a.example/3"})
        await both.delete_stream(gone.id)
    print("done")

asyncio.run(main(*sys.argv[1:]))
"""
AGES = timedelta(days=36500)  # the program has the real clock
ROOT = Path(__file__).parents[1]


@pytest.fixture
async def pair() -> AsyncIterator[tuple[FakeStreamSource, FakeStreamSource]]:
    """Two servers that make a second stream of a repeated create: nothing there hides a double."""
    async with (
        FakeStreamSource(continues=False, life=AGES) as primary,
        FakeStreamSource(continues=False, life=AGES, wrapped=True, first=500) as second,
    ):
        yield primary, second


def living(fake: FakeStreamSource) -> list[tuple[object, ...]]:
    """What a server lists, but for ids, times and letter case."""
    return sorted(tuple(row[name] for name in (*FIELDS, "is_pinned")) for row in fake.living())


async def run(queue: Path, primary: FakeStreamSource, second: FakeStreamSource, victim: list[asyncio.subprocess.Process]) -> str:
    """Start the program, and what it printed if it came to its end."""
    command = [sys.executable, "-c", PROGRAM, str(queue), primary.url, second.url, primary.token(), second.token()]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE)
    victim.append(process)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return out.decode()


# Which request of all that it makes kills it, and whether the server had done it by then.
@pytest.mark.parametrize(
    ("which", "method", "path", "after"),
    [
        ("primary", "POST", "/api/v1/streams", False),
        ("primary", "POST", "/api/v1/streams", True),
        ("second", "POST", "/api/v1/streams", False),
        ("second", "POST", "/api/v1/streams", True),
        ("second", "PUT", "/api/v1/streams", True),
        ("second", "PUT", "/api/v1/streams/500/pin", True),
        ("primary", "POST", "/api/v1/streams/bulk_import", True),
        ("primary", "DELETE", "/api/v1/streams", True),
        ("second", "DELETE", "/api/v1/streams", False),
    ],
)
async def test_a_killed_program_loses_nothing(
    pair: tuple[FakeStreamSource, FakeStreamSource], tmp_path: Path, which: str, method: str, path: str, after: bool
) -> None:
    """SIGKILL in the middle of a request to either server, before or after it took effect: the next start puts them in step."""
    primary, second = pair
    victim: list[asyncio.subprocess.Process] = []

    async def kill() -> None:
        victim[0].kill()

    (primary if which == "primary" else second).cue(Trouble(call=kill, method=method, path=path, after=after))
    assert "done" not in await run(tmp_path / "queue", primary, second, victim)
    assert -9 == victim[0].returncode

    backends = StreamSourceBackend(primary.url, primary.token()), StreamSourceBackend(second.url, second.token())
    async with BackendManager(backends[0], {"second": backends[1]}, queue=tmp_path / "queue") as both:
        assert ({}, []) == (both.missed(), both.refused())
        assert living(primary) == living(second)
        copies = {row.id for row in (await both.get_streams()).streams}
        await primary.server.close()
        primary_ids = {row["id"] for row in primary.living()}
        assert primary_ids == copies


async def test_a_program_that_is_left_alone_comes_to_its_end(pair: tuple[FakeStreamSource, FakeStreamSource], tmp_path: Path) -> None:
    """The program above does what it says, so that the killed ones were killed in the middle of it."""
    primary, second = pair
    assert "done\n" == await run(tmp_path / "queue", primary, second, [])
    assert living(primary) == living(second)
    assert ["one", "row 0", "row 1", "row 2"] == sorted(row["source"] for row in primary.living())
