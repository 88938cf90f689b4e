"""
What every test of a connector needs: load one by name, read a path with it, and hold what it yields to the contract.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from locker.archive import Archive
from locker.connector import Archived, Body, Item, Problem, Scope
from locker.exam import settled as settled
from locker.plugin import found, mount
from locker.record import canonical, loads


def connector(name: str) -> Archived:
    """The built-in connector called *name* (``twitter-archive`` lives in ``connectors/twitter_archive.py``)."""
    mount("connectors")
    module = import_module(f"locker.connectors.{name.replace('-', '_')}")
    return next(one for one in found([module], Archived) if name == one.name)  # type: ignore[type-abstract]


def read(connector: Archived, path: Path | str) -> tuple[list[Item], list[Problem], list[Scope]]:
    """Everything a connector finds under a path, sorted by kind, each in the order of reading."""
    items: list[Item] = []
    problems: list[Problem] = []
    scopes: list[Scope] = []
    with Archive(path) as archive:
        for one in connector.read(archive):
            match one:
                case Item():
                    items.append(one)
                case Problem():
                    problems.append(one)
                case Scope():
                    scopes.append(one)
                case _:
                    raise AssertionError(f"{connector.name} yielded {one!r}")
    return items, problems, scopes


def read_checked(connector: Archived, path: Path | str) -> tuple[list[Item], list[Problem], list[Scope]]:
    """Like *read*, and the contract holds, also for a second reading."""
    items, problems, scopes = read(connector, path)
    check_contract(connector, items, path)
    for problem in problems:
        assert problem.reason, f"a problem of {connector.name} says nothing: {problem}"
    return items, problems, scopes


def check_contract(connector: Archived, items: Iterable[Item], path: Path | str | None = None) -> None:
    """Each item is of a declared type, has a key and a JSON body that *map* takes without raising or changing it.

    With *path* it is also read once more, which must give the same items in the same order.
    """
    items = list(items)
    for item in items:
        assert item.type in connector.types, f"{connector.name} does not say that it yields {item.type}"
        assert isinstance(item.key, str), f"a key of {connector.name} is no text: {item}"
        assert item.key, f"an item of {connector.name} has no key: {item}"
        item.key.encode()  # no lone surrogates
        if item.body is None:
            continue
        stored = canonical(settled(item.body))
        mapped(connector, item)
        assert stored == canonical(settled(item.body)), f"map of {connector.name} changed the body of {item.key}"
    if path is not None:
        assert items == read(connector, path)[0], f"{connector.name} reads {path} differently the second time"


def mapped(connector: Archived, item: Item) -> Body:
    """The canonical body of an item as composing sees it: from the stored text, blobs as references.  Empty if it is no object."""
    if item.body is None:
        return {}
    result = connector.map(item.type, loads(canonical(settled(item.body))))
    if result is None:
        return {}
    assert None not in result.values(), f"map of {connector.name} writes null for unknown fields of {item.key}"
    canonical(result)
    return result
