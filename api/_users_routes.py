"""
What the documentation says of the calls about accounts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._envelope import either
from ._errors import brief
from ._pages import JSON
from ._routes import Json, Parameter, Route
from ._service import Handler

BASE = "/api/v1/users"
TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
ROLE = {"enum": ["default", "editor", "admin"]}
MOMENT = {"type": ["string", "null"]}
USER = {
    "type": "object",
    "required": ["id", "email", "role", "created_at", "updated_at"],
    "properties": {"id": {"type": "integer"}, "email": TEXT, "role": ROLE, "created_at": MOMENT, "updated_at": MOMENT},
}


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


CREDENTIALS = _object("email password", email=TEXT, password=TEXT)
SESSION = _object("user token", user=USER, token=TEXT)
TOKEN = _object("id name scopes created_at expires_at", id=TEXT, name=TEXT, scopes=TEXTS, created_at=TEXT, expires_at={"type": "integer"})
GRANT = _object("owner to access", owner=TEXT, to=TEXT, access=TEXTS, types=TEXTS)
META = _object("current_page total_pages total_count per_page")
WISHED_TOKEN = _object("name", name=TEXT, scopes=TEXTS, expires_in={"type": "number"}, expires_at=TEXT)
WISHED_GRANT = _object("to", to=TEXT, access=TEXTS, types={"type": ["array", "null"], "items": TEXT})
WISHED_INVITATION = _object(role=ROLE, email=TEXT, days={"type": "number"})
PAGES = (
    Parameter("page", "from 1", {"type": "integer", "minimum": 1, "default": 1}),
    Parameter("per_page", "how many on a page, at most 100", {"type": "integer", "default": 25}),
)


def routes_of(handlers: Mapping[str, Handler]) -> Iterator[Route]:
    """The calls with their documentation; *handlers* by name."""

    def route(method: str, path: str, name: str, summary: str, scope: str | None, **more: Any) -> Route:
        return Route(method, BASE + path, handlers[name], summary, scope=scope, **{"shape": brief, **more})

    def body(schema: Json) -> Json:
        return {JSON: schema}

    yield route(
        "POST", "/signup", "signup", "A new account and its first token", None,
        body=body(CREDENTIALS), answers=body(SESSION), statuses=(201,), errors=(403, 413, 415, 422, 503),
    )  # fmt: skip
    yield route(
        "POST", "/login", "login", "A token of 24 hours for an address and a password", None,
        body=body(CREDENTIALS), answers=body(SESSION), errors=(401, 413, 415, 422, 503),
    )  # fmt: skip
    yield route("POST", "/refresh", "refresh", "A fresh token of the same session", "read", answers=body(SESSION))
    yield route("POST", "/logout", "logout", "End the session", "read", statuses=(204,))
    yield route("GET", "/me", "me", "Who is calling", "read", answers=body(_object("user response", user=USER)), shape=either)
    yield route(
        "GET",
        "/tokens",
        "tokens",
        "Your application tokens",
        "read",
        answers=body(_object("tokens", tokens={"type": "array", "items": TOKEN})),
    )
    yield route(
        "POST", "/tokens", "make_token", "Make a token for a program", "write",
        body=body(WISHED_TOKEN), answers=body(TOKEN), statuses=(201,), errors=(413, 415, 422),
    )  # fmt: skip
    yield route("DELETE", "/tokens/{id}", "revoke", "Revoke an application token", "write", statuses=(204,), errors=(404,))
    both = _object("given received", given={"type": "array", "items": GRANT}, received={"type": "array", "items": GRANT})
    yield route("GET", "/grants", "grants", "Who may see your locker, and whose you may see", "read", answers=body(both))
    yield route(
        "POST", "/grants", "grant", "Let somebody read or write your locker", "write",
        body=body(WISHED_GRANT), answers=body(GRANT), statuses=(201,), errors=(404, 413, 415, 422),
    )  # fmt: skip
    yield route("DELETE", "/grants/{to}", "ungrant", "Take a grant back", "write", statuses=(204,), errors=(404,))
    listed = _object("users meta", users={"type": "array", "items": USER}, meta=META)
    yield route("GET", "", "users", "Everyone who signed up", "admin", role="admin", parameters=PAGES, answers=body(listed))
    one = body(_object("user", user=USER))
    yield route("GET", "/{id}", "user", "One account", "admin", role="admin", answers=one, errors=(404,))
    changes = _object(role=ROLE, disabled={"type": "boolean"})
    yield route(
        "PATCH", "/{id}", "change", "Change a role, or disable an account", "admin", role="admin",
        body=body(changes), answers=one, errors=(404, 413, 415, 422),
    )  # fmt: skip
    yield route(
        "POST", "/invitations", "invite", "A code that lets one person sign up", "admin", role="admin",
        body=body(WISHED_INVITATION), answers=body(_object("code role", code=TEXT, role=ROLE)), statuses=(201,), errors=(413, 415, 422),
    )  # fmt: skip
