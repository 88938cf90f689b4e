"""
Fetches liked videos, subscriptions, playlists and activities from YouTube's Data API (version 3).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

from locker.connector import (
    DAY,
    HOUR,
    Answer,
    Authorisation,
    Bearer,
    Body,
    Cursor,
    Fetching,
    Item,
    OAuth2,
    Option,
    Pace,
    Page,
    Problem,
    Session,
    Since,
    Stream,
    Walk,
    Who,
)
from locker.error import LimitReached, LockerError, Unauthorized

from ._each_list import each_list, keys_of
from ._fetched import nothing
from ._loose import known, obj, objs, text
from ._moment import moment
from ._said import is_quiet, said
from ._takeout_activity import map_favorite, resource_key

_SITE = "https://www.youtube.com"
_EXHAUSTED = {"quotaExceeded", "dailyLimitExceeded"}
_HURRIED = {"rateLimitExceeded", "userRateLimitExceeded", "backendError", "internalError"}
_REFUSED = {"keyInvalid", "keyExpired", "authError", "authorizationRequired", "required", "API_KEY_INVALID", "accessNotConfigured"}
_PAGES: dict[str, Any] = {"items": "items", "paging": Cursor(param="pageToken", path="nextPageToken", size_param="maxResults", size=50)}


def _params(part: str, **params: str) -> dict[str, str]:
    return {"part": part, **params}


class Youtube(Fetching):
    """Liked videos and subscriptions are favorites, as in Google's takeout and under the same keys (``video:…``, ``channel:…``).

    Playlists and what lies in them are links, activities are events.  Each is stored as the API gives it.
    """

    name = "youtube"
    types = ("favorite", "link", "event")
    title = "YouTube"
    base_url = "https://www.googleapis.com"
    auth: ClassVar[tuple[Authorisation, ...]] = (
        OAuth2(
            authorize="https://accounts.google.com/o/oauth2/v2/auth",
            token="https://oauth2.googleapis.com/token",  # noqa: S106 (an address, no secret)
            device="https://oauth2.googleapis.com/device/code",
            scopes=("https://www.googleapis.com/auth/youtube.readonly",),
            params={"access_type": "offline", "prompt": "consent"},
        ),
        Bearer(help="developers.google.com/oauthplayground with the scope youtube.readonly"),
    )
    asks = (
        Option(name="channel", help="whose public lists, as in UC_x5XG1OV2P6uZZ5FSM9Ttw; without it those of the account", account=True),
    )
    who = Who(
        path="/youtube/v3/channels",
        facts={"id": "items[0].id", "username": "items[0].snippet.title"},
        params=_params("snippet", mine="true"),
    )
    # 10,000 units a day for all users of a client; each list below costs one unit, whatever it asks for.  No header tells what is left.
    pace = Pace(requests=10_000, seconds=DAY, per="client")
    # Of a long list of likes YouTube shows a part alone: what is not in it is not gone.
    streams = (
        Stream(name="likes", type="favorite", path="/youtube/v3/videos", params=_params("snippet", myRating="like"), order="newest", whole=False, every=HOUR, **_PAGES),
        Stream(name="subscriptions", type="favorite", path="/youtube/v3/subscriptions", params=_params("snippet", mine="true", order="alphabetical"), every=DAY, **_PAGES),
        Stream(name="playlists", type="link", path="/youtube/v3/playlists", params=_params("snippet", mine="true"), every=DAY, **_PAGES),
        Stream(name="playlist-items", type="link", path="/youtube/v3/playlistItems", params=_params("snippet,contentDetails"), every=DAY, **_PAGES),
        Stream(
            name="activities", type="event", path="/youtube/v3/activities", params=_params("snippet,contentDetails", mine="true"), order="newest", whole=False,
            since=Since(param="publishedAfter", path="snippet.publishedAt", kind="iso", overlap=DAY), every=HOUR, **_PAGES,
        ),
    )  # fmt: skip

    def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        whole, channel = super().fetch, session.options.get("channel")
        if stream.name != "playlist-items":
            found = _of(stream, channel)
            return whole(session, found, walk) if found else nothing()
        playlists = _of(next(one for one in self.streams if one.name == "playlists"), channel) or stream
        return each_list(session, stream, walk, lists=lambda: keys_of(whole(session, playlists, Walk())), fetch=whole, param="playlistId")

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        entry = obj(entry)
        key = resource_key(entry) if stream.type == "favorite" else text(entry.get("id"))
        if key is None:
            return Problem(stream.name, "entry", f"no {text(entry.get('kind')) or 'resource'} with an id")
        # The etag is the answer's and changes by itself.
        return Item(stream.type, key, {name: value for name, value in entry.items() if name != "etag"})

    def judge(self, answer: Answer) -> LockerError | None:
        if is_quiet(answer, b'"error"'):
            return None
        error = obj(said(answer).get("error"))
        reasons = {text(one.get("reason")) for one in (*objs(error.get("errors")), *objs(error.get("details")))}
        message = f"YouTube says: {text(error.get('message')) or answer.status}"
        if reasons & _EXHAUSTED:
            return LimitReached(f"{message} (the quota of the day is used up)", after=_until_midnight(answer))
        if reasons & _HURRIED:
            return LimitReached(message, after=60)
        return Unauthorized(f"{message}; connect again") if reasons & _REFUSED else None

    def map(self, type: str, body: Body) -> Body | None:
        if type == "favorite":
            return map_favorite(body)
        if type == "link":
            return _link(body)
        snippet = obj(body.get("snippet"))
        return known(
            title=text(snippet.get("title")),
            description=text(snippet.get("description")),
            start=moment(snippet.get("publishedAt")),
            url=_watched(body),
            organizer=text(snippet.get("channelTitle")),
            kind=text(snippet.get("type")),
        )


def _of(stream: Stream, channel: str | None) -> Stream | None:
    """The same list of a channel, if one is named; None if only its owner can see it."""
    if not channel:
        return stream
    params = {name: value for name, value in stream.params.items() if name != "mine"}
    return replace(stream, params={**params, "channelId": channel}) if "mine" in stream.params else None


def _link(body: Body) -> Body | None:
    snippet = obj(body.get("snippet"))
    video, list = (
        text(obj(snippet.get("resourceId")).get("videoId"), obj(body.get("contentDetails")).get("videoId")),
        text(snippet.get("playlistId")),
    )
    id = list or text(body.get("id"))
    return known(
        url=f"{_SITE}/watch?v={video}" if video else f"{_SITE}/playlist?list={id}" if id else None,
        title=text(snippet.get("title")),
        description=text(snippet.get("description")),
        author=text(snippet.get("videoOwnerChannelTitle")) if video else text(snippet.get("channelTitle")),
        folder=list if video else None,
        created=moment(snippet.get("publishedAt")),
        kind="video" if video else "playlist",
    )


def _watched(body: Body) -> str | None:
    """What an activity was about: a video, a channel or a playlist."""
    for one in obj(body.get("contentDetails")).values():
        about = {**obj(one), **obj(obj(one).get("resourceId"))}
        if video := text(about.get("videoId")):
            return f"{_SITE}/watch?v={video}"
        if channel := text(about.get("channelId")):
            return f"{_SITE}/channel/{channel}"
    return None


def _until_midnight(answer: Answer) -> float:
    """Seconds until the quota is there again: at midnight in California, which is 8:00 UTC (in summer an hour before that)."""
    try:
        now = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return HOUR
    midnight = now.replace(hour=8, minute=0, second=0) + timedelta(days=now.hour >= 8)
    return (midnight - now).total_seconds()
