"""
One vCard (2.1, 3.0 or 4.0) as a body, and its properties as canonical fields.

A body is ``{"raw": "BEGIN:VCARD…", "version": "3.0", "properties": [{"name": "EMAIL", "group": "item1", "params": {"TYPE": ["home"]}, "value": "…"}]}``:
the card's text, and beside it what a parser makes of it, unfolded and with quoted-printable decoded, but values still escaped.  Embedded
photos, sounds and keys are only in *raw*.
"""

from __future__ import annotations

import io
import quopri
import re
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from typing import Any, BinaryIO

from vobject.base import ParseError, getLogicalLines, parseLine

from locker.connector import Body, Found, Item, Problem

from ._charset import decode, decode_undeclared, mend
from ._component import pieces
from ._escaped import split, unbroken, unescape
from ._mail import BLOB_LIMIT, source_text
from ._moment import moment
from ._vcard_handle import handle

_EMBEDDABLE = frozenset(("PHOTO", "LOGO", "SOUND", "KEY"))
_ENCODINGS = frozenset(("QUOTED-PRINTABLE", "BASE64", "B", "7BIT", "8BIT"))
# Found and dropped before parsing: unfolding megabytes of Base64 would take seconds.
_LARGE = re.compile(r"^(?:[\w-]+\.)?(?:PHOTO|LOGO|SOUND|KEY)[;:][^\n]{0,1000}\n(?:[ \t][^\n]*\n){20,}", re.IGNORECASE | re.MULTILINE)
_LOOSE = re.compile(r"(?:([\w-]+)\.)?([A-Za-z][\w-]*)[ \t]*(;[^:\"]*)?:(.*)", re.DOTALL)
_WORD = re.compile(r"[\w-]+")
_ANDROID = re.compile(r"vnd\.android\.cursor\.item/nickname;([^;]+)")
# vobject's own unfolding takes quadratic time.
_FOLD = re.compile(r"\n[ \t]")
_NO_YEAR = 1604  # what Apple and those after it write for a birthday without a year


def cards(file: BinaryIO, name: str) -> Iterator[Found]:
    """Every card of a file; *name* is what problems call it."""
    is_empty = True
    for piece in pieces(file, ("VCARD",)):
        if not piece.name:
            continue  # blank lines, mail headers: whatever stands between cards
        is_empty = False
        yield _found(name, piece.raw, piece.line, piece.problem)
    if is_empty:
        yield Problem(name, "line 1", "there is no BEGIN:VCARD in it")


def card_body(raw: bytes) -> Body:
    """The body of one card's bytes.  Raises ValueError if nothing in it can be read."""
    found = list(_properties(decode_undeclared(raw)))
    if not any(one["name"] != "VERSION" for one in found):
        raise ValueError("this card is empty or unreadable")
    version = next((one["value"].strip() for one in found if one["name"] == "VERSION"), "")
    body: Body = {
        "raw": source_text(raw, "text/vcard"),
        "properties": [one for one in found if one["name"] != "VERSION"],
    }
    return {**body, **({"version": version} if version else {})}


def card_key(raw: bytes, body: Body) -> str:
    """The card's UID.  Phones and old programs write none: then a digest of who it is (name, addresses, numbers, in normal form), so that
    a new note or photo is an edit of the same contact and not another one."""
    uid = next((plain for one in body["properties"] if one["name"] == "UID" and (plain := unescape(one["value"]).strip())), "")
    if uid:
        return uid
    fields = card_fields(body)
    name = " ".join(fields.get("name", "").casefold().split())
    phones = sorted({re.sub(r"[^\d+]", "", phone) for phone in fields.get("phones", ())})
    identity = "\n".join((name, *sorted(fields.get("emails", ())), *phones))
    return "sha256:" + sha256(identity.encode() if identity else raw).hexdigest()


def card_fields(body: Body) -> Body:
    """Canonical fields of a contact."""
    card = _Card(body)
    family, given, *_ = (*card.structured("N"), "", "")
    organization = next(iter(card.structured("ORG")), "")
    fields: Body = {
        "name": card.first("FN") or " ".join(part for part in (given, family) if part) or organization or card.first("NICKNAME"),
        "given_name": given,
        "family_name": family,
        "nicknames": [
            *(part for one in card.all("NICKNAME") for part in split(one["value"], ",")),
            *(unescape(found[1]) for one in card.all("X-ANDROID-CUSTOM") if (found := _ANDROID.match(one["value"]))),
        ],
        "emails": [text.lower().removeprefix("mailto:") for text in card.texts("EMAIL") if "@" in text],
        "phones": [re.sub(r"^tel:", "", text, flags=re.IGNORECASE) for text in card.texts("TEL")],
        "handles": [made for one in card.properties if (made := handle(one, unescape(one["value"]).strip()))],
        "urls": [
            *card.texts("URL"),
            *(text for name in ("X-SOCIALPROFILE", "SOCIALPROFILE") for text in card.texts(name) if "://" in text),
        ],
        "photos": [text for text in card.texts("PHOTO") if text.startswith(("http://", "https://"))],
        "organization": organization,
        "title": card.first("TITLE") or card.first("ROLE"),
        "birthday": next((day for one in card.all("BDAY") if (day := _birthday(one))), None),
        "address": [place for one in card.all("ADR") if (place := _address(one))],
        "bio": "\n".join(card.texts("NOTE")),
        "gender": next(iter(card.structured("GENDER")), "") or card.first("X-GENDER"),
        "tag": [part for one in card.all("CATEGORIES") for part in split(one["value"], ",")],
        "kind": (card.first("KIND") or card.first("X-ADDRESSBOOKSERVER-KIND")).lower(),
        "updated": _revision(card.first("REV")),
    }
    return {name: _distinct(value) if isinstance(value, list) else value for name, value in fields.items() if value}


