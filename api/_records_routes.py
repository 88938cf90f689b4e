"""
What the documentation says of the connectors' calls: parameters, bodies and answers of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._pages import JSON, MSGPACK, NDJSON
from ._routes import Parameter, Route
from ._service import Handler

WHOLE = {"type": "integer", "minimum": 0}
RECORD = {"$ref": "#/components/schemas/Record"}
RECORDS = {JSON: {"type": "array", "items": RECORD}, NDJSON: {"type": "string"}, MSGPACK: {"type": "string", "format": "binary"}}
PAGING = (
    Parameter("type", "only records of this type, like favorite/github or favorite"),
    Parameter("limit", "how many, at most 1000", {"type": "integer", "minimum": 0, "default": 100}),
    Parameter("offset", "how many to leave out first", WHOLE),
    Parameter("after", "the cursor of a page's Link"),
)
ITEM = {
    "type": "object",
    "required": ["type", "key", "body"],
    "properties": {
        "type": {"type": "string", "description": "like contact/mine, or contact alone"},
        "key": {"type": "string", "description": "the thing's own id at its source"},
        "body": {"type": ["object", "null"], "description": "the document; null means that the thing is gone"},
    },
}
ITEMS = {"type": "array", "items": ITEM}
PUSHED = {
    "type": "object",
    "required": ["added", "edited", "deleted", "unchanged", "rejected", "errors"],
    "properties": {
        **dict.fromkeys(("added", "edited", "deleted", "unchanged", "rejected"), WHOLE),
        "errors": {
            "type": "array",
            "items": {"type": "object", "required": ["index", "error"], "properties": {"index": WHOLE, "error": {"type": "string"}}},
        },
    },
}
CONNECTORS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "title", "types", "state", "count"],
        "properties": {
            "name": {"type": "string"},
            "title": {"type": "string"},
            "types": {"type": "array", "items": {"type": "string"}},
            "state": {"enum": ["empty", "filled"]},
            "pushed": {"type": "boolean"},
            "count": WHOLE,
        },
    },
}
HISTORY = {
    "type": "object",
    "required": ["record", "references"],
    "properties": {"record": RECORD, "references": {"type": "array", "items": RECORD}},
}


def routes_of(
    connectors: Handler, types: Handler, all: Handler, id: Handler, since: Handler, current: Handler, push: Handler
) -> Iterator[Route]:
    """The calls with their documentation."""
    get, base = "GET", "/connectors/{source}"
    names: dict[str, Any] = {JSON: {"type": "array", "items": {"type": "string"}}}
    record = Parameter("id", "of a record, like github:17")
    yield Route(
        get,
        "/connectors",
        connectors,
        "The connectors that this locker knows, and the sources that were pushed",
        answers={JSON: CONNECTORS},
    )
    yield Route(get, f"{base}/getTypes", types, "The service types that have records", answers=names, errors=(404,))
    yield Route(
        get, f"{base}/getAll", all, "Every record in log order", parameters=PAGING, answers=RECORDS, headers=("Link",), errors=(400, 404)
    )
    yield Route(
        get, f"{base}/getID", id, "A record, and those that refer to it", parameters=(Parameter("id", record.description, required=True),),
        answers={JSON: HISTORY}, errors=(400, 404),
    )  # fmt: skip
    yield Route(
        get, f"{base}/getSince", since, "The records after an id, or at or after a time",
        parameters=(record, Parameter("time", "like 2011-05-18T10:00:00Z; either this or id"), *PAGING),
        answers=RECORDS, headers=("Link",), errors=(400, 404),
    )  # fmt: skip
    yield Route(
        get, f"{base}/getCurrent", current, "One record for each living thing: its newest body under the id of its first record",
        parameters=PAGING, answers=RECORDS, headers=("Link",), errors=(400, 404),
    )  # fmt: skip
    bodies = {
        JSON: {"anyOf": [{"type": "object", "required": ["items"], "properties": {"items": ITEMS}}, ITEMS]},
        NDJSON: {"type": "string"},
        MSGPACK: {"type": "string", "format": "binary"},
    }
    yield Route(
        "POST", f"{base}/push", push, "Push items; what is new of them is appended", scope="write", body=bodies, answers={JSON: PUSHED},
        headers=("Locker-Position",), errors=(400, 413, 415, 503),
    )  # fmt: skip
