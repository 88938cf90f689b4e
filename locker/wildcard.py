"""
A pattern is the address of many things at once: in ``http://api.company.com/users/{id}`` what stands in braces is a wildcard.

In a pattern a wildcard is a whole segment of the path and its name is unique; elsewhere (an address to call, a text to fill) it may stand anywhere.
Names are known without blanks around them: ``{ id }`` is ``{id}``.  ``{revision}`` is kept for the revision of a document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar
from urllib.parse import unquote

from .error import Conflict, Invalid

T = TypeVar("T")

REVISION = "revision"
SCHEMES = {"http": "80", "https": "443"}
"""What an address begins with, and the port that it means."""

_WILDCARD = re.compile(r"\{([^{}]*)\}")
_ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<slashes>//)?(?P<host>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?"
)
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\[\]:{}<>\"\\^`|]+)(?::(?P<port>[0-9]{0,5}))?")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


# -- wildcards in any text ---------------------------------------------------------------------------


def names(text: str) -> list[str]:
    """The names of the wildcards in a text, each once, in their order.

    >>> names("/{type}/{ id }/{type}")
    ['type', 'id']
    """
    return list(dict.fromkeys(found[1].strip() for found in _WILDCARD.finditer(text)))


def normalised(text: str) -> str:
    """The text without blanks inside of braces.

    >>> normalised("/users/{ id }")
    '/users/{id}'
    """
    return _WILDCARD.sub(lambda found: "{" + found[1].strip() + "}", text)


def check(text: str) -> str:
    """A text whose wildcards are right, normalised.  Raises Invalid, saying what is wrong."""
    rest = _WILDCARD.sub("", text)
    if "{" in rest or "}" in rest:
        raise Invalid("the braces of its wildcards are not in pairs; a wildcard looks like {id}")
    if "}{" in text:
        raise Invalid("two wildcards need something between them, like {id}/{action}")
    for name in names(text):
        if not name:
            raise Invalid("a wildcard needs a name, like {id}")
        if name == REVISION:
            raise Invalid("the wildcard {revision} is reserved; choose another name")
    return normalised(text)


def fill(text: str, values: Mapping[str, str], quote: Callable[[str], str] = str) -> str:
    """The text with its wildcards replaced by their (quoted) values; one that has none is left as it is.

    >>> fill("http://app.com/{ id }/{revision}", {"id": "a b"}, quote=lambda value: value.replace(" ", "%20"))
    'http://app.com/a%20b/{revision}'
    """
    return _WILDCARD.sub(lambda found: quote(values[name]) if (name := found[1].strip()) in values else found[0], text)


def extract(template: str, text: str) -> dict[str, str] | None:
    """What the wildcards of a template stand for in a text; None if it does not fit.  Each takes as little as it can.

    >>> extract("{type} {domain}", "service user domain")
    {'type': 'service', 'domain': 'user domain'}
    """
    pieces, groups = list[str](), dict[str, str]()
    for index, piece in enumerate(_WILDCARD.split(template)):
        if not index % 2:
            pieces.append(re.escape(piece))
        elif (name := piece.strip()) in groups:
            pieces.append(f"(?P={groups[name]})")
        else:
            groups[name] = f"w{index}"
            pieces.append(f"(?P<w{index}>.+?)")
    found = re.fullmatch("".join(pieces), text, re.DOTALL)
    return {name: found[group] for name, group in groups.items()} if found else None


def unescaped(text: str) -> str:
    """The text without percent escapes.  Raises Invalid for one that is none, and for bytes that are no UTF-8."""
    if broken := _BROKEN.search(text):
        raise Invalid(f"{text[broken.start() : broken.start() + 3]!r} is no percent escape; write %25 for a percent sign")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise Invalid("its percent escapes are not UTF-8") from error


# -- addresses ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """An http or https URL, read: *site* is the scheme, the host in lower case and the port; *segments* are those of the path, as they were written."""

    site: str
    segments: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL.  Raises Invalid for one that has a user, a query string or a fragment, or no host or path."""
        found = _ADDRESS.fullmatch(text)
        if not found:
            raise Invalid("it is not a whole URL; write it like http://api.company.com/users/1")
        scheme = found["scheme"].lower()
        if scheme not in SCHEMES:
            raise Invalid(f"unknown scheme '{found['scheme'][:40]}', it should be http or https")
        if not found["slashes"]:
            raise Invalid(f"should not have opaque '{text.partition(':')[2][:200]}'; two slashes follow the scheme")
        if found["query"] is not None:
            raise Invalid(f"should not have query string '{found['query'][1:201]}'")
        if found["fragment"] is not None:
            raise Invalid(f"should not have fragment '{found['fragment'][1:201]}'")
        if not found["path"].strip("/"):
            raise Invalid("missing host" if not found["host"] else "missing path")
        return cls(f"{scheme}://{_host(found['host'], scheme)}", tuple(found["path"][1:].split("/")))

    @property
    def values(self) -> tuple[str, ...]:
        """The segments without percent escapes.  Raises Invalid for escapes that are none, or no UTF-8."""
        return tuple(map(unescaped, self.segments))


