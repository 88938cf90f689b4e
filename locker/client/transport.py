"""
One server, asked over HTTP: tokens, repeats, errors and streamed answers, in one place for both dialects.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from ..error import Fatal, Invalid, LockerError, NotFound, Retriable, Unauthorized
from ..record import Body, canonical, loads, parse
from .credentials import Credentials
from .failure import NotBegun, failure
from .retry import Retry

JSON = "application/json"
NDJSON = "application/x-ndjson"
_TIMEOUT = 30.0


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Reply:
    """A success: *headers* have lower-case names, *body* is parsed (None if it was empty)."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Transport:
    """The way to one server.  ``async with Transport(url, credentials) as transport``; *timeout* in seconds, for one attempt.

    Redirects are not followed: a token is meant for the server it was given for.  Cookies are not kept, proxies of the environment are
    used only if *trust_env*.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        retry: Retry | None = None,
        timeout: float = _TIMEOUT,
        trust_env: bool = False,
        now: Callable[[], datetime] = _now,
    ) -> None:
        base = _server(url)
        self._base, self._credentials, self._retry = str(base).rstrip("/"), credentials or Credentials(), retry or Retry()
        self._origin, self._now, self._trust_env = base.origin(), now, trust_env
        # A streamed answer may take its time as a whole, but not between two parts.
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._stream_timeout = aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout)
        self._open: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; another request opens new ones."""
        if self._open is not None:
            await self._open.close()
            self._open = None

    def _session(self) -> aiohttp.ClientSession:
        if self._open is None or self._open.closed:
            self._open = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=self._trust_env, middlewares=[_attempt])
        return self._open

    async def sign_up(self) -> None:
        """Make the account that the credentials name."""
        await self._credentials.sign_up(self._ask)

    async def log_in(self) -> str | None:
        """The token that requests are sent with now; logs in if need be."""
        return await self._credentials.token(self._ask)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
    ) -> Reply:
        """Ask and answer, repeating what may succeed later.

        With *repeat* false, a request that the server may have begun with is not sent again.  A DELETE that finds nothing after an
        attempt whose answer was lost has been done; any other refusal after such an attempt has it as its cause (``__cause__`` is
        Retriable), since that attempt may have been carried out.  Raises what ``failure`` says, Retriable once patience ends, Fatal if
        the answer is not JSON.
        """
        lost: Retriable | None = None

        async def attempt() -> Reply | LockerError:
            nonlocal lost
            try:
                return await self._once(method, path, params, body, headers)
            except _Lost as error:
                lost = error
                if repeat:
                    raise
                return error
            except LockerError as error:
                if method == "DELETE" and lost and isinstance(error, NotFound):
                    return Reply(204, {}, None)
                raise error from (lost or error.__cause__)

        return _or_raise(await self._authorised(lambda: self._retry.run(attempt)))

    async def items(self, path: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None) -> AsyncGenerator[Any, None]:
        """The entries of a long answer, one by one, as they come: lines of NDJSON, or JSON arrays page by page along ``Link: rel=next``.

        Opening is repeated like any request; once entries have come, a broken connection is Retriable for the caller, who knows where
        to go on.
        """
        url: URL | None = self._url(path, params)
        while url is not None:
            async with self._opened(url, headers or {}) as answer:
                if answer.content_type == NDJSON:
                    async for line in _lines(answer):
                        yield _value(line)
                    return
                rows = _json(await _whole(answer))
                url = self._next(answer)
            for row in rows if isinstance(rows, list) else [rows]:
                yield row

    @asynccontextmanager
    async def _opened(self, url: URL, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        async def attempt() -> aiohttp.ClientResponse:
            head = await self._head({"Accept": f"{NDJSON}, {JSON};q=0.5", **headers})
            return await self._send("GET", url, head, None, self._stream_timeout)

        answer = await self._authorised(lambda: self._retry.run(attempt))
        try:
            yield answer
        finally:
            answer.close()

    async def _authorised(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Once more with a new token, if the server no longer takes the one we have and there is another to get."""
        token = await self._credentials.token(self._ask)
        try:
            return await call()
        except Unauthorized:
            if not await self._credentials.refused(token, self._ask):
                raise
            return await call()

    async def _ask(self, path: str, body: Body, token: str | None) -> Any:
        """How credentials ask: repeated, but without credentials."""
        head = {"Accept": JSON, **({"Authorization": f"Bearer {token}"} if token else {})}
        return (await self._retry.run(lambda: self._exchange("POST", self._url(path), head, body))).body

    async def _once(
        self, method: str, path: str, params: Mapping[str, str] | None, body: Body | None, headers: Mapping[str, str] | None
    ) -> Reply:
        return await self._exchange(method, self._url(path, params), await self._head({"Accept": JSON, **(headers or {})}), body)

    async def _exchange(self, method: str, url: URL, headers: Mapping[str, str], body: Body | None) -> Reply:
        answer = await self._send(method, url, headers, body, self._timeout)
        async with answer:
            text = await _whole(answer)
        return Reply(answer.status, _names(answer), _json(text) if text else None)

    async def _head(self, headers: Mapping[str, str]) -> dict[str, str]:
        token = await self._credentials.token(self._ask)
        return {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}

    async def _send(
        self, method: str, url: URL, headers: Mapping[str, str], body: Body | None, limit: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """An open answer that is a success; any other is raised."""
        data, kind = (None, {}) if body is None else (canonical(body).encode(), {"Content-Type": JSON})
        try:
            answer = await self._session().request(
                method, url, headers={**headers, **kind}, data=data, timeout=limit, allow_redirects=False
            )
        except aiohttp.ClientConnectorError as error:
            raise NotBegun(f"{self._base} cannot be reached: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _Lost(f"{self._base} did not answer: {error or 'too slow'}") from error
        if 200 <= answer.status < 300:
            return answer
        async with answer:
            refusal = failure(answer.status, _names(answer), await _whole(answer), self._now())
        if isinstance(refusal, Retriable) and not isinstance(refusal, NotBegun):
            raise _Lost(str(refusal), refusal.after)
        raise refusal

    def _url(self, path: str, params: Mapping[str, str] | None = None) -> URL:
        """Blanks as %20 and plus signs as %2B, which no server reads in two ways."""
        query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in (params or {}).items())
        return URL(f"{self._base}{path}{'?' if query else ''}{query}", encoded=True)

    def _next(self, answer: aiohttp.ClientResponse) -> URL | None:
        if "next" not in answer.links:
            return None
        url = URL(str(answer.links["next"]["url"]))
        if url.origin() != self._origin:
            raise Fatal(f"the server's next page is at another server, {url.origin()}; a token is not sent there")
        return url


def _server(url: str) -> URL:
    """The URL of a server, perhaps with a path before the API's own.  Raises Invalid."""
    try:
        base = URL(url)
        good = (
            base.scheme in ("http", "https") and bool(base.host) and not (base.user or base.password or base.query_string or base.fragment)
        )
    except ValueError:
        good = False
    if not good:
        raise Invalid("that is not a server's URL; write it like https://api.streamsource.com, without a user, a query or a fragment")
    return base


class _Lost(Retriable):
    """The request may have been carried out: its answer never came, or was that of a server that broke down over it."""


async def _attempt(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """One attempt is one request: aiohttp would quietly send some a second time, and an answer that was lost would go unnoticed."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(f"{request.url.origin()} did not answer: {error}") from error


def _or_raise(outcome: Reply | LockerError) -> Reply:
    if isinstance(outcome, LockerError):
        raise outcome
    return outcome


def _names(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


def _json(text: bytes) -> Any:
    try:
        return parse(text)
    except Invalid as error:
        raise Fatal(f"the server's answer is {error}; is the URL right?") from error


def _value(line: bytes) -> Any:
    try:
        return loads(line)
    except ValueError as error:
        raise Fatal(f"a line of the server's answer is not JSON: {error}") from error


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    try:
        return await answer.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _Lost(f"{answer.url.origin()} broke off its answer: {error or 'too slow'}") from error


async def _lines(answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """Lines of any length; a last one without an end is one that was cut off, unless the answer ended in order."""
    parts: list[bytes] = []
    try:
        async for chunk in answer.content.iter_any():
            first, *more = chunk.split(b"\n")
            parts.append(first)
            for each in more:
                if line := b"".join(parts).strip():
                    yield line
                parts = [each]
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Retriable(f"{answer.url.origin()} broke off its answer: {error or 'too slow'}") from error
    if line := b"".join(parts).strip():
        yield line
