"""
Mounts the folders that plug into the locker, and finds what is in them.

``connectors/``, ``collections/`` and ``api/`` sit beside this package, hold no ``__init__.py`` and are imported by nobody.  Mounting one lets
Python find its files as ``locker.<folder>.<file>``; a top-level package called ``collections`` would hide the standard library's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from inspect import isabstract
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TypeVar

from .collection import Collection
from .connector import Connector
from .declaration import load_file
from .error import Invalid

T = TypeVar("T")

PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """Find a plugin folder: inside the package (wheel) or beside it (checkout)."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def mount(name: str) -> ModuleType:
    """Make a plugin folder importable as ``locker.<name>``."""
    package = sys.modules.setdefault(f"locker.{name}", ModuleType(f"locker.{name}"))
    package.__path__ = [str(folder(name))]
    return package


def load(name: str) -> Iterator[ModuleType]:
    """Import every plugin in a folder, in name order; files that start with ``_`` are their helpers."""
    package = mount(name)
    for _, stem, _ in iter_modules(package.__path__):
        if not stem.startswith("_"):
            yield import_module(f"{package.__name__}.{stem}")


def connectors(dropped: Path | None = None) -> dict[str, Connector]:
    """Every connector by name: built-ins, entry points, and with *dropped* the files of that folder.  Raises Invalid for two of one name.

    In a folder, ``NAME.py`` is a class and ``NAME.toml`` a declaration (``declaration.py``).
    """
    declared = (load_file(path) for room in (folder("connectors"), dropped) if room for path in sorted(room.glob("*.toml")))
    return _unique([*found(_modules("connectors", dropped), Connector), *declared], "name")  # type: ignore[type-abstract]


def at(path: Path) -> list[Connector]:
    """The connectors of one file.  Raises Invalid if there is none, or if it cannot be loaded."""
    if path.suffix == ".toml":
        return [load_file(path)]
    is_built_in = path.resolve().parent == folder("connectors").resolve()
    module = import_module(f"{mount('connectors').__name__}.{path.stem}") if is_built_in else _load_file(path)
    connectors = list(found([module], Connector))  # type: ignore[type-abstract]
    if not connectors:
        raise Invalid(f"{path} has no connector: a class that extends Archived or Fetching and has name, types, title and map")
    return connectors


def collections(dropped: Path | None = None) -> dict[str, Collection]:
    """Every collection by type, found like connectors."""
    return _unique(found(_modules("collections", dropped), Collection), "type")  # type: ignore[type-abstract]


def found(modules: Iterable[ModuleType], kind: type[T]) -> Iterator[T]:
    """An instance of every concrete subclass that a module defines itself."""
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, kind) and not isabstract(value) and value.__module__ == module.__name__:
                yield value()


def _modules(name: str, dropped: Path | None) -> Iterator[ModuleType]:
    yield from load(name)
    for point in sorted(entry_points(group=f"locker.{name}")):
        loaded = point.load()
        yield loaded if isinstance(loaded, ModuleType) else sys.modules[loaded.__module__]
    for path in sorted(dropped.glob("*.py")) if dropped and dropped.is_dir() else ():
        yield _load_file(path)


def _load_file(path: Path) -> ModuleType:
    name = f"locker_plugin_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise Invalid(f"{path} is not a Python file")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise Invalid(f"{path} cannot be loaded: {type(error).__name__}: {error}; mend it or take it out of the folder") from error
    return module


def _unique(plugins: Iterable[T], attribute: str) -> dict[str, T]:
    named: dict[str, T] = {}
    for plugin in plugins:
        name = getattr(plugin, attribute)
        if name in named and type(named[name]) is not type(plugin):
            raise Invalid(f"two plugins are called {name!r}: {type(named[name]).__module__} and {type(plugin).__module__}; remove one")
        named[name] = plugin
    return named
