"""
How a live stream looks on the wire: events of an event stream, or frames of a WebSocket in JSON or MessagePack.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from locker.live import GONE, REVOKED, SHUTDOWN, SLOW, Encode, Item, Listener
from locker.notification import Change
from locker.record import Record, loads

from ._pages import begun, packed
from ._service import Call

EVENTS = "text/event-stream"
PROTOCOLS = ("locker.json", "locker.msgpack")
RETRY_MS = 1000
PING_SECONDS = 30.0
MOST_SAID = 4096
"""Bytes of a client's frame; nothing that it says is heeded."""
CODES = {
    SLOW: WSCloseCode.TRY_AGAIN_LATER,
    REVOKED: WSCloseCode.POLICY_VIOLATION,
    SHUTDOWN: WSCloseCode.GOING_AWAY,
    GONE: WSCloseCode.OK,
}


def json_frame(record: Record, change: Change | None) -> bytes:
    """``{"position", "owner", "change"?, "record"}``: the record as every other call shows it, its body copied as it lies in the log."""
    said = {"position": record.position, "owner": record.owner} | ({"change": change} if change else {})
    return orjson.dumps(said)[:-1] + b',"record":' + record.as_json() + b"}"


def event_frame(record: Record, change: Change | None) -> bytes:
    """The same as an event whose id is the position."""
    return b"id: %d\ndata: %b\n\n" % (record.position, json_frame(record, change))


def packed_frame(record: Record, change: Change | None) -> bytes:
    """The same as MessagePack."""
    return packed(loads(json_frame(record, change)))


class Wire(ABC):
    """One connection; *sent* is the position up to which the client was told everything that it wants to hear."""

    encode: Encode

    def __init__(self, sent: int) -> None:
        self.sent = sent

    async def tell(self, items: Sequence[Item]) -> None:
        """Send records."""
        await self._send(items)
        self.sent = max(self.sent, items[-1].position)

    async def beat(self, position: int) -> None:
        """Say that it is still there, and where to go on if it breaks."""
        self.sent = max(self.sent, position)
        await self._beat()

    @abstractmethod
    async def _send(self, items: Sequence[Item]) -> None: ...

    @abstractmethod
    async def _beat(self) -> None: ...

    @abstractmethod
    async def end(self, reason: str) -> None:
        """Say that it is over, why, and where to go on."""

    @abstractmethod
    async def close(self) -> web.StreamResponse:
        """What the server hears of it."""


class EventStream(Wire):
    """Server-Sent Events."""

    encode = staticmethod(event_frame)

    def __init__(self, call: Call, sent: int) -> None:
        super().__init__(sent)
        self._call = call
        self._response = begun(call, EVENTS, {"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def open(self) -> None:
        """Send the headers, and after how long to come back."""
        self._response.force_close()
        await self._response.prepare(self._call.request)
        await self._response.write(b"retry: %d\n\n" % RETRY_MS)

    async def _send(self, items: Sequence[Item]) -> None:
        await self._response.write(b"".join(item.frame for item in items))

    async def _beat(self) -> None:
        # An id without data moves where the client goes on, and causes no event.
        await self._response.write(b": heartbeat\nid: %d\n\n" % self.sent)

    async def end(self, reason: str) -> None:
        said = orjson.dumps({"reason": reason, "position": self.sent})
        await self._response.write(b"id: %d\nevent: end\ndata: %b\n\n" % (self.sent, said))

    async def close(self) -> web.StreamResponse:
        await self._response.write_eof()
        return self._response


class Socket(Wire):
    """A WebSocket."""

    encode = staticmethod(json_frame)
    _kind = WSMsgType.TEXT

    def __init__(self, response: web.WebSocketResponse, sent: int) -> None:
        super().__init__(sent)
        self._response = response

    def _pack(self, said: dict[str, Any]) -> bytes:
        return orjson.dumps(said)

    async def _send(self, items: Sequence[Item]) -> None:
        for item in items:
            await self._response.send_frame(item.frame, self._kind)

    async def _beat(self) -> None:
        await self._response.send_frame(self._pack({"heartbeat": self.sent}), self._kind)

    async def end(self, reason: str) -> None:
        await self._response.send_frame(self._pack({"end": {"reason": reason, "position": self.sent}}), self._kind)
        await self._response.close(code=CODES[reason], message=f"{reason} {self.sent}".encode())

    async def close(self) -> web.StreamResponse:
        with suppress(ConnectionError):
            await self._response.close()
        return self._response


class PackedSocket(Socket):
    """A WebSocket whose frames are MessagePack."""

    encode = staticmethod(packed_frame)
    _kind = WSMsgType.BINARY

    def _pack(self, said: dict[str, Any]) -> bytes:
        return packed(said)


async def listen_for_the_end(response: web.WebSocketResponse, listener: Listener) -> None:
    """Answer pings, and notice when the client goes; what it says is not heeded."""
    with suppress(ConnectionError, asyncio.CancelledError):
        async for _ in response:
            continue
    listener.end(GONE)
