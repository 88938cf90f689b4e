"""People who stream, with their accounts at the platforms."""

from __future__ import annotations

from locker.collection import Collection
from locker.record import Body


class Streamer(Collection):
    """A streamer has no identities: that a name is used once is checked when it is written."""

    type = "streamer"

    def identities(self, body: Body) -> tuple[str, ...]:  # noqa: ARG002 - nothing of a streamer names it but its number
        return ()
