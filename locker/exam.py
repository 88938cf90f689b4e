"""
What the conformance kit holds a connector to: what it yields, and what its map makes of that.

A check is a function that takes an exam, answers a sentence about what it saw, and raises Failed or Skipped.  ``exam_archived.py`` has those of connectors
that read files, ``exam_fetching.py`` those of connectors that ask a service.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeVar
from unittest import SkipTest

from . import contract
from .connector import Blob, Body, Connector, Item, Problem
from .error import Invalid
from .record import canonical, loads
from .sample import Samples
from .schema import Schema, load

T = TypeVar("T")


class Failed(AssertionError):
    """A connector does not keep a rule; the message says which, and what to do."""


class Skipped(SkipTest):
    """A check that says nothing of this connector, and why."""


@cache
def known_schemas() -> Mapping[str, Schema]:
    """The schema of every type."""
    return load()


@dataclass(frozen=True, slots=True)
class Mark:
    """What one check found: its *name*, how it ended, what it *says*, and how long it took."""

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    says: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Exam:
    """A connector, what its author gives to play with, and the schemas that bodies must fit."""

    connector: Connector
    samples: Samples
    schemas: Mapping[str, Schema] = field(default_factory=known_schemas)
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What several checks need, and one found out."""


def examine(exam: T, checks: Iterable[Callable[[T], str]], ticks: Callable[[], float] = time.monotonic) -> Iterator[Mark]:
    """Every check, one after the other; whatever a connector raises is a failure of that check."""
    for check in checks:
        started = ticks()
        try:
            outcome, says = "passed", check(exam)
        except Skipped as reason:
            outcome, says = "skipped", str(reason)
        except Failed as failure:
            outcome, says = "failed", str(failure)
        except Exception as error:
            outcome, says = "failed", f"{type(error).__name__}: {error}"
        yield Mark(check.__name__, outcome, says, ticks() - started)  # type: ignore[arg-type]


def keeps_the_contract(exam: Exam) -> str:
    """Names, types, paths and facts are as every connector's must be."""
    if wrong := contract.broken(exam.connector, exam.schemas):
        raise Failed("; ".join(wrong))
    return f"{exam.connector.title}: {', '.join(exam.connector.types)}"


def need(held: object, says: str) -> None:
    """Raise Failed with a sentence unless something holds."""
    if not held:
        raise Failed(says)


def check_item(connector: Connector, item: Item) -> None:
    """An item is of a declared type, has a key, and a body that can be stored and mapped.  Raises Failed."""
    need(
        item.type.partition("/")[0] in connector.types,
        f"{item.type} is not among the types of {connector.name}: {', '.join(connector.types)}",
    )
    need(isinstance(item.key, str) and item.key, f"an item of type {item.type} has no key, or one that is no text: {item.key!r}")
    try:
        item.key.encode()
    except UnicodeEncodeError as error:
        raise Failed(f"the key {item.key!r} is not Unicode text") from error


def canonical_of(connector: Connector, item: Item, schemas: Mapping[str, Schema]) -> Body | None:
    """What *map* makes of an item as it is stored: it fits its schema, says nothing by null, and leaves the body alone.  Raises Failed."""
    if item.body is None:
        return None
    place = f"map of {connector.name} for {item.type} {item.key}"
    try:
        stored = canonical(settled(item.body))
    except Invalid as error:
        raise Failed(f"the body of {item.type} {item.key} cannot be stored: {error}") from error
    body, type = loads(stored), item.type.partition("/")[0]
    try:
        made = connector.map(type, body)
    except Exception as error:
        raise Failed(f"{place} raises {error.__class__.__name__}: {error}; it must answer whatever it can, or None") from error
    need(canonical(body) == stored, f"{place} changes the body that it was given; build a new one")
    if made is None:
        return None
    need(isinstance(made, dict), f"{place} answers {made!r}, which is no object")
    if empty := sorted(name for name, value in made.items() if value is None):
        raise Failed(f"{place} writes null for {', '.join(empty)}; leave out what is not known")
    if type in schemas:
        try:
            schemas[type].check(made)
        except Invalid as error:
            raise Failed(f"{place} does not fit its schema: {error}") from error
    return made


def coverage(connector: Connector, items: Iterable[Item], schemas: Mapping[str, Schema]) -> str:
    """How many of the items of each type become objects, as a sentence; a type of which none does fails."""
    seen: Counter[str] = Counter()
    mapped: Counter[str] = Counter()
    for item in items:
        check_item(connector, item)
        if item.body is None:
            continue
        seen[item.type] += 1
        mapped[item.type] += canonical_of(connector, item, schemas) is not None
    need(seen, "the samples give no item at all")
    for type, count in seen.items():
        need(mapped[type], f"map answers None for each of the {count} samples of type {type}")
    return ", ".join(f"{mapped[type]} of {count} {type} mapped" for type, count in sorted(seen.items()))


def told(problems: Iterable[Problem]) -> str:
    """The first few problems as one text."""
    shown = [f"{one.file} {one.place}: {one.reason}" for one in problems]
    return "; ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")


def settled(value: Any) -> Any:
    """A body with every Blob replaced by its reference, as the log stores it."""
    if isinstance(value, Blob):
        return value.reference()
    if isinstance(value, dict):
        return {name: settled(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [settled(inner) for inner in value]
    return value
