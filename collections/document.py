"""Notes and files."""

from __future__ import annotations

from collections.abc import Iterator

from locker.collection import Collection
from locker.record import Body

from ._url import of_url


class Document(Collection):
    """A document is one by its address, if it has one."""

    type = "document"

    def identities(self, body: Body) -> Iterator[str]:
        yield from of_url(body)
