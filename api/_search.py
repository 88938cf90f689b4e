"""
What ``/get{Type}`` asks: the parameters of an address, a form or a JSON body, read into a ``Search``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from locker.error import Invalid
from locker.query import DEFAULT_LIMIT, Search
from locker.term import names, parse, times

from ._pages import MOST
from ._query_string import field_names, sort_order, unquoted, whole_number
from ._service import check_known, read_params

KNOWN = frozenset({"id", "time", "subtypes", "terms", "limit", "offset", "sort", "fields", "q", "facets", "count", "after", "owner"})
LONGEST_CACHED = 2048
MANY = 64
YES, NO = frozenset({"1", "true", "yes"}), frozenset({"", "0", "false", "no"})


def search_in(type: str, owner: str, raw: str) -> tuple[Search, str | None]:
    """The search of a query string, and whose locker it names.  Raises Invalid."""
    return _cached(type, owner, raw) if len(raw) <= LONGEST_CACHED else _read(type, owner, raw)


def search_of(type: str, owner: str, params: Mapping[str, Any]) -> Search:
    """The search that parameters say, as text (an address, a form) or as JSON has them.  Raises Invalid, QueryError or TooLarge."""
    check_known(params, KNOWN)
    given = {name: value for name, value in params.items() if value is not None}
    if not given.keys() & {"terms", "id", "time", "subtypes", "q"}:
        raise Invalid("terms is required unless id, time, subtypes or q is given; terms=[] means all")
    return Search(
        type,
        owner,
        query=parse(_text(given, "terms")) if "terms" in given else None,
        id=unquoted(_text(given, "id").strip()) if "id" in given else None,
        time=times(_time(given["time"])) if "time" in given else None,
        subtypes=tuple(_list(given, "subtypes", names)),
        limit=min(_number(given, "limit", DEFAULT_LIMIT), MOST),
        offset=_number(given, "offset", 0),
        sort=tuple(_sort(given["sort"])) if "sort" in given else (),
        fields=tuple(_list(given, "fields", field_names)),
        q=unquoted(_text(given, "q")) if "q" in given else None,
        facets=tuple(_list(given, "facets", field_names)),
        count=_switch(given, "count"),
        after=_text(given, "after") if given.get("after") else None,
    )


def _read(type: str, owner: str, raw: str) -> tuple[Search, str | None]:
    params = read_params(raw)
    return search_of(type, owner, params), params.get("owner")


@lru_cache(maxsize=2048)
def _cached(type: str, owner: str, raw: str) -> tuple[Search, str | None]:
    return _read(type, owner, raw)


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params[name]
    if not isinstance(value, str):
        raise Invalid(f"{name} must be a text")
    return value


def _number(params: Mapping[str, Any], name: str, default: int) -> int:
    value = params.get(name, default)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
        return value
    return whole_number(name, value if isinstance(value, str) else repr(value))


def _switch(params: Mapping[str, Any], name: str) -> bool:
    value = params.get(name, False)
    text = unquoted(value).strip().lower() if isinstance(value, str) else str(value).lower()
    if text not in YES | NO:
        raise Invalid(f"{name} is 1 or 0")
    return text in YES


def _list(params: Mapping[str, Any], name: str, read: Any) -> list[str]:
    value = params.get(name, [])
    found = read(value) if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
        raise Invalid(f"{name} is a list of names, like [a,b]")
    if len(found) > MANY:
        raise Invalid(f"{name} has at most {MANY} names")
    return [each.lower() for each in found] if name == "subtypes" else found


def _time(value: Any) -> str:
    """JSON has numbers and lists of its own."""
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str) or (isinstance(part, int) and not isinstance(part, bool)) for part in parts):
        raise Invalid("time is one moment or two, like 2011-05 or [2011,2012]")
    return value if isinstance(value, str) else f"[{','.join(map(str, parts))}]"


def _sort(value: Any) -> list[tuple[str, bool]]:
    if isinstance(value, dict):
        if not value or any(isinstance(way, bool) or way not in (1, -1) for way in value.values()):
            raise Invalid('each direction in sort is 1 or -1, like {"name":-1}')
        order = [(field, way == -1) for field, way in value.items()]
    elif isinstance(value, list) and all(isinstance(each, str) for each in value):
        order = sort_order(",".join(value))
    else:
        order = sort_order(_text({"sort": value}, "sort"))
    if len(order) > MANY:
        raise Invalid(f"sort has at most {MANY} fields")
    return order
