"""
HTTP requests to URLs that somebody else named, through the guard: the only door by which the server calls out.

Deliveries, connectors whose instance a person names, OAuth and articles use ``Reach``; who needs aiohttp itself takes ``connector(guard)``.
The resolver answers what the guard allows and the socket is checked once more right before it connects, so that addresses written into
the URL, and whatever aiohttp may do between the two, pass the same rule.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from .error import Fatal, Forbidden, LockerError, Retriable, TooLarge
from .guard import Guard, Target, check_headers, check_url

MOST_BYTES = 16 * 1024 * 1024
TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10, sock_connect=10)
_LOOKUPS = ThreadPoolExecutor(16, "lookup")
"""Names are looked up in threads of their own: a name server that never answers holds one for half a minute, and logins must not wait for it."""
_MOVED = frozenset({301, 302, 303, 307, 308})
# All that another server than the one meant is told: any other header may speak for the sender.
_IMPERSONAL = frozenset({"accept", "accept-language", "user-agent"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: *url* is the last one asked, *headers* have lower-case names, *body* is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class _Resolver(AbstractResolver):
    """Asks the guard instead of the machine."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().run_in_executor(_LOOKUPS, self._guard.resolve, host, port)
        families = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [
            ResolveResult(hostname=host, host=str(ip), port=port, family=families[ip.version], proto=0, flags=int(socket.AI_NUMERICHOST))
            for ip in found
            if family in (socket.AF_UNSPEC, families[ip.version])
        ]

    async def close(self) -> None:
        """Nothing is held."""


def connector(guard: Guard, *, limit: int = 100) -> aiohttp.TCPConnector:
    """An aiohttp connector that reaches only what *guard* allows, *limit* connections at once.  They raise Forbidden, Invalid or Unavailable.

    Use it with ``allow_redirects=False`` and ``trust_env=False``: a redirect is a new URL that nobody has checked.
    """

    def open_socket(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        guard.check(address[0], address[1])
        return socket.socket(family=family, type=kind, proto=protocol)

    return aiohttp.TCPConnector(resolver=_Resolver(guard), use_dns_cache=False, socket_factory=open_socket, limit=limit)


def open_session(guard: Guard, timeout: aiohttp.ClientTimeout, *, limit: int = 100, auto_decompress: bool = True) -> aiohttp.ClientSession:
    """An aiohttp session through the guard that keeps no cookies, knows no proxies, and sends nothing twice.  Pass ``allow_redirects=False``."""
    return aiohttp.ClientSession(
        connector=connector(guard, limit=limit),
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=auto_decompress,
        middlewares=[_attempt],
    )


class Reach:
    """An open door: ``async with Reach(guard) as reach: reply = await reach.request("GET", url)``.  No cookies, no proxies, no netrc."""

    def __init__(self, guard: Guard, *, timeout: aiohttp.ClientTimeout = TIMEOUT, most_bytes: int = MOST_BYTES) -> None:
        self._guard, self._timeout, self._most_bytes = guard, timeout, most_bytes

    async def __aenter__(self) -> Self:
        self._session = open_session(self._guard, self._timeout)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        hops: int = 0,
        led: Callable[[str], None] = lambda _: None,
    ) -> Reply:
        """Ask once, following at most *hops* redirects (GET and HEAD only), each checked like the first URL; *led* may refuse one by raising.

        Raises Invalid or Forbidden (the guard), Unavailable (no such host), Retriable (no answer), TooLarge (a longer body than is
        taken), Fatal (more redirects than *hops*, unless that is 0: then the redirect itself is the answer).
        """
        target = check_url(url)
        kept: Mapping[str, str] = check_headers(headers or {})
        for _ in range(hops + 1):
            reply = await self._once(method, target, kept, body)
            location = reply.headers.get("location")
            if not hops or reply.status not in _MOVED or location is None or method not in ("GET", "HEAD"):
                return reply
            target, kept = _follow(target, location, kept)
            led(target.url)
        raise Fatal(f"{_shown(url)} leads from one place to the next, more than {hops} times")

    async def refuses(self, url: str) -> bool:
        """Whether the guard refuses every address of a URL's host: it lies in a network of somebody's own.  A host without an address is not refused."""
        target = check_url(url)
        try:
            await asyncio.get_running_loop().run_in_executor(_LOOKUPS, self._guard.resolve, target.host, target.port)
        except Forbidden:
            return True
        except LockerError:
            return False
        return False

    async def _once(self, method: str, target: Target, headers: Mapping[str, str], body: bytes | None) -> Reply:
        try:
            async with self._session.request(
                method, URL(target.url, encoded=True), headers=headers, data=body, allow_redirects=False
            ) as answer:
                names = {name.lower(): value for name, value in answer.headers.items()}
                return Reply(answer.status, names, await self._read(answer), target.url)
        except aiohttp.ClientResponseError as error:  # it holds the whole address, which may hold a key
            raise Retriable(f"{_shown(target.url)} does not answer as HTTP does: {error.message}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Retriable(f"{_shown(target.url)} does not answer: {error or type(error).__name__}") from error

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        """The body, counted after decompression: a small answer may be a large one."""
        parts, size = [], 0
        async for part in answer.content.iter_chunked(1 << 16):
            size += len(part)
            if size > self._most_bytes:
                raise TooLarge(f"{_shown(str(answer.url))} answers more than {self._most_bytes} bytes")
            parts.append(part)
        return b"".join(parts)


def patient(seconds: float) -> Callable[[Guard], Reach]:
    """Makes doors that wait so many seconds for an answer."""
    return lambda guard: Reach(guard, timeout=aiohttp.ClientTimeout(total=seconds))


async def _attempt(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """One attempt is one request: aiohttp would quietly send a PUT or a DELETE again, and nobody would know of the first."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Retriable(f"{_shown(str(request.url))} does not answer: {error or type(error).__name__}") from error


def _shown(url: str) -> str:
    """An address as errors show it: a query may hold a key."""
    return url.partition("?")[0]


def _follow(target: Target, location: str, headers: Mapping[str, str]) -> tuple[Target, Mapping[str, str]]:
    """Where a redirect leads, and the headers that may go there."""
    following = check_url(urljoin(target.url, location))
    if target.scheme == "https" and following.scheme == "http":
        raise Forbidden(f"{_shown(target.url)} leads from https to http")
    if (following.scheme, following.host, following.port) == (target.scheme, target.host, target.port):
        return following, headers
    return following, {name: value for name, value in headers.items() if name.lower() in _IMPERSONAL}
