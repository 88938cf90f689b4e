"""What happens at a time: calendar entries, tasks, activity."""

from __future__ import annotations

from collections.abc import Iterator

from locker.collection import Collection
from locker.record import Body


class Event(Collection):
    """An event is one by its UID; a moved occurrence of a recurring one is another."""

    type = "event"

    def identities(self, body: Body) -> Iterator[str]:
        if uid := str(body.get("uid") or "").strip():
            yield f"uid:{uid} {body.get('recurrence_id') or ''}".rstrip()
