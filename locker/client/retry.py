"""
How often and how patiently a request is repeated: exponential backoff with jitter, never sooner than the server asked for.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from ..error import Retriable

T = TypeVar("T")
_log = logging.getLogger("locker.client")


@dataclass(frozen=True, slots=True)
class Retry:
    """Repeats what raised Retriable, *times* times at most; all delays in seconds.

    The n-th wait is ``delay · 2ⁿ⁻¹``, at most *longest*, of which a random part up to a half is taken off, so that many clients do not come back
    together.  A server's Retry-After is waited out (plus a random part of *delay*); one longer than *patience* ends it at once.
    """

    times: int = 4
    delay: float = 1.0
    longest: float = 60.0
    patience: float = 300.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """The result of *call*, or the error of its last attempt."""
        attempts = AsyncRetrying(
            sleep=self.sleep,
            wait=self._wait,
            stop=self._stop,
            retry=retry_if_exception_type(Retriable),
            before_sleep=_tell,
            reraise=True,
        )

        async def attempt() -> T:
            # tenacity awaits only what is declared async, and a call may be a lambda.
            return await call()

        return await attempts(attempt)

    def _wait(self, state: RetryCallState) -> float:
        after = _after(state)
        if after is not None:
            return after + self.delay * self.random()
        backoff = min(self.longest, self.delay * 2.0 ** (state.attempt_number - 1))
        return float(backoff * (1 - self.random() / 2))

    def _stop(self, state: RetryCallState) -> bool:
        return stop_after_attempt(self.times + 1)(state) or (_after(state) or 0) > self.patience


def _after(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.after if isinstance(error, Retriable) else None


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.info("again in %.1f s: %s", state.next_action.sleep if state.next_action else 0, error)