class _Card:
    """A body's properties by name: preferred ones first, one of each set of alternatives (ALTID)."""

    def __init__(self, body: Body) -> None:
        self.properties: list[Body] = sorted(body.get("properties", ()), key=_preference)

    def all(self, name: str) -> list[Body]:
        found: list[Body] = []
        seen: set[str] = set()
        for one in self.properties:
            if one["name"] == name and one["value"].strip():
                alternative = "".join(one.get("params", {}).get("ALTID", ()))
                if not alternative or alternative not in seen:
                    found.append(one)
                seen.add(alternative)
        return found

    def texts(self, name: str) -> list[str]:
        return [text for one in self.all(name) if (text := unescape(one["value"]).strip())]

    def first(self, name: str) -> str:
        return next(iter(self.texts(name)), "")

    def structured(self, name: str) -> list[str]:
        return next((split(one["value"], ";") for one in self.all(name)), [])


def _found(name: str, raw: bytes, line: int, problem: str) -> Found:
    if problem:
        return Problem(name, f"line {line}", problem)
    try:
        body = card_body(raw)
    except ValueError as error:
        return Problem(name, f"line {line}", str(error))
    return Item("contact", card_key(raw, body), body)


def _properties(text: str) -> Iterator[Body]:
    depth = 0
    text = unbroken(_LARGE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    for line, _ in getLogicalLines(io.StringIO(_FOLD.sub("", text)), allowQP=True):
        try:
            name, params, value, group = parseLine(line)
        except ParseError:
            if (loose := _loose_line(line)) is None:
                continue
            name, params, value, group = loose
        depth += (name.upper() == "BEGIN") - (name.upper() == "END")
        if depth != 1 or name.upper() == "BEGIN":
            continue  # not of this card, but of the agent's card in it
        made = _params(params)
        encodings = {one.upper() for one in made.pop("ENCODING", ())}
        if "QUOTED-PRINTABLE" in encodings:
            value = decode(quopri.decodestring(re.sub(r"=\r?\n", "", value).encode()), next(iter(made.get("CHARSET", ())), None))
        if len(value) > BLOB_LIMIT or (name.upper() in _EMBEDDABLE and (encodings & {"BASE64", "B"} or value[:5].lower() == "data:")):
            continue
        one: Body = {"name": name.upper(), "value": mend(value)}
        if group:
            one["group"] = group
        if made:
            one["params"] = made
        yield one


def _loose_line(line: str) -> tuple[str, list[list[str]], str, str | None] | None:
    """What vobject refuses, for a blank or a bracket among the parameters: Android's ``TEL;X-CUSTOM(CHARSET=UTF-8,…,=48=61):99``."""
    found = _LOOSE.fullmatch(line.strip())
    if not found:
        return None
    params: list[list[str]] = []
    for part in (found[3] or "").split(";"):
        name, _, value = part.strip().partition("=")
        params += [[name, *value.split(",")]] if value and _WORD.fullmatch(name) else [[part.strip()]]
    return found[2], params, found[4], found[1]


def _params(params: list[list[str]]) -> dict[str, list[str]]:
    """Parameters by name; those that stand alone (2.1: ``TEL;HOME;VOICE:``) are types or an encoding."""
    made: dict[str, list[str]] = {}
    for name, *values in params:
        if values:
            made.setdefault(name.upper(), []).extend(mend(value) for value in values)
        elif name:
            made.setdefault("ENCODING" if name.upper() in _ENCODINGS else "TYPE", []).append(mend(name))
    return made


def _preference(one: Body) -> int:
    params = one.get("params", {})
    if any(value.lower() == "pref" for value in params.get("TYPE", ())):
        return 1
    number = "".join(params.get("PREF", ()))
    return int(number) if number.isdecimal() and len(number) < 4 else 101


def _birthday(one: Body) -> str | None:
    """A whole date, or nothing: ``--0203`` is a day without a year."""
    found = re.match(r"(\d{4})-?(\d\d)-?(\d\d)(?!\d)", one["value"].strip())
    if not found or int(found[1]) == _NO_YEAR:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
    except ValueError:
        return None


def _address(one: Body) -> Body:
    box, extended, street, city, state, code, country = (*split(one["value"], ";"), *[""] * 7)[:7]
    whole = ", ".join(part for part in (street, extended, box) if part)
    made = {"street": whole, "city": city, "state": state, "postal_code": code, "country": country}
    made = {name: value for name, value in made.items() if value}
    label = "\n".join(one.get("params", {}).get("LABEL", ()))
    return {**made, "text": label.replace("\\n", "\n") or ", ".join(made.values())} if made else {}


def _revision(value: str) -> str | None:
    return moment(f"{value[:4]}-{value[4:6]}-{value[6:]}" if re.fullmatch(r"\d{8}", value) else value)


def _distinct(values: list[Any]) -> list[Any]:
    if all(isinstance(value, str) for value in values):
        return list(dict.fromkeys(values))
    return [value for number, value in enumerate(values) if value not in values[:number]]
