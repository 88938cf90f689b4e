"""Where somebody was, or what they saved on a map."""

from __future__ import annotations

from collections.abc import Iterator

from locker.collection import Collection
from locker.record import Body

from ._url import of_url

FARTHEST = 360
"""No place has a degree beyond; a number like that is a mistake, and names nothing."""


class Place(Collection):
    """A place is one by its page, or by where and when to five decimals (about a metre)."""

    type = "place"

    def identities(self, body: Body) -> Iterator[str]:
        yield from of_url(body)
        lat, lng, at = body.get("lat"), body.get("lng"), body.get("at")
        if isinstance(lat, int | float) and isinstance(lng, int | float) and at and max(abs(lat), abs(lng)) <= FARTHEST:
            yield f"at:{lat:.5f},{lng:.5f},{at}"
