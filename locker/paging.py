"""
How the pages of a list follow each other: the styles that services use, as data.

A style answers two questions.  ``first`` gives what the first request of a walk asks for; ``following`` looks at an answer and says what the next
request changes: query parameters, a whole URL under ``URL``, or None after the last page.  Such a step is plain JSON and is kept with the page, so
that a walk goes on after a crash where it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jmespath

URL = "url"
"""The key under which a step holds a whole URL instead of parameters."""

Step = Mapping[str, Any]
"""What a request asks for: query parameters by name, or ``{URL: …}``."""

_NEXT = re.compile(r"<([^>]*)>[^,<]*;\s*rel=\"?next\"?")


class Paging(Protocol):
    """One style of paging."""

    def first(self) -> Step:
        """What the first request asks for."""
        ...

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:
        """What the next request asks for, or None if this was the last page.  *step* led here; *headers* have lower-case names."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """The whole list is one answer."""

    def first(self) -> Step:
        return {}

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:  # noqa: ARG002
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageNumber:
    """``?page=2&per_page=100``; ends at a page with fewer than *size* items, or as soon as *more* (a JMESPath) is false or the number of pages is reached."""

    param: str = "page"
    size_param: str = "per_page"
    size: int = 100
    start: int = 1
    more: str = ""
    pages: str = ""

    def first(self) -> Step:
        return {self.param: self.start, **_sized(self)}

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:  # noqa: ARG002
        number = int(step[self.param])
        if self.more:
            ends = not jmespath.search(self.more, body)
        elif self.pages:
            ends = number >= int(jmespath.search(self.pages, body) or 0)
        else:
            ends = len(items) < self.size
        return None if ends or not items else {**step, self.param: number + 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """``?offset=100&limit=50``; ends at a page with fewer than *size* items, or at *total* (a JMESPath)."""

    param: str = "offset"
    size_param: str = "limit"
    size: int = 100
    total: str = ""

    def first(self) -> Step:
        return {self.param: 0, **_sized(self)}

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:  # noqa: ARG002
        offset = int(step[self.param]) + len(items)
        total = jmespath.search(self.total, body) if self.total else None
        ends = len(items) < self.size if total is None else offset >= int(total)
        return None if ends or not items else {**step, self.param: offset}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The answer names the next page's cursor at *path* (a JMESPath); ends where that is missing, null or one of *ends*."""

    param: str
    path: str
    size_param: str = ""
    size: int = 100
    ends: tuple[str, ...] = ("", "0")

    def first(self) -> Step:
        return _sized(self)

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:  # noqa: ARG002
        cursor = jmespath.search(self.path, body)
        if cursor is None or str(cursor) in self.ends or cursor == step.get(self.param):
            return None
        return {**step, self.param: cursor}


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The answer's ``Link`` header (RFC 8288) has a ``rel="next"``."""

    size_param: str = "per_page"
    size: int = 100

    def first(self) -> Step:
        return _sized(self)

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:  # noqa: ARG002
        found = _NEXT.search(headers.get("link", ""))
        return {URL: found[1]} if found and found[1] != step.get(URL) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextUrl:
    """The body holds the next page's whole URL at *path* (a JMESPath)."""

    path: str
    size_param: str = ""
    size: int = 100

    def first(self) -> Step:
        return _sized(self)

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:  # noqa: ARG002
        url = jmespath.search(self.path, body)
        return {URL: url} if url and url != step.get(URL) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxId:
    """Newest first by id: *param* walks back from the last item's *id* (a JMESPath within an item).

    *decrement*: the service's parameter is inclusive, so one less is asked for, in decimal text of any length.
    """

    param: str = "max_id"
    id: str = "id_str"
    size_param: str = "count"
    size: int = 200
    decrement: bool = True

    def first(self) -> Step:
        return _sized(self)

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:  # noqa: ARG002
        last = str(jmespath.search(self.id, items[-1]) or "") if items else ""
        if not last:
            return None
        id = str(int(last) - 1) if self.decrement and last.isdecimal() else last
        return {**step, self.param: id} if id != step.get(self.param) else None


def _sized(style: PageNumber | Offset | Cursor | Link | NextUrl | MaxId) -> dict[str, Any]:
    return {style.size_param: style.size} if style.size_param else {}
