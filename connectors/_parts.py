"""
An export that came in several zips, seen as if it were unpacked into one folder.

Facebook, Instagram and Google cut large exports into ``…-001.zip``, ``…-002.zip``.  A person keeps these side by side in a folder, or unpacks
them: both give the same members here.  Zips deeper inside are somebody's documents, not parts, and stay closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Self
from unicodedata import normalize

from locker.connector import Archive, Problem
from locker.error import LockerError


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an export: its path as the export knows it, and *label*, how a person finds it (with the zip it came in)."""

    archive: Archive
    name: str
    label: str

    def open(self) -> BinaryIO:
        """Its bytes, from the start.  Raises Fatal if it cannot be opened."""
        return self.archive.open(self.name)

    @property
    def path(self) -> str:
        """The name to compare with patterns: case-folded, composed (a Mac writes ä as two characters), with a slash before it."""
        return "/" + normalize("NFC", self.name).casefold()


class Parts:
    """All members of an export, by path; what could not be opened is in *problems*.  Use as a context manager.

    *without* names members of another service: Meta packs Facebook's and Instagram's exports into one download if asked for both.
    """

    def __init__(self, archive: Archive, without: re.Pattern[str] | None = None) -> None:
        self.problems: list[Problem] = []
        self._opened: list[Archive] = []
        mine = (member for member in self._scan(archive) if not without or not without.search("/" + member.label.casefold()))
        self.members = sorted(mine, key=lambda member: (member.name, member.label))

    def matching(self, *patterns: re.Pattern[str]) -> Iterator[Member]:
        """Members whose *path* has one of the patterns, in order."""
        for member in self.members:
            path = member.path
            if any(pattern.search(path) for pattern in patterns):
                yield member

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for archive in self._opened:
            archive.close()

    def _scan(self, archive: Archive) -> Iterator[Member]:
        zips = {name for name in archive.names("*.zip", "*.tgz", "*.tar.gz") if "/" not in name} if archive.path.is_dir() else set()
        for name in archive.names():
            if name in zips:
                yield from self._zip(archive, name)
            else:
                yield Member(archive, name, name)

    def _zip(self, archive: Archive, name: str) -> Iterator[Member]:
        try:
            part = Archive(archive.path / name)
        except LockerError as error:
            self.problems.append(Problem(name, "", f"this part cannot be opened: {error}; download it again"))
            return
        self._opened.append(part)
        if part.is_single:
            self.problems.append(Problem(name, "", "this part is cut or broken and cannot be opened; download it again"))
            return
        archive.done += archive.size_of(name)
        for inner in part.names():
            yield Member(part, inner, f"{name}/{inner}")
