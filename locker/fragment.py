"""
How an object leaves the locker: as ready JSON text, in which its body is copied as it lies in its row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .compiler import facet_text
from .projection import OWNER_BITS, read
from .record import canonical, loads
from .term import fold, leaves

MASK = (1 << OWNER_BITS) - 1
Row = tuple[Any, ...]
"""A row of a main table: id, time, subtypes, via, body, and whatever else was asked for."""


def fragment(type: str, row: Row) -> str:
    """``{"id","type","subtypes","time","via","body"}``."""
    id, time, subtypes, via, body = row[:5]
    return f'{{"id":"{type}:{id & MASK}","type":"{type}","subtypes":{subtypes},"time":"{time}","via":{via},"body":{body}}}'


def picker(fields: tuple[str, ...]) -> Callable[[str, Row], str]:
    """Like ``fragment``, with only these fields of the body."""
    tree: dict[str, Any] = {}
    for name in fields:
        node = tree
        for part in name.split("."):
            node = node.setdefault(part, {})

    def show(type: str, row: Row) -> str:
        return fragment(type, (*row[:4], canonical(_pick(loads(row[4]), tree))))

    return show


def _pick(value: Any, tree: dict[str, Any]) -> Any:
    """The parts of a value that a tree of names asks for, lists gone through; an empty tree asks for all."""
    if not tree:
        return value
    if isinstance(value, list):
        return [_pick(element, tree) for element in value if isinstance(element, list | dict)]
    if not isinstance(value, dict):
        return None
    return {name: _pick(value[name], inner) for name, inner in tree.items() if name in value}


def spelling(body: str, path: tuple[str, ...], value: Any) -> str:
    """How an object writes a folded value."""
    texts = (facet_text(leaf) for leaf in leaves(read(body), path))
    return next((text for text in texts if text is not None and fold(text) == value), str(value))
