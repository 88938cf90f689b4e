"""
What the headers of a message say, in plain values: moments in UTC, ids without brackets, flags as words.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from email.message import Message

from ._charset import mend, words
from ._moment import moment

_FOLD = re.compile(r"\r?\n")
_ID = re.compile(r"<([^<>]+)>")
_STATUS = {"R": "seen", "A": "answered", "F": "flagged", "D": "deleted", "T": "draft"}
_MOZILLA = {0x1: "seen", 0x2: "answered", 0x4: "flagged", 0x8: "deleted", 0x1000: "forwarded"}


Headers = dict[str, list[str]]
"""Every value of each header by its name in lower case: unfolded, but with its encoded words as they are."""


def indexed(message: Message) -> Headers:
    """The headers of a message."""
    found: Headers = {}
    for name, value in message.raw_items():
        found.setdefault(name.strip().lower(), []).append(mend(_FOLD.sub("", str(value))).strip())
    return found


def header(index: Headers, name: str) -> str:
    """The first value of a header as readable text, or an empty one."""
    return next((" ".join(words(value).split()) for value in index.get(name.lower(), ()) if value), "")


def date(index: Headers) -> str | None:
    """When it was sent, ``2011-05-18T10:00:00Z``; a message without a usable Date has it from the nearest server that received it."""
    for value in index.get("date", ()):
        if found := moment(value):
            return found
    # Servers add their line on top, so the last one is the first that saw it.
    for value in reversed(index.get("received", ())):
        if found := moment(value.rpartition(";")[2]):
            return found
    return None


def identifiers(values: Iterable[str]) -> list[str]:
    """Message ids in order, without brackets, blanks or repetitions."""
    found: list[str] = []
    for value in values:
        plain = words(value)
        inside = _ID.findall(plain)
        # Some programs forget the brackets; prose about a message ("Your mail of Tuesday") is no id.
        found += inside or [part for part in plain.split() if "@" in part.strip("@") or part == plain]
    return list(dict.fromkeys(clean for one in found if (clean := "".join(one.split()).strip("<>"))))


def list_id(index: Headers) -> str | None:
    """``list.example.org`` of ``List-Id: A list <list.example.org>``."""
    value = header(index, "List-Id")
    inside = _ID.findall(value)
    return (inside[-1].strip() if inside else value) or None


def labels(index: Headers) -> list[str]:
    """Labels and keywords that mail programs wrote: Gmail's export, mutt's and Dovecot's X-Label and X-Keywords, Thunderbird's keys."""
    found: list[str] = []
    for value in index.get("x-gmail-labels", ()):
        found += next(csv.reader([words(value)], skipinitialspace=True), [])
    for name in ("x-label", "x-keywords", "x-mozilla-keys"):
        for value in index.get(name, ()):
            found += re.split(r"\s*,\s*" if "," in value else r"\s+", words(value))
    for value in index.get("keywords", ()):
        found += words(value).split(",")
    return list(dict.fromkeys(clean for one in found if (clean := " ".join(one.split()))))


def flags(index: Headers) -> list[str]:
    """``seen``, ``answered``, ``flagged``, ``draft``, ``deleted``, ``forwarded``, as mailbox files keep them."""
    letters = "".join((*index.get("status", ()), *index.get("x-status", ())))
    found = [word for letter, word in _STATUS.items() if letter in letters.upper()]
    for value in index.get("x-mozilla-status", ()):
        try:
            bits = int(value, 16)
        except ValueError:
            continue
        found += [word for bit, word in _MOZILLA.items() if bits & bit]
    return list(dict.fromkeys(found))
