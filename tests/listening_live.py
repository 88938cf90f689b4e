"""
Clients of live streams for tests: one that reads Server-Sent Events, one that reads WebSocket frames.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgpack

EVENTS = {"Accept": "text/event-stream"}
SECONDS = 30.0


@dataclass
class Heard:
    """What a client heard: *records* as they were told, *last* the id to go on from, *end* what the server said when it ended."""

    records: list[dict[str, Any]] = field(default_factory=list)
    last: int | None = None
    beats: int = 0
    end: dict[str, Any] | None = None
    code: int | None = None
    is_over: bool = False

    @property
    def positions(self) -> list[int]:
        return [each["position"] for each in self.records]

    def take(self, said: dict[str, Any]) -> None:
        """Heed one frame."""
        if "heartbeat" in said:
            self.beats, self.last = self.beats + 1, said["heartbeat"]
        elif "end" in said:
            self.end, self.last = said["end"], said["end"]["position"]
        else:
            self.records.append(said)
            self.last = said["position"]

    def event(self, lines: list[bytes]) -> None:
        """Heed one event, as the standard says."""
        fields = dict(line.split(b": ", 1) for line in lines if not line.startswith(b":"))
        self.beats += any(line.startswith(b": heartbeat") for line in lines)
        if b"id" in fields:
            self.last = int(fields[b"id"])
        if b"data" in fields:
            said = json.loads(fields[b"data"])
            if fields.get(b"event") == b"end":
                self.end = said
            else:
                self.records.append(said)
                assert said["position"] == self.last


@asynccontextmanager
async def events(url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[Heard]:
    """Listen to an event stream; *url* has the whole query."""
    found = Heard()
    async with aiohttp.ClientSession() as session, session.get(url, headers={**EVENTS, **(headers or {})}) as answer:
        assert answer.status == 200, await answer.text()
        task = asyncio.create_task(_read(answer, found))
        try:
            yield found
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _read(answer: aiohttp.ClientResponse, found: Heard) -> None:
    lines: list[bytes] = []
    try:
        while line := await answer.content.readuntil(b"\n"):
            if line == b"\n":
                found.event(lines)
                lines = []
            else:
                lines.append(line[:-1])
    except aiohttp.ClientError:
        return
    finally:
        found.is_over = True


@asynccontextmanager
async def socket(url: str, protocols: tuple[str, ...] = (), headers: Mapping[str, str] | None = None) -> AsyncIterator[Heard]:
    """Listen to a WebSocket."""
    found = Heard()
    async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers, protocols=protocols) as answer:
        task = asyncio.create_task(_receive(answer, found))
        try:
            yield found
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _receive(answer: aiohttp.ClientWebSocketResponse, found: Heard) -> None:
    async for message in answer:
        found.take(json.loads(message.data) if message.type == aiohttp.WSMsgType.TEXT else msgpack.unpackb(message.data))
    found.code, found.is_over = answer.close_code, True
