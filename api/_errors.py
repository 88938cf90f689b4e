"""
Every error as an RFC 9457 problem document: one table from code to status, used by every dialect.

An error that nobody expected says nothing of our insides: it has an id, and the log has the rest under that id.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from locker.error import BrokenSchema, LockerError, QueryError, Retriable, TooLarge, TooMany

logger = logging.getLogger("locker.api")

STATUS = {
    "invalid": 400,
    "query": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "too_many": 429,
    "too_large": 413,
    "schema": 422,
    "internal": 500,
    "corrupt": 500,
    "connector": 502,
    "fatal": 502,
    "skippable": 502,
    "retriable": 503,
    "limit_reached": 503,
    "storage": 503,
    "unavailable": 503,
}
MEDIA_TYPE = "application/problem+json"
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    414: "address_too_long",
    415: "media_type",
    431: "header_too_large",
}
RETRY_SECONDS = 1
MAINTENANCE_SECONDS = 60
ADVICE = {
    400: "the request is not HTTP as we know it; blanks and letters beyond ASCII in an address are written as %20, %C3%A9",
    408: "the request took too long to arrive",
    413: "the request body is longer than this server takes (its setting max_body); send it in parts",
    414: "the address is too long; send the same parameters as JSON with POST",
    431: "a header is too long, or there are too many",
}


class HttpError(LockerError):
    """What only HTTP knows as an error: a method, a media type, a length.  *members* are further fields of how a dialect shows it."""

    code = "http"

    def __init__(self, status: int, message: str = "", headers: Mapping[str, str] | None = None, **members: str) -> None:
        super().__init__(message or ADVICE.get(status, HTTPStatus(status).phrase))
        self.status, self.headers, self.members = status, headers or {}, members


class Maintenance(LockerError):
    """Somebody switched this server off for a while."""

    code = "unavailable"

    def __init__(self) -> None:
        super().__init__("The API is currently under maintenance. Please try again later.")


def problem(status: int, detail: str, code: str, headers: Mapping[str, str] | None = None, **members: Any) -> web.Response:
    """A problem document; *members* are its further fields."""
    shown = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code, **members}
    all_headers = {
        "Content-Type": MEDIA_TYPE,
        "Server": "locker",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **(headers or {}),
    }
    body = orjson.dumps(_speakable(shown))
    return web.Response(status=status, body=body, headers=all_headers)


Shape = Callable[..., web.Response]
"""How a dialect shows an error: a function of what ``problem`` takes."""


def brief(status: int, detail: str, code: str, headers: Mapping[str, str] | None = None, **members: Any) -> web.Response:
    """``{"error": "…"}``: the errors of the StreamSource dialect."""
    # Clients of the original look for this word; what to do about it comes behind.
    detail = f"Unauthorized: {detail}" if code == "unauthorized" and "token" in detail else detail
    shown = {"error": detail} | ({"maintenance": True} if "maintenance" in members else {})
    all_headers = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(status=status, body=orjson.dumps(_speakable(shown)), headers={**all_headers, **(headers or {})})


def titled(status: int, detail: str, code: str, headers: Mapping[str, str] | None = None, **members: Any) -> web.Response:
    """``{"error": {"title", "detail"}}``: the errors of the Flare dialect; a title says what was tried."""
    shown = {"error": {"title": members.get("title") or code.replace("_", " "), "detail": detail}}
    all_headers = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(status=status, body=orjson.dumps(_speakable(shown)), headers={**all_headers, **(headers or {})})


@contextmanager
def trying(title: str, invalid: str = "") -> Iterator[None]:
    """What goes wrong in here for the sender's sake has this title, or another one if the request is *invalid*; this dialect knows no 422."""
    try:
        yield
    except HttpError:
        raise
    except LockerError as error:
        status = {422: 400}.get(found := STATUS.get(error.code, 500), found)
        if status in (400, 404, 409):
            raise HttpError(status, str(error), title=invalid if invalid and status == 400 else title) from error
        raise


def oauth_error(status: int, detail: str, code: str, headers: Mapping[str, str] | None = None, **members: Any) -> web.Response:
    """``{"error", "error_description"}``: RFC 6749 §5.2, for what goes wrong before its own server hears of it."""
    del members
    word = {400: "invalid_request", 401: "invalid_client", 403: "access_denied", 503: "temporarily_unavailable"}.get(status)
    shown = {
        "error": word or ("server_error" if status >= 500 else "invalid_request" if code != "too_many" else "slow_down"),
        "error_description": detail,
    }
    all_headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(status=status, body=orjson.dumps(_speakable(shown)), headers={**all_headers, **(headers or {})})


def render(error: LockerError, method: str = "GET", problem: Shape = problem) -> web.Response:
    """One of our errors in the shape of a dialect; a query error with its place."""
    detail, code = str(error), error.code
    if isinstance(error, HttpError):
        return problem(error.status, detail, CODES.get(error.status, "http"), error.headers, **error.members)
    status = STATUS.get(code, 500)
    if status == 500:
        return unexpected(error, problem=problem)
    if isinstance(error, QueryError):
        return problem(status, detail, code, position=error.position, caret=error.caret(), query=error.text[:1000])
    if isinstance(error, BrokenSchema):
        return problem(status, detail, code, pointer=error.pointer)
    if isinstance(error, TooLarge) and method in ("GET", "HEAD"):
        return problem(414, detail, code)
    if isinstance(error, Maintenance):
        return problem(status, detail, code, {"Retry-After": str(MAINTENANCE_SECONDS)}, maintenance=True)
    if status == 401:
        return problem(status, detail, code, {"WWW-Authenticate": 'Bearer realm="locker"'})
    if isinstance(error, TooMany):
        return problem(status, detail, code, _limit_headers(error))
    if status == 503:
        after = error.after if isinstance(error, Retriable) and error.after else RETRY_SECONDS
        return problem(status, detail, code, {"Retry-After": str(int(after))})
    return problem(status, detail, code)


def _limit_headers(error: TooMany) -> dict[str, str]:
    limit = {"X-RateLimit-Limit": str(error.limit), "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(error.reset))}
    return {"Retry-After": str(error.after), **limit}


def unexpected(error: BaseException, what: str = "", problem: Shape = problem) -> web.Response:
    """A fault of ours: told in the log, under an id that the answer names."""
    id = secrets.token_hex(6)
    logger.error("fault %s %s", id, what, exc_info=error)
    return problem(500, f"something went wrong on our side; the server's log has more about it under {id}", "internal", id=id)


def _speakable(value: Any) -> Any:
    """The value without lone surrogates, which a request may have brought in."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not value.isascii() else value
    if isinstance(value, dict):
        return {name: _speakable(part) for name, part in value.items()}
    return value
