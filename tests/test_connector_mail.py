"""
Messages in single files: what is kept of them, what is mapped, and that nothing breaks them.
"""

from __future__ import annotations

import json
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from time import thread_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.connector import Blob, Body, Item
from locker.record import canonical
from tests.connectors import check_contract, connector, mapped, read, read_checked, settled

EML = connector("eml")

SAMPLE = b"""\
From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <Joerg@Example.org>
To: "Doe, Jane" <JANE@example.com>, friends: bob@example.com, "Al" <al@example.com>;
Cc: undisclosed-recipients:;
Subject: =?iso-8859-1?q?Gr=FC=DFe?= from
 Berlin
Date: Wed, 18 May 2011 12:00:00 +0200
Message-ID: <two@example.org>
In-Reply-To: <one@example.org>
References: <zero@example.org> <one@example.org>
List-Id: Friends <friends.example.org>
X-Gmail-Labels: =?utf-8?q?Inbox,"Trips,_2011"?=
Status: RO
X-Status: AF
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Sch=C3=B6n hier.
--c
Content-Type: text/html

<p>Sch&ouml;n <b>hier</b>.
--c--
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename*=utf-8''Stra%C3%9Fe.pdf
Content-Transfer-Encoding: base64

QUJD
--b--
"""


def items(folder: Path, raw: bytes, name: str = "a.eml") -> list[Item]:
    """What is read from a single message."""
    path = folder / name
    path.write_bytes(raw)
    found, problems, _ = read_checked(EML, path)
    assert [] == problems
    return found


def fields(folder: Path, raw: bytes) -> Body:
    """The canonical fields of a single message."""
    return mapped(EML, items(folder, raw)[0])


def test_a_message_is_mapped(tmp_path: Path) -> None:
    """Addresses are bare and lower case, words are decoded, the moment is in UTC, labels and flags are tags."""
    assert {
        "from": "joerg@example.org",
        "from_name": "Jörg Müller",
        "to": ["jane@example.com", "bob@example.com", "al@example.com"],
        "subject": "Grüße from Berlin",
        "text": "Schön hier.",
        "tag": ["Inbox", "Trips, 2011", "seen", "answered", "flagged"],
        "thread": "zero@example.org",
        "message_id": "two@example.org",
        "in_reply_to": "one@example.org",
        "references": ["zero@example.org", "one@example.org"],
        "sent": "2011-05-18T10:00:00Z",
        "attachments": ["Straße.pdf"],
        "channel": "friends.example.org",
    } == fields(tmp_path, SAMPLE)


def test_a_message_is_kept_as_it_came(tmp_path: Path) -> None:
    """The source text is in the body, and the key is the Message-ID."""
    message = items(tmp_path, SAMPLE)[0]
    assert message.body is not None
    assert SAMPLE.decode() == message.body["raw"]
    assert "two@example.org" == message.key


def test_correspondents_are_contacts(tmp_path: Path) -> None:
    """Each pair of address and display name is one, once; nobody is made of undisclosed recipients."""
    contacts = {item.key: item.body for item in items(tmp_path, SAMPLE) if "contact" == item.type}
    assert {
        "Jörg Müller <joerg@example.org>": {"address": "joerg@example.org", "name": "Jörg Müller"},
        "Doe, Jane <jane@example.com>": {"address": "jane@example.com", "name": "Doe, Jane"},
        "bob@example.com": {"address": "bob@example.com"},
        "Al <al@example.com>": {"address": "al@example.com", "name": "Al"},
    } == contacts
    assert {"name": "Al", "emails": ["al@example.com"]} == EML.map("contact", contacts["Al <al@example.com>"] or {})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"From: Jane Doe", (None, "Jane Doe")),
        (b"From: root", ("root", None)),
        (b'From: "a@b.c" <A@b.c>', ("a@b.c", None)),
        (b"From: foo@@bar.com", ("foo@@bar.com", None)),
        (b"From: =?utf-8?q?J=C3=B6rg_=3Cj=40x.de=3E?=", ("j@x.de", "Jörg")),
        (b"From: J\xf6rg <j@x.de>", ("j@x.de", "Jörg")),
        (b"From: <@route.org,@b.org:j@x.de>", ("j@x.de", None)),
        (b"From: =?no-such?q?J=F6rg?= <j@x.de>", ("j@x.de", "Jörg")),
        (b"From:", (None, None)),
        (b"From: <>", (None, None)),
    ],
)
def test_odd_senders(tmp_path: Path, header: bytes, expected: tuple[str | None, str | None]) -> None:
    """What people and programs write into From is read as it was meant."""
    found = fields(tmp_path, header + b"\nSubject: x\n\nx\n")
    assert expected == (found.get("from"), found.get("from_name"))


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (b"Fri, 21 Nov 97 09:55:06 -0600", "1997-11-21T15:55:06Z"),
        (b"21 Nov 1997 09:55 EST (morning)", "1997-11-21T14:55:00Z"),
        (b"2011-05-18T10:00:00+02:00", "2011-05-18T08:00:00Z"),
        (b"Thu, 32 Foo 2011 99:00:00", None),
        (b"yesterday", None),
    ],
)
def test_odd_dates(tmp_path: Path, date: bytes, expected: str | None) -> None:
    """Old and wrong dates are understood or left out."""
    assert expected == fields(tmp_path, b"Date: " + date + b"\nSubject: x\n\nx\n").get("sent")


