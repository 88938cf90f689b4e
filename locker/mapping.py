"""
Says by paths where the fields of a canonical document stand in a service's own document, and brings what is there into the shape of its schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import path
from .error import Invalid
from .moment import moment
from .record import Body
from .schema import Schema

_FLAGS = {"1": True, "true": True, "yes": True, "y": True, "0": False, "false": False, "no": False, "n": False}


@dataclass(frozen=True, slots=True)
class Paths:
    """*fields*: for each field a path, a list of paths (all that is found goes into a list, once) or an object of paths."""

    fields: Body

    @classmethod
    def of(cls, value: Any, *, columns: bool = False) -> Paths:
        """Check a mapping.  Raises Invalid.  *columns*: a text that is no JMESPath is a column's name, as in ``E-mail 1``."""
        if not isinstance(value, dict) or not value:
            raise Invalid('fields must be an object of field names and paths, like {"name": "full_name"}')
        _check(value, "fields", columns=columns)
        return cls(value)

    def __call__(self, document: Body) -> Body:
        """The fields; what the document lacks is absent."""
        made = _build(self.fields, document)
        return made if isinstance(made, dict) else {}


def find(name: str, document: Any) -> Any:
    """What a path finds: a member of exactly that name (``E-mail 1``), else the JMESPath expression; None if nothing."""
    if isinstance(document, dict) and name in document:
        return document[name]
    try:
        return path.search(name, document)
    except Invalid:
        return None


def shaped(fields: Body, schema: Schema) -> Body:
    """The fields as a type's schema wants them: times as ISO 8601, numbers out of text, single values in lists.  What cannot be made so is left out."""
    properties = schema.document.get("properties", {})
    made = {name: _shape(value, properties[name]) for name, value in fields.items() if name in properties}
    return {name: value for name, value in made.items() if value is not None}


def _check(value: Any, place: str, *, columns: bool) -> None:
    if isinstance(value, dict | list) and value:
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            _check(inner, f"{place}.{name}", columns=columns)
    elif not isinstance(value, str) or not value:
        raise Invalid(f"{place} must be a path, a list of paths or an object of paths")
    elif not columns:
        try:
            path.compiled(value)
        except Invalid as error:
            raise Invalid(f"{place}: {error}") from error


def _build(spec: Any, document: Body) -> Any:
    if isinstance(spec, str):
        return _worth(find(spec, document))
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


def _shape(value: Any, wanted: Mapping[str, Any]) -> Any:
    if wanted.get("x-index") == "time":
        return moment(value)
    match wanted.get("type"):
        case "array":
            many = value if isinstance(value, list) else [value]
            return [made for one in many if (made := _shape(one, wanted.get("items", {}))) is not None] or None
        case "object":
            if not isinstance(value, dict):
                return None
            made = {name: _shape(value[name], inner) for name, inner in wanted.get("properties", {}).items() if name in value}
            return {name: inner for name, inner in made.items() if inner is not None} or None
        case "string":
            found = (path.text(one) for one in (value if isinstance(value, list) else [value]))
            return next((text.strip() for text in found if text and text.strip()), None)
        case "number" | "integer":
            return _number(value)
        case "boolean":
            return _FLAGS.get(str(value).strip().casefold())
    return value


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if number != number or abs(number) == float("inf"):
        return None
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.strip().lstrip("+-").isdecimal()) else number
