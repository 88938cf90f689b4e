"""
A verdict is what became of one attempt to tell a subscription of a record; each is kept as a record of owner ``system``, source ``delivery``.

The records of one thing at one subscription are one history (their key is ``<subscription> <owner>/<first record>``): whoever asks "did they get it, and if not,
why" reads its newest one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

from .draft import Draft
from .record import Body
from .retry import DAY
from .subscription import Policy

OWNER, SOURCE = "system", "delivery"
LOG = f"{OWNER}/{SOURCE}"
TYPE = "delivery/locker"
SHOWN_BYTES = 500
"""Of an answer's body."""
MOST_FAILING = 5 * DAY

Kind = Literal["delivered", "discarded", "failed", "dead"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered, or the *error* that kept it from answering.

    *asked* are the seconds that it asked for with Retry-After; *is_final* says that another attempt would end alike: nothing was sent.
    """

    status: int | None = None
    seconds: float = 0.0
    text: str = ""
    error: str = ""
    asked: float | None = None
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an attempt; *due* (seconds since 1970) is when the next one is, *disable* why the subscription is switched off."""

    kind: Kind
    answer: Answer
    due: float | None = None
    disable: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to be done for this revision."""
        return self.due is None and not self.disable

    @property
    def is_success(self) -> bool:
        return self.kind in ("delivered", "discarded")


def judge(
    policy: Policy, answer: Answer, attempts: int, now: float, random: Callable[[], float], failing: float | None, *, once: bool = False
) -> Verdict:
    """What an answer to the *attempts*-th attempt means; *failing* is since when nothing arrived, *once* that there is no second attempt."""
    if answer.status is not None and not answer.error:
        if policy.accepts(answer.status):
            return Verdict("delivered", answer)
        if answer.status in policy.discard:
            return Verdict("discarded", answer)
    if once or answer.is_final:
        return Verdict("dead", answer)
    disable = ""
    if answer.status == 410 and not answer.error:
        disable = "the receiver answered 410 Gone"
    elif failing is not None and now - failing >= MOST_FAILING:
        disable = "nothing arrived for five days"
    pause = policy.retry.delay(attempts, random, answer.asked)
    if disable:
        return Verdict("failed", answer, now if pause is None else now + pause, disable)
    return Verdict("dead", answer) if pause is None else Verdict("failed", answer, now + pause)


def draft(subscription: str, thing: str, verdict: Verdict, said: Body) -> Draft:
    """The record of an attempt; *said* is what was told to whom."""
    answer = verdict.answer
    body: Body = {"subscription": subscription, **said, "outcome": verdict.kind, "seconds": round(answer.seconds, 4)}
    more: list[tuple[str, Any]] = [
        ("status", answer.status),
        ("answer", answer.text or None),
        ("error", answer.error or None),
        ("disabled", verdict.disable or None),
    ]
    return Draft.of(TYPE, f"{subscription} {thing}", body | {name: value for name, value in more if value is not None})


@lru_cache(maxsize=20_000)
def address(url: str) -> str:
    """A URL without its query, which may hold a token."""
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}{split.path}"