def test_a_message_without_a_date_has_that_of_its_first_server(tmp_path: Path) -> None:
    """The lowest Received line was written first."""
    raw = b"Received: by b; Wed, 18 May 2011 11:00:00 +0000\nReceived: by a; Wed, 18 May 2011 10:00:00 +0000\n\nx\n"
    assert "2011-05-18T10:00:00Z" == fields(tmp_path, raw)["sent"]


def test_html_alone_becomes_text(tmp_path: Path) -> None:
    """Without plain text, the text is what a reader of the HTML would see."""
    raw = b"Content-Type: text/html; charset=utf-8\n\n<head><title>T</title><style>p {}</style></head><p>One&nbsp;two<p>three<script>x()</script>"
    assert ["One two", "three"] == [
        line.strip() for line in fields(tmp_path, raw)["text"].replace("\xa0", " ").splitlines() if line.strip()
    ]


@pytest.mark.parametrize(
    ("charset", "text"), [("gb2312", "镕"), ("us-ascii", "é"), ("x-unknown", "é"), ("iso-8859-1", "“é”"), ("nonsense", "é")]
)
def test_wrong_charsets(tmp_path: Path, charset: str, text: str) -> None:
    """Declared charsets that are too narrow, unknown or missing do not cost the text."""
    content = text.encode({"gb2312": "gbk", "iso-8859-1": "cp1252"}.get(charset, "utf-8"))
    assert text == fields(tmp_path, b"Content-Type: text/plain; charset=" + charset.encode() + b"\n\n" + content)["text"]


def test_raw_bytes_that_are_no_text_are_a_blob(tmp_path: Path) -> None:
    """What is not UTF-8, or longer than 64 KiB, is kept outside of the JSON, byte by byte."""
    for raw in (b"Subject: \xff\n\nx\n", b"Subject: x\n\n" + b"long line\n" * 7000):
        body = items(tmp_path, raw)[0].body
        assert body is not None
        assert Blob(raw, "message/rfc822") == body["raw"]


def test_a_message_without_an_id_is_named_by_its_bytes(tmp_path: Path) -> None:
    """The key is the digest of the message, wherever it is found."""
    first, second = (items(tmp_path, b"Subject: x\n\nx\n", name)[0] for name in ("a.eml", "b.eml"))
    assert first == second
    assert first.key.startswith("sha256:")


def test_large_attachments_do_not_hide_what_follows(tmp_path: Path) -> None:
    """The contents of big attachments are skipped, but not their names or the parts behind them."""
    part = b"--b\nContent-Type: application/zip; name=%d.zip\nContent-Transfer-Encoding: base64\n\n" + b"QUJD" * 19 * 1 + b"\n"
    big = b"QUJD" * 18 + b"\n"
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        + part % 1
        + big * 4000
        + part % 2
        + b"--b\nContent-Type: text/plain\n\nlast\n--b--\n"
    )
    found = fields(tmp_path, raw)
    assert ["1.zip", "2.zip"] == found["attachments"]
    assert "last" == found["text"]


def test_apple_mail_and_outlook(tmp_path: Path) -> None:
    """An emlx file is a message between its length and its flags; Outlook's own format is named as such."""
    message = b"Subject: x\n\nx\n"
    plist = b'<?xml version="1.0"?><plist version="1.0"><dict><key>flags</key><integer>17</integer></dict></plist>'
    (tmp_path / "a.emlx").write_bytes(b"%d\n" % len(message) + message + plist)
    (tmp_path / "b.msg").write_bytes(b"\xd0\xcf\x11\xe0" * 100)
    found, problems, _ = read_checked(EML, tmp_path)
    assert ["seen", "flagged"] == mapped(EML, found[0])["tag"]
    assert ["b.msg"] == [problem.file for problem in problems]


names = st.text(st.characters(exclude_categories=("C", "Z"), max_codepoint=0x3000), min_size=1, max_size=20)
locals_ = st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z0-9]{1,5})?", fullmatch=True)
addresses = st.builds(lambda name, local: Address(name, local, "example.org"), st.just("") | names, locals_)
lines = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=60).map(str.strip).filter(bool)


