"""
Reads maildirs: a folder per mailbox with ``cur`` and ``new``, a file per message, its flags in the file's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import commonpath
from typing import BinaryIO

from locker.connector import Archive, Archived, Body, Found, Problem
from locker.error import Fatal

from ._each import each, whole
from ._mail import Mail, map_mail

_FLAGS = re.compile(r"[:;!_-]2,([A-Za-z]*)$")
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
_WORDS = {"S": "seen", "R": "answered", "F": "flagged", "T": "deleted", "D": "draft", "P": "forwarded"}
_HEADER = re.compile(rb"\s*(>?From |[!-9;-~]+[ \t]*:)")
# What mail servers and readers keep in between.
_BOOKKEEPING = re.compile(r"dovecot|courier|maildirfolder$|maildirsize$|subscriptions$|sieve", re.IGNORECASE)


class Maildir(Archived):
    """Messages and their correspondents, also of nested folders; the folder's name becomes a tag."""

    name = "maildir"
    types = ("message", "contact")
    title = "Maildir folders"
    patterns = ("cur/*", "new/*", "*/cur/*", "*/new/*")

    def read(self, archive: Archive) -> Iterator[Found]:
        mail = Mail()
        homes = folders(archive)
        if not homes and not archive.is_single:
            raise Fatal("there is no folder with cur or new in it; give the maildir itself, or a folder of maildirs")

        def message(file: BinaryIO, name: str) -> Iterator[Found]:
            path = PurePosixPath(name)
            is_filed = path.parent.name in ("cur", "new")
            raw = whole(file)
            if not raw.strip():
                yield Problem(name, "byte 0", "the file is empty")
            elif not is_filed and not _HEADER.match(raw):
                yield Problem(name, "byte 0", "this is not mail, and it lies outside of cur and new")
            else:
                folder = folder_name(_home(path), homes)
                yield from mail.items(re.sub(rb"\A>?From [^\n]*\n", b"", raw), flags=flags(path.name), folder=folder)

        yield from each(archive, [name for name in archive.names() if archive.is_single or _is_mail(PurePosixPath(name), homes)], message)

    def map(self, type: str, body: Body) -> Body | None:
        return map_mail(type, body)


def _home(path: PurePosixPath) -> PurePosixPath:
    """The maildir that a file lies in."""
    return path.parent.parent if path.parent.name in ("cur", "new") else path.parent


def _is_mail(path: PurePosixPath, homes: list[PurePosixPath]) -> bool:
    """Whether a file is, by its place and name, a message that arrived."""
    if folder_name(_home(path), homes) is None or path.parent.name == "tmp" or path.name.startswith("."):
        return False
    return path.parent.name in ("cur", "new") or not _BOOKKEEPING.match(path.name)


def folders(archive: Archive) -> list[PurePosixPath]:
    """The maildirs in an archive: every folder that has ``cur`` or ``new``."""
    return sorted({path.parent.parent for path in map(PurePosixPath, archive.names()) if path.parent.name in ("cur", "new")})


def folder_name(home: PurePosixPath, homes: list[PurePosixPath]) -> str | None:
    """A maildir's name among its neighbours, wherever they lie: ``foo/baz``, Maildir++'s ``.Work.2010`` as ``Work/2010``; empty for the inbox.

    None if the folder is not in any maildir.
    """
    if not any(home == one or one in home.parents for one in homes):
        return None
    root = commonpath([one.as_posix() for one in homes])
    name = "/".join(home.relative_to(root).parts)
    return _SHIFTED.sub(_unshifted, name[1:].replace(".", "/") if name.startswith(".") else name)


def _unshifted(found: re.Match[str]) -> str:
    """What a shifted part of a folder's name means: servers write ``Entwürfe`` as ``Entw&APw-rfe`` (RFC 3501's UTF-7)."""
    try:
        return f"+{found[1].replace(',', '/')}-".encode().decode("utf-7") if found[1] else "&"
    except UnicodeDecodeError:
        return found[0]


def flags(name: str) -> list[str]:
    """The words for ``:2,RS`` at the end of a file name (``;`` or ``!`` where ``:`` is not allowed)."""
    found = _FLAGS.search(name)
    return [word for letter, word in _WORDS.items() if letter in found[1]] if found else []
