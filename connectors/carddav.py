"""
Fetches address books from any server that speaks CardDAV: Nextcloud, Radicale, iCloud, Fastmail and others.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

from locker.connector import HOUR, Basic, Bearer, Body, Fetching, Item, Pace, Page, Problem, Session, Stream, Walk

from ._dav import Collection, Kind
from ._dav_walk import Round
from ._vcard import card_fields, cards

CARD = "{urn:ietf:params:xml:ns:carddav}"
ADDRESS_BOOKS = Kind("carddav", f"{CARD}addressbook-home-set", f"{CARD}addressbook", f"{CARD}addressbook-multiget", f"{CARD}address-data")


class Carddav(Fetching):
    """Contacts, card by card, under their paths on the server."""

    name = "carddav"
    types = ("contact",)
    title = "Address books on a server (CardDAV)"
    auth = (
        Basic(help="the user name and password of the address book's server; many want a password made for this program"),
        Bearer(help="a token of the address book's server"),
    )
    streams = (Stream(name="contacts", type="contact", path="", whole=False, every=HOUR / 2),)
    pace = Pace(requests=300, per="host")

    async def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        async with aclosing(Round(session, walk, ADDRESS_BOOKS, stream.type, _read).pages()) as pages:
            async for page in pages:
                yield page

    def map(self, type: str, body: Body) -> Body | None:  # noqa: ARG002 - all are contacts
        return card_fields(body)


def _read(text: str, path: str, one: Collection) -> Iterator[tuple[str, Item] | Problem]:  # noqa: ARG001 (a card does not say its book)
    found = cards(io.BytesIO(text.encode()), path)
    for number, part in enumerate(one for one in found if isinstance(one, Item | Problem)):
        yield part if isinstance(part, Problem) else (f"#{number + 1}" if number else "", part)
