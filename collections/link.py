"""Pages that somebody kept: bookmarks, saved and read-later lists."""

from __future__ import annotations

from collections.abc import Iterator

from locker.collection import Collection
from locker.record import Body

from ._url import of_url


class Link(Collection):
    """A link is one by its address, wherever it was kept."""

    type = "link"

    def identities(self, body: Body) -> Iterator[str]:
        yield from of_url(body)
