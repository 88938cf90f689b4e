"""
What a connector asks its service through: requests that are signed, paced, retried where that is worth it, and kept to the service's host.

No request leaves for another host than that of the base URL, unless the connector names it; credentials go nowhere else.  Whatever goes wrong is told
without the query of the URL, since a key may be in it.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from .budget import PATIENCE, Budget
from .clock import Clock, system_clock
from .connection import Connection
from .connector import ANYWHERE, Answer, Fetching
from .error import ConnectorError, Fatal, Forbidden, Invalid, LimitReached, LockerError, Retriable, Skippable, TooLarge, Unauthorized
from .guard import MAIL_PORTS, Guard
from .oauth import AGENT
from .reach import Reach
from .retry import asked_for
from .signer import Signer

ATTEMPTS = 4
HOPS = 5
MOVED = frozenset((301, 302, 303, 307, 308))
"""A connector that accepts one of these is answered with the redirect itself."""
_QUERY = re.compile(r"(https?://[^\s?]+)\?\S*")
Secret = Callable[[str], str | None]
"""A secret of the connection by its name, if there is one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request before it is signed."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


class HttpSession:
    """The session of one run; ``fetching.Session`` says what it promises.  *sleep* and *chance* are parameters for tests."""

    def __init__(
        self,
        reach: Reach,
        guard: Guard,
        connector: Fetching,
        connection: Connection,
        signer: Signer,
        secret: Secret,
        budget: Budget,
        *,
        program: Callable[[str], Path],
        clock: Clock = system_clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._reach, self._guard, self._connector, self.connection = reach, guard, connector, connection
        self._signer, self._secret, self._budget = signer, secret, budget
        self._clock, self._sleep, self._chance = clock, sleep, chance
        self.cost = connector.pace.cost
        """What a request costs, unless it says so itself."""
        self._program = program
        self.requests = 0
        """How many were sent."""

    @property
    def account(self) -> Mapping[str, str]:
        """The facts of ``Who``."""
        return self.connection.account

    @property
    def options(self) -> Mapping[str, str]:
        """What the connection was told."""
        return self.connection.options

    @property
    def base_url(self) -> str:
        """Where the service answers, without a slash at the end."""
        return self.connection.base_url

    async def get(
        self, url: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, *, accept: Sequence[int] = ()
    ) -> Answer:
        """GET a path of the base URL, or a whole URL of its host."""
        return await self.request("GET", url, params=params, headers=headers, accept=accept)

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
        """Any request that is safe to send twice."""
        asked = Asked(method, self._whole(url, params), {"User-Agent": AGENT, **(headers or {})}, body)
        attempts = AsyncRetrying(
            sleep=self._sleep, wait=self._wait, stop=stop_after_attempt(ATTEMPTS), retry=retry_if_exception(_is_worth_it), reraise=True
        )

        async def attempt() -> Answer:
            return await self._attempt(asked, accept, cost)

        return await attempts(attempt)

    def secret(self, name: str) -> str:
        """A secret of the connection.  Raises Unauthorized if there is none."""
        if (found := self._secret(name)) is None:
            raise Unauthorized(f"{self.connection.source} has no {name}; 'locker connect {self.connection.source}' asks for it")
        return found

    async def address(self, host: str, port: int) -> str:
        """The one address that may be connected to for a host, for protocols that are no HTTP."""
        return str((await asyncio.to_thread(self._guard.resolve, host, port, MAIL_PORTS))[0])

    def program(self, name: str) -> Path:
        """A program that the operator installed.  Raises Forbidden for a connector that says nothing of running any."""
        if not self._connector.runs_programs:
            raise Forbidden(f"{self._connector.name} does not say that it runs programs")
        return self._program(name)

    # -- one request ---------------------------------------------------------------------------------------

    def _whole(self, url: str, params: Mapping[str, Any] | None) -> str:
        """The whole URL.  Raises Fatal for one of another host."""
        whole = url if "://" in url else self.base_url + url if url[:1] in ("/", "", "?") else f"{self.base_url}/{url}"
        self._check_host(whole)
        if not params:
            return whole
        query = urlencode([(name, _text(value)) for name, values in params.items() for value in _each(values)])
        return f"{whole}{'&' if '?' in whole else '?'}{query}"

    def _check_host(self, url: str) -> None:
        """Raises Fatal for a URL of another host than that of the base URL, unless the connector names it."""
        named = {urlsplit(url).hostname, ANYWHERE} if not self._connector.auth else {urlsplit(url).hostname}
        if _origin(url) != _origin(self.base_url) and named.isdisjoint(self._connector.hosts):
            place = urlsplit(url).netloc.rpartition("@")[2] or f"a {urlsplit(url).scheme} address"
            raise Fatal(f"{self._connector.name} is led to {place}, which is not its service; a connector names other hosts in 'hosts'")

    def _check_led(self, url: str) -> None:
        """Where a redirect leads: a service may put the whole query there, with the key in it.  To https of the same host is no other place."""
        if not (url.startswith("https:") and urlsplit(url).hostname == urlsplit(self.base_url).hostname):
            self._check_host(url)

    async def _attempt(self, asked: Asked, accept: Sequence[int], cost: float | None) -> Answer:
        answer = await self._send(asked, accept, cost)
        problem = self._connector.judge(answer)
        if _is_refused(answer, problem) and await self._signer.renew():
            answer = await self._send(asked, accept, cost)
            problem = self._connector.judge(answer)
        if problem is None and (200 <= answer.status < 300 or answer.status in accept):
            return answer
        problem = self._limited(answer, problem or self._meaning(answer), self._budget_at(asked.url))
        problem.args = (self._signer.hide(str(problem)), *problem.args[1:])  # some services repeat what they were sent
        raise problem

    def _budget_at(self, url: str) -> Budget:
        """What may be spent at a URL: of a connector that asks many hosts, each host's own; of a service that counts each list by itself, the list's."""
        if self._connector.pace.apart:
            return self._budget.of(urlsplit(url).path)
        is_elsewhere = ANYWHERE in self._connector.hosts and _origin(url) != _origin(self.base_url)
        return self._budget.of(urlsplit(url).netloc) if is_elsewhere else self._budget

    def _limited(self, answer: Answer, problem: LockerError, budget: Budget) -> LockerError:
        """The budget hears of a limit that was reached; a connector says Retriable of one that a service tells in a way of its own."""
        if isinstance(problem, Retriable) and (isinstance(problem, LimitReached) or answer.status < 500):
            return LimitReached(str(problem), budget.block(problem.after))
        return problem

    async def _send(self, asked: Asked, accept: Sequence[int], cost: float | None) -> Answer:
        budget = self._budget_at(asked.url)
        await budget.spend(self.cost if cost is None else cost, self._sleep)
        url, headers = await self._signer.sign(asked.method, asked.url, asked.headers, asked.body)
        hops = 0 if asked.method != "GET" or not MOVED.isdisjoint(accept) else HOPS
        try:
            self.requests += 1
            reply = await self._reach.request(asked.method, url, headers=headers, body=asked.body, hops=hops, led=self._check_led)
        except LockerError as error:
            raise _told(error) from None  # its cause names the whole URL
        answer = Answer(reply.status, reply.headers, reply.body, asked.url if reply.url == url else reply.url)
        budget.hear(answer)
        return answer

    def _meaning(self, answer: Answer) -> LockerError:
        """What a status says."""
        place = f"{urlsplit(answer.url).hostname}{urlsplit(answer.url).path}"
        status, after = answer.status, asked_for(answer.headers.get("retry-after"), self._clock())
        text = f"{place} answers {status}{_excerpt(self._signer.hide(answer.text()[:4000]))}"
        if status == 401:
            return Unauthorized(f"{text}; the token is wrong or has expired: 'locker connect {self.connection.source}' renews it")
        if status == 429 or (status == 403 and (after is not None or answer.headers.get(self._connector.pace.remaining) == "0")):
            return LimitReached(f"{place} has had enough requests for now ({status})", after)
        if status in (408, 425) or status >= 500:
            return Retriable(text, after)
        if status in (403, 404, 410, 451):
            return Skippable(f"{text}: this stream is not for this account")
        return Fatal(text)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Retriable) and error.after is not None:
            return error.after + self._chance()
        return float(0.5 * 3.0 ** (state.attempt_number - 1) * (0.5 + self._chance() / 2))


def _is_refused(answer: Answer, problem: LockerError | None) -> bool:
    """Whether an answer says that the token is no good, by its status or in the connector's judgement."""
    return isinstance(problem, Unauthorized) or (problem is None and answer.status == 401)


def _is_worth_it(error: BaseException) -> bool:
    """Only what is Retriable, and does not ask for more patience than a run has."""
    return isinstance(error, Retriable) and (error.after or 0.0) <= PATIENCE


def _told(error: LockerError) -> LockerError:
    """An error of the way there, as one of the connector, without what may be secret."""
    text = _QUERY.sub(r"\1", str(error))
    if isinstance(error, Retriable):
        return Retriable(text, error.after)
    if isinstance(error, ConnectorError | TooLarge | Forbidden | Invalid):
        return Fatal(text)
    return Retriable(text)


def _excerpt(said: str) -> str:
    """The beginning of what an answer says of itself; whoever cuts it has hidden the secrets before, or half of one may be left."""
    text = " ".join(said[:400].split())
    return f" ({text[:160]})" if text and not text.startswith("<") else ""


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _each(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else () if value is None else (value,)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
