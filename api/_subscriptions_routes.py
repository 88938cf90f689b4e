"""
What the documentation says of the calls about subscriptions: parameters, bodies and answers of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._pages import JSON
from ._routes import Parameter, Route
from ._service import Handler

TEXT = {"type": "string"}
MAYBE = {"type": ["string", "null"]}
WHOLE = {"type": "integer", "minimum": 0}
TEXTS = {"type": "array", "items": TEXT}
FILTER = {
    "type": "object",
    "additionalProperties": False,
    "description": "what it hears of; a part that is left out means any",
    "properties": {
        "owners": {**TEXTS, "description": "whose lockers; your own if left out, others as far as they were granted"},
        "sources": TEXTS,
        "types": {**TEXTS, "description": "like contact/twitter, or contact"},
        "ops": {"type": "array", "items": {"enum": ["add", "edit", "delete"]}},
        "key": {**TEXT, "description": "a * stands for any text"},
        "terms": {**TEXT, "description": "a query: each notification says whether the thing entered, changed in or left that set"},
    },
}
CALL = {"url": TEXT, "method": TEXT, "headers": {"type": "object"}}
ACTIONS = {name: {"type": "object", "properties": CALL} for name in ("create", "update", "delete")}
RECEIVER = {"type": "object", "properties": {**CALL, "actions": {"type": "object", "properties": ACTIONS}}}
DELIVERY = {
    "type": "object",
    "properties": {
        "success": {"type": "array", "items": WHOLE},
        "discard": {"type": "array", "items": WHOLE},
        "retry": {"type": ["array", "object"], "description": "pauses in seconds, or {quantity, interval, mode, ttl}"},
        "state": {"enum": ["all", "last"]},
        "concurrency": WHOLE,
        "rate": {"type": "number"},
    },
}
START = {"type": ["string", "object"], "description": 'where to begin: "now", "beginning", {"position"} or {"time"}'}
SAID = {
    "type": "object",
    "required": ["receiver"],
    "additionalProperties": False,
    "properties": {
        "filter": FILTER,
        "receiver": RECEIVER,
        "delivery": DELIVERY,
        "from": START,
        "secret": {**TEXT, "description": "signs what is sent; made if it is left out"},
    },
}
ATTEMPT: dict[str, Any] = {
    "type": "object",
    "required": ["subscription", "thing", "position"],
    "properties": {
        **dict.fromkeys(("at", "since", "subscription", "thing", "action", "change", "answer", "error", "again", "url", "message"), TEXT),
        **dict.fromkeys(("request", "disabled"), TEXT),
        "record": MAYBE,
        "outcome": {"enum": ["delivered", "discarded", "failed", "dead"]},
        "position": WHOLE,
        "attempt": WHOLE,
        "status": WHOLE,
        "seconds": {"type": "number"},
    },
}
SHOWN: dict[str, Any] = {
    "type": "object",
    "required": ["id", "owner", "dialect", "target", "status", "position", "lag", "lag_seconds", "pending", "dead", "filter", "receiver"],
    "properties": {
        **dict.fromkeys(("id", "owner", "dialect", "target", "reason", "created", "updated"), TEXT),
        "status": {"enum": ["active", "paused", "disabled"]},
        **dict.fromkeys(("position", "lag", "pending", "dead"), WHOLE),
        "lag_seconds": {"type": "number"},
        "failing": {"type": ["number", "null"], "description": "since when nothing arrives, in seconds since 1970"},
        "last": {"anyOf": [ATTEMPT, {"type": "null"}]},
        "filter": FILTER,
        "receiver": RECEIVER,
        "delivery": DELIVERY,
        "from": START,
        "by": MAYBE,
        "secret": {**TEXT, "description": "only in the answer to the POST that made it"},
    },
}
TOLD = {
    "type": "object",
    "required": ["subscription", "target", "record", "outcome", "why", "attempts"],
    "properties": {
        **dict.fromkeys(("subscription", "target", "record", "why"), TEXT),
        "outcome": {"enum": ["delivered", "discarded", "failed", "dead", "pending", "paused", "disabled", "not wanted"]},
        "attempts": {"type": "array", "items": ATTEMPT},
    },
}
REPLAY = {
    "type": "object",
    "required": ["since"],
    "additionalProperties": False,
    "properties": {
        "since": {"type": ["string", "integer", "object"], "description": 'a position, a time, "beginning", {"position"} or {"time"}'},
        "pace": {"enum": ["fast", "original"]},
    },
}
REDELIVER = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"position": {**WHOLE, "description": "of one; all if left out"}},
}
REQUEST = {"type": "object", "required": ["request"], "properties": {"request": TEXT}}
LIMIT = Parameter("limit", "how many, at most 1000", {"type": "integer", "minimum": 0, "default": 100})
PAGING = (LIMIT, Parameter("offset", "how many to leave out first", WHOLE))
DEAD = Parameter("dead", "only what was given up", {"enum": ["0", "1"]})
KEY = Parameter("key", "of one thing, by its key or a record's id: whether everybody got it, and if not, why")


def routes_of(handlers: Mapping[str, Handler]) -> Iterator[Route]:
    """The calls with their documentation."""
    many, one, shown = "/subscriptions", "/subscriptions/{id}", {JSON: SHOWN}
    attempts = {JSON: {"type": "array", "items": {"anyOf": [ATTEMPT, TOLD]}}}
    yield Route(
        "GET", many, handlers["list"], "Your subscriptions of every dialect, and how each fares", parameters=PAGING,
        answers={JSON: {"type": "array", "items": SHOWN}},
    )  # fmt: skip
    yield Route(
        "POST", many, handlers["create"], "Be told of what happens", "write", body={JSON: SAID}, answers=shown, statuses=(201,),
        headers=("Location",), errors=(400, 403, 413, 415, 422, 503),
    )  # fmt: skip
    yield Route("GET", one, handlers["read"], "One subscription", answers=shown, errors=(404,))
    yield Route("DELETE", one, handlers["delete"], "Be told nothing more", "write", statuses=(204,), errors=(404, 409, 503))
    yield Route(
        "GET", f"{one}/deliveries", handlers["deliveries"], "Every attempt, newest first", parameters=(DEAD, KEY, LIMIT), answers=attempts,
        errors=(404,),
    )  # fmt: skip
    yield Route(
        "GET", "/deliveries", handlers["all_deliveries"], "Every attempt of all your subscriptions, newest first",
        parameters=(DEAD, KEY, LIMIT), answers=attempts, errors=(404,),
    )  # fmt: skip
    for name, summary in (("pause", "Be told later; it keeps its place"), ("resume", "Go on where it stopped")):
        yield Route("POST", f"{one}/{name}", handlers[name], summary, "write", answers=shown, errors=(403, 404, 409, 503))
    yield Route(
        "POST", f"{one}/rotate", handlers["rotate"], "Sign with a new secret; for a day with the old one, too", "write", answers=shown,
        errors=(404, 503),
    )  # fmt: skip
    asks = (
        ("test", "Be sent a test notification", None),
        ("replay", "Be told again of all since a position or a time", REPLAY),
        ("redeliver", "Be sent dead letters again", REDELIVER),
    )
    for name, summary, body in asks:
        yield Route(
            "POST", f"{one}/{name}", handlers[name], summary, "write", body=None if body is None else {JSON: body}, answers={JSON: REQUEST},
            statuses=(202,), errors=(400, 404, 413, 415, 422, 503),
        )  # fmt: skip
