"""
A tar is read like a zip or a folder: by member, without unpacking it, and a broken one says so.
"""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from locker.archive import Archive
from locker.error import Fatal, NotFound

FILES = {"b/two.txt": b"2" * 200_000, "a.txt": b"one", "c.txt": b""}


def tar(path: Path, mode: str, files: dict[str, bytes] = FILES, prefix: str = "") -> Path:
    """A tar of these files, with a folder and a link beside them."""
    with tarfile.open(path, mode) as made:  # type: ignore[call-overload]
        folder, link = tarfile.TarInfo(f"{prefix}b"), tarfile.TarInfo(f"{prefix}link.txt")
        folder.type, link.type, link.linkname = tarfile.DIRTYPE, tarfile.SYMTYPE, "/etc/hostname"
        made.addfile(folder)
        made.addfile(link)
        for name, content in files.items():
            info = tarfile.TarInfo(prefix + name)
            info.size, info.mtime = len(content), 1_600_000_000
            made.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar.gz", "w:gz"), ("A.TGZ", "w:gz"), ("a.tar", "w"), ("a.tar.bz2", "w:bz2"), ("a.tar.xz", "w:xz")]
)
@pytest.mark.parametrize("prefix", ["", "./"])
def test_members_of_a_tar(tmp_path: Path, name: str, mode: str, prefix: str) -> None:
    """Its regular files are its members, in name order, each with its bytes, also when opened in another order than they lie."""
    with Archive(tar(tmp_path / name, mode, prefix=prefix)) as archive:
        assert sorted(FILES) == archive.names()
        assert not archive.is_single
        assert FILES == {member: archive.read(member) for member in archive.names()}
        assert sum(map(len, FILES.values())) == archive.size == archive.done
        assert datetime.fromtimestamp(1_600_000_000, UTC) == archive.modified
        with pytest.raises(NotFound):
            archive.open("link.txt")


def test_two_members_of_a_tar_at_once(tmp_path: Path) -> None:
    """Two open members do not disturb each other."""
    with Archive(tar(tmp_path / "a.tar.gz", "w:gz")) as archive, archive.open("b/two.txt") as two, archive.open("a.txt") as one:
        assert (b"22", b"one", b"22") == (two.read(2), one.read(), two.read(2))


@pytest.mark.parametrize("content", [b"", b"no tar at all", "half"])
def test_a_broken_tar_says_so(tmp_path: Path, content: bytes | str) -> None:
    """An empty, foreign or cut-off file of that name is a clear error."""
    path = tar(tmp_path / "a.tar.gz", "w:gz", {"a.txt": bytes(range(256)) * 4000})
    whole = path.read_bytes()
    path.write_bytes(content if isinstance(content, bytes) else whole[: len(whole) // 2])
    with pytest.raises(Fatal, match="broken tar"):
        Archive(path)


def test_what_an_operating_system_left_is_no_member(tmp_path: Path) -> None:
    """Macs and Windows put files of their own into folders and archives; given by itself, even such a file is read."""
    for name in ("a.vcf", "._a.vcf", ".DS_Store", "__MACOSX/._a.vcf", "sub/Thumbs.db", "sub/._b/c.vcf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert ["a.vcf", "sub/._b/c.vcf"] == Archive(tmp_path).names()
    assert ["._a.vcf"] == Archive(tmp_path / "._a.vcf").names()
