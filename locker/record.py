"""
A record is one thing a source said, at one moment; it never changes.

A body has one canonical text: keys sorted by code point, no spaces, UTF-8, integers exact, shortest floats
(``specs``: RFC 8259 JSON; equal bodies have equal texts, so a digest of the text names the body).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import orjson

from .error import Invalid

Body = dict[str, Any]
"""A JSON object.  The one place where ``Any`` passes between modules."""

Op = Literal["add", "edit", "delete"]

SALT_BYTES = 16
# orjson would write dataclasses and datetimes too; a body that holds one is a mistake that somebody should hear of.
_STRICT = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_INTEGER = b"0" * 19
_SOURCE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_OWNER = re.compile(r"[a-z0-9][a-z0-9_~.-]{0,63}")
_SUBTYPE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class ServiceType(NamedTuple):
    """``type/subtype``: what kind of thing, as told by whom (``contact/twitter``)."""

    primary: str
    subtype: str

    @classmethod
    def parse(cls, text: str) -> ServiceType:
        """Split ``contact/twitter``.  Raises Invalid for anything else."""
        primary, slash, subtype = text.partition("/")
        if not slash or not _SUBTYPE.fullmatch(primary) or not _SUBTYPE.fullmatch(subtype):
            raise Invalid(f"{text!r} is not a service type; write it as type/subtype, like contact/twitter")
        return cls(primary, subtype)

    def __str__(self) -> str:
        return f"{self.primary}/{self.subtype}"


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that do not belong into a JSON text: not UTF-8, or long.  In a body it stands where its reference will be."""

    content: bytes
    media_type: str = "application/octet-stream"

    @property
    def digest(self) -> str:
        return "sha256:" + sha256(self.content).hexdigest()

    def reference(self) -> Body:
        """What the log keeps in its place: ``{"blob": "sha256:…", "size", "media_type"}``."""
        return {"blob": self.digest, "size": len(self.content), "media_type": self.media_type}


@dataclass(frozen=True, slots=True)
class Record:
    """One immutable entry of a log.

    *id* is ``<source>:<n>``, the n-th record of this owner's log of that source; *reference* (edits and deletes only) is the id of the
    first record of the same thing; *text* is the canonical JSON of the body (None once somebody erased it); *patch* the merge patch of
    an app's edit.  *digest* is the hex SHA-256 of salt and canonical body.  *position* is the place in the logbook's one order.
    """

    position: int
    owner: str
    id: str
    timestamp: str
    source: str
    type: str
    op: Op
    key: str
    digest: str
    text: str | None
    reference: str | None = None
    by: str | None = None
    note: Body | None = None
    patch: str | None = None

    @property
    def body(self) -> Body:
        """The body, parsed anew at each call.  An erased body is empty."""
        return loads(self.text) if self.text is not None else {}

    @property
    def is_late(self) -> bool:
        """Whether it tells of an older revision than one that stood already: it changed nothing of its thing."""
        return self.note is not None and self.note.get("late") is True

    @property
    def first(self) -> str:
        """The id of the thing's first record, which may be this one."""
        return self.reference or self.id

    @property
    def version(self) -> int:
        """The n in ``<source>:<n>``."""
        return int(self.id.rpartition(":")[2])

    def as_dict(self) -> Body:
        """The record as the API shows it (specs: decisions §1)."""
        shown: Body = {
            "id": self.id,
            "timestamp": self.timestamp,
            "source": self.source,
            "type": self.type,
            "op": self.op,
            "key": self.key,
            "digest": self.digest,
        }
        if self.reference is not None:
            shown["reference"] = self.reference
        if self.by is not None:
            shown["by"] = self.by
        if self.note is not None:
            shown["note"] = self.note
        if self.patch is not None:
            shown["patch"] = loads(self.patch)
        shown["body"] = self.body if self.text is not None else None
        return shown

    def as_json(self) -> bytes:
        """``as_dict`` as UTF-8 JSON, the body copied as it lies in the log."""
        head: Body = {
            "id": self.id,
            "timestamp": self.timestamp,
            "source": self.source,
            "type": self.type,
            "op": self.op,
            "key": self.key,
            "digest": self.digest,
        }
        for name, value in (("reference", self.reference), ("by", self.by), ("note", self.note)):
            if value is not None:
                head[name] = value
        start = orjson.dumps(head)[:-1]
        patch = b"" if self.patch is None else b',"patch":' + self.patch.encode()
        return start + patch + b',"body":' + (self.text or "null").encode() + b"}"


