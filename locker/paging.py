"""
How the pages of a list follow each other: the styles that services use, as data.

A style answers two questions.  ``first`` gives what the first request of a walk asks for; ``following`` looks at an answer and says what the next
request changes: query parameters, a whole URL under ``URL``, or None after the last page.  Such a step is plain JSON and is kept with the page, so
that a walk goes on after a crash where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .path import number, search, text
from .weblink import link

URL = "url"
"""The key under which a step holds a whole URL instead of parameters."""

Step = Mapping[str, Any]
"""What a request asks for: query parameters by name, or ``{URL: …}``."""


class Paging(Protocol):
    """One style of paging."""

    def first(self) -> Step:
        """What the first request asks for."""
        ...

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:
        """What the next request asks for, or None if this was the last page.  *step* led here; *headers* have lower-case names.

        A step that equals an earlier one is found out by the walk, which ends with an error; a URL may be relative to the one that was asked.
        """
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
    """``?page=2&per_page=100``; ends where *more* (a JMESPath) is false, at the number of *pages* (a JMESPath), else at a page with fewer than *size* items.

    *short*: pages may be shorter than asked for though more follow, so that only an empty one is the end.
    """

    param: str = "page"
    size_param: str = "per_page"
    size: int = 100
    start: int = 1
    more: str = ""
    pages: str = ""
    short: bool = False

    def first(self) -> Step:
        return {self.param: self.start, **_sized(self)}

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:  # noqa: ARG002
        page = int(step[self.param])
        if self.more:
            ends = not search(self.more, body)
        elif self.pages and (pages := number(self.pages, body)) is not None:
            ends = page - self.start + 1 >= pages
        else:
            ends = len(items) < (1 if self.short else self.size)
        return None if ends else {**step, self.param: page + 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """``?offset=100&limit=50``; ends at *total* (a JMESPath), else at a page with fewer than *size* items, or with *short* at an empty one."""

    param: str = "offset"
    size_param: str = "limit"
    size: int = 100
    start: int = 0
    total: str = ""
    short: bool = False

    def first(self) -> Step:
        return {self.param: self.start, **_sized(self)}

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:  # noqa: ARG002
        offset = int(step[self.param]) + len(items)
        total = number(self.total, body) if self.total else None
        ends = len(items) < (1 if self.short else self.size) if total is None else offset - self.start >= total
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
        cursor = text(search(self.path, body))
        if cursor is None or cursor in self.ends or (not items and cursor == step.get(self.param)):
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
        return _at(link(headers.get("link", ""), "next"), step, items)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextUrl:
    """The body holds the next page's URL at *path* (a JMESPath)."""

    path: str
    size_param: str = ""
    size: int = 100

    def first(self) -> Step:
        return _sized(self)

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:  # noqa: ARG002
        return _at(search(self.path, body), step, items)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxId:
    """Newest first by id: *param* walks back from the smallest *id* (a JMESPath within an item; the last one's where ids are no numbers).

    *decrement*: the service's parameter is inclusive, so one less is asked for, in decimal text of any length.  *ties*: several entries may have the same one (a
    time), so that the next page begins with the last of this one again; not together with *decrement*.  Ends at an empty page, or at one that led no further back.
    """

    param: str = "max_id"
    id: str = "id_str"
    size_param: str = "count"
    size: int = 200
    decrement: bool = True
    ties: bool = False

    def first(self) -> Step:
        return _sized(self)

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:  # noqa: ARG002
        ids = [id for item in items if (id := text(search(self.id, item)))]
        if not ids:
            return None
        numeric = all(id.isascii() and id.isdecimal() for id in ids)
        last = str(min(map(int, ids))) if numeric else ids[-1]
        if self.decrement and not self.ties and numeric:
            return {**step, self.param: str(int(last) - 1)} if int(last) > 0 else None
        if self.ties and numeric and (again := str(int(last) + 1)) != step.get(self.param):
            return {**step, self.param: again}
        return {**step, self.param: last} if last != step.get(self.param) else None


def _sized(style: PageNumber | Offset | Cursor | Link | NextUrl | MaxId) -> dict[str, Any]:
    return {style.size_param: style.size} if style.size_param else {}


def _at(url: Any, step: Step, items: Sequence[Any]) -> Step | None:
    """The step to a URL; None if there is none, or if a page without items names itself as the next one."""
    if not isinstance(url, str) or not url or (not items and url == step.get(URL)):
        return None
    return {URL: url}
