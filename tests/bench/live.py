"""
Live streams: how fast a thousand listeners are told, how long that takes from append to arrival, and what two thousand idle ones cost.
"""

from __future__ import annotations

import asyncio
import re
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import aiohttp

from . import servers
from .report import Row

LISTENERS, IDLE = 1000, 2000
BURST, RATE, SECONDS = 100, 10, 5.0
WAIT_SECONDS = 120.0
KEY = re.compile(rb'"key":"(\d+)"')
HELLO = b"GET /live?source=bench HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"


@dataclass(slots=True)
class Heard:
    """What all listeners heard: how many are listening, how many events came, and after how many milliseconds."""

    open: int = 0
    events: int = 0
    delays: list[float] = field(default_factory=list)


class Listener(asyncio.Protocol):
    """One connection, which counts what comes; a key is the moment when its record was made."""

    def __init__(self, heard: Heard) -> None:
        self._heard, self._rest, self._is_open = heard, b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(HELLO)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self._is_open and b": heartbeat" in data:
            self._is_open = True
            self._heard.open += 1
        now, end = time.time_ns(), 0
        for found in KEY.finditer(data):
            self._heard.delays.append((now - int(found[1])) / 1e6)
            end = found.end()
        self._heard.events = len(self._heard.delays)
        self._rest = data[max(end, len(data) - 64) :] if end < len(data) else b""


def bench(room: Path, count: int, rounds: int) -> list[Row]:
    """A thousand listeners and two thousand idle ones, or fewer where there is little time (fewer than 10,000 records)."""
    del rounds
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    share = 1 if count >= 10_000 else 50
    server = servers.locker(room / "live", "--no-collect")
    try:
        empty = server.memory()
        heard = asyncio.run(_fan_out(server.port, LISTENERS // share, BURST if share == 1 else 5))
        cost = asyncio.run(_idle(server, IDLE // share))
    finally:
        server.stop()
    rate, delays = heard
    many = f"{LISTENERS // share:,} listeners"
    return [
        Row(f"live, a burst of records to {many}, events", rate),
        Row(f"live, from append to arrival at {many}, {RATE} records a second, median", median(delays), "ms"),
        Row("live, the same, p99", quantiles(delays, n=100)[-1], "ms"),
        Row("live, memory of the server before", empty, "MiB"),
        Row(f"live, memory of the server with {IDLE // share:,} idle streams", cost, "MiB", most=200),
    ]


async def _fan_out(port: int, listeners: int, burst: int) -> tuple[float, Sequence[float]]:
    """Events a second in a burst, and the delays at a steady rate."""
    heard = Heard()
    opened = await _open(port, listeners, heard)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        start = time.perf_counter()
        await _push(session, burst)
        await _until(lambda: heard.events >= listeners * burst)
        rate = heard.events / (time.perf_counter() - start)
        heard.delays.clear()
        total = int(RATE * (SECONDS if burst == BURST else 0.5))
        start = time.perf_counter()
        for n in range(total):
            await asyncio.sleep(max(0.0, start + n / RATE - time.perf_counter()))
            await _push(session, 1)
        await _until(lambda: heard.events >= listeners * total)
    for each in opened:
        each.abort()
    return rate, heard.delays


async def _idle(server: servers.Server, listeners: int) -> float:
    """The memory of a server with so many listeners of whom nobody hears anything."""
    heard = Heard()
    opened = await _open(server.port, listeners, heard)
    found = server.memory()
    for each in opened:
        each.abort()
    return found


async def _open(port: int, listeners: int, heard: Heard) -> list[asyncio.Transport]:
    loop, made = asyncio.get_running_loop(), list[asyncio.Transport]()
    for _ in range(listeners):
        made.append((await loop.create_connection(lambda: Listener(heard), "127.0.0.1", port))[0])
    await _until(lambda: heard.open >= listeners)
    return made


async def _push(session: aiohttp.ClientSession, count: int) -> None:
    items = [{"type": "note", "key": str(time.time_ns() + n), "body": {"text": "x" * 300, "n": n}} for n in range(count)]
    async with session.post("/connectors/bench/push", json=items) as answer:
        answer.raise_for_status()


async def _until(holds: object) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError("the listeners did not hear everything")
        await asyncio.sleep(0.002)
