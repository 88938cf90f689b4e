"""
Pictures in Facebook's and Instagram's exports: ``{"photo": <as given>, …}`` with what stands around it there: album, post, tags, place, event.

A picture's key is its file name, which holds Facebook's id of it; the folders before it change from export to export.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from locker.connector import Body, Item

from ._loose import known, objs
from ._meta import basename, link, mend_text, part, text
from ._moment import moment

_MOVING = re.compile(r"\.(mp4|mov|m4v|avi|webm|mkv|3gp|mp3|m4a|aac|wav|ogg|srt|pdf)$", re.IGNORECASE)


def photo(body: Body, seen: set[str]) -> Iterator[Item]:
    """The item of a picture, if it is one (no video), has a path and was not told before."""
    uri = part(body, "photo", "uri") or part(body, "photo", "path")
    name = basename(uri) if isinstance(uri, str) else None
    if name and not _MOVING.search(name) and name not in seen:
        seen.add(name)
        yield Item("photo", mend_text(name), body)


def map_photo(body: Body) -> Body | None:
    """The canonical picture of a mended body.  ``url`` only for web addresses: a path inside the export is ``path``."""
    shot = body.get("photo")
    if not isinstance(shot, dict):
        return None
    exif = _exif(shot)
    album = text(part(body, "album", "name"))
    caption = text(shot.get("title"))
    uri = shot.get("uri") or shot.get("path")
    lat, lng = exif.get("latitude"), exif.get("longitude")
    return known(
        url=link(uri),
        path=None if link(uri) else text(uri),
        title=None if caption == album else caption,
        album=album,
        description=text(shot.get("description")) or text(shot.get("caption")) or text(part(body, "album", "description")),
        tagged=names(shot.get("tags")) + [name for name in names(body.get("tags")) if name not in names(shot.get("tags"))],
        event=text(part(body, "event", "name")),
        place=place(shot.get("place")) or place(body.get("place")) or text(shot.get("location")),
        width=size(exif.get("original_width")),
        height=size(exif.get("original_height")),
        lat=lat if isinstance(lat, int | float) else None,
        lng=lng if isinstance(lng, int | float) else None,
        taken=moment(exif.get("taken_timestamp")) or moment(shot.get("creation_timestamp")) or moment(shot.get("taken_at")),
        thumbnail=link(part(shot, "thumbnail", "uri")),
    )


def _exif(shot: Body) -> Body:
    about = part(shot, "media_metadata", "photo_metadata")
    first = objs(part(about, "exif_data"))
    merged: Body = {} if not isinstance(about, dict) else {name: value for name, value in about.items() if name != "exif_data"}
    for one in first:
        merged.update(one)
    return merged


def names(people: Any) -> list[str]:
    """Who is tagged: ``["Ada"]`` or ``[{"name": "Ada"}]``."""
    given = people if isinstance(people, list) else []
    return [name for name in (text(one.get("name") if isinstance(one, dict) else one) for one in given) if name]


def place(value: Any) -> str | None:
    """A place's name, given as text or as an object."""
    return text(value) or text(part(value, "name"))


def size(value: Any) -> int | None:
    """A width or height that says something."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
