"""
Which addresses this program may reach when somebody else names the URL: public ones, and what the operator allows.

A URL is judged twice.  ``check_url`` reads its text and refuses every way of writing an address but the plain one, so that no two readers
of the same URL can disagree.  ``Guard.resolve`` asks for the host's addresses **once** and answers those that may be reached: whoever
connects uses these very addresses (``reach.py`` does, and checks again at the socket), so a name that answers differently the second
time gains nothing.  Redirects are new URLs and are judged like the first.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote

import idna

from .error import Forbidden, Invalid, Unavailable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Iterable[str]]
"""A host's addresses as texts; raises OSError if it has none."""

LONGEST = 8190
"""Characters of a URL; the limit of most servers for a request line."""

# IANA's registries of special-purpose addresses, IPv4 and IPv6, whole: also those blocks that are routed (AS112, AMT), where no web server
# lives.  Beside them multicast, and the one public address that a cloud (Azure) answers its metadata on.
SPECIAL: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(block), what)
    for what, blocks in {
        "the unspecified address or this network": "0.0.0.0/8 ::/128",
        "a loopback address": "127.0.0.0/8 ::1/128",
        "a private address": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10",
        "a carrier's shared address": "100.64.0.0/10",
        "a link-local address": "169.254.0.0/16 fe80::/10",
        "a multicast address": "224.0.0.0/4 ff00::/8",
        "a cloud's metadata address": "168.63.129.16/32",
        "a documentation or benchmarking address": "192.0.2.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
        "a discard-only or dummy address": "100::/64 100:0:0:1::/64",
        "an IPv4 address written as IPv6": "::ffff:0:0/96 ::/96 ::ffff:0:0:0/96",
        "an address behind a translator or tunnel": "64:ff9b::/96 64:ff9b:1::/48 2001::/32 2002::/16 192.88.99.0/24",
        "a reserved address": "192.0.0.0/24 192.31.196.0/24 192.52.193.0/24 192.175.48.0/24 240.0.0.0/4 2001::/23 2620:4f:8000::/48 5f00::/16",
    }.items()
    for block in blocks.split()
)
_GLOBAL = IPv6Network("2000::/3")
"""All that IANA ever gave out for IPv6 hosts; what lies outside is special or unassigned."""

