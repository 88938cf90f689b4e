"""Things that articles speak of, shared by everyone."""

from __future__ import annotations

from locker.collection import Collection
from locker.record import Body


class Tag(Collection):
    """A tag has no identities: that there is one of each name and type is decided when it is written, and it may be given another name later."""

    type = "tag"

    def identities(self, body: Body) -> tuple[str, ...]:  # noqa: ARG002 - nothing of a tag names it but its number
        return ()
