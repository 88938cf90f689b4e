"""
The interface's description in OpenAPI 3.1, made of the same table of routes that answers the calls; and the two calls that need no token.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from aiohttp import web

from locker import __version__

from ._auth import HEADERS
from ._envelope import either, enveloping, wrapped
from ._errors import MEDIA_TYPE, brief, oauth_error, problem, titled
from ._pages import JSON, answer
from ._routes import Parameter, Route
from ._service import Call, Service

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "position": {"type": "integer", "description": "of the mistake in the query, from 0"},
        "caret": {"type": "string", "description": "the query with a caret under the mistake"},
        "pointer": {"type": "string", "description": "JSON pointer to what breaks the schema"},
    },
}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "maintenance": {"const": True}},
}
TITLED = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["title", "detail"],
            "properties": {"title": {"type": "string"}, "detail": {"type": "string"}},
        }
    },
}
OAUTH = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}}}
ERRORS = {"Problem": PROBLEM, "Error": ERROR, "TitledError": TITLED, "OAuthError": OAUTH, "WrappedError": enveloping({"type": "object"})}
SHAPES = {
    problem: (MEDIA_TYPE, "Problem"),
    brief: (JSON, "Error"),
    titled: (JSON, "TitledError"),
    oauth_error: (JSON, "OAuthError"),
    wrapped: (JSON, "WrappedError"),
    either: (JSON, "WrappedError"),
}
"""How each dialect shows errors: the media type, and the name of its schema."""

RECORD = {
    "type": "object",
    "required": ["id", "timestamp", "source", "type", "op", "key", "digest", "body"],
    "properties": {
        "id": {"type": "string"},
        "timestamp": {"type": "string"},
        "source": {"type": "string"},
        "type": {"type": "string"},
        "op": {"enum": ["add", "edit", "delete"]},
        "reference": {"type": "string", "description": "of edits and deletes: the thing's first record"},
        "key": {"type": "string"},
        "digest": {"type": "string"},
        "body": {"type": ["object", "null"]},
        "version": {"type": "string", "description": "in getCurrent: the newest record"},
    },
}
HEALTH = {
    "type": "object",
    "required": ["status", "version", "position", "lag"],
    "properties": {
        "status": {"enum": ["ok"]},
        "version": {"type": "string"},
        "position": {"type": "integer"},
        "lag": {"type": "integer", "minimum": 0},
    },
}
ABOUT = {"name": "locker", "version": __version__, "documentation": "/openapi.json", "health": "/health"}


def document(service: Service, routes: Sequence[Route]) -> list[Route]:
    """``/``, ``/health`` and ``/openapi.json``, which describes these routes and itself."""

    async def health(call: Call) -> web.StreamResponse:
        """Whether it works, and how far queries are behind the logs."""
        call.params()
        position, read = call.locker.logbook.position, min(call.locker.composer.position, call.locker.reader.position)
        return answer({"status": "ok", "version": __version__, "position": position, "lag": max(0, position - read)})

    async def about(call: Call) -> web.StreamResponse:
        """Where to read on; who asks for JSON is told who answers, and nothing more."""
        call.params()
        wants_json = "json" in call.request.headers.get("Accept", "").lower()
        return answer({"name": ABOUT["name"], "version": ABOUT["version"]} if wants_json else ABOUT)

    async def openapi(call: Call) -> web.StreamResponse:
        """This description."""
        call.params()
        return answer(text)

    own = [
        Route(
            "GET", "/health", health, "Whether it works, and how far behind queries are", scope=None, answers={JSON: HEALTH}, errors=(503,)
        ),
        Route("GET", "/", about, "What this is", scope=None, answers={JSON: {"type": "object"}}),
        Route("GET", "/openapi.json", openapi, "This description", scope=None, answers={JSON: {"type": "object"}}),
    ]
    text = orjson.dumps(described(service, [*routes, *own]))
    return own


def described(service: Service, routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    schemas = dict(_schemas(service))
    tokens: dict[str, Any] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    tokens |= {name: {"type": "apiKey", "in": "header", "name": name} for name in HEADERS}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Locker",
            "version": __version__,
            "description": "What you did elsewhere, kept for good. See docs/api.md and docs/query-language.md.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas | ERRORS | {"Record": RECORD},
            "securitySchemes": tokens,
        },
        "security": [{name: []} for name in tokens],
    }


def _schemas(service: Service) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each type's body, as its schema file has it, and its object."""
    for schema in service.locker.schemas.values():
        yield schema.type, {name: value for name, value in schema.document.items() if name not in ("$schema", "$id")}
        yield (
            f"{schema.type}Object",
            {
                "type": "object",
                "required": ["id", "type", "subtypes", "time", "via", "body"],
                "properties": {
                    "id": {"type": "string", "pattern": f"^{schema.type}:[0-9]+$"},
                    "type": {"const": schema.type},
                    "subtypes": {"type": "array", "items": {"type": "string"}},
                    "time": {"type": "string"},
                    "via": {"type": "array", "items": {"type": "string"}},
                    "body": {"type": ["object", "null"]},
                    "deleted": {"const": True},
                },
            },
        )


def _operation(route: Route) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "what was asked for"}
    if route.answers:
        success["content"] = {media: {"schema": schema} for media, schema in route.answers.items()}
    if route.headers:
        success["headers"] = {name: {"schema": {"type": "string"}} for name in route.headers}
    answers = {str(status): success for status in route.statuses}
    errors = {400, 429, *route.errors} | ({401, 403} if route.scope else set())
    media, name = SHAPES.get(route.shape, (JSON, "Error"))
    content = {media: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    answers |= {str(status): {"description": "a problem", "content": content} for status in sorted(errors)}
    made: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}_{route.path.strip('/') or 'root'}"),
        "summary": route.summary,
        "parameters": [_parameter(each, "query") for each in route.parameters],
        "responses": answers,
    }
    made["parameters"] += [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    if route.scope is None:
        made["security"] = []
    if route.body is not None:
        required = route.scope == "write"
        made["requestBody"] = {"required": required, "content": {media: {"schema": schema} for media, schema in route.body.items()}}
    return made


def _parameter(parameter: Parameter, place: str) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": place,
        "description": parameter.description,
        "required": parameter.required,
        "schema": parameter.schema,
    }
