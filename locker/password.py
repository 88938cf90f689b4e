"""
Passwords become argon2id hashes: slow and hungry for memory on purpose, so one at a time and never in the event loop.

The cost is what OWASP's Password Storage Cheat Sheet asks for at least: 19 MiB, two passes, one lane; some 20 to 80 ms each.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock, get_native_id
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from .error import Unavailable

LEAST, MOST = 8, 1024
"""Characters of a password."""
QUEUE = 64
"""So many may wait; whoever comes then is asked to try again later."""

T = TypeVar("T")


class Passwords:
    """Hashes and verifies, in one thread of its own.  *hasher* carries the cost: tests bring a cheap one."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._thread = ThreadPoolExecutor(1, "password", initializer=_step_back)
        self._lock = Lock()
        self._waiting = 0
        self._dummy: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to keep.  Raises Unavailable if too many wait."""
        return await asyncio.wrap_future(self._queued(lambda: self._hasher.hash(_normal(password))))

    async def verify(self, known: str | None, password: str) -> bool:
        """Whether a password is the one of a hash.  Without a hash it takes as long and is False.  Raises Unavailable if too many wait."""
        return await asyncio.wrap_future(self._queued(lambda: self._verify(known, password)))

    def is_weak(self, known: str) -> bool:
        """Whether a hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(known)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _verify(self, known: str | None, password: str) -> bool:
        if self._dummy is None:
            self._dummy = self._hasher.hash(secrets.token_hex())
        try:
            is_right = self._hasher.verify(known or self._dummy, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
        return is_right and known is not None

    def _queued(self, run: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self._waiting >= QUEUE:
                raise Unavailable("too many are signing in at this moment; try again in a little while")
            self._waiting += 1
        future = self._thread.submit(run)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: object) -> None:
        with self._lock:
            self._waiting -= 1


def _step_back() -> None:
    """Let the threads that answer go first where the system knows priorities of threads (Linux): a flood of logins must not slow reads."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, get_native_id(), 10)


def _normal(password: str) -> bytes:
    """The same bytes however a keyboard composes letters (RFC 8265); one that is too long to be right is cut, still too long."""
    return unicodedata.normalize("NFC", password[: MOST + 1]).encode("utf-8", "surrogatepass")
