"""What somebody published: tweets, statuses, comments."""

from __future__ import annotations

from collections.abc import Iterator

from locker.collection import Collection
from locker.record import Body

from ._url import of_url


class Post(Collection):
    """A post is one by its address."""

    type = "post"

    def identities(self, body: Body) -> Iterator[str]:
        yield from of_url(body)
