"""
A mapping says how the objects of somebody's JSON or CSV file become canonical documents.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locker.connector import Body, Paths, find
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
    fields: Paths

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
        fields = Paths.of(value.get("fields"), columns=True)
        if not all(key):
            raise Invalid("key must be a path or a list of paths")
        return cls(checked_type(value.get("type")), tuple(key), items, fields)

    def key_of(self, document: Body) -> str | None:
        """The document's key, or None if a part of it is missing."""
        parts = [_scalar(find(path, document)) for path in self.key]
        return " ".join(part for part in parts if part) if parts and all(parts) else None

    def fields_of(self, document: Body) -> Body:
        """The canonical fields; what the document lacks is absent."""
        return self.fields(document)


def checked_type(value: Any) -> str:
    """A type as it is.  Raises Invalid."""
    if not isinstance(value, str) or not _TYPE.fullmatch(value):
        raise Invalid(f"type must be like contact or message/imap, not {json.dumps(value)[:80]}")
    return value


def _scalar(value: Any) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    return json.dumps(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
