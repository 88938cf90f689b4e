"""
A draft is what may become a record; ``batch.py`` decides which of them do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .error import Invalid
from .record import Blob, Body, Op, canonical, loads, plain_digest

Position = int
"""A place in the one order of all records; 0 is before the first."""

KEY_CHARACTERS = 4096
REST = "first, newest, digest, deleted, scope, as_of"


class Draft(NamedTuple):
    """What may become a record: *type* is ``type/subtype``, *text* the canonical body (None: gone).

    *expect* is the version of the thing's newest record that the caller has seen, 0 for none: if another one is newer, the append raises Conflict.
    *keep* appends a delete again though the thing is gone, when only its note changed.  *revision*: see ``batch.py``.
    *lasting* gives what of a body counts: one that differs in the rest alone is nothing new, though it would be stored whole.
    """

    type: str
    key: str
    text: str | None
    digest: bytes = b""
    blobs: tuple[Blob, ...] = ()
    by: str | None = None
    note: Body | None = None
    patch: str | None = None
    expect: int | None = None
    keep: bool = False
    revision: int | None = None
    lasting: Callable[[Body], Body] | None = None

    def content(self, text: str) -> bytes:
        """The digest of what counts of a body, this draft's own or the one before."""
        return plain_digest(text if self.lasting is None else canonical(self.lasting(loads(text))))

    @classmethod
    def of(cls, type: str, key: str, body: Body | None, **more: Any) -> Draft:
        """A draft of a body, its Blobs set apart.  Raises Invalid for a body that JSON cannot say or a key that is no text."""
        if not key or len(key) > KEY_CHARACTERS:
            raise Invalid(f"a key has 1 to {KEY_CHARACTERS} characters, this one has {len(key)}")
        try:
            key.encode()
        except UnicodeEncodeError as error:
            raise Invalid(f"the key {key!r} is not valid text: {error.reason}") from error
        if body is None:
            return cls(type, key, None, **more)
        try:
            text, blobs = canonical(body), ()
        except Invalid:
            blobs_found: list[Blob] = []
            try:
                text = canonical(_referring(body, blobs_found))
            except RecursionError as error:
                raise Invalid("nested too deeply") from error
            blobs = tuple(blobs_found)  # type: ignore[assignment]
        return cls(type, key, text, plain_digest(text), blobs, **more)


class Head(NamedTuple):
    """Where the current version of one thing stands; *first* and *newest* are versions of its log."""

    type: str
    key: str
    first: int
    newest: int
    digest: bytes
    deleted: int
    scope: int | None
    as_of: str | None


class Outcome(NamedTuple):
    """What became of a draft: an op, or None for nothing new; the id of the thing's first record; its newest version; where it stands."""

    op: Op | None
    version: int
    first: int
    position: Position


@dataclass(frozen=True, slots=True)
class Sighting:
    """The export that drafts come from: *scope* (its row) and *as_of* (a stamp).

    Of a page of a live walk also when that *walk* began, and *fresh*: an unchanged thing that was seen since then is not marked again (None: always).
    """

    scope: int
    as_of: str
    walk: str = ""
    fresh: str | None = None


def revision_of(note: Body | None) -> int | None:
    """The revision that a record's note says, if its source numbers them."""
    try:
        return None if note is None else int(note["revision"])
    except (KeyError, ValueError, TypeError):
        return None


def split_id(id: str) -> tuple[str, int]:
    """``github:1042`` as ("github", 1042).  Raises Invalid."""
    source, colon, version = id.rpartition(":")
    if not colon or not version.isascii() or not version.isdecimal() or len(version) > 18:
        raise Invalid(f"{id!r} is not an id; ids look like github:1042")
    return source, int(version)


def _referring(value: Any, found: list[Blob]) -> Any:
    """The value with every Blob replaced by its reference."""
    if isinstance(value, Blob):
        found.append(value)
        return value.reference()
    if isinstance(value, dict):
        return {name: _referring(part, found) for name, part in value.items()}
    return [_referring(part, found) for part in value] if isinstance(value, list) else value
