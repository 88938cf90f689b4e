"""
Stands in for a service: serves an author's samples from this machine, paged and wrapped as the connector declares, and misbehaves on request.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from .connector import Fetching
from .envelope import filled, merged, placed
from .error import Invalid
from .fetching import Stream
from .paging import Cursor, Link, MaxId, NextUrl, Offset, Once, PageNumber
from .path import search, text
from .sample import Given, Listed, Samples
from .walker import NAME

_EACH = re.compile("<[a-z_-]+>")
AT = "stand-in-at"
"""The query parameter by which the stand-in's own next URLs go on."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the *number* counts from 1, whatever it was for; *name* is the stream's, ``who`` or empty; *params* are of the query and a form;
    *at* is when it came.
    """

    number: int
    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    name: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered.  *cut*: only so many bytes of the body, then the connection is closed; *wait*: no answer until the stand-in is closed;
    *pause*: so many seconds in the middle of the body.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None
    wait: bool = False
    pause: float = 0.0

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """An answer in JSON."""
        return cls(status, {"content-type": "application/json", **(headers or {})}, json.dumps(value).encode())


Mood = Callable[[Call, Reply], Reply]
"""What becomes of an answer: itself, when the service is well."""


def well(_: Call, reply: Reply) -> Reply:
    """A service that does as it should."""
    return reply


class StandIn:
    """A service on a free port of this machine, while it is entered.  *mood* may be changed at any time; *calls* is all that was asked."""

    def __init__(self, connector: Fetching, samples: Samples, ticks: Callable[[], float] = time.monotonic) -> None:
        self._connector, self._samples = connector, samples
        self._who = who_of(connector, samples)
        self.account = account_of(connector, samples, self._who)
        self.mood: Mood = well
        self.order: Callable[[Sequence[Any]], Sequence[Any]] = lambda entries: entries
        self.lets_in: Callable[[Call], bool] = lambda _: True
        self.ticks = ticks
        self.calls: list[Call] = []
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def base_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        parts = urlsplit(target)
        params = dict(parse_qsl(parts.query, keep_blank_values=True))
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            params |= dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
        with self._lock:
            call = Call(len(self.calls) + 1, method, unquote(parts.path), params, headers, at=self.ticks())
            call = replace(call, name=self._name(call))
            self.calls.append(call)
        if not self.lets_in(call):
            return Reply(401, {"www-authenticate": "Bearer"})
        return self.mood(call, self._conditional(call, self._reply(call)))

    def _name(self, call: Call) -> str:
        stream, who = self._stream(call), self._connector.who
        if who and call.path == self._filled(who.path) and all(call.params.get(name) == value for name, value in who.params.items()):
            return "who" if stream is None or len(who.params) >= len(stream.params) else stream.name
        return stream.name if stream else ""

    def _reply(self, call: Call) -> Reply:
        if found := self._given(call):
            return Reply(found.status, found.headers, found.body)
        if call.name == "who":
            return Reply.json(self._who)
        stream = self._stream(call)
        if stream is None or stream.name not in self._samples.streams:
            return Reply.json({"error": f"nothing is at {call.path}"}, 404)
        return self._page(stream, self._samples.streams[stream.name], call)

    def _given(self, call: Call) -> Given | None:
        """The reply of a path with the most parameters of those that fit."""
        fitting = [
            one
            for one in self._samples.replies
            if (call.method, call.path) == (one.method, one.path)
            and all(call.params.get(name) == value for name, value in one.params.items())
        ]
        return max(fitting, key=lambda one: len(one.params), default=None)

    def _stream(self, call: Call) -> Stream | None:
        """The stream of a path with the most parameters of those that fit."""

        def params(stream: Stream) -> dict[str, str]:
            return {name: self._filled(str(value)) for name, value in stream.params.items()}

        fitting = [
            stream
            for stream in self._connector.streams
            if re.fullmatch(self._pattern(stream.path), call.path)
            and (AT in call.params or all(call.params.get(name) == value for name, value in params(stream).items()))
        ]
        named = [stream for stream in fitting if call.params.get(f"{AT}-of") in (None, stream.name)]
        return max(named, key=lambda stream: len(stream.params), default=None)

    def _pattern(self, path: str) -> str:
        """What matches the path of a request; ``<name>`` in a path stands for something of each request."""
        return _EACH.sub("[^/]+", re.escape(unquote(urlsplit(self._filled(path)).path)))

    def _filled(self, template: str) -> str:
        defaults = {one.name: one.default for one in self._connector.asks}
        known = {**defaults, **self.account, **self._samples.options}
        return NAME.sub(lambda match: known.get(match[1], "") if match[1] else match[0][0], template)

    def _page(self, stream: Stream, listed: Listed, call: Call) -> Reply:
        entries = list(self.order(listed.items))
        at, size = _window(stream, entries, call.params)
        page, more = entries[at : at + size], at + size < len(entries)
        url = f"{self.base_url}{call.path}?" + urlencode({AT: at + size, f"{AT}-of": stream.name})
        following = (
            None
            if not more
            else url
            if isinstance(stream.paging, NextUrl)
            else f"c{at + size}"
            if isinstance(stream.paging, Cursor)
            else ""
        )
        answer = filled(listed.answer, {"$items": page, "$next": following}) if listed.answer is not None else _envelope(stream, page)
        for path, value in _facts(stream, len(entries), size, more=more):
            answer = merged(answer, placed(path, value))
        if listed.answer is None and isinstance(stream.paging, Cursor | NextUrl):
            answer = merged(answer, placed(stream.paging.path, following))
        links = {"link": f'<{url}>; rel="next"'} if isinstance(stream.paging, Link) and more else {}
        return Reply.json(answer, headers=links)

    def _conditional(self, call: Call, reply: Reply) -> Reply:
        """304 for whoever has this answer already."""
        tag = f'"{sha256(reply.body).hexdigest()[:16]}"'
        if call.method != "GET" or reply.status != 200:
            return reply
        if call.headers.get("if-none-match") == tag:
            return Reply(304, {"etag": tag})
        return replace(reply, headers={"etag": tag, **reply.headers})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = 65536

            def log_message(self, *_: object) -> None:
                """Nothing is logged."""

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                try:
                    reply = stand_in._answer(self.command, self.path, headers, body)
                except Invalid as error:  # the samples do not do
                    reply = Reply.json({"error": str(error)}, 500)
                except ValueError as error:  # a parameter that no service would take
                    reply = Reply.json({"error": str(error)}, 400)
                with suppress(OSError):
                    self._send(reply)

            def _send(self, reply: Reply) -> None:
                if reply.wait:
                    stand_in._closing.wait()
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.status not in (204, 304):
                    self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                middle = len(reply.body) // 2 if reply.pause else 0
                self.wfile.write(reply.body[:middle])
                if reply.pause:
                    self.wfile.flush()
                    stand_in._closing.wait(reply.pause)
                self.wfile.write(reply.body[middle : reply.cut])
                self.close_connection = self.close_connection or reply.cut is not None

            do_GET = do_POST = do_PUT = do_REPORT = do_PROPFIND = _any  # noqa: N815 (the server's own names)

        return Handler


def who_of(connector: Fetching, samples: Samples) -> Any:
    """What the service answers to ``who``: as the samples have it, else derived from the facts' paths and the sample account.  Raises Invalid."""
    if samples.who is not None or connector.who is None:
        return samples.who
    answer: Any = {}
    for name, path in connector.who.facts.items():
        answer = merged(answer, placed(path, samples.account.get(name, f"sample-{name}")))
    return answer


