"""
Maildirs: folders, flags, and what lies around in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from locker.error import Fatal
from tests.connectors import connector, mapped, read, read_checked

MAILDIR = connector("maildir")


def maildir(root: Path) -> Iterator[Path]:
    """A maildir with folders, flags, a message outside of cur and new, and what servers put beside them."""
    for name in ("cur/1:2,RS", "new/2", "tmp/3", ".Work.2010/cur/4:2,F", "sub/5:2,", "dovecot.index", "sub/notes"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            b"\x00\x01" if "dovecot" in name else b"just notes" if "notes" in name else f"Subject: {path.name}\n\nx\n".encode()
        )
    yield from (root, root.parent)


def test_maildir_folders_and_flags(tmp_path: Path) -> None:
    """Folder names and flags are tags, wherever the maildir lies; undelivered mail is not read, and what is no mail is told."""
    (tmp_path / "mail").mkdir()
    for path in maildir(tmp_path / "mail"):
        found, problems, scopes = read_checked(MAILDIR, path)
        tags = {mapped(MAILDIR, item)["subject"]: mapped(MAILDIR, item).get("tag", []) for item in found}
        assert {"1:2,RS": ["seen", "answered"], "2": [], "4:2,F": ["flagged", "Work/2010"], "5:2,": ["sub"]} == tags
        assert ["notes"] == [Path(problem.file).name for problem in problems]
        assert [] == scopes


def test_a_folder_that_is_no_maildir_is_refused(tmp_path: Path) -> None:
    """Instead of reading nothing, it says what it wants."""
    (tmp_path / "a.eml").write_bytes(b"Subject: x\n\nx\n")
    with pytest.raises(Fatal, match="cur or new"):
        read(MAILDIR, tmp_path)


def test_folder_names_of_servers(tmp_path: Path) -> None:
    """Letters beyond ASCII, which Maildir++ servers shift into UTF-7, are read; what only looks like that stays."""
    for folder in (".Entw&APw-rfe", ".R&-D", ".Q&A-", ".&U,BTFw-"):
        (tmp_path / folder / "cur").mkdir(parents=True)
        (tmp_path / folder / "cur" / "1").write_bytes(f"Subject: {folder}\n\nx\n".encode())
    (tmp_path / "cur").mkdir()
    (tmp_path / "cur" / "1").write_bytes(b"Subject: inbox\n\nx\n")
    found, _, _ = read_checked(MAILDIR, tmp_path)
    tags = {mapped(MAILDIR, item)["subject"]: mapped(MAILDIR, item).get("tag") for item in found}
    assert {".Entw&APw-rfe": ["Entwürfe"], ".R&-D": ["R&D"], ".Q&A-": ["Q&A-"], ".&U,BTFw-": ["台北"], "inbox": None} == tags
