"""
Cursors: the place in a list where its next page begins, as text that nobody needs to read.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import orjson

from locker.error import Invalid


def encode(values: Sequence[Any]) -> str:
    """The values that a list is ordered by, of the last one shown."""
    return urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def decode(text: str, kinds: tuple[type, ...]) -> tuple[Any, ...]:
    """The values again, of these kinds.  Raises Invalid."""
    try:
        found = orjson.loads(urlsafe_b64decode(text.encode("ascii", "replace") + b"=" * (-len(text) % 4)))
    except ValueError as error:
        raise Invalid("the cursor is not one that we gave; start again without it") from error
    if (
        not isinstance(found, list)
        or tuple(map(type, found)) != kinds
        or any(isinstance(each, int) and not 0 <= each < 2**62 for each in found)
    ):
        raise Invalid("the cursor belongs to another list; start again without it")
    return tuple(found)
