"""
Reads address books: vCard files of phones, mail programs and servers.
"""

from __future__ import annotations

from collections.abc import Iterator

from locker.connector import Archive, Archived, Body, Found, Item, Problem

from ._component import pieces
from ._vcard import card_body, card_fields, card_key


class Vcard(Archived):
    """Contacts, card by card."""

    name = "vcard"
    types = ("contact",)
    title = "Address books (vCard)"
    patterns = ("*.vcf", "*.vcard")

    def read(self, archive: Archive) -> Iterator[Found]:
        for name in archive.names() if archive.is_single else archive.names(*self.patterns):
            is_empty = True
            with archive.open(name) as file:
                for piece in pieces(file, ("VCARD",)):
                    if not piece.name:
                        continue  # blank lines, mail headers: whatever stands between cards
                    is_empty = False
                    yield _found(name, piece.raw, piece.line, piece.problem)
            if is_empty:
                yield Problem(name, "line 1", "there is no BEGIN:VCARD in it")

    def map(self, type: str, body: Body) -> Body | None:  # noqa: ARG002 - all are contacts
        return card_fields(body)


def _found(name: str, raw: bytes, line: int, problem: str) -> Found:
    if problem:
        return Problem(name, f"line {line}", problem)
    try:
        body = card_body(raw)
    except ValueError as error:
        return Problem(name, f"line {line}", str(error))
    return Item("contact", card_key(raw, body), body)
