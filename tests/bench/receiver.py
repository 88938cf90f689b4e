"""
A receiver of notifications that does as little as possible: ``python -m tests.bench.receiver PORT``.

It answers 200 to every POST, and to ``GET /`` how many there were and how long each took from the moment that its body's ``key`` names (in nanoseconds
since 1970) to its arrival.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_KEY = re.compile(rb'"key":"(\d{19})"')
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Receiver(asyncio.Protocol):
    """One connection."""

    count = 0
    delays: list[float] = []  # noqa: RUF012 - shared on purpose

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self.buffer, 0, end)
            length = int(found[1]) if found else 0
            if len(self.buffer) < end + 4 + length:
                return
            head, body, self.buffer = self.buffer[:end], self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET"):
            said = json.dumps({"count": Receiver.count, "delays": Receiver.delays}).encode()
            Receiver.count, Receiver.delays = 0, []
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said)
            return
        if key := _KEY.search(body):
            Receiver.delays.append((time.time_ns() - int(key[1])) / 1e6)
        Receiver.count += 1
        self.transport.write(OK)


async def main(port: int) -> None:
    """Answer until terminated."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
