"""
Builds the document in which a path finds a given value: how a stand-in for a service wraps its lists as the real one does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from .error import Invalid
from .path import compiled, search


def placed(path: str, value: Any) -> Any:
    """A document in which *path* finds *value*.  Raises Invalid if none can be derived from the path."""
    for node in _alternatives(compiled(path).parsed):
        with suppress(KeyError, IndexError, TypeError):
            document = _wrapped(node, value)
            if search(path, document) == value:
                return document
    raise Invalid(f"no answer can be derived from {path!r}; give one in the samples")


def merged(first: Any, second: Any) -> Any:
    """Two documents in one: objects member by member, lists entry by entry, else the second."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {**first, **{name: merged(first[name], value) if name in first else value for name, value in second.items()}}
    if isinstance(first, list) and isinstance(second, list):
        return [
            second[n] if n >= len(first) else first[n] if n >= len(second) else merged(first[n], second[n])
            for n in range(max(len(first), len(second)))
        ]
    return first if second is None else second


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """A template with each text that is one of the names replaced by its value."""
    match template:
        case str():
            return values.get(template, template)
        case dict():
            return {name: filled(inner, values) for name, inner in template.items()}
        case list():
            return [filled(inner, values) for inner in template]
    return template


def _alternatives(node: Any) -> Iterator[Any]:
    """Each side of an or, from left to right."""
    if node["type"] != "or_expression":
        yield node
        return
    for inner in node["children"]:
        yield from _alternatives(inner)


def _wrapped(node: Any, value: Any) -> Any:
    inner = node.get("children", [])
    match node["type"]:
        case "current" | "identity":
            return value
        case "field":
            return {node["value"]: value}
        case "subexpression" | "pipe":
            for one in reversed(inner):
                value = _wrapped(one, value)
            return value
        case "flatten":
            return _wrapped(inner[0], value)
        case "or_expression":
            return _wrapped(next(_alternatives(node)), value)
        case "index_expression":
            before = inner[1]["value"] if inner[1]["type"] == "index" else 0
            return _wrapped(inner[0], [None] * max(before, 0) + [value])
        case "projection":
            return _wrapped(inner[0], [_wrapped(inner[1], one) for one in value])
        case "filter_projection" if inner[2]["type"] == "field":
            return _wrapped(inner[0], [merged(_wrapped(inner[1], one), {inner[2]["value"]: True}) for one in value])
        case "value_projection":
            return _wrapped(inner[0], {str(n): _wrapped(inner[1], one) for n, one in enumerate(value)})
        case "function_expression" if node["value"] == "values":
            return _wrapped(inner[0], {str(n): one for n, one in enumerate(value)})
        case "function_expression" if node["value"] in ("to_string", "to_array", "to_number", "not_null"):
            return _wrapped(inner[0], value)
    raise KeyError(node["type"])
