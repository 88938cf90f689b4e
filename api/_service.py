"""
What every call needs: the locker, who may call, threads for work that takes time, and what the call itself says.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from aiohttp import web

from locker.account import Identity, Tokens
from locker.error import Forbidden, Invalid, Unauthorized, Unavailable
from locker.limit import Limits, place_of
from locker.locker import Authority, Locker, Reach
from locker.query import Answer, Search, TooSlow
from locker.settings import Settings

from ._appends import Appends
from ._auth import PARAMETER, address_of, caller_of
from ._query_string import last_of_each, parse_query_string, whole_number

P = ParamSpec("P")
T = TypeVar("T")

POSITION = "Locker-Position"
WAIT_SECONDS = 5.0
THREADS, LIVE_THREADS = 8, 2
BUDGET_MS = 4.0
"""So long may a query keep the event loop; then it goes to a thread."""
REMEMBERED = 1000


@dataclass(slots=True)
class Service:
    """One locker, served."""

    locker: Locker
    settings: Settings
    tokens: Tokens
    limits: Limits
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "reader"))
    catching_up: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(LIVE_THREADS, "catching up"))
    """Threads of their own, so that many who read what they missed keep nobody else waiting."""
    answered: Counter[int] = field(default_factory=Counter)
    """Requests by the first digit of their status."""
    slow: dict[Any, None] = field(default_factory=dict)
    """Searches that took too long for the event loop once; they go to a thread at once."""
    arrived: int = 0
    totals: dict[Search, tuple[int, int]] = field(default_factory=dict)
    """How many objects there are for a search, as of a position of the read model."""
    subscribing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Whoever looks whether there is such a subscription and then makes one, holds this: two at once would both see none."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """Work that goes on when its request is answered."""
    written: int = 0
    """The newest position that was written through calls whose readers do not say which position they need."""
    appends: Appends = field(init=False)
    authority: Authority = field(init=False)
    _outside: Reach | None = None

    def __post_init__(self) -> None:
        self.appends = Appends(self.locker)
        self.authority = self.locker.authority(self.tokens)

    def caller(self, request: web.Request, raw: str) -> Identity:
        """Who sends a request, and one request more of theirs.  Raises Unauthorized, or TooMany."""
        try:
            caller = caller_of(request, raw, self.identify, trust_loopback=self.settings.trust_loopback)
        except Unauthorized:
            self.limits.request(self.place(request))
            raise
        self.limits.request(caller.by)
        return caller

    def identify(self, text: str) -> Identity:
        """Whose token it is.  Raises Unauthorized."""
        return self.locker.accounts.identify(self.tokens.verify(text))

    def place(self, request: web.Request) -> str:
        """Where a request comes from, as limits count it."""
        return place_of(address_of(request, self.settings.trusted_proxies))

    async def in_thread(self, run: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something that takes time beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, lambda: run(*args, **kwargs))

    async def search(self, search: Search) -> Answer:
        """Answer a search: in the event loop if that is a matter of a few milliseconds, else in a thread."""
        reader = self.locker.reader
        if not self.slow or search not in self.slow:
            try:
                return reader.search(search, budget_ms=BUDGET_MS)
            except TooSlow:
                while len(self.slow) >= REMEMBERED:
                    self.slow.pop(next(iter(self.slow)))
                self.slow[search] = None
        return await self.in_thread(reader.search, search)

    async def outside(self) -> Reach:
        """The door by which pages are fetched, open for as long as the server runs."""
        if self._outside is None:
            self._outside = await Reach(self.locker.guard).__aenter__()
        return self._outside

    async def close(self) -> None:
        """Let go of work, of threads and of the door."""
        for task in self.tasks:
            task.cancel()
        for threads in (self.threads, self.catching_up):
            threads.shutdown(wait=False, cancel_futures=True)
        self.authority.close()
        if self._outside is not None:
            await self._outside.__aexit__(None, None, None)

    async def arrive(self, position: int) -> None:
        """Wait until what was written up to a position can be queried.  Raises Unavailable after five seconds."""
        if position <= self.arrived:
            return
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        await self._reach(lambda: self.locker.composer.position, position, deadline)
        await self._reach(lambda: self.locker.reader.position, self.locker.logbook.position, deadline)
        self.arrived = max(self.arrived, position)

    async def _reach(self, where: Callable[[], int], position: int, deadline: float) -> None:
        pause = 0.002
        while where() < position:
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(f"position {position} cannot be read yet; try again, or ask without {POSITION}")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.05)


@dataclass(slots=True)
class Call:
    """One request: *raw* is its query string as it came, *known* the names of the parameters that it may have (None: any).

    *owner* is whose locker it is about: the caller's own, or one that was granted for what this call does.
    """

    service: Service
    request: web.Request
    caller: Identity
    raw: str
    known: frozenset[str] | None
    owner: str

    @property
    def locker(self) -> Locker:
        return self.service.locker

    def params(self) -> dict[str, str]:
        """The parameters of the address.  Raises Invalid for one that is not known, Forbidden for the locker of somebody else."""
        found = read_params(self.raw)
        check_known(found, self.known)
        if "owner" in found:
            self.check_owner(found["owner"])
        return found

    def check_owner(self, owner: str) -> None:
        """Raise Forbidden for another owner than the one this call was let in for."""
        if owner not in ("", self.owner):
            raise Forbidden(f"the locker of {owner[:64]!r} is not yours, and nobody granted it to you for this")

    async def wait(self) -> None:
        """Wait for the position that the caller wrote last, if it says so."""
        if (wanted := self.request.headers.get(POSITION)) is not None:
            await self.service.arrive(whole_number(POSITION, wanted))


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


def read_params(raw: str) -> dict[str, str]:
    """Names and values of a query string; the token is taken out."""
    found = last_of_each(parse_query_string(raw))
    found.pop(PARAMETER, None)
    return found


def check_known(found: Mapping[str, object], known: frozenset[str] | None) -> None:
    """Raise Invalid for a parameter that a call does not have: a mistyped one would be left out silently."""
    if known is not None and (unknown := found.keys() - known):
        raise Invalid(f"this call has no parameter {min(unknown)[:40]!r}; it has {', '.join(sorted(known)) or 'none'}")