# The fetch standard's "bad ports" (https://fetch.spec.whatwg.org/#port-blocking): other protocols that an HTTP request could talk to.
BAD_PORTS = frozenset(
    (
        *(0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113),
        *(115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556),
        *(563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667),
        *(6668, 6669, 6679, 6697, 10080),
    )
)
_MAIL_SCHEMES = {"imap": 143, "imaps": 993}
MAIL_PORTS = frozenset(_MAIL_SCHEMES.values())
"""Where mail servers answer who reads mail (IMAP)."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?:#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?", re.DOTALL)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff\\]")
_KEPT = "%/:@!$&'()*+,;=~-._[]"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What the connection sets itself; a stranger's value could end one request and begin another.
_OWN_HEADERS = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
    | {"proxy-authorization", "proxy-connection"}
)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that was judged by its text: *host* is lower case and ASCII (IPv6 without brackets), *path* begins with / and has the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The one way to write this URL, without fragment; whoever connects uses this text, never the one that was handed in."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def check_url(url: str) -> Target:
    """Read an http or https URL.  Raises Invalid, saying why, for any other and for every unusual way to write one."""
    if len(url) > LONGEST:
        raise Invalid(f"a URL of {len(url)} characters is too long; {LONGEST} are taken")
    if found := _UNSAFE.search(url):
        raise Invalid(f"a URL may not hold {found[0]!r}; write it as %-escapes")
    if not (parts := _URL.fullmatch(url)):
        raise Invalid("write the URL whole, like https://example.com/path")
    scheme = parts["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise Invalid(f"the scheme {scheme!r} is not taken; use https or http")
    if "@" in parts["authority"]:
        raise Invalid("a URL may not hold a user or a password; use a header")
    if not (authority := _AUTHORITY.fullmatch(parts["authority"])):
        raise Invalid("the URL's host does not parse; an IPv6 address goes into [ ]")
    try:
        path = quote(parts["path"] or "/", safe=_KEPT)
        # aiohttp drops a question mark that nothing follows.
        query = "" if parts["query"] in (None, "?") else quote(parts["query"], safe=_KEPT + "?")
    except UnicodeEncodeError as error:
        raise Invalid("a URL may not hold half of a surrogate pair") from error
    return Target(scheme, _host(authority["host"]), _port(authority["port"], scheme), path + query)


def check_address(address: str | Address, allow_networks: Iterable[Network] = ()) -> Address:
    """The address, if it is public or within *allow_networks*; else Forbidden says what it is.  Raises Invalid if it is none.

    An IPv4 address inside of an IPv6 one (mapped, NAT64, 6to4, Teredo) must pass as well: whoever allows a translator does not allow
    what lies behind it.
    """
    allowed = tuple(allow_networks)
    ip = _parse_address(address)
    for each in (ip, *_embedded(ip)):
        if (what := _special(each)) and not any(each in network for network in allowed):
            within = "" if each == ip else f"{ip} leads to "
            raise Forbidden(f"{within}{each}: {what}, which this locker may not reach unless the setting allow_networks has it")
    return ip


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers that somebody else chose, if they are one line each and none of those that frame a request.  Raises Invalid."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise Invalid(f"{name!r} is not a header's name")
        if name.lower() in _OWN_HEADERS:
            raise Invalid(f"the header {name} belongs to the connection and cannot be chosen")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) or value != value.strip(" \t"):
            raise Invalid(f"the header {name} holds a control character, or space around its value")
        try:
            value.encode("latin-1")
        except UnicodeEncodeError as error:
            raise Invalid(f"the header {name} holds a character beyond Latin-1") from error
    return dict(headers)


def system_resolve(host: str, port: int) -> list[str]:
    """Ask this machine's resolver; blocks."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@dataclass(frozen=True, slots=True)
class Guard:
    """The operator's rule, and who to ask for a host's addresses.  Holds no state: an answer is as good as the moment it was given.

    *trusted* are hosts with a port that the operator named by hand: they may be reached wherever they are, other ports of theirs may not.
    """

    allow_networks: tuple[Network, ...] = ()
    lookup: Resolve = system_resolve
    trusted: frozenset[tuple[str, int]] = frozenset()

    def trusting(self, url: str) -> Guard:
        """The same rule, but that the host and port of this URL (also ``imaps://…``) may be reached.  Raises Invalid for a URL that is none."""
        scheme, _, rest = url.partition("://")
        if scheme.lower() in _MAIL_SCHEMES:
            found = _AUTHORITY.fullmatch(re.split("[/?#]", rest)[0])
            if not found:
                raise Invalid(f"{url!r} is not a mail server's URL; write it like imaps://mail.example.org")
            port = _MAIL_SCHEMES[scheme.lower()]
            named = _host(found["host"]), port if found["port"] in (None, str(port)) else _port(found["port"], "")
        else:
            target = check_url(url)
            named = target.host, target.port
        return replace(self, trusted=self.trusted | {named})

    def check(self, address: str | Address, port: int | None = None) -> Address:
        """``check_address`` under this rule; with a *port*, addresses of trusted hosts pass as well."""
        ip = _parse_address(address)
        if any(each == port and ip in self._addresses(host, each) for host, each in self.trusted):
            return ip
        return check_address(ip, self.allow_networks)

    def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            return [_parse_address(text) for text in self.lookup(host, port)]
        except (OSError, UnicodeError):
            return []

    def resolve(self, host: str, port: int, also: Container[int] = ()) -> list[Address]:
        """The addresses of *host* that may be reached, in the resolver's order: connect to these and to no other.

        *also* are ports of other protocols that the caller speaks (``MAIL_PORTS``); HTTP has no business there.
        Looks up once; blocks if the resolver does.  Raises Forbidden if it has only others, Invalid if the host or the port is
        written in an unusual way, Unavailable if the host has no address now.
        """
        host, port = _host(f"[{host}]" if ":" in host else host), port if port in also else _port(str(port), "")
        try:
            literal = ip_address(host)
        except ValueError:
            return self._look_up(host, port)
        return [literal if (host, port) in self.trusted else self.check(literal)]

    def _look_up(self, host: str, port: int) -> list[Address]:
        try:
            found = [_parse_address(text) for text in self.lookup(host, port)]
        except (OSError, UnicodeError) as error:
            raise Unavailable(f"{host} has no address: {error}") from error
        refusals: list[Forbidden] = []
        allowed: list[Address] = []
        for address in found:
            try:
                allowed.append(address if (host, port) in self.trusted else self.check(address))
            except Forbidden as error:
                refusals.append(error)
        if not allowed and refusals:
            raise Forbidden(f"{host} is {refusals[0]}") from refusals[0]
        if not allowed:
            raise Unavailable(f"{host} has no address")
        return allowed


