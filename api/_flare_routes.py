"""
What the documentation says of the Flare calls: parameters, bodies and answers of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._errors import titled
from ._pages import JSON
from ._routes import Parameter, Route
from ._service import POSITION, Handler

TEXT = {"type": "string"}
WHOLE = {"type": "integer", "minimum": 0}
BOOLEAN = {"type": "boolean"}
STATUSES = {"type": "array", "items": {"type": "integer", "minimum": 100, "maximum": 599}, "minItems": 1}
HEADERS = {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}}
CALL = {"url": TEXT, "method": TEXT, "headers": HEADERS}
PAGING = (
    Parameter("limit", "how many, 30 unless told otherwise", WHOLE),
    Parameter("offset", "how many to leave out before them", WHOLE),
)
CHANGE = {
    "type": "object",
    "required": ["field"],
    "properties": {
        "field": {**TEXT, "minLength": 1, "description": "the field of a document that says its revision"},
        "format": {**TEXT, "description": "how its dates are written: Go's example moment, or strptime; nothing for integers and RFC 3339"},
    },
}
NEW_RESOURCE = {
    "type": "object",
    "required": ["endpoint", "change"],
    "properties": {"endpoint": {**TEXT, "description": "http://api.company.com/users/{id}"}, "change": CHANGE},
}
RESOURCE: dict[str, Any] = {
    "type": "object",
    "required": ["id", "endpoint", "change", "createdAt"],
    "properties": {"id": TEXT, "endpoint": TEXT, "change": CHANGE, "createdAt": TEXT},
}
ACTION = {"type": "object", "properties": CALL}
ENDPOINT = {
    "type": "object",
    "properties": {**CALL, "actions": {"type": "object", "properties": {"create": ACTION, "update": ACTION, "delete": ACTION}}},
}
DELIVERY = {
    "type": "object",
    "required": ["success", "discard"],
    "properties": {
        "success": STATUSES,
        "discard": STATUSES,
        "retry": {"description": "pauses in seconds, or {quantity, interval, mode, ttl}", "type": ["array", "object"]},
        "state": {"enum": ["all", "last"]},
        "concurrency": WHOLE,
        "rate": {"type": "number"},
    },
}
CONTENT = {"type": "object", "properties": {"document": BOOLEAN, "envelope": BOOLEAN}}
NEW_SUBSCRIPTION = {
    "type": "object",
    "required": ["endpoint", "delivery"],
    "properties": {
        "endpoint": ENDPOINT,
        "delivery": DELIVERY,
        "content": CONTENT,
        "data": {"type": "object"},
        "terms": {**TEXT, "description": "a query; only documents that satisfy it are told of"},
        "from": {"description": 'where to begin: "now", "beginning", {"position"} or {"time"}', "type": ["string", "object"]},
        "secret": {**TEXT, "description": "signs what is sent; made if it is left out"},
    },
}
SUBSCRIPTION: dict[str, Any] = {
    "type": "object",
    "required": ["id", "endpoint", "delivery", "content", "status", "createdAt"],
    "properties": {
        "id": TEXT,
        "endpoint": ENDPOINT,
        "delivery": DELIVERY,
        "content": CONTENT,
        "data": {"type": "object"},
        "terms": TEXT,
        "status": {"enum": ["active", "paused", "disabled"]},
        "reason": TEXT,
        "secret": {**TEXT, "description": "only in the answer to the POST that made it"},
        "createdAt": TEXT,
    },
}
REPLAY = {
    "type": "object",
    "required": ["since"],
    "properties": {
        "since": {"description": 'a time, a position, "beginning", {"time"} or {"position"}', "type": ["string", "integer", "object"]},
        "pace": {"enum": ["fast", "original"]},
    },
}
REQUEST = {"type": "object", "required": ["request"], "properties": {"request": TEXT}}
DOCUMENT = {
    "type": "object",
    "required": ["id", "updatedAt", "content"],
    "properties": {"id": TEXT, "updatedAt": TEXT, "content": {"type": ["object", "null"]}, "deletedAt": TEXT},
}
REVISIONS = {
    "type": "object",
    "required": ["pagination", "revisions"],
    "properties": {
        "pagination": {"type": "object"},
        "revisions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["record", "op", "updatedAt"],
                "properties": {
                    "revision": {"type": ["string", "null"]},
                    "updatedAt": TEXT,
                    "op": {"enum": ["add", "edit", "delete"]},
                    "late": {"const": True},
                    "record": TEXT,
                },
            },
        },
    },
}
ASKING = (
    Parameter("revision", "one revision: its number, or the text that the document has in its change field"),
    Parameter("revisions", "list the revisions instead"),
    *PAGING,
)


def a_page(plural: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A page of a list."""
    pagination = {
        "type": "object",
        "required": ["limit", "offset", "total"],
        "properties": dict.fromkeys(("limit", "offset", "total"), WHOLE),
    }
    return {
        "type": "object",
        "required": ["pagination", plural],
        "properties": {"pagination": pagination, plural: {"type": "array", "items": dict(schema)}},
    }


