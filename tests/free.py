"""
Ports of loopback that nobody listens on, for servers that tests start as processes and that cannot choose one themselves.
"""

from __future__ import annotations

import random
import socket

FIRST, LAST = 12_000, 32_000
"""Below those that a system gives to whoever asks for any, so that no test beside this one is given one of them meanwhile."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment, chosen by chance."""
    found: set[int] = set()
    while len(found) < count:
        port = random.SystemRandom().randrange(FIRST, LAST)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        found.add(port)
    return list(found)
