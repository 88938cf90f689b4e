"""
Which time zone a calendar means by a name: a place of the IANA list, a name of Windows, or one that the calendar defines itself.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from ._charset import decode
from ._escaped import unescape

_MOMENT = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d):?(\d\d)?(?:\.\d+)?(Z)?)?", re.IGNORECASE)
_NAME = re.compile(r"^TZID[^:\n]*:[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_FROM_GREENWICH = re.compile(r"\(?(?:UTC|GMT) ?([+-])(\d\d?):?(\d\d)?(?:\)\s*(.+))?", re.IGNORECASE)
_PLACE = re.compile(r"^X-LIC-LOCATION[^:\n]*:[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)


class Zones:
    """The zones of one calendar.

    Names of the IANA list and of Windows win over the calendar's own definitions, which seldom know more than this year's rules.
    """

    def __init__(self) -> None:
        self._sources: dict[str, str] = {}
        self._found: dict[str, tzinfo | None] = {}

    def define(self, raw: bytes) -> None:
        """Remember a VTIMEZONE; it is parsed when something needs it."""
        source = decode(raw)
        name = _NAME.search(re.sub(r"\r?\n[ \t]", "", source))
        if name:
            self._sources[_plain(name[1])] = source
            self._found.pop(_plain(name[1]), None)

    def find(self, name: str) -> tzinfo | None:
        """The zone of that TZID, if anybody knows it."""
        name = _plain(name)
        if name not in self._found:
            self._found[name] = _listed(name) or self._defined(name)
        return self._found[name]

    def source(self, name: str) -> str | None:
        """The calendar's definition of a zone that nobody else knows."""
        return None if _listed(_plain(name)) else self._sources.get(_plain(name))

    def _defined(self, name: str) -> tzinfo | None:
        source = self._sources.get(name)
        if source is None:
            return None
        place = _PLACE.search(source)
        if place and (listed := _listed(place[1])):
            return listed
        try:
            component = Timezone.from_ical(source)
            made = component.to_tz(lookup_tzid=False) if isinstance(component, Timezone) else None
            datetime(2000, 1, 1, tzinfo=made).astimezone(UTC)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, NotImplementedError):
            return None
        return made if isinstance(made, tzinfo) else None


def resolved(value: str, zone: tzinfo | None) -> str | None:
    """A DATE or DATE-TIME as ISO 8601: a bare date; in UTC with a Z if it says so or the zone is known; else local, without a zone.

    None if it is neither.
    """
    found = _MOMENT.match(value.strip())
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) if part else 0 for part in found.groups()[:6])
    try:
        made = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC if found[7] else zone)
        if found[4] is None:
            return made.date().isoformat()
        return made.isoformat() if made.tzinfo is None else made.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return None


def _listed(name: str) -> tzinfo | None:
    """A zone by its public name; prefixes that programs put before one (``/softwarestudio.org/Tzfile/America/Chicago``) are tried without."""
    if name.upper() in ("UTC", "GMT", "Z", "ETC/UTC"):
        return UTC
    parts = name.strip("/").split("/")
    for candidate in (WINDOWS_TO_OLSON.get(name, name), "/".join(parts[-3:]), "/".join(parts[-2:])):
        try:
            return ZoneInfo(candidate)
        except (ValueError, OSError, LookupError):
            continue
    return None


def guessed(name: str) -> tzinfo | None:
    """A zone that no list has, by its name: ``GMT+0200``, or Exchange's ``(UTC+01:00) Amsterdam, Berlin`` by the first city that is on the list.

    The distance that Exchange names leaves out daylight saving, so it alone makes no zone.
    """
    found = _FROM_GREENWICH.fullmatch(_plain(name))
    if not found:
        return None
    sign, hours, minutes, description = found[1], int(found[2]), int(found[3] or 0), found[4]
    if description is None:
        length = timedelta(hours=hours, minutes=minutes)
        return timezone(-length if sign == "-" else length) if length < timedelta(days=1) else None
    for word in re.split(r"\s*[,;(]\s*", description):
        place = _cities().get(word.replace(" ", "_").casefold()) or WINDOWS_TO_OLSON.get(re.sub(r" Time$", " Standard Time", word))
        if place:
            return _listed(place)
    return None


@cache
def _cities() -> dict[str, str]:
    """Zones by the city in their names."""
    return {
        name.rpartition("/")[2].casefold(): name for name in sorted(available_timezones()) if "/" in name and not name.startswith("Etc/")
    }


def _plain(name: str) -> str:
    return unescape(name).strip().strip('"').strip()
