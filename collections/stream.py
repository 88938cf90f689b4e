"""Live streams that people watch together; each is itself alone, whatever its link."""

from __future__ import annotations

from locker.collection import Collection
from locker.record import Body


class Stream(Collection):
    """A stream has no identities: two people may list the same link, and whether a post continues a stream is decided when it is posted."""

    type = "stream"

    def identities(self, body: Body) -> tuple[str, ...]:  # noqa: ARG002 - nothing of a stream names it but its number
        return ()
