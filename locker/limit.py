"""
How often somebody may call, sign in or sign up: counts in windows of time, by the limits library, on a clock that tests can turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import ceil

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from .clock import Clock, system_clock
from .error import TooMany

Network = IPv4Network | IPv6Network

MOST = 100_000
"""Windows that are remembered; the oldest go first."""
LONG = 100
REQUEST_WINDOW = timedelta(minutes=1)
LOGIN_WINDOW = timedelta(minutes=20)
SIGNUP_WINDOW = timedelta(hours=1)


@dataclass(slots=True)
class _Window:
    count: int
    end: float


class Counts(Storage):
    """The library's storage in memory, without a thread and with a clock of ours."""

    STORAGE_SCHEME = None

    def __init__(self, moment: Callable[[], float]) -> None:
        super().__init__()
        self._moment = moment
        self._windows: dict[str, _Window] = {}

    @property
    def base_exceptions(self) -> type[Exception]:
        """Nothing fails here."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count in the window that is open, or open one of *expiry* seconds."""
        now, window = self._moment(), self._windows.get(key)
        if window is None or window.end <= now:
            self._windows.pop(key, None)
            if len(self._windows) >= MOST:
                self._prune(now)
            self._windows[key] = _Window(amount, now + expiry)
            return amount
        window.count += amount
        return window.count

    def get(self, key: str) -> int:
        """The count of the window that is open."""
        window = self._windows.get(key)
        return window.count if window and window.end > self._moment() else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since 1970."""
        window = self._windows.get(key)
        return window.end if window else self._moment()

    def check(self) -> bool:
        """Whether it works."""
        return True

    def reset(self) -> int:
        """Forget all; how many windows there were."""
        count = len(self._windows)
        self._windows.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget one window."""
        self._windows.pop(key, None)

    def _prune(self, now: float) -> None:
        self._windows = {key: window for key, window in self._windows.items() if window.end > now}
        for key in list(self._windows)[: max(0, len(self._windows) - MOST + MOST // 10)]:
            del self._windows[key]


class Limits:
    """The limits of one server; a limit of 0 is none.  Each method counts one more, and raises TooMany when that is too many."""

    def __init__(self, *, requests: int = 0, logins: int = 0, signups: int = 0, clock: Clock = system_clock) -> None:
        self._moment: Callable[[], float] = lambda: clock().timestamp()
        self._limiter = FixedWindowRateLimiter(Counts(self._moment))
        self._requests = _item(requests, REQUEST_WINDOW, "request")
        self._logins = _item(logins, LOGIN_WINDOW, "login")
        self._signups = _item(signups, SIGNUP_WINDOW, "signup")

    def request(self, who: str) -> None:
        """A request of an account, by its owner, or of an address."""
        self._hit(self._requests, who)

    def login(self, address: str, *names: str) -> None:
        """An attempt to sign in, from an address and to an account, by e-mail address or name."""
        self._hit(self._logins, "address", address)
        for name in names:
            self._hit(self._logins, "name", name)

    def signup(self, address: str) -> None:
        """An attempt to sign up."""
        self._hit(self._signups, address)

    def _hit(self, item: RateLimitItem | None, *who: str) -> None:
        if item is None:
            return
        keys = tuple(each if len(each) <= LONG else sha256(each.encode("utf-8", "replace")).hexdigest() for each in who)
        if not self._limiter.hit(item, *keys):
            reset = self._limiter.get_window_stats(item, *keys).reset_time
            raise TooMany("Too many requests. Please try again later.", item.amount, reset, max(1, ceil(reset - self._moment())))


def place_of(address: str) -> str:
    """What an address counts as: IPv6 hands out networks of 64 bits, so whoever has one address has all of them."""
    try:
        found = plain(address)
    except ValueError:
        return address
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else str(found)


def plain(address: str) -> IPv4Address | IPv6Address:
    """An address without its zone; ``::ffff:192.0.2.1`` is ``192.0.2.1``.  Raises ValueError."""
    found = ip_address(address.strip().partition("%")[0])
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def client_of(peer: str, forwarded: list[str], trusted: tuple[Network, ...]) -> str:
    """Who is calling: the peer, or if that is a proxy that we trust, the last of *forwarded* that is not one too.

    *forwarded* are the addresses of ``X-Forwarded-For`` in order; the caller may have written all but those that our proxies added.
    """
    client = peer
    for address in reversed(forwarded):
        try:
            is_trusted = any(plain(client) in network for network in trusted)
            plain(address)
        except ValueError:
            break
        if not is_trusted:
            break
        client = address.strip()
    return client


def _item(amount: int, window: timedelta, name: str) -> RateLimitItem | None:
    return RateLimitItemPerSecond(amount, int(window.total_seconds()), name) if amount else None