def _host(text: str, scheme: str) -> str:
    if not text:
        raise Invalid("missing host")
    if "@" in text:
        raise Invalid("should not have user or password")
    found = _HOST.fullmatch(text)
    if not found or _BLANK.search(text):
        raise Invalid(f"'{text[:100]}' is not a host; a wildcard is a segment of the path")
    port = found["port"]
    return found["name"].lower() + (f":{port}" if port and port != SCHEMES[scheme] else "")


def read_document(text: str) -> Address:
    """The address of one document.  Raises Invalid."""
    if found := _BLANK.search(text):
        raise Invalid(f"a URL may not hold {found[0]!r}; write it as a percent escape")
    address = Address.parse(text)
    address.values  # noqa: B018 - raises
    return address


# -- patterns ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, read: *text* is how it is kept; a segment that is a wildcard is ``{name}``."""

    text: str
    site: str
    segments: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern: blanks around it, blanks in braces and one slash at its end do not count; percent escapes are decoded.  Raises Invalid."""
        text = normalised(unescaped(normalised(text.strip()).removesuffix("/")))
        if found := _CONTROL.search(text):
            raise Invalid(f"a URL may not hold {found[0]!r}")
        address = Address.parse(text)
        check(text)
        wild = [name for segment in address.segments for name in names(segment)]
        if not wild:
            raise Invalid("missing wildcard; a segment of the path in braces, like {id}")
        if part := next((segment for segment in address.segments if "{" in segment and not _is_wild(segment)), None):
            raise Invalid(f"a wildcard is a whole segment of the path, '{part[:100]}' is more than that")
        if len(set(wild)) < len(wild):
            raise Invalid("two of its wildcards have the same name; each needs its own")
        return cls(text, address.site, address.segments)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its wildcards."""
        return tuple(segment[1:-1] for segment in self.segments if _is_wild(segment))

    @property
    def shape(self) -> tuple[str, ...]:
        """What two patterns have in common that fit the same addresses: the names of wildcards do not count."""
        return (self.site, *("{}" if _is_wild(segment) else segment for segment in self.segments))

    def values(self, address: Address) -> dict[str, str]:
        """What its wildcards stand for in an address that it fits."""
        pairs = zip(self.segments, address.values, strict=True)
        return {segment[1:-1]: value for segment, value in pairs if _is_wild(segment)}


def _is_wild(segment: str) -> bool:
    return _WILDCARD.fullmatch(segment) is not None


@dataclass(slots=True)
class _Node(Generic[T]):
    literal: dict[str, _Node[T]] = field(default_factory=dict)
    wild: _Node[T] | None = None
    found: T | None = None

    def way(self, segment: str) -> _Node[T]:
        """Where a segment of a pattern leads, made if need be."""
        if not _is_wild(segment):
            return self.literal.setdefault(segment, _Node())
        self.wild = self.wild or _Node()
        return self.wild


class Patterns(Generic[T]):
    """Many patterns, and what each stands for; ``match`` finds the most specific one for an address."""

    def __init__(self) -> None:
        self._sites: dict[tuple[str, int], _Node[T]] = {}

    def add(self, pattern: Pattern, value: T) -> None:
        """Take one in.  Raises Conflict if there is one of the same shape."""
        node = self._sites.setdefault((pattern.site, len(pattern.segments)), _Node())
        for segment in pattern.segments:
            node = node.way(segment)
        if node.found is not None:
            raise Conflict(f"there is a pattern of the shape of {pattern.text} already")
        node.found = value

    def match(self, address: Address) -> T | None:
        """What the pattern stands for that fits an address; a literal segment beats a wildcard, decided from left to right.

        A wildcard fits any segment that is not empty.  Every place in the tree of patterns is looked at once at most.
        """
        return next(self.fitting(address), None)

    def fitting(self, address: Address) -> Iterator[T]:
        """What all patterns stand for that fit an address, the most specific first."""
        values = address.values
        start = self._sites.get((address.site, len(values)))
        open_ways = [(start, 0)] if start else []
        while open_ways:
            node, index = open_ways.pop()
            if index == len(values):
                assert node.found is not None
                yield node.found
                continue
            if node.wild and values[index]:
                open_ways.append((node.wild, index + 1))
            if values[index] in node.literal:
                open_ways.append((node.literal[values[index]], index + 1))
