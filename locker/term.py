"""
A term is what somebody asks of a body, as a tree: ``age:21+., address.state:'CA'``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from .record import Body
from .words import Moment, Path, Scalar, Value, fold, leaves, moment, words

__all__ = [
    "All", "Any_", "Between", "Compare", "Moment", "Not", "Path", "Query", "Scalar", "Term", "Value",
    "fold", "leaves", "moment", "words",
]  # fmt: skip

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Kinds = Mapping[str, str]
NO_KINDS: Kinds = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Compare:
    """Any value at *path* stands in this relation to *value*; ``!=`` is the complement of ``=``."""

    path: Path
    op: Operator
    value: Value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Compare) and _typed(self.path, self.op, self.value) == _typed(other.path, other.op, other.value)


@dataclass(frozen=True, slots=True)
class Between:
    """One value at *path* lies between both bounds; a closed side includes its bound."""

    path: Path
    low: Value
    high: Value
    low_closed: bool
    high_closed: bool

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Between) and (
            _typed(self.path, self.low, self.high, self.low_closed, self.high_closed)
            == _typed(other.path, other.low, other.high, other.low_closed, other.high_closed)
        )


@dataclass(frozen=True, slots=True)
class Not:
    """The term does not hold."""

    term: Term


@dataclass(frozen=True, slots=True)
class All:
    """Every one of the terms holds; ``All(())`` holds always."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Any_:
    """At least one of the terms holds."""

    terms: tuple[Term, ...]


Term = Compare | Between | Not | All | Any_


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query: the term, and whether only the number of matches is wanted."""

    term: Term
    count: bool


def _typed(*values: Any) -> tuple[Any, ...]:
    """The values with their types: ``a:1`` and ``a:true`` are different terms, though 1 == True."""
    return values, tuple(map(type, values))
