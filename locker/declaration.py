"""
Reads a connector from a TOML file: what a Python file would declare, as plain data that runs no code.

The tables are the dataclasses of ``fetching.py``, ``paging.py``, ``authorisation.py`` and ``pace.py``, field by field::

    name = "bookshelf"
    title = "Bookshelf"
    base_url = "https://api.bookshelf.example"

    [[auth]]
    kind = "bearer"  # or api-key, basic, oauth2, oauth1

    [who]
    path = "/me"
    facts = { id = "id", username = "login" }

    [[streams]]
    name = "likes"
    type = "favorite"
    path = "/users/{username}/likes"
    items = "likes"
    key = "id"
    paging = { style = "page", size = 50 }  # or once, offset, cursor, link, next-url, max-id

    [map.favorite]
    url = "book.url"
    title = "book.title"
    created = "liked_at"

What is wrong is told with file, place, and what is accepted.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from . import contract
from .authorisation import ApiKey, Basic, Bearer, Login, OAuth1, OAuth2
from .connector import Fetching
from .error import Fatal, Invalid, LockerError, Retriable, Skippable, Unauthorized
from .fetching import Answer, Option, Stream, Who
from .mapping import Paths, shaped
from .pace import Pace
from .paging import Cursor, Link, MaxId, NextUrl, Offset, Once, PageNumber, Paging
from .path import search, text
from .record import Body
from .schema import Schema, load

STYLES: dict[str, type] = {
    "once": Once,
    "page": PageNumber,
    "offset": Offset,
    "cursor": Cursor,
    "link": Link,
    "next-url": NextUrl,
    "max-id": MaxId,
}
KINDS: dict[str, type] = {"bearer": Bearer, "api-key": ApiKey, "basic": Basic, "login": Login, "oauth2": OAuth2, "oauth1": OAuth1}
MEANINGS: dict[str, type[LockerError]] = {"unauthorized": Unauthorized, "retriable": Retriable, "skippable": Skippable, "fatal": Fatal}
TABLES = ("name", "title", "base_url", "hosts", "auth", "who", "asks", "streams", "pace", "errors", "map")


class Declared(Fetching):
    """A connector that a file declares.  Made by ``load_file``, as a class of its own."""

    schemas: Mapping[str, Schema]
    maps: Mapping[str, Paths]
    errors: tuple[tuple[str, str, str], ...] = ()

    def map(self, type: str, body: Body) -> Body | None:
        """The fields as the file's ``map`` says, in the shape of the type's schema."""
        found = self.maps.get(type)
        return (shaped(found(body), self.schemas[type]) or None) if found else None

    def judge(self, answer: Answer) -> LockerError | None:
        """The first of the file's ``errors`` whose path finds something in the answer."""
        if not self.errors or not answer.body.lstrip().startswith((b"{", b"[")):
            return None
        try:
            body = answer.json()
        except Retriable:
            return None
        for when, means, message in self.errors:
            if search(when, body):
                return MEANINGS[means](f"{self.name} says: {text(search(message, body)) or when}")
        return None


def load_file(path: Path, schemas: Mapping[str, Schema] | None = None) -> Fetching:
    """The connector that a file declares.  Raises Invalid, with the place and what is accepted there."""
    try:
        return declare(tomllib.loads(path.read_text("utf-8")), schemas or load(), f"locker_plugin_{path.stem}")
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # of TOML and of UTF-8
        raise Invalid(f"{path} is not TOML: {error}") from error
    except Invalid as error:
        raise Invalid(f"{path}: {error}") from error


def declare(table: Mapping[str, Any], schemas: Mapping[str, Schema], module: str = __name__) -> Fetching:
    """The connector that a table declares.  Raises Invalid."""
    _known(table, TABLES, "")
    streams = tuple(_stream(one, place) for one, place in _many(table, "streams"))
    members: dict[str, Any] = {
        "__module__": module,
        "__doc__": f"{table.get('title')}, as its file declares it.",
        "name": _value(table.get("name", ""), str, "name"),
        "title": _value(table.get("title", ""), str, "title"),
        "base_url": _value(table.get("base_url", ""), str, "base_url"),
        "hosts": _value(table.get("hosts", []), tuple[str, ...], "hosts"),
        "types": tuple(dict.fromkeys(stream.type for stream in streams)),
        "auth": tuple(_chosen(one, place, "kind", KINDS) for one, place in _many(table, "auth")),
        "who": _table(table["who"], Who, "who") if "who" in table else None,
        "asks": tuple(_table(one, Option, place) for one, place in _many(table, "asks")),
        "streams": streams,
        "pace": _table(table.get("pace", {}), Pace, "pace"),
        "errors": tuple(_meaning(one, place) for one, place in _many(table, "errors")),
        "maps": _maps(table.get("map", {}), {stream.type for stream in streams}, schemas),
        "schemas": schemas,
    }
    made: Fetching = type("Declared", (Declared,), members)()
    if wrong := contract.broken(made, schemas):
        raise Invalid("; ".join(wrong))
    return made


