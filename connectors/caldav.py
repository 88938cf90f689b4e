"""
Fetches calendars from any server that speaks CalDAV: Nextcloud, Radicale, iCloud, Fastmail and others.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

from locker.connector import HOUR, Basic, Bearer, Body, Fetching, Item, Pace, Page, Problem, Session, Stream, Walk

from ._dav import Collection, Kind
from ._dav_walk import Round
from ._icalendar import component_fields
from ._icalendar_file import events

CAL = "{urn:ietf:params:xml:ns:caldav}"
CALENDARS = Kind("caldav", f"{CAL}calendar-home-set", f"{CAL}calendar", f"{CAL}calendar-multiget", f"{CAL}calendar-data")


class Caldav(Fetching):
    """Events, tasks and journal entries under their paths on the server; a moved occurrence of a series is one of its own."""

    name = "caldav"
    types = ("event",)
    title = "Calendars on a server (CalDAV)"
    auth = (
        Basic(help="the user name and password of the calendar's server; many want a password made for this program"),
        Bearer(help="a token of the calendar's server"),
    )
    streams = (Stream(name="events", type="event", path="", whole=False, every=HOUR / 2),)
    pace = Pace(requests=300, per="host")

    async def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        async with aclosing(Round(session, walk, CALENDARS, stream.type, _read).pages()) as pages:
            async for page in pages:
                yield page

    def map(self, type: str, body: Body) -> Body | None:  # noqa: ARG002 - all are events
        return component_fields(body)


def _read(text: str, path: str, one: Collection) -> Iterator[tuple[str, Item] | Problem]:
    marks: set[str] = set()
    for part in events(io.BytesIO(text.encode()), path):
        if isinstance(part, Problem):
            yield part
        elif isinstance(part, Item) and part.body is not None:
            mark = f" {part.body['recurrence_id']}" if "recurrence_id" in part.body else ""
            while mark in marks:
                mark += "#"
            marks.add(mark)
            yield mark, Item(part.type, part.key, {"calendar": one.name, **part.body} if one.name else part.body)
