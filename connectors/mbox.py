"""
Reads mbox files: Unix mail spools, Thunderbird and Apple Mail folders, Gmail's export.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from locker.connector import Archive, Archived, Body, Found
from locker.error import Fatal

from ._each import each
from ._mail import Mail, mailbox, map_mail


class Mbox(Archived):
    """Messages and their correspondents; in a folder also files without an extension that start like an mbox (Thunderbird's)."""

    name = "mbox"
    types = ("message", "contact")
    title = "Mailbox files (mbox)"
    patterns = ("*.mbox", "*.mbx", "*.mboxrd", "*.mbox.txt", "mbox", "*/mbox")

    def read(self, archive: Archive) -> Iterator[Found]:
        mail = Mail()
        yield from each(archive, mailboxes(archive, self.patterns), lambda file, name: mailbox(file, name, mail))

    def map(self, type: str, body: Body) -> Body | None:
        return map_mail(type, body)


def mailboxes(archive: Archive, patterns: tuple[str, ...]) -> list[str]:
    """The members of an archive that are mbox files: by name, or by their first bytes where the name says nothing."""
    if archive.is_single:
        return archive.names()
    named = set(archive.names(*patterns))
    return [name for name in archive.names() if name in named or (not PurePosixPath(name).suffix and _is_mbox(archive, name))]


def _is_mbox(archive: Archive, name: str) -> bool:
    try:
        with archive.open(name) as file:
            return b"From " == file.read(5)
    except Fatal:
        return True  # reading it will say why it cannot be read