def account_of(connector: Fetching, samples: Samples, who: Any) -> dict[str, str]:
    """The facts of the sample account."""
    facts = connector.who.facts if connector.who else {}
    return {**samples.account, **{name: found for name, path in facts.items() if (found := text(search(path, who)))}}


def _window(stream: Stream, entries: Sequence[Any], params: Mapping[str, str]) -> tuple[int, int]:
    """Where a page begins, and how many entries it has at most."""
    style = stream.paging
    size = int(getattr(style, "size", 0)) or max(1, len(entries))
    match style:
        case PageNumber():
            return (int(params.get(style.param, style.start)) - style.start) * size, size
        case Offset():
            return int(params.get(style.param, style.start)) - style.start, size
        case Cursor():
            return int(params.get(style.param, "c0").removeprefix("c")), size
        case MaxId():
            return _older(style, entries, params.get(style.param)), size
        case Once():
            return 0, max(1, len(entries))
    return int(params.get(AT, 0)), size


def _older(style: MaxId, entries: Sequence[Any], most: str | None) -> int:
    """Where the entries begin that are older than an id: samples lie newest first."""
    if most is None:
        return 0
    ids = [text(search(style.id, entry)) or "" for entry in entries]
    if most.isdecimal() and all(id.isdecimal() for id in ids):
        least = int(most) + (style.decrement and not style.ties)
        return next((n for n, id in enumerate(ids) if int(id) < least), len(entries))
    return len(entries) - ids[::-1].index(most) if most in ids else len(entries)


def _envelope(stream: Stream, page: Sequence[Any]) -> Any:
    return placed(stream.items, list(page))


def _facts(stream: Stream, total: int, size: int, *, more: bool) -> Iterator[tuple[str, Any]]:
    """What else an answer tells, by the paths where the stream expects it."""
    style = stream.paging
    if isinstance(style, PageNumber) and style.more:
        yield style.more, more
    if isinstance(style, PageNumber) and style.pages:
        yield style.pages, -(-total // size)
    if isinstance(style, Offset) and style.total:
        yield style.total, total
