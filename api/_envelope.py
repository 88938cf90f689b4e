"""
The envelope of the Demokratiappen dialect: ``{"status_code", "status_text", "response"}`` around every answer, errors too.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from ._pages import answer

BASE = "/api/v1"
FIELDS = ("status_code", "status_text", "response")


def enveloped(value: Any, status: int = 200, headers: Mapping[str, str] | None = None, text: str | None = None) -> web.Response:
    """A value in its envelope."""
    said = dict(zip(FIELDS, (status, text or HTTPStatus(status).phrase, value), strict=True))
    return answer(said, status, headers)


def wrapped(status: int, detail: str, code: str, headers: Mapping[str, str] | None = None, **members: Any) -> web.Response:
    """An error in its envelope: the text says more than the code; *members* are the response."""
    said = dict(zip(FIELDS, (status, detail, {"code": code, **members}), strict=True))
    all_headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return web.Response(status=status, body=orjson.dumps(said, default=str), headers=all_headers)


def enveloping(response: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON Schema of an enveloped answer."""
    properties = {"status_code": {"type": "integer"}, "status_text": {"type": "string"}, "response": response}
    return {"type": "object", "required": list(FIELDS), "properties": properties}
