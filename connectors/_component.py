"""
Cuts a stream of vCards or calendars into its ``BEGIN:`` … ``END:`` pieces, so that one broken piece spoils only itself.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator
from typing import BinaryIO, NamedTuple

_LINE_LIMIT = 1 << 20
_MARK = re.compile(rb"(BEGIN|END)[ \t]*:[ \t]*([A-Za-z0-9-]+)\s*\Z", re.IGNORECASE)


class Piece(NamedTuple):
    """A whole component, or (*name* empty) one line that stands outside of them; *problem* says what is wrong with it, *line* counts from 1."""

    name: str
    raw: bytes
    line: int
    problem: str = ""


def pieces(stream: BinaryIO, wanted: Collection[str], enclosing: str = "") -> Iterator[Piece]:
    """The wanted components in order, each with what is nested in it.  One that is not closed before the next, or before the end of what
    encloses it, is a problem."""
    name, start, depth, gathered, previous = "", 0, 0, [b""], b""
    for number, line, is_start in _lines(stream):
        mark = _MARK.match(line) if is_start else None
        verb, subject = (mark[1].upper(), mark[2].decode().upper()) if mark else (b"", "")
        if name and verb == b"BEGIN" and subject == name and previous.strip().upper().startswith(b"AGENT"):
            depth += 1  # vCard 2.1 nests the agent's card in the card
        elif name and ((verb == b"BEGIN" and subject in wanted) or (subject == enclosing != "" and mark)):
            yield Piece(name, b"".join(gathered), start, f"BEGIN:{name} has no END:{name}")
            name = ""
        if name:
            gathered.append(line)
            if verb == b"END" and subject == name:
                depth -= 1
                if not depth:
                    yield Piece(name, b"".join(gathered), start)
                    name = ""
        elif verb == b"BEGIN" and subject in wanted:
            name, start, depth, gathered = subject, number, 1, [line]
        elif verb == b"END" and subject in wanted:
            yield Piece(subject, line, number, f"END:{subject} without a BEGIN:{subject}")
        elif line.strip():
            yield Piece("", line, number)
        previous = line
    if name:
        yield Piece(name, b"".join(gathered), start, f"the file ends before END:{name}")


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes, bool]]:
    """Number and bytes of each line with its end (``\\n``, ``\\r\\n`` or ``\\r``); a very long one comes in parts, only the first *is_start*."""
    number, is_start = 1, True
    head = stream.read(4)
    source = _Rest(head.removeprefix(b"\xef\xbb\xbf"), stream)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head[1:2] == b"\x00" or head[:1] == b"\x00":
        charset = "utf-16" if head[:1] in (b"\xff", b"\xfe") else "utf-16-le" if head[1:2] == b"\x00" else "utf-16-be"
        text = io.TextIOWrapper(io.BufferedReader(source), charset, errors="replace", newline="")
        parts: Iterator[bytes] = (part.encode() for part in iter(lambda: text.readline(_LINE_LIMIT), ""))
    else:
        buffered = io.BufferedReader(source)
        parts = iter(lambda: buffered.readline(_LINE_LIMIT), b"")
    for part in parts:
        for line in part.splitlines(keepends=True) if b"\r" in part[:-2] else (part,):
            yield number, line, is_start
            is_start = line.endswith((b"\n", b"\r"))
            number += is_start


class _Rest(io.RawIOBase):
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head, self._stream = head, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._head[: len(buffer)] or self._stream.read(len(buffer))
        self._head = self._head[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)