def _host(text: str) -> str:
    if text.startswith("["):
        return str(_ipv6(text[1:-1]))
    try:
        host = text.lower() if text.isascii() else idna.encode(text, uts46=True, std3_rules=True).decode().lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise Invalid(f"{text!r} is not a host's name: {error}") from error
    if not host:
        raise Invalid("the URL names no host")
    if host.endswith("."):
        raise Invalid(f"write {host.rstrip('.')!r} without the dot at its end")
    labels = host.split(".")
    # What ends in a number is an IPv4 address to every browser and to inet_aton, in forms (127.1, 0x7f000001, 017700000001) that
    # others take for names: only four plain decimal numbers are taken.
    if _NUMBER.fullmatch(labels[-1]):
        return str(_ipv4(text))
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise Invalid(f"{host!r} is not a host's name")
    return host


def _ipv4(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except AddressValueError as error:
        raise Invalid(f"{text!r} is no plain IPv4 address; write four decimal numbers without leading zeros, like 192.0.2.1") from error


def _ipv6(text: str) -> IPv6Address:
    try:
        address = IPv6Address(text)
    except AddressValueError as error:
        raise Invalid(f"{text!r} is not an IPv6 address") from error
    if address.scope_id is not None:
        raise Invalid(f"{text!r} names a zone, which means something on one machine only")
    return address


def _port(text: str | None, scheme: str) -> int:
    if text is None:
        return _DEFAULT_PORTS[scheme]
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text, re.ASCII) or int(text) > 65535:
        raise Invalid(f"{text!r} is not a port; use 1 to 65535, without leading zeros")
    if int(text) in BAD_PORTS:
        raise Invalid(f"port {text} belongs to another protocol than HTTP")
    return int(text)


def _parse_address(address: str | Address) -> Address:
    if not isinstance(address, str):
        return address
    try:
        # A resolver may answer fe80::1%eth0; the zone says nothing about whether it may be reached.
        return ip_address(address.partition("%")[0])
    except ValueError as error:
        raise Invalid(f"{address!r} is not an IP address") from error


def _special(ip: Address) -> str:
    for network, what in SPECIAL:
        if ip in network:
            return what
    return "" if ip.version == 4 or ip in _GLOBAL else "an unassigned address"


def _embedded(ip: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that a packet to *ip* may end at."""
    if ip.version == 4:
        return
    number = int(ip)
    if number >> 32 in (0, 0xFFFF, 0xFFFF0000, 0x64FF9B << 64) and number > 1:
        yield IPv4Address(number & 0xFFFFFFFF)
    if ip.sixtofour:
        yield ip.sixtofour
    if ip.teredo:
        yield from ip.teredo
