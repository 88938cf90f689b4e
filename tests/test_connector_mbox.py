"""
Mailbox files in all their dialects, and in bounded memory.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.connector import Blob
from tests.connectors import connector, mapped, read, read_checked
from tests.shared import DATA, needs_shared

MBOX = connector("mbox")
_mbox = sys.modules["locker.connectors._mbox"]

ENVELOPE = b"From jane@example.org Wed May 18 10:00:00 2011\n"


def split(raw: bytes) -> list[bytes]:
    """The messages of an mbox text."""
    return [part.raw for part in _mbox.split(io.BytesIO(raw)) if part.is_message]


def quoted(message: bytes) -> bytes:
    """A message as mboxrd writes it."""
    return ENVELOPE + re.sub(rb"^(>*From )", rb">\1", message, flags=re.MULTILINE) + b"\n"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (ENVELOPE + b"A: 1\n\nx\n\n" + ENVELOPE + b"A: 2\n\ny\n", [b"A: 1\n\nx\n", b"A: 2\n\ny\n"]),
        (b"From 184434@xxx\nA: 1\n\nx\n\nFrom 184435@xxx\nA: 2\n\n", [b"A: 1\n\nx\n", b"A: 2\n"]),
        (b"From - \nA: 1\n\nx\nFrom - \nA: 2\n\ny\n", [b"A: 1\n\nx\n", b"A: 2\n\ny\n"]),
        (b"From a\r\nA: 1\r\n\r\nx\r\n\r\nFrom b\r\nA: 2\r\n\r\ny\r\n", [b"A: 1\r\n\r\nx\r\n", b"A: 2\r\n\r\ny\r\n"]),
        (b"\xef\xbb\xbf\n\n" + ENVELOPE + b"A: 1\n\nx\n", [b"A: 1\n\nx\n"]),
        (ENVELOPE + b"A: 1\n\n>From here\n>>From there\n", [b"A: 1\n\nFrom here\n>From there\n"]),
        (ENVELOPE + b"A: 1\n\nHello.\n\nFrom what I hear, it rains.\nBye\n", [b"A: 1\n\nHello.\n\nFrom what I hear, it rains.\nBye\n"]),
        (ENVELOPE + b"A: 1\n\nFrom here on\nFrom me to you\n\nx\n", [b"A: 1\n\nFrom here on\nFrom me to you\n\nx\n"]),
        (ENVELOPE + b"A: 1\n\nFrom my desk:\nNote: tea.\n", [b"A: 1\n\nFrom my desk:\nNote: tea.\n"]),
        (ENVELOPE + b"A: 1\n\nFrom 10:00 on, 3 May 2011.\nBye\n", [b"A: 1\n\nFrom 10:00 on, 3 May 2011.\nBye\n"]),
        (b"From a b\nA: 1\n\nx\n\nFrom c d\nSubject: 2\n\ny\n", [b"A: 1\n\nx\n", b"Subject: 2\n\ny\n"]),
        (ENVELOPE + ENVELOPE + b"A: 2\n\n", [b"", b"A: 2\n"]),
        (b"", []),
    ],
    ids=["dated", "gmail", "netscape", "dos", "bom", "quoted", "prose", "two-lines", "note", "hour", "undated", "empty", "nothing"],
)
def test_dialects(raw: bytes, expected: list[bytes]) -> None:
    """Envelopes with and without dates, blank lines, quotes; a line of prose that begins with From is none."""
    assert expected == split(raw)


def test_a_right_content_length_counts() -> None:
    """Bodies that were not quoted because they were counted (mboxcl2) come back whole, their quotes untouched."""
    inner = b"> see\n\n" + ENVELOPE + b"Subject: inner\n\n>From me\n"
    raw = ENVELOPE + b"A: 1\nContent-Length: %d\n\n" % len(inner) + inner + b"\n" + ENVELOPE + b"A: 2\n\ny\n"
    assert [b"A: 1\nContent-Length: %d\n\n" % len(inner) + inner, b"A: 2\n\ny\n"] == split(raw)


@pytest.mark.parametrize("length", [0, 1, 5, 10**6, 10**17])
def test_a_wrong_content_length_is_not_believed(length: int) -> None:
    """If no envelope stands where it points to, the envelopes decide."""
    first = b"A: 1\nContent-Length: %d\n\nsome body\n" % length
    assert [first, b"A: 2\n\ny\n"] == split(ENVELOPE + first + b"\n" + ENVELOPE + b"A: 2\n\ny\n")


bodies = st.lists(
    st.sampled_from([b"From ", b">From ", b"From - ", ENVELOPE[:-1], b"A: b", b"", b"x", b"Content-Length: 3", b"\r"])
    | st.binary(max_size=20),
    max_size=12,
).map(lambda parts: b"".join(part.replace(b"\n", b"") + b"\n" for part in parts))


@settings(max_examples=200, deadline=None)
@given(st.lists(bodies.map(lambda body: b"Subject: x\n\n" + body), min_size=1, max_size=5), st.integers(1, 40))
def test_what_was_quoted_comes_back(messages: list[bytes], chunk: int) -> None:
    """Splitting an mboxrd gives back its messages, wherever a read of the file happens to end."""
    raw = b"".join(map(quoted, messages))

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(chunk, size) if size and size > 0 else chunk)

    assert messages == [part.raw for part in _mbox.split(Slow(raw))]


def test_problems_name_their_place(tmp_path: Path) -> None:
    """What is no mail is reported with file and place; the rest is read."""
    (tmp_path / "a.mbox").write_bytes(
        b"\x00\x01 junk\n\n" + ENVELOPE + b"Subject: x\n\nx\n\n" + ENVELOPE + b"\n" + ENVELOPE + b"Subject: y\n\ny\n"
    )
    (tmp_path / "empty.mbox").write_bytes(b"")
    found, problems, _ = read_checked(MBOX, tmp_path)
    assert ["x", "y"] == [mapped(MBOX, item)["subject"] for item in found]
    assert [("a.mbox", "line 1"), ("a.mbox", "message 3, line 8"), ("empty.mbox", "line 1")] == [(one.file, one.place) for one in problems]


def test_files_without_extension_are_looked_into(tmp_path: Path) -> None:
    """Thunderbird's folders have none; what is not mail among them is left alone."""
    (tmp_path / "Inbox").write_bytes(ENVELOPE + b"Subject: x\n\nx\n")
    (tmp_path / "Inbox.msf").write_bytes(b"From nothing")
    (tmp_path / "notes").write_bytes(b"Dear diary")
    found, problems, _ = read_checked(MBOX, tmp_path)
    assert (1, []) == (len(found), problems)


