"""
Brings the fields of a canonical document into shape: times to ISO 8601, numbers out of text, single values into lists.

A table knows only text; a person's own files know every way to write a date.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from locker.connector import Body

from ._documents import flag
from ._moment import moment
from ._tags import tags

_TIMES = ("birthday", "updated", "sent", "created", "taken", "at", "start", "end", "published")
_NUMBERS = ("age", "width", "height", "lat", "lng", "accuracy", "size")
_FLAGS = ("read", "archived", "all_day")
_ADDRESSES = ("emails", "to", "cc", "bcc", "from")
_LISTS = (
    "nicknames",
    "emails",
    "phones",
    "handles",
    "urls",
    "photos",
    "address",
    "to",
    "cc",
    "bcc",
    "references",
    "attachments",
    "tagged",
    "attendees",
)
_MORE_LISTS = ("mentions", "links")


def shaped(fields: Body) -> Body:
    """The same fields, as the schemas want them.  A value that cannot be read so stays as it is; never raises."""
    return {name: _SHAPES[name](value) if name in _SHAPES else value for name, value in fields.items() if value is not None}


def _time(value: Any) -> Any:
    return moment(value) or value


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return int(value) if value.strip().lstrip("+-").isdecimal() else _finite(value)
    except ValueError:
        return value


def _finite(text: str) -> float | str:
    number = float(text)
    return number if abs(number) < float("inf") else text


def _flag(value: Any) -> Any:
    known = flag(value)
    return value if known is None else known


def _lower(value: Any) -> Any:
    if isinstance(value, list):
        return [_lower(one) for one in value]
    return value.strip().lower() if isinstance(value, str) and "@" in value else value


def _list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _chain(*steps: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return run


_SHAPES: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_TIMES, _time),
    **dict.fromkeys(_NUMBERS, _number),
    **dict.fromkeys(_FLAGS, _flag),
    **dict.fromkeys((*_LISTS, *_MORE_LISTS), _list),
    **dict.fromkeys(_ADDRESSES, _chain(_list, _lower)),
    "from": _lower,
    "address": lambda value: [{"text": one} if isinstance(one, str) else one for one in _list(value)],
    "tag": lambda value: tags(value) if isinstance(value, str) else _list(value),
}
