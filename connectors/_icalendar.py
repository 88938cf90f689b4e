"""
One component of a calendar (VEVENT, VTODO, VJOURNAL) as a body, and its canonical fields.

A body holds what is known of::

    {"raw": "BEGIN:VEVENT…", "kind": "event", "uid": "…", "recurrence_id": "2011-05-18T10:00:00Z", "summary": "…", "description": "…", "location": "…",
     "start": "2011-05-18T10:00:00Z", "end": "2011-05-18T11:00:00Z", "all_day": false, "timezone": "Europe/Paris", "status": "CONFIRMED",
     "recurrence": "FREQ=DAILY", "organizer": {"address", "name"}, "attendees": [{…}], "categories": […], "url": "…", "updated": "…", "completed": "…",
     "calendar": "Work", "timezones": {"Custom": "BEGIN:VTIMEZONE…"}}
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from hashlib import sha256
from typing import NamedTuple

from icalendar import vDuration
from icalendar.parser import Contentline, Contentlines

from locker.connector import Body

from ._charset import decode, decode_undeclared, mend
from ._escaped import split, unbroken, unescape
from ._icalendar_zone import Zones, guessed, resolved
from ._mail import source_text

KINDS = {"VEVENT": "event", "VTODO": "todo", "VJOURNAL": "journal"}

_TEXTS = {"SUMMARY": "summary", "DESCRIPTION": "description", "LOCATION": "location", "STATUS": "status", "URL": "url", "UID": "uid"}
_TIMES = {"DTSTART": "start", "RECURRENCE-ID": "recurrence_id", "LAST-MODIFIED": "updated", "COMPLETED": "completed"}
_BARE_ZONE = re.compile(
    r"([\w-]+;(?:[^\":]*;)?TZID=)(\([^\"]*|[^\";:]*[+-]\d\d:\d\d)((?:;[^\":]*)?:\d{8}(?:T\d{4,6}Z?)?\s*)\Z", re.IGNORECASE
)
_LONGEST_TIME = 500
_STAMP = re.compile(rb"^DTSTAMP[^\n]*\n(?:[ \t][^\n]*\n)*", re.MULTILINE)


class Property(NamedTuple):
    """One line of a component: unfolded, its value still escaped."""

    name: str
    params: dict[str, list[str]]
    value: str


class UnknownZoneError(ValueError):
    """A time is in a zone that nobody defined (yet)."""


def component_body(name: str, raw: bytes, zones: Zones, calendar: str = "", *, is_final: bool = True) -> Body:
    """The body of one component's bytes.  Raises ValueError if it says nothing, or UnknownZoneError unless *is_final*."""
    found = list(properties(raw))
    if not found:
        raise ValueError(f"this {name} is empty or unreadable")
    body: Body = {"kind": KINDS[name]}
    first = {one.name: one for one in reversed(found)}
    for source, field in _TEXTS.items():
        if texts := [text for one in found if source == one.name and (text := unescape(one.value).strip())]:
            body[field] = "\n".join(texts) if "DESCRIPTION" == source else texts[0]
    body.update(_times(first, zones, is_final=is_final))
    body["recurrence"] = "\n".join(one.value.strip() for one in found if "RRULE" == one.name)
    body["organizer"] = _person(first["ORGANIZER"]) if "ORGANIZER" in first else None
    body["attendees"] = [person for one in found if "ATTENDEE" == one.name and (person := _person(one))]
    body["categories"] = list(dict.fromkeys(part for one in found if "CATEGORIES" == one.name for part in split(one.value, ",")))
    body["calendar"] = calendar
    # Where LAST-MODIFIED tells of changes, DTSTAMP tells only when the export was made: it would make every export look changed.
    body["raw"] = source_text(_STAMP.sub(b"", raw) if "LAST-MODIFIED" in first else raw, "text/calendar")
    return {field: value for field, value in body.items() if value or value is False}


def component_key(raw: bytes, body: Body) -> str:
    """UID, and for an exception of a series its RECURRENCE-ID; without a UID a digest of what happens when."""
    uid = body.get("uid")
    if not uid:
        what = "\n".join(body.get(field, "") for field in ("kind", "start", "summary", "recurrence_id"))
        uid = "sha256:" + sha256(what.encode() if "summary" in body else raw).hexdigest()
    return f"{uid} {body['recurrence_id']}" if "recurrence_id" in body else uid


