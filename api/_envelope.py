"""
The envelope of the Demokratiappen dialect: ``{"status_code", "status_text", "response"}`` around every answer, errors too.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from ._errors import brief
from ._pages import answer
from ._routes import Route
from ._service import Handler

BASE = "/api/v1"
DEMOKRATIAPPEN = tuple(f"{BASE}/{name}" for name in ("articles", "tags", "users/me", "oauth"))
"""How the addresses of this dialect begin."""
FIELDS = ("status_code", "status_text", "response")


def enveloped(value: Any, status: int = 200, headers: Mapping[str, str] | None = None, **beside: Any) -> web.Response:
    """A value in its envelope; *beside* are members for another dialect at the same address."""
    said = dict(zip(FIELDS, (status, HTTPStatus(status).phrase, value), strict=True))
    return answer(said | beside, status, headers)


def wrapped(status: int, detail: str, code: str, headers: Mapping[str, str] | None = None, **members: Any) -> web.Response:
    """An error in its envelope: the text says more than the code; *members* are the response."""
    said = dict(zip(FIELDS, (status, detail, {"code": code, **members}), strict=True))
    all_headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return web.Response(status=status, body=orjson.dumps(said, default=str), headers=all_headers)


def either(status: int, detail: str, code: str, headers: Mapping[str, str] | None = None, **members: Any) -> web.Response:
    """An error at an address that two dialects share: the envelope, and ``error`` beside it."""
    shown = brief(status, detail, code, headers, **members)
    said = orjson.loads(shown.body if isinstance(shown.body, bytes) else b"{}")
    shown.body = orjson.dumps(said | dict(zip(FIELDS, (status, detail, {"code": code}), strict=True)))
    return shown


def enveloping(response: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON Schema of an enveloped answer."""
    properties = {"status_code": {"type": "integer"}, "status_text": {"type": "string"}, "response": response}
    return {"type": "object", "required": list(FIELDS), "properties": properties}


def route(method: str, path: str, handler: Handler, summary: str, scope: str | None, **more: Any) -> Route:
    """A call of this dialect, below ``/api/v1``."""
    return Route(method, BASE + path, handler, summary, scope=scope, **{"shape": wrapped, "is_checked": False, **more})
