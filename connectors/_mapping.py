"""
A mapping says how the objects of somebody's JSON or CSV file become canonical documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from locker.connector import Body
from locker.error import Invalid
from locker.record import parse

_TYPE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}(/[a-z0-9][a-z0-9_.-]{0,63})?")
_MEMBERS = ("type", "key", "items", "fields")


@dataclass(frozen=True, slots=True)
class Mapping:
    """*type* (``contact`` or ``message/imap``), paths to the parts of the *key*, path to the *items* (a dotted text or None), and the *fields*' paths."""

    type: str
    key: tuple[str, ...]
    items: str | None
    fields: Body

    @classmethod
    def load(cls, path: Path | str) -> Mapping:
        """Read a mapping file.  Raises Invalid, saying what to write instead."""
        try:
            value = parse(Path(path).read_bytes())
        except OSError as error:
            raise Invalid(f"the mapping {path} cannot be read: {error.strerror or error}") from error
        except Invalid as error:
            raise Invalid(f"the mapping {path}: {error}") from error
        try:
            return cls.of(value)
        except Invalid as error:
            raise Invalid(f"the mapping {path}: {error}") from error

    @classmethod
    def of(cls, value: Any) -> Mapping:
        """Check a mapping.  Raises Invalid."""
        if not isinstance(value, dict) or (unknown := sorted(set(value) - set(_MEMBERS))):
            raise Invalid(
                f"it must be an object with {', '.join(_MEMBERS)}" + (f", not {', '.join(unknown)}" if isinstance(value, dict) else "")
            )
        key = value.get("key", [])
        key = [key] if isinstance(key, str) else key
        if not isinstance(key, list) or not all(isinstance(path, str) for path in key):
            raise Invalid("key must be a path or a list of paths")
        items = value.get("items")
        if not (items is None or (isinstance(items, str) and items)):
            raise Invalid("items must be the path of the array, like data.people; leave it out if the file is the array")
        fields = value.get("fields")
        if not isinstance(fields, dict) or not fields:
            raise Invalid('fields must be an object of field names and paths, like {"name": "full_name"}')
        _check(fields, "fields")
        for path in key:
            _check(path, "key")
        return cls(checked_type(value.get("type")), tuple(key), items, fields)

    def key_of(self, document: Body) -> str | None:
        """The document's key, or None if a part of it is missing."""
        parts = [_scalar(search(path, document)) for path in self.key]
        return " ".join(part for part in parts if part) if parts and all(parts) else None

    def fields_of(self, document: Body) -> Body:
        """The canonical fields; what the document lacks is absent."""
        made = _build(self.fields, document)
        return made if isinstance(made, dict) else {}


def checked_type(value: Any) -> str:
    """A type as it is.  Raises Invalid."""
    if not isinstance(value, str) or not _TYPE.fullmatch(value):
        raise Invalid(f"type must be like contact or message/imap, not {json.dumps(value)[:80]}")
    return value


def search(path: str, document: Any) -> Any:
    """What a path finds: a member of exactly that name (``E-mail 1``), else the JMESPath expression; None if nothing."""
    if isinstance(document, dict) and path in document:
        return document[path]
    expression = _expression(path)
    try:
        return expression.search(document) if expression else None
    except (JMESPathError, RecursionError):
        return None


@cache
def _expression(path: str) -> ParsedResult | None:
    try:
        return jmespath.compile(path)
    except JMESPathError:
        return None


def _check(value: Any, place: str) -> None:
    """A path may be any text: a column may be called anything.  But it must be text."""
    if isinstance(value, dict | list) and value:
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            _check(inner, f"{place}.{name}")
    elif not isinstance(value, str) or not value:
        raise Invalid(f"{place} must be a path, a list of paths or an object of paths")


def _build(spec: Any, document: Body) -> Any:
    if isinstance(spec, str):
        return _worth(search(spec, document))
    if isinstance(spec, list):
        return _worth(list(_flat(_build(inner, document) for inner in spec)))
    made = {name: found for name, inner in spec.items() if (found := _build(inner, document)) is not None}
    return _worth(made)


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    seen: list[Any] = []
    for value in values:
        for one in value if isinstance(value, list) else [value]:
            if one is not None and one not in seen:
                seen.append(one)
                yield one


def _worth(value: Any) -> Any:
    """The value, or None for what says nothing."""
    return None if value is None or value in ("", [], {}) else value


def _scalar(value: Any) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    return json.dumps(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
