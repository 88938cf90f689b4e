"""Things that articles speak of, known to everyone by name and type."""

from __future__ import annotations

from collections.abc import Iterator

from locker.collection import Collection
from locker.record import Body


class Tag(Collection):
    """A tag is one by its name and type, whatever their letter case: the party and the colour are two."""

    type = "tag"

    def identities(self, body: Body) -> Iterator[str]:
        name, kind = (" ".join(str(body.get(field) or "").split()).casefold() for field in ("name", "type"))
        if name:
            yield f"tag:{kind}:{name}"
