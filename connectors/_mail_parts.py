"""
What is inside a message: the text that a reader would see, and the names of what hangs on it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from email import policy
from email.message import Message
from email.parser import BytesParser

from ._charset import decode, decode_undeclared, words
from ._markup import plain

_LARGE = 1 << 17
_ENCODED = re.compile(rb"^content-transfer-encoding:\s*base64", re.IGNORECASE | re.MULTILINE)
_TYPED = re.compile(rb"^content-type:\s*([a-z]+)/", re.IGNORECASE | re.MULTILINE)
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_BLANK = re.compile(rb"\r?\n\r?\n")


def parsed(raw: bytes) -> Message:
    """A message, as far as it can be parsed; one that cannot is empty.  Never raises."""
    start = _start(raw)
    for is_whole in (True, False):
        try:
            return BytesParser(policy=policy.compat32).parsebytes(_slim(start) if len(start) > _LARGE else start, headersonly=not is_whole)
        except (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError):
            continue  # parts nested beyond measure; the headers may still be fine
    return Message()


def _start(raw: bytes) -> bytes:
    """The bytes from the first header on: editors put a byte order mark or blank lines before it, or save the whole as UTF-16."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raw = raw.decode("utf-16", "replace").encode()
    rest = raw.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
    return rest if _HEADER.match(rest) else raw


def text(message: Message) -> str | None:
    """The whole readable text: plain text where the sender offers it, else the text of the HTML.  Line ends are ``\\n``."""
    simple, html = _texts(message)
    found = simple if simple.strip() else html
    if not found.strip():
        # Nothing but forwarded mail: that is what one would read.
        inner = (text(part) for part in _leaves(message) if part.get_content_type() == "message/rfc822" for part in _children(part))
        found = next((one for one in inner if one), "")
    return found.strip("\n") or None


def attachments(message: Message) -> list[str]:
    """File names of everything that has one, in order; those inside of attached messages are theirs, not this one's."""
    return [name for part in _leaves(message) if (name := _filename(part))]


def _texts(part: Message) -> tuple[str, str]:
    """Plain text and HTML's text of a part; each stands for the other where only one was given."""
    kind = part.get_content_type()
    if _is_container(part):
        found = [_texts(child) for child in _children(part)]
        if kind == "multipart/alternative":
            return next((p for p, _ in found if p.strip()), ""), next((h for _, h in reversed(found) if h.strip()), "")
        if any(simple.strip() for simple, _ in found):
            # Beside plain text, HTML parts that have none of their own are still to be read.
            return "\n".join(simple if simple.strip() else html for simple, html in found if simple.strip() or html.strip()), ""
        return "", "\n".join(html for _, html in found if html.strip())
    if not kind.startswith("text/") or _is_attached(part):
        return "", ""
    if kind == "text/plain":
        return _content(part), ""
    if kind in ("text/html", "text/enriched", "text/richtext", "text/x-html"):
        return "", plain(_content(part))
    return "", ""


def _content(part: Message) -> str:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else str(part.get_payload()).encode("utf-8", "surrogateescape")
    charset = _charset(part)
    return (decode(content, charset) if charset else decode_undeclared(content)).replace("\r\n", "\n").replace("\r", "\n")


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (ValueError, LookupError, AttributeError, TypeError):
        return None


def _filename(part: Message) -> str | None:
    try:
        name = part.get_filename()
    except (ValueError, LookupError, AttributeError, TypeError):
        return None
    return " ".join(words(name).split()) or None if name else None


def _is_attached(part: Message) -> bool:
    disposition = (part.get_content_disposition() or "").lower()
    return disposition == "attachment" or bool(disposition and _filename(part))


def _is_container(part: Message) -> bool:
    return part.get_content_maintype() == "multipart" and isinstance(part.get_payload(), list)


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _leaves(part: Message) -> Iterator[Message]:
    if _is_container(part):
        for child in _children(part):
            yield from _leaves(child)
    else:
        yield part


def _slim(raw: bytes) -> bytes:
    """A large message without the contents of its binary attachments, which nobody asks for here: parsing them costs time and memory.

    Base64 has no line that starts with ``--``, so such a part ends at the next one.
    """
    kept: list[bytes] = []
    start = 0
    while start < len(raw):
        end = raw.find(b"\n--", start)
        end = len(raw) if end < 0 else end + 1
        blank = _BLANK.search(raw, start, end)
        if blank and end - blank.end() > 4096:
            head = raw[start : blank.end()]
            kind = _TYPED.search(head)
            if _ENCODED.search(head) and kind and kind[1].lower() not in (b"text", b"message", b"multipart"):
                kept.append(head)
                start = end
                continue
        kept.append(raw[start:end])
        start = end
    return b"".join(kept)
