"""
A damaged file in an archive is counted and named, and never stops the rest.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from time import thread_time

import pytest

from tests.connectors import connector, read

_CARD = b"BEGIN:VCARD\nVERSION:3.0\nFN:Ada\nEND:VCARD\n"
_EVENT = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:Tea\nEND:VEVENT\nEND:VCALENDAR\n"
_MAIL = b"From: ada@example.org\nSubject: Tea\nMessage-ID: <1@example.org>\n\nAt five.\n"
_MBOX = b"From ada@example.org Wed May 18 10:00:00 2011\n" + _MAIL
_PAGE = b'<DL><DT><A HREF="https://example.org/">Example</A></DL>'


def damaged(path: Path, broken: str, sound: str, content: bytes) -> Path:
    """A zip of two files, the first of which does not unpack."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(broken, content * 5)
        archive.writestr(sound, content)
        size = archive.getinfo(broken).compress_size
    data = bytearray(path.read_bytes())
    start = 30 + len(broken)
    data[start : start + size] = b"\xff" * size
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize(
    ("name", "files", "content"),
    [
        ("vcard", ("a.vcf", "b.vcf"), _CARD),
        ("icalendar", ("a.ics", "b.ics"), _EVENT),
        ("mbox", ("a.mbox", "b.mbox"), _MBOX),
        ("mbox", ("a", "b"), _MBOX),
        ("eml", ("a.eml", "b.eml"), _MAIL),
        ("maildir", ("cur/a", "cur/b"), _MAIL),
        ("bookmarks", ("a.html", "b.html"), _PAGE),
    ],
)
def test_a_damaged_file_does_not_stop_the_rest(tmp_path: Path, name: str, files: tuple[str, str], content: bytes) -> None:
    """The file that does not unpack is one problem with its name and reason; the one after it is read."""
    items, problems, _ = read(connector(name), damaged(tmp_path / "export.zip", *files, content))
    assert [files[0]] == [problem.file for problem in problems]
    assert "cannot be read" in problems[0].reason
    assert 1 <= len(items)


def test_a_file_too_large_to_be_a_message_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb among the messages is a problem that says how large a message may be."""
    (tmp_path / "a.eml").write_bytes(_MAIL + b"x" * (2 << 20))
    (tmp_path / "b.eml").write_bytes(_MAIL)
    reader = connector("eml")
    monkeypatch.setattr(sys.modules["locker.connectors._each"], "LARGEST", 1 << 20)
    items, problems, _ = read(reader, tmp_path)
    assert ["1@example.org"] == [item.key for item in items if item.type == "message"]
    assert [("a.eml", "this is no message: it has more than 1 MB")] == [(problem.file, problem.reason) for problem in problems]


def test_a_mailbox_without_end_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read before a bomb in a mailbox stays, the next file is read, and the problem names the line."""
    (tmp_path / "a.mbox").write_bytes(_MBOX + b"\n" + _MBOX + b"x" * (4 << 20))
    (tmp_path / "b.mbox").write_bytes(_MBOX.replace(b"<1@", b"<2@"))
    monkeypatch.setattr(sys.modules["locker.connectors._mbox"], "_LARGEST", 1 << 20)
    monkeypatch.setattr(sys.modules["locker.connectors._mbox"], "_SLACK", 0)
    items, problems, _ = read(connector("mbox"), tmp_path)
    assert ["1@example.org", "2@example.org"] == [item.key for item in items if item.type == "message"]
    assert ["a.mbox"] == [problem.file for problem in problems]
    assert "line 9 has more than 1 MB" in problems[0].reason


@pytest.mark.parametrize(
    ("name", "file", "content"),
    [
        ("vcard", "a.vcf", "BEGIN:VCARD\nFN:Ada\nNOTE:" + "a\n " * 100_000 + "\nEND:VCARD\n"),
        ("vcard", "a.vcf", "BEGIN:VCARD\nFN:Ada\nNOTE;ENCODING=QUOTED-PRINTABLE:" + "=41=\n" * 20_000 + "\nEND:VCARD\n"),
        ("icalendar", "a.ics", "BEGIN:VEVENT\nSUMMARY;ENCODING=QUOTED-PRINTABLE:" + "=41=\n" * 20_000 + "\nEND:VEVENT\n"),
        ("bookmarks", "a.html", "</" * 500_000),
        ("feed", "a.opml", "<opml><body>" + "<outline text='x'>" * 20_000),
    ],
    ids=["folds", "soft-breaks-vcard", "soft-breaks-icalendar", "ends", "outlines"],
)
def test_hostile_files_take_no_time(tmp_path: Path, name: str, file: str, content: str) -> None:
    """What is folded, broken or nested very often is read in time that grows with its length, not with its square."""
    (tmp_path / file).write_text(content)
    begin = thread_time()
    items, problems, _ = read(connector(name), tmp_path / file)
    assert 5 > thread_time() - begin
    assert [] != [*items, *problems]
