"""
Who is calling: the bearer of a token, or with ``trust_loopback`` somebody at this very machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from aiohttp import web

from locker.account import LOCAL, Identity
from locker.error import Unauthorized
from locker.limit import Network, client_of, plain

from ._query_string import last_of_each, parse_query_string

HEADERS = ("X-Likeastore-Access-Token", "X-Access-Token")
PARAMETER = "access_token"
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
_PORT = re.compile(r":[0-9]*$")
NEEDED = "a token is needed: send it as 'Authorization: Bearer …'; 'locker token' makes one"


def caller_of(request: web.Request, raw: str, identify: Callable[[str], Identity], *, trust_loopback: bool) -> Identity:
    """Whoever sends this request.  Raises Unauthorized, for every bad token in the same words."""
    text = bearer(request, raw)
    if text is None:
        if trust_loopback and is_local(request):
            return LOCAL
        raise Unauthorized(NEEDED)
    return identify(text)


def is_local(request: web.Request) -> bool:
    """Whether a request comes from this machine, and not from a web page or through a proxy.

    A page may send requests here, with its own ``Origin`` or marked as cross-site, or under a name of its own that points to this address.
    """
    headers = request.headers
    if not _is_local_name(headers.get("Host", "")):
        return False
    if "Origin" in headers or headers.get("Sec-Fetch-Site") == "cross-site" or any(name in headers for name in FORWARDED):
        return False
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return bool(peer and is_loopback(str(peer[0])))


def peer_of(request: web.Request) -> str:
    """The address at the other end of the connection."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return str(peer[0]) if peer else ""


def is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    """Whether this is a proxy that the settings trust."""
    try:
        return any(plain(address) in network for network in trusted)
    except ValueError:
        return False


def address_of(request: web.Request, trusted: tuple[Network, ...]) -> str:
    """Where a request comes from; behind a proxy that the settings trust, what that says."""
    address = peer_of(request)
    if not trusted or "X-Forwarded-For" not in request.headers:
        return address
    return client_of(address, ",".join(request.headers.getall("X-Forwarded-For")).split(","), trusted)


@lru_cache(maxsize=256)
def _is_local_name(host: str) -> bool:
    return _PORT.sub("", host).lower() in LOCAL_NAMES


@lru_cache(maxsize=256)
def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own; ``::ffff:127.0.0.1`` is."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback


def bearer(request: web.Request, raw: str) -> str | None:
    """The token of a request, wherever it is; None if there is none at all."""
    headers = request.headers
    if (authorization := headers.get("Authorization")) is not None:
        scheme, _, text = authorization.partition(" ")
        return text.strip() if scheme.lower() == "bearer" else ""
    for name in HEADERS:
        if (found := headers.get(name)) is not None:
            return found.strip()
    if PARAMETER in raw and request.method == "GET":
        return last_of_each(parse_query_string(raw)).get(PARAMETER)
    return None