def canonical(body: Mapping[str, Any]) -> str:
    """The one text of a body.  Raises Invalid for what JSON cannot say: NaN, infinities, lone surrogates, other objects."""
    try:
        text = orjson.dumps(body, option=_STRICT).decode()
    except (TypeError, ValueError, RecursionError):
        return _canonical_slow(body)
    # orjson writes NaN and infinities as null; a body without null is safe as it is.
    return _canonical_slow(body) if "null" in text and _has_nan(body) else text


def loads(text: str | bytes) -> Any:
    """Read JSON that we wrote ourselves; integers stay exact however long they are."""
    data = text if isinstance(text, bytes) else text.encode()
    # orjson makes doubles of integers beyond 64 bits; this finds them eight times faster than a regular expression.
    return json.loads(data) if _LONG_INTEGER in data.translate(_DIGITS) else orjson.loads(data)


def parse(text: str | bytes) -> Any:
    """Read JSON that a stranger wrote.  Raises Invalid for duplicate keys, NaN, lone surrogates and broken text, saying where."""
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        value = _STRANGER.decode(decoded)
        decoded.encode()
        if "\\ud" in decoded or "\\uD" in decoded:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError as error:
        raise Invalid(f"not valid UTF-8 text: {error}") from error
    except RecursionError as error:
        raise Invalid("nested too deeply") from error
    except ValueError as error:
        raise Invalid(f"not valid JSON: {error}") from error
    return value


def plain_digest(text: str) -> bytes:
    """32 bytes of SHA-256 over the canonical body: tells equal bodies, inside the store only."""
    return sha256(text.encode()).digest()


def salted_digest(salt: bytes, text: str) -> str:
    """Hex SHA-256 over the salt, then the canonical body: names a body without giving it away."""
    return sha256(salt + text.encode()).hexdigest()


def check_source(text: str) -> str:
    """A source's name as it is, or Invalid."""
    if not _SOURCE.fullmatch(text):
        raise Invalid(f"{text!r} is not a source's name; use a to z, 0 to 9, _ . and -, at most 64, starting with a letter or digit")
    return text


def check_owner(text: str) -> str:
    """An owner's name as it is, or Invalid."""
    if not _OWNER.fullmatch(text):
        raise Invalid(f"{text!r} is not an owner's name; use a to z, 0 to 9, _ ~ . and -, at most 64, starting with a letter or digit")
    return text


def _unique(pairs: list[tuple[str, Any]]) -> Body:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate key {next(n for n in names if names.count(n) > 1)!r}")
    return made


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_STRANGER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)


def _has_nan(value: Any) -> bool:
    if isinstance(value, float):
        return value != value or value in (float("inf"), float("-inf"))
    if isinstance(value, Mapping):
        return any(map(_has_nan, value.values()))
    return isinstance(value, list | tuple) and any(map(_has_nan, value))


def _canonical_slow(value: Any) -> str:
    """The same text for what orjson refuses: integers beyond 64 bits."""
    try:
        return _write(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid(f"not a JSON body: {error or 'nested too deeply'}") from error


def _write(value: Any) -> str:
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError("keys must be text")
        return "{" + ",".join(f"{_write(name)}:{_write(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_write, value)) + "]"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and _has_nan(value):
        raise ValueError("NaN and infinities are not JSON")
    if value is None or isinstance(value, str | bool | float):
        return orjson.dumps(value).decode()
    raise TypeError(f"{type(value).__name__} is not JSON")