@settings(max_examples=60, deadline=None)
@given(
    addresses,
    st.lists(addresses, min_size=1, max_size=4),
    lines,
    st.lists(lines, min_size=1, max_size=8),
    st.lists(names, max_size=3),
    st.datetimes(),
)
def test_any_message_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    sender: Address,
    to: list[Address],
    subject: str,
    text: list[str],
    files: list[str],
    sent: datetime,
) -> None:
    """What the standard library writes is read as it was meant: addresses, subject, text, attachments."""
    message = EmailMessage()
    message["From"], message["To"] = sender, to
    message["Subject"] = subject
    if sent.year >= 1900:
        message["Date"] = format_datetime(sent.replace(microsecond=0))
    message.set_content("\n".join(text))
    for name in files:
        message.add_attachment(b"\xff", maintype="application", subtype="x", filename=name)
    found = fields(tmp_path_factory.getbasetemp(), message.as_bytes())
    assert sender.addr_spec.lower() == found["from"]
    assert list(dict.fromkeys(one.addr_spec.lower() for one in to)) == found["to"]
    assert " ".join(subject.split()) == found["subject"]
    assert text == [line.strip() for line in found["text"].splitlines() if line.strip()]
    assert len(files) == len(found.get("attachments", []))


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"From", b"To", b"Date", b"Content-Type", b"Message-ID", b"References", b"Subject", b"X-Gmail-Labels"]),
)
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, junk: bytes, name: bytes) -> None:
    """Whatever stands in a header or a body, there is an item with the source text, and it is JSON."""
    raw = name + b": " + junk + b"\nMIME-Version: 1.0\n\n" + junk
    path = tmp_path_factory.getbasetemp() / "a.eml"
    path.write_bytes(raw)
    found, problems, _ = read(EML, path)
    check_contract(EML, found)
    assert "raw" in json.loads(canonical(settled(found[0].body)))
    assert [] == problems


@pytest.mark.parametrize("piece", ["<a ", "<a b='", "<a b='>", "<!--", "<![CDATA[", "<script>", "</", "&#"])
def test_hostile_html_takes_no_time(tmp_path: Path, piece: str) -> None:
    """Tags, quotes and comments that never end cost the standard library's parser minutes; a mail must not."""
    start = thread_time()
    items(tmp_path, b"Content-Type: text/html\n\n" + piece.encode() * 20_000)
    assert thread_time() - start < 5


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf\n"])
def test_what_stands_before_the_first_header_does_not_hide_the_rest(tmp_path: Path, before: bytes) -> None:
    """A byte order mark or blank lines, as editors and copying leave them, are passed over; the source text keeps them."""
    (tmp_path / "a.eml").write_bytes(before + b"From: ada@example.org\nSubject: Tea\n\nAt five.\n")
    message = read_checked(EML, tmp_path / "a.eml")[0][0]
    assert ("Tea", "At five.") == (mapped(EML, message)["subject"], mapped(EML, message)["text"])
    assert message.body is not None
    assert message.body["raw"].startswith(before.decode())


def test_a_message_saved_as_utf_16(tmp_path: Path) -> None:
    """Windows' editors save text so; the headers are found all the same."""
    (tmp_path / "a.eml").write_bytes("From: ada@example.org\r\nSubject: Grüße\r\n\r\nUm fünf.\r\n".encode("utf-16"))
    message = read_checked(EML, tmp_path / "a.eml")[0][0]
    assert ("Grüße", "Um fünf.") == (mapped(EML, message)["subject"], mapped(EML, message)["text"])


def test_addresses_written_as_links(tmp_path: Path) -> None:
    """``<mailto:…>``, which web forms write, is the address."""
    (tmp_path / "a.eml").write_bytes(b"From: Ada <mailto:ada@example.org>\nTo: <MAILTO:al@example.org>, b@example.org\n\nx\n")
    fields = mapped(EML, read_checked(EML, tmp_path / "a.eml")[0][0])
    assert ("ada@example.org", "Ada", ["al@example.org", "b@example.org"]) == (fields["from"], fields["from_name"], fields["to"])


def test_a_folder_of_files_whose_names_say_nothing(tmp_path: Path) -> None:
    """Without an ending, or as .txt, a file is a message if it begins like one; other text is left alone."""
    (tmp_path / "17").write_bytes(b"Received: by mail.example.org\n\tfor you\nSubject: one\n\nhello\n")
    (tmp_path / "two.txt").write_bytes(b"From a@example.org Wed May 18 10:00:00 2011\nX-Odd: 1\nFrom: a@example.org\n\nhello\n")
    (tmp_path / "LICENSE.txt").write_bytes(b"You may: do this.\nAnd that.\n")
    (tmp_path / "README").write_bytes(b"From here on it is text.\n")
    found, problems, _ = read(connector("eml"), tmp_path)
    assert (2, []) == (sum("message" == item.type for item in found), problems)
