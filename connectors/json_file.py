"""
Reads anybody's JSON, NDJSON or CSV file, by a small mapping or as canonical documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from typing import Any, cast

from locker.connector import Archive, Archived, Blob, Body, Found, Item, Problem, find
from locker.error import Fatal, Invalid
from locker.record import canonical, parse

from ._documents import Document, digest, first, json_documents, table_documents
from ._fields import shaped
from ._json_members import elements, mended
from ._lines import Lines, head, shape
from ._mapping import Mapping, checked_type
from ._table import rows

_RAW_LIMIT = 65536
_WANTED = 'without a mapping each object must be like {"type": "contact", "key": "17", "body": {…}}; for other files write a mapping, see docs/import-json.md'


class JsonFile(Archived):
    """Objects of a JSON array, of an array within an object, one per line (NDJSON), or rows of a CSV with a header.

    With ``--option mapping=map.json``, a file like this::

        {
            "type": "contact",
            "key": "id",
            "items": "data.people",
            "fields": {"name": "full_name", "emails": ["mail", "other.mail"], "address": {"state": "st"}, "updated": "changed"},
        }

    *type* is a primary type or a full service type (``message/imap``).  *key* is the path of what names an object, or a list of paths; without it a digest
    of the object is its key, so that a changed object is a new one.  *items* is the path of the array; without it the file is the array, or its lines
    or rows.  *fields* says where each field of the type's schema comes from: a path, a list of paths (all that is found goes into a list) or an object.
    Paths are names with dots, or any JMESPath expression; a name that is no such expression is a column's (``E-mail 1``).

    The body is then ``{"document": <the source's own object>, "fields": <canonical fields>}``.  Without a mapping every object says itself what it is,
    ``{"type", "key"?, "body"}``, also within ``{"items": […]}``; a null body means that it is gone; without ``body`` all but type and key is the body.  Such
    bodies are taken as canonical.
    """

    name = "json"
    types = ("contact", "message", "link", "favorite", "photo", "place", "event", "post", "article", "document")
    title = "JSON, NDJSON or CSV, with a mapping"
    patterns = ("*.json", "*.ndjson", "*.jsonl", "*.csv", "*.tsv")

    def __init__(self, mapping: Mapping | None = None) -> None:
        self._mapping = mapping

    def options(self, settings: dict[str, str]) -> JsonFile:
        unknown = sorted(set(settings) - {"mapping"})
        if unknown:
            raise Invalid(f"json has no option {', '.join(unknown)}; it knows mapping=FILE")
        return JsonFile(Mapping.load(settings["mapping"])) if "mapping" in settings else self

    def read(self, archive: Archive) -> Iterator[Found]:
        names = archive.names() if archive.is_single else archive.names(*self.patterns)
        if not names:
            yield Problem(archive.path.name, "file", f"nothing to read here; expected files like {', '.join(self.patterns)}")
        for name in names:
            try:
                yield from self._file(archive, name)
            except Fatal as error:
                yield Problem(name, "file", str(error))

    def map(self, type: str, body: Body) -> Body | None:  # noqa: ARG002 (the type was decided when the item was read)
        if set(body) == {"document", "fields"} and isinstance(body["fields"], dict):
            body = body["fields"]
        body = mended(body)
        return None if set(body) == {"raw"} else shaped(body)

    def _file(self, archive: Archive, name: str) -> Iterator[Found]:
        known = self._mapping is not None
        for found in _documents(archive, name, self._mapping):
            if isinstance(found, Problem):
                yield found
                continue
            items = list(_mapped(found, self._mapping, name) if self._mapping else _pushed(found, name))
            yield from items
            if not known and items and not any(isinstance(item, Item) for item in items):
                break  # a file of another kind is one problem, not thousands
            known = known or bool(items)


def _documents(archive: Archive, name: str, mapping: Mapping | None) -> Iterator[Document | Problem]:
    with archive.open(name) as file:
        start = head(cast("BufferedReader", file))
        kind = "json" if start.strip() and name.lower().endswith(".json") else shape(start)
        if kind == "empty":
            yield Problem(name, "file", "the file is empty")
        elif kind == "json" and _is_lines(name, start):
            yield from _lines(Lines(file, name), name)
        elif kind != "json":
            yield from table_documents(rows(file, name))
    if kind == "json" and not _is_lines(name, start):
        if mapping and mapping.items:
            yield from _at(archive, name, mapping.items)
        else:
            yield from json_documents(archive, name, () if mapping else ("items",))


def _is_lines(name: str, start: str) -> bool:
    if name.lower().endswith((".ndjson", ".jsonl")):
        return True
    lines = [line.strip() for line in start.splitlines()[:2]]
    return len(lines) > 1 and all(line.startswith("{") for line in lines) and lines[0].endswith("}")


def _lines(lines: Lines, name: str) -> Iterator[Document | Problem]:
    for line in lines:
        text, place = line.strip(), f"line {lines.number}"
        if not text:
            continue
        try:
            value = parse(text)
            canonical({"": value})
        except Invalid as error:
            yield Problem(name, place, str(error))
            yield Document({}, {"raw": _raw(text)}, place)
        else:
            yield Document(value, value, place) if isinstance(value, dict) else Document({}, {}, place)
    yield from lines.problems()


def _at(archive: Archive, name: str, path: str) -> Iterator[Document | Problem]:
    """The objects of the array at a dotted path, one by one if it is a top-level member."""
    member, _, rest = path.partition(".")
    nothing = True
    for element in elements(archive, name, lambda found: found == member):
        nothing = False
        if isinstance(element, Problem):
            yield element
            continue
        if not rest and element.place != element.name:
            yield (
                Document(element.value, element.body, element.place) if isinstance(element.value, dict) else Document({}, {}, element.place)
            )
            continue
        inner = find(rest, element.value) if rest else element.value
        if isinstance(inner, dict) and all(isinstance(value, dict) for value in inner.values()):
            inner = list(inner.values())  # an object by id
        for n, value in enumerate(inner if isinstance(inner, list) else [inner], 1):
            yield Document(value, value, f"{element.place} {n}") if isinstance(value, dict) else Document({}, {}, f"{element.place} {n}")
    if nothing:
        yield Problem(name, "file", f"there is nothing at {path}; set items in the mapping to the path of the array")


def _mapped(found: Document, mapping: Mapping, name: str) -> Iterator[Item | Problem]:
    if set(found.body) == {"raw"}:
        yield Item(mapping.type, _named(found.body), found.body)
        return
    if not found.value:
        yield Problem(name, found.place, "not an object; a mapping needs objects or rows")
        return
    key = mapping.key_of(found.value)
    if mapping.key and key is None:
        yield Problem(name, found.place, f"no text or number at its key {', '.join(mapping.key)}; named by its digest")
    yield Item(mapping.type, key or _named(found.body), {"document": found.body, "fields": mapping.fields_of(found.value)})


def _pushed(found: Document, name: str) -> Iterator[Item | Problem]:
    if set(found.body) == {"raw"}:
        return  # its type is unknown, and its problem was told
    try:
        type = checked_type(found.value.get("type"))
    except Invalid as error:
        yield Problem(name, found.place, f"{error}; {_WANTED}")
        return
    if type.partition("/")[0] not in JsonFile.types:  # many a foreign object has a type of its own
        yield Problem(name, found.place, f"type {type} is none of {', '.join(JsonFile.types)}; {_WANTED}")
        return
    rest: Body = {name: value for name, value in found.value.items() if name not in ("type", "key", "body")}
    body: Any = found.value.get("body", rest)
    key = first(found.value, "key")
    if body is None and key:
        yield Item(type, key, None)
    elif not isinstance(body, dict) or not body:
        yield Problem(name, found.place, f"its body is no object; {_WANTED}")
    else:
        yield Item(type, key or _named(body), body)


def _named(body: Body) -> str:
    raw = body.get("raw")
    if isinstance(raw, Blob):
        return raw.digest
    return "digest:" + digest(canonical(body))


def _raw(text: str) -> str | Blob:
    data = text.encode("utf-8", "surrogatepass")
    return text if len(data) <= _RAW_LIMIT else Blob(data, "application/json")
