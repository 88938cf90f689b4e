"""Notes on a moment across streams: what happened, when, and where in which stream it can be seen."""

from __future__ import annotations

from locker.collection import Collection
from locker.record import Body


class Timestamp(Collection):
    """A timestamp has no identities: two people may note the same moment."""

    type = "timestamp"

    def identities(self, body: Body) -> tuple[str, ...]:  # noqa: ARG002 - nothing of a timestamp names it but its number
        return ()
