"""
Reads single messages in files: ``.eml``, Apple Mail's ``.emlx``, and whatever file is named that holds one.
"""

from __future__ import annotations

import plistlib
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO
from xml.parsers.expat import ExpatError

from locker.connector import Archive, Archived, Body, Found, Problem
from locker.error import Fatal

from ._each import each, whole
from ._mail import Mail, map_mail

_OUTLOOK = b"\xd0\xcf\x11\xe0"
_APPLE = re.compile(rb"\s*(\d+)[ \t]*\r?\n")
_HEAD = re.compile(
    rb"\s*(>?From [^\n]*\n)?([!-9;-~]+:[^\n]*\n([ \t][^\n]*\n)*){0,15}"
    rb"(from|to|date|subject|received|return-path|message-id|mime-version|delivered-to|content-type):",
    re.IGNORECASE,
)
"""A few header fields, one of which every message has."""

_APPLE_FLAGS = {0x1: "seen", 0x2: "deleted", 0x4: "answered", 0x10: "flagged", 0x40: "draft", 0x100: "forwarded"}


class Eml(Archived):
    """Messages and their correspondents."""

    name = "eml"
    types = ("message", "contact")
    title = "Single messages (eml, emlx)"
    patterns = ("*.eml", "*.emlx", "*.eml.txt", "*.msg", "*.rfc822")

    def read(self, archive: Archive) -> Iterator[Found]:
        mail = Mail()

        def message(file: BinaryIO, name: str) -> Iterator[Found]:
            raw, flags = content(whole(file))
            if raw.startswith(_OUTLOOK):
                yield Problem(name, "byte 0", "this is Outlook's own format; save it as .eml")
            elif not raw.strip():
                yield Problem(name, "byte 0", "the file is empty")
            else:
                yield from mail.items(raw, flags=flags)

        yield from each(archive, _messages(archive, self.patterns), message)

    def map(self, type: str, body: Body) -> Body | None:
        return map_mail(type, body)


def _messages(archive: Archive, patterns: tuple[str, ...]) -> list[str]:
    """The members that are messages: by name, or where the name says nothing (none or ``.txt`` behind its dot) by how they begin."""
    if archive.is_single:
        return archive.names()
    named = set(archive.names(*patterns))
    unsaid = {name for name in archive.names() if PurePosixPath(name).suffix.lower() in ("", ".txt")} - named
    return [name for name in archive.names() if name in named or (name in unsaid and _begins_like_mail(archive, name))]


def _begins_like_mail(archive: Archive, name: str) -> bool:
    try:
        with archive.open(name) as file:
            return bool(_HEAD.match(file.read(2048)))
    except Fatal:
        return False


def content(raw: bytes) -> tuple[bytes, list[str]]:
    """The message in a file, and its flags.  Apple Mail writes its length before it and a property list behind it."""
    count = _APPLE.match(raw)
    if not count:
        return re.sub(rb"\A>?From [^\n]*\n", b"", raw), []
    end = count.end() + int(count[1])
    try:
        flags = plistlib.loads(raw[end:].strip()).get("flags", 0)
    except (ValueError, ExpatError, AttributeError, TypeError, plistlib.InvalidFileException):
        flags = 0
    return raw[count.end() : end], [word for bit, word in _APPLE_FLAGS.items() if isinstance(flags, int) and flags & bit]
