"""
Splits an mbox stream into its messages, holding one at a time.

Programs never agreed on the format (RFC 4155 tells the story), so this reads all of its dialects: *mboxo* and *mboxrd*, which quote a body's
``From `` lines with ``>``; *mboxcl* and *mboxcl2*, which count bytes in Content-Length; Unix and DOS line ends; envelopes without a date (Gmail,
Netscape).  A Content-Length is believed only if the next envelope, or the end, is where it points to: half of them are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from locker.error import Fatal

CHUNK = 1 << 18

_STAMPED = re.compile(rb"From .*\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b.*\b\d\d?:\d\d", re.IGNORECASE)
_DATED = re.compile(rb"From .*\b\d\d?:\d\d(?::\d\d)?\b.*\b(?:19|20)\d\d\b|From .*\b(?:19|20)\d\d-\d\d-\d\d|From (?:-|\S+@\S+)\s*\Z")
_FIELD = re.compile(rb">?From |[!-9;-~]+[ \t]*:")
_MAIL_FIELD = re.compile(
    rb"(?:from|to|cc|date|subject|sender|reply-to|received|return-path|message-id|in-reply-to|references|mime-version|status|delivered-to"
    rb"|envelope-to|errors-to|organi[sz]ation|(?:x|content|list|dkim|arc|authentication|resent|domainkey)-[!-9;-~]+)[ \t]*:",
    re.IGNORECASE,
)
_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_AFTER = re.compile(rb"(?:\r?\n)*(?:From |\Z)")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_BARE = re.compile(rb"^From ", re.MULTILINE)
_LOOKAHEAD = 1 << 12
_LARGEST = 1 << 28
_SLACK = 1 << 24
"""What may be read beyond the end of a message: its headers, and the start of the next."""


class Part(NamedTuple):
    """A message's bytes as they were sent, or (not *is_message*) text that stands before the first envelope; *line* counts from 1."""

    raw: bytes
    line: int
    is_message: bool


def split(stream: BinaryIO) -> Iterator[Part]:
    """The messages of an mbox in order.  Raises Fatal at one too large to be held in memory."""
    window = _Window(stream)
    window.fill(_LOOKAHEAD)
    if window.data.startswith(b"\xef\xbb\xbf"):
        window.drop(3)
    while window.fill(_LOOKAHEAD) and (blank := re.match(rb"[\r\n]+", window.data)):
        window.drop(blank.end())
    while window.fill(_LOOKAHEAD):
        is_message = window.data.startswith(b"From ")
        line = window.line
        if is_message:
            window.drop(_next_line(window))
        raw, is_counted = _take(window)
        if is_message or raw.strip():
            yield Part(_unquoted(raw, is_counted) if is_message else raw, line, is_message)


class _Window:
    """The part of a stream that is being looked at: grows at its end, is dropped at its start."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.data = bytearray()
        self.line = 1
        self.is_end = False

    def fill(self, size: int) -> bool:
        """Read until there are *size* bytes, or the stream ends; whether there are any.  Raises Fatal at a message too large to be one."""
        while len(self.data) < size and not self.is_end:
            if len(self.data) > _LARGEST + _SLACK:
                raise Fatal(f"the message at line {self.line} has more than {_LARGEST >> 20} MB; it and the rest of the file are not read")
            chunk = self._stream.read(max(CHUNK, min(size - len(self.data), 1 << 24)))
            self.is_end = not chunk
            self.data += chunk
        return bool(self.data)

    def drop(self, size: int) -> None:
        self.line += self.data.count(b"\n", 0, size)
        del self.data[:size]

    def take(self, size: int) -> bytes:
        with memoryview(self.data) as view:
            taken = bytes(view[:size])
        self.drop(size)
        return taken


def _take(window: _Window) -> tuple[bytes, bool]:
    """The bytes up to the next envelope, which is then at the window's start, and whether they were counted out by a Content-Length."""
    counted = _counted(window)
    end = counted if counted is not None else _find(window)
    raw = window.take(end)
    if counted is not None:
        window.fill(_LOOKAHEAD)
        if blank := re.match(rb"[\r\n]+", window.data):
            window.drop(blank.end())
        return raw, True
    return _without_blank(raw), False


