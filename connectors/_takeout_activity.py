"""
What somebody did at Google: entries of My Activity and of YouTube's history (events), liked videos and subscriptions (favorites).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

from locker.connector import Body, Found, Item, Problem
from locker.record import canonical

from ._json_members import elements, mended
from ._loose import known, obj, objs, text, texts
from ._moment import moment
from ._parts import Member
from ._table import rows

_CHANNEL = re.compile(r"https?://(?:www\.)?youtube\.com/channel/([\w-]+)")
_VIDEO = re.compile(r"[\w-]{11}")
_WATCH = "https://www.youtube.com/watch?v="


def activity(member: Member) -> Iterator[Found]:
    """Entries of My Activity, one event each.  They have no id: the key is the time with a digest of product, title and address."""
    for found in elements(member.archive, member.name):
        if isinstance(found, Problem):
            yield replace(found, file=member.label)
        elif isinstance(value := found.value, dict) and (value.get("title") or value.get("titleUrl") or value.get("header")):
            content = canonical({"": [value.get("header"), value.get("title"), value.get("titleUrl")]})
            yield Item("event", f"{value.get('time') or ''}:{sha256(content.encode()).hexdigest()[:16]}", found.body)
        else:
            yield Problem(member.label, found.place, "not an entry of My Activity: it has no title")


def map_activity(body: Body) -> Body | None:
    """The canonical event: what was done, when, where; ``kind`` is the product."""
    value = mended(body)
    products = texts(value.get("products"))
    details = [text(one.get("name")) for name in ("subtitles", "details") for one in objs(value.get(name))]
    where = [text(one.get("name")) for one in objs(value.get("locationInfos"))]
    return known(
        title=text(value.get("title")),
        description="\n".join(filter(None, [text(value.get("description")), *details])),
        start=moment(value.get("time")),
        url=text(value.get("titleUrl")),
        location=next(filter(None, where), None),
        kind=text(value.get("header")) or next(iter(products), None),
        tag=products,
    )


def resources(member: Member) -> Iterator[Found]:
    """YouTube's own objects, as its API gives them (JSON exports before 2021): liked videos and subscriptions."""
    for found in elements(member.archive, member.name):
        if isinstance(found, Problem):
            yield replace(found, file=member.label)
        elif isinstance(found.value, dict) and (key := resource_key(found.value)):
            yield Item("favorite", key, found.body)
        else:
            yield Problem(member.label, found.place, "neither a subscription nor a liked video: no channel and no video is named")


def table(member: Member) -> Iterator[Found]:
    """``subscriptions.csv`` and ``Liked videos.csv``, whatever the language of their first row.

    Until 2022 a playlist's table began with two rows about the playlist; the names of the columns come after them.
    """
    names: list[str] = []
    with member.open() as file:
        for found in rows(file, member.label):
            if isinstance(found, Problem):
                yield found
                continue
            cells = [cell for cell in found.cells.values() if isinstance(cell, str)]
            key = _table_key(cells)
            if key:
                yield Item("favorite", key, dict(zip(names, cells, strict=True)) if len(names) == len(cells) else found.cells)
            elif len(cells) == 2:
                names = cells


def _table_key(cells: list[str]) -> str | None:
    """A channel's address makes a subscription; an id and a time make a liked video."""
    if channel := next(filter(None, map(_CHANNEL.match, cells)), None):
        return f"channel:{channel[1]}"
    first, second, *_ = (*cells, "", "")
    return f"video:{first.strip()}" if _VIDEO.fullmatch(first.strip()) and moment(second) else None


def map_favorite(body: Body) -> Body | None:
    """A liked video or a channel that was subscribed to."""
    value = mended(body)
    if isinstance(value.get("snippet"), dict):
        return _map_resource(value, value["snippet"])
    cells = [cell.strip() for cell in value.values() if isinstance(cell, str)]
    channel = next((match for match in map(_CHANNEL.match, cells) if match), None)
    if channel:
        names = [cell for cell in cells if cell and not _CHANNEL.match(cell) and cell != channel[1]]
        return known(url=channel[0], title=next(iter(names), None), kind="channel")
    # The columns' names are translated and their order is not kept: an id has 11 characters, a written time has more.
    video = next((cell for cell in cells if _VIDEO.fullmatch(cell)), None)
    liked = next((moment(cell.replace(" UTC", "Z")) for cell in cells if len(cell) > 11), None)
    return known(url=_WATCH + video, kind="video", created=liked) if video else None


def _map_resource(value: Body, snippet: Body) -> Body:
    video, channel = _ids(value)
    pictures = [text(obj(one).get("url")) for one in obj(snippet.get("thumbnails")).values()]
    return known(
        url=_WATCH + video if video else f"https://www.youtube.com/channel/{channel}" if channel else None,
        title=text(snippet.get("title")),
        description=text(snippet.get("description")),
        author=text(snippet.get("videoOwnerChannelTitle"), _own(value, snippet)) if video else None,
        kind="video" if video else "channel",
        created=moment(snippet.get("publishedAt")),
        thumbnail=next(filter(None, pictures), None),
    )


def resource_key(value: Body) -> str | None:
    """What a liked video or a subscription is called; None for what is neither."""
    video, channel = _ids(value)
    return f"video:{video}" if video else f"channel:{channel}" if channel else None


def _own(value: Body, snippet: Body) -> Any:
    """A video names its own channel; an entry of a list names the channel of the list."""
    return snippet.get("channelTitle") if value.get("kind") == "youtube#video" else None


def _ids(value: Body) -> tuple[str | None, str | None]:
    """The video and the channel that a resource points to."""
    resource = obj(obj(value.get("snippet")).get("resourceId"))
    video = resource.get("videoId") or obj(value.get("contentDetails")).get("videoId")
    if value.get("kind") == "youtube#video" and not video:  # the video itself, and no list's entry about it
        video = value.get("id")
    return text(video), text(resource.get("channelId"))
