"""
Finds the entries of a JSON file or a table, whatever it wraps them in, and looks at what they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from locker.connector import Archive, Body, Problem

from ._json_members import Element, elements
from ._table import Row


@dataclass(frozen=True, slots=True)
class Document:
    """One entry as found: what goes into the log as *body*, what it says (*value*: the same, but mended), and its *place*."""

    value: Body
    body: Body
    place: str


def json_documents(archive: Archive, name: str, lists: Iterable[str]) -> Iterator[Document | Problem]:
    """The objects of a JSON file: of its array, of the top-level members called *lists*, or the top-level objects themselves."""
    wanted, opened, any_found = frozenset(lists), False, False

    def is_wanted(member: str) -> bool:
        nonlocal opened
        opened = opened or member in wanted
        return member in wanted

    for element in elements(archive, name, is_wanted):
        any_found = True
        yield from _documents(element)
    if not any_found and not opened:
        for element in elements(archive, name):
            yield from _documents(element)


def table_documents(found: Iterable[Row | Problem]) -> Iterator[Document | Problem]:
    """The rows of a table."""
    for row in found:
        yield row if isinstance(row, Problem) else Document(row.cells, row.cells, row.place)


def first(value: Body, *names: str) -> str | None:
    """The first of these members that holds some text (numbers count as text)."""
    for name in names:
        found = value.get(name)
        if isinstance(found, str) and found.strip():
            return found.strip()
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
    return None


def flag(value: Any) -> bool | None:
    """Yes or no as exporters write it: ``1``, ``"1"``, ``true``, ``"yes"``; None for what is neither."""
    text = str(value).strip().casefold()
    if text in ("1", "true", "yes", "y"):
        return True
    return False if text in ("0", "false", "no", "n") else None


def digest(text: str) -> str:
    """A short stable name for an entry that has none."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _documents(element: Element | Problem) -> Iterator[Document | Problem]:
    if isinstance(element, Problem):
        yield element
    elif not isinstance(element.value, dict):
        yield Document({}, {}, element.place)
    elif element.name and all(isinstance(inner, dict) for inner in element.value.values()):
        # Some services write a list as an object by id.
        yield from (Document(value, value, f"{element.place} {n}") for n, value in enumerate(element.value.values(), 1))
    else:
        yield Document(element.value, element.body, element.place)
