"""
The load generator for latencies: requests go out at a fixed rate, whatever the answers do, and each is timed from the moment it was due.

Whoever only asks again when the answer is there does not notice a server that stands still.  ``python -m tests.bench.paced -``, like ``load``.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from itertools import count, cycle

from .load import Connection, Seen, send


def paced(port: int, connections: int, seconds: float, requests: Sequence[str], *, rate: float, first: int = 0) -> Seen:
    """Send *rate* requests a second over so many connections.  A request whose turn comes when none is free waits, and that counts."""
    texts, numbers, seen, times = cycle([each.encode() for each in requests]), count(first), Seen(), list[float]()
    selector, idle = selectors.DefaultSelector(), deque[Connection]()
    for _ in range(connections):
        opened = socket.create_connection(("127.0.0.1", port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        idle.append(Connection(opened))
        selector.register(opened, selectors.EVENT_READ, idle[-1])
    start = time.perf_counter()
    due = [start + number / rate for number in range(int(seconds * rate))]
    next_one = 0
    while len(times) < len(due):
        now = time.perf_counter()
        while idle and next_one < len(due) and due[next_one] <= now:
            connection = idle.popleft()
            send(connection, texts, numbers)
            connection.sent = due[next_one]
            next_one += 1
        wait = max(0.0, due[next_one] - now) if idle and next_one < len(due) else 30.0
        for key, _ in selector.select(wait):
            connection = key.data
            part = connection.socket.recv(262_144)
            if not part:
                raise ConnectionError(f"the server closed a connection; it had answered {bytes(connection.received[:600])!r}")
            connection.received += part
            if connection.is_complete():
                times.append(time.perf_counter() - connection.sent)
                seen.bytes += len(connection.received)
                if connection.received[9:10] != b"2":
                    seen.failed += 1
                    seen.error = seen.error or bytes(connection.received[:600]).decode(errors="replace")
                idle.append(connection)
    seen.seconds, seen.done = time.perf_counter() - start, len(times)
    seen.summarise(times)
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(paced(**json.loads(sys.stdin.readline())))))
