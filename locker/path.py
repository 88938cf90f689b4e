"""
JMESPath expressions that connectors declare, compiled once, and forgiving of documents that are not as expected.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from .error import Invalid


@lru_cache(maxsize=4096)
def compiled(path: str) -> ParsedResult:
    """An expression, ready to search.  Raises Invalid, with what is wrong with it."""
    try:
        return jmespath.compile(path)
    except JMESPathError as error:
        raise Invalid(f"{path!r} is no JMESPath: {' '.join(str(error).split())}; names with dots, as in user.id, always are") from error


def search(path: str, value: Any) -> Any:
    """What a path finds, None if nothing, or if a function of it does not fit what is there.  Raises Invalid for a path that is none."""
    if isinstance(value, dict) and path.isascii() and path.isidentifier():  # most paths are one name, and are asked for of every item
        return value.get(path)
    try:
        return compiled(path).search(value)
    except (JMESPathError, RecursionError, TypeError, AttributeError):
        return None


def text(value: Any) -> str | None:
    """A text or a number as text, several of them with spaces between; None for anything else, and if one of several is missing."""
    match value:
        case bool() | None:
            return None
        case str():
            return value or None
        case int():
            return str(value)
        case float():
            return (str(int(value)) if value.is_integer() else repr(value)) if math.isfinite(value) else None
        case list():
            parts = [part for one in value if (part := text(one))]
            return " ".join(parts) if parts and len(parts) == len(value) else None
    return None


def number(path: str, value: Any) -> int | None:
    """The whole number that a path finds, also as text; None if there is none."""
    found = text(search(path, value))
    try:
        return int(found) if found else None
    except ValueError:
        return None


def without(value: Any, names: frozenset[str]) -> Any:
    """A document without its members of some names, at any depth."""
    if isinstance(value, dict):
        return {name: without(inner, names) for name, inner in value.items() if name not in names}
    return [without(inner, names) for inner in value] if isinstance(value, list) else value
