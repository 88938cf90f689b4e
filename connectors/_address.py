"""
Who wrote to whom: the mailboxes in a header, however badly it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.utils import getaddresses
from inspect import signature
from typing import Any

from locker.record import Body

from ._charset import words

# Newer Pythons refuse a whole header for one bad mailbox unless they are told not to.
_LENIENT: dict[str, Any] = {"strict": False} if "strict" in signature(getaddresses).parameters else {}
_MAILBOX = re.compile(r"[^\s<>\"(),;:@]+@[^\s<>\"(),;:@]+")
_WORD = re.compile(r"[^\s<>\"(),;:]+")
# Python's own mail writer encodes the comma between two mailboxes where it breaks a long line.
_ENCODED_COMMA = re.compile(r"\s*=\?[\w-]+\?q\?=2C\?=", re.IGNORECASE)
_MAILTO = re.compile(r"<\s*mailto:", re.IGNORECASE)
_NOBODY = re.compile(r"(undisclosed|unlisted|suppressed|no)[- _.]*recipients?\b.*", re.IGNORECASE | re.DOTALL)


def mailboxes(headers: Iterable[str]) -> list[Body]:
    """``{"address", "name"}`` of each mailbox in some headers, in order; either may be missing, never both.  Groups give their members."""
    found: list[Body] = []
    for header in headers:
        text = _MAILTO.sub("<", _ENCODED_COMMA.sub(",", " ".join(header.split())))
        if text:
            found.extend(_parse(text))
    return found


def bare(mailbox: Body) -> str | None:
    """The mailbox's address in lower case, as the canonical fields have it."""
    address = mailbox.get("address")
    return address.lower() if address else None


def correspondents(body: Body) -> Iterable[tuple[str, Body]]:
    """Key and body of a contact for each whole address (with an ``@``) in a message's body.

    The key is address and display name, so that one who signs with two names is two contacts of one address (a collection joins them).
    """
    for field in ("from", "sender", "reply_to", "to", "cc", "bcc"):
        for mailbox in body.get(field, ()):
            address, name = bare(mailbox), mailbox.get("name")
            if address and _MAILBOX.fullmatch(address):
                yield (f"{name} <{address}>", {"address": address, "name": name}) if name else (address, {"address": address})


def contact(body: Body) -> Body:
    """Canonical fields of a correspondent."""
    address, name = body.get("address"), body.get("name")
    return {**({"name": name} if name else {}), **({"emails": [address.lower()]} if address else {})}


def _parse(text: str) -> list[Body]:
    try:
        pairs = getaddresses([text], **_LENIENT)
    except (ValueError, TypeError, IndexError, AttributeError, RecursionError):
        pairs = []
    made = [mailbox for name, address in pairs if (mailbox := _mailbox(words(name), words(address)))]
    addresses = [mailbox["address"] for mailbox in made if "address" in mailbox]
    if any("@" in address for address in addresses) and not any(address.startswith("@") for address in addresses):
        return made
    # The whole mailbox may hide in an encoded word, or the punctuation is beyond the parser.
    decoded = words(text).strip("<> ")
    inside = [{"address": word.group()} for word in _like_ones(decoded)]
    if inside or not decoded or ":" in decoded or _NOBODY.fullmatch(decoded):
        return inside
    if " " in decoded and not re.search(r"[<(,;]", decoded):
        return [{"name": decoded}]  # "From: Jane Doe"
    return [mailbox for mailbox in made if not mailbox.get("address", "").startswith("@")]


def _like_ones(text: str) -> Iterator[re.Match[str]]:
    """Words with an ``@`` inside."""
    return (word for word in _WORD.finditer(text) if "@" in word.group().strip("@"))


def _mailbox(name: str, address: str) -> Body | None:
    name = " ".join(name.split()).strip("'\" ")
    address = address.strip().strip("<>'\"").rstrip(".,;")
    if " " in address and (inside := next(_like_ones(address), None)):
        # Words without quotation marks or brackets around an address.
        name, address = name or address[: inside.start()].strip(' ,;<"'), inside.group()
    if " " in address or not address.strip("@"):
        # "From: Jane Doe" without any address comes out as one.
        name, address = name or address.strip("@ "), ""
    if _NOBODY.fullmatch(address) or (not address and _NOBODY.fullmatch(name)):
        return None
    made = {"address": address} if address else {}
    if name and name.lower() != address.lower():
        made["name"] = name
    return made or None