def test_a_message_is_the_same_from_every_kind_of_file(tmp_path: Path) -> None:
    """Key and body of a message do not depend on the file that it lies in."""
    message = b"From: a@example.org\nSubject: x\n\nFrom here\n"
    (tmp_path / "a.mbox").write_bytes(quoted(message))
    (tmp_path / "a.eml").write_bytes(message)
    assert read(MBOX, tmp_path / "a.mbox")[0] == read(connector("eml"), tmp_path / "a.eml")[0]


BIG = """
import io, sys
from tests.connectors import connector
from locker.connector import Item

class Generated(io.RawIOBase):
    "A mailbox of some megabytes that never exists as a whole: every tenth message has an attachment of 2.5 MB."
    made, rest, left = 0, b"", int(sys.argv[1])
    text = b"A line of usual length, as people write them into mail.\\n" * 60
    attachment = b"QUJD" * 19 + b"\\n"
    def readable(self):
        return True
    def readinto(self, buffer):
        if not self.rest and self.left > 0:
            self.rest = self.message()
            self.left -= len(self.rest)
        data, self.rest = self.rest[:len(buffer)], self.rest[len(buffer):]
        buffer[:len(data)] = data
        return len(data)
    def message(self):
        self.made += 1
        head = b"From a@b.c Wed May 18 10:00:00 2011\\nMessage-ID: <%d@b.c>\\nFrom: P <p%d@b.c>\\n" % (self.made, self.made)
        if self.made % 10:
            return head + b"\\n" + self.text + b"\\n"
        head += b"Content-Type: multipart/mixed; boundary=b\\n\\n--b\\n\\n" + self.text
        return head + b"--b\\nContent-Type: image/x\\nContent-Transfer-Encoding: base64\\n\\n" + self.attachment * 32000 + b"--b--\\n\\n"

class Archive:
    is_single = True
    def names(self, *patterns):
        return ["big.mbox"]
    def open(self, name):
        return io.BufferedReader(Generated())

messages = sum(item.type == "message" for item in connector("mbox").read(Archive()) if isinstance(item, Item))
# getrusage would tell the parent's peak, which a child inherits
print(messages, next(int(line.split()[1]) // 1024 for line in open('/proc/self/status') if line.startswith('VmHWM')))
"""


def test_a_big_mailbox_needs_little_memory() -> None:
    """300 MB are read with less than 100 MB of memory."""
    done = subprocess.run(
        [sys.executable, "-c", BIG, str(300 << 20)], capture_output=True, text=True, check=True, timeout=120, cwd=Path(__file__).parents[1]
    )
    messages, megabytes = done.stdout.split()
    assert int(messages) > 1200
    assert int(megabytes) < 100


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize(("name", "count"), [("content-length", 29), ("issue1189", 4)])
def test_shared_mailboxes(name: str, count: int) -> None:
    """Each message of the summary beside the file is found, with its sender and subject."""
    folder = DATA / "mbox-mimekit" / "mbox"
    found, problems, _ = read_checked(MBOX, folder / f"{name}.mbox.txt")
    summary = (folder / f"{name}-summary.txt").read_text()
    messages = [item for item in found if "message" == item.type]
    assert (count, []) == (len(messages), problems)
    assert count == len(re.findall(r"^From ", summary, re.MULTILINE))
    subjects = re.findall(r"^Subject: (.*)$", summary, re.MULTILINE)
    assert [" ".join(subject.split()) for subject in subjects] == [mapped(MBOX, item)["subject"] for item in messages]
    assert all(isinstance((item.body or {})["raw"], str | Blob) for item in messages)
