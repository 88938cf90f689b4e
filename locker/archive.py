"""
An archive is what a person downloaded: one file, a folder, a zip or a tar, read as named members.

Connectors read through it, so that nothing is unpacked to disk and progress can be told in bytes.
"""

from __future__ import annotations

import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO, Self

from .error import Fatal, NotFound

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_JUNK = re.compile(r"(^|/)(__MACOSX/|\._[^/]*$|\.DS_Store$|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
"""What Macs and Windows leave in folders and zips, beside what the person has in them."""

_BROKEN = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError)


class Archive:
    """A file (its one member is its own name), a folder, or a zip or tar (members by relative path, with ``/``, in name order).

    What an operating system left beside them (``__MACOSX/``, ``.DS_Store``) is no member.
    A tar is known by its name's ending; it has no index, so opening one reads it through once, and a member costs reading up to it.
    *done* and *size* are bytes read and bytes to read; *modified* is the newest member's time.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.done = 0
        self._zip: zipfile.ZipFile | None = None
        self._tar: tarfile.TarFile | None = None
        self._entries: dict[str, tarfile.TarInfo] = {}
        if not self.path.exists():
            raise NotFound(f"there is no {self.path}")
        is_tar = self.path.is_file() and self.path.name.lower().endswith(TARS)
        self.is_single = self.path.is_file() and not is_tar and not zipfile.is_zipfile(self.path)
        if self.path.is_file() and not self.is_single:
            try:
                if is_tar:
                    self._index_tar()
                else:
                    self._zip = zipfile.ZipFile(self.path)
            except _BROKEN as error:
                raise Fatal(f"{self.path} is a broken {'tar' if is_tar else 'zip'}: {error}") from error
        self._members = dict(sorted((name, size) for name, size in self._scan() if self.is_single or not _JUNK.search(name)))
        self.size = sum(self._members.values())
        self.modified = self._modified()

    def names(self, *patterns: str) -> list[str]:
        """Members that match any of the patterns (``*.vcf``; ``*`` also crosses ``/``), case-folded; all without patterns."""
        if not patterns:
            return list(self._members)
        wanted = [pattern.casefold() for pattern in patterns]
        return [name for name in self._members if any(fnmatch(name.casefold(), pattern) for pattern in wanted)]

    def open(self, name: str) -> BinaryIO:
        """A member's bytes, from the start.  Raises NotFound, or Fatal if it cannot be opened."""
        if name not in self._members:
            raise NotFound(f"{self.path} has no {name}")
        try:
            if self._zip:
                raw: BinaryIO = self._zip.open(name)  # type: ignore[assignment]
            elif self._tar:
                raw = self._tar.extractfile(self._entries[name])  # type: ignore[assignment]
            else:
                raw = (self.path if self.is_single else self.path / name).open("rb")
        except _BROKEN as error:
            raise Fatal(f"{self.path}: {name} cannot be opened: {error}") from error
        return io.BufferedReader(_Counted(raw, self), 1 << 16)

    def read(self, name: str) -> bytes:
        """A member's bytes, whole: for members that are known to be small."""
        with self.open(name) as file:
            return file.read()

    def size_of(self, name: str) -> int:
        """Bytes of a member, unpacked."""
        return self._members[name]

    def close(self) -> None:
        for opened in (self._zip, self._tar):
            if opened:
                opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _index_tar(self) -> None:
        self._tar = tarfile.open(self.path, "r:*")  # noqa: SIM115 - closed with the archive
        # A name that comes twice means its last entry; links and devices are nothing that a person wrote.
        self._entries = {info.name.removeprefix("./"): info for info in self._tar if info.isreg()}

    def _scan(self) -> Iterator[tuple[str, int]]:
        if self._zip:
            yield from ((info.filename, info.file_size) for info in self._zip.infolist() if not info.is_dir())
        elif self._tar:
            yield from ((name, info.size) for name, info in self._entries.items())
        elif self.is_single:
            yield self.path.name, self.path.stat().st_size
        else:
            for path in self.path.rglob("*"):
                if path.is_file():
                    yield path.relative_to(self.path).as_posix(), path.stat().st_size

    def _modified(self) -> datetime:
        if self._zip:
            times = [datetime(*info.date_time, tzinfo=UTC) for info in self._zip.infolist() if _is_date(info.date_time)]
        elif self._tar:
            times = [datetime.fromtimestamp(info.mtime, UTC) for info in self._entries.values() if 0 <= info.mtime < 253_402_300_800]
        elif self.is_single:
            times = [datetime.fromtimestamp(self.path.stat().st_mtime, UTC)]
        else:
            times = [datetime.fromtimestamp((self.path / name).stat().st_mtime, UTC) for name in self._members]
        return max(times, default=datetime.fromtimestamp(self.path.stat().st_mtime, UTC))


def _is_date(parts: tuple[int, int, int, int, int, int]) -> bool:
    try:
        datetime(*parts, tzinfo=UTC)
    except ValueError:
        return False
    return True


class _Counted(io.RawIOBase):
    """A raw stream that tells its archive how far it got."""

    def __init__(self, raw: BinaryIO, archive: Archive) -> None:
        self._raw, self._archive = raw, archive

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._raw.read(len(buffer))
        except _BROKEN as error:
            raise Fatal(f"{self._archive.path} cannot be read: {error}") from error
        buffer[: len(data)] = data
        self._archive.done += len(data)
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()
