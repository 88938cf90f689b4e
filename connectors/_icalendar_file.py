"""
Everything in one calendar file, streaming: for the calendar's reader and for whoever finds such a file in a larger archive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from locker.connector import Found, Item, Problem

from ._charset import decode
from ._component import Piece, pieces
from ._escaped import unescape
from ._icalendar import KINDS, UnknownZoneError, component_body, component_key
from ._icalendar_zone import Zones

_HELD = 1000
_CALENDAR_NAME = re.compile(rb"(?:X-WR-CALNAME|NAME)(?:;[^:]*)?:(.*)", re.IGNORECASE)


def events(file: BinaryIO, name: str) -> Iterator[Found]:
    """Every event, task and journal entry of a file; *name* is what problems call it."""
    return _Calendar(name).read(pieces(file, (*KINDS, "VTIMEZONE"), "VCALENDAR"))


class _Calendar:
    """One file's components, in order; those in a zone that is defined further down wait for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.zones = Zones()
        self.calendar = ""
        self.held: list[Piece] = []

    def read(self, components: Iterator[Piece]) -> Iterator[Found]:
        is_calendar = False
        for piece in components:
            is_calendar = is_calendar or bool(piece.name) or b"BEGIN:VCALENDAR" == piece.raw.strip().upper()
            if not piece.name:
                yield from self._outside(piece.raw.strip())
            elif piece.problem:
                yield Problem(self.name, f"line {piece.line}", piece.problem)
            elif "VTIMEZONE" == piece.name:
                self.zones.define(piece.raw)
            else:
                yield from self._found(piece, is_final=len(self.held) >= _HELD)
        yield from self._release()
        if not is_calendar:
            yield Problem(self.name, "line 1", "there is no BEGIN:VCALENDAR in it")

    def _outside(self, line: bytes) -> Iterator[Found]:
        if b"BEGIN:VCALENDAR" == line.upper():
            yield from self._release()
            self.zones, self.calendar = Zones(), ""
        elif b"END:VCALENDAR" == line.upper():
            yield from self._release()
        elif found := _CALENDAR_NAME.match(line):
            self.calendar = self.calendar or unescape(decode(found[1])).strip()

    def _release(self) -> Iterator[Found]:
        for piece in self.held:
            yield from self._found(piece, is_final=True)
        self.held.clear()

    def _found(self, piece: Piece, *, is_final: bool) -> Iterator[Found]:
        try:
            body = component_body(piece.name, piece.raw, self.zones, self.calendar, is_final=is_final)
        except UnknownZoneError:
            self.held.append(piece)
        except ValueError as error:
            yield Problem(self.name, f"line {piece.line}", str(error))
        else:
            yield Item("event", component_key(piece.raw, body), body)
