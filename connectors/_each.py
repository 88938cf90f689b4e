"""
Reads the files of an archive one after the other, so that a damaged one does not end the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from locker.connector import Archive, Found, Problem
from locker.error import Fatal

LARGEST = 1 << 28
"""Bytes of one message that we are ready to hold in memory; no server takes so much, so more of them are something else."""


def each(archive: Archive, names: Iterable[str], read: Callable[[BinaryIO, str], Iterator[Found]]) -> Iterator[Found]:
    """What *read* finds in each of the files; one that cannot be opened, or breaks off, is a problem with its reason."""
    for name in names:
        try:
            with archive.open(name) as file:
                yield from read(file, name)
        except Fatal as error:
            yield Problem(name, "file", str(error))


def whole(file: BinaryIO) -> bytes:
    """All of a small file.  Raises Fatal if it is too large to be a message."""
    raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise Fatal(f"this is no message: it has more than {LARGEST >> 20} MB")
    return raw
