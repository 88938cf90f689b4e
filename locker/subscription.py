"""
A subscription says who wants to hear of what: a filter over the log, a place to start, and a receiver.

Subscriptions, and everything that is asked of them (pause, replay, test, send again), are records of owner ``system``, source ``subscription``: whoever
does the sending follows that log, in whatever process it runs.  Secrets are in the vault; a record has ``***`` in their place.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from .error import Invalid
from .filter import Filter
from .receiver import Receiver
from .record import Body, Record
from .retry import Schedule
from .schema import written
from .words import moment

OWNER, SOURCE = "system", "subscription"
TYPE, REQUEST = "subscription/locker", "request/locker"

Status = Literal["active", "paused", "disabled"]
State = Literal["all", "last"]
CONCURRENCY, MOST_CONCURRENCY = 10, 100
MOST_RATE = 10_000.0
MOST_STATUSES = 100


@dataclass(frozen=True, slots=True)
class Start:
    """Where to begin: after a *position*, at a *time* (a stamp), or with neither now."""

    position: int | None = None
    time: str | None = None

    @classmethod
    def of(cls, said: Any) -> Self:
        """``now``, ``beginning``, ``{"position": 17}`` or ``{"time": "2026-11-22"}``.  Raises Invalid."""
        if said in (None, "now"):
            return cls()
        if said == "beginning":
            return cls(position=0)
        if isinstance(said, dict) and len(said) == 1:
            position, time = said.get("position"), said.get("time")
            if isinstance(position, int) and not isinstance(position, bool) and 0 <= position < 2**62:
                return cls(position=position)
            if isinstance(time, str) and (found := moment(time)) is not None:
                return cls(time=written(found.start))
        raise Invalid('from is "now", "beginning", {"position": 17} or {"time": "2026-11-22T08:00:00Z"}')

    def said(self) -> Any:
        """As the log keeps it."""
        if self.time is not None:
            return {"time": self.time}
        return "now" if self.position is None else {"position": self.position}


NOW, BEGINNING = Start(), Start(position=0)


@dataclass(frozen=True, slots=True)
class Policy:
    """How deliveries are judged and paced.

    *success* are the statuses that count as delivered (empty: any 2xx), *discard* those after which it is not tried again; *state* ``last`` leaves out
    revisions that a newer one has overtaken; at most *concurrency* things at once, at most *rate* attempts a second (0: any).
    """

    success: tuple[int, ...] = ()
    discard: tuple[int, ...] = ()
    retry: Schedule = field(default_factory=Schedule)
    state: State = "all"
    concurrency: int = CONCURRENCY
    rate: float = 0.0

    def accepts(self, status: int) -> bool:
        """Whether a status means that it was delivered."""
        return status in self.success if self.success else 200 <= status < 300

    def body(self) -> Body:
        """As the log keeps it: what is not the default."""
        said: Body = {}
        if self.success:
            said["success"] = list(self.success)
        if self.discard:
            said["discard"] = list(self.discard)
        if self.retry != Schedule():
            said["retry"] = list(self.retry.delays)
        if self.state != "all":
            said["state"] = self.state
        if self.concurrency != CONCURRENCY:
            said["concurrency"] = self.concurrency
        if self.rate:
            said["rate"] = self.rate
        return said

    @classmethod
    def of(cls, said: Any) -> Self:
        """A policy as somebody wrote it.  Raises Invalid."""
        names = {"success", "discard", "retry", "state", "concurrency", "rate"}
        if not isinstance(said, dict) or (said.keys() - names):
            raise Invalid(f"delivery is an object of {', '.join(sorted(names))}")
        state, concurrency, rate = said.get("state", "all"), said.get("concurrency", CONCURRENCY), said.get("rate") or 0.0
        if state not in ("all", "last"):
            raise Invalid("delivery.state is all or last")
        if not isinstance(concurrency, int) or isinstance(concurrency, bool) or not 1 <= concurrency <= MOST_CONCURRENCY:
            raise Invalid(f"delivery.concurrency is a whole number from 1 to {MOST_CONCURRENCY}")
        if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 <= rate <= MOST_RATE:
            raise Invalid(f"delivery.rate is a number of attempts a second, at most {MOST_RATE:.0f}; 0 is any number")
        retry = Schedule() if said.get("retry") is None else Schedule.of(said["retry"])
        return cls(
            _statuses("success", said.get("success")), _statuses("discard", said.get("discard")), retry, state, concurrency, float(rate)
        )


@dataclass(frozen=True, slots=True)
class Content:
    """What a notification looks like: the name of a dialect (``notification.py``) and what that wants to know."""

    dialect: str = "record"
    options: Body = field(default_factory=dict, hash=False)

    def body(self) -> Body:
        """As the log keeps it."""
        return {"dialect": self.dialect, **({"options": self.options} if self.options else {})}


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who wants to hear of what.  *number* is that of its first record; *owner* is whose it is, *filter* says of whom it hears.

    *reason* says why it is paused or disabled; *by* made it; *version* is the number of its newest record.
    """

    id: str
    number: int
    owner: str
    filter: Filter
    receiver: Receiver
    delivery: Policy = field(default_factory=Policy)
    content: Content = field(default_factory=Content)
    start: Start = NOW
    status: Status = "active"
    reason: str = ""
    created: str = ""
    updated: str = ""
    by: str | None = None
    version: int = 0

    @property
    def is_active(self) -> bool:
        return self.status == "active"

    def body(self) -> Body:
        """As the log keeps it."""
        said: Body = {
            "owner": self.owner,
            "filter": self.filter.body(),
            "receiver": self.receiver.body(),
            "delivery": self.delivery.body(),
            "content": self.content.body(),
            "from": self.start.said(),
            "status": self.status,
        }
        return {**said, "reason": self.reason} if self.reason else said

    def as_dict(self) -> Body:
        """As listings show it: no secrets."""
        return {"id": self.id, **self.body(), "created": self.created, "updated": self.updated, "by": self.by}

    def set(self, status: Status, reason: str = "") -> Subscription:
        """The same one, active, paused or disabled."""
        return replace(self, status=status, reason=reason)

    @classmethod
    def of(cls, record: Record, created: str, by: str | None) -> Self:
        """A subscription as the log says it, that was made then by somebody.  Raises Invalid, KeyError or TypeError for what is none."""
        said, content = record.body, record.body["content"]
        return cls(
            record.key,
            int(record.first.rpartition(":")[2]),
            said["owner"],
            Filter.of(said["filter"]),
            Receiver.of(said["receiver"]),
            Policy.of(said["delivery"]),
            Content(content["dialect"], content.get("options", {})),
            Start.of(said["from"]),
            said["status"],
            said.get("reason", ""),
            created,
            record.timestamp,
            by,
            record.version,
        )


def _statuses(name: str, said: Any) -> tuple[int, ...]:
    if said is None:
        return ()
    if not isinstance(said, list | tuple) or len(said) > MOST_STATUSES or not all(_is_status(each) for each in said):
        raise Invalid(f"delivery.{name} is a list of HTTP status codes, 100 to 599")
    return tuple(said)


def _is_status(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599
