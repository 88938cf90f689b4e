"""
The load generator: keep-alive connections over bare sockets, in one loop, cheap enough to leave the processor to the server.

A process of its own: ``python -m tests.bench.load ARGUMENTS`` (JSON) prints what it saw as JSON.  Each connection sends its next request when the answer
to the one before is complete.  In a request ``{n}`` is a number of twelve digits that no other request has.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count, cycle

from .measure import CHILD_SECONDS, ROOT

END = b"\r\n\r\n"
LENGTH = b"content-length:"
CHUNKED = b"transfer-encoding: chunked"


@dataclass(slots=True)
class Seen:
    """What the clients saw: *done* answers, *failed* ones (another status than 2xx) among them, and how long they took, in milliseconds."""

    done: int = 0
    failed: int = 0
    bytes: int = 0
    seconds: float = 0.0
    middle: float = 0.0
    slow: float = 0.0
    """What one in a hundred exceeds."""
    longest: float = 0.0
    error: str = ""

    def summarise(self, times: list[float]) -> None:
        """Tell the middle and the slow ones of all times, in seconds."""
        times.sort()
        if times:
            self.middle, self.slow, self.longest = (times[int(len(times) * part)] * 1000 for part in (0.5, 0.99, 0.9999999))


@dataclass(slots=True)
class Connection:
    """One client: its socket, what it received of the current answer, and when it sent the request."""

    socket: socket.socket
    sent: float = 0.0
    received: bytearray = field(default_factory=bytearray)
    needed: int = 0
    """Bytes of the whole answer; 0 as long as its head is not complete, -1 if only its end tells."""

    def is_complete(self) -> bool:
        """Whether the whole answer is there."""
        if self.needed == 0:
            head = self.received.find(END)
            if head < 0:
                return False
            fields = bytes(self.received[:head]).lower()
            if CHUNKED in fields:
                self.needed = -1
            else:
                at = fields.find(LENGTH)
                length = int(fields[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
                self.needed = head + len(END) + length
        return self.received.endswith(b"0\r\n\r\n") if self.needed < 0 else len(self.received) >= self.needed


def load(
    port: int, connections: int, seconds: float, requests: Sequence[str], *, pause: float = 0.0, first: int = 0, until: str = ""
) -> Seen:
    """Ask for so many seconds (or until standard input ends, if *until* says so), waiting *pause* seconds between requests of a connection."""
    texts = cycle([each.encode() for each in requests])
    numbers = count(first)
    seen, times = Seen(), list[float]()
    selector = selectors.DefaultSelector()
    if until:
        selector.register(sys.stdin, selectors.EVENT_READ)
    for _ in range(connections):
        opened = socket.create_connection(("127.0.0.1", port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(opened)
        selector.register(opened, selectors.EVENT_READ, connection)
        send(connection, texts, numbers)
    start = now = time.perf_counter()
    while now - start < seconds:
        for key, _ in selector.select(0.5):
            if key.data is None:
                seconds = 0.0
                continue
            connection = key.data
            part = connection.socket.recv(262_144)
            if not part:
                raise ConnectionError(f"the server closed a connection; it had answered {bytes(connection.received[:600])!r}")
            connection.received += part
            if connection.is_complete():
                now = time.perf_counter()
                times.append(now - connection.sent)
                seen.bytes += len(connection.received)
                if connection.received[9:10] != b"2":
                    seen.failed += 1
                    seen.error = seen.error or bytes(connection.received[:600]).decode(errors="replace")
                if pause:
                    time.sleep(pause)
                send(connection, texts, numbers)
        now = time.perf_counter()
    seen.seconds, seen.done = now - start, len(times)
    seen.summarise(times)
    return seen


def send(connection: Connection, texts: Iterator[bytes], numbers: Iterator[int]) -> None:
    """Send the next request over a connection whose answer is complete."""
    text = next(texts)
    if b"{n}" in text:
        text = text.replace(b"{n}", b"%012d" % next(numbers))
    connection.received.clear()
    connection.needed = 0
    connection.sent = time.perf_counter()
    connection.socket.sendall(text)


def get(path: str) -> str:
    """A request for a path."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n"


def post(path: str, body: str) -> str:
    """A request with a JSON body."""
    length = len(body.replace("{n}", "0" * 12))
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"


def start(
    port: int, connections: int, seconds: float, requests: Sequence[str], *, module: str = "load", **more: object
) -> subprocess.Popen[str]:
    """Start it as a process, or its sibling *module*; ``finish`` waits for it."""
    arguments = {"port": port, "connections": connections, "seconds": seconds, "requests": list(requests), **more}
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.bench.{module}", "-"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write(json.dumps(arguments) + "\n")
    process.stdin.flush()
    return process


def finish(process: subprocess.Popen[str]) -> Seen:
    """What it saw.  Raises SystemExit if it broke, or if an answer was an error: then nothing was measured."""
    told, errors = process.communicate(timeout=CHILD_SECONDS)
    if process.returncode:
        raise SystemExit(f"the load generator failed:\n{errors[-2000:]}")
    seen = Seen(**json.loads(told))
    if seen.failed:
        raise SystemExit(f"{seen.failed} of {seen.done} answers were errors, like\n{seen.error}")
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(load(**json.loads(sys.stdin.readline())))))
