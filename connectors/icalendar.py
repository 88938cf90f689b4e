"""
Reads calendars: iCalendar files of calendar programs and servers, and the vCalendar 1.0 of old phones.
"""

from __future__ import annotations

from collections.abc import Iterator

from locker.connector import Archive, Archived, Body, Found

from ._each import each
from ._icalendar import component_fields
from ._icalendar_file import events


class Icalendar(Archived):
    """Events, tasks and journal entries (told apart by *kind*), one by one; free-busy times are not read."""

    name = "icalendar"
    types = ("event",)
    title = "Calendars (iCalendar)"
    patterns = ("*.ics", "*.ical", "*.ifb", "*.icalendar", "*.vcs")

    def read(self, archive: Archive) -> Iterator[Found]:
        yield from each(archive, archive.names() if archive.is_single else archive.names(*self.patterns), events)

    def map(self, type: str, body: Body) -> Body | None:  # noqa: ARG002 - all are events
        return component_fields(body)
