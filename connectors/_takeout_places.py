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
    value: Body = found.value
    path = value.get("timelinePath")
    if isinstance(path, list):
        for point in path:
            if isinstance(point, dict):
                yield _item({"startTime": value.get("startTime"), "timelinePath": point})
    elif "activitySegment" in value or ("activity" in value and not _has_place(value)):
        return
    elif _has_place(value):
        yield _item(value, found.body)


def _has_place(value: Body) -> bool:
    return _at(value) is not None


def _item(value: Body, body: Body | None = None) -> Item:
    fields = map_place(value) or {}
    lat, lng = _at(value) or (None, None)
    when = fields.get("at") or ""
    named = fields.get("url") or fields.get("name") if not when else None
    return Item("place", f"{_kind(value)}{when}:{lat},{lng}{f':{named}' if named else ''}", value if body is None else body)


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
    if isinstance(visit := value.get("placeVisit"), dict):
        return _visit(visit)
    if isinstance(visit := value.get("visit"), dict):
        best = _object(visit, "topCandidate")
        return {"at": moment(value.get("startTime")), "until": moment(value.get("endTime")), "category": text(best.get("semanticType"))}
    if isinstance(point := value.get("timelinePath"), dict):
        return {"at": _offset(value.get("startTime"), point)}
    if isinstance(value.get("properties"), dict):
        return _feature(value["properties"])
    signal = _position(value)
    if signal is not None:
        millimetres = signal.get("accuracyMm")
        accuracy = millimetres / 1000 if isinstance(millimetres, int | float) else signal.get("accuracyMeters")
        return {"at": moment(signal.get("timestamp")), "accuracy": _number(accuracy)}
    return {"at": moment(value.get("timestamp") or value.get("timestampMs")), "accuracy": _number(value.get("accuracy"))}


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
    geometry, visit, candidate = _object(value, "geometry"), _object(value, "placeVisit"), _object(value, "visit", "topCandidate")
    signal = _position(value) or {}
    point = _object(signal, "point")
    location = _object(visit, "location")
    path = value.get("timelinePath")
    given = candidate.get("placeLocation") or signal.get("LatLng") or (path.get("point") if isinstance(path, dict) else None)
    if isinstance(given, dict):
        given = given.get("latLng")
    if isinstance(given, str) and (match := _DEGREES.fullmatch(given.strip())):
        return _pair(float(match[1]), float(match[2]))
    if isinstance(pair := geometry.get("coordinates"), list) and len(pair) > 1:
        return _pair(pair[1], pair[0])
    for lat, lng in (
        (value.get("latitudeE7"), value.get("longitudeE7")),
        (location.get("latitudeE7"), location.get("longitudeE7")),
        (visit.get("centerLatE7"), visit.get("centerLngE7")),
        (point.get("latE7"), point.get("lngE7")),
    ):
        if _number(lat) is not None and _number(lng) is not None:
            return _pair(_degrees(lat, 90), _degrees(lng, 180))
    return None


def _degrees(value: Any, most: int) -> float:
    """From E7.  Google wrote some of them as unsigned 32-bit numbers."""
    number = float(value)
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
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
