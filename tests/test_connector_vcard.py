"""
Address books: every version of vCard, card by card.
"""

from __future__ import annotations

from pathlib import Path
from time import thread_time

import pytest
import vobject
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.connector import Blob, Body, Item
from tests.connectors import connector, mapped, read_checked
from tests.shared import DATA, needs_shared

VCARD = connector("vcard")


def cards(folder: Path, raw: bytes) -> list[Item]:
    """What is read from a file without problems."""
    path = folder / "a.vcf"
    path.write_bytes(raw)
    found, problems, scopes = read_checked(VCARD, path)
    assert ([], []) == (problems, scopes)
    return found


def fields(folder: Path, *lines: str, version: str = "3.0") -> Body:
    """The canonical fields of one card."""
    text = "\r\n".join(("BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""))
    return mapped(VCARD, cards(folder, text.encode())[0])


def test_a_card_of_version_3(tmp_path: Path) -> None:
    """Structured values, groups, preferred ones first, escapes, folded lines."""
    assert {
        "name": "Dr. Jane Doe",
        "given_name": "Jane",
        "family_name": "Doe",
        "nicknames": ["Janie", "J, D"],
        "emails": ["jane@example.org", "work@example.org"],
        "phones": ["+1 555 0100"],
        "urls": ["http://example.org/~jane"],
        "photos": ["https://example.org/jane.jpg"],
        "organization": "Example; Inc.",
        "title": "Boss",
        "birthday": "1980-03-22",
        "address": [
            {
                "street": "1 Main St, Floor 2",
                "city": "Sacramento",
                "state": "CA",
                "postal_code": "95814",
                "country": "USA",
                "text": "1 Main St, Floor 2, Sacramento, CA, 95814, USA",
            }
        ],
        "bio": "Likes node.js,\nand tea",
        "tag": ["Friends", "Work"],
        "updated": "2012-03-05T13:19:33Z",
    } == fields(
        tmp_path,
        "N:Doe;Jane;;Dr.;",
        "FN:Dr. Jane Doe",
        "NICKNAME:Janie,J\\, D",
        "item1.EMAIL;TYPE=INTERNET:Work@Example.org",
        "item1.X-ABLabel:_$!<Work>!$_",
        "EMAIL;TYPE=INTERNET,PREF:jane@example.org",
        "TEL;TYPE=HOME:+1 555 0100",
        "URL:http\\://example.org/~jane",
        "PHOTO;VALUE=URI:https://example.org/jane.jpg",
        "ORG:Example\\; Inc.;Sales",
        "TITLE:Boss",
        "BDAY:19800322",
        "ADR;TYPE=HOME:;Floor 2;1 Main St;Sacramento;CA;95814;USA",
        "NOTE:Likes node",
        " .js\\,\\nand tea",
        "CATEGORIES:Friends,Work",
        "REV:2012-03-05T13:19:33Z",
    )


def test_a_card_of_version_21(tmp_path: Path) -> None:
    """Parameters without names, quoted-printable over several lines, charsets."""
    found = fields(
        tmp_path,
        "N;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=F6rg;;;",
        "EMAIL;PREF;INTERNET:joerg@example.org",
        "TEL;WORK;VOICE:0123",
        "NOTE;ENCODING=QUOTED-PRINTABLE:first=0D=0A=",
        "second",
        "PHOTO;ENCODING=BASE64;JPEG:",
        " QUJD",
        "",
        version="2.1",
    )
    assert {
        "name": "Jörg Müller",
        "given_name": "Jörg",
        "family_name": "Müller",
        "emails": ["joerg@example.org"],
        "phones": ["0123"],
        "bio": "first\nsecond",
    } == found


def test_a_card_of_an_android_phone(tmp_path: Path) -> None:
    """Numbers whose kind has a name of its own, blanks where none belong, and nicknames in Android's own property are not lost."""
    made = fields(
        tmp_path,
        "N:Ada",
        "TEL;CELL:1",
        "TEL;X-CUSTOM(CHARSET=UTF-8,ENCODING=QUOTED-PRINTABLE,=48=61=75=73):22",
        "item1.TEL ;TYPE=HOME,VOICE:333",
        "EMAIL;(other):ada@example.org",
        "X-ANDROID-CUSTOM:vnd.android.cursor.item/nickname;Addie;1;;;;;;;;;;;;;",
        "X-ANDROID-CUSTOM:vnd.android.cursor.item/contact_event;1990-05-01;1;;;;;;;;;;;;;",
        version="2.1",
    )
    assert (["1", "22", "333"], ["ada@example.org"], ["Addie"]) == (made["phones"], made["emails"], made["nicknames"])


def test_a_card_of_version_4(tmp_path: Path) -> None:
    """URIs for telephones, preference by number, alternatives told once, kinds, birthdays without a year."""
    found = fields(
        tmp_path,
        "KIND:individual",
        "FN:Jane",
        "N;ALTID=1;LANGUAGE=jp:山田;太郎;;;",
        "N;ALTID=1;LANGUAGE=en:Yamada;Taro;;;",
        "TEL;VALUE=uri;PREF=2:tel:+1-555-0101",
        'TEL;VALUE=uri;TYPE="work,voice";PREF=1:tel:+1-555-0100;ext=102',
        "BDAY:--0203",
        "GENDER:F;grrrl",
        version="4.0",
    )
    expected = {"name": "Jane", "family_name": "山田", "given_name": "太郎", "kind": "individual", "gender": "F"}
    assert {**expected, "phones": ["+1-555-0100;ext=102", "+1-555-0101"]} == found


@pytest.mark.parametrize(
    ("line", "handle"),
    [
        ("X-JABBER;TYPE=HOME:jane@example.org", "xmpp:jane@example.org"),
        ("IMPP;X-SERVICE-TYPE=Skype;TYPE=HOME:skype:jane.doe", "skype:jane.doe"),
        ("IMPP:xmpp:jane@example.org", "xmpp:jane@example.org"),
        ("X-SOCIALPROFILE;TYPE=twitter:http://twitter.com/jane", "twitter:jane"),
        ("X-SOCIALPROFILE;TYPE=facebook;x-user=jane.doe:http://www.facebook.com/1234", "facebook:jane.doe"),
        ("SOCIALPROFILE;SERVICE-TYPE=Mastodon;USERNAME=jane:https://mastodon.example/@jane", "mastodon:jane"),
        ("X-SOCIALPROFILE:https://www.flickr.com/jane/", "flickr:jane"),
        ("X-AIM:jane", "aim:jane"),
    ],
)
def test_handles(tmp_path: Path, line: str, handle: str) -> None:
    """Names at other services, whichever way a program writes them."""
    assert [handle] == fields(tmp_path, "FN:Jane", line)["handles"]


@pytest.mark.parametrize(
    "line", ["BDAY:--03-22", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-22", "BDAY;VALUE=text:circa 1800", "BDAY:2011-02-30"]
)
def test_birthdays_that_are_no_dates(tmp_path: Path, line: str) -> None:
    """A day without a year, or no day at all, is not made into a date."""
    assert "birthday" not in fields(tmp_path, "FN:Jane", line)


def test_a_card_without_a_uid_keeps_its_key(tmp_path: Path) -> None:
    """A new note is an edit of the same contact; another number is another person."""
    card = "BEGIN:VCARD\nVERSION:3.0\nFN:Jane\nTEL:{}\nNOTE:{}\nEND:VCARD\n"
    first, second, third = cards(tmp_path, (card.format("01 23", "x") + card.format("0123", "y") + card.format("99", "x")).encode())
    assert first.key == second.key != third.key
    assert "urn:uuid:1" == cards(tmp_path, b"BEGIN:VCARD\nUID:urn:uuid:1\nFN:Jane\nEND:VCARD\n")[0].key


def test_big_and_odd_cards_are_blobs(tmp_path: Path) -> None:
    """A card that is not UTF-8, or longer than 64 KiB, is kept byte by byte outside of the JSON; its fields are read all the same."""
    photo = b"PHOTO;ENCODING=b:" + b"QUJD" * 20000 + b"\n"
    for raw in (b"BEGIN:VCARD\nFN:J\xf6rg\nEND:VCARD\n", b"BEGIN:VCARD\nFN:J\xc3\xb6rg\n" + photo + b"END:VCARD\n"):
        card = cards(tmp_path, raw)[0]
        assert card.body is not None
        assert Blob(raw, "text/vcard") == card.body["raw"]
        assert "Jörg" == mapped(VCARD, card)["name"]


def test_a_photo_of_megabytes(tmp_path: Path) -> None:
    """An embedded photo neither takes long nor hides what follows it."""
    photo = b"item1.PHOTO;ENCODING=b;TYPE=JPEG:" + b"\r\n ".join([b"QUJD" * 18] * 40_000) + b"\r\n"
    start = thread_time()
    found = cards(tmp_path, b"BEGIN:VCARD\r\n" + photo + b"FN:Jane\r\nEND:VCARD\r\n")
    assert {"name": "Jane"} == mapped(VCARD, found[0])
    assert thread_time() - start < 5


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_of_whole_files(tmp_path: Path, encoding: str) -> None:
    """Byte order marks and UTF-16 are understood."""
    assert "Jörg" == mapped(VCARD, cards(tmp_path, "BEGIN:VCARD\r\nFN:Jörg\r\nEND:VCARD\r\n".encode(encoding))[0])["name"]


def test_line_ends_of_old_macs(tmp_path: Path) -> None:
    """A carriage return alone ends a line, too."""
    assert 2 == len(cards(tmp_path, b"BEGIN:VCARD\rFN:A\rEND:VCARD\rBEGIN:VCARD\rFN:B\rEND:VCARD\r"))


def test_a_card_in_a_card(tmp_path: Path) -> None:
    """The agent of version 2.1 belongs to the card around it."""
    found = cards(tmp_path, b"BEGIN:VCARD\nAGENT:\nBEGIN:VCARD\nFN:B\nEND:VCARD\nFN:A\nEND:VCARD\n")
    assert ["A"] == [mapped(VCARD, item)["name"] for item in found]


def test_a_broken_card_spoils_only_itself(tmp_path: Path) -> None:
    """Problems name the line; the cards around are read."""
    good = b"BEGIN:VCARD\nFN:A\nEND:VCARD\n"
    (tmp_path / "a.vcf").write_bytes(
        good + b"BEGIN:VCARD\nFN:lost\n" + good + b"BEGIN:VCARD\nEND:VCARD\nEND:VCARD\n" + good + b"BEGIN:VCARD\nFN:cut"
    )
    (tmp_path / "b.vcf").write_bytes(b"no cards at all")
    found, problems, _ = read_checked(VCARD, tmp_path)
    assert 3 == len(found)
    assert [("a.vcf", f"line {line}") for line in (4, 9, 11, 15)] + [("b.vcf", "line 1")] == [(one.file, one.place) for one in problems]


names = (
    st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=30)
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(names, names, names, names), min_size=1, max_size=4))
def test_any_card_comes_back(tmp_path_factory: pytest.TempPathFactory, people: list[tuple[str, str, str, str]]) -> None:
    """What vobject writes is read as it was meant, whatever is in the values."""
    texts = []
    for family, given_name, organization, note in people:
        card = vobject.vCard()
        card.add("n").value = vobject.vcard.Name(family=family, given=given_name)
        card.add("fn").value = given_name
        card.add("org").value = [organization, "x"]
        card.add("note").value = note
        texts.append(card.serialize())
    found = cards(tmp_path_factory.getbasetemp(), "".join(texts).encode())
    got = [mapped(VCARD, item) for item in found]
    assert people == [(one["family_name"], one["given_name"], one["organization"], one["bio"]) for one in got]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from([b"BEGIN:VCARD", b"END:VCARD", b"FN:x", b"N:;;;", b"TEL;", b"AGENT:", b"BDAY:1", b"ADR:;"]) | st.binary(max_size=30)
    )
)
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    """Whatever stands in a file, it gives items and problems, never an error."""
    path = tmp_path_factory.getbasetemp() / "junk.vcf"
    path.write_bytes(b"\n".join(lines))
    found, problems, _ = read_checked(VCARD, path)
    assert found or problems


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize(("folder", "count"), [("vcard-ez-vcard", 13), ("vcard-misc", 13)])
def test_shared_cards(folder: str, count: int) -> None:
    """As many contacts as BEGIN:VCARD in the files beside the checkout, each with a name or an address."""
    paths = sorted((DATA / folder).rglob("*.vcf"))
    found, problems, _ = read_checked(VCARD, DATA / folder)
    assert (count, []) == (len(found), problems)
    assert count == sum(path.read_bytes().upper().count(b"BEGIN:VCARD") for path in paths)
    assert all({"name", "emails"} & set(mapped(VCARD, item)) for item in found)
