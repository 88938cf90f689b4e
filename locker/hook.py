"""
REST hooks of the Likeastore dialect: an API client is told that a user's data was collected, that a token expired, or what went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from .notification import Notification
from .record import Body

DIALECT = "hook"
EVENTS = ("data-collected", "token-expired", "error", "connection-disabled")


class Hook:
    """``{"id", "event", "user", "network", "data", "timestamp"}``; *data* tells how many records came, or what to mend."""

    media_type = "application/json"

    def body(self, notification: Notification) -> bytes:
        """One event, as JSON."""
        said, record = notification.record.body, notification.record
        event = "test" if notification.is_test else said.get("event") or record.type.partition("/")[0]
        return orjson.dumps(
            {
                "id": notification.id,
                "event": event,
                "user": said.get("user") or said.get("owner"),
                "network": said.get("network"),
                "data": _data(said),
                "timestamp": record.timestamp,
            }
        )

    def values(self, notification: Notification) -> Mapping[str, str]:
        """``{event}``, ``{user}`` and ``{network}`` in the callback's address."""
        said = notification.record.body
        return {name: str(said.get(name) or "") for name in ("event", "user", "network")}


def _data(said: Body) -> Body:
    data: dict[str, Any] = {"mode": said.get("mode")}
    if "first" in said:
        data |= {"records": said["last"] - said["first"] + 1, "since": f"{said['source']}:{said['first'] - 1}"}
    if said.get("error"):
        data |= {"code": said.get("code"), "message": said["error"]}
    return data
