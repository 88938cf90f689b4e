"""
Fetches likes, own videos, followed people, the watch-later list and albums from Vimeo's API (version 3.4).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, ClassVar

from locker.connector import DAY, Authorisation, Bearer, Body, Fetching, NextUrl, OAuth2, Option, Pace, Page, Session, Stream, Walk, Who

from ._fetched import nothing
from ._loose import known, obj, objs, text, unique
from ._moment import moment

_ACCEPT = {"Accept": "application/vnd.vimeo.*+json;version=3.4"}
_VIDEO = (
    "uri,resource_key,name,description,type,link,duration,width,height,language,created_time,modified_time,release_time,content_rating,license,privacy,"
    "pictures.sizes,tags.name,categories.name,categories.link,status,user.uri,user.name,user.link,metadata.interactions.like,metadata.interactions.watchlater"
)
_PERSON = "uri,resource_key,name,link,location,bio,created_time,account,pictures.sizes,websites"
_ALBUM = "uri,resource_key,name,description,link,duration,created_time,modified_time,privacy,user.uri,user.name,user.link"


def _list(fields: str) -> dict[str, Any]:
    """How a list is asked for: only for fields that last, which Vimeo also rewards with a higher limit."""
    paging = NextUrl(path="paging.next", size_param="per_page", size=100)
    return {"params": {"fields": fields}, "headers": _ACCEPT, "items": "data", "key": "uri", "paging": paging}


class Vimeo(Fetching):
    """Each video, person and album as the API gives it (without play counts); the key is its ``uri`` (``/videos/219689930``)."""

    name = "vimeo"
    types = ("favorite", "post", "contact", "link")
    title = "Vimeo"
    base_url = "https://api.vimeo.com"
    auth: ClassVar[tuple[Authorisation, ...]] = (
        OAuth2(
            authorize="https://api.vimeo.com/oauth/authorize",
            token="https://api.vimeo.com/oauth/access_token",  # noqa: S106 (an address, no secret)
            device="https://api.vimeo.com/oauth/device",
            scopes=("public", "private"),
            client_auth="client_secret_basic",
            pkce=False,
        ),
        Bearer(help="developer.vimeo.com/apps > your app > Generate an access token, with the scopes public and private"),
    )
    who = Who(path="/me", facts={"id": "uri", "username": "name"}, headers=_ACCEPT)
    asks = (Option(name="user", help="whose public lists, as in staff; without it those of the account", account=True),)
    pace = Pace(requests=100, seconds=900, reset_as="date")
    streams = (
        Stream(name="likes", type="favorite", path="/me/likes", order="newest", **_list(_VIDEO)),
        Stream(name="videos", type="post", path="/me/videos", order="newest", **_list(_VIDEO)),
        Stream(name="following", type="contact", path="/me/following", every=DAY, **_list(_PERSON)),
        Stream(name="watchlater", type="link", path="/me/watchlater", order="newest", **_list(_VIDEO)),
        Stream(name="albums", type="link", path="/me/albums", every=DAY, **_list(_ALBUM)),
    )

    def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        user = session.options.get("user")
        if user and stream.name == "watchlater":
            return nothing()
        return super().fetch(session, replace(stream, path=stream.path.replace("/me", "/users/{user}")) if user else stream, walk)

    def map(self, type: str, body: Body) -> Body | None:
        if type == "contact":
            return _person(body)
        shared = known(
            # Before version 3, which had names of its own.
            url=text(body.get("link"), body.get("url")) or _watched(body),
            title=text(body.get("name"), body.get("title")),
            author=text(_author(body).get("name"), _author(body).get("display_name")),
            tag=unique(text(tag.get("name"), tag.get("tag")) for tag in objs(body.get("tags"))),
            updated=moment(body.get("modified_time")),
        )
        created = moment(body.get("created_time")) or moment(body.get("created_on")) or moment(body.get("upload_date"))
        described = text(body.get("description"))
        if type == "post":
            privacy = text(obj(body.get("privacy")).get("view"))
            return shared | known(text=described, created=created, kind="video", language=text(body.get("language")), visibility=privacy)
        done = "like" if type == "favorite" else "watchlater"
        since = moment(obj(obj(obj(body.get("metadata")).get("interactions")).get(done)).get("added_time"))
        kind = "album" if "/albums/" in (text(body.get("uri")) or "") else "video"
        by = _author(body)
        about = known(author_url=text(by.get("link")), avatar=_picture(by.get("pictures"))) if type == "favorite" else {}
        return shared | about | known(description=described, created=since or created, kind=kind, thumbnail=_picture(body.get("pictures")))


def _person(body: Body) -> Body:
    page, id = text(body.get("link"), body.get("profileurl")), text(body.get("uri"))
    name = text(body.get("username")) or (page or "").rstrip("/").rpartition("/")[2]
    sites = [text(one.get("link")) for one in objs(body.get("websites"))]
    return known(
        name=text(body.get("name"), body.get("realname"), body.get("display_name")),
        handles=unique([name and f"vimeo:{name}", id and f"vimeo-id:{id.rpartition('/')[2]}"]),
        urls=unique([page, *sites]),
        photos=unique([_picture(body.get("pictures"))]),
        address=[{"text": where}] if (where := text(body.get("location"))) else None,
        bio=text(body.get("bio")),
    )


def _author(body: Body) -> Body:
    return obj(body.get("user")) or obj(body.get("owner"))


def _watched(body: Body) -> str | None:
    id = text(body.get("id"))
    return f"https://vimeo.com/{id}" if id else None


def _picture(pictures: Any) -> str | None:
    """The address of a middling size of a picture, or of an album's first one."""
    sizes = objs(obj(pictures).get("sizes")) or [size for one in objs(pictures) for size in objs(one.get("sizes"))]
    links = unique(text(one.get("link")) for one in sizes)
    return links[min(2, len(links) - 1)] if links else None
