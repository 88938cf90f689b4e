"""
Reads an XML file tag by tag, in constant memory, without ever expanding an entity of its own making.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from xml.parsers import expat

from locker.connector import Problem

from ._lines import Lines

_PIECE = 1 << 16
_BARE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)")


@dataclass(frozen=True, slots=True)
class Tag:
    """The start of an element, or (*opens* is False) its end.  Attribute names are as written."""

    name: str
    opens: bool
    attributes: dict[str, str]
    place: str


def tags_of(file: BinaryIO, name: str) -> Iterator[Tag | Problem]:
    """Every tag in order.  An ampersand that begins no reference is taken as itself; at a mistake that cannot be mended the reading ends."""
    lines = Lines(file, name, _PIECE)
    found: deque[Tag] = deque()
    parser = _parser(found)
    bare: Problem | None = None
    rest, started = "", False
    try:
        for line in lines:
            if not started and not (line := line.lstrip()):  # white space before the XML declaration is a common, harmless mistake
                continue
            started = True
            # A reference must not be cut in two: keep what may be the start of one for the next piece.
            text, rest = rest + line, ""
            if not text.endswith("\n") and (cut := text.rfind("&", -12)) >= 0:
                text, rest = text[:cut], text[cut:]
            mended = _BARE.sub("&amp;", text)
            if mended != text and not bare:
                bare = Problem(name, f"line {lines.number}", "an ampersand that is not written as &amp; was taken as itself")
            parser.Parse(mended, False)
            while found:
                yield found.popleft()
        parser.Parse(_BARE.sub("&amp;", rest), True)
    except (expat.ExpatError, ValueError) as error:
        yield from found
        yield Problem(name, f"line {parser.CurrentLineNumber}", f"not well-formed XML, the rest is not read: {error}")
    yield from found
    if bare:
        yield bare
    yield from lines.problems()


def _parser(found: deque[Tag]) -> expat.XMLParserType:
    parser = expat.ParserCreate(encoding="utf-8")

    def start(name: str, attributes: dict[str, str]) -> None:
        found.append(Tag(name, True, attributes, f"line {parser.CurrentLineNumber}"))

    def end(name: str) -> None:
        found.append(Tag(name, False, {}, f"line {parser.CurrentLineNumber}"))

    def refuse(*_: object) -> None:
        raise ValueError("it declares entities, which an export has no need of")

    parser.StartElementHandler, parser.EndElementHandler, parser.EntityDeclHandler = start, end, refuse
    return parser
