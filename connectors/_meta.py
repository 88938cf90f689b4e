"""
What Facebook's and Instagram's exports have in common: mended text, times, lists of entries, ``label_values``.

Meta writes every string as UTF-8 bytes that were read as Latin-1: ``é`` arrives as ``\\u00c3\\u00a9``.  Bodies keep what was given; ``mend``
undoes it wherever a text is looked at (keys, ``map``).  It is safe to mend twice: what does not decode as a whole stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

from locker.connector import Body, Found, Item, Problem
from locker.record import canonical

from ._json_members import Element, elements
from ._loose import objs
from ._parts import Member, Parts

_ENTRY = {"timestamp", "label_values", "fbid", "data", "attachments", "media", "uri", "creation_timestamp"}
_ENTRY |= {"string_list_data", "string_map_data", "media_map_data"}


def entries(member: Member) -> Iterator[Element | Problem]:
    """The objects that a file lists: in a top-level array, or in the members of a top-level object whatever they are called.

    (``friends`` became ``friends_v2``, ``reactions`` became a bare array.)  A list of one is often written as its one entry.
    Each element's value is an object, as given; what is none is a Problem.
    """
    names: list[str] = []

    def any_name(name: str) -> bool:
        names.append(name)
        return True

    for found in elements(member.archive, member.name, any_name):
        if _ENTRY.intersection(names):
            break
        yield from _objects(found, member)
    else:
        return
    for found in elements(member.archive, member.name):
        yield from _objects(found, member)


def _objects(found: Element | Problem, member: Member) -> Iterator[Element | Problem]:
    if isinstance(found, Problem):
        yield replace(found, file=member.label)
    elif isinstance(found.value, dict) and (found.place != found.name or _ENTRY.intersection(found.value)):
        yield found
    elif isinstance(found.value, dict):
        for name, inner in found.value.items():
            nested = inner if isinstance(inner, list) else []
            yield from (Element(one, one, name, f"{name} {n}") for n, one in enumerate(nested, 1) if isinstance(one, dict))
    elif found.place != found.name:
        yield Problem(member.label, found.place, f"expected an object, found {type(found.value).__name__}")


def listed(parts: Parts, pattern: re.Pattern[str], type: str, key: Callable[[Body], str]) -> Iterator[Found]:
    """One item per entry of the files of a pattern; *key* is given the mended entry."""
    for member in parts.matching(pattern):
        for found in entries(member):
            yield found if isinstance(found, Problem) else Item(type, key(mend(found.value)), found.body)


def mend(value: Any) -> Any:
    """A JSON value with all its texts mended, names of members too."""
    if isinstance(value, str):
        return mend_text(value)
    if isinstance(value, dict):
        return {mend_text(name): mend(inner) for name, inner in value.items()}
    return [mend(inner) for inner in value] if isinstance(value, list) else value


def mend_text(text: str) -> str:
    """The text that was meant, if *text* is UTF-8 read as Latin-1 from end to end; else *text*.

    >>> mend_text("n\\u00c3\\u00a6sten"), mend_text("n\\u00e6sten")
    ('næsten', 'næsten')
    """
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def digest(*parts: Any) -> str:
    """16 hexadecimal characters that name a content, for the keys of things that have no id."""
    return sha256(canonical({"parts": list(parts)}).encode()).hexdigest()[:16]


def text(value: Any) -> str | None:
    """A mended text that says something, or None."""
    return mend_text(value).strip() or None if isinstance(value, str) else None


def link(value: Any) -> str | None:
    """A web address, or None for a path inside the export."""
    return value if isinstance(value, str) and value.startswith(("http://", "https://")) else None


def part(value: Any, *path: str) -> Any:
    """The value at a path of member names, or None where the path ends."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def basename(uri: Any) -> str | None:
    """The file name of a ``uri``: it stays while the folders around it change from layout to layout."""
    return uri.partition("?")[0].rstrip("/").rpartition("/")[2] or None if isinstance(uri, str) else None


def labels(body: Body) -> dict[str, Any]:
    """``label_values`` (exports since 2023) as label -> text, link or time; nested ones too, the first of a label wins.  Mended.

    ``[{"label": "Reaction", "value": "Like"}, {"title": "Owner", "dict": [{"dict": [{"label": "Name", "value": "Ada"}]}]}]``
    is ``{"Reaction": "Like", "Name": "Ada"}``.
    """
    found: dict[str, Any] = {}
    for entry in _entries(body.get("label_values"), 0):
        name = entry.get("label") or entry.get("title") or entry.get("ent_field_name")
        value = entry.get("href") or entry.get("value") or entry.get("timestamp_value")
        if isinstance(name, str) and value:
            found.setdefault(mend_text(name), mend(value))
    return found


def _entries(value: Any, depth: int) -> Iterator[Body]:
    for entry in objs(value) if depth < 6 else ():
        yield entry
        yield from _entries(entry.get("dict"), depth + 1)
