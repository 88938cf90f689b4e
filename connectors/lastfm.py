"""
Fetches scrobbles and loved tracks from Last.fm's API.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from locker.connector import (
    DAY,
    Answer,
    ApiKey,
    Authorisation,
    Body,
    Fetching,
    Item,
    Option,
    Pace,
    Page,
    PageNumber,
    Problem,
    Session,
    Since,
    Stream,
    Walk,
)
from locker.error import Fatal, LimitReached, LockerError, Retriable, Skippable, Unauthorized

from ._lastfm import from_xml
from ._loose import known, number, obj, objs, text
from ._moment import moment

_REFUSED = {4, 9, 10, 13, 14, 15}
_UNWELL = {8, 11, 16}
_HIDDEN = {7, 17, 18}
_ONLY_GET = (404, 405)


def _call(method: str) -> dict[str, str]:
    return {"method": method, "user": "{username}", "format": "json"}


def _pages(list: str, size: int) -> PageNumber:
    return PageNumber(param="page", size_param="limit", size=size, pages=f'{list}."@attr".totalPages')


class Lastfm(Fetching):
    """Every play (an event under its second and its track) and every loved track (a favorite under its address), as the API's JSON has them.

    Servers that answer in XML are understood as well.  What is playing right now comes with the next look, when it has a time.
    """

    name = "lastfm"
    types = ("event", "favorite")
    title = "Last.fm"
    base_url = "https://ws.audioscrobbler.com"
    auth: ClassVar[tuple[Authorisation, ...]] = (ApiKey(param="api_key", help="last.fm/api/account/create"),)
    asks = (Option(name="username", help="whose plays, as in last.fm/user/RJ", required=True, account=True),)
    # "No more than five requests per second"; when it is too much, an error in the body says so.
    pace = Pace(requests=300, seconds=60, per="client")
    streams = (
        Stream(
            name="scrobbles", type="event", path="/2.0/", params=_call("user.getRecentTracks"), items="recenttracks.track || recenttracks && `[]`",
            paging=_pages("recenttracks", 200), order="newest", since=Since(param="from", path="date.uts", kind="epoch", overlap=DAY), sweep=30 * DAY,
        ),
        Stream(
            name="loved", type="favorite", path="/2.0/", params=_call("user.getLovedTracks"), items="lovedtracks.track || lovedtracks && `[]`",
            paging=_pages("lovedtracks", 1000), order="newest",
        ),
    )  # fmt: skip

    def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        return super().fetch(_Posting(session), stream, walk)

    def document(self, answer: Answer) -> Any:
        return from_xml(answer.body) if answer.body.lstrip()[:1] == b"<" else answer.json()

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        track = obj(entry)
        title, at = text(track.get("name")), text(obj(track.get("date")).get("uts"))
        if at is None and stream.type == "event" and obj(track.get("@attr")).get("nowplaying"):
            return None
        if title is None or (at is None and stream.type == "event"):
            return Problem(stream.name, "entry", "no track with a name and a time")
        key = text(track.get("url")) or f"{_artist(track)} {title}"
        return Item(stream.type, f"{at} {_artist(track)} {title}" if stream.type == "event" else key, track)

    def judge(self, answer: Answer) -> LockerError | None:
        start = answer.body[:200]
        if b'"error"' not in start and b'status="failed"' not in start:
            return None
        try:
            found = obj(self.document(answer))
        except Retriable:
            return None
        error = obj(found.get("error"))
        code = number(found.get("error"), error.get("code"))
        if code is None:
            return None
        message = f"Last.fm says: {text(found.get('message'), error.get('#text')) or 'it failed'} ({code})"
        if code in _REFUSED:
            return Unauthorized(f"{message}; give a key of last.fm/api/account/create")
        if code in _UNWELL:
            return Retriable(message)
        if code == 29:
            return LimitReached(message, after=60)
        return Skippable(message) if code in _HIDDEN else Fatal(message)

    def map(self, type: str, body: Body) -> Body | None:
        artist, title, at = _artist(body), text(body.get("name")), obj(body.get("date"))
        album, when = _named(body.get("album")), moment(at.get("uts")) or moment(at.get("#text"))
        url = text(body.get("url"))
        if type == "event":
            return known(title=" – ".join(filter(None, (artist, title))), description=album, start=when, url=url, kind="listen")
        pictures = [text(one.get("#text")) for one in objs(body.get("image"))]
        return known(
            url=url, title=title, description=album, author=artist, kind="track", created=when, thumbnail=next(filter(None, pictures), None)
        )


class _Posting:
    """A session that posts a form where it is asked to get, as Last.fm's clients do; it takes both.

    A server of the same kind that only lets itself be asked (404 or 405 to a form) is asked.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def get(
        self, url: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, *, accept: Sequence[int] = ()
    ) -> Answer:
        form = {**(headers or {}), "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(params or {}).encode()
        answer = await self._session.request("POST", url, headers=form, body=body, accept=(*accept, *_ONLY_GET))
        return await self._session.get(url, params, headers, accept=accept) if answer.status in _ONLY_GET else answer


def _artist(track: Body) -> str | None:
    return _named(track.get("artist"))


def _named(value: Any) -> str | None:
    """A name: alone, as an element's text, or as an object's member."""
    return text(value, obj(value).get("name"), obj(value).get("#text"))