def _next_line(window: _Window) -> int:
    """Where the line after the window's first begins."""
    searched = 0
    while (end := window.data.find(b"\n", searched)) < 0:
        searched = len(window.data)
        if not window.fill(searched + 1) or len(window.data) == searched:
            return searched
    return end + 1


def _counted(window: _Window) -> int | None:
    """How long the message is by its Content-Length, if that is right."""
    window.fill(_LOOKAHEAD)
    searched = 0
    while not (blank := _HEAD_END.search(window.data, max(0, searched - 4))):
        searched = len(window.data)
        if searched > CHUNK * 4 or not window.fill(searched + 1) or len(window.data) == searched:
            return None
    length = _LENGTH.search(window.data, 0, blank.end())
    # A header block that runs into the next envelope belongs to a message without a body.
    if not length or _BARE.search(window.data, 0, blank.end()):
        return None
    end = blank.end() + int(length[1])
    if end > len(window.data) and int(length[1]) > _LARGEST:
        return None
    window.fill(end + _LOOKAHEAD)
    if end > len(window.data):
        return None
    after = _AFTER.match(window.data, end)
    starts_line = after and (end == len(window.data) or after.group()[:1] in (b"\r", b"\n") or window.data[end - 1 : end] == b"\n")
    return end if starts_line else None


def _find(window: _Window) -> int:
    """Where the next envelope begins, or the end of the stream."""
    at = 0 if window.data.startswith(b"From ") else _next_candidate(window, 0)
    while at >= 0:
        window.fill(at + _LOOKAHEAD)
        if _is_envelope(window.data, at):
            return at
        at = _next_candidate(window, at)
    return len(window.data)


def _next_candidate(window: _Window, searched: int) -> int:
    """Where the next line begins that starts with ``From ``, or -1."""
    while (found := window.data.find(b"\nFrom ", searched)) < 0:
        if window.is_end:
            return -1
        searched = max(0, len(window.data) - 5)
        window.fill(len(window.data) + CHUNK)
    return found + 1


def _is_envelope(data: bytearray, at: int) -> bool:
    """Whether a line that begins with ``From `` is one: prose does too, and not every program quotes it.

    One with a weekday and a time needs a blank line before or a header after; one with another date, with nothing but an address (Gmail) or a
    dash (Netscape), a header after; any other a blank line before, and after it a header: one that mail is known to have if it is more than a word.
    """
    end = data.find(b"\n", at, at + _LOOKAHEAD) + 1 or len(data)
    line = data[at : min(end, at + 1000)]
    follows_blank = at == 0 or data[max(0, at - 3) : at].endswith((b"\n\n", b"\n\r\n"))
    precedes_field = bool(_FIELD.match(data, end))
    if _STAMPED.match(line):
        return follows_blank or precedes_field
    if _DATED.match(line):
        return precedes_field
    return follows_blank and (bool(_MAIL_FIELD.match(data, end)) or (precedes_field and len(line.split()) == 2))


def _without_blank(raw: bytes) -> bytes:
    """Without the blank line that separates messages."""
    for end in (b"\r\n", b"\n"):
        if raw.endswith((b"\n" + end, b"\r\n" + end)):
            return raw[: -len(end)]
    return raw


def _unquoted(raw: bytes, is_counted: bool) -> bytes:
    """Without the ``>`` that was put before a body's ``From `` lines; one who counts and has bare ones (mboxcl2) quotes none."""
    if b">From " not in raw or (is_counted and _BARE.search(raw)):
        return raw
    return _QUOTED.sub(rb"\1", raw)
