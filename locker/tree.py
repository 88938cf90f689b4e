"""
A term is what somebody asks of a body, as a tree: ``age:21+., address.state:'CA'``.

``show`` writes it, ``matches`` answers it for one body; the SQL compiler answers the same for all of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

from .lexer import NAME, quote
from .record import Body
from .words import Moment, Path, Value, fold, leaves, moment, number, words

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Kinds = Mapping[str, str]
"""How the schema indexes a field: its dotted path -> keyword, text, number, time or boolean.  Only ``text`` changes what a term means."""

NO_KINDS: Kinds = MappingProxyType({})
_BARE = re.compile(NAME)
_SUFFIX: dict[Operator, str] = {"=": "", "<": "-", "<=": "-.", ">": "+", ">=": "+."}


class _Node:
    """What the five kinds of term share."""

    __slots__ = ()

    def matches(self: Any, body: Body, kinds: Kinds = NO_KINDS) -> bool:
        """Whether the body satisfies this term."""
        return matches(self, body, kinds)


@dataclass(frozen=True, slots=True)
class Compare(_Node):
    """Any value at *path* stands in this relation to *value*; ``!=`` is the complement of ``=``."""

    path: Path
    op: Operator
    value: Value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Compare) and _typed(self.path, self.op, self.value) == _typed(other.path, other.op, other.value)


@dataclass(frozen=True, slots=True)
class Between(_Node):
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
class Not(_Node):
    """The term does not hold."""

    term: Term


@dataclass(frozen=True, slots=True)
class All(_Node):
    """Every one of the terms holds; ``All(())`` holds always, and only as a whole query."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Any_(_Node):  # noqa: N801 (typing has the name Any)
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


def show(query: Query | Term) -> str:
    """The text of a tree: ``parse(show(tree))`` is the same tree, if it is one that ``parse`` can make."""
    term = query.term if isinstance(query, Query) else query
    text = "" if term == All(()) else _show(term, grouped=False)
    if isinstance(query, Query) and query.count:
        return f"[COUNT({text})]"
    return text if text and term is query else f"[{text}]"


def _show(term: Term, *, grouped: bool = True) -> str:
    match term:
        case Compare(path, "!=", value):
            return f"{_show_path(path)}!={_show_value(value)}"
        case Compare(path, op, value):
            return f"{_show_path(path)}:{_show_value(value)}{_SUFFIX[op]}"
        case Between(path, low, high, low_closed, high_closed):
            operator = "." * low_closed + "-" + "." * high_closed
            return f"{_show_path(path)}:{_show_value(low)}{operator}{_show_value(high)}"
        case Not(inner):
            return f"NOT {_show(inner)}"
        case All(()) | Any_(()):
            raise ValueError("a group of no terms has no text")
        case All((only,)) | Any_((only,)):
            return _show(only, grouped=grouped)
        case All(terms) | Any_(terms):
            separator = ", " if isinstance(term, All) else " OR "
            text = separator.join(map(_show, terms))
            return f"({text})" if grouped else text


def _show_path(path: Path) -> str:
    return ".".join(part if _BARE.fullmatch(part) else quote(part) for part in path)


def _show_value(value: Value) -> str:
    if isinstance(value, Moment):
        return value.text
    if isinstance(value, str):
        return quote(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value).replace("e+", "e")  # the language has no plus sign inside a number


def kind_at(path: Path, kinds: Kinds) -> str | None:
    """How the schema indexes the field at a path, None if it says nothing; a key that has a dot of its own is never meant."""
    return kinds.get(".".join(path)) if all("." not in part for part in path) else None


def matches(term: Term, body: Body, kinds: Kinds = NO_KINDS) -> bool:
    """Whether the body satisfies the term."""
    match term:
        case Compare(path, "!=", value):
            return not _any_holds(path, "=", value, body, kinds)
        case Compare(path, op, value):
            return _any_holds(path, op, value, body, kinds)
        case Between(path, low, high, low_closed, high_closed):
            above: Operator = ">=" if low_closed else ">"
            below: Operator = "<=" if high_closed else "<"
            return any(holds(leaf, above, low) and holds(leaf, below, high) for leaf in leaves(body, path))
        case Not(inner):
            return not matches(inner, body, kinds)
        case All(terms):
            return all(matches(inner, body, kinds) for inner in terms)
        case Any_(terms):
            return any(matches(inner, body, kinds) for inner in terms)


def _any_holds(path: Path, op: Operator, wanted: Value, body: Body, kinds: Kinds) -> bool:
    found = leaves(body, path)
    if wanted is None:
        # Among nulls "at least" and "at most" can only mean "equal".  A missing value and [] leave nothing at the path.
        values = list(found)
        return op in ("=", "<=", ">=") and (not values or None in values)
    if op == "=" and isinstance(wanted, str) and kind_at(path, kinds) == "text":
        phrase = _wanted_phrase(wanted)
        return bool(phrase.strip()) and any(isinstance(leaf, str) and phrase in _phrase(leaf) for leaf in found)
    return any(holds(leaf, op, wanted) for leaf in found)


def _phrase(text: str) -> str:
    """The words between blanks, so that a text contains a phrase if its words lie adjacent and in this order."""
    return f" {' '.join(words(text))} "


def holds(value: Any, op: Operator, wanted: Value) -> bool:
    """Whether one value of a body stands in the relation to what is wanted; values of different kinds never do.

    Moments are stretches of time: one is before another if it ends before that starts, and equal if neither is before the other.
    """
    low: Any
    high: Any
    if isinstance(wanted, Moment):
        found = moment(value) if isinstance(value, str) else None
        if found is None:
            return False
        # Compare (is it before?, is it after?) with (0, 0), as if they were numbers below, at and above zero.
        low, high = (found.start >= wanted.end) - (found.end <= wanted.start), 0
    elif isinstance(wanted, str):
        if not isinstance(value, str):
            return False
        low, high = fold(value), _folded(wanted)
    elif isinstance(wanted, bool) or isinstance(value, bool):
        if not (isinstance(wanted, bool) and isinstance(value, bool)):
            return False
        low, high = value, wanted
    elif wanted is None or not isinstance(value, int | float):
        return False
    else:
        low, high = number(value), number(wanted)
    return _related(low, op, high)


def _related(left: Any, op: Operator, right: Any) -> bool:
    match op:
        case "=":
            return bool(left == right)
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case ">=":
            return bool(left >= right)
        case "!=":
            return bool(left != right)


# What is wanted is compared with many bodies; fold it and find its words once.
_folded = lru_cache(maxsize=1024)(fold)
_wanted_phrase = lru_cache(maxsize=1024)(_phrase)
