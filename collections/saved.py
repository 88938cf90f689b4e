"""Articles that a person saved, and rated once."""

from __future__ import annotations

from collections.abc import Iterator

from locker.collection import Collection
from locker.record import Body


class Saved(Collection):
    """A person saves an article once: it is one by the article's id."""

    type = "saved"

    def identities(self, body: Body) -> Iterator[str]:
        article, owner = body.get("article"), body.get("owner", "commons")
        if isinstance(article, str) and article:
            yield f"article:{owner}:{article}"
