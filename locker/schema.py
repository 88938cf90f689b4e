"""
What a body must look like, and how each of its fields is indexed: one JSON Schema file per type in ``schemas/``.

The files are JSON Schema 2020-12 with annotations of ours: ``x-index`` on a field (or on the items of a list) names its kind, ``x-time``
the field that tells when the object happened, ``x-plural`` an irregular plural of the type, ``x-cover`` the fields that its lists are filtered by,
``x-total`` a list of keywords whose values are counted over ``all`` owners or in the ``commons``, and ``x-closed`` a type that only calls of its own write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, cast, get_args

import jsonschema
import jsonschema_rs

from .clock import stamp
from .error import BrokenSchema, Forbidden, Invalid, NotFound
from .record import Body, canonical, parse
from .term import moment

Kind = Literal["keyword", "text", "number", "time", "boolean"]

_PACKAGE = Path(__file__).parent
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALL, COMMONS = "all", "commons"
"""Over whose objects the values of a list can be counted."""


@dataclass(frozen=True, slots=True)
class Field:
    """An indexed field: where it is, how it is compared, whether a body may have several values there, and over whose objects these are counted."""

    path: tuple[str, ...]
    kind: Kind
    many: bool
    total: str = ""

    @property
    def name(self) -> str:
        """The path as queries write it: ``address.state``."""
        return ".".join(self.path)


@dataclass(frozen=True)
class Schema:
    """One type's schema.  *time* is the name of the field that says when the object happened, if there is one."""

    type: str
    plural: str
    fields: tuple[Field, ...]
    time: str | None
    document: Body = field(hash=False, repr=False, compare=False)
    cover: tuple[str, ...] = ()
    """Fields that the index of time knows too: lists that filter by nothing else are counted and paged without reading a body."""
    closed: bool = False
    """Only calls of its own write such objects: they keep a rule that a free edit could break (a rating is given once)."""

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """Each indexed field's kind by its dotted path."""
        return {field.name: field.kind for field in self.fields}

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever the schema does."""
        return sha256(canonical(self.document).encode()).hexdigest()

    def is_valid(self, body: Body) -> bool:
        """Whether the body keeps the schema; in less than a microsecond."""
        return self._fast.is_valid(body)

    def check(self, body: Body) -> None:
        """Raise BrokenSchema if the body breaks the schema: the JSON pointer of the place, and a sentence."""
        if not self._fast.is_valid(body):
            raise self._broken(body)

    def mend(self, body: Body) -> tuple[Body, str | None]:
        """The body without the fields that break the schema, and a sentence about them; None if there are none."""
        wrong = {str(error.instance_path[0]) for error in self._fast.iter_errors(body) if error.instance_path}
        rest = {name: value for name, value in body.items() if name not in wrong}
        return rest, f"left out {', '.join(sorted(wrong))}: {self._broken(body)}" if wrong else None

    def check_open(self) -> None:
        """Raise Forbidden if only the type's own calls may write."""
        if self.closed:
            raise Forbidden(f"{self.plural} are written by calls of their own only; /openapi.json describes them")

    def time_of(self, body: Body) -> str | None:
        """When the object happened, as the log writes moments (``2011-05-18T10:00:00.000000Z``); None if the body does not say.

        A bare date is its first moment.
        """
        text = body.get(self.time) if self.time else None
        return written(found.start) if isinstance(text, str) and (found := moment(text)) else None

    @cached_property
    def _fast(self) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator(self.document)

    def _broken(self, body: Body) -> BrokenSchema:
        error = next(
            iter(sorted(jsonschema.Draft202012Validator(self.document).iter_errors(body), key=lambda error: str(error.json_path))), None
        )
        if error is None:
            return BrokenSchema(f"the body is not a valid {self.type}")
        pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.absolute_path)
        message = error.message if len(error.message) <= 200 else f"{error.message[:200]}…"
        return BrokenSchema(f"{self.type} at {pointer or 'the top'}: {message}", pointer)


def written(microseconds: int) -> str:
    """Microseconds since 1970 UTC as the log writes moments, always 27 characters; clamped to the years 1000 to 9999."""
    try:
        return stamp(_EPOCH + timedelta(microseconds=microseconds))
    except OverflowError:
        return "1000-01-01T00:00:00.000000Z" if microseconds < 0 else "9999-12-31T23:59:59.999999Z"


def folder() -> Path:
    """Where the schema files are: inside the package (wheel) or beside it (checkout)."""
    inside = _PACKAGE / "schemas"
    return inside if inside.is_dir() else _PACKAGE.parent / "schemas"


def load(path: Path | None = None) -> dict[str, Schema]:
    """Every type's schema, by type, in name order.  Files without an indexed field (of request bodies) are no types.  Raises Invalid for a broken file."""
    schemas = (_read(file) for file in sorted((path or folder()).glob("*.json")))
    return {schema.type: schema for schema in schemas if schema.fields}


def named(schemas: Mapping[str, Schema], name: str) -> Schema:
    """The schema of a type in any letter case, singular or plural (``Contacts``).  Raises NotFound, naming the known ones."""
    wanted = name.casefold()
    for schema in schemas.values():
        if wanted in (schema.type, schema.plural):
            return schema
    raise NotFound(f"there is no type {name!r}; there are {', '.join(schemas)}")


def make(type: str, document: Body) -> Schema:
    """The schema that a JSON Schema document describes.  Raises Invalid, naming the place."""
    if not jsonschema_rs.meta.is_valid(document):  # which takes a hundredth of the explanation's time, at every start
        try:
            jsonschema.Draft202012Validator.check_schema(document)
        except jsonschema.SchemaError as error:
            raise Invalid(f"{type}.json is not a JSON Schema: {error.message}") from error
    fields, time = tuple(_fields(document, (), many=False)), document.get("x-time")
    if time is not None and not any((time,) == found.path and found.kind == "time" and not found.many for found in fields):
        raise Invalid(f"{type}.json: x-time names {time!r}, which is no field of kind time")
    cover = tuple(document.get("x-cover", ()))
    if wrong := set(cover) - {found.name for found in fields if not found.many and found.kind in ("keyword", "number", "boolean")}:
        raise Invalid(f"{type}.json: x-cover names {min(wrong)!r}, which is no single field of kind keyword, number or boolean")
    return Schema(type, str(document.get("x-plural", f"{type}s")), fields, time, document, cover, document.get("x-closed") is True)


def _read(file: Path) -> Schema:
    try:
        document = parse(file.read_bytes())
    except Invalid as error:
        raise Invalid(f"{file.name} is not a JSON Schema: {error}") from error
    return make(file.stem, document)


def _fields(document: Mapping[str, Any], path: tuple[str, ...], *, many: bool) -> Iterator[Field]:
    if "x-index" in document:
        kind = document["x-index"]
        if kind not in get_args(Kind):
            raise Invalid(f"{'.'.join(path)}: x-index is {kind!r}; it must be one of {', '.join(get_args(Kind))}")
        total = document.get("x-total", "")
        if total and (total not in (ALL, COMMONS) or not (many and kind == "keyword")):
            raise Invalid(f"{'.'.join(path)}: x-total is for lists of keywords, and says {ALL} or {COMMONS}")
        yield Field(path, cast("Kind", kind), many, total)
    if "items" in document:
        yield from _fields(document["items"], path, many=True)
    for name, inner in document.get("properties", {}).items():
        yield from _fields(inner, (*path, name), many=many)
