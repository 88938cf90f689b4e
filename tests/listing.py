"""
A fake session whose service has one list, served in any style of paging: what tests of walks ask.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from locker.connector import Answer, Cursor, Link, MaxId, NextUrl, Offset, Once, PageNumber, Paging
from locker.error import Unauthorized

BASE = "https://service.example/api"


@dataclass
class Asked:
    """One request."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass
class FakeSession:
    """Answers from *answer*, and remembers what was asked."""

    answer: Callable[[Asked], tuple[int, Mapping[str, str], Any]]
    account: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    base_url: str = BASE
    asked: list[Asked] = field(default_factory=list)

    async def get(
        self, url: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, *, accept: Sequence[int] = ()
    ) -> Answer:
        whole = url if "://" in url else self.base_url + url
        parts = urlsplit(whole)
        given = {**dict(parse_qsl(parts.query)), **{name: str(value) for name, value in (params or {}).items()}}
        self.asked.append(Asked(parts.path, given, dict(headers or {})))
        status, answered, body = self.answer(self.asked[-1])
        assert status in {200, 204, *accept}
        return Answer(status, answered, body if isinstance(body, bytes) else json.dumps(body).encode(), whole)

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        accept: Sequence[int] = (),
        cost: float | None = None,
    ) -> Answer:
        return await self.get(url, params, headers, accept=accept)

    def secret(self, name: str) -> str:
        if name not in self.secrets:
            raise Unauthorized(f"there is no {name}")
        return self.secrets[name]

    def program(self, name: str) -> Path:
        raise NotImplementedError

    async def address(self, host: str, port: int) -> str:
        return host


def served(entries: Sequence[Any], style: Paging, asked: Asked) -> tuple[int, Mapping[str, str], Any]:
    """A page of a list, as a service of this style answers it: ``{"items": […], …}``."""
    at, size = _window(entries, style, asked.params)
    page, more = list(entries[at : at + size]), at + size < len(entries)
    url = f"{BASE}/list?at={at + size}"
    match style:
        case Cursor():
            return 200, {}, {"items": page, "next": f"c{at + size}" if more else None}
        case NextUrl():
            return 200, {}, {"items": page, "next": url if more else None}
        case Link():
            return 200, {"link": f'<{url}>; rel="next"'} if more else {}, {"items": page}
        case _:
            return 200, {}, {"items": page, "total": len(entries), "more": more, "pages": -(-len(entries) // size)}


def _window(entries: Sequence[Any], style: Paging, params: Mapping[str, str]) -> tuple[int, int]:
    match style:
        case PageNumber():
            return (int(params[style.param]) - style.start) * style.size, style.size
        case Offset():
            return int(params[style.param]), style.size
        case Cursor():
            return int(params.get(style.param, "c0")[1:]), style.size
        case Link() | NextUrl():
            return int(params.get("at", 0)), style.size
        case MaxId():
            most = params.get(style.param)
            older = [
                n
                for n, entry in enumerate(entries)
                if most is None or int(entry[style.id]) <= int(most) - (not style.decrement or style.ties)
            ]
            return (older[0] if older else len(entries)), style.size
        case Once():
            return 0, max(1, len(entries))
    raise AssertionError(style)
