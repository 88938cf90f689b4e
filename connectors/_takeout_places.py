"""
Where somebody was, as Google tells it: raw points, visits, the phone's own timeline, saved places and reviews.

Bodies are Google's own objects; a path's points, which have no time of their own on some phones, are ``{"startTime", "timelinePath": point}``.
Keys are the time in ISO and the coordinates in degrees, so that a point keeps its key from ``Location History.json`` to ``Records.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from locker.connector import Body, Found, Item, Problem

from ._json_members import Element, elements, mended
from ._loose import known, obj, text
from ._moment import iso, moment
from ._parts import Member

_DEGREES = re.compile(r"(?:geo:)?\s*(-?\d+(?:\.\d+)?)\s*°?\s*,\s*(-?\d+(?:\.\d+)?)\s*°?")
_LISTS = {"locations", "timelineObjects", "semanticSegments", "rawSignals", "timelineEdits", "features"}
_WRAP = 1 << 32
_HUGE = 1 << 53


def places(member: Member) -> Iterator[Found]:
    """Every place in a file of any of these formats."""
    opened = False

    def is_list(name: str) -> bool:
        nonlocal opened
        opened = opened or name in _LISTS
        return name in _LISTS

    for found in elements(member.archive, member.name, is_list):
        if isinstance(found, Problem):
            yield replace(found, file=member.label)
        elif isinstance(found.value, dict):
            yield from _items(found)
        elif found.place != found.name:
            yield Problem(member.label, found.place, f"expected a place, found {type(found.value).__name__}")
        else:
            yield Problem(member.label, found.place, "expected a list of places")


def _items(found: Element) -> Iterator[Item]:
    """The places of one entry; one that says nowhere (a scan of networks, a way between places) is none."""
    value: Body = found.value
    path = value.get("timelinePath")
    bodies = [{"startTime": value.get("startTime"), "timelinePath": point} for point in path] if isinstance(path, list) else [found.body]
    for body in bodies:
        if fields := map_place(body):
            when = fields.get("at")
            named = "" if when else f":{fields.get('url') or fields.get('name') or ''}"
            yield Item("place", f"{_kind(value)}{when or ''}:{fields['lat']},{fields['lng']}{named}", body)


def _kind(value: Body) -> str:
    if "placeVisit" in value or "visit" in value:
        return "visit:"
    return "saved:" if "geometry" in value else ""


def map_place(body: Body) -> Body | None:
    """The canonical place."""
    value = mended(body)
    at = _at(value)
    if at is None:
        return None
    return known(lat=at[0], lng=at[1], **_described(value))


def _described(value: Body) -> Body:
    """All but the coordinates, for each of the shapes."""
    if "latitudeE7" in value:
        return {"at": moment(value.get("timestamp") or value.get("timestampMs")), "accuracy": _number(value.get("accuracy"))}
    if isinstance(visit := value.get("placeVisit"), dict):
        return _visit(visit)
    if isinstance(visit := value.get("visit"), dict):
        best = _object(visit, "topCandidate")
        return {"at": moment(value.get("startTime")), "until": moment(value.get("endTime")), "category": text(best.get("semanticType"))}
    if isinstance(point := value.get("timelinePath"), dict):
        return {"at": _offset(value.get("startTime"), point)}
    if isinstance(value.get("properties"), dict):
        return _feature(value["properties"])
    signal = _position(value) or {}
    millimetres = _number(signal.get("accuracyMm"))
    accuracy = _number(signal.get("accuracyMeters")) if millimetres is None else millimetres / 1000
    return {"at": moment(signal.get("timestamp")), "accuracy": accuracy}


def _visit(visit: Body) -> Body:
    place, duration = _object(visit, "location"), _object(visit, "duration")
    return {
        "name": text(place.get("name")),
        "address": text(place.get("address")),
        "category": text(place.get("semanticType")),
        "at": moment(duration.get("startTimestamp") or duration.get("startTimestampMs")),
        "until": moment(duration.get("endTimestamp") or duration.get("endTimestampMs")),
    }


def _feature(about: Body) -> Body:
    """A saved place or a review; the names of its fields changed in 2022."""
    place = _object(about, "location") or _object(about, "Location")
    rating = about.get("five_star_rating_published", about.get("Star Rating"))
    return {
        "name": text(place.get("name") or place.get("Business Name") or about.get("Title") or about.get("title")),
        "address": text(place.get("address") or place.get("Address")),
        "url": text(about.get("google_maps_url") or about.get("Google Maps URL")),
        "at": moment(about.get("date") or about.get("Published")),
        "updated": moment(about.get("Updated")),
        "text": text(about.get("review_text_published") or about.get("Review Comment") or about.get("Comment")),
        "rating": _number(rating),
    }


def _at(value: Body) -> tuple[float, float] | None:
    """Latitude and longitude in degrees, wherever the object has them."""
    if "latitudeE7" in value:
        return _from_e7(value["latitudeE7"], value.get("longitudeE7"))
    if "placeVisit" in value:
        visit = _object(value, "placeVisit")
        location = _object(visit, "location")
        return _from_e7(location.get("latitudeE7"), location.get("longitudeE7")) or _from_e7(
            visit.get("centerLatE7"), visit.get("centerLngE7")
        )
    if "geometry" in value:
        pair = _object(value, "geometry").get("coordinates")
        return _pair(pair[1], pair[0]) if isinstance(pair, list) and len(pair) > 1 else None
    signal = _position(value) or {}
    point = _object(signal, "point")
    written = (
        _object(value, "visit", "topCandidate").get("placeLocation") or signal.get("LatLng") or _object(value, "timelinePath").get("point")
    )
    if isinstance(written, dict):
        written = written.get("latLng")
    if isinstance(written, str) and (match := _DEGREES.fullmatch(written.strip())):
        return _pair(float(match[1]), float(match[2]))
    return _from_e7(point.get("latE7"), point.get("lngE7"))


def _from_e7(lat: Any, lng: Any) -> tuple[float, float] | None:
    """Degrees times ten million, as integers; Google wrote some of them as unsigned 32-bit numbers."""
    if _number(lat) is None or _number(lng) is None:
        return None
    return _pair(_degrees(lat, 90), _degrees(lng, 180))


def _degrees(number: float, most: int) -> float:
    if abs(number) > most * 10**7:
        number -= _WRAP if number > 0 else -_WRAP
    return round(number / 10**7, 7)


def _pair(lat: Any, lng: Any) -> tuple[float, float] | None:
    if _number(lat) is None or _number(lng) is None or abs(lat) > 90 or abs(lng) > 180:
        return None
    return lat, lng


def _position(value: Body) -> Body | None:
    """A signal of the phone (``rawSignals``), or of a correction of the timeline (``timelineEdits``)."""
    found = _object(value, "position") or _object(value, "rawSignal", "signal", "position")
    return found or None


def _offset(start: Any, point: Body) -> str | None:
    """When a point of a path was: its own time, or so many minutes after the path's start."""
    if "time" in point:
        return moment(point["time"])
    try:
        return iso(datetime.fromisoformat(start) + timedelta(minutes=float(point.get("durationMinutesOffsetFromStartTime") or 0)))
    except (TypeError, ValueError, OverflowError):
        return moment(start)


def _object(value: Any, *path: str) -> Body:
    for name in path:
        value = obj(value).get(name)
    return obj(value)


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE else None
