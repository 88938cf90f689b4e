"""
Reads mbox files: Unix mail spools, Thunderbird and Apple Mail folders, Gmail's export.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from locker.connector import Archive, Archived, Body, Found, Problem

from ._mail import Mail, map_mail
from ._mbox import split


class Mbox(Archived):
    """Messages and their correspondents; in a folder also files without an extension that start like an mbox (Thunderbird's)."""

    name = "mbox"
    types = ("message", "contact")
    title = "Mailbox files (mbox)"
    patterns = ("*.mbox", "*.mbx", "*.mboxrd", "*.mbox.txt", "mbox", "*/mbox")

    def read(self, archive: Archive) -> Iterator[Found]:
        mail = Mail()
        for name in mailboxes(archive, self.patterns):
            with archive.open(name) as file:
                number = 0
                for part in split(file):
                    number += 1
                    if not part.is_message and not part.raw.lstrip()[:1].isalpha():
                        yield Problem(name, f"line {part.line}", "this is not mail; an mbox starts with a line 'From …'")
                    elif not part.raw.strip():
                        yield Problem(name, f"message {number}, line {part.line}", "the message is empty")
                    else:
                        yield from mail.items(part.raw)
                if not number:
                    yield Problem(name, "line 1", "the file is empty")

    def map(self, type: str, body: Body) -> Body | None:
        return map_mail(type, body)


def mailboxes(archive: Archive, patterns: tuple[str, ...]) -> list[str]:
    """The members of an archive that are mbox files: by name, or by their first bytes where the name says nothing."""
    if archive.is_single:
        return archive.names()
    named = set(archive.names(*patterns))
    return [name for name in archive.names() if name in named or (not PurePosixPath(name).suffix and _is_mbox(archive, name))]


def _is_mbox(archive: Archive, name: str) -> bool:
    with archive.open(name) as file:
        return b"From " == file.read(5)
