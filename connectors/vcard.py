"""
Reads address books: vCard files of phones, mail programs and servers.
"""

from __future__ import annotations

from collections.abc import Iterator

from locker.connector import Archive, Archived, Body, Found

from ._each import each
from ._vcard import card_fields, cards


class Vcard(Archived):
    """Contacts, card by card."""

    name = "vcard"
    types = ("contact",)
    title = "Address books (vCard)"
    patterns = ("*.vcf", "*.vcard")

    def read(self, archive: Archive) -> Iterator[Found]:
        yield from each(archive, archive.names() if archive.is_single else archive.names(*self.patterns), cards)

    def map(self, type: str, body: Body) -> Body | None:  # noqa: ARG002 - all are contacts
        return card_fields(body)