def _call(method: str, path: str, handler: Handler, summary: str, **more: Any) -> Route:
    """A call of this dialect: it leaves parameters alone that it does not know, and a slash at the end of its path."""
    aliases = () if more.get("is_open") else (f"{path}/",)
    return Route(method, path, handler, summary, aliases=aliases, is_checked=False, shape=titled, **more)


def resource_routes(handlers: Mapping[str, Handler]) -> Iterator[Route]:
    """The calls about resources."""
    one, item = {JSON: RESOURCE}, "/resources/{id}"
    yield _call(
        "GET",
        "/resources",
        handlers["list"],
        "The resources that are tracked",
        parameters=PAGING,
        answers={JSON: a_page("resources", RESOURCE)},
    )
    yield _call(
        "POST", "/resources", handlers["create"], "Track documents by the pattern of their addresses", scope="write", body={JSON: NEW_RESOURCE},
        answers=one, statuses=(201,), headers=("Location",), errors=(409, 413, 503),
    )  # fmt: skip
    yield _call("GET", item, handlers["read"], "One resource", answers=one, errors=(404,))
    yield _call(
        "DELETE", item, handlers["delete"], "Track its documents no longer; nobody may subscribe to it", scope="write", statuses=(204,),
        errors=(404, 409, 503),
    )  # fmt: skip


def subscription_routes(handlers: Mapping[str, Handler]) -> Iterator[Route]:
    """The calls about subscriptions to a resource."""
    many, one = "/resources/{id}/subscriptions", "/resources/{id}/subscriptions/{subscription}"
    shown = {JSON: SUBSCRIPTION}
    yield _call("GET", many, handlers["list"], "Who is notified", parameters=PAGING, answers={JSON: a_page("subscriptions", SUBSCRIPTION)})
    yield _call(
        "POST", many, handlers["create"], "Be notified of documents", scope="write", body={JSON: NEW_SUBSCRIPTION}, answers=shown,
        statuses=(201,), headers=("Location",), errors=(404, 409, 413, 503),
    )  # fmt: skip
    yield _call("GET", one, handlers["read"], "One subscription", answers=shown, errors=(404,))
    yield _call("DELETE", one, handlers["delete"], "Be notified no longer", scope="write", statuses=(204,), errors=(404, 503))
    for name, summary in (("pause", "Notify it later; it keeps its place"), ("resume", "Go on where it stopped")):
        yield _call("POST", f"{one}/{name}", handlers[name], summary, scope="write", answers=shown, errors=(404, 409, 503))
    asked = {JSON: REQUEST}
    yield _call(
        "POST", f"{one}/replay", handlers["replay"], "Notify it again of all since a time or a position", scope="write", body={JSON: REPLAY},
        answers=asked, statuses=(202,), errors=(404, 413, 503),
    )  # fmt: skip
    yield _call(
        "POST",
        f"{one}/test",
        handlers["test"],
        "Send it a test notification",
        scope="write",
        answers=asked,
        statuses=(202,),
        errors=(404, 503),
    )


def document_routes(handlers: Mapping[str, Handler]) -> Iterator[Route]:
    """The calls about documents; the rest of the path is the document's own address."""
    path, common = "/documents/{url}", {"is_open": True, "type": "document", "headers": (POSITION,)}
    yield _call(
        "GET", path, handlers["read"], "A document as it is, in an earlier revision, or the list of its revisions", parameters=ASKING,
        answers={JSON: {"anyOf": [DOCUMENT, REVISIONS]}}, errors=(404,), **{**common, "headers": ()},
    )  # fmt: skip
    yield _call(
        "PUT", path, handlers["update"], "A document has changed", scope="write", body={JSON: {"type": "object"}}, statuses=(202,),
        errors=(404, 413, 503), **common,
    )  # fmt: skip
    yield _call("DELETE", path, handlers["delete"], "A document is gone", scope="write", statuses=(202,), errors=(404, 503), **common)
