"""What somebody liked, starred or saved, anywhere."""

from __future__ import annotations

from collections.abc import Iterator

from locker.collection import Collection
from locker.record import Body

from ._url import of_url


class Favorite(Collection):
    """A favorite is one by the address of the thing."""

    type = "favorite"

    def identities(self, body: Body) -> Iterator[str]:
        yield from of_url(body)
