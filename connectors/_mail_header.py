"""
What the headers of a message say, in plain values: moments in UTC, ids without brackets, flags as words.
"""

from __future__ import annotations

import csv
import re
from email.message import Message

from ._charset import mend, words
from ._moment import moment

_ID = re.compile(r"<([^<>]*[^<>\s][^<>]*)>")
_STATUS = {"R": "seen", "A": "answered", "F": "flagged", "D": "deleted", "T": "draft"}
_MOZILLA = {0x1: "seen", 0x2: "answered", 0x4: "flagged", 0x8: "deleted", 0x1000: "forwarded"}


def headers(message: Message, name: str) -> list[str]:
    """Every value of a header, unfolded but with its encoded words as they are."""
    wanted = name.lower()
    return [mend(re.sub(r"\r?\n", "", str(value))).strip() for key, value in message.raw_items() if wanted == key.strip().lower()]


def header(message: Message, name: str) -> str:
    """The first value of a header as readable text, or an empty one."""
    return next((" ".join(words(value).split()) for value in headers(message, name) if value), "")


def date(message: Message) -> str | None:
    """When it was sent, ``2011-05-18T10:00:00Z``; a message without a usable Date has it from the nearest server that received it."""
    for value in headers(message, "Date"):
        if found := moment(value):
            return found
    # Servers add their line on top, so the last one is the first that saw it.
    for value in reversed(headers(message, "Received")):
        if found := moment(value.rpartition(";")[2]):
            return found
    return None


def identifiers(values: list[str]) -> list[str]:
    """Message ids in order, without brackets, blanks or repetitions."""
    found: list[str] = []
    for value in values:
        plain = words(value)
        inside = _ID.findall(plain)
        # Some programs forget the brackets; prose about a message ("Your mail of Tuesday") is no id.
        found += inside or [part for part in plain.split() if "@" in part.strip("@") or part == plain]
    return list(dict.fromkeys(clean for one in found if (clean := "".join(one.split()).strip("<>"))))


def list_id(message: Message) -> str | None:
    """``list.example.org`` of ``List-Id: A list <list.example.org>``."""
    value = header(message, "List-Id")
    inside = _ID.findall(value)
    return (inside[-1].strip() if inside else value) or None


def labels(message: Message) -> list[str]:
    """Labels and keywords that mail programs wrote: Gmail's export, mutt's and Dovecot's X-Label and X-Keywords, Thunderbird's keys."""
    found: list[str] = []
    for value in headers(message, "X-Gmail-Labels"):
        found += next(csv.reader([words(value)], skipinitialspace=True), [])
    for name in ("X-Label", "X-Keywords", "X-Mozilla-Keys"):
        for value in headers(message, name):
            found += re.split(r"\s*,\s*" if "," in value else r"\s+", words(value))
    for value in headers(message, "Keywords"):
        found += words(value).split(",")
    return list(dict.fromkeys(clean for one in found if (clean := " ".join(one.split()))))


def flags(message: Message) -> list[str]:
    """``seen``, ``answered``, ``flagged``, ``draft``, ``deleted``, ``forwarded``, as mailbox files keep them."""
    letters = "".join(headers(message, "Status") + headers(message, "X-Status"))
    found = [word for letter, word in _STATUS.items() if letter in letters.upper()]
    for value in headers(message, "X-Mozilla-Status"):
        try:
            bits = int(value, 16)
        except ValueError:
            continue
        found += [word for bit, word in _MOZILLA.items() if bits & bit]
    return list(dict.fromkeys(found))
