"""
What the documentation says of the StreamSource calls: parameters, bodies and answers of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._errors import brief
from ._pages import JSON
from ._routes import Parameter, Route
from ._service import POSITION, Handler
from ._stream_list import PAGING
from ._stream_rules import KINDS, ORIENTATIONS, PLATFORMS, SOURCE_CHARACTERS, STATUSES

BASE = "/api/v1"
TEXT: dict[str, Any] = {"type": ["string", "null"]}
WHOLE = {"type": "integer", "minimum": 0}
MOMENT = {"type": ["string", "null"], "description": "UTC, to the millisecond: 2026-11-22T08:00:00.123Z"}
BOOLEAN = {"type": "boolean"}
ENVELOPE = Parameter("envelope", "1: the object inside an object that names its kind", BOOLEAN)
USER = {
    "type": "object",
    "required": ["id", "email", "role"],
    "properties": {"id": WHOLE, "email": TEXT, "role": TEXT, "created_at": MOMENT, "updated_at": MOMENT},
}
META = {
    "type": "object",
    "required": ["current_page", "total_pages", "total_count", "per_page"],
    "properties": dict.fromkeys(("current_page", "total_pages", "total_count", "per_page"), WHOLE),
}


def words(words: tuple[str, ...], *, null: bool = False) -> dict[str, Any]:
    """One of some words."""
    return {"enum": [*words, None] if null else [*words]}


STREAM: dict[str, Any] = {
    "type": "object",
    "required": ["id", "source", "link", "status", "is_pinned", "platform", "created_at", "updated_at", "user"],
    "properties": {
        "id": WHOLE,
        "source": TEXT,
        "link": TEXT,
        "status": words(STATUSES, null=True),
        "is_pinned": BOOLEAN,
        "platform": words(PLATFORMS, null=True),
        "orientation": words(ORIENTATIONS, null=True),
        "kind": words(KINDS, null=True),
        **dict.fromkeys(("city", "state", "notes", "title", "posted_by"), TEXT),
        **dict.fromkeys(("last_checked_at", "last_live_at", "created_at", "updated_at"), MOMENT),
        "user": USER,
    },
}
NEW_STREAM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "source": {"type": "string", "minLength": 1, "maxLength": SOURCE_CHARACTERS},
        "link": {"type": "string", "format": "uri"},
        "status": words(STATUSES),
        "platform": words(PLATFORMS),
        "orientation": words(ORIENTATIONS),
        "kind": words(KINDS),
        **dict.fromkeys(("city", "state", "notes", "title", "posted_by"), TEXT),
    },
}
SOME_STREAMS = {"type": "array", "items": NEW_STREAM}
FILTERS = (
    Parameter("status", "only streams of this status", words(STATUSES)),
    Parameter("notStatus", "only streams of another status", words(STATUSES)),
    Parameter("platform", "only streams at this platform", words(PLATFORMS)),
    Parameter("user_id", "only streams of this user", WHOLE),
    Parameter("is_pinned", "only pinned streams, or only others", BOOLEAN),
    Parameter(
        "sort",
        "by the name of the source, or when they were made; a minus for the other way round",
        {"enum": ["name", "-name", "created", "-created"]},
    ),
)
HISTORY = {
    "type": "object",
    "required": ["count", "history"],
    "properties": {
        "count": WHOLE,
        "history": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["record", "op", "at", "by", "changes"],
                "properties": {
                    "record": {"type": "string"},
                    "op": {"enum": ["add", "edit", "delete"]},
                    "at": MOMENT,
                    "by": TEXT,
                    "changes": {"type": "object"},
                },
            },
        },
    },
}
FIGURES = {
    "type": "object",
    "required": ["stream_id", "status_changes", "live_sessions", "live_seconds", "longest_session_seconds", "edits", "first_seen"],
    "properties": {
        **dict.fromkeys(("stream_id", "status_changes", "live_sessions", "live_seconds", "longest_session_seconds", "edits"), WHOLE),
        "is_live": BOOLEAN,
        **dict.fromkeys(("first_seen", "last_seen", "last_updated"), MOMENT),
    },
}
IMPORTED = {
    "type": "object",
    "required": ["imported", "total", "errors", "streams"],
    "properties": {
        "imported": WHOLE,
        "total": WHOLE,
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"index": WHOLE, "errors": {"type": "array", "items": {"type": "string"}}}},
        },
        "streams": {"type": "array", "items": STREAM},
    },
}
EXPORTED = {
    "type": "object",
    "required": ["exported_at", "count", "streams"],
    "properties": {"exported_at": MOMENT, "count": WHOLE, "streams": {"type": "array", "items": {"type": "object"}}},
}


def bare_or_wrapped(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """An object, or one inside an object that names its kind."""
    return {"anyOf": [dict(schema), {"type": "object", "required": [name], "properties": {name: dict(schema)}}]}


def a_list(plural: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A page of a list."""
    return {"type": "object", "required": [plural, "meta"], "properties": {plural: {"type": "array", "items": dict(schema)}, "meta": META}}


