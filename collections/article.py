"""Texts to read: entries of feeds, pages."""

from __future__ import annotations

from collections.abc import Iterator

from locker.collection import Collection
from locker.record import Body

from ._url import of_url


class Article(Collection):
    """An article is one by its address, or by its feed's own id."""

    type = "article"

    def identities(self, body: Body) -> Iterator[str]:
        yield from of_url(body)
        guid = str(body.get("guid") or "").strip()
        if guid and not guid.lower().startswith(("http:", "https:")):
            yield f"guid:{guid}"
