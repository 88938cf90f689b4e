"""
How fast a service may be asked: what a connector declares of its rate limit, as data.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """*requests* in a window of *seconds* where the service says nothing; the names of its headers (or, after ``body:``, JMESPaths) where it does.

    *remaining* is how many requests are left, *reset* when the window ends, as *reset_as* says: ``epoch`` (seconds since 1970), ``milliseconds``,
    ``seconds`` (from now) or ``date`` (RFC 3339 or HTTP).  *backoff* is a wait in seconds that an answer may ask for.  ``Retry-After`` is always
    obeyed, in both of its forms.  *per* tells who shares the budget: the ``token``, the ``client`` (all connections with one client id) or the
    ``host``.  *cost* is what one request takes of it, unless its stream says otherwise.
    *apart* means that the service counts each of its lists by itself: one that has had enough stops no other.
    """

    requests: int = 60
    seconds: float = 60.0
    limit: str = "x-ratelimit-limit"
    remaining: str = "x-ratelimit-remaining"
    reset: str = "x-ratelimit-reset"
    reset_as: str = "epoch"
    backoff: str = ""
    per: str = "token"
    cost: float = 1.0
    apart: bool = False
