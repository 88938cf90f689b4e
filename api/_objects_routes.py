"""
What the documentation says of the data access API: parameters, bodies and answers of each call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._body import FORM
from ._pages import JSON, MSGPACK, NDJSON
from ._routes import ANY, Parameter, Route
from ._service import Handler

WHOLE = {"type": "integer", "minimum": 0}
ID = Parameter("id", "the id of an object, like contact:17", required=True)
SEARCH = (
    Parameter("terms", "what must hold, like [age:21+., address.state:'CA']; [] is everything; see docs/query-language.md"),
    Parameter("id", "of an object, or of a record that it was made of"),
    Parameter("time", "when it happened: [2011], [2011-05], [2011-05-18] or [from,until]"),
    Parameter("subtypes", "any of these subtypes, like [imap,twitter]"),
    Parameter("q", "all of these words, somewhere in the text fields; the best match comes first"),
    Parameter("limit", "how many, at most 1000", {"type": "integer", "minimum": 0, "default": 20}),
    Parameter("offset", "how many to leave out first", WHOLE),
    Parameter("sort", 'like name, -time (the default) or {"name":-1}'),
    Parameter("fields", "only these fields of the body, like name,address.state"),
    Parameter("facets", "count the values of these fields, like address.state"),
    Parameter("count", "1 tells the total in X-Total-Count", {"enum": ["0", "1", "true", "false"]}),
    Parameter("after", "the cursor of a page's Link"),
)
COUNTS = {
    "type": "array",
    "items": {"type": "object", "required": ["name", "count"], "properties": {"name": {"type": "string"}, "count": WHOLE}},
}
ALL_COUNTS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["type", "count", "subtypes"],
        "properties": {"type": {"type": "string"}, "count": WHOLE, "subtypes": COUNTS},
    },
}
FIELDS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["field", "kind", "count"],
        "properties": {
            "field": {"type": "string"},
            "kind": {"enum": ["keyword", "text", "number", "time", "boolean", "json"]},
            "count": WHOLE,
        },
    },
}
COUNT = {"type": "object", "required": ["count"], "properties": {"count": WHOLE}, "additionalProperties": False}


def objects(type: str) -> dict[str, Any]:
    """A list of objects of a type."""
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{type}Object"}}


def found(type: str) -> dict[str, Any]:
    """What a query answers: objects, with facets, or a count."""
    facets = {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": WHOLE}}
    with_facets = {"type": "object", "required": ["objects", "facets"], "properties": {"objects": objects(type), "facets": facets}}
    return {"anyOf": [objects(type), with_facets, COUNT]}


def written(type: str) -> dict[str, Any]:
    """What a writing call answers: the object, or its id alone to whoever may not read it."""
    alone = {"type": "object", "required": ["id", "type"], "properties": {"id": {"type": "string"}, "type": {"const": type}}}
    return {"anyOf": [{"$ref": f"#/components/schemas/{type}Object"}, alone | {"additionalProperties": False}]}


def plain_routes(list_: Handler, fields: Handler, via: Handler) -> Iterator[Route]:
    """The calls that are not about one type."""
    yield Route(
        "GET", "/list", list_, "The types that there are, or the subtypes of a type, or the types of a subtype",
        parameters=(Parameter("type", "a type, like contact"), Parameter("subtype", "a subtype, like twitter; not both")),
        answers={JSON: {"anyOf": [COUNTS, ALL_COUNTS]}},
        errors=(400, 404),
    )  # fmt: skip
    yield Route(
        "GET", "/fields", fields, "The fields that objects of a type have, with their kinds",
        type=ANY, parameters=(Parameter("type", "a type, or a type/subtype", required=True),), is_checked=False,
        answers={JSON: FIELDS},
        errors=(400, 404),
    )  # fmt: skip
    direction = Parameter("direction", "up: objects; down: records", {"enum": ["up", "down"], "default": "up"})
    yield Route(
        "GET", "/via", via, "The objects composed of a record or an object; or the records that made it",
        aliases=("/derived",), parameters=(Parameter("id", "of a record or an object, like github:17", required=True), direction),
        answers={JSON: {"type": "array", "items": {"type": "object", "required": ["id", "type", "body"]}}},
        errors=(400, 404),
    )  # fmt: skip


def get_routes(schema: Any, get: Handler, post: Handler) -> Iterator[Route]:
    """``/get{Type}``, with GET and with POST."""
    type = schema.type
    path, *aliases = _paths("get", schema)
    answers = {JSON: found(type), NDJSON: {"type": "string"}, MSGPACK: {"type": "string", "format": "binary"}}
    yield Route(
        "GET", path, get, f"The {schema.plural} that satisfy a query", type=type, aliases=tuple(aliases), parameters=SEARCH, answers=answers,
        headers=("Link", "X-Total-Count"), errors=(400, 404, 414, 503),
    )  # fmt: skip
    body = {"type": "object", "additionalProperties": False, "properties": {each.name: _loose(each) for each in SEARCH}}
    yield Route(
        "POST", path, post, f"The same for long queries: the {schema.plural} that satisfy one", type=type, aliases=tuple(aliases),
        parameters=SEARCH, body={JSON: body, FORM: body}, answers=answers, headers=("Link", "X-Total-Count"),
        errors=(400, 404, 413, 415, 503),
    )  # fmt: skip


def add_route(schema: Any, add: Handler) -> Route:
    """``/add{Type}``."""
    path, *aliases = _paths("add", schema)
    return Route(
        "POST", path, add, f"Add a {schema.type}", scope="write", type=schema.type, aliases=tuple(aliases),
        body={JSON: {"$ref": f"#/components/schemas/{schema.type}"}}, answers={JSON: written(schema.type)},
        headers=("Locker-Position",), errors=(400, 413, 415, 422, 503),
    )  # fmt: skip


def edit_route(schema: Any, edit: Handler) -> Route:
    """``/edit{Type}``."""
    path, *aliases = _paths("edit", schema)
    return Route(
        "POST", path, edit, f"Change a {schema.type}: a JSON Merge Patch over its body", scope="write", type=schema.type, aliases=tuple(aliases),
        parameters=(ID,), body={JSON: {"type": "object"}, "application/merge-patch+json": {"type": "object"}},
        answers={JSON: written(schema.type)},
        headers=("Locker-Position",), errors=(400, 404, 413, 415, 422, 503),
    )  # fmt: skip


def delete_route(schema: Any, delete: Handler) -> Route:
    """``/delete{Type}``."""
    path, *aliases = _paths("delete", schema)
    return Route(
        "POST", path, delete, f"Delete a {schema.type}: it is hidden until an app edits it", scope="write", type=schema.type, aliases=tuple(aliases),
        parameters=(ID,), answers={JSON: written(schema.type)},
        headers=("Locker-Position",), errors=(400, 404, 503),
    )  # fmt: skip


def _paths(verb: str, schema: Any) -> list[str]:
    """``/getContact`` and how else people write it; any other letter case is found too, a little slower."""
    names = [schema.type.capitalize(), schema.plural.capitalize(), schema.type, schema.plural]
    return list(dict.fromkeys(f"/{verb}{name}" for name in names))


def _loose(parameter: Parameter) -> dict[str, Any]:
    """A parameter in JSON may be a text, as in an address, or what JSON has for it."""
    texts = {"type": "array", "items": {"type": "string"}}
    native: dict[str, dict[str, Any]] = {
        "limit": WHOLE,
        "offset": WHOLE,
        "count": {"type": "boolean"},
        "sort": {"type": "object", "additionalProperties": {"enum": [1, -1]}},
    }
    lists = {"subtypes", "fields", "facets"}
    other = native.get(parameter.name) or (texts if parameter.name in lists else None)
    return {"anyOf": [{"type": "string"}, other]} if other else {"type": "string"}