def component_fields(body: Body) -> Body:
    """Canonical fields of an event."""
    organizer = body.get("organizer") or {}
    fields: Body = {
        "title": body.get("summary"),
        "organizer": organizer.get("address") or organizer.get("name"),
        "attendees": list(dict.fromkeys(one.get("address") or one["name"] for one in body.get("attendees", ()))),
        "status": body.get("status", "").lower(),
        "tag": body.get("categories"),
    }
    for name in ("uid", "description", "start", "end", "location", "recurrence", "url", "calendar", "kind", "updated", *_ADDITIONAL):
        fields[name] = body.get(name)
    return {name: value for name, value in fields.items() if value or value is False}


_ADDITIONAL = ("all_day", "recurrence_id", "timezone", "completed")


def properties(raw: bytes) -> Iterator[Property]:
    """The component's own lines, without those of what is nested in it (alarms); lines that cannot be read are left out."""
    text = decode_undeclared(raw).replace("\r\n", "\n").replace("\r", "\n")
    depth = 0
    for line in Contentlines.from_ical(unbroken(text)):  # type: ignore[no-untyped-call]
        if not line.strip():
            continue
        parts = _parts(line)
        if parts is None:
            continue
        name, params, value = parts
        depth += (name == "BEGIN") - (name == "END")
        if depth == 1 and name != "BEGIN":
            yield _property(name, params, value)


def _parts(line: Contentline) -> tuple[str, dict[str, list[str]], str] | None:
    """Name, parameters and value of a line; one with a misplaced quotation mark is read without any."""
    if zone := _BARE_ZONE.match(line[:_LONGEST_TIME]):
        # Exchange's own names for zones hold colons, and not every program puts them in quotation marks.
        line = Contentline(f'{zone[1]}"{zone[2]}"{zone[3]}')  # type: ignore[no-untyped-call]
    for attempt in (line, Contentline(line.replace('"', ""))):  # type: ignore[no-untyped-call]
        try:
            name, params, value = attempt.raw_parts()
        except ValueError:
            continue
        if value or not params or '"' not in attempt:
            return name.upper(), {key.upper(): [given] if isinstance(given, str) else list(given) for key, given in params.items()}, value
    return None


def _property(name: str, params: dict[str, list[str]], value: str) -> Property:
    if any("QUOTED-PRINTABLE" == one.upper() for one in params.get("ENCODING", ())):
        value = decode(quopri.decodestring(value.encode()), next(iter(params.get("CHARSET", ())), None))
    return Property(name, params, mend(value))


def _times(first: dict[str, Property], zones: Zones, *, is_final: bool) -> Body:
    times: Body = {}
    for source, field in {**_TIMES, "DUE": "end", "DTEND": "end"}.items():
        if source in first:
            times[field] = resolved(first[source].value, _zone(first[source], zones, times, is_final=is_final))
    if "updated" not in times and "DTSTAMP" in first:
        times["updated"] = resolved(first["DTSTAMP"].value, None)
    if "DTSTART" in first and not times.get("end") and "DURATION" in first:
        zone = _zone(first["DTSTART"], zones, times, is_final=is_final)
        times["end"] = _after(first["DTSTART"].value, first["DURATION"].value, zone)
    if start := times.get("start") or times.get("end"):
        times["all_day"] = len(start) == 10
    return times


def _zone(one: Property, zones: Zones, times: Body, *, is_final: bool) -> tzinfo | None:
    """The zone of a time.  Its name, and the definition if it is the calendar's own, go into *times*."""
    name = next(iter(one.params.get("TZID", ())), "").strip()
    if not name or "T" not in one.value or one.value.strip().endswith("Z"):
        return None
    zone = zones.find(name)
    if zone is None and not is_final:
        raise UnknownZoneError(name)
    zone = zone or guessed(name)
    if one.name in ("DTSTART", "DUE"):
        times.setdefault("timezone", name)
    if source := zones.source(name):
        times.setdefault("timezones", {})[name] = source
    return zone


def _after(start: str, duration: str, zone: tzinfo | None) -> str | None:
    """The end of what starts then and lasts so long; days are days of the wall clock, hours are hours."""
    try:
        length = vDuration.from_ical(duration.strip())  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, OverflowError):
        return None
    begin = resolved(start, zone)
    if begin is None or not isinstance(length, timedelta):
        return None
    try:
        if len(begin) == 10:
            return (date.fromisoformat(begin) + timedelta(days=length.days)).isoformat()
        return (datetime.fromisoformat(begin) + length).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None


def _person(one: Property) -> Body:
    value = unescape(one.value).strip()
    address = re.sub(r"^mailto:", "", value, flags=re.IGNORECASE).strip().lower()
    name = next(iter(one.params.get("CN", ())), "").strip().strip('"')
    status = next(iter(one.params.get("PARTSTAT", ())), "")
    made = {"address": address if "@" in address else "", "name": name or ("" if "@" in address else value), "status": status.lower()}
    return {field: text for field, text in made.items() if text} if made["address"] or made["name"] else {}
