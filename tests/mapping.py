"""
Holds what a connector that fetches makes of documents to their schemas, whole and damaged.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from importlib import import_module
from typing import Any

from hypothesis import strategies as st

from locker.connector import Body, Fetching, Item
from locker.plugin import found, mount
from locker.record import canonical, loads
from locker.schema import Schema, load
from tests.exports import damaged

Sample = tuple[str, Body]
"""A primary type, and a document as the connector stores it."""


@cache
def fetching(name: str) -> Fetching:
    """The built-in connector called *name*."""
    mount("connectors")
    module = import_module(f"locker.connectors.{name.replace('-', '_')}")
    return next(one for one in found([module], Fetching) if name == one.name)  # type: ignore[type-abstract]


@cache
def schemas() -> dict[str, Schema]:
    """The schemas of all types."""
    return {schema.type: schema for schema in load().values()}


def said(connector: Fetching, type: str, body: Body) -> Body:
    """What a document says: it fits its type's schema, tells no unknown field as null, and mapping leaves the document alone.  Empty if it is no object."""
    stored = canonical(body)
    result = connector.map(type, loads(stored))
    assert stored == canonical(body)
    if result is None:
        return {}
    assert None not in result.values(), f"{connector.name} writes null for unknown fields: {result}"
    schemas()[type].check(loads(canonical(result)))
    return result


def made(connector: Fetching, stream: str, entries: list[Any]) -> list[Item]:
    """The items of a stream's entries: each has one, and no two share a key unless they are the same thing twice."""
    declared = next(one for one in connector.streams if stream == one.name)
    items = [connector.item(declared, entry) for entry in entries]
    kept = [item for item in items if isinstance(item, Item)]
    assert len(entries) == len(kept), f"{connector.name} {stream}: {[item for item in items if not isinstance(item, Item)][:3]}"
    assert all(item.type in connector.types for item in kept)
    return kept


def drifted(samples: list[Sample]) -> st.SearchStrategy[Sample]:
    """Documents in which a service has changed up to three values, or wrapped them in something else."""
    return st.sampled_from(samples).flatmap(
        lambda sample: damaged({"body": deepcopy(sample[1])}).map(lambda files: (sample[0], _object(files["body"])))
    )


def _object(value: Any) -> Body:
    return value if isinstance(value, dict) else {"value": value}
