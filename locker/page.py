"""
Fetches a web page that somebody named: through the guard, within limits, as text whatever its charset.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from dataclasses import dataclass
from email.message import Message
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from .charset import decode, decode_undeclared
from .error import Fatal, Invalid, Retriable
from .guard import check_url
from .reach import Reach
from .record import Body

HOPS = 10
ACCEPT = "text/html,application/xhtml+xml;q=0.9,text/plain;q=0.5"
MARKUP = frozenset({"text/html", "application/xhtml+xml", "text/plain", "application/xml", "text/xml"})
LATER = frozenset({408, 423, 425, 429})
_SNIFFED = 1 << 12
_MARKED = re.compile(rb"<(!doctype\s+html|html|head|body|p|div|article|h1|meta|title)[\s>]", re.IGNORECASE)
_SECRET = re.compile(
    r"(access|auth|api|private|share|secret|session|signed|reset|login|invite)?[_.-]?"
    r"(token|key|apikey|password|passwd|pwd|secret|sid|sessionid|session|signature|sig|credential|credentials|jwt|otp|hmac|ticket|jsessionid|phpsessid)",
    re.IGNORECASE,
)
_LONG_SECRET = re.compile(
    r"(x-(amz|goog)-(signature|credential|security-token)|awsaccesskeyid|code|auth|authkey|hash|invite)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Address:
    """A URL of an article: *url* in the one way to write it, without user and password; *login* is these two, as HTTP Basic has them.

    *private* says that the address itself may be a secret: then the article stays its owner's alone.
    """

    url: str
    login: str = ""
    private: bool = False

    @classmethod
    def of(cls, text: str) -> Address:
        """Read a URL.  Raises Invalid, saying why, for what is no http or https URL."""
        text = text.strip()
        try:
            parts = urlsplit(text)
            user, at, host = parts.netloc.rpartition("@")
        except ValueError as error:
            raise Invalid(f"{text[:80]!r} is not a URL: {error}") from error
        target = check_url(urlunsplit((parts.scheme, host, parts.path, parts.query, "")) if at else text.partition("#")[0])
        login = b64encode(unquote(user).encode()).decode() if user else ""
        return cls(target.url, login, bool(at) or _has_secret(target.path))


def _has_secret(path: str) -> bool:
    """Whether the parameters of a URL look like secrets, or its path holds a session (``;jsessionid=``)."""
    before, _, query = path.partition("?")
    named = [*parse_qsl(query, keep_blank_values=True), *(part.partition("=")[::2] for part in before.split(";")[1:])]
    return any(_SECRET.fullmatch(name) or (_LONG_SECRET.fullmatch(name) and len(value) >= 16) for name, value in named)


async def fetch(reach: Reach, address: Address) -> Body:
    """The page at an address: ``{"url", "media_type", "charset", "raw"}``, *url* being where redirects led.

    Raises Retriable if it may be there later, Fatal if not, and what the guard raises (Invalid, Forbidden, Unavailable, TooLarge).
    """
    headers = {"Accept": ACCEPT} | ({"Authorization": f"Basic {address.login}"} if address.login else {})
    reply = await reach.request("GET", address.url, headers=headers, hops=HOPS)
    if reply.status in LATER or reply.status >= 500:
        raise Retriable(f"{address.url} answers {reply.status}", _seconds(reply.headers.get("retry-after")))
    if reply.status != 200:
        raise Fatal(f"{address.url} answers {reply.status}")
    media_type, charset = _declared(reply.headers.get("content-type", ""))
    if media_type not in MARKUP and not (media_type == "" and _MARKED.search(reply.body, 0, _SNIFFED)):
        raise Fatal(f"{address.url} is {media_type or 'of no type that it names'}, no page of text")
    if b"\0" in reply.body[:_SNIFFED] and not (charset or "").startswith("utf-16"):
        raise Fatal(f"{address.url} says it is {media_type}, but holds bytes that are no text")
    raw = await asyncio.to_thread(decode, reply.body, charset) if charset else await asyncio.to_thread(decode_undeclared, reply.body)
    # Where a redirect led with a key in the address is nobody's business: the article keeps the address that was asked for.
    url = address.url if Address.of(reply.url).private else reply.url
    return {"url": url, "media_type": media_type or "text/html", "charset": charset or "utf-8", "raw": raw}


def _declared(content_type: str) -> tuple[str, str | None]:
    """Media type and charset of a ``Content-Type``."""
    message = Message()
    message["Content-Type"] = content_type
    return (message.get_content_type() if "/" in content_type else ""), message.get_content_charset()


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.strip().isdecimal() and len(text) < 8 else None
