"""
The courier carries one signed request to a receiver, through the guard, once, and brings back what it answered.

It follows no redirects, takes no longer than its time limit, reads no more of an answer than it keeps, and reuses connections.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from .error import Forbidden, Invalid
from .guard import Guard, check_url
from .reach import open_session
from .retry import asked_for
from .verdict import SHOWN_BYTES, Answer

TIMEOUT = aiohttp.ClientTimeout(total=15, connect=10, sock_connect=10)
MOST_BYTES = 64 * 1024
"""Of an answer; a longer one is cut off, and its status counts."""
READ_BYTES = 16 * 1024
"""... of which so many are looked at: a secret that a receiver repeats is taken out before the rest is cut off."""
CONNECTIONS = 400
KEPT_HOSTS, KEPT_SECONDS = 100, 15.0
"""Connections to so many hosts are kept open for the next notification."""
AGENT = "Locker"


class Courier:
    """An open door for notifications: ``async with Courier(guard) as courier: answer = await courier.send(...)``."""

    def __init__(self, guard: Guard, clock: Callable[[], datetime], *, timeout: aiohttp.ClientTimeout = TIMEOUT) -> None:
        self._guard, self._clock, self._timeout = guard, clock, timeout
        self._hosts: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        self._session = open_session(self._guard, self._timeout, limit=CONNECTIONS, auto_decompress=False)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

    async def send(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, hide: Callable[[str], str] = str
    ) -> Answer:
        """Send it once; never raises for what a receiver or the network does.  *hide* takes out of an answer what must not be kept."""
        start = time.perf_counter()
        try:
            target = _target(url)
            async with self._session.request(method, target, headers=headers, data=body or None, allow_redirects=False) as answer:
                text = _shown(hide(await _beginning(answer)))
                if not self._keeps(target.raw_authority, start):
                    answer.close()
                asked = asked_for(answer.headers["Retry-After"], self._clock()) if "Retry-After" in answer.headers else None
                return Answer(answer.status, time.perf_counter() - start, text, asked=asked)
        except Invalid as error:
            return Answer(error=str(error), is_final=True)
        except Exception as error:  # whatever an answer makes a library raise is a failed attempt, and counts as one
            return Answer(seconds=time.perf_counter() - start, error=self._said(error))

    def _keeps(self, host: str, now: float) -> bool:
        """Whether the connection to a host is kept open: the first hosts of the last seconds are, however many there are."""
        if host not in self._hosts and len(self._hosts) >= KEPT_HOSTS:
            for known, used in list(self._hosts.items()):
                if used < now - KEPT_SECONDS:
                    del self._hosts[known]
            if len(self._hosts) >= KEPT_HOSTS:
                return False
        self._hosts[host] = now
        return True

    def _said(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no whole answer within {self._timeout.total:g} seconds"
        if isinstance(error, Forbidden):
            return f"refused by the guard: {error}"
        return f"{type(error).__name__}: {error}"[:SHOWN_BYTES]


@lru_cache(maxsize=20_000)
def _target(url: str) -> URL:
    return URL(check_url(url).url, encoded=True)


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """The first bytes of an answer as text.  Reads it to its end, so that the connection can be used again, unless that is far."""
    size, kept = 0, b""
    async for part in answer.content.iter_any():
        size += len(part)
        if len(kept) < READ_BYTES:
            kept += part[: READ_BYTES - len(kept)]
        if size > MOST_BYTES:
            answer.close()
            break
    return kept.decode(errors="replace").replace("\0", "\ufffd")


def _shown(text: str) -> str:
    return text.encode()[:SHOWN_BYTES].decode(errors="replace")
