"""
When to try again: a schedule of growing pauses with jitter, and what a receiver itself asks for with Retry-After.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import accumulate, repeat
from typing import Any, TypeGuard

from .error import Invalid

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
DELAYS = (5.0, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR)
"""Seconds before the second, third, … attempt; after the last one a delivery is a dead letter."""
JITTER = 0.1
"""A pause is up to this part shorter or longer, so that those that failed together do not come back together."""
MOST_ATTEMPTS = 100
LONGEST = 7 * DAY
LONGEST_ASKED = DAY
MODES = ("linear", "sum", "exponential")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds before each further attempt."""

    delays: tuple[float, ...] = DELAYS

    def delay(self, attempts: int, random: Callable[[], float], asked: float | None = None) -> float | None:
        """Seconds until the next attempt after so many that failed, None if there is none; *random* answers 0 to 1.

        A receiver that *asked* for more, up to a day, gets it; one that asks for less does not use up its attempts sooner.
        """
        if attempts > len(self.delays):
            return None
        jittered = self.delays[attempts - 1] * (1 + JITTER * (2 * random() - 1))
        return max(jittered, min(asked or 0.0, LONGEST_ASKED))

    @property
    def longest(self) -> float:
        """Seconds: no pause is longer, also with what a receiver asks for."""
        return max(LONGEST_ASKED, *self.delays, 0.0) * (1 + JITTER)

    @classmethod
    def of(cls, said: Any) -> Schedule:
        """A schedule as somebody wrote it: a list of seconds, or ``{"quantity", "interval", "mode"?, "ttl"?}``.  Raises Invalid.

        *quantity* pauses of *interval* seconds: always the same (``linear``), one interval longer each time (``sum``), or twice as long each time
        (``exponential``); those that would begin after *ttl* seconds are left out.
        """
        if isinstance(said, dict):
            return cls(_spelled(said))
        if not isinstance(said, list | tuple) or len(said) > MOST_ATTEMPTS or not all(_is_pause(each) for each in said):
            raise Invalid(f"delivery.retry is a list of at most {MOST_ATTEMPTS} pauses, in seconds, each up to a week")
        return cls(tuple(float(each) for each in said))


def _spelled(said: dict[str, Any]) -> tuple[float, ...]:
    if unknown := said.keys() - {"quantity", "interval", "mode", "ttl"}:
        raise Invalid(f"delivery.retry has no {min(unknown)[:40]!r}; it has quantity, interval, mode and ttl")
    quantity, interval, mode, ttl = said.get("quantity"), said.get("interval"), said.get("mode", "linear"), said.get("ttl", LONGEST)
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not 0 <= quantity <= MOST_ATTEMPTS:
        raise Invalid(f"delivery.retry.quantity is a whole number from 0 to {MOST_ATTEMPTS}")
    if not _is_pause(interval) or not _is_pause(ttl):
        raise Invalid("delivery.retry.interval and ttl are seconds, up to a week")
    if mode not in MODES:
        raise Invalid(f"delivery.retry.mode is one of {', '.join(MODES)}")
    factors = {"linear": repeat(1, quantity), "sum": range(1, quantity + 1), "exponential": (2**n for n in range(quantity))}[mode]
    delays = [min(interval * factor, LONGEST) for factor in factors]
    return tuple(delay for delay, total in zip(delays, accumulate(delays), strict=True) if total <= ttl)


def _is_pause(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST


def asked_for(header: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for, a number or a date, at most a day; None if there is none that can be read."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:12]), LONGEST_ASKED)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - now).total_seconds()), LONGEST_ASKED)
