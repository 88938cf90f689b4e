"""
A notification is what a subscription is told of one record; a dialect makes a body of it.

A facade with a dialect of its own adds it by ``dialect("flare", Flare())`` when it is loaded; ``record`` is the plain one.  Facades find here
everything that they need to make a subscription.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import orjson

from .error import Invalid
from .filter import Filter
from .receiver import ACTIONS, METHODS, Action, Call, Receiver, places
from .record import Body, Record
from .retry import Schedule
from .subscription import BEGINNING, NOW, Content, Policy, Start, Subscription

__all__ = [
    "ACTIONS",
    "BEGINNING",
    "METHODS",
    "NOW",
    "Action",
    "Call",
    "Change",
    "Content",
    "Dialect",
    "Filter",
    "Notification",
    "Policy",
    "Receiver",
    "Schedule",
    "Start",
    "Subscription",
    "check_dialect",
    "dialect",
    "places",
]

Change = Literal["entered", "changed", "left"]


@dataclass(frozen=True, slots=True)
class Notification:
    """*action* is what happened from this subscriber's point of view: ``create`` is the first that it hears of a thing.

    *change*, of subscriptions with terms, says what the thing did to their set.  *id* is the same for every attempt.
    """

    id: str
    subscription: Subscription
    record: Record
    action: Action
    change: Change | None = None
    is_test: bool = False


class Dialect(Protocol):
    """How one kind of subscriber wants to be told."""

    media_type: str

    def body(self, notification: Notification) -> bytes:
        """What is sent; empty for nothing.  Raises Invalid if it cannot be told."""
        ...

    def values(self, notification: Notification) -> Mapping[str, str]:
        """What stands in the braces of URLs.  Asked for only if there are some."""
        ...


class Plain:
    """``{"action", "change"?, "subscription", "owner", "record": {...}}``: the record as every other call shows it."""

    media_type = "application/json"

    def body(self, notification: Notification) -> bytes:
        """The record's body is copied as it lies in the log."""
        said: Body = {"action": notification.action, "subscription": notification.subscription.id, "owner": notification.record.owner}
        if notification.change is not None:
            said["change"] = notification.change
        if notification.is_test:
            said["test"] = True
        return orjson.dumps(said)[:-1] + b',"record":' + notification.record.as_json() + b"}"

    def values(self, notification: Notification) -> Mapping[str, str]:
        """``{id}``, ``{key}``, ``{type}``, ``{source}``, ``{owner}``, ``{op}`` and ``{action}``."""
        record = notification.record
        return {
            "id": record.first,
            "key": record.key,
            "type": record.type,
            "source": record.source,
            "owner": record.owner,
            "op": record.op,
            "action": notification.action,
        }


DIALECTS: dict[str, Dialect] = {"record": Plain()}


def dialect(name: str, made: Dialect) -> None:
    """Let subscriptions ask for a dialect by name."""
    DIALECTS[name] = made


def check_dialect(name: str) -> str:
    """The name of a dialect, or Invalid."""
    if name not in DIALECTS:
        raise Invalid(f"there is no dialect {name[:40]!r}; there are {', '.join(sorted(DIALECTS))}")
    return name