def call(method: str, path: str, handler: Handler, summary: str, **more: Any) -> Route:
    """A call of this dialect: it leaves parameters alone that it does not know, and tells errors as ``{"error": "…"}``."""
    return Route(method, BASE + path, handler, summary, is_checked=False, shape=brief, **more)


def thing_routes(
    thing: Any, handlers: Mapping[str, Handler], shown: Mapping[str, Any], new: Mapping[str, Any], filters: tuple[Parameter, ...]
) -> Iterator[Route]:
    """The calls that streams, streamers and timestamps share: list, create, read, update, archive, history."""
    type, plural = thing.type, thing.plural
    one, body = {JSON: bare_or_wrapped(type, shown)}, {JSON: bare_or_wrapped(type, new)}
    item, written = f"/{plural}/{{id}}", (POSITION,)
    yield call(
        "GET", f"/{plural}", handlers["list"], f"The {plural} that everybody shares", type=type, parameters=(*PAGING, *filters),
        answers={JSON: a_list(plural, shown)}, errors=(404, 422, 503),
    )  # fmt: skip
    yield call(
        "POST", f"/{plural}", handlers["create"], f"Add a {type}", scope="write", type=type, parameters=(ENVELOPE,), body=body,
        answers=one, statuses=(201, 200) if type == "stream" else (201,), headers=(POSITION,), errors=(413, 415, 422, 503),
    )  # fmt: skip
    yield call("GET", item, handlers["read"], f"One {type}", type=type, parameters=(ENVELOPE,), answers=one, errors=(404, 422, 503))
    for method in ("PUT", "PATCH"):
        yield call(
            method, item, handlers["update"], f"Change what is said of a {type}; the rest stays", scope="write", type=type,
            parameters=(ENVELOPE,), body=body, answers=one, headers=written, errors=(404, 413, 415, 422, 503),
        )  # fmt: skip
    yield call(
        "DELETE", item, handlers["archive"], f"Take a {type} out of the lists; its history stays", scope="write", type=type,
        statuses=(204,), headers=written, errors=(404, 503),
    )  # fmt: skip
    yield call(
        "GET", f"{item}/history", handlers["history"], f"The whole life of a {type}", type=type, answers={JSON: HISTORY}, errors=(404, 503)
    )


def stream_routes(handlers: Mapping[str, Handler]) -> Iterator[Route]:
    """The calls that only streams have."""
    one = {JSON: bare_or_wrapped("stream", STREAM)}
    for method, what in (("PUT", "List a stream first"), ("DELETE", "List a stream like the others again")):
        yield call(
            method, "/streams/{id}/pin", handlers["pin" if method == "PUT" else "unpin"], what, scope="write", type="stream",
            parameters=(ENVELOPE,), answers=one, headers=(POSITION,), errors=(404, 422, 503),
        )  # fmt: skip
    yield call(
        "GET", "/streams/{id}/analytics", handlers["analytics"], "Figures about a stream, counted in its history", type="stream",
        answers={JSON: FIGURES}, errors=(404, 503),
    )  # fmt: skip
    yield call(
        "POST", "/streams/bulk_import", handlers["bulk_import"], "Add many streams, each for itself", scope="write", type="stream",
        body={JSON: {"anyOf": [SOME_STREAMS, {"type": "object", "required": ["streams"], "properties": {"streams": SOME_STREAMS}}]}},
        answers={JSON: IMPORTED}, headers=(POSITION,), errors=(413, 415, 422, 503),
    )  # fmt: skip
    yield call(
        "GET", "/streams/export", handlers["export"], "All streams of a list in one answer", type="stream", parameters=FILTERS,
        answers={JSON: EXPORTED}, errors=(404, 422, 503),
    )  # fmt: skip
