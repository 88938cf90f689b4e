"""
Fetches saved tracks, albums and shows, followed artists, playlists and what was played from Spotify's Web API.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import unquote

from locker.connector import (
    DAY,
    HOUR,
    Authorisation,
    Bearer,
    Body,
    Fetching,
    Item,
    NextUrl,
    OAuth2,
    Option,
    Pace,
    Page,
    Problem,
    Session,
    Stream,
    Walk,
    Who,
)

from ._each_list import each_list, keys_of
from ._fetched import nothing
from ._loose import known, obj, objs, text, texts
from ._moment import moment

_PAGES: dict[str, Any] = {"items": "items", "paging": NextUrl(path="next", size_param="limit", size=50)}


class Spotify(Fetching):
    """Each entry as the API gives it, without what changes by itself (markets, popularity, followers).

    What is saved or followed is a favorite under its ``spotify:`` address, a playlist is a link, an entry of one a link in that folder, a play an event
    under its moment.  Spotify tells only the last fifty plays: look often.
    """

    name = "spotify"
    types = ("favorite", "link", "event")
    title = "Spotify"
    passing = frozenset(("available_markets", "popularity", "followers", "preview_url"))
    base_url = "https://api.spotify.com"
    auth: ClassVar[tuple[Authorisation, ...]] = (
        OAuth2(
            authorize="https://accounts.spotify.com/authorize",
            token="https://accounts.spotify.com/api/token",  # noqa: S106 (an address, no secret)
            scopes=(
                "user-library-read",
                "user-read-recently-played",
                "user-follow-read",
                "playlist-read-private",
                "playlist-read-collaborative",
            ),
            client_auth="client_secret_basic",
        ),
        Bearer(help="developer.spotify.com/documentation/web-api > any endpoint > Try it (it lasts an hour)"),
    )
    who = Who(path="/v1/me", facts={"id": "id", "username": "display_name || id"})
    asks = (Option(name="user", help="whose public playlists to fetch instead of one's own things, as in wizzler", account=True),)
    # Counted over 30 seconds, the number is not told; 429 says how long to wait.
    pace = Pace(requests=90, seconds=30, per="client")
    streams = (
        Stream(name="tracks", type="favorite", path="/v1/me/tracks", key="track.uri", order="newest", **_PAGES),
        Stream(name="albums", type="favorite", path="/v1/me/albums", key="album.uri", order="newest", **_PAGES),
        Stream(name="shows", type="favorite", path="/v1/me/shows", key="show.uri", order="newest", every=HOUR, **_PAGES),
        Stream(
            name="artists", type="favorite", path="/v1/me/following", params={"type": "artist"}, items="artists.items", key="uri", every=DAY,
            paging=NextUrl(path="artists.next", size_param="limit", size=50),
        ),
        Stream(name="played", type="event", path="/v1/me/player/recently-played", key="[played_at, track.uri]", order="newest", whole=False, **_PAGES),
        Stream(name="playlists", type="link", path="/v1/me/playlists", every=HOUR, **_PAGES),
        Stream(name="playlist-items", type="link", path="/v1/playlists/<playlist>/tracks", every=DAY, **_PAGES),
    )  # fmt: skip

    def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        whole, playlists = super().fetch, next(one for one in self.streams if one.name == "playlists")
        if session.options.get("user"):
            playlists = replace(playlists, path="/v1/users/{user}/playlists")
            if stream.name not in ("playlists", "playlist-items"):
                return nothing()
        if stream.name == "playlist-items":
            return each_list(session, stream, walk, lists=lambda: keys_of(whole(session, playlists, Walk())), fetch=whole, param="playlist")
        return whole(session, playlists if stream.name == "playlists" else stream, walk)

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        if stream.name != "playlist-items":
            return super().item(stream, entry)
        playlist, track = unquote(stream.path.split("/")[3]), obj(obj(entry).get("track")) or obj(obj(entry).get("item"))
        uri = text(track.get("uri"))
        if uri is None:
            return None  # Spotify no longer has the track, and says so for ever: that is no hole in the list
        return Item(stream.type, f"{playlist}:{uri}:{text(obj(entry).get('added_at')) or ''}", {"playlist": {"id": playlist}, **obj(entry)})

    def map(self, type: str, body: Body) -> Body | None:
        about = next((found for name in ("track", "album", "show", "episode", "item") if (found := obj(body.get(name)))), body)
        title, url, kind = text(about.get("name")), _address(about), text(about.get("type"))
        by = _names(about)
        added = moment(body.get("added_at"))
        if type == "event":
            end, album = moment(body.get("played_at")), text(obj(about.get("album")).get("name"))
            return known(title=" – ".join(filter(None, (by, title))), description=album, start=end, url=url, kind="listen")
        if type == "link":
            folder, author = (
                text(obj(body.get("playlist")).get("id")),
                text(obj(about.get("owner")).get("display_name"), obj(about.get("owner")).get("id")),
            )
            described = text(about.get("description"))
            return known(url=url, title=title, description=described, author=by or author, folder=folder, created=added, kind=kind)
        return known(
            url=url,
            title=title,
            description=text(about.get("description"), obj(about.get("album")).get("name")),
            author=by,
            kind=kind,
            tag=texts(about.get("genres")),
            created=added,
            thumbnail=_picture(about) or _picture(obj(about.get("album"))),
        )


def _address(about: Body) -> str | None:
    return text(obj(about.get("external_urls")).get("spotify"), about.get("uri"))


def _names(about: Body) -> str | None:
    """The artists of a track or an album, the publisher of a show."""
    return ", ".join(name for one in objs(about.get("artists")) if (name := text(one.get("name")))) or text(about.get("publisher"))


def _picture(about: Body) -> str | None:
    """The smallest picture; they are told from the largest down."""
    return text(*(one.get("url") for one in reversed(objs(about.get("images")))))