def _stream(table: Any, place: str) -> Stream:
    stream: Stream = _table(table, Stream, place)
    return stream


def _meaning(table: Any, place: str) -> tuple[str, str, str]:
    _known(_value(table, dict, place), ("when", "means", "message"), place)
    when, means, message = (_value(table.get(name, ""), str, f"{place}.{name}") for name in ("when", "means", "message"))
    if not when or means not in MEANINGS:
        raise Invalid(f"{place} must have when (a JMESPath of the answer) and means, one of {', '.join(MEANINGS)}")
    Paths.of({"when": when, **({"message": message} if message else {})})
    return when, means, message or when


def _maps(table: Any, types: set[str], schemas: Mapping[str, Schema]) -> dict[str, Paths]:
    if unknown := sorted(types - set(schemas)):
        raise Invalid(f"there is no type {unknown[0]}; there are {', '.join(schemas)}")
    _known(_value(table, dict, "map"), sorted(types), "map")
    for type in sorted(types):
        if type not in table:
            raise Invalid(f"map.{type} is missing; it says where the fields of a {type} stand, as in url = 'link.href'")
        _known(_value(table[type], dict, f"map.{type}"), schemas[type].document.get("properties", {}), f"map.{type}")
    try:
        return {type: Paths.of(fields) for type, fields in table.items()}
    except Invalid as error:
        raise Invalid(f"map: {error}") from error


def _many(table: Mapping[str, Any], name: str) -> list[tuple[Any, str]]:
    """The tables of a list, each with its place."""
    return [(one, f"{name}[{n}]") for n, one in enumerate(_value(table.get(name, []), list, name))]


def _known(table: Mapping[str, Any], names: Any, place: str) -> None:
    if unknown := [name for name in table if name not in names]:
        raise Invalid(f"{place + '.' if place else ''}{unknown[0]} means nothing here; there are {', '.join(names)}")


def _chosen(table: Any, place: str, key: str, choices: Mapping[str, type]) -> Any:
    """A table whose *key* names its class."""
    chosen = _value(table, dict, place).get(key)
    if not isinstance(chosen, str) or chosen not in choices:
        raise Invalid(f"{place}.{key} is {chosen!r}; it may be {', '.join(choices)}")
    return _table({name: value for name, value in table.items() if name != key}, choices[chosen], place)


def _table(table: Any, kind: type, place: str) -> Any:
    """A dataclass from a table of its fields."""
    hints = get_type_hints(kind)
    known = {one.name: one for one in fields(kind) if one.init}
    _known(_value(table, dict, place), known, place)
    for name, one in known.items():
        if name not in table and one.default is MISSING and one.default_factory is MISSING:
            raise Invalid(f"{place}.{name} is missing")
    return kind(**{name: _value(value, hints[name], f"{place}.{name}") for name, value in table.items()})


def _value(value: Any, wanted: Any, place: str) -> Any:
    """A value as its field wants it."""
    if wanted is Paging:
        return _chosen(value, place, "style", STYLES)
    if is_dataclass(wanted) and isinstance(wanted, type):
        return _table(value, wanted, place)
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return _value(value, next(one for one in inner if one is not type(None)), place)
    if origin is Literal:
        if value not in inner:
            raise Invalid(f"{place} is {value!r}; it may be {', '.join(map(str, inner))}")
        return value
    if origin is tuple:
        return tuple(_value(one, inner[0], f"{place}[{n}]") for n, one in enumerate(_value(value, list, place)))
    if origin is not None:  # a mapping of texts
        return {name: _value(one, inner[1], f"{place}.{name}") for name, one in _value(value, dict, place).items()}
    return _plain(value, wanted, place)


def _plain(value: Any, wanted: type, place: str) -> Any:
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "a table"}
        raise Invalid(f"{place} must be {names[wanted]}, not {value!r}")
    return value
